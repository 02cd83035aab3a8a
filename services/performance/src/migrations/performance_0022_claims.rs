//! Who said with a click that a dialogue is theirs: a row for each claim, which stays when it is withdrawn.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("claims")
        .columns(&[
            region(),
            unit(),
            person(),
            uuid("account_id"),
            big("at_ms"),
            text("external_id"),
            text("customer"),
            bytes("key"),
            instant_null("until_at"),
            text_null("reason"),
            uuid_null("ended_by"),
        ])
        .unique(&["key"])
        .index(&["account_id", "at_ms", "id"])
        .index(&["person_id", "at_ms"]);
}
