//! Hand-overs, unique by account, person, instant and kind.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("handovers")
        .columns(&[region(), unit(), uuid("person_id"), uuid("account_id"), instant("at"), text("kind")])
        .unique(&["account_id", "person_id", "at", "kind"])
        .index(&["at", "id"]);
}
