//! Schemes belong to the group or to a unit, and their names are unique there. A unit's scheme may refine a version of one
//! above it; a group's may have come from the stack of another region.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .existing("schemes")
        .drop_unique(&["name"])
        .add_column(unit())
        .add_column(uuid_null("parent_id"))
        .add_column(flag_null("mandatory"))
        .add_column(text_null("origin"))
        .unique_where(&["name"], "unit_id IS NULL")
        .unique(&["unit_id", "name"])
        .index(&["parent_id", "name", "id"]);
    schema
        .existing("scheme_versions")
        .add_column(unit())
        .add_column(uuid_null("parent_id"))
        .add_column(int_null("parent_version"));
    schema
        .table("scheme_withdrawals")
        .columns(&[
            region(),
            unit(),
            uuid("scheme_id"),
            int("version"),
            text("day"),
            text("reason"),
            int_null("superseded_by"),
        ])
        .unique(&["scheme_id", "version"]);
}
