//! Where records were served, and which devices their messages name: which ones are used is asked before either is read.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("records").add_column(text_null("device"));
    schema.existing("record_versions").add_column(text_null("device"));
    schema.existing("replies").add_column(text_null("devices"));
}
