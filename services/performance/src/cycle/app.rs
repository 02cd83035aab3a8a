//! Making, closing, watching, cancelling and publishing cycles. Closing only puts the work down; `closing` does it.

use futures::Stream;
use tally_access::{OpContext, Owner, Permit, Rpc};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{AttributionRunId, CycleId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::person::Employment;
use tally_kernel::{Error, Result};
use tally_store::{Audit, Store, UnitOfWork, WorkOrder, digest};
use uuid::Uuid;

use super::domain::{Cycle, CycleError, NewCycle, Publication, State};
use super::event::cycle_published;
use super::facts::{Job, Task};
use super::{correct, population, store};
use crate::policy::{CancelCycle, CloseCycle, CreateCycle, GetCycle, ListCycles, PublishCycle, WatchCycle};
use crate::run::domain::{AttributionRun, NewRun, Scope, Step};
use crate::run::facts as runs;
use crate::{App, card, scheme, watch};

/// What two versions of a cycle are told apart by in the audit log.
pub(super) fn commitment(cycle: &Cycle) -> Result<[u8; 32]> {
    Ok(digest(&serde_json::to_vec(cycle).map_err(Error::internal)?))
}

/// A permit to change a cycle of this owner.
fn permit<R: Rpc>(ctx: &OpContext, owner: &Owner) -> Result<Permit<R>> {
    ctx.permit::<R>(&owner.target())
}

/// A cycle to be changed by `R`, as it is now. Who may change none at all is told so before it is looked for.
pub(super) async fn changeable<R: Rpc>(app: &App, ctx: &OpContext, id: CycleId) -> Result<(Cycle, Permit<R>)> {
    ctx.plan::<R>()?;
    let cycle = { store::load(&*app.store.read(ctx).await?, id).await? };
    let permit = permit(ctx, &cycle.owner)?;
    Ok((cycle, permit))
}

pub async fn create_cycle(app: &App, ctx: &OpContext, request: &RequestKey, new: NewCycle) -> Result<Cycle> {
    ctx.plan::<CreateCycle>()?;
    let (owner, units) = population::settle(app, ctx, &new).await?;
    let permit = permit::<CreateCycle>(ctx, &owner)?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let wanted = (new.scheme, new.scheme_version);
        let (scheme_version, of) = scheme::facts::usable(&work, wanted.0, wanted.1, new.period.to()).await?;
        let above = |of| owner.unit().is_some_and(|unit| units.holds(of, unit));
        if of.unit().is_some_and(|of| !above(of)) {
            return Err(CycleError::ForeignScheme.into());
        }
        let cycle = Cycle {
            id: CycleId(ctx.new_id()),
            owner: owner.clone(),
            name: new.name.clone(),
            population: new.population.clone(),
            period: new.period,
            scheme: new.scheme,
            scheme_version,
            policy: new.policy.clone(),
            state: State::Open,
            attribution: None,
            run: None,
            done: 0,
            total: 0,
            step: Step::Rest,
            failure: None,
            summary: None,
            corrects: None,
            published: None,
            version: 1,
        };
        store::insert(&work, ctx, &cycle).await?;
        let audit = Audit::new("performance.cycle.write", "cycle", cycle.id).after(&commitment(&cycle)?);
        Ok((work, audit.region(cycle.owner.region()), cycle))
    })
    .await
}

/// Starts closing: who is in is settled, the answer comes at once, the work goes on. It scores from a run that is done, or starts one.
pub async fn close_cycle(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: CycleId,
    from: Option<AttributionRunId>,
) -> Result<Cycle> {
    let (cycle, permit) = changeable::<CloseCycle>(app, ctx, id).await?;
    let people = population::of(app, ctx, &cycle).await?;
    if people.as_ref().is_some_and(Vec::is_empty) {
        return Err(CycleError::Empty.into());
    }
    let closing = mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let (after, audit) = close(&work, ctx, before, people.as_deref(), from).await?;
        Ok((work, audit, after))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(closing)
}

/// Begins an attempt at closing a cycle that is locked.
pub(super) async fn close(
    work: &UnitOfWork,
    ctx: &OpContext,
    before: Cycle,
    people: Option<&[(PersonId, Employment)]>,
    from: Option<AttributionRunId>,
) -> Result<(Cycle, Audit)> {
    let was = commitment(&before)?;
    let attribution = from.unwrap_or_else(|| AttributionRunId(ctx.new_id()));
    let run = ctx.new_id();
    let after = before.clone().close(run, attribution)?;
    let mut orders = release(work, &before).await?;
    orders.push(begin(work, ctx, &after, (run, attribution), from.is_some()).await?);
    store::save(work, &after).await?;
    if let Some(people) = people {
        store::people::insert(work, ctx, (after.id, run), people).await?;
    }
    work.enqueue_work(orders).await?;
    let audit = Audit::new("performance.cycle.close", "cycle", after.id).before(&was).after(&commitment(&after)?);
    Ok((after, audit.note("run", run).note("attribution", attribution)))
}

