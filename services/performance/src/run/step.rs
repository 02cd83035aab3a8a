//! What every step of a run does alike: it asks whether the run still counts, tells how far it is, and ends it; the cycles that wait for
//! the run hear of all that in the same unit.

use tally_access::{OpContext, Permit};
use tally_app::perform;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, UnitOfWork, WorkItem};

use super::domain::{AttributionRun, Failure, Step, Summary};
use super::facts::{Job, Task};
use super::store;
use crate::App;
use crate::cycle::facts as cycles;
use crate::policy::CloseCycle;

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
        Audit::new(action, "attribution_run", self.job.attribution)
    }

    /// The run, if it still counts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn run(&self) -> Result<Option<AttributionRun>> {
        let tx = self.app.store.read(self.ctx).await?;
        let counts = store::counts(&tx, self.job.attribution).await?;
        if counts { store::load(&tx, self.job.attribution).await.map(Some) } else { Ok(None) }
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
            if !store::counts(&work, self.job.attribution).await? {
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
            self.reach(&work, step, None).await?;
            Ok((work, self.audit("performance.run.progress").note("step", step)))
        })
        .await
    }

    /// Tells how far the run is, and of how many items once that is known, together with something else.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reach(&self, work: &UnitOfWork, step: Step, total: Option<u32>) -> Result<()> {
        store::progress(work, self.job.attribution, step, total).await?;
        cycles::progress_of_waiting(work, self.job.attribution, step, total).await
    }

    /// Tells that one more item of the run is done.
    ///
    /// # Errors
    /// What the store says.
    pub async fn advance(&self, work: &UnitOfWork) -> Result<()> {
        store::advance(work, self.job.attribution).await?;
        cycles::advance_waiting(work, self.job.attribution).await
    }

    /// Ends the run with its figures; whatever cycle waits for it is scored next.
    ///
    /// # Errors
    /// What the store says.
    pub async fn finish(&self, work: &UnitOfWork, summary: Summary) -> Result<()> {
        let done = store::lock(work, self.job.attribution).await?.finish(summary)?;
        store::save(work, &done).await?;
        work.enqueue_work(cycles::score_waiting(work, self.job.attribution).await?).await?;
        work.finish_work(self.item).await?;
        Ok(())
    }

    /// Ends the run without a result, together with this item and the cycles that wait.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end(&self, failure: Failure) -> Result<()> {
        self.write(async |work| {
            self.fail(&work, &failure).await?;
            work.finish_work(self.item).await?;
            Ok((work, self.audit("performance.run.fail").note("reason", failure.reason())))
        })
        .await
    }

    /// Ends the run of an item that cannot be done, if it still counts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn give_up(&self, failure: Failure) -> Result<()> {
        perform(&self.app.store, self.ctx, self.permit, async |work| {
            let mut audit = self.audit("performance.run.fail");
            if store::counts(&work, self.job.attribution).await? {
                audit = audit.note("reason", failure.reason());
                self.fail(&work, &failure).await?;
            }
            Ok((work, audit, ()))
        })
        .await
    }

    async fn fail(&self, work: &UnitOfWork, failure: &Failure) -> Result<()> {
        let failed = store::lock(work, self.job.attribution).await?.fail(failure.clone())?;
        store::save(work, &failed).await?;
        cycles::fail_waiting(work, self.job.attribution, failure).await?;
        Ok(work.enqueue_work([self.job.then(Task::DiscardResult)]).await?)
    }
}
