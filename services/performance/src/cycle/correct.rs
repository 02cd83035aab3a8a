//! Correcting what is published: a cycle of its own beside the one that it corrects, over the facts as they are now.

use tally_access::OpContext;
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::CycleId;

use super::domain::{Corrects, Cycle, CycleError};
use super::store::results;
use super::{attempt, population, store};
use crate::policy::CorrectCycle;
use crate::{App, scheme};

/// Starts correcting a published cycle: who is in is settled anew, the answer comes at once, the work goes on. A correction that is there
/// and not published starts again, as it says.
pub async fn correct_cycle(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: CycleId,
    reason: &str,
    scheme_version: u32,
) -> Result<Cycle> {
    let (named, permit) = attempt::changeable::<CorrectCycle>(app, ctx, id).await?;
    let of = named.corrects.as_ref().map_or(id, |corrects| corrects.cycle);
    if let Some(gone) = attempt::removed(app, ctx, &named, Some(of)).await? {
        return Err(CycleError::Purged(gone.day, gone.kind).into());
    }
    let people = population::of(app, ctx, &named).await?;
    if people.as_ref().is_some_and(Vec::is_empty) {
        return Err(CycleError::Empty.into());
    }
    let closing = mutate(&app.store, ctx, &permit, request, async |work| {
        let published = store::lock(&work, of).await?;
        let last = results::versions(&work, published.clone()).await?.pop().unwrap_or_else(|| published.clone());
        let by = match scheme_version {
            0 => last.scheme_version,
            asked => scheme::facts::usable(&work, published.scheme, asked, published.period.to()).await?.0,
        };
        let correction = published.corrected(CycleId(ctx.new_id()), reason, by)?;
        let correction = match results::underway(&work, of).await? {
            Some(there) => {
                let corrects = Corrects { cycle: of, reason: reason.to_owned() };
                there.asked_again(corrects, (scheme_version > 0).then_some(by))?
            }
            None => {
                store::insert(&work, ctx, &correction).await?;
                correction
            }
        };
        let (closing, audit) = attempt::close(&work, ctx, correction, people.as_deref(), None).await?;
        Ok((work, audit.note("corrects", of), closing))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(closing)
}
