//! One item of the background work of a run, and what every step of it does alike.

use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_access::{OpContext, Permit};
use tally_kernel::id::CycleId;
use tally_kernel::{Error, Result, msg};
use tally_store::{Audit, UnitOfWork, WorkItem, WorkOrder};
use uuid::Uuid;

use super::domain::{Failure, Step};
use super::store as cycles;
use crate::App;
use crate::policy::CloseCycle;

/// The kind of all items of work here.
pub const WORK: &str = "closing";
/// One item of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The cycle.
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
    Gather,
    /// Credit the records of one component.
    Attribute(i32),
    /// Make the cards and end the run.
    Score,
    /// Throw away what a dead run wrote.
    Discard,
}

impl Job {
    /// Another item of the same run.
    pub fn then(self, task: Task) -> WorkOrder {
        WorkOrder::new(WORK, self.run, &Self { task, ..self })
    }
}

/// Where an item is worked on.
pub struct At<'a> {
    /// What every room works with.
    pub app: &'a App,
    /// The service's own context.
    pub ctx: &'a OpContext,
    /// Its permit.
    pub permit: &'a Permit<CloseCycle>,
    /// The item.
    pub item: &'a WorkItem,
    /// What it says.
    pub job: Job,
}

impl At<'_> {
    /// A unit of work of this run.
    ///
    /// # Errors
    /// [`gone`] where the run does not count any more.
    pub async fn unit(&self) -> Result<UnitOfWork> {
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        if cycles::counts(&work, self.job.cycle, self.job.run).await? { Ok(work) } else { Err(gone()) }
    }

    /// The audit entry of a piece of this run.
    pub fn audit(&self, action: &'static str) -> Audit {
        Audit::new(action, "cycle", self.job.cycle).note("run", self.job.run)
    }

    /// Tells how far the run is, outside of anything else.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tell(&self, step: Step) -> Result<()> {
        let work = self.unit().await?;
        cycles::progress(&work, self.job.cycle, self.job.run, step, None, None).await?;
        work.commit(self.audit("performance.cycle.progress").note("step", step), ()).await
    }

    /// Ends the run without a result, together with this item.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end(&self, failure: Failure) -> Result<()> {
        self.app
            .store
            .retry(self.ctx, || async {
                let work = self.unit().await?;
                let failed = cycles::lock(&work, self.job.cycle).await?.fail(failure.clone())?;
                cycles::save(&work, &failed).await?;
                work.enqueue_work([self.job.then(Task::Discard)]).await?;
                work.finish_work(self.item).await?;
                work.commit(self.audit("performance.cycle.fail").note("reason", failure.reason()), ()).await
            })
            .await
    }
}

/// What a piece of work of a run that was cancelled meanwhile ends with.
pub fn gone() -> Error {
    Error::of(tally_kernel::Kind::Cancelled, msg!("RUN_GONE"))
}
