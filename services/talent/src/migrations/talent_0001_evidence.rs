//! Evidence on people's profiles: a cycle says each thing about a person once.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("evidence")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            uuid("cycle_id"),
            text("kind"),
            text("subject"),
            big("value_micro"),
        ])
        .unique(&["cycle_id", "person_id", "kind", "subject"])
        .index(&["person_id", "recorded_at"]);
}
