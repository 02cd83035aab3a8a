//! Service records. The natural key is the primary key, and instants are milliseconds: a month of a million records is
//! written and read in seconds.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("records")
        .key(&["account_id", "external_id"])
        .columns(&[
            uuid("account_id"),
            sorted_text("external_id"),
            uuid("id"),
            region(),
            unit(),
            big("started_ms"),
            big("ended_ms"),
            text("agent"),
            text("kind"),
            big_null("first_reply_ms"),
            flag_null("resolved"),
            int_null("rating_milli"),
            big_null("amount_minor"),
            text("customer"),
            text_null("measures"),
            bytes("content"),
            instant("recorded_at"),
        ])
        .index(&["account_id", "started_ms", "external_id"]);
}
