//! What an observation is, and what makes one acceptable. Which of its versions counts says `revise`. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Region, Target};
use tally_engine::observed::is_own;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::{Error, Message, Micro, limits, msg, unseen};

use crate::record::domain::KEPT_AS;

mod revise;

pub use revise::{Content, Plan, Stored, There, revise};

/// The largest value there is, either way: the sum of millions of them stays within what is computed with.
const MOST: Micro = Micro::from_millionths(1_000_000_000_000 * 1_000_000);
/// Days that one observation is about, at most: a year, and one more where it is a leap year.
const MOST_DAYS: i32 = limits::PERIOD_DAYS;

/// Whom or what is observed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Person(PersonId),
    Unit(OrgUnitId),
    Account(AccountId),
    /// Platform and store, as in the keys of accounts.
    Store(String),
    Campaign(String),
}

/// The kinds of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SubjectKind {
    Person,
    Unit,
    Account,
    Store,
    Campaign,
}

impl Subject {
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Person(_) => SubjectKind::Person,
            Self::Unit(_) => SubjectKind::Unit,
            Self::Account(_) => SubjectKind::Account,
            Self::Store(_) => SubjectKind::Store,
            Self::Campaign(_) => SubjectKind::Campaign,
        }
    }

    /// What tells it from others of its kind.
    pub fn key(&self) -> String {
        match self {
            Self::Person(id) => id.to_string(),
            Self::Unit(id) => id.to_string(),
            Self::Account(id) => id.to_string(),
            Self::Store(name) | Self::Campaign(name) => name.clone(),
        }
    }

    /// Back from its kind and key; nothing for an id that is none.
    pub fn of(kind: SubjectKind, key: &str) -> Option<Self> {
        match kind {
            SubjectKind::Person => key.parse().ok().map(Self::Person),
            SubjectKind::Unit => key.parse().ok().map(Self::Unit),
            SubjectKind::Account => key.parse().ok().map(Self::Account),
            SubjectKind::Store => Some(Self::Store(key.to_owned())),
            SubjectKind::Campaign => Some(Self::Campaign(key.to_owned())),
        }
    }
}

/// When something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    At(Timestamp),
    /// From a first local day to a last one.
    Days(Date, Date),
}

/// An observation as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub measure: String,
    pub subject: Subject,
    pub when: When,
    pub value: Micro,
    pub source: String,
    /// 0 where the sender does not say.
    pub revision: i64,
    /// Of a campaign, the unit that runs it.
    pub run_by: Option<OrgUnitId>,
}

impl Said {
    /// Refuses what nobody can have observed.
    ///
    /// # Errors
    /// The first [`RowError`].
    pub fn check(self) -> Result<Self, RowError> {
        let (store, campaign) = match &self.subject {
            Subject::Store(name) => (name.as_str(), ""),
            Subject::Campaign(name) => ("", name.as_str()),
            Subject::Person(_) | Subject::Unit(_) | Subject::Account(_) => ("", ""),
        };
        let texts =
            [("measure", self.measure.as_str()), ("source", &self.source), ("store", store), ("campaign", campaign)];
        for (field, text) in texts {
            if text.chars().count() > limits::TEXT {
                return Err(RowError::TooLong(field));
            }
            if let Some(character) = unseen::in_id(text) {
                return Err(RowError::Unseen(field, character));
            }
        }
        if self.measure.trim().is_empty() {
            return Err(RowError::NoMeasure);
        }
        if is_own(&self.measure) {
            return Err(RowError::Reserved(self.measure));
        }
        if matches!(&self.subject, Subject::Store(name) | Subject::Campaign(name) if name.trim().is_empty()) {
            return Err(RowError::NoSubject);
        }
        if self.run_by.is_some() && self.subject.kind() != SubjectKind::Campaign {
            return Err(RowError::NotRun(self.subject.kind()));
        }
        if self.value > MOST || self.value.millionths() < -MOST.millionths() {
            return Err(RowError::TooLarge);
        }
        self.check_when()?;
        Ok(self)
    }

