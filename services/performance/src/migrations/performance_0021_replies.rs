//! When the messages of records were written: a row for each version of a record's messages, packed, since millions of them come in a month.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("replies")
        .columns(&[
            region(),
            unit(),
            uuid("account_id"),
            uuid("record_id"),
            int("ordinal"),
            big("started_ms"),
            int("replies"),
            bytes("messages"),
            instant_null("until_at"),
        ])
        .unique(&["record_id", "ordinal"])
        .unique_where(&["record_id"], "until_at IS NULL")
        .index(&["account_id", "started_ms", "record_id"]);
}
