//! Whether a run was frozen by the days of its accounts alone: nothing of those from before.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("attribution_runs").add_column(text_null("days"));
}
