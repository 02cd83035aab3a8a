//! What was over when the group had a kind of data kept longer.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("retentions").add_column(instant_null("removed_before")).add_column(instant_null("raised_at"));
}
