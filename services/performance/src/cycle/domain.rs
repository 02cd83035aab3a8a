//! A cycle's states, what may follow what, and the words for where it stands. Pure.
//!
//! ```text
//! open -> closing -> reviewable -> published
//!   ^        |  \         |
//!   |        |   failed   |     closing again starts a new run from open, reviewable or failed
//!   +--------+-----+------+     cancelling goes back to open
//! ```
//!
//! What is published never changes. A correction is a cycle of its own, of the same people and days, that names the cycle it corrects;
//! published, it is the newest version of that cycle's result.

pub mod population;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Owner, Target};
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
    /// Of a correction: people whose card is not as it was in the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<u32>,
}

/// What a correction corrects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrects {
    /// The published cycle; never itself a correction.
    pub cycle: CycleId,
    /// For everybody with a card to read.
    pub reason: String,
}

/// That a result is known to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// 1, or more for corrections.
    pub version: u32,
    /// Since when.
    pub at: Timestamp,
}

/// Which of the versions of a cycle's result is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// What counts now, also where it is not published yet.
    #[default]
    Newest,
    Version(u32),
    /// What was known to everybody then.
    KnownAt(Timestamp),
}

impl Asked {
    /// Which of the publications, oldest first.
    pub fn of(self, published: &[Publication]) -> Option<usize> {
        match self {
            Self::Newest => published.len().checked_sub(1),
            Self::Version(version) => published.iter().position(|publication| publication.version == version),
            Self::KnownAt(at) => published.iter().rposition(|publication| publication.at <= at),
        }
    }
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
    /// What it corrects; nothing for a cycle of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Corrects>,
    /// Of what is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Publication>,
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
    /// Only what is published is corrected.
    NotPublished,
    /// It has no such version of its result.
    NoVersion,
    /// Every card is as it is already.
    ChangesNothing,
    /// A correction of it is there, and not published, that says something else.
    CorrectionUnderway(CycleId),
    /// Retention may have removed something of this kind that it would be made of; of a period that begins on this day, nothing.
    Purged(Date, &'static str),
    /// As [`Self::Purged`], of a cycle that is to be closed.
    ClosesPurged(Date, &'static str),
}

/// The units that a cycle is about: those of its population, or its own where that names none; none where it is about the group.
pub fn about(own: Option<OrgUnitId>, population: Option<&Population>) -> Vec<OrgUnitId> {
    let named: Vec<_> = population.into_iter().flat_map(|population| population.units.iter().copied()).collect();
    if named.is_empty() { own.into_iter().collect() } else { named }
}

impl Cycle {
    /// What a call about it is decided on: whose it is, where that hung on its last day.
    pub fn target(&self) -> Target {
        self.owner.target().on(self.period.to())
    }

    /// What is open, or could not be closed, says something else from now on; of the same unit and days. Nothing of what goes on without that.
    pub fn rewritten(self, new: &NewCycle, scheme_version: u32) -> Option<Self> {
        match self.state {
            State::Open | State::Failed => {}
            State::Closing | State::Reviewable | State::Published => return None,
        }
        let NewCycle { name, population, scheme, policy, .. } = new.clone();
        Some(Self { name, population, scheme, scheme_version, policy, ..self }.changed())
    }

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

    /// Throws the run away; of a correction also the result that is not published.
    ///
    /// # Errors
    /// [`CycleError::NotClosing`].
    pub fn cancel(self) -> Result<Self, CycleError> {
        let unwanted = self.state == State::Reviewable && self.corrects.is_some();
        if self.state != State::Closing && !unwanted {
            return Err(CycleError::NotClosing);
        }
        let open = Self { state: State::Open, run: None, attribution: None, step: Step::Rest, summary: None, ..self };
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
    /// [`CycleError::Published`], [`CycleError::Closing`], [`CycleError::NotReviewable`], [`CycleError::ChangesNothing`].
    pub fn publish(self, published: Publication) -> Result<Self, CycleError> {
        match self.state {
            State::Reviewable if self.summary.as_ref().is_some_and(|summary| summary.corrected == Some(0)) => {
                Err(CycleError::ChangesNothing)
            }
            State::Reviewable => Ok(Self { state: State::Published, published: Some(published), ..self }.changed()),
            State::Published => Err(CycleError::Published),
            State::Closing => Err(CycleError::Closing),
            State::Open | State::Failed => Err(CycleError::NotReviewable),
        }
    }

    /// A correction of this published cycle, to be closed: the same people and days, scored by this version of the scheme.
    ///
    /// # Errors
    /// [`CycleError::NotPublished`].
    pub fn corrected(&self, id: CycleId, reason: &str, scheme_version: u32) -> Result<Self, CycleError> {
        if self.state != State::Published {
            return Err(CycleError::NotPublished);
        }
        let corrects = Some(Corrects { cycle: self.id, reason: reason.to_owned() });
        let fresh =
            Self { id, scheme_version, corrects, published: None, attribution: None, run: None, ..self.clone() };
        Ok(Self {
            state: State::Open,
            step: Step::Rest,
            summary: None,
            failure: None,
            done: 0,
            total: 0,
            version: 1,
            ..fresh
        })
    }

    /// This correction, which is not published, as it is worked out when it is asked for again: as it says, or, where it came to nothing, as the
    /// newest request says.
    ///
    /// # Errors
    /// [`CycleError::CorrectionUnderway`].
    pub fn asked_again(self, corrects: Corrects, scheme_version: Option<u32>) -> Result<Self, CycleError> {
        let version = scheme_version.unwrap_or(self.scheme_version);
        match self.state {
            State::Open | State::Failed => Ok(Self { corrects: Some(corrects), scheme_version: version, ..self }),
            State::Closing | State::Reviewable | State::Published => {
                let same = self.corrects.as_ref() == Some(&corrects) && version == self.scheme_version;
                if same { Ok(self) } else { Err(CycleError::CorrectionUnderway(self.id)) }
            }
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
            corrects: None,
            published: None,
            version: 4,
        }
    }

    fn known(version: u32, second: i64) -> Publication {
        Publication { version, at: Timestamp::from_second(second).unwrap() }
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
        let published = cycle(State::Reviewable).publish(known(1, 5)).unwrap();
        assert_eq!(published.clone().publish(known(1, 6)), Err(CycleError::Published));
        assert_eq!(published.clone().cancel(), Err(CycleError::NotClosing));
        assert_eq!(
            published.clone().fail(Failure::NobodyCredited { records: 1, unemployed: None, elsewhere: None }),
            Err(CycleError::NotClosing)
        );
        assert_eq!(published.close(Uuid::nil(), RUN), Err(CycleError::Published));
    }

    #[test]
    fn a_cancelled_run_leaves_nothing_behind_and_a_failed_one_no_result() {
        let cancelled = cycle(State::Closing).cancel().unwrap();
        assert_eq!((cancelled.state, cancelled.run), (State::Open, None));
        let failed = cycle(State::Closing).fail(Failure::NoRecords { period: cancelled.period, part: false }).unwrap();
        assert_eq!((failed.state, failed.run), (State::Failed, Some(Uuid::from_u128(3))));
        assert_eq!(failed.publish(known(1, 5)), Err(CycleError::NotReviewable));
    }

    #[test]
    fn a_correction_is_of_the_same_people_and_days_and_published_only_where_it_changes_something() {
        let id = CycleId(Uuid::from_u128(8));
        assert_eq!(cycle(State::Reviewable).corrected(id, "late", 1), Err(CycleError::NotPublished));
        let published = cycle(State::Reviewable).publish(known(1, 5)).unwrap();
        let correction = published.corrected(id, "late", 2).unwrap();
        assert_eq!((correction.state, correction.run, correction.published), (State::Open, None, None));
        assert_eq!((correction.period, correction.scheme_version, correction.version), (published.period, 2, 1));
        assert_eq!(correction.corrects, Some(Corrects { cycle: published.id, reason: "late".to_owned() }));
        let scored = |corrected| Summary { corrected: Some(corrected), ..Summary::default() };
        let reviewable = |corrected| Cycle { summary: Some(scored(corrected)), ..cycle(State::Reviewable) };
        assert_eq!(reviewable(0).publish(known(2, 9)), Err(CycleError::ChangesNothing));
        assert_eq!(reviewable(1).publish(known(2, 9)).unwrap().published, Some(known(2, 9)));
        let looked_at = Cycle { state: State::Reviewable, ..correction };
        let says = |reason: &str| Corrects { cycle: published.id, reason: reason.to_owned() };
        assert_eq!(looked_at.clone().asked_again(says("late"), None), Ok(looked_at.clone()));
        for (reason, version) in [("other", None), ("late", Some(3))] {
            let refused = looked_at.clone().asked_again(says(reason), version);
            assert_eq!(refused, Err(CycleError::CorrectionUnderway(id)));
        }
        let thrown_away = looked_at.cancel().unwrap();
        assert_eq!((thrown_away.state, &thrown_away.summary), (State::Open, &None));
        let anew = thrown_away.asked_again(says("other"), Some(3)).unwrap();
        assert_eq!((anew.corrects, anew.scheme_version), (Some(says("other")), 3));
        assert_eq!(
            cycle(State::Reviewable).cancel(),
            Err(CycleError::NotClosing),
            "a month of its own is closed again"
        );
    }

    #[test]
    fn what_was_known_at_an_instant_is_what_was_published_last_by_then() {
        let published = [known(1, 5), known(2, 9)];
        let at = |second| Asked::KnownAt(Timestamp::from_second(second).unwrap()).of(&published);
        assert_eq!([at(4), at(5), at(8), at(9), at(90)], [None, Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!((Asked::Newest.of(&published), Asked::Newest.of(&[])), (Some(1), None));
        assert_eq!((Asked::Version(1).of(&published), Asked::Version(3).of(&published)), (Some(0), None));
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
