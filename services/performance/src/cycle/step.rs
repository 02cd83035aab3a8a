//! One item of the background work of a run, and what every step of it does alike.

use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_access::{OpContext, Permit};
use tally_app::perform;
use tally_kernel::id::CycleId;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, UnitOfWork, WorkItem, WorkOrder};
use uuid::Uuid;

use super::domain::{Cycle, Failure, Step, Summary};
use super::store;
use crate::App;
use crate::policy::CloseCycle;

/// The kind of all items of work here.
pub const WORK: &str = "closing";

/// One item of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub cycle: CycleId,
    /// The attempt at closing it.
    pub run: Uuid,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// Ask the peers, freeze, split.
    Collect,
    /// Credit the records of one component.
    Attribute(i32),
    /// Make the cards and end the run.
    Score,
    /// Throw away what a dead run wrote.
    Discard,
    /// Throw away what a failed run wrote, but for its findings.
    DiscardResult,
}

impl Job {
    /// As it is put down.
    pub fn order(self) -> WorkOrder {
        WorkOrder::new(WORK, self.run, &self)
    }

    /// Another item of the same run.
    pub fn then(self, task: Task) -> WorkOrder {
        Self { task, ..self }.order()
    }
}

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
    /// The audit entry of a piece of this run.
    pub fn audit(&self, action: &'static str) -> Audit {
        Audit::new(action, "cycle", self.job.cycle).note("run", self.job.run)
    }

    /// The cycle, if the run still counts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn cycle(&self) -> Result<Option<Cycle>> {
        let tx = self.app.store.read(self.ctx).await?;
        let counts = store::counts(&tx, self.job.cycle, self.job.run).await?;
        if counts { store::load(&tx, self.job.cycle).await.map(Some) } else { Ok(None) }
    }

    /// Writes a piece of this run, in one unit.
    ///
    /// # Errors
    /// `RUN_GONE` where the run does not count any more; what `body` says.
    pub async fn write<F, Fut>(&self, body: F) -> Result<()>
    where
        F: Fn(UnitOfWork) -> Fut,
        Fut: Future<Output = Result<(UnitOfWork, Audit)>> + Send,
    {
        let attempt = || async {
            let work = self.app.store.unit(self.ctx, self.permit).await?;
            if !store::counts(&work, self.job.cycle, self.job.run).await? {
                return Err(Error::of(Kind::Cancelled, msg!("RUN_GONE")));
            }
            let (work, audit) = body(work).await?;
            work.commit(audit, ()).await
        };
        self.app.store.retry(self.ctx, attempt).await
    }

    /// Tells how far the run is, outside of anything else.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tell(&self, step: Step) -> Result<()> {
        self.write(async |work| {
            self.reach(&work, step, None, None).await?;
            Ok((work, self.audit("performance.cycle.progress").note("step", step)))
        })
        .await
    }

    /// Tells how far the run is, together with something else.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reach(&self, work: &UnitOfWork, step: Step, done: Option<u32>, total: Option<u32>) -> Result<()> {
        store::progress(work, self.job.cycle, self.job.run, step, done, total).await.map(drop)
    }

    /// Tells that one more item of the run is done.
    ///
    /// # Errors
    /// What the store says.
    pub async fn advance(&self, work: &UnitOfWork, step: Step) -> Result<()> {
        store::advance(work, self.job.cycle, self.job.run, step).await
    }

    /// Ends the run with its result.
    ///
    /// # Errors
    /// What the store says.
    pub async fn finish(&self, work: &UnitOfWork, summary: Summary) -> Result<()> {
        let done = store::lock(work, self.job.cycle).await?.finish(summary)?;
        store::save(work, &done).await?;
        work.finish_work(self.item).await?;
        Ok(())
    }

    /// Ends the run without a result, together with this item.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end(&self, failure: Failure) -> Result<()> {
        self.write(async |work| {
            let failed = store::lock(&work, self.job.cycle).await?.fail(failure.clone())?;
            store::save(&work, &failed).await?;
            work.enqueue_work([self.job.then(Task::DiscardResult)]).await?;
            work.finish_work(self.item).await?;
            Ok((work, self.audit("performance.cycle.fail").note("reason", failure.reason())))
        })
        .await
    }

    /// Ends the run of an item that cannot be done, if it still counts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn give_up(&self, failure: Failure) -> Result<()> {
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let cycle = store::lock(&work, self.job.cycle).await?;
            let mut audit = self.audit("performance.cycle.fail");
            if cycle.run == Some(self.job.run) && !cycle.state.rests() {
                audit = audit.note("reason", failure.reason());
                store::save(&work, &cycle.fail(failure.clone())?).await?;
                work.enqueue_work([self.job.then(Task::DiscardResult)]).await?;
            }
            Ok((work, audit, ()))
        })
        .await
    }
}
