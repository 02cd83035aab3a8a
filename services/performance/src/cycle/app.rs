//! Making, closing, watching, cancelling and publishing cycles. Closing only puts the work down; `closing` does it.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tally_access::{OpContext, Region, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::CycleId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, WorkOrder, digest};
use tracing::Instrument as _;
use uuid::Uuid;

use super::domain::{Cycle, NewCycle, State, Step};
use super::event::cycle_published;
use super::step::{Job, Task};
use super::store;
use crate::policy::{CancelCycle, CloseCycle, CreateCycle, GetCycle, ListCycles, PublishCycle, WatchCycle};
use crate::{App, scheme};

/// How often a watched cycle is looked at: another replica may be the one that works on it.
const LOOK: Duration = Duration::from_millis(200);

/// The whole group: cycles are of the group.
fn group() -> Target {
    Target::region(Region::global())
}

/// What two versions of a cycle are told apart by in the audit log.
fn commitment(cycle: &Cycle) -> Result<[u8; 32]> {
    Ok(digest(&serde_json::to_vec(cycle).map_err(Error::internal)?))
}

pub async fn create_cycle(app: &App, ctx: &OpContext, request: &RequestKey, new: NewCycle) -> Result<Cycle> {
    let permit = ctx.permit::<CreateCycle>(&group())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let wanted = (new.scheme, new.scheme_version);
        let (scheme_version, _) = scheme::facts::usable(&work, wanted.0, wanted.1, new.period.to()).await?;
        let cycle = Cycle {
            id: CycleId(ctx.new_id()),
            name: new.name.clone(),
            period: new.period,
            scheme: new.scheme,
            scheme_version,
            policy: new.policy.clone(),
            state: State::Open,
            run: None,
            done: 0,
            total: 0,
            step: Step::Rest,
            failure: None,
            summary: None,
            version: 1,
        };
        store::insert(&work, ctx, &cycle).await?;
        let audit = Audit::new("performance.cycle.write", "cycle", cycle.id).after(&commitment(&cycle)?);
        Ok((work, audit, cycle))
    })
    .await
}

/// Starts closing: the answer comes at once, the work goes on.
pub async fn close_cycle(app: &App, ctx: &OpContext, request: &RequestKey, id: CycleId) -> Result<Cycle> {
    let permit = ctx.permit::<CloseCycle>(&group())?;
    let closing = mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let (was, old, run) = (commitment(&before)?, before.run, ctx.new_id());
        let after = before.close(run)?;
        store::save(&work, &after).await?;
        let collect = Job { cycle: id, run, task: Task::Collect }.order();
        work.enqueue_work(old.map(|old| discard(id, old)).into_iter().chain([collect])).await?;
        let audit = Audit::new("performance.cycle.close", "cycle", id).before(&was).after(&commitment(&after)?);
        Ok((work, audit.note("run", run), after))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(closing)
}

fn discard(cycle: CycleId, run: Uuid) -> WorkOrder {
    Job { cycle, run, task: Task::Discard }.order()
}

/// Stops closing; what was done is thrown away.
pub async fn cancel_cycle(app: &App, ctx: &OpContext, request: &RequestKey, id: CycleId) -> Result<Cycle> {
    let permit = ctx.permit::<CancelCycle>(&group())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let (was, run) = (commitment(&before)?, before.run);
        let after = before.cancel()?;
        store::save(&work, &after).await?;
        work.enqueue_work(run.map(|run| discard(id, run))).await?;
        let audit = Audit::new("performance.cycle.cancel", "cycle", id).before(&was).after(&commitment(&after)?);
        Ok((work, audit, after))
    })
    .await
}

/// Makes the result known to everybody, and to other services.
pub async fn publish_cycle(app: &App, ctx: &OpContext, request: &RequestKey, id: CycleId) -> Result<Cycle> {
    let permit = ctx.permit::<PublishCycle>(&group())?;
    mutate(&app.store, ctx, &permit, request, async |mut work| {
        let before = store::lock(&work, id).await?;
        let was = commitment(&before)?;
        let after = before.publish()?;
        store::save(&work, &after).await?;
        let summary = after.summary.clone().unwrap_or_default();
        work.emit(cycle_published(&after, &summary)?);
        let audit = Audit::new("performance.cycle.publish", "cycle", id).before(&was).after(&commitment(&after)?);
        Ok((work, audit.note("digest", &summary.digest), after))
    })
    .await
}

pub async fn get_cycle(app: &App, ctx: &OpContext, id: CycleId) -> Result<Cycle> {
    let plan = ctx.plan::<GetCycle>()?;
    let tx = app.store.read(ctx).await?;
    store::find(&tx, &plan, id).await
}

/// A page of cycles, newest first.
pub async fn list_cycles(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Cycle>, String)> {
    let plan = ctx.plan::<ListCycles>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}

/// The cycle now, and again whenever it has changed, until it rests.
pub async fn watch_cycle(
    app: &App,
    ctx: &OpContext,
    id: CycleId,
) -> Result<impl Stream<Item = Result<Cycle>> + Send + use<>> {
    let plan = ctx.plan::<WatchCycle>()?;
    let first = { store::find(&*app.store.read(ctx).await?, &plan, id).await? };
    let (app, ctx) = (app.clone(), ctx.clone());
    let states = futures::stream::unfold(Some((None::<Cycle>, first)), move |state| {
        let (app, ctx) = (app.clone(), ctx.clone());
        async move {
            let (told, next) = state?;
            if told.as_ref().is_none_or(|told| *told != next) {
                let after = (!next.state.rests()).then(|| (Some(next.clone()), next.clone()));
                return Some((Ok(Some(next)), after));
            }
            tokio::time::sleep(LOOK).await;
            let looked = async { store::load(&*app.store.read(&ctx).await?, id).await };
            match looked.instrument(tally_rpc::looking()).await {
                Ok(now) => Some((Ok(None), Some((told, now)))),
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    Ok(states.filter_map(|state| futures::future::ready(state.transpose())))
}
