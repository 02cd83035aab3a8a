//! When a settlement was approved and posted; nothing of those from before. A person's statements are read without those of others.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("settlements").add_column(instant_null("approved_at")).add_column(instant_null("posted_at"));
    schema.existing("statements").index(&["person_id", "id"]);
}