    fn check_when(&self) -> Result<(), RowError> {
        match self.when {
            When::At(at) if !limits::is_plausible(at) => Err(RowError::Implausible("at")),
            When::At(_) => Ok(()),
            When::Days(from, to) if to < from => Err(RowError::Backwards { from, to }),
            When::Days(from, to) => {
                let years = |day: Date| limits::YEARS.contains(&i32::from(day.year()));
                let days = from.until(to).map_or(i32::MAX, |span| span.get_days()).saturating_add(1);
                match [("from", from), ("to", to)].into_iter().find(|(_, day)| !years(*day)) {
                    Some((field, _)) => Err(RowError::Implausible(field)),
                    None if days > MOST_DAYS => Err(RowError::TooManyDays { from, to }),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A value of at most six places.
///
/// # Errors
/// [`RowError::NoNumber`], [`RowError::TooLarge`].
pub fn value(text: &str) -> Result<Micro, RowError> {
    let number = Decimal::from_str_exact(text.trim()).map_err(|_| RowError::NoNumber(text.to_owned()))?.normalize();
    if number.scale() > 6 {
        return Err(RowError::NoNumber(text.to_owned()));
    }
    number.to_string().parse().map_err(|_| RowError::TooLarge)
}

/// An observation with its days and the place that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub said: Said,
    /// Local days, the first and the last.
    pub days: (Date, Date),
    /// When the last of them ends, milliseconds since 1970.
    pub ended_ms: i64,
    pub region: Region,
    pub unit: Option<OrgUnitId>,
    pub person: Option<PersonId>,
}

impl Placed {
    /// What a permit is asked for.
    pub fn target(&self) -> Target {
        Target { region: Some(self.region.clone()), unit: self.unit, person: self.person, moment: None }.on(self.days.1)
    }

    /// When the last of its days ends.
    pub fn ended(&self) -> Result<Timestamp, Error> {
        Timestamp::from_millisecond(self.ended_ms).map_err(Error::internal)
    }

    /// A digest of what tells it from other observations: measure, subject and time.
    pub fn key(&self) -> [u8; 32] {
        let Said { measure, subject, when, .. } = &self.said;
        let when = match when {
            When::At(at) => at.as_millisecond().to_string(),
            When::Days(from, to) => format!("{from} {to}"),
        };
        let mut hash = blake3::Hasher::new();
        for part in [measure, &subject.kind().to_string(), &subject.key(), &when] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        *hash.finalize().as_bytes()
    }

    /// What it is called where something is wrong with it.
    pub fn name(&self) -> String {
        let (from, to) = self.days;
        let days = if from == to { from.to_string() } else { format!("{from} - {to}") };
        format!("{} {} {days}", self.said.measure, self.said.subject.key())
    }

    pub(super) fn content(&self) -> Content {
        Content { value: self.said.value, source: self.said.source.clone() }
    }
}

/// Why a row was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    NoMeasure,
    /// No subject.
    NoSubject,
    /// An id that is none.
    BadSubject(SubjectKind),
    /// Somebody, or something, that is not known.
    Unknown(SubjectKind, String),
    /// A unit that was closed before the last of the days: its own last day, and where its people went.
    Closed {
        unit: String,
        last: Date,
        into: Option<String>,
    },
    /// A unit that begins later.
    NotYet {
        unit: String,
        from: Date,
    },
    /// A measure that the suite observes by itself.
    Reserved(String),
    /// A unit that runs what is no campaign.
    NotRun(SubjectKind),
    /// Neither an instant nor days, or both.
    NoTime,
    BadDate(&'static str),
    Backwards {
        from: Date,
        to: Date,
    },
    TooManyDays {
        from: Date,
        to: Date,
    },
    Implausible(&'static str),
    NoNumber(String),
    TooLarge,
    TooLong(&'static str),
    Unseen(&'static str, String),
    RevisionTooHigh(u64),
    /// The same revision, or none, and another value: the observation, both values with their sources.
    DifferentContent(String, Content, Content),
    /// A lower revision than the one that is there, with another value: the observation, both revisions.
    Stale {
        name: String,
        sent: i64,
        there: i64,
    },
    /// Two rows of this request that say different things.
    Contradicted(String),
    /// It was taken out: the observation and why.
    Withdrawn(String, String),
    /// It is not there, and what is of its time is kept no more: the observation, the day before which that is so.
    Purged(String, Date),
}

impl RowError {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoMeasure => "OBSERVATION_WITHOUT_MEASURE",
            Self::NoSubject | Self::BadSubject(_) => "OBSERVATION_WITHOUT_SUBJECT",
            Self::Unknown(..) => "OBSERVATION_SUBJECT_UNKNOWN",
            Self::Closed { .. } | Self::NotYet { .. } => "OBSERVATION_UNIT_CLOSED",
            Self::Reserved(_) => "OBSERVATION_RESERVED",
            Self::NotRun(_) => "OBSERVATION_UNIT_NOT_HERE",
            Self::NoTime | Self::BadDate(_) => "OBSERVATION_WITHOUT_TIME",
            Self::Backwards { .. } => "OBSERVATION_BACKWARDS",
            Self::TooManyDays { .. } => "OBSERVATION_TOO_LONG",
            Self::Implausible(_) => "OBSERVATION_TIME_IMPLAUSIBLE",
            Self::NoNumber(_) => "OBSERVATION_WITHOUT_NUMBER",
            Self::TooLarge => "OBSERVATION_OUT_OF_RANGE",
            Self::TooLong(_) => "TEXT_TOO_LONG",
            Self::Unseen(..) => "ID_WITH_UNSEEN",
            Self::RevisionTooHigh(_) => "REVISION_OUT_OF_RANGE",
            Self::DifferentContent(..) => "DIFFERENT_CONTENT",
            Self::Stale { .. } => "REVISION_STALE",
            Self::Contradicted(_) => "ROWS_CONTRADICT",
            Self::Withdrawn(..) => "OBSERVATION_WITHDRAWN",
            Self::Purged(..) => "PERIOD_PURGED",
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Message {
        match self {
            Self::NoMeasure => msg!("OBSERVATION_WITHOUT_MEASURE"),
            Self::NoSubject => msg!("OBSERVATION_WITHOUT_SUBJECT"),
            Self::BadSubject(kind) => msg!("OBSERVATION_WITHOUT_SUBJECT.id", kind),
            Self::Unknown(kind, key) => msg!("OBSERVATION_SUBJECT_UNKNOWN", kind, key),
            Self::Closed { unit, last, into: None } => msg!("OBSERVATION_UNIT_CLOSED", unit, last),
            Self::Closed { unit, last, into: Some(into) } => msg!("OBSERVATION_UNIT_CLOSED.into", unit, last, into),
            Self::NotYet { unit, from } => msg!("OBSERVATION_UNIT_CLOSED.later", unit, from),
            Self::Reserved(measure) => msg!("OBSERVATION_RESERVED", measure),
            Self::NotRun(kind) => msg!("OBSERVATION_UNIT_NOT_HERE", kind),
            Self::NoTime => msg!("OBSERVATION_WITHOUT_TIME"),
            Self::BadDate(field) => msg!("OBSERVATION_WITHOUT_TIME.date", field),
            Self::Backwards { from, to } => msg!("OBSERVATION_BACKWARDS", from, to),
            Self::TooManyDays { from, to } => msg!("OBSERVATION_TOO_LONG", from, to, most = MOST_DAYS),
            Self::Implausible(field) => {
                msg!("OBSERVATION_TIME_IMPLAUSIBLE", field, first = limits::YEARS.start(), last = limits::YEARS.end())
            }
            Self::NoNumber(text) => msg!("OBSERVATION_WITHOUT_NUMBER", text),
            Self::TooLarge => msg!("OBSERVATION_OUT_OF_RANGE", most = MOST),
            Self::TooLong(field) => msg!("RECORD_TEXT_TOO_LONG", field, max = limits::TEXT),
            Self::Unseen(field, character) => msg!("ID_WITH_UNSEEN", field, character),
            Self::RevisionTooHigh(revision) => msg!("REVISION_OUT_OF_RANGE", revision, most = i64::MAX),
            Self::DifferentContent(name, there, here) => {
                let said = |source: &String| if source.is_empty() { "-".to_owned() } else { source.clone() };
                let (value, other) = (here.value, there.value);
                let (source, of) = (said(&there.source), said(&here.source));
                msg!("OBSERVATION_DIFFERENT", name, value, other, source, of)
            }
            Self::Stale { name, sent: 0, there } => msg!("REVISION_STALE.unsaid", id = name, there),
            Self::Stale { name, sent, there } => msg!("REVISION_STALE", id = name, sent, there),
            Self::Contradicted(name) => msg!("ROWS_CONTRADICT", id = name),
            Self::Withdrawn(name, why) => msg!("OBSERVATION_WITHDRAWN", name, why),
            Self::Purged(name, day) => msg!("PERIOD_PURGED.named", name, day, kind = KEPT_AS),
        }
    }
}

#[cfg(test)]
mod tests;
