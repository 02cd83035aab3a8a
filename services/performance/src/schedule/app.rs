//! Writing and reading schedules, and stopping what they began. What they do by themselves is in `step`.

use std::collections::HashMap;

use jiff::Timestamp;
use tally_access::OpContext;
use tally_app::{RequestKey, mutate};
use tally_kernel::error::Violation;
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result, msg};
use tally_store::{Audit, WorkOrder, digest};
use uuid::Uuid;

use super::domain::{Run, Said, Schedule, ScheduleError};
use super::facts::{Job, Step};
use super::store;
use crate::App;
use crate::cycle::domain::Cycle;
use crate::cycle::{self, population};
use crate::policy::{
    BeginScheduleRun, CreateCycle, CreateSchedule, DeleteSchedule, GetSchedule, ListScheduleRuns, ListSchedules,
    StopScheduleRun, UpdateSchedule,
};

/// What two versions of a schedule, or of a run, are told apart by in the audit log.
pub(super) fn commitment(of: &impl serde::Serialize) -> Result<[u8; 32]> {
    Ok(digest(&serde_json::to_vec(of).map_err(Error::internal)?))
}

pub async fn create(app: &App, ctx: &OpContext, request: &RequestKey, said: Said) -> Result<Schedule> {
    ctx.plan::<CreateSchedule>()?;
    let (next, next_at) = said.timing.next_after(ctx.now())?;
    let new = said.cycle(&said.name, next);
    let (owner, units) = population::settle(app, ctx, &new, "schedule").await?;
    let permit = ctx.permit::<CreateSchedule>(&owner.target())?;
    ctx.permit::<CreateCycle>(&owner.target())?;
    let written = mutate(&app.store, ctx, &permit, request, async |work| {
        cycle::app::scheme_version(&work, &new, (&owner, &units)).await?;
        // Two that say the same would close every month twice.
        work.lock("schedules", owner.unit().map_or_else(Uuid::nil, Uuid::from)).await?;
        if let Some(there) = store::same(&work, &owner, &said).await? {
            return Err(ScheduleError::There(there).into());
        }
        let (id, maker, said, owner) = (ctx.new_id(), ctx.actor.principal, said.clone(), owner.clone());
        let schedule = Schedule { id, owner, said, maker, next, next_at, failure: None, deleted: false, version: 1 };
        store::insert(&work, ctx, &schedule).await?;
        work.enqueue_work([begin(&schedule)]).await?;
        let audit = Audit::new("performance.schedule.write", "schedule", id).after(&commitment(&schedule)?);
        Ok((work, audit.region(schedule.owner.region()), schedule))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(written)
}

/// What a schedule says from now on, and by whose right. Its unit stays.
pub async fn update(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    (id, etag): (Uuid, &str),
    said: Said,
) -> Result<Schedule> {
    ctx.plan::<UpdateSchedule>()?;
    let owner = { store::known(&*app.store.read(ctx).await?, id).await?.owner };
    let permit = ctx.permit::<UpdateSchedule>(&owner.target())?;
    ctx.permit::<CreateCycle>(&owner.target())?;
    if said.unit != owner.unit() {
        let (field, message) = ("schedule.unit_id".to_owned(), msg!("SCHEDULE_UNIT_STAYS"));
        return Err(Error::invalid(vec![Violation { field, message }]));
    }
    let (next, _) = said.timing.next_after(ctx.now())?;
    let new = said.cycle(&said.name, next);
    let (_, units) = population::settle(app, ctx, &new, "schedule").await?;
    let written = mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        if before.deleted {
            return Err(Error::not_found("schedule", id));
        }
        if before.version.to_string() != etag {
            return Err(ScheduleError::Stale.into());
        }
        cycle::app::scheme_version(&work, &new, (&owner, &units)).await?;
        let was = commitment(&before)?;
        let after = before.said(said.clone(), ctx.actor.principal)?;
        store::save(&work, &after).await?;
        work.enqueue_work([begin(&after)]).await?;
        let audit = Audit::new("performance.schedule.write", "schedule", id).before(&was);
        Ok((work, audit.after(&commitment(&after)?), after))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(written)
}

/// The item that begins the next month.
pub(super) fn begin(of: &Schedule) -> WorkOrder {
    Job { schedule: of.id, step: Step::Begin(of.next_at) }.order(of.next_at)
}

/// The first item of a run: a schedule that looks first does.
pub(super) fn first(of: &Schedule, run: &Run, now: Timestamp) -> WorkOrder {
    let (id, attempt) = (run.id, run.attempt);
    let step = if of.said.dry_first { Step::Look(id, attempt) } else { Step::Close(id, attempt) };
    Job { schedule: of.id, step }.order(now)
}

/// Begins a month by hand: one whose turn did not come, or that came to nothing.
pub async fn begin_run(app: &App, ctx: &OpContext, request: &RequestKey, id: Uuid, month: Period) -> Result<Run> {
    ctx.plan::<BeginScheduleRun>()?;
    let owner = { store::known(&*app.store.read(ctx).await?, id).await?.owner };
    let permit = ctx.permit::<BeginScheduleRun>(&owner.target())?;
    let begun = mutate(&app.store, ctx, &permit, request, async |work| {
        let schedule = store::lock(&work, id).await?;
        if schedule.deleted {
            return Err(Error::not_found("schedule", id));
        }
        let now = ctx.now();
        let when = schedule.by_hand(month, now)?;
        let there = store::of_month(&work, id, month).await?;
        let run = match there {
            Some(there) => {
                if let Some(cycle) = there.cycle {
                    // Its cycle goes on without it: another one would be the second of the same people and month.
                    let of = cycle::facts::load(&work, cycle).await?;
                    if !matches!(of.state, cycle::domain::State::Open | cycle::domain::State::Failed) {
                        return Err(ScheduleError::MonthThere.into());
                    }
                }
                let again = store::lock_run(&work, there.id).await?.again(now)?;
                store::save_run(&work, &again).await?;
                again
            }
            None => {
                let run = Run::begin(ctx.new_id(), &schedule, when, now, 0);
                store::insert_run(&work, ctx, &run).await?;
                run
            }
        };
        work.enqueue_work([first(&schedule, &run, now)]).await?;
        let audit = Audit::new("performance.schedule.begin", "schedule_run", run.id).after(&commitment(&run)?);
        Ok((work, audit.region(run.owner.region()), run))
    })
    .await?;
    app.wake.notify_waiters();
    Ok(begun)
}

/// Ends a schedule, and stops its runs that have not begun to close.
pub async fn delete(app: &App, ctx: &OpContext, request: &RequestKey, id: Uuid) -> Result<()> {
    ctx.plan::<DeleteSchedule>()?;
    let owner = { store::known(&*app.store.read(ctx).await?, id).await?.owner };
    let permit = ctx.permit::<DeleteSchedule>(&owner.target())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock(&work, id).await?;
        if before.deleted {
            return Err(Error::not_found("schedule", id));
        }
        let was = commitment(&before)?;
        let after = Schedule { deleted: true, version: before.version + 1, ..before };
        store::save(&work, &after).await?;
        for run in store::stoppable(&work, id).await? {
            let run = store::lock_run(&work, run.id).await?;
            if let Ok(stopped) = run.stopped(msg!("SCHEDULE_DELETED"), ctx.now()) {
                store::save_run(&work, &stopped).await?;
            }
        }
        let audit = Audit::new("performance.schedule.delete", "schedule", id).before(&was);
        Ok((work, audit.after(&commitment(&after)?), ()))
    })
    .await
}

