//! A pool is paid once: a rule of the database too, since two people may post two settlements of it at the same moment.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("settlements").unique_where(&["pool_id"], "stage = 'posted'");
}
