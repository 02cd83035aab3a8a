//! Since when somebody asks for a new password.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("principals").add_column(instant_null("reset_asked_at"));
}
