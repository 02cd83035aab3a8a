//! The register of what leaves the region, and cells: those of its reports, and those that other regions told. That two
//! people prepare and approve is a rule of the database too.

use tally_access::four_eyes::constraint;
use tally_store::class::Members;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("transfers")
        .columns(&[
            region(),
            text("kind"),
            text("to_region"),
            text("purpose"),
            text("legal_basis"),
            text("month"),
            int("items"),
            text("stage"),
            text_null("entries"),
            uuid("prepared_by"),
            uuid_null("prepared_person"),
            uuid_null("prepared_for"),
            uuid_null("approved_by"),
            uuid_null("approved_person"),
            uuid_null("approved_for"),
            instant_null("approved_at"),
            uuid_null("released_by"),
            uuid_null("released_person"),
            uuid_null("released_for"),
            instant_null("released_at"),
            uuid_null("dropped_by"),
            uuid_null("dropped_person"),
            uuid_null("dropped_for"),
            instant_null("dropped_at"),
            text_null("drop_reason"),
        ])
        .check("approver", &constraint("approved", "prepared"))
        .check("approved", "released_at IS NULL OR approved_by IS NOT NULL")
        .check("dropped", "dropped_at IS NULL OR released_at IS NULL");
    schema
        .table("report_cells")
        .columns(&[
            region(),
            uuid("transfer_id"),
            text("from_region"),
            text("month"),
            uuid("unit_id"),
            uuid_null("parent_id"),
            text("name"),
            int("people"),
            big("credited_ppm"),
            big("mean_score"),
            bytes_null("members"),
            instant_null("released_at"),
        ])
        .sealed::<Members>("members")
        .check("people", "people >= 5")
        .unique(&["transfer_id", "unit_id", "region"])
        .index(&["from_region", "month"]);
}
