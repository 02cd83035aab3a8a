//! Starting, watching, stopping and listing attribution runs. Starting only puts the work down; `closing` does it.

use std::collections::BTreeSet;

use futures::Stream;
use tally_access::{OpContext, Owner, Target};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_engine::closing::facts::AccountFacts;
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, AttributionRunId, OrgUnitId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result, msg};
use tally_store::{Audit, Store, digest};

use super::domain::{AttributionRun, NewRun, RunError};
use super::facts::{Job, Task};
use super::store;
use crate::policy::{
    CancelAttributionRun, GetAttributionRun, ListAttributionRuns, StartAttributionRun, WatchAttributionRun,
};
use crate::{App, cycle, watch};

/// What two versions of a run are told apart by in the audit log.
fn commitment(run: &AttributionRun) -> Result<[u8; 32]> {
    Ok(digest(&serde_json::to_vec(run).map_err(Error::internal)?))
}

/// Starts a run: the answer comes at once, the work goes on. What schemes read beside the known measures is added up when they do.
pub async fn start_run(app: &App, ctx: &OpContext, request: &RequestKey, new: NewRun) -> Result<AttributionRun> {
    let plan = ctx.plan::<StartAttributionRun>()?;
    let units = Units::of(&app.peers.identity, ctx, Some(new.period.to())).await?;
    let owner = units.owner(new.unit)?;
    let permit = ctx.permit::<StartAttributionRun>(&owner.target().on(new.period.to()))?;
    let accounts = if new.scope.accounts.is_empty() { Vec::new() } else { app.peers.accounts(ctx).await? };
    // One of no unit belongs to its region.
    let mine = |account: &&AccountFacts| match account.unit {
        Some(unit) => within(&units, &owner, unit),
        None => owner.unit().is_none() || plan.covers(&Target::region(account.region.clone())),
    };
    let mine: BTreeSet<AccountId> = accounts.iter().filter(mine).map(|account| account.id).collect();
    let mut v = Violations::new();
    for unit in new.scope.units.iter().filter(|unit| units.get(**unit).is_none() || !within(&units, &owner, **unit)) {
        v.push("run.unit_ids", msg!("UNIT_UNKNOWN_HERE", unit));
    }
    for account in new.scope.accounts.difference(&mine) {
        v.push("run.account_ids", msg!("ACCOUNT_UNKNOWN_HERE", account));
    }
    v.finish(Some(()))?;
    if let Some(gone) = app.kept.removed(ctx, new.period, None, None).await? {
        return Err(RunError::Purged(gone.day, gone.kind).into());
    }
    let started = mutate(&app.store, ctx, &permit, request, async |work| {
        let id = AttributionRunId(ctx.new_id());
        let run = AttributionRun::begin(id, owner.clone(), new.clone(), Vec::new(), ctx.now());
        store::insert(&work, &run).await?;
        work.enqueue_work([Job { attribution: id, task: Task::Collect }.order()]).await?;
        let audit = Audit::new("performance.run.start", "attribution_run", id).after(&commitment(&run)?);
        Ok((work, audit, run))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(started)
}

/// Whether a unit, or the one that it goes on in, lies within whose the run is: of others is not told whether they are there.
fn within(units: &Units, owner: &Owner, unit: OrgUnitId) -> bool {
    units.goes_on_in(unit).is_some() && owner.unit().is_none_or(|own| units.holds(own, unit))
}

/// Stops a run that no cycle waits for; what was done is thrown away.
pub async fn cancel_run(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: AttributionRunId,
) -> Result<AttributionRun> {
    ctx.plan::<CancelAttributionRun>()?;
    let run = { store::load(&*app.store.read(ctx).await?, id).await? };
    let permit = ctx.permit::<CancelAttributionRun>(&run.owner.target().on(run.period.to()))?;
    let stopped = mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        if !cycle::facts::waiting(&work, id).await?.is_empty() {
            return Err(RunError::Awaited.into());
        }
        let was = commitment(&before)?;
        let after = before.cancel()?;
        store::save(&work, &after).await?;
        work.enqueue_work([Job { attribution: id, task: Task::Discard }.order()]).await?;
        let audit = Audit::new("performance.run.cancel", "attribution_run", id).before(&was);
        Ok((work, audit.after(&commitment(&after)?), after))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(stopped)
}

pub async fn get_run(app: &App, ctx: &OpContext, id: AttributionRunId) -> Result<AttributionRun> {
    let plan = ctx.plan::<GetAttributionRun>()?;
    store::find(&*app.store.read(ctx).await?, &plan, id).await
}

/// A page of runs, newest first.
pub async fn list_runs(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<AttributionRun>, String)> {
    let plan = ctx.plan::<ListAttributionRuns>()?;
    store::page(&*app.store.read(ctx).await?, &plan, page).await
}

/// The run now, and again whenever it has changed, until it rests.
pub async fn watch_run(
    app: &App,
    ctx: &OpContext,
    id: AttributionRunId,
) -> Result<impl Stream<Item = Result<AttributionRun>> + Send + use<>> {
    let plan = ctx.plan::<WatchAttributionRun>()?;
    drop(store::find(&*app.store.read(ctx).await?, &plan, id).await?);
    let look = move |data: Store, ctx: OpContext| async move { store::load(&*data.read(&ctx).await?, id).await };
    watch::until(&app.watched_runs, (&app.store, ctx), id.0, |run| run.state.rests(), look).await
}
