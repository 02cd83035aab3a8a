//! What every room does that changes access facts: hold the count, change, advance the count.

use tally_access::OpContext;
use tally_kernel::Result;
use tally_kernel::id::TenantId;
use tally_store::UnitOfWork;

use super::store;

pub(crate) use super::store::{begin, hold, read_revision, revision, revision_of};

/// Counts on from the revision that [`hold`] gave, so that every view is compiled anew: the consistency token of the change.
pub(crate) async fn advance(work: &UnitOfWork, ctx: &OpContext, held: u64) -> Result<String> {
    let revision = store::advance(work, ctx, held).await?;
    Ok(consistency_token(ctx.tenant(), revision))
}

/// What a read sends that must see everything up to a revision of the group's access facts.
pub(crate) fn consistency_token(tenant: TenantId, revision: u64) -> String {
    format!("{tenant}.{revision}")
}
