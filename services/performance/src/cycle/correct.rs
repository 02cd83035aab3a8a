//! Correcting what is published: a cycle of its own beside the one that it corrects, over the facts as they are now.

use tally_access::OpContext;
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{CycleId, PersonId};
use tally_kernel::time::Period;
use uuid::Uuid;

use super::domain::{Corrects, Cycle, CycleError};
use super::store::results;
use super::{attempt, population, store};
use crate::policy::CorrectCycle;
use crate::{App, scheme};

/// What a correction is made of, and so has to be kept still: kinds of the retention schedule.
const MADE_OF: [&str; 3] = ["attendance.duty", "performance.records", "performance.results"];

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
    kept(app, ctx, named.period).await?;
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

/// Whether all is kept still that the days are made of: what is removed would be missing without a word.
async fn kept(app: &App, ctx: &OpContext, period: Period) -> Result<()> {
    let terms = tally_privacy::terms(&app.peers.identity, ctx).await?;
    let from = period.instants(&jiff::tz::TimeZone::UTC)?.start;
    for kind in MADE_OF {
        // Where somebody is on hold, what tells of others is removed nevertheless.
        let over = terms.over(kind, PersonId(Uuid::nil()), ctx.now())?;
        if let Some(over) = over.filter(|over| from < *over) {
            return Err(CycleError::Purged(jiff::tz::TimeZone::UTC.to_datetime(over).date()).into());
        }
    }
    Ok(())
}
