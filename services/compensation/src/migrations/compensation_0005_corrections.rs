//! What was put right after it was posted, everybody's delta of it, and what settlements take of the deltas. That other hands approve a
//! correction, that a settlement has one draft of a correction at most and that a delta is in one open settlement at most are
//! rules of the database too.

use tally_access::four_eyes::constraint;
use tally_store::class::Salary;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("pay_corrections")
        .columns(&[
            region(),
            unit(),
            uuid("settlement_id"),
            uuid("cycle_id"),
            big("number"),
            big("cards_version"),
            text("stage"),
            bytes("reckoned"),
            big("people"),
            text("inputs_digest"),
            uuid("drafted_by"),
            uuid_null("drafted_person"),
            uuid_null("drafted_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            instant_null("approved_at"),
            uuid_null("withdrawn_by"),
            uuid_null("withdrawn_person"),
            uuid_null("withdrawn_for"),
            instant_null("withdrawn_at"),
        ])
        .sealed::<Salary>("reckoned")
        .unique(&["settlement_id", "number"])
        .unique_where(&["settlement_id"], "stage = 'draft'")
        .check("approver", &constraint("approved", "drafted"))
        .check("approved", "stage <> 'approved' OR approved_by IS NOT NULL");
    schema
        .table("pay_deltas")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("correction_id"),
            uuid("settlement_id"),
            uuid("cycle_id"),
            text("currency"),
            text("stage"),
            uuid_null("held_by"),
            instant_null("approved_at"),
            bytes("owed"),
        ])
        .sealed::<Salary>("owed")
        .unique(&["correction_id", "person_id"])
        .check("held", "(stage = 'held') = (held_by IS NOT NULL)")
        .index(&["person_id", "recorded_at", "id"])
        .index(&["stage", "approved_at"]);
    schema
        .table("adjustments")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("settlement_id"),
            uuid("delta_id"),
            text("stage"),
            bytes("amounts"),
            instant_null("ended_at"),
        ])
        .sealed::<Salary>("amounts")
        .unique(&["settlement_id", "delta_id"])
        .unique_where(&["delta_id"], "stage = 'held'")
        .index(&["delta_id", "id"]);
}
