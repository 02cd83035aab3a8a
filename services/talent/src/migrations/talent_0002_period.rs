//! The last day of the cycle that a piece of evidence comes from. Evidence from before has none, and counts as older.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("evidence").add_column(date_null("last_day"));
}
