//! What a correction is, who may bring it from one stage to the next, and what may count beside what. Pure.

mod refusals;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_access::{Region, Target};
use tally_kernel::Message;
use tally_kernel::id::{AccountId, CorrectionId, OrgUnitId, PersonId};
use tally_kernel::import::Keyed as _;
use uuid::Uuid;

use crate::alias::domain::Alias;
use crate::device::domain::Device;
use crate::handover::domain::Handover;
use crate::placed::{Placed, Subject};
use crate::punch::domain::Punch;
use crate::roster::domain::Shift;

/// What is done to a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// It was forgotten.
    Add,
    /// It never happened.
    Void,
    /// It happened otherwise.
    Move,
    /// A shift is another one.
    Change,
    /// A shift is off the roster.
    Cancel,
    /// An alias or a device ends.
    End,
}

/// How far a correction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Looked at, and never stored.
    Preview,
    Waiting,
    Approved,
    /// By whoever may write such facts, without an approval.
    Made,
    Rejected,
    Withdrawn,
}

/// A fact of duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Punch(Punch),
    Handover(Handover),
    Shift(Shift),
    Alias(Alias),
    Device(Device),
}

impl Fact {
    pub fn subject(&self) -> Subject {
        match self {
            Self::Punch(_) => Subject::Punch,
            Self::Handover(_) => Subject::Handover,
            Self::Shift(_) => Subject::Shift,
            Self::Alias(_) => Subject::Alias,
            Self::Device(_) => Subject::Device,
        }
    }

    /// Whom it is about; nobody in particular for the device of a seat.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Punch(punch) => Some(punch.person),
            Self::Handover(handover) => Some(handover.person),
            Self::Shift(shift) => Some(shift.person),
            Self::Alias(alias) => Some(alias.person),
            Self::Device(device) => device.owner.person(),
        }
    }

    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Handover(handover) => Some(handover.account),
            Self::Shift(shift) => Some(shift.account),
            Self::Punch(_) | Self::Alias(_) | Self::Device(_) => None,
        }
    }

    /// The first and the last instant that it is about; nothing for an alias or a device, which are about days.
    pub fn stretch(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Punch(punch) => Some((punch.at, punch.at)),
            Self::Handover(handover) => Some((handover.at, handover.at)),
            Self::Shift(shift) => Some((shift.start, shift.end)),
            Self::Alias(_) | Self::Device(_) => None,
        }
    }

    /// Why it cannot count beside another that does, as an import would say.
    ///
    /// # Errors
    /// [`CorrectionError::ChangesNothing`] where that one says the same, else what contradicts it.
    pub fn beside(&self, other: &Self, exclusive: bool) -> Result<(), CorrectionError> {
        let why = match (self, other) {
            (Self::Punch(one), Self::Punch(other)) if (one.person, one.at) == (other.person, other.at) => {
                one.contradicts(other)
            }
            (Self::Handover(one), Self::Handover(other)) if (one.account, one.at) == (other.account, other.at) => {
                one.contradicts(other, exclusive)
            }
            (Self::Shift(one), Self::Shift(other)) if one.key() == other.key() && one.content() != other.content() => {
                Some(one.conflict(&other.content()).1)
            }
            (Self::Device(one), Self::Device(other)) if one.key() == other.key() && one.to != other.to => {
                Some(one.conflict(&other.content()).1)
            }
            (Self::Alias(one), Self::Alias(other)) => {
                let same = (&one.platform, &one.alias) == (&other.platform, &other.alias);
                return if same && one.overlaps(other) { Err(CorrectionError::AliasOverlap) } else { Ok(()) };
            }
            _ => None,
        };
        match why {
            Some(why) => Err(CorrectionError::Different(why)),
            None if self == other => Err(CorrectionError::ChangesNothing),
            None => Ok(()),
        }
    }
}

/// Who did a step, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub by: Hands,
    pub at: Timestamp,
}

/// Days of an account on which occupancy differs, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchedAccount {
    pub account: AccountId,
    pub days: Vec<Date>,
    pub people: Vec<PersonId>,
}

/// What a correction touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    pub accounts: Vec<TouchedAccount>,
    pub people: BTreeSet<PersonId>,
    /// Nothing: from the beginning.
    pub from: Option<Date>,
    /// Nothing: without an end.
    pub to: Option<Date>,
}

/// How much ahead a shift was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whole minutes to its beginning; negative after it.
    pub minutes: i64,
    pub late: bool,
}

impl Notice {
    /// Of a change at an instant, to the earlier beginning of the shifts.
    pub fn of(now: Timestamp, starts: impl IntoIterator<Item = Timestamp>) -> Option<Self> {
        let ahead = starts.into_iter().min()?.duration_since(now);
        let minutes = ahead.as_secs().div_euclid(60);
        Some(Self { minutes, late: ahead < SignedDuration::ZERO })
    }
}

/// A fact that was put right, or is asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub id: CorrectionId,
    pub subject: String,
    pub action: Action,
    pub stage: Stage,
    /// Nobody in particular for the device of a seat.
    pub person: Option<PersonId>,
    /// Whom it is about besides: from or to whom something was moved.
    pub other: Option<PersonId>,
    pub place: (Region, Option<OrgUnitId>),
    /// The fact that counts no more.
    pub fact: Option<Uuid>,
    pub before: Option<Fact>,
    pub after: Vec<Fact>,
    pub reason: String,
    pub evidence: String,
    pub requested: Taken,
    pub approved: Option<Taken>,
    pub dropped: Option<(Taken, String)>,
    /// Nothing once it was erased.
    pub touched: Option<Touches>,
    /// The last instant that it is about: it is kept by it, and belongs to whom the unit was under then.
    pub until: Timestamp,
    pub notice: Option<Notice>,
}

