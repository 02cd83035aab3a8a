//! What claims, devices, replies and tags nearby credit. Nothing in rows from before.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    for column in ["claimed_ppm", "device_ppm", "replies_ppm", "tag_share_ppm"] {
        schema.existing("totals").add_column(big_null(column));
    }
}
