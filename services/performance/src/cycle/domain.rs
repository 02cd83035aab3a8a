//! A cycle's states, what may follow what, and the words for where it stands. Pure.
//!
//! ```text
//! open -> closing -> reviewable -> published
//!   ^        |  \         |
//!   |        |   failed   |     closing again starts a new run from open, reviewable or failed
//!   +--------+-----+------+     cancelling goes back to open
//! ```

use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_kernel::id::{CycleId, SchemeId};
use tally_kernel::time::Period;
use tally_kernel::{Message, msg};
use uuid::Uuid;

use tally_engine::policy::Policy;

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

/// What the worker does just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// Nothing.
    #[default]
    Rest,
    /// Waiting for a worker.
    Queued,
    /// Asking who worked where and when.
    Collecting,
    Attributing,
    Scoring,
}

impl Step {
    /// What is said while it goes on; nothing where the worker rests.
    pub fn message(self) -> Option<Message> {
        match self {
            Self::Rest => None,
            Self::Queued => Some(msg!("STEP_QUEUED")),
            Self::Collecting => Some(msg!("STEP_COLLECTING")),
            Self::Attributing => Some(msg!("STEP_ATTRIBUTING")),
            Self::Scoring => Some(msg!("STEP_SCORING")),
        }
    }
}

/// Why a cycle could not be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// No record of a known account in the period.
    NoRecords { period: Period },
    /// Records, but nobody to credit them to.
    NobodyCredited {
        records: u64,
        /// The period, where nobody at all is employed in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unemployed: Option<Period>,
    },
    /// Something else said no, in a sentence.
    Refused {
        /// Its stable reason.
        reason: String,
        /// Its sentence.
        message: Message,
    },
    /// Tried several times in vain.
    GaveUp {
        /// The stable reason of the last time.
        reason: String,
    },
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::NoRecords { .. } => "PERIOD_WITHOUT_RECORDS",
            Self::NobodyCredited { .. } => "NOBODY_CREDITED",
            Self::Refused { reason, .. } | Self::GaveUp { reason } => reason,
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Message {
        match self {
            Self::NoRecords { period } => msg!("PERIOD_WITHOUT_RECORDS", from = period.from(), to = period.to()),
            Self::NobodyCredited { records, unemployed: None } => msg!("NOBODY_CREDITED", records),
            Self::NobodyCredited { records, unemployed: Some(period) } => {
                msg!("NOBODY_CREDITED.unemployed", records, from = period.from(), to = period.to())
            }
            Self::Refused { message, .. } => msg!("CYCLE_REFUSED", message = *message),
            Self::GaveUp { reason } => msg!("CYCLE_GIVEN_UP", reason),
        }
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
}

/// One run of a scheme over a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    pub id: CycleId,
    /// Name for people to read.
    pub name: String,
    /// Local dates, in each account's zone.
    pub period: Period,
    pub scheme: SchemeId,
    pub scheme_version: u32,
    /// The numbers of attribution.
    pub policy: Policy,
    pub state: State,
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
    /// Name for people to read.
    pub name: String,
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
}

impl Cycle {
    /// Starts a run.
    ///
    /// # Errors
    /// [`CycleError::Closing`], [`CycleError::Published`].
    pub fn close(self, run: Uuid) -> Result<Self, CycleError> {
        match self.state {
            State::Open | State::Reviewable | State::Failed => {}
            State::Closing => return Err(CycleError::Closing),
            State::Published => return Err(CycleError::Published),
        }
        let fresh = Self { failure: None, summary: None, done: 0, total: 0, ..self };
        Ok(Self { state: State::Closing, run: Some(run), step: Step::Queued, ..fresh }.changed())
    }

    /// Throws the run away.
    ///
    /// # Errors
    /// [`CycleError::NotClosing`].
    pub fn cancel(self) -> Result<Self, CycleError> {
        if self.state != State::Closing {
            return Err(CycleError::NotClosing);
        }
        Ok(Self { state: State::Open, run: None, step: Step::Rest, done: 0, total: 0, ..self }.changed())
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
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    fn cycle(state: State) -> Cycle {
        Cycle {
            id: CycleId(Uuid::from_u128(1)),
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
            let closing = cycle(state).close(Uuid::from_u128(9)).unwrap();
            assert_eq!((closing.state, closing.run, closing.done), (State::Closing, Some(Uuid::from_u128(9)), 0));
            assert_eq!((closing.summary, closing.version), (None, 5));
        }
        assert_eq!(cycle(State::Closing).close(Uuid::nil()), Err(CycleError::Closing));
        assert_eq!(cycle(State::Published).close(Uuid::nil()), Err(CycleError::Published));
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
        assert_eq!(published.close(Uuid::nil()), Err(CycleError::Published));
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
    fn a_failure_says_what_to_change_in_both_languages() {
        let failure = Failure::NoRecords { period: Period::month_of(date(2026, 3, 1)) };
        let told = |locale| text(locale, &failure.message());
        assert!(told(Locale::En).contains("import the records"), "{}", told(Locale::En));
        assert!(told(Locale::ZhCn).contains("2026-03-31"), "{}", told(Locale::ZhCn));
    }

    #[test]
    fn a_failure_that_was_stored_before_it_knew_of_employments_reads_back() {
        let failure: Failure = serde_json::from_str(r#"{"kind":"nobody_credited","records":3}"#).unwrap();
        assert_eq!(failure, Failure::NobodyCredited { records: 3, unemployed: None });
    }

    #[test]
    fn a_failure_that_was_stored_as_a_sentence_reads_back() {
        let stored = r#"{"kind":"refused","reason":"SCHEME_WITHOUT_DATA","message":"no indicator has any data"}"#;
        let failure: Failure = serde_json::from_str(stored).unwrap();
        assert_eq!(text(Locale::En, &failure.message()), "no indicator has any data");
        let now = Failure::Refused { reason: "NOBODY_TO_SCORE".to_owned(), message: msg!("NOBODY_TO_SCORE") };
        let json = serde_json::to_string(&now).unwrap();
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), now);
        assert!(text(Locale::ZhCn, &now.message()).contains("没有可评分的人员"), "{json}");
    }

    #[test]
    fn the_stored_words_of_states_and_steps_are_these() {
        tally_testkit::words([
            (State::Open, "open"),
            (State::Closing, "closing"),
            (State::Reviewable, "reviewable"),
            (State::Published, "published"),
            (State::Failed, "failed"),
        ]);
        tally_testkit::words([
            (Step::Rest, "rest"),
            (Step::Queued, "queued"),
            (Step::Collecting, "collecting"),
            (Step::Attributing, "attributing"),
            (Step::Scoring, "scoring"),
        ]);
    }
}
