//! Records have versions: the number by which the sender tells them apart, what a record said before, and which records an
//! import or a correction touched.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .existing("records")
        .add_column(big_null("revision"))
        .add_column(text_null("currency"))
        .add_column(text_null("refers_to"))
        // Refunds are few, and found by what they refer to; an index over all records would cost every import.
        .unique_where(&["account_id", "refers_to", "external_id"], "refers_to IS NOT NULL");
    versions(schema);
    schema
        .table("record_changes")
        .columns(&[region(), unit(), uuid("account_id"), text("what"), int("records"), big("from_ms"), big("to_ms")])
        .index(&["recorded_at", "id"]);
}

/// What a record was from `recorded_at` until `until_at`.
fn versions(schema: &mut Schema) {
    schema
        .table("record_versions")
        .columns(&[
            region(),
            unit(),
            uuid("account_id"),
            sorted_text("external_id"),
            uuid("record_id"),
            int("ordinal"),
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
            text_null("currency"),
            text_null("refers_to"),
            big_null("revision"),
            bytes("content"),
            instant("until_at"),
            text("ended"),
            text("reason"),
            uuid("ended_by"),
        ])
        .unique(&["record_id", "ordinal"])
        .index(&["account_id", "external_id"])
        .index(&["account_id", "started_ms", "external_id"]);
}
