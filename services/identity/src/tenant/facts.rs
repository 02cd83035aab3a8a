//! What others read of the group, and of the names that lead to groups.

use jiff::civil::Date;
use tally_access::OpContext;
use tally_kernel::Result;
use tally_store::ScopedTx;

use super::store;

pub(crate) use super::store::{GROUP, enter, entry, get, leave, look_up, tenants};
pub use super::store::{places_of, regions_of_groups, was_made};

pub(crate) async fn today(tx: &ScopedTx, ctx: &OpContext) -> Result<Date> {
    store::get(tx).await?.day(ctx.now())
}
