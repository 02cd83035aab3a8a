//! Who contributed what to a record.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("records").add_column(text_null("contributors"));
    schema.existing("record_versions").add_column(text_null("contributors"));
}