/// The first item of an attempt: scoring, where there is a run to score from, or else a run that begins.
async fn begin(
    work: &UnitOfWork,
    ctx: &OpContext,
    cycle: &Cycle,
    (run, attribution): (Uuid, AttributionRunId),
    there: bool,
) -> Result<WorkOrder> {
    if there {
        runs::load(work, attribution).await?.may_score(cycle.period, &cycle.policy)?;
        return Ok(Job { cycle: cycle.id, run, task: Task::Score }.order());
    }
    if let Some(source) = correct::source(work, cycle).await? {
        runs::insert(work, &source.again(attribution, cycle.id, ctx.now())).await?;
        return Ok(runs::Job { attribution, task: runs::Task::Collect }.order());
    }
    let scheme = scheme::facts::load(work, cycle.scheme, cycle.scheme_version).await?;
    let (unit, period, policy) = (cycle.owner.unit(), cycle.period, cycle.policy.clone());
    let new = NewRun { unit, period, policy, scope: Scope::default() };
    let columns = card::facts::customs(&scheme);
    let begun = AttributionRun::begin(attribution, cycle.owner.clone(), new, columns, ctx.now());
    let amounts = card::facts::reads_amounts(&scheme);
    runs::insert(work, &AttributionRun { cycle: Some(cycle.id), amounts, ..begun }).await?;
    Ok(runs::Job { attribution, task: runs::Task::Collect }.order())
}

/// What is to be done so that nothing of an attempt is left, and of its run unless somebody else scores from it.
async fn release(work: &UnitOfWork, cycle: &Cycle) -> Result<Vec<WorkOrder>> {
    let Some(run) = cycle.run else { return Ok(Vec::new()) };
    let attribution = cycle.attribution.unwrap_or(AttributionRunId(run));
    let shared = store::scored_from(work, attribution, cycle.id).await?;
    let of_run = runs::release(work, attribution, cycle.id, shared).await?;
    Ok(of_run.into_iter().chain([Job { cycle: cycle.id, run, task: Task::Discard }.order()]).collect())
}

/// Stops closing; what was done is thrown away.
pub async fn cancel_cycle(app: &App, ctx: &OpContext, request: &RequestKey, id: CycleId) -> Result<Cycle> {
    let (_, permit) = changeable::<CancelCycle>(app, ctx, id).await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let was = commitment(&before)?;
        let after = before.clone().cancel()?;
        let orders = release(&work, &before).await?;
        store::save(&work, &after).await?;
        work.enqueue_work(orders).await?;
        let audit = Audit::new("performance.cycle.cancel", "cycle", id).before(&was).after(&commitment(&after)?);
        Ok((work, audit, after))
    })
    .await
}

/// Makes the result known to everybody, and to other services.
pub async fn publish_cycle(app: &App, ctx: &OpContext, request: &RequestKey, id: CycleId) -> Result<Cycle> {
    let (_, permit) = changeable::<PublishCycle>(app, ctx, id).await?;
    mutate(&app.store, ctx, &permit, request, async |mut work| {
        let before = store::lock(&work, id).await?;
        let was = commitment(&before)?;
        let version = correct::next_version(&work, &before).await?;
        let after = before.publish(Publication { version, at: ctx.now() })?;
        store::save(&work, &after).await?;
        let summary = after.summary.clone().unwrap_or_default();
        work.emit(cycle_published(&after, version, &summary)?);
        let audit = Audit::new("performance.cycle.publish", "cycle", id).before(&was).after(&commitment(&after)?);
        Ok((work, audit.note("digest", &summary.digest), after))
    })
    .await
}

/// A cycle of a unit within reach, or with a card within reach.
pub async fn get_cycle(app: &App, ctx: &OpContext, id: CycleId) -> Result<Cycle> {
    let plan = ctx.plan::<GetCycle>()?;
    let tx = app.store.read(ctx).await?;
    store::find(&tx, &plan, id, &card::facts::cycles(&tx, &plan).await?).await
}

/// A page of cycles, newest first.
pub async fn list_cycles(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Cycle>, String)> {
    let plan = ctx.plan::<ListCycles>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, &card::facts::cycles(&tx, &plan).await?, page).await
}

/// The cycle now, and again whenever it has changed, until it rests.
pub async fn watch_cycle(
    app: &App,
    ctx: &OpContext,
    id: CycleId,
) -> Result<impl Stream<Item = Result<Cycle>> + Send + use<>> {
    let plan = ctx.plan::<WatchCycle>()?;
    let first = {
        let tx = app.store.read(ctx).await?;
        store::find(&tx, &plan, id, &card::facts::cycles(&tx, &plan).await?).await?
    };
    let look = move |data: Store, ctx: OpContext| async move { store::load(&*data.read(&ctx).await?, id).await };
    Ok(watch::until(&app.store, ctx, first, |cycle| cycle.state.rests(), look))
}
