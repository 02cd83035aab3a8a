//! The last day of the cycle on what pays for it, so that a unit that moved is looked for where it hung then.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    for table in ["pools", "settlements", "statements", "pay_corrections", "pay_deltas", "adjustments"] {
        schema.existing(table).add_column(date_null("last_day"));
    }
}
