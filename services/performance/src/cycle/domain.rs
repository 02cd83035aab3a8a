//! A cycle's states, what may follow what, and the words for where it stands. Pure.
//!
//! ```text
//! open -> closing -> reviewable -> published
//!   ^        |  \         |
//!   |        |   failed   |     closing again starts a new run from open, reviewable or failed
//!   +--------+-----+------+     cancelling goes back to open
//! ```

pub mod population;

use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::Owner;
use tally_engine::policy::Policy;
use tally_kernel::id::{AttributionRunId, CycleId, OrgUnitId, SchemeId};
use tally_kernel::time::Period;
use uuid::Uuid;

use self::population::Population;
use crate::run::domain::{Failure, Step};

/// Where a cycle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Made; records may still come in.
    Open,
    /// Work goes on.
    Closing,
    /// Scored; people may look at it.
    Reviewable,
    /// Published; never changes again.
    Published,
    /// Could not be closed.
    Failed,
}

impl State {
    /// Whether nothing changes by itself any more.
    pub fn rests(self) -> bool {
        self != Self::Closing
    }
}

/// A closed cycle in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Records of the period.
    pub records: u64,
    /// Of these credited to somebody.
    pub credited: u64,
    /// Of these credited to nobody.
    pub unattributed: u64,
    /// People with a score card.
    pub people: u32,
    /// Digest of all inputs and results, hex.
    pub digest: String,
    /// Release of the tz database used.
    pub tzdb: String,
    /// Records per rung of the ladder, in the ladder's order.
    pub rungs: Vec<(String, u64)>,
    /// Records of mixed accounts without a tag.
    pub mixed_untagged: u64,
    /// Millionths of records that people of the population are credited with.
    #[serde(default)]
    pub credited_ppm: u64,
    /// Millionths that others are credited with.
    #[serde(default)]
    pub outside_ppm: u64,
    /// How many others.
    #[serde(default)]
    pub outside_people: u32,
}

/// One run of a scheme over a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    pub id: CycleId,
    #[serde(default = "Owner::group")]
    pub owner: Owner,
    /// Name for people to read.
    pub name: String,
    /// Who is in it; everybody of its owner where nothing is said.
    #[serde(default)]
    pub population: Option<Population>,
    /// Local dates, in each account's zone.
    pub period: Period,
    pub scheme: SchemeId,
    pub scheme_version: u32,
    /// The numbers of attribution.
    pub policy: Policy,
    pub state: State,
    /// The run whose credits are scored.
    #[serde(default)]
    pub attribution: Option<AttributionRunId>,
    /// The attempt at closing whose results count; of one that failed only its findings are left.
    pub run: Option<Uuid>,
    /// Work items done.
    pub done: u32,
    /// Work items in all; 0 until they are known.
    pub total: u32,
    /// What the worker does.
    pub step: Step,
    pub failure: Option<Failure>,
    /// Figures once it is reviewable.
    pub summary: Option<Summary>,
    /// Changes with every change of state.
    pub version: i64,
}

/// What a cycle to be made says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCycle {
    /// Whose it is; nothing for the group.
    pub unit: Option<OrgUnitId>,
    /// Name for people to read.
    pub name: String,
    pub population: Option<Population>,
    /// Local dates.
    pub period: Period,
    pub scheme: SchemeId,
    /// Its version; 0 means the newest.
    pub scheme_version: u32,
    /// The numbers of attribution.
    pub policy: Policy,
}

/// What a cycle's state forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleError {
    /// It is being closed already.
    Closing,
    Published,
    /// There is nothing to cancel.
    NotClosing,
    /// It has no result yet.
    NotReviewable,
    /// There is no result to read.
    NoResult,
    /// Nobody is in it.
    Empty,
    /// Its scheme is of a unit that is not above it.
    ForeignScheme,
}

impl Cycle {
    /// Starts an attempt at closing, that scores from this run.
    ///
    /// # Errors
    /// [`CycleError::Closing`], [`CycleError::Published`].
    pub fn close(self, run: Uuid, attribution: AttributionRunId) -> Result<Self, CycleError> {
        match self.state {
            State::Open | State::Reviewable | State::Failed => {}
            State::Closing => return Err(CycleError::Closing),
            State::Published => return Err(CycleError::Published),
        }
        let fresh = Self { failure: None, summary: None, done: 0, total: 0, ..self };
        let (run, attribution) = (Some(run), Some(attribution));
        Ok(Self { state: State::Closing, run, attribution, step: Step::Queued, ..fresh }.changed())
    }

