//! What one person did, and what one account is planned for, is read without what others did.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("handovers").index(&["person_id", "at", "id"]);
    schema.existing("shifts").index(&["account_id", "start_at", "id"]);
}
