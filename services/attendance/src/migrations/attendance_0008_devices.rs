//! Devices, each of a person or of a seat; and the seats of shifts. What was brought in is unique by device, whose it is and first date.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("shifts").add_column(text_null("seat"));
    schema
        .table("devices")
        .columns(&[
            region(),
            unit(),
            text("device"),
            uuid_null("person_id"),
            text_null("seat"),
            date("from_date"),
            date_null("to_date"),
            uuid_null("correction_id"),
        ])
        .check("owner", "(person_id IS NULL) <> (seat IS NULL)")
        .unique_where(&["device", "person_id", "from_date"], "correction_id IS NULL AND person_id IS NOT NULL")
        .unique_where(&["device", "seat", "from_date"], "correction_id IS NULL AND seat IS NOT NULL");
}
