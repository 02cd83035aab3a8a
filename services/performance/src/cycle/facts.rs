//! What other rooms may ask of cycles, and what a run tells those that wait for it.

use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_kernel::Result;
use tally_kernel::id::{AttributionRunId, CycleId};
use tally_store::{UnitOfWork, WorkOrder};
use uuid::Uuid;

use super::store;
pub(crate) use super::store::people::{discard as discard_people, of_run as population_of};
pub(crate) use super::store::results::{Shown, all_shown, findings_of, published_before, shown, versions, versions_of};
pub(crate) use super::store::{
    advance_waiting, find, load, of_ids, one_scored_by, progress_of_waiting, scored_by, seen_since, since, waiting,
};
use crate::run::domain::Failure;
use crate::run::facts::WORK;

/// The item of an attempt at closing a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub cycle: CycleId,
    /// The attempt.
    pub run: Uuid,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// Make the cards.
    Score,
    /// Throw away the cards of an attempt that does not count any more.
    Discard,
}

impl Job {
    /// As it is put down.
    pub fn order(self) -> WorkOrder {
        WorkOrder::new(WORK, self.run, &self)
    }

    /// Another item of the same attempt.
    pub fn then(self, task: Task) -> WorkOrder {
        Self { task, ..self }.order()
    }
}

/// What is to be done for the cycles that waited for a run, now that it is done.
pub(crate) async fn score_waiting(work: &UnitOfWork, attribution: AttributionRunId) -> Result<Vec<WorkOrder>> {
    let score = |(cycle, run)| Job { cycle, run, task: Task::Score }.order();
    Ok(store::waiting(work, attribution).await?.into_iter().map(score).collect())
}

/// Ends the closing of the cycles that waited for a run.
pub(crate) async fn fail_waiting(work: &UnitOfWork, attribution: AttributionRunId, failure: &Failure) -> Result<()> {
    for (cycle, _) in store::waiting(work, attribution).await? {
        let failed = store::lock(work, cycle).await?.fail(failure.clone())?;
        store::save(work, &failed).await?;
    }
    Ok(())
}