/// Stops a run that has not begun to close its cycle.
pub async fn stop(app: &App, ctx: &OpContext, request: &RequestKey, id: Uuid) -> Result<Run> {
    ctx.plan::<StopScheduleRun>()?;
    let owner = { store::load_run(&*app.store.read(ctx).await?, id).await?.owner };
    let permit = ctx.permit::<StopScheduleRun>(&owner.target())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = store::lock_run(&work, id).await?;
        let was = commitment(&before)?;
        let after = before.stopped(msg!("SCHEDULE_STOPPED"), ctx.now())?;
        store::save_run(&work, &after).await?;
        let audit = Audit::new("performance.schedule.stop", "schedule_run", id).before(&was);
        Ok((work, audit.after(&commitment(&after)?), after))
    })
    .await
}

pub async fn get(app: &App, ctx: &OpContext, id: Uuid) -> Result<Schedule> {
    let plan = ctx.plan::<GetSchedule>()?;
    store::find(&*app.store.read(ctx).await?, &plan, id).await
}

/// A page of schedules, newest first.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Schedule>, String)> {
    let plan = ctx.plan::<ListSchedules>()?;
    store::page(&*app.store.read(ctx).await?, &plan, page).await
}

/// A page of the runs of a schedule, the newest month first, each with its cycle as it is now.
pub async fn list_runs(
    app: &App,
    ctx: &OpContext,
    schedule: Uuid,
    page: &Page,
) -> Result<(Vec<(Run, Option<Cycle>)>, String)> {
    let plan = ctx.plan::<ListScheduleRuns>()?;
    let tx = app.store.read(ctx).await?;
    let (runs, next) = store::page_of_runs(&tx, &plan, schedule, page).await?;
    let ids: Vec<_> = runs.iter().filter_map(|run| run.cycle).collect();
    let cycles = cycle::facts::of_ids(&tx, &ids).await?;
    let mut cycles: HashMap<_, _> = cycles.into_iter().map(|cycle| (cycle.id, cycle)).collect();
    let with = |run: Run| {
        let cycle = run.cycle.and_then(|id| cycles.remove(&id));
        (run, cycle)
    };
    Ok((runs.into_iter().map(with).collect(), next))
}
