//! What a run reckons amounts in other currencies with.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("attribution_runs").add_column(text_null("money"));
}
