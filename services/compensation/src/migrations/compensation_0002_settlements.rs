//! Settlements, statements and carry books. That three people prepare,
//! approve and post is a rule of the database too.

use tally_access::four_eyes::constraint;
use tally_store::class::Salary;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("settlements")
        .columns(&[
            region(),
            uuid("pool_id"),
            uuid("cycle_id"),
            text("stage"),
            bytes("sums"),
            big("people"),
            text("inputs_digest"),
            uuid("prepared_by"),
            uuid_null("prepared_person"),
            uuid_null("prepared_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            uuid_null("posted_by"),
            uuid_null("posted_person"),
            uuid_null("posted_for"),
        ])
        .sealed::<Salary>("sums")
        .check("approver", &constraint("approved", "prepared"))
        .check("poster", &constraint("posted", "prepared"))
        .check("payer", &constraint("posted", "approved"));
    schema
        .table("statements")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("settlement_id"),
            uuid("cycle_id"),
            text("currency"),
            bytes("line"),
        ])
        .sealed::<Salary>("line")
        .unique(&["settlement_id", "person_id"]);
    schema
        .table("carry_books")
        .columns(&[region(), text("currency"), bytes("book")])
        .sealed::<Salary>("book")
        .unique(&["currency"]);
}
