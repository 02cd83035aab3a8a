//! What would put a finding right.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("findings").add_column(text_null("fix")).index(&["person_id"]);
}
