//! The last day of the month on what is of a month, so that a unit that moved is looked for where it hung then.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    for table in ["cards", "cycle_people", "totals", "findings"] {
        schema.existing(table).add_column(text_null("day"));
    }
}
