//! A run of attribution: its states, what it is about, whose it is, and why it failed. Pure.
//!
//! ```text
//! running -> done        cycles may score from it
//!     |  \-> failed
//!     +----> cancelled   nothing of it is left; also what was done, when its cycle is closed anew
//! ```
//! A run is one attempt: its id is what all its results are kept under, and whoever wants another attempt starts another run.

mod failure;
mod parts;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::Owner;
use tally_engine::closing::credit::{Figures, LATER, RUNGS};
use tally_engine::closing::snapshot::{Days, Frozen};
use tally_engine::policy::Policy;
use tally_kernel::id::{AccountId, AttributionRunId, CycleId, OrgUnitId};
use tally_kernel::time::Period;
use tally_kernel::{Message, msg};

pub use self::failure::Failure;
pub use self::parts::{Part, Whose, parts};
use crate::record::domain::money::KeptRates;

/// Accounts, and units, that a refusal names.
const NAMED: usize = 5;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Work goes on.
    Running,
    /// Cycles may score from it.
    Done,
    /// Could not be done.
    Failed,
    /// Stopped, or replaced.
    Cancelled,
}

impl State {
    /// Whether nothing changes by itself any more.
    pub fn rests(self) -> bool {
        self != Self::Running
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

/// What a run is about; of nothing at all it is about everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// These accounts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<AccountId>,
    /// The accounts and people of these units with all below them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<OrgUnitId>,
}

impl Scope {
    /// Whether it is about everything.
    pub fn is_all(&self) -> bool {
        self.accounts.is_empty() && self.units.is_empty()
    }

    /// Whether a component has an account or a person that this is about.
    pub fn touches(&self, component: &Frozen, whose: Whose<'_>) -> bool {
        let mine = |unit: OrgUnitId| self.units.iter().any(|above| (whose.holds)(*above, unit));
        self.is_all()
            || component.accounts.iter().any(|a| self.accounts.contains(&a.id) || a.unit.is_some_and(&mine))
            || component.people.iter().any(|person| mine((whose.unit_of)(person)))
    }

    /// Whether it is about all of a cycle: of the units of its population, or of its owner where it names none.
    pub fn covers(&self, about: &[OrgUnitId], holds: impl Fn(OrgUnitId, OrgUnitId) -> bool) -> bool {
        let held = |unit: &OrgUnitId| self.units.iter().any(|above| holds(*above, *unit));
        self.is_all() || !about.is_empty() && about.iter().all(held)
    }
}

/// What people and accounts of some units share with those beyond, for a refusal to name: the first own accounts that people beyond serve, with
/// the paths of these people's units; where there are none, the units whose accounts own people serve. Nothing else of other units is told.
pub fn shared<'u>(
    parts: &[Part<'_>],
    whose: Whose<'_>,
    inside: impl Fn(OrgUnitId) -> bool,
    path: impl Fn(OrgUnitId) -> Option<&'u str>,
) -> (Vec<String>, Vec<String>) {
    let (mut accounts, mut serving, mut served) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for part in parts {
        for (account, places) in &part.accounts {
            let people = places.iter().filter_map(|place| part.component.people.get(*place as usize));
            let (own, others): (Vec<_>, Vec<_>) =
                people.map(|person| (whose.unit_of)(person)).partition(|unit| inside(*unit));
            match account.unit {
                Some(unit) if !inside(unit) => served.extend(Some(unit).filter(|_| !own.is_empty())),
                None if own.is_empty() => {}
                Some(_) | None if others.is_empty() => {}
                Some(_) | None => {
                    accounts.push(account.key.clone());
                    serving.extend(others);
                }
            }
        }
    }
    let units = if accounts.is_empty() { served } else { serving };
    let mut paths: Vec<_> = units.iter().map(|id| path(*id).map_or_else(|| id.to_string(), str::to_owned)).collect();
    paths.sort_unstable();
    // A closed team is called as the unit that it goes on in.
    paths.dedup();
    paths.truncate(NAMED);
    accounts.sort_unstable();
    accounts.truncate(NAMED);
    (accounts, paths)
}

/// A run in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Records of the period.
    pub records: u64,
    /// Of these credited to nobody.
    pub unattributed: u64,
    /// Records per rung of the ladder, in the ladder's order.
    pub rungs: Vec<(String, u64)>,
    /// Records of mixed accounts without a tag.
    pub mixed_untagged: u64,
    pub accounts: u32,
    /// People who are credited with something.
    pub people: u32,
    /// Digest of all credits, hex.
    pub digest: String,
    /// Release of the tz database used.
    pub tzdb: String,
}

