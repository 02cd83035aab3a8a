//! What schedules do by themselves, each step one item of work. A step that changes something and its end are one transaction. A month is
//! begun under the lock of its schedule, and closed by the use cases that everybody calls, in the name and by the right of whoever
//! wrote the schedule last; they know each call by the run, so that an item that is done twice makes one cycle.

use std::sync::Arc;

use jiff::SignedDuration;
use tally_access::{Actor, Circumstances, OpContext, Permit};
use tally_app::{RequestKey, perform};
use tally_kernel::{Error, Kind, Message, Result, msg};
use tally_store::{Audit, UnitOfWork, WorkItem};
use uuid::Uuid;

use super::above;
use super::app::{begin, commitment, first};
use super::domain::{Above, Looked, Run, Schedule, ScheduleError, State};
use super::facts::{Job, Step};
use super::look::look_at;
use super::store;
use crate::cycle;
use crate::cycle::domain::{Cycle, State as CycleState};
use crate::policy::{CloseCycle, CreateCycle};
use crate::run::domain::Failure;
use crate::{App, SERVICE, credit};

/// How soon a cycle that is being closed is looked at again at first; then as long after as it was followed already, so each time twice as
/// long, up to the second.
const SOON: SignedDuration = SignedDuration::from_secs(5);
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// Where an item is worked on.
pub struct At<'a> {
    /// What every room works with.
    pub app: &'a App,
    /// The service's own context.
    pub ctx: &'a OpContext,
    pub permit: &'a Permit<CloseCycle>,
    pub item: &'a WorkItem,
    pub job: Job,
}

