//! Where the people of a closed unit went.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("org_unit_states").add_column(uuid_null("into_id"));
}