impl Summary {
    /// The figures of all accounts together.
    pub fn of(figures: &Figures, accounts: u32, people: u32, digest: String, tzdb: String) -> Self {
        Self {
            records: figures.records,
            unattributed: figures.unattributed(),
            rungs: rungs(figures),
            mixed_untagged: figures.mixed_untagged,
            accounts,
            people,
            digest,
            tzdb,
        }
    }
}

/// Records per rung, in the ladder's order.
pub fn rungs(figures: &Figures) -> Vec<(String, u64)> {
    let later =
        LATER.into_iter().map(|rung| (rung.to_string(), figures.later(rung))).filter(|(_, records)| *records > 0);
    RUNGS.into_iter().map(|rung| rung.to_string()).zip(figures.rungs).chain(later).collect()
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionRun {
    pub id: AttributionRunId,
    /// Whom it belongs to: until it is known what it touches, the unit that it was started for.
    pub owner: Owner,
    /// Local dates, in each account's zone.
    pub period: Period,
    /// The numbers of attribution.
    pub policy: Policy,
    pub scope: Scope,
    /// The columns beside the known measures that are added up for everybody, sorted.
    pub columns: Vec<String>,
    /// Whether sales are added up in the group's currency; an amount in another one is converted then, and else left out.
    pub amounts: bool,
    /// Of which days its accounts are counted and joined.
    #[serde(default)]
    pub days: Days,
    /// What amounts are converted by; nothing until the facts are collected, and of a run from before rates were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<KeptRates>,
    /// The cycle that it was started for.
    pub cycle: Option<CycleId>,
    /// The run that it takes over from whatever is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AttributionRunId>,
    pub state: State,
    /// Work items done.
    pub done: u32,
    /// Work items in all; 0 until they are known.
    pub total: u32,
    /// What the worker does.
    pub step: Step,
    pub failure: Option<Failure>,
    /// Figures once it is done.
    pub summary: Option<Summary>,
    pub started_at: Timestamp,
    /// Changes with every change of state.
    pub version: i64,
}

/// What a run to be started says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRun {
    /// Where the right is asked for; nothing for the group.
    pub unit: Option<OrgUnitId>,
    /// Local dates.
    pub period: Period,
    pub policy: Policy,
    pub scope: Scope,
}

/// What a run's state forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// It rests already.
    Rests,
    /// Nothing can be scored from it.
    NotDone,
    /// It is of other days or of another policy than the cycle.
    Differs,
    /// It is about a part of what the cycle is about.
    CoversPart,
    /// So many people of the cycle, who are in it by an earlier day, are beyond it on the last day; this unit is above all, by its path, or the group.
    Elsewhere { people: usize, day: Date, last: Date, unit: String },
    /// A cycle waits for it.
    Awaited,
    /// It keeps no rates that amounts could be converted by.
    WithoutRates,
    /// Records of this account were changed since it read them, and are to be read again.
    Outdated(String),
    /// Retention may have removed something that it would be made of.
    Purged(Date, &'static str),
}

impl AttributionRun {
    /// A run that begins. About nothing in particular, it is about all of its unit.
    pub fn begin(id: AttributionRunId, owner: Owner, new: NewRun, columns: Vec<String>, started_at: Timestamp) -> Self {
        let NewRun { period, policy, mut scope, .. } = new;
        if scope.is_all() {
            scope.units.extend(owner.unit());
        }
        Self {
            id,
            owner,
            period,
            days: Days::of(&policy),
            policy,
            scope,
            columns,
            amounts: false,
            money: None,
            cycle: None,
            source: None,
            state: State::Running,
            done: 0,
            total: 0,
            step: Step::Queued,
            failure: None,
            summary: None,
            started_at,
            version: 1,
        }
    }

    /// The same once more, for a correction: what no change touched is taken over.
    pub fn again(self, id: AttributionRunId, cycle: CycleId, started_at: Timestamp) -> Self {
        let (owner, columns, amounts, days) = (self.owner.clone(), self.columns, self.amounts, self.days);
        let new = NewRun { unit: owner.unit(), period: self.period, policy: self.policy, scope: self.scope };
        let begun = Self::begin(id, owner, new, columns, started_at);
        Self { amounts, days, cycle: Some(cycle), source: Some(self.id), ..begun }
    }

    /// Whether what another run came to can be taken over: nothing of it was converted by other rates.
    pub fn reckons_as(&self, money: &KeptRates) -> bool {
        !self.amounts || self.money.as_ref().is_none_or(|mine| mine == money)
    }

    /// Ends it with its figures.
    ///
    /// # Errors
    /// [`RunError::Rests`].
    pub fn finish(self, summary: Summary) -> Result<Self, RunError> {
        let done = self.total;
        Ok(Self { state: State::Done, summary: Some(summary), done, ..self.rest()? })
    }