    /// Throws the run away.
    ///
    /// # Errors
    /// [`CycleError::NotClosing`].
    pub fn cancel(self) -> Result<Self, CycleError> {
        if self.state != State::Closing {
            return Err(CycleError::NotClosing);
        }
        let open = Self { state: State::Open, run: None, attribution: None, step: Step::Rest, ..self };
        Ok(Self { done: 0, total: 0, ..open }.changed())
    }

    /// Ends the run with its result.
    ///
    /// # Errors
    /// [`CycleError::NotClosing`].
    pub fn finish(self, summary: Summary) -> Result<Self, CycleError> {
        if self.state != State::Closing {
            return Err(CycleError::NotClosing);
        }
        let done = self.total;
        Ok(Self { state: State::Reviewable, step: Step::Rest, summary: Some(summary), done, ..self }.changed())
    }

    /// Ends the run without one; what it noticed on the way says why, and stays until closing begins anew.
    ///
    /// # Errors
    /// [`CycleError::NotClosing`].
    pub fn fail(self, failure: Failure) -> Result<Self, CycleError> {
        if self.state != State::Closing {
            return Err(CycleError::NotClosing);
        }
        Ok(Self { state: State::Failed, step: Step::Rest, failure: Some(failure), ..self }.changed())
    }

    /// Makes the result known.
    ///
    /// # Errors
    /// [`CycleError::Published`], [`CycleError::Closing`], [`CycleError::NotReviewable`].
    pub fn publish(self) -> Result<Self, CycleError> {
        match self.state {
            State::Reviewable => Ok(Self { state: State::Published, ..self }.changed()),
            State::Published => Err(CycleError::Published),
            State::Closing => Err(CycleError::Closing),
            State::Open | State::Failed => Err(CycleError::NotReviewable),
        }
    }

    fn changed(self) -> Self {
        Self { version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const RUN: AttributionRunId = AttributionRunId(Uuid::from_u128(7));

    fn cycle(state: State) -> Cycle {
        Cycle {
            id: CycleId(Uuid::from_u128(1)),
            owner: Owner::group(),
            population: None,
            attribution: None,
            name: "March".to_owned(),
            period: Period::month_of(date(2026, 3, 1)),
            scheme: SchemeId(Uuid::from_u128(2)),
            scheme_version: 1,
            policy: Policy::default(),
            state,
            run: Some(Uuid::from_u128(3)),
            done: 2,
            total: 3,
            step: Step::Attributing,
            failure: None,
            summary: Some(Summary::default()),
            version: 4,
        }
    }

    #[test]
    fn closing_starts_a_fresh_run_from_every_state_that_is_not_busy_or_final() {
        for state in [State::Open, State::Reviewable, State::Failed] {
            let closing = cycle(state).close(Uuid::from_u128(9), RUN).unwrap();
            assert_eq!((closing.state, closing.run, closing.done), (State::Closing, Some(Uuid::from_u128(9)), 0));
            assert_eq!((closing.summary, closing.version), (None, 5));
        }
        assert_eq!(cycle(State::Closing).close(Uuid::nil(), RUN), Err(CycleError::Closing));
        assert_eq!(cycle(State::Published).close(Uuid::nil(), RUN), Err(CycleError::Published));
    }

    #[test]
    fn a_published_cycle_never_changes_again() {
        let published = cycle(State::Reviewable).publish().unwrap();
        assert_eq!(published.clone().publish(), Err(CycleError::Published));
        assert_eq!(published.clone().cancel(), Err(CycleError::NotClosing));
        assert_eq!(
            published.clone().fail(Failure::NobodyCredited { records: 1, unemployed: None }),
            Err(CycleError::NotClosing)
        );
        assert_eq!(published.close(Uuid::nil(), RUN), Err(CycleError::Published));
    }

    #[test]
    fn a_cancelled_run_leaves_nothing_behind_and_a_failed_one_no_result() {
        let cancelled = cycle(State::Closing).cancel().unwrap();
        assert_eq!((cancelled.state, cancelled.run), (State::Open, None));
        let failed = cycle(State::Closing).fail(Failure::NoRecords { period: cancelled.period }).unwrap();
        assert_eq!((failed.state, failed.run), (State::Failed, Some(Uuid::from_u128(3))));
        assert_eq!(failed.publish(), Err(CycleError::NotReviewable));
    }

    #[test]
    fn the_stored_words_of_states_are_these() {
        tally_testkit::words([
            (State::Open, "open"),
            (State::Closing, "closing"),
            (State::Reviewable, "reviewable"),
            (State::Published, "published"),
            (State::Failed, "failed"),
        ]);
    }
}
