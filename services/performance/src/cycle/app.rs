//! Making, closing, watching, cancelling and publishing cycles. Closing only puts the work down; `closing` does it.

use futures::Stream;
use tally_access::{OpContext, Owner};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{AttributionRunId, CycleId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::person::Employment;
use tally_store::{Audit, ScopedTx, Store};

use super::attempt::{changeable, close, commitment, release};
use super::domain::{Cycle, CycleError, NewCycle, Publication, State, about};
use super::event::cycle_published;
use super::{attempt, population, store, versions};
use crate::policy::{CancelCycle, CloseCycle, CreateCycle, GetCycle, ListCycles, PublishCycle, WatchCycle};
use crate::run::domain::{RunError, Scope, Step};
use crate::run::facts as runs;
use crate::{App, card, scheme, watch};

pub async fn create_cycle(app: &App, ctx: &OpContext, request: &RequestKey, new: NewCycle) -> Result<Cycle> {
    ctx.plan::<CreateCycle>()?;
    let (owner, units) = population::settle(app, ctx, &new, "cycle").await?;
    let permit = ctx.permit::<CreateCycle>(&owner.target().on(new.period.to()))?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let scheme_version = scheme_version(&work, &new, (&owner, &units)).await?;
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

/// Makes a cycle that is open, or could not be closed, say something else; of the same unit and days. Nothing where it goes on without that.
pub async fn rewrite_cycle(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: CycleId,
    new: NewCycle,
) -> Result<Option<Cycle>> {
    let (_, permit) = changeable::<CreateCycle>(app, ctx, id).await?;
    let (owner, units) = population::settle(app, ctx, &new, "cycle").await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let (was, audit) = (commitment(&before)?, Audit::new("performance.cycle.write", "cycle", id));
        let scheme_version = scheme_version(&work, &new, (&owner, &units)).await?;
        let Some(after) = before.rewritten(&new, scheme_version) else { return Ok((work, audit, None)) };
        store::save(&work, &after).await?;
        Ok((work, audit.before(&was).after(&commitment(&after)?), Some(after)))
    })
    .await
}

/// The version of its scheme that a new cycle is made with.
///
/// # Errors
/// `SCHEME_WITHDRAWN` for one that is out of use; `SCHEME_OF_ANOTHER_UNIT`.
pub async fn scheme_version(tx: &ScopedTx, new: &NewCycle, (owner, units): (&Owner, &Units)) -> Result<u32> {
    let (version, of) = scheme::facts::usable(tx, new.scheme, new.scheme_version, new.period.to()).await?;
    let above = |of| owner.unit().is_some_and(|unit| units.holds(of, unit));
    match of.unit() {
        Some(of) if !above(of) => Err(CycleError::ForeignScheme.into()),
        Some(_) | None => Ok(version),
    }
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
    let again = cycle.state == State::Reviewable;
    if let Some(gone) = attempt::removed(app, ctx, &cycle, again.then_some(id)).await? {
        let refused = if again { CycleError::Purged } else { CycleError::ClosesPurged };
        return Err(refused(gone.day, gone.kind).into());
    }
    let people = population::of(app, ctx, &cycle).await?;
    if people.as_ref().is_some_and(Vec::is_empty) {
        return Err(CycleError::Empty.into());
    }
    covered(app, ctx, &cycle, people.as_deref(), from).await?;
    let closing = mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        let (after, audit) = close(&work, ctx, before, people.as_deref(), from).await?;
        Ok((work, audit, after))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(closing)
}

/// A run that is about a part of the cycle, of which none is named where one about its unit is started, would score that part as if it were all.
async fn covered(
    app: &App,
    ctx: &OpContext,
    cycle: &Cycle,
    people: Option<&[(PersonId, Employment)]>,
    run: Option<AttributionRunId>,
) -> Result<()> {
    let (last, population) = (cycle.period.to(), cycle.population.as_ref());
    let scope = match run {
        Some(run) => runs::load(&*app.store.read(ctx).await?, run).await?.scope,
        None => Scope { units: cycle.owner.unit().into_iter().collect(), ..Scope::default() },
    };
    let as_of = population.map(|population| population.day(cycle.period)).filter(|day| *day != last);
    if scope.is_all() || (run.is_none() && as_of.is_none()) {
        return Ok(());
    }
    let units = Units::of(&app.peers.identity, ctx, Some(last)).await?;
    let holds = |above, below| units.holds(above, below);
    let about = about(cycle.owner.unit(), population);
    if run.is_some() && !scope.covers(&about, holds) {
        return Err(RunError::CoversPart.into());
    }
    let Some(day) = as_of else { return Ok(()) };
    // Who went elsewhere since has served accounts that are elsewhere as well, such as those of a team that was moved.
    let everybody = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &everybody).await?;
    let home = |(person, _): &(PersonId, Employment)| Some(trees.counted(everybody.get(*person)?.home(last)?, last));
    let homes = people.unwrap_or_default().iter().filter_map(home);
    let elsewhere: Vec<_> = homes.filter(|unit| !scope.covers(&[*unit], holds)).collect();
    if elsewhere.is_empty() {
        return Ok(());
    }
    let above = units.owner_above(about.into_iter().chain(elsewhere.iter().copied()))?;
    let unit = above.unit().and_then(|unit| units.get(unit)).map(|unit| unit.path.clone()).unwrap_or_default();
    Err(RunError::Elsewhere { people: elsewhere.len(), day, last, unit }.into())
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
        let version = versions::next_version(&work, &before).await?;
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
    {
        let tx = app.store.read(ctx).await?;
        store::find(&tx, &plan, id, &card::facts::cycles(&tx, &plan).await?).await?;
    }
    let look = move |data: Store, ctx: OpContext| async move { store::load(&*data.read(&ctx).await?, id).await };
    watch::until(&app.watched_cycles, (&app.store, ctx), id.0, |cycle| cycle.state.rests(), look).await
}
