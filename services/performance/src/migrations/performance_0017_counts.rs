//! What a run counted of records before it read them.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.table("run_counts").columns(&[uuid("run_id"), text("body")]).unique(&["run_id"]);
}
