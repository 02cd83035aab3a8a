//! Wrong passwords are a token bucket, of which only the instant is kept at which it is full again.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("sign_in_tries").rename_column("blocked_until", "full_at").drop_column("failures");
}
