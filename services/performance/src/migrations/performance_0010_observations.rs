//! Values of measures for people, units, accounts, stores and campaigns: a row for each version.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("observations")
        .columns(&[
            region(),
            unit(),
            person(),
            uuid("observation_id"),
            int("ordinal"),
            sorted_text("measure"),
            text("kind"),
            sorted_text("subject"),
            sorted_text("from_day"),
            sorted_text("to_day"),
            big_null("at_ms"),
            big("ended_ms"),
            big("value_micro"),
            text("source"),
            big("revision"),
            bytes("key"),
            instant_null("until_at"),
            text_null("ended"),
            text_null("reason"),
            uuid_null("ended_by"),
        ])
        .unique(&["observation_id", "ordinal"])
        .unique(&["key", "ordinal"])
        .unique_where(&["key"], "until_at IS NULL")
        .index(&["to_day", "id"])
        .index(&["measure", "to_day", "id"])
        .index(&["person_id", "to_day"]);
}
