//! Who was on duty for which account, when, by which rule, with the evidence: the duty rules as interval algebra.
//!
//! Design. Every fact becomes a [`claim`](rules::Claim): a person, a stretch, a rule and words of evidence. The rules
//! are laid over each other from the strongest to the weakest; where a stronger rule has put somebody on duty, the
//! weaker ones are cut away, so that at any instant of an account only rows of one rule stand. Nothing is sampled, and
//! nothing depends on the order of the input or on ids: people go by employee number, accounts by key, and evidence
//! names employee numbers and instants. `oracle.rs` answers the same question instant by instant, without any of this,
//! and the tests compare the two.
//!
//! A shift belongs to the working day in which it begins, also where it runs past the cut-over: a night shift from
//! 22:00 to 06:00 is one piece of duty. Which punches are of that day is what the versions of the rules differ in, see
//! [`Version`].

mod belonging;
mod book;
mod findings;
mod holds;
mod punches;
mod repairs;
mod rules;
pub(crate) mod spans;
mod touched;

use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use crate::handover::domain::HandoverKind;
pub use crate::punch::domain::PunchKind;
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_kernel::time::{CUT_OVER, Period, TimeError};

pub use findings::{Finding, FindingKind, Moment};
pub use repairs::Repair;
pub use touched::{DutyFact, Edit, Touched, serves, touched};

/// The version of the rules. A month is closed under one, and replays under it for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// A punch is of the working day in which it lies, and of the shift that it touches.
    V1,
    /// A stretch of presence goes with its shift as a whole (`belonging.rs`); what a finding says of a punch or a
    /// hold is true of the whole log.
    V2,
    /// A punched break ends a stretch also within a hold (`holds.rs`): whoever is out does not serve.
    #[default]
    V3,
}

impl Version {
    /// Of its number; 0 means the newest.
    pub fn of(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            0 | 3 => Some(Self::V3),
            _ => None,
        }
    }
}

/// The rules and their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which rules.
    pub version: Version,
    /// How far a rostered shift reaches beyond its start and end.
    pub grace: SignedDuration,
    /// After which an unreleased hold ends, and within which an `out` belongs to its `in`.
    pub longest: SignedDuration,
    /// When a working day ends, for all accounts; nothing means each account's own.
    pub cut_over: Option<Time>,
}

impl Default for Policy {
    fn default() -> Self {
        let (grace, longest) = (SignedDuration::from_mins(15), SignedDuration::from_hours(16));
        Self { version: Version::default(), grace, longest, cut_over: None }
    }
}

/// A person with the zone of their days.
#[derive(Clone, Debug)]
pub struct DutyPerson {
    /// Id.
    pub id: PersonId,
    /// The group's own number: what evidence and findings say.
    pub employee_no: String,
    /// Zone in which employments begin and end.
    pub zone: TimeZone,
    /// Dated units.
    pub employments: Vec<Employment>,
}

/// A stretch of whole local days in a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employment {
    /// First day.
    pub from: Date,
    /// Last day, or open.
    pub to: Option<Date>,
    /// The unit, every unit above it and those closed ones that they go on for, each as an account would name it for its team: by its path.
    /// The people of a unit share them.
    pub units: Arc<[String]>,
}

/// An account as the rules see it.
#[derive(Clone, Debug)]
pub struct DutyAccount {
    /// Id.
    pub id: AccountId,
    /// `platform/store/name`.
    pub key: String,
    /// Zone of its days.
    pub zone: TimeZone,
    /// When its working day ends, [`CUT_OVER`] where nobody said.
    pub cut_over: Time,
    /// Path of the team that serves it; nothing means everybody.
    pub team: Option<String>,
    /// What the team is called where `team` is no path: it was closed, and its people went to this one.
    pub called: Option<String>,
    /// Whether only one person may hold it at a time.
    pub exclusive: bool,
}

impl DutyAccount {
    /// An account with the usual cut-over, served by everybody.
    pub fn new(id: AccountId, key: impl Into<String>, zone: TimeZone) -> Self {
        Self { id, key: key.into(), zone, cut_over: CUT_OVER, team: None, called: None, exclusive: false }
    }
}

/// Planned duty of a person for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Who.
    pub person: PersonId,
    /// For which account.
    pub account: AccountId,
    /// From.
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
    /// The correction that brought it.
    pub correction: Option<CorrectionId>,
}

/// A punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Punch {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// In or out.
    pub kind: PunchKind,
    /// The correction that brought it.
    pub correction: Option<CorrectionId>,
}

/// A hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Which account.
    pub account: AccountId,
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// Take or release.
    pub kind: HandoverKind,
    /// The correction that brought it.
    pub correction: Option<CorrectionId>,
}

/// Everything the rules look at. Facts of people who are not in `people`, and of accounts not in `accounts`, count for
/// nothing but the question whether a roster names an account at all.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Local dates, in each account's zone. Rows reach one day further on both sides.
    pub period: Period,
    /// The numbers.
    pub policy: Policy,
    /// People.
    pub people: Vec<DutyPerson>,
    /// Accounts.
    pub accounts: Vec<DutyAccount>,
    /// Shifts that touch the period, its margin of one day, or `longest` before it.
    pub shifts: Vec<Shift>,
    /// Punches of the same stretch.
    pub punches: Vec<Punch>,
    /// The latest punch of anybody in that stretch, also of people whom the accounts do not concern: where the record of
    /// punches ends is the same whatever is asked.
    pub last_punch: Option<Timestamp>,
    /// Hand-overs of the same stretch, and before it the takes that were still open.
    pub handovers: Vec<Handover>,
}

/// By which rule somebody was on duty, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// (a) held the account by the hand-over log.
    Handover,
    /// (b) was rostered on it, and no punch spoke against it.
    Roster,
    /// (c) no roster names it: of its team, with punches that cover the instant.
    Punch,
    /// (d) no evidence at all: the whole team.
    Team,
}

/// One person on duty for one account by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub person: PersonId,
    /// From.
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
    /// By which rule.
    pub rule: Rule,
    /// What it rests on, joined by `+`, and the corrections that brought it; empty for [`Rule::Team`].
    pub evidence: String,
}

/// The rows of one account by start, then employee number. A person's own rows never overlap or touch within one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupied {
    /// Which account.
    pub account: AccountId,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The answer: accounts by key, findings by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Each account of the evidence, also those with no row.
    pub accounts: Vec<Occupied>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
}

impl Employment {
    /// Whether its unit is the team or lies below it; everybody is of no team in particular.
    pub fn is_of(&self, team: Option<&str>) -> bool {
        team.is_none_or(|team| self.units.iter().any(|unit| unit == team))
    }
}

/// The paths of a unit and of every unit above it, in a tree in which nothing ever moved.
pub fn paths(unit: &str) -> Arc<[String]> {
    unit.match_indices('/').map(|(at, _)| unit[..at].to_owned()).chain([unit.to_owned()]).collect()
}

/// Applies the rules. The same facts in any order give the same answer.
///
/// # Errors
/// [`TimeError::OutOfRange`] for periods at the ends of the calendar.
pub fn derive(evidence: &Evidence) -> Result<Duty, TimeError> {
    let book = book::Book::of(evidence)?;
    let mut order: Vec<&DutyAccount> = evidence.accounts.iter().collect();
    order.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let mut findings = book.punch_findings(&order)?;
    let mut accounts = Vec::with_capacity(order.len());
    for account in order {
        let rows = rules::apply(&book, account, &mut findings)?;
        accounts.push(Occupied { account: account.id, rows });
    }
    findings.sort();
    Ok(Duty { accounts, findings })
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod sentences;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod touches;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod world;
