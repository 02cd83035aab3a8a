//! The scheme of the cycle that a piece of evidence comes from: scores of one scheme alone are compared. Evidence from before has none.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("evidence").add_column(uuid_null("scheme_id"));
}