impl At<'_> {
    /// Does the item.
    ///
    /// # Errors
    /// What went wrong; the caller decides whether trying again may help.
    pub async fn work(&self) -> Result<()> {
        tracing::Span::current().record("work.kind", tracing::field::display(self.job.step));
        match self.job.step {
            Step::Begin(at) => self.begin(at).await,
            // On the heap: they hold what the peers told.
            Step::Look(run, attempt) => Box::pin(self.look(run, attempt)).await,
            Step::Close(run, attempt) => Box::pin(self.close(run, attempt)).await,
            Step::Follow(run, attempt) => self.follow(run, attempt).await,
        }
    }

    fn audit(&self, action: &'static str) -> Audit {
        Audit::new(action, "schedule", self.job.schedule)
    }

    /// Begins the month whose turn it is, and waits for the next one, whatever becomes of this.
    async fn begin(&self, at: jiff::Timestamp) -> Result<()> {
        if at > self.ctx.now() {
            return self.app.store.rest_work(self.item, at).await;
        }
        let id = self.ctx.new_id();
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let before = store::lock(&work, self.job.schedule).await?;
            let now = self.ctx.now();
            // Written anew or deleted since: another item waits, or none.
            if before.deleted || before.next_at != at {
                work.finish_work(self.item).await?;
                return Ok((work, self.audit("performance.schedule.abandon"), ()));
            }
            let was = commitment(&before)?;
            let (month, left_out) = before.said.timing.due(before.next, now)?;
            let due_at = before.said.timing.fires_at(month)?;
            let after = before.advanced(month)?;
            store::save(&work, &after).await?;
            let mut orders = vec![begin(&after)];
            if store::of_month(&work, after.id, month).await?.is_none() {
                let run = Run::begin(id, &after, (month, due_at), now, left_out);
                store::insert_run(&work, self.ctx, &run).await?;
                orders.push(first(&after, &run, now));
            }
            work.enqueue_work(orders).await?;
            work.finish_work(self.item).await?;
            let audit = self.audit("performance.schedule.begin").before(&was).after(&commitment(&after)?);
            Ok((work, audit.note("month", month.from()), ()))
        })
        .await?;
        self.app.wake.notify_waiters();
        Ok(())
    }

    /// Looks who is in and what is missing; a schedule that looks first closes later.
    async fn look(&self, id: Uuid, attempt: i32) -> Result<()> {
        let (schedule, run) = self.both(id).await?;
        if run.state != State::Looking || run.attempt != attempt {
            return self.abandon().await;
        }
        let maker = self.maker(&schedule).await?;
        let found = Box::pin(look_at(self.app, &maker, &schedule, &run)).await?;
        self.change(id, async |work, run| {
            if run.state != State::Looking || run.attempt != attempt {
                return Ok((work, run));
            }
            let now = self.ctx.now();
            let closes_at = now + SignedDuration::from_mins(schedule.said.delay_minutes.into());
            let run = run.looked(&found, closes_at, now);
            work.enqueue_work([self.job.then(Step::Close(id, attempt), closes_at)]).await?;
            Ok((work, run))
        })
        .await
    }

    /// Makes the cycle and begins to close it, unless somebody stopped the run meanwhile.
    async fn close(&self, id: Uuid, attempt: i32) -> Result<()> {
        let (schedule, run) = self.both(id).await?;
        if run.state.rests() || run.attempt != attempt {
            return self.abandon().await;
        }
        let maker = self.maker(&schedule).await?;
        let above = match schedule.said.run_from_above {
            true => Some(above::find(self.app, &maker, &schedule, &run).await?),
            false => None,
        };
        let from = match &above {
            Some(Above::Awaited(what)) => return self.rest(&run, what).await,
            Some(Above::There(run)) => Some(*run),
            None => None,
        };
        let key = |what: &str| RequestKey::new(format!("schedule-{id}-{attempt}-{what}"), id.as_bytes());
        let new = schedule.said.cycle(&run.name, run.period);
        // Done once more: what was found the first time is written down, and its calls are known.
        let found = match run.state {
            State::Closing => Looked::default(),
            _ => Looked { above, ..Box::pin(look_at(self.app, &maker, &schedule, &run)).await?.complete()? },
        };
        if let Some(cycle) = run.cycle.filter(|_| run.state != State::Closing) {
            let rewritten = cycle::app::rewrite_cycle(self.app, &maker, &key("rewrite"), cycle, new.clone()).await?;
            // Somebody closes it, or has closed it: another one would be the second of the same people and month.
            rewritten.ok_or(ScheduleError::MonthThere)?;
        }
        let going = self.going((id, attempt), &found).await?;
        if !going {
            return self.abandon().await;
        }
        let cycle = match run.cycle {
            Some(cycle) => cycle,
            None => {
                let made = cycle::app::create_cycle(self.app, &maker, &key("create"), new).await?;
                self.noted(id, &made).await?;
                made.id
            }
        };
        cycle::app::close_cycle(self.app, &maker, &key("close"), cycle, from).await?;
        self.change(id, async |work, run| {
            work.enqueue_work([self.job.then(Step::Follow(id, attempt), self.ctx.now() + SOON)]).await?;
            Ok((work, run))
        })
        .await
    }

    /// Waits for a run of a unit above; what is waited for is told once.
    async fn rest(&self, run: &Run, what: &Message) -> Result<()> {
        let (id, attempt, now) = (run.id, run.attempt, self.ctx.now());
        if !run.says(what) {
            perform(&self.app.store, self.ctx, self.permit, async |work| {
                let before = store::lock_run(&work, id).await?;
                if !before.state.rests() && before.state != State::Closing && before.attempt == attempt {
                    store::save_run(&work, &before.awaits(what, now)).await?;
                }
                Ok((work, self.audit("performance.schedule.await").note("run", id), ()))
            })
            .await?;
        }
        let again = now.duration_since(self.item.put_down).clamp(SOON, LATE);
        self.app.store.rest_work(self.item, now + again).await
    }

    /// From here on nobody stops the run: whether it goes on.
    async fn going(&self, (id, attempt): (Uuid, i32), found: &Looked) -> Result<bool> {
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let before = store::lock_run(&work, id).await?;
            let audit = self.audit("performance.schedule.close").note("run", id);
            if before.state.rests() || before.state == State::Closing || before.attempt != attempt {
                let goes_on = before.state == State::Closing && before.attempt == attempt;
                return Ok((work, audit, goes_on));
            }
            store::save_run(&work, &before.closes(found, self.ctx.now())).await?;
            Ok((work, audit, true))
        })
        .await
    }

    /// Says which cycle it is.
    async fn noted(&self, id: Uuid, cycle: &Cycle) -> Result<()> {
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let before = store::lock_run(&work, id).await?;
            if before.cycle.is_none() {
                store::save_run(&work, &before.of_cycle(cycle.id, self.ctx.now())).await?;
            }
            Ok((work, self.audit("performance.schedule.cycle").note("run", id).note("cycle", cycle.id), ()))
        })
        .await
    }

    /// What became of the cycle.
    async fn follow(&self, id: Uuid, attempt: i32) -> Result<()> {
        let run = { store::load_run(&*self.app.store.read(self.ctx).await?, id).await? };
        let closes = run.state == State::Closing && run.attempt == attempt;
        let Some(cycle) = run.cycle.filter(|_| closes) else { return self.abandon().await };
        let now = self.ctx.now();
        let cycle = { cycle::facts::load(&*self.app.store.read(self.ctx).await?, cycle).await? };
        if !cycle.state.rests() {
            // Only looked: nothing is written.
            let again = now.duration_since(self.item.put_down).clamp(SOON, LATE);
            return self.app.store.rest_work(self.item, now + again).await;
        }
        let findings = {
            let tx = self.app.store.read(self.ctx).await?;
            let runs: Vec<Uuid> = cycle.attribution.map(Uuid::from).into_iter().chain(cycle.run).collect();
            credit::facts::count_findings(&tx, &runs).await?
        };
        self.change(id, async |work, run| {
            let run = match cycle.state {
                CycleState::Open | CycleState::Closing => run.left(now),
                CycleState::Failed => {
                    let failure = cycle.failure.clone().unwrap_or(Failure::RunStopped);
                    run.failed(failure, now)
                }
                CycleState::Reviewable | CycleState::Published => {
                    let summary = cycle.summary.clone().unwrap_or_default();
                    let (people, records, nobody) = (summary.people, summary.records, summary.unattributed);
                    run.done(msg!("SCHEDULE_DONE", people, records, nobody, findings), now)
                }
            };
            self.tell(&work, &run).await?;
            Ok((work, run))
        })
        .await
    }

    /// The schedule shows how its last run ended.
    async fn tell(&self, work: &UnitOfWork, run: &Run) -> Result<()> {
        let before = store::lock(work, self.job.schedule).await?;
        let after = Schedule { failure: run.failure.clone(), version: before.version + 1, ..before };
        store::save(work, &after).await
    }

    /// Changes a run that is locked, together with the end of the item.
    async fn change<F, Fut>(&self, id: Uuid, body: F) -> Result<()>
    where
        F: Fn(UnitOfWork, Run) -> Fut,
        Fut: Future<Output = Result<(UnitOfWork, Run)>> + Send,
    {
        let attempt = || async {
            let work = self.app.store.unit(self.ctx, self.permit).await?;
            let before = store::lock_run(&work, id).await?;
            let (was, version) = (commitment(&before)?, before.version);
            let (work, after) = body(work, before).await?;
            let mut audit = self.audit("performance.schedule.step").note("step", self.job.step).note("run", id);
            if after.version > version {
                store::save_run(&work, &after).await?;
                audit = audit.before(&was).after(&commitment(&after)?);
            }
            work.finish_work(self.item).await?;
            work.commit(audit, ()).await
        };
        self.app.store.retry(self.ctx, attempt).await
    }

    async fn abandon(&self) -> Result<()> {
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            work.finish_work(self.item).await?;
            Ok((work, self.audit("performance.schedule.abandon"), ()))
        })
        .await
    }

    async fn both(&self, run: Uuid) -> Result<(Schedule, Run)> {
        let tx = self.app.store.read(self.ctx).await?;
        Ok((store::known(&tx, self.job.schedule).await?, store::load_run(&tx, run).await?))
    }

    /// The service in the name of whoever wrote the schedule last, with the rights that one has now.
    async fn maker(&self, schedule: &Schedule) -> Result<OpContext> {
        let may_not = |error: Error| match error.kind() {
            Kind::NotFound | Kind::PermissionDenied => ScheduleError::MakerMayNot.into(),
            _ => error,
        };
        let view = self.app.peers.view(self.ctx, schedule.maker).await.map_err(may_not)?;
        let circumstances = Circumstances { now: self.ctx.now(), second_factor: false };
        let actor = Actor::service(SERVICE, self.ctx.tenant(), Some(schedule.maker));
        let maker = OpContext { actor, view: Arc::new(view).at(&circumstances), ..self.ctx.clone() };
        let target = schedule.owner.target();
        maker.permit::<CreateCycle>(&target).map_err(may_not)?;
        maker.permit::<CloseCycle>(&target).map_err(may_not)?;
        Ok(maker)
    }

    /// Ends a run whose item was refused by name. A schedule itself is never given up: its next month comes.
    ///
    /// # Errors
    /// What the store says.
    pub async fn give_up(&self, failure: Failure) -> Result<()> {
        let (Step::Look(id, attempt) | Step::Close(id, attempt) | Step::Follow(id, attempt)) = self.job.step else {
            return Ok(());
        };
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let before = store::lock_run(&work, id).await?;
            let audit = self.audit("performance.schedule.fail").note("run", id).note("reason", failure.reason());
            if !before.state.rests() && before.attempt == attempt {
                let failed = before.failed(failure.clone(), self.ctx.now());
                store::save_run(&work, &failed).await?;
                self.tell(&work, &failed).await?;
            }
            Ok((work, audit, ()))
        })
        .await
    }
}
