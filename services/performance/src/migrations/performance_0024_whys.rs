//! What told the people of a record apart, packed beside its shares. Nothing in rows from before, and of records that one piece of evidence
//! decides.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("credits").add_column(bytes_null("why"));
}
