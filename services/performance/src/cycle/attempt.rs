//! An attempt at closing a cycle, as it begins and as it is thrown away.

use jiff::Timestamp;
use tally_access::{OpContext, Permit, Rpc};
use tally_kernel::id::{AttributionRunId, CycleId, PersonId};
use tally_kernel::person::Employment;
use tally_kernel::{Error, Result};
use tally_store::{Audit, ScopedTx, UnitOfWork, WorkOrder, digest};
use uuid::Uuid;

use super::domain::{Asked, Cycle, State};
use super::facts::{Job, Task};
use super::{store, versions};
use crate::kept::Gone;
use crate::run::domain::{AttributionRun, NewRun, Scope};
use crate::run::facts as runs;
use crate::{App, card, scheme};

/// What two versions of a cycle are told apart by in the audit log.
pub(super) fn commitment(cycle: &Cycle) -> Result<[u8; 32]> {
    Ok(digest(&serde_json::to_vec(cycle).map_err(Error::internal)?))
}

/// A cycle to be changed by `R`, as it is now. Who may change none at all is told so before it is looked for.
pub(super) async fn changeable<R: Rpc>(app: &App, ctx: &OpContext, id: CycleId) -> Result<(Cycle, Permit<R>)> {
    ctx.plan::<R>()?;
    let cycle = { store::load(&*app.store.read(ctx).await?, id).await? };
    let permit = ctx.permit(&cycle.target())?;
    Ok((cycle, permit))
}

/// What may be missing that a cycle would be worked out from, anew where `result` names the cycle whose result it is to stand for.
pub(super) async fn removed(app: &App, ctx: &OpContext, of: &Cycle, result: Option<CycleId>) -> Result<Option<Gone>> {
    let (scheme, begun) = {
        let tx = app.store.read(ctx).await?;
        let begun = match result {
            Some(id) => begun(&tx, id).await?,
            None => None,
        };
        (scheme::facts::load(&tx, of.scheme, of.scheme_version).await?, begun)
    };
    app.kept.removed(ctx, of.period, Some(&scheme), begun).await
}

/// When the facts were read that the newest result of a cycle is made of; nothing where it has none.
async fn begun(tx: &ScopedTx, id: CycleId) -> Result<Option<Timestamp>> {
    match store::load(tx, id).await?.state {
        State::Reviewable | State::Published => {}
        State::Open | State::Closing | State::Failed => return Ok(None),
    }
    let shown = store::results::shown(tx, id, Asked::Newest).await?;
    Ok(Some(runs::begun(tx, shown.attribution().0).await?.unwrap_or(Timestamp::UNIX_EPOCH)))
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
        store::people::insert(work, ctx, (&after, run), people).await?;
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
    if let Some(source) = versions::source(work, cycle).await? {
        runs::insert(work, &source.again(attribution, cycle.id, ctx.now())).await?;
        return Ok(runs::Job { attribution, task: runs::Task::Collect }.order());
    }
    let scheme = scheme::facts::load(work, cycle.scheme, cycle.scheme_version).await?;
    let (unit, period, policy) = (cycle.owner.unit(), cycle.period, cycle.policy.clone());
    let new = NewRun { unit, period, policy, scope: Scope::default() };
    let columns = card::facts::customs(&scheme);
    let begun = AttributionRun::begin(attribution, cycle.owner.clone(), new, columns, ctx.now());
    // In another currency than the group's they are added up when the cycle is scored.
    let amounts = card::facts::reads_amounts(&scheme) && scheme.currency.is_none();
    runs::insert(work, &AttributionRun { cycle: Some(cycle.id), amounts, ..begun }).await?;
    Ok(runs::Job { attribution, task: runs::Task::Collect }.order())
}

/// What is to be done so that nothing of an attempt is left, and of its run unless somebody else scores from it.
pub(super) async fn release(work: &UnitOfWork, cycle: &Cycle) -> Result<Vec<WorkOrder>> {
    let Some(run) = cycle.run else { return Ok(Vec::new()) };
    let attribution = cycle.attribution.unwrap_or(AttributionRunId(run));
    let shared = store::scored_from(work, attribution, cycle.id).await?;
    let of_run = runs::release(work, attribution, cycle.id, shared).await?;
    Ok(of_run.into_iter().chain([Job { cycle: cycle.id, run, task: Task::Discard }.order()]).collect())
}
