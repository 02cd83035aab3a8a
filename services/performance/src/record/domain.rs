//! What makes a service record acceptable. When two are the same says `content`, which of them counts says `revise`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_engine::closing::snapshot::AgentCount;
use tally_kernel::contribution::{self, Contribution, Malformed};
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::message::Arg;
use tally_kernel::{Currency, Message, limits, msg, unseen};

mod content;
pub mod money;
pub mod overpaid;
mod place;
mod revise;
mod spans;

pub use place::Place;
pub use revise::{Change, Gone, Plan, Stored, There, revise};
pub use spans::Spans;

/// How long records, their versions and observations are kept: the kind in the retention schedule.
pub const KEPT_AS: &str = "performance.records";
/// Characters of an external id.
const MAX_ID: usize = limits::TEXT;
/// Characters of any other text of a record.
const MAX_TEXT: usize = limits::LONG_TEXT;
/// Measures of one record beside the known columns.
const MAX_MEASURES: usize = limits::MEASURES;
/// Ten points in thousandths: more is no rating anybody uses.
const MAX_RATING: u32 = limits::RATING * 1_000;

/// What was counted of the records around a period before they were read, and which calls had changed them until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// No call that began before this is still under way.
    pub since: Timestamp,
    /// Calls since then whose changes were there to be read, by account.
    pub calls: BTreeMap<AccountId, u64>,
    pub counts: Vec<AgentCount>,
    /// Where the rules know devices, those that the records of each account name, and their messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: Devices,
}

/// Devices by account.
pub type Devices = BTreeMap<AccountId, BTreeSet<String>>;

impl Counted {
    /// The accounts whose records may be others than they were, given all calls since the same instant: calls come, and none goes.
    pub fn changed(&self, now: &BTreeMap<AccountId, u64>) -> BTreeSet<AccountId> {
        let all = self.calls.keys().chain(now.keys());
        all.filter(|account| self.calls.get(account) != now.get(account)).copied().collect()
    }
}

/// One customer session or ticket as the platform reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The platform's own id, unique on the account.
    pub external_id: String,
    /// When it began, milliseconds since 1970.
    pub started_ms: i64,
    /// When it ended, milliseconds since 1970.
    pub ended_ms: i64,
    /// An employee number, an alias, or empty.
    pub agent: String,
    pub kind: String,
    /// Milliseconds until the first reply.
    pub first_reply_ms: Option<u32>,
    /// Whether it was resolved.
    pub resolved: Option<bool>,
    /// Rating in thousandths of a point.
    pub rating_milli: Option<u32>,
    /// Sales in minor units of the currency.
    pub amount_minor: Option<i64>,
    /// The customer, or empty.
    pub customer: String,
    /// Everything else that was measured, by name.
    pub measures: Vec<Measure>,
    /// Of the amount; empty for the group's.
    pub currency: String,
    /// Of a refund, the external id of the record whose amount it lessens; empty for a session.
    pub refers_to: String,
    /// Who contributed what, in order; empty where it is one person's.
    pub contributors: Vec<Contribution>,
    /// Workstation, browser or seat that it was served at, or empty.
    pub device: String,
}

/// A column beside the known ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Measure {
    #[serde(rename = "k")]
    pub name: String,
    #[serde(flatten)]
    pub value: MeasureValue,
}

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MeasureValue {
    /// A decimal, without needless zeros.
    #[serde(rename = "n")]
    Number(Decimal),
    /// Anything else.
    #[serde(rename = "t")]
    Text(String),
}

/// The account that records come in for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub account: AccountId,
    pub region: Region,
    /// The unit of its team, where known.
    pub unit: Option<OrgUnitId>,
}

