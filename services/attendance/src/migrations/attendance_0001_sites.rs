//! Sites, unique by name.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("sites").columns(&[region(), text("name"), text("zone"), text("cut_over")]).unique(&["name"]);
}
