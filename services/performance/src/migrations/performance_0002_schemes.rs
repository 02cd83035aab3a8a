//! Schemes and their versions, which never change.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("schemes").columns(&[region(), sorted_text("name"), int("newest")]).unique(&["name"]);
    schema
        .table("scheme_versions")
        .columns(&[region(), uuid("scheme_id"), int("version"), text("body")])
        .unique(&["scheme_id", "version"]);
}
