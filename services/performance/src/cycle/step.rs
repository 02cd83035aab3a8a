//! The item of the background work of a cycle: scoring it, once the run that it waits for is done.

use tally_access::{OpContext, Permit};
use tally_app::perform;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, UnitOfWork, WorkItem};

use super::domain::{Cycle, Summary};
use super::facts::{Job, Task};
use super::store;
use crate::App;
use crate::policy::CloseCycle;
use crate::run::domain::{Failure, Step};

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
    /// The audit entry of a piece of this attempt.
    pub fn audit(&self, action: &'static str) -> Audit {
        Audit::new(action, "cycle", self.job.cycle).note("run", self.job.run)
    }

    /// The cycle, if the attempt still counts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn cycle(&self) -> Result<Option<Cycle>> {
        let tx = self.app.store.read(self.ctx).await?;
        let counts = store::counts(&tx, self.job.cycle, self.job.run).await?;
        if counts { store::load(&tx, self.job.cycle).await.map(Some) } else { Ok(None) }
    }

    /// Writes a piece of this attempt, in one unit.
    ///
    /// # Errors
    /// `RUN_GONE` where it does not count any more; what `body` says.
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

    /// Tells that the cards are being made.
    ///
    /// # Errors
    /// What the store says.
    pub async fn tell(&self) -> Result<()> {
        self.write(async |work| {
            store::step(&work, self.job.cycle, self.job.run, Step::Scoring).await?;
            Ok((work, self.audit("performance.cycle.progress").note("step", Step::Scoring)))
        })
        .await
    }

    /// Ends the attempt with its result.
    ///
    /// # Errors
    /// What the store says.
    pub async fn finish(&self, work: &UnitOfWork, summary: Summary) -> Result<()> {
        let done = store::lock(work, self.job.cycle).await?.finish(summary)?;
        store::save(work, &done).await?;
        work.finish_work(self.item).await?;
        Ok(())
    }

    /// Ends the attempt without a result, together with this item.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end(&self, failure: Failure) -> Result<()> {
        self.write(async |work| {
            let failed = store::lock(&work, self.job.cycle).await?.fail(failure.clone())?;
            store::save(&work, &failed).await?;
            work.enqueue_work([self.job.then(Task::Discard)]).await?;
            work.finish_work(self.item).await?;
            Ok((work, self.audit("performance.cycle.fail").note("reason", failure.reason())))
        })
        .await
    }

    /// Ends the attempt of an item that cannot be done, if it still counts.
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
                work.enqueue_work([self.job.then(Task::Discard)]).await?;
            }
            Ok((work, audit, ()))
        })
        .await
    }
}
