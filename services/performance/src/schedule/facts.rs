//! What other rooms may ask of schedules: the items of their work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_store::WorkOrder;
use uuid::Uuid;

use crate::run::facts::WORK;

/// One item of the work of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub schedule: Uuid,
    /// What is to be done.
    pub step: Step,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// Begin the month whose turn it is, if the schedule still waits for this instant.
    Begin(Timestamp),
    /// Look who is in a run and what is missing. Of an attempt, as what follows.
    Look(Uuid, i32),
    /// Make its cycle, and begin to close it.
    Close(Uuid, i32),
    /// See what became of the cycle.
    Follow(Uuid, i32),
}

impl Job {
    /// As it is put down, to be taken from an instant on.
    pub fn order(self, at: Timestamp) -> WorkOrder {
        WorkOrder::new(WORK, self.schedule, &self).not_before(at)
    }

    /// Another item of the same schedule.
    pub fn then(self, step: Step, at: Timestamp) -> WorkOrder {
        Self { step, ..self }.order(at)
    }
}
