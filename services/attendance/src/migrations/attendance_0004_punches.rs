//! Punches, unique by person, instant and kind.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("punches")
        .columns(&[
            region(),
            unit(),
            uuid("person_id"),
            instant("at"),
            text("kind"),
            text("verdict"),
            instant_null("device_at"),
        ])
        .unique(&["person_id", "at", "kind"])
        .index(&["at", "id"])
        // A narrow scope reads its own punches instead of walking everybody's.
        .index(&["unit_id", "at", "id"]);
}
