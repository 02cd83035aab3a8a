//! As what somebody is employed.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("employments").add_column(text_null("kind"));
}
