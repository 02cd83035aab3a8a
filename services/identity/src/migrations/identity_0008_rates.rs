//! Rates of exchange. Of what was said of two currencies and a day, one row counts.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("exchange_rates")
        .columns(&[
            region(),
            text("base"),
            text("quote"),
            text("rate"),
            date("valid_from"),
            text("source"),
            instant_null("superseded_at"),
        ])
        .unique_where(&["base", "quote", "valid_from"], "superseded_at IS NULL");
}