/// Why a row was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    NoExternalId,
    /// An id with a character that nobody sees.
    Unseen(&'static str, String),
    /// A text that nothing sensible fills.
    TooLong(&'static str, usize),
    /// The text of a measure.
    MeasureTooLong,
    /// More measures than a record has.
    TooManyMeasures,
    /// No start or no end.
    NoTime(&'static str),
    /// It ends before it begins.
    Backwards {
        started: Timestamp,
        ended: Timestamp,
    },
    /// It begins or ends in a year in which nothing happens.
    Implausible(&'static str),
    /// It lasts longer than any record.
    Lasting {
        started: Timestamp,
        ended: Timestamp,
    },
    /// Of a record that refers to no other.
    NegativeAmount,
    /// A record that refers to another and takes nothing from it.
    RefundTakesNothing,
    /// A refund of what is no record of the account: its own id, and the other.
    RefersToNothing(String, String),
    /// A refund of a refund.
    RefersToRefund(String, String),
    /// A version that refers to another record than the one that is there, or to none.
    ReferenceFixed(String),
    UnknownCurrency(String),
    /// Contributors that cannot be meant.
    Contributors(contribution::Malformed),
    /// Larger than can be stored.
    RevisionTooHigh(u64),
    /// A revision and a time of change.
    RevisionTwice,
    /// Sales beyond those of any record.
    AmountTooLarge,
    /// A first reply that came too late to be one.
    ReplyTooLate,
    /// A measured number beyond what is added up.
    MeasureTooLarge(String),
    /// A rating off the scale.
    RatingTooHigh(u32),
    /// A measure that has no name, two values or none, or is there twice.
    BadMeasure(String),
    /// The same external id with other content in the store: in these columns.
    DifferentContent(String, Vec<Message>),
    /// A lower revision than the one in the store, with other content: its id, both revisions.
    Stale {
        id: String,
        sent: i64,
        there: i64,
    },
    /// The same external id and revision with other content in this request.
    Contradicted(String),
    /// A record that was taken out: its id and why.
    Gone(String, Gone, String),
    /// It, or what is there of it, is of a day on which the account was not within reach.
    OutOfReach(String),
    /// It is not there, and what is of its time is kept no more: its id, the day before which that is so.
    Purged(String, Date),
}

impl RowError {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoExternalId => "EXTERNAL_ID_MISSING",
            Self::Unseen(..) => "ID_WITH_UNSEEN",
            Self::TooLong(..) | Self::MeasureTooLong | Self::TooManyMeasures => "TEXT_TOO_LONG",
            Self::NoTime(_) => "TIME_MALFORMED",
            Self::Backwards { .. } => "INTERVAL_BACKWARDS",
            Self::Implausible(_) => "RECORD_TIME_IMPLAUSIBLE",
            Self::Lasting { .. } => "INTERVAL_TOO_LONG",
            Self::NegativeAmount => "AMOUNT_NEGATIVE",
            Self::AmountTooLarge => "AMOUNT_OUT_OF_RANGE",
            Self::ReplyTooLate => "REPLY_OUT_OF_RANGE",
            Self::MeasureTooLarge(_) => "MEASURE_OUT_OF_RANGE",
            Self::RatingTooHigh(_) => "RATING_OUT_OF_RANGE",
            Self::BadMeasure(_) => "MEASURE_MALFORMED",
            Self::DifferentContent(..) => "DIFFERENT_CONTENT",
            Self::Stale { .. } => "REVISION_STALE",
            Self::Contradicted(_) => "ROWS_CONTRADICT",
            Self::Gone(_, Gone::Withdrawn, _) => "RECORD_WITHDRAWN",
            Self::Gone(_, Gone::Moved, _) => "RECORD_MOVED",
            Self::OutOfReach(_) => "RECORD_OUT_OF_REACH",
            Self::Purged(..) => "PERIOD_PURGED",
            Self::RefundTakesNothing => "REFUND_TAKES_NOTHING",
            Self::RefersToNothing(..) => "REFERS_TO_NOTHING",
            Self::RefersToRefund(..) => "REFERS_TO_REFUND",
            Self::ReferenceFixed(_) => "REFERENCE_FIXED",
            Self::UnknownCurrency(_) => "RECORD_CURRENCY_UNKNOWN",
            Self::Contributors(_) => "CONTRIBUTORS_MALFORMED",
            Self::RevisionTooHigh(_) => "REVISION_OUT_OF_RANGE",
            Self::RevisionTwice => "REVISION_TWICE",
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Message {
        match self {
            Self::NoExternalId => msg!("EXTERNAL_ID_MISSING"),
            Self::Unseen(field, character) => msg!("ID_WITH_UNSEEN", field, character),
            Self::TooLong(field, max) => msg!("RECORD_TEXT_TOO_LONG", field, max),
            Self::MeasureTooLong => msg!("MEASURE_TOO_LONG", max = MAX_TEXT),
            Self::TooManyMeasures => msg!("MEASURES_TOO_MANY", max = MAX_MEASURES),
            Self::NoTime(field) => msg!("RECORD_TIME_MISSING", field),
            Self::Backwards { started, ended } => msg!("INTERVAL_BACKWARDS", started, ended),
            Self::Implausible(field) => {
                msg!("RECORD_TIME_IMPLAUSIBLE", field, first = limits::YEARS.start(), last = limits::YEARS.end())
            }
            Self::Lasting { started, ended } => {
                msg!("INTERVAL_TOO_LONG", started, ended, days = limits::RECORD_HOURS / 24)
            }
            Self::NegativeAmount => msg!("AMOUNT_NEGATIVE"),
            Self::AmountTooLarge => msg!("AMOUNT_OUT_OF_RANGE", most = limits::AMOUNT_MINOR),
            Self::ReplyTooLate => msg!("REPLY_OUT_OF_RANGE", most = limits::REPLY_SECONDS),
            Self::MeasureTooLarge(name) => msg!("MEASURE_OUT_OF_RANGE", name, digits = limits::DIGITS),
            Self::RatingTooHigh(rating) => msg!("RATING_OUT_OF_RANGE", rating),
            Self::BadMeasure(name) => msg!("MEASURE_MALFORMED", name),
            Self::DifferentContent(id, columns) => msg!("DIFFERENT_CONTENT", id, columns = Arg::List(columns.clone())),
            Self::Stale { id, sent: 0, there } => msg!("REVISION_STALE.unsaid", id, there),
            Self::Stale { id, sent, there } => msg!("REVISION_STALE", id, sent, there),
            Self::Contradicted(id) => msg!("ROWS_CONTRADICT", id),
            Self::Gone(id, Gone::Withdrawn, why) => msg!("RECORD_WITHDRAWN", id, why),
            Self::Gone(id, Gone::Moved, why) => msg!("RECORD_MOVED", id, why),
            Self::OutOfReach(id) => msg!("RECORD_OUT_OF_REACH", id),
            Self::Purged(id, day) => msg!("PERIOD_PURGED.named", name = id, day, kind = KEPT_AS),
            Self::RefundTakesNothing => msg!("REFUND_TAKES_NOTHING"),
            Self::RefersToNothing(id, other) => msg!("REFERS_TO_NOTHING", id, other),
            Self::RefersToRefund(id, other) => msg!("REFERS_TO_REFUND", id, other),
            Self::ReferenceFixed(id) => msg!("REFERENCE_FIXED", id),
            Self::UnknownCurrency(code) => msg!("RECORD_CURRENCY_UNKNOWN", code),
            Self::Contributors(Malformed::Role(text)) => msg!("CONTRIBUTORS_MALFORMED.role", text),
            Self::Contributors(Malformed::Part(text)) => msg!("CONTRIBUTORS_MALFORMED", text),
            Self::Contributors(Malformed::Twice(text)) => msg!("CONTRIBUTORS_MALFORMED.twice", text),
            Self::Contributors(Malformed::TooMany) => {
                msg!("CONTRIBUTORS_MALFORMED.many", max = contribution::MAX_CONTRIBUTORS)
            }
            Self::RevisionTooHigh(revision) => msg!("REVISION_OUT_OF_RANGE", revision, most = i64::MAX),
            Self::RevisionTwice => msg!("REVISION_TWICE"),
        }
    }
}

impl Record {
    /// Refuses what no platform can have meant, and puts the measures in order.
    ///
    /// # Errors
    /// The first [`RowError`].
    pub fn check(mut self) -> Result<Self, RowError> {
        if self.external_id.is_empty() {
            return Err(RowError::NoExternalId);
        }
        let texts = [
            ("external_id", &self.external_id, MAX_ID),
            ("agent", &self.agent, MAX_ID),
            ("kind", &self.kind, MAX_ID),
            ("customer", &self.customer, MAX_ID),
            ("refers_to", &self.refers_to, MAX_ID),
            ("device", &self.device, MAX_ID),
        ];
        // Bytes are never fewer than characters, and cost nothing to count.
        if let Some((name, _, max)) = texts.into_iter().find(|(_, t, max)| t.len() > *max && t.chars().count() > *max) {
            return Err(RowError::TooLong(name, max));
        }
        self.contributors = contribution::sorted(self.contributors).map_err(RowError::Contributors)?;
        let long = |text: &String| text.len() > MAX_ID && text.chars().count() > MAX_ID;
        if self.contributors.iter().any(|one| long(&one.agent)) {
            return Err(RowError::TooLong("contributors", MAX_ID));
        }
        self.check_times()?;
        self.check_numbers()?;
        self.check_measures()?;
        Ok(self)
    }

    /// Refuses a record whose id, agent or device looks like another and is none.
    ///
    /// # Errors
    /// [`RowError::Unseen`].
    pub fn seen(self) -> Result<Self, RowError> {
        let hidden = [
            ("external_id", unseen::in_id(&self.external_id)),
            ("agent", unseen::in_name(&self.agent)),
            ("refers_to", unseen::in_id(&self.refers_to)),
            ("device", unseen::in_id(&self.device)),
        ];
        let contributors = self.contributors.iter().map(|one| ("contributors", unseen::in_name(&one.agent)));
        let found = hidden.into_iter().chain(contributors).find_map(|(field, found)| Some((field, found?)));
        found.map_or(Ok(self), |(field, character)| Err(RowError::Unseen(field, character)))
    }

    /// Whether it is no served session: it lessens the amount of one.
    pub fn is_refund(&self) -> bool {
        !self.refers_to.is_empty()
    }

    fn check_times(&self) -> Result<(), RowError> {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
        let (started, ended) = (at(self.started_ms), at(self.ended_ms));
        let implausible =
            [("started_at", started), ("ended_at", ended)].into_iter().find(|t| !limits::is_plausible(t.1));
        match implausible {
            Some((field, _)) => Err(RowError::Implausible(field)),
            None if ended < started => Err(RowError::Backwards { started, ended }),
            None if ended.duration_since(started).as_hours() > limits::RECORD_HOURS => {
                Err(RowError::Lasting { started, ended })
            }
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<(), RowError> {
        match self.amount_minor {
            Some(..0) if !self.is_refund() => return Err(RowError::NegativeAmount),
            Some(0..) | None if self.is_refund() => return Err(RowError::RefundTakesNothing),
            Some(amount) if amount.abs() > limits::AMOUNT_MINOR => return Err(RowError::AmountTooLarge),
            Some(_) | None => {}
        }
        if !self.currency.is_empty() && self.currency.parse::<Currency>().is_err() {
            return Err(RowError::UnknownCurrency(self.currency.clone()));
        }
        if self.first_reply_ms.is_some_and(|ms| ms > limits::REPLY_SECONDS * 1_000) {
            return Err(RowError::ReplyTooLate);
        }
        match self.rating_milli {
            Some(rating) if rating > MAX_RATING => Err(RowError::RatingTooHigh(rating)),
            Some(_) | None => Ok(()),
        }
    }

    fn check_measures(&mut self) -> Result<(), RowError> {
        if self.measures.is_empty() {
            return Ok(());
        }
        self.measures.sort();
        let mut names = BTreeSet::new();
        for measure in &self.measures {
            if measure.name.is_empty() || !names.insert(&measure.name) {
                return Err(RowError::BadMeasure(measure.name.clone()));
            }
            match &measure.value {
                MeasureValue::Text(text) if text.chars().count() > MAX_TEXT => return Err(RowError::MeasureTooLong),
                MeasureValue::Number(number) if number.trunc().abs().mantissa() >= 10_i128.pow(limits::DIGITS) => {
                    return Err(RowError::MeasureTooLarge(measure.name.clone()));
                }
                MeasureValue::Text(_) | MeasureValue::Number(_) => {}
            }
        }
        if names.len() > MAX_MEASURES { Err(RowError::TooManyMeasures) } else { Ok(()) }
    }
}

/// A record to write, with what tells its versions apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub record: Record,
    /// 0 where the sender does not say.
    pub revision: i64,
    /// [`Record::content`].
    pub content: [u8; 32],
}

impl Row {
    pub fn new(record: Record, revision: i64) -> Self {
        Self { content: record.content(), record, revision }
    }
}

/// Records of an account that came, were revised, moved or withdrawn by one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordChange {
    pub account: AccountId,
    pub records: u32,
    /// When the first of them began.
    pub from: Timestamp,
    /// When the last of them began.
    pub to: Timestamp,
    pub at: Timestamp,
}

/// Records of an account that a change touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    pub account: AccountId,
    pub records: u32,
    /// The earliest and the latest start of them, as it was or as it is now.
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Touched {
    /// Nothing, if there is no start.
    pub fn of(account: AccountId, records: usize, starts: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut starts = starts.into_iter();
        let first = starts.next()?;
        let (from_ms, to_ms) = starts.fold((first, first), |(from, to), at| (from.min(at), to.max(at)));
        Some(Self { account, records: u32::try_from(records).unwrap_or(u32::MAX), from_ms, to_ms })
    }
}

#[cfg(test)]
mod tests;
