//! Published shifts, unique by person, account and start.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("shifts")
        .columns(&[region(), unit(), uuid("person_id"), uuid("account_id"), instant("start_at"), instant("end_at")])
        .unique(&["person_id", "account_id", "start_at"])
        .index(&["start_at", "id"]);
}