/// Which corrections are asked for; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// About this person.
    pub person: Option<PersonId>,
    pub stage: Option<Stage>,
    /// Those that began to count then or later.
    pub counting_since: Option<Timestamp>,
}

impl Correction {
    /// Such as `punch.move`.
    pub fn what(&self) -> String {
        format!("{}.{}", self.subject, self.action)
    }

    pub fn target(&self) -> Target {
        let (region, unit) = self.place.clone();
        Target { region: Some(region), unit, person: self.person, moment: None }.at(self.until)
    }

    /// Whether it waits for somebody's word.
    ///
    /// # Errors
    /// [`CorrectionError::NotWaiting`].
    pub fn waits(&self) -> Result<(), CorrectionError> {
        if self.stage == Stage::Waiting { Ok(()) } else { Err(CorrectionError::NotWaiting(self.stage)) }
    }

    /// Whether these hands may approve or reject it: others than those that asked, and not the person's whom it is about.
    ///
    /// # Errors
    /// See [`CorrectionError`].
    pub fn judged_by(&self, by: Hands) -> Result<(), CorrectionError> {
        self.waits()?;
        if by.person.is_some() && [self.person, self.other].contains(&by.person) {
            return Err(CorrectionError::Own);
        }
        by.differ_from([self.requested.by])?;
        Ok(())
    }

    /// Whether these hands may take it back: those that asked.
    ///
    /// # Errors
    /// See [`CorrectionError`].
    pub fn withdrawn_by(&self, by: Hands) -> Result<(), CorrectionError> {
        self.waits()?;
        if by.differ_from([self.requested.by]).is_ok() { Err(CorrectionError::NotYours) } else { Ok(()) }
    }
}

/// Facts that are to go and to come, with what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub action: Action,
    /// The fact that goes: its id, and the correction that brought it.
    pub gone: Option<(Uuid, Option<CorrectionId>)>,
    pub before: Option<Placed<Fact>>,
    pub after: Vec<Placed<Fact>>,
}

impl Draft {
    pub fn facts(&self) -> impl Iterator<Item = &Placed<Fact>> {
        self.before.iter().chain(&self.after)
    }

    pub fn people(&self) -> BTreeSet<PersonId> {
        self.facts().filter_map(|placed| placed.fact.person()).collect()
    }

    pub fn accounts(&self) -> BTreeSet<AccountId> {
        self.facts().filter_map(|placed| placed.fact.account()).collect()
    }

    fn target(placed: &Placed<Fact>) -> Target {
        let target = placed.home.target_of(placed.fact.person());
        match placed.fact.stretch() {
            Some((first, _)) => target.at(first),
            None => target,
        }
    }

    /// What a permit is asked for: everybody whom it is about, where they were.
    pub fn targets(&self) -> Vec<Target> {
        self.facts().map(Draft::target).collect()
    }

    /// What two corrections cannot both wait for.
    pub fn waiting_on(&self) -> String {
        match (&self.gone, self.after.first().map(|placed| &placed.fact)) {
            (Some((fact, _)), _) => fact.to_string(),
            (None, Some(Fact::Punch(punch))) => format!("punch {} {}", punch.person, punch.at),
            (None, Some(Fact::Handover(h))) => format!("handover {} {} {}", h.account, h.person, h.at),
            (None, _) => String::new(),
        }
    }

    /// The first and the last instant of its facts.
    pub fn stretch(&self) -> Option<(Timestamp, Timestamp)> {
        let each = self.facts().filter_map(|placed| placed.fact.stretch());
        each.reduce(|(from, to), (first, last)| (from.min(first), to.max(last)))
    }

    /// Whether it changes anything.
    ///
    /// # Errors
    /// [`CorrectionError::ChangesNothing`].
    pub fn changes(&self) -> Result<(), CorrectionError> {
        let same = self.before.as_ref().is_some_and(|old| self.after.iter().any(|new| new.fact == old.fact));
        if same { Err(CorrectionError::ChangesNothing) } else { Ok(()) }
    }
}

/// Why a fact is not put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorrectionError {
    /// No correction has this id.
    Unknown(CorrectionId),
    /// No fact of this kind has this id; what is older than this day may have been removed.
    FactUnknown(Subject, Uuid, Option<Date>),
    /// The fact counts no more since that correction.
    Superseded(CorrectionId),
    /// That one of the same fact waits.
    WaitsAlready(CorrectionId),
    /// It was decided.
    NotWaiting(Stage),
    /// The fact was put right since it was asked for.
    Outdated(CorrectionId),
    /// The fact is not there any more.
    Gone,
    /// The person whom it is about does not decide.
    Own,
    /// Who asked does not decide.
    FourEyes(FourEyesRequired),
    /// Only who asked takes it back.
    NotYours,
    /// What is older is kept no more.
    Purged(Date),
    /// It says what is so already.
    ChangesNothing,
    /// What counts says something else.
    Different(Message),
    /// The nickname means somebody on some of the days.
    AliasOverlap,
    PersonUnknown(PersonId),
    AccountUnknown(AccountId),
    /// A shift that has begun is changed without a reason.
    LateWithoutReason,
    /// What has not happened yet, by the clock of its person, and what time it is there.
    NotYet(String, String),
}

impl From<FourEyesRequired> for CorrectionError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

#[cfg(test)]
mod tests;
