//! What others do with second factors.

use tally_access::OpContext;
use tally_kernel::Result;
use tally_kernel::id::PrincipalId;
use tally_store::UnitOfWork;

use super::domain::CodeOutcome;
use super::store;

pub(crate) use super::store::remove;

/// Tries a code against a principal's second factor, and uses it up when it is right.
///
/// # Errors
/// What the store says.
pub(crate) async fn try_code(
    work: &UnitOfWork,
    ctx: &OpContext,
    principal: PrincipalId,
    code: &str,
) -> Result<CodeOutcome> {
    let factor = store::get(work, principal).await?.filter(|factor| factor.confirmed_at.is_some());
    let Some(factor) = factor else { return Ok(CodeOutcome::NotEnrolled) };
    if code.trim().is_empty() {
        return Ok(CodeOutcome::Missing);
    }
    let Some(after) = factor.take(code, ctx.now()) else { return Ok(CodeOutcome::Wrong) };
    store::put(work, ctx, &after).await?;
    Ok(CodeOutcome::Right)
}