    /// Ends it without any.
    ///
    /// # Errors
    /// [`RunError::Rests`].
    pub fn fail(self, failure: Failure) -> Result<Self, RunError> {
        Ok(Self { state: State::Failed, failure: Some(failure), ..self.rest()? })
    }

    /// Stops it.
    ///
    /// # Errors
    /// [`RunError::Rests`].
    pub fn cancel(self) -> Result<Self, RunError> {
        Ok(Self { state: State::Cancelled, ..self.rest()? })
    }

    /// Throws it away, whatever it is: another run takes its place.
    #[must_use]
    pub fn replaced(self) -> Self {
        Self { state: State::Cancelled, step: Step::Rest, summary: None, version: self.version + 1, ..self }
    }

    /// Whether a cycle of this period and policy may score from it.
    ///
    /// # Errors
    /// [`RunError::NotDone`], [`RunError::Differs`].
    pub fn may_score(&self, period: Period, policy: &Policy) -> Result<(), RunError> {
        match self.state {
            State::Done if self.period == period && self.policy == *policy => Ok(()),
            State::Done => Err(RunError::Differs),
            State::Running | State::Failed | State::Cancelled => Err(RunError::NotDone),
        }
    }

    fn rest(self) -> Result<Self, RunError> {
        match self.state {
            State::Running => Ok(Self { step: Step::Rest, version: self.version + 1, ..self }),
            State::Done | State::Failed | State::Cancelled => Err(RunError::Rests),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn run(state: State) -> AttributionRun {
        let period = Period::month_of(date(2026, 3, 1));
        let new = NewRun { unit: None, period, policy: Policy::default(), scope: Scope::default() };
        let begun = AttributionRun::begin(
            AttributionRunId(Uuid::nil()),
            Owner::group(),
            new,
            Vec::new(),
            Timestamp::UNIX_EPOCH,
        );
        AttributionRun { state, ..begun }
    }

    #[test]
    fn what_is_put_right_counts_the_days_that_were_counted() {
        let again = |days| {
            let before = AttributionRun { days, ..run(State::Done) };
            before.again(AttributionRunId(Uuid::from_u128(2)), CycleId(Uuid::from_u128(3)), Timestamp::UNIX_EPOCH).days
        };
        assert_eq!(
            [run(State::Done).days, again(Days::Own), again(Days::Around)],
            [Days::Own, Days::Own, Days::Around]
        );
    }

    #[test]
    fn a_run_that_rests_never_changes_by_its_own_work_again() {
        for state in [State::Done, State::Failed, State::Cancelled] {
            assert_eq!(run(state).cancel(), Err(RunError::Rests));
            assert_eq!(run(state).finish(Summary::default()), Err(RunError::Rests));
            assert_eq!(run(state).fail(Failure::RunStopped), Err(RunError::Rests));
        }
        assert_eq!(run(State::Running).cancel().unwrap().state, State::Cancelled);
    }

    #[test]
    fn a_cycle_scores_from_a_done_run_of_its_own_days_and_policy_alone() {
        let (march, policy) = (Period::month_of(date(2026, 3, 1)), Policy::default());
        assert_eq!(run(State::Done).may_score(march, &policy), Ok(()));
        assert_eq!(run(State::Running).may_score(march, &policy), Err(RunError::NotDone));
        let april = Period::month_of(date(2026, 4, 1));
        assert_eq!(run(State::Done).may_score(april, &policy), Err(RunError::Differs));
        let other = Policy { inference_off: true, ..policy };
        assert_eq!(run(State::Done).may_score(march, &other), Err(RunError::Differs));
    }

    #[test]
    fn a_run_of_a_unit_about_nothing_in_particular_is_about_all_of_the_unit() {
        let unit = OrgUnitId(Uuid::from_u128(5));
        let new = || {
            let scope = Scope::default();
            NewRun { unit: Some(unit), period: Period::month_of(date(2026, 3, 1)), policy: Policy::default(), scope }
        };
        let begin = |owner| {
            AttributionRun::begin(AttributionRunId(Uuid::nil()), owner, new(), Vec::new(), Timestamp::UNIX_EPOCH)
        };
        assert_eq!(begin(Owner::of("cn-north".parse().unwrap(), unit)).scope.units, [unit].into());
        assert!(begin(Owner::group()).scope.is_all());
    }

    #[test]
    fn the_stored_words_of_states_and_steps_are_these() {
        tally_testkit::words([
            (State::Running, "running"),
            (State::Done, "done"),
            (State::Failed, "failed"),
            (State::Cancelled, "cancelled"),
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
