//! What happens to people while they are employed: leaves, reporting lines; and the group's positions and grades.

use tally_store::class::Medical;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    leaves(schema);
    lines(schema);
    catalogue(schema);
}

fn leaves(schema: &mut Schema) {
    schema
        .table("leaves")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("leave_id"),
            date("valid_from"),
            date_null("valid_to"),
            instant_null("superseded_at"),
            bytes_null("why"),
        ])
        .sealed::<Medical>("why")
        .index(&["person_id", "valid_from"]);
}

fn lines(schema: &mut Schema) {
    schema
        .table("reporting_lines")
        .columns(&[
            region(),
            uuid("unit_id"),
            uuid("person_id"),
            uuid("manager_id"),
            uuid("line_id"),
            text("kind"),
            date("valid_from"),
            date_null("valid_to"),
            instant_null("superseded_at"),
        ])
        .index(&["person_id"])
        .index(&["manager_id"])
        .index(&["line_id"]);
}

fn catalogue(schema: &mut Schema) {
    schema
        .table("catalogue_entries")
        .columns(&[
            region(),
            uuid("entry_id"),
            text("kind"),
            text("code"),
            text("title"),
            int("rank"),
            date("valid_from"),
            date_null("valid_to"),
            instant_null("superseded_at"),
        ])
        .index(&["kind", "code"]);
}
