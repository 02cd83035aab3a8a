//! Accounts, unique by key, and their phases, unique by account and date.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("accounts")
        .columns(&[
            region(),
            unit(),
            text("platform"),
            text("store"),
            text("name"),
            text("key"),
            text("zone"),
            text("team_path"),
            flag("exclusive"),
        ])
        .unique(&["key"]);
    schema
        .table("account_phases")
        .columns(&[region(), uuid("account_id"), date("from_date"), text("kind"), int("capacity")])
        .unique(&["account_id", "from_date"]);
}
