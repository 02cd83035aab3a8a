//! What makes a service record acceptable, and when two are the same. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::import::Keyed;
use tally_kernel::message::Arg;
use tally_kernel::{Message, limits, msg, unseen};

/// Characters of an external id.
const MAX_ID: usize = limits::TEXT;
/// Characters of any other text of a record.
const MAX_TEXT: usize = limits::LONG_TEXT;
/// Measures of one record beside the known columns.
const MAX_MEASURES: usize = limits::MEASURES;
/// Ten points in thousandths: more is no rating anybody uses.
const MAX_RATING: u32 = limits::RATING * 1_000;

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
    /// Sales in minor units of the group's currency.
    pub amount_minor: Option<i64>,
    /// The customer, or empty.
    pub customer: String,
    /// Everything else that was measured, by name.
    pub measures: Vec<Measure>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    NegativeAmount,
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
    /// The same external id with other content in this request.
    Contradicted(String),
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
            Self::Contradicted(_) => "ROWS_CONTRADICT",
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
            Self::Contradicted(id) => msg!("ROWS_CONTRADICT", id),
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
        ];
        // Bytes are never fewer than characters, and cost nothing to count.
        if let Some((name, _, max)) = texts.into_iter().find(|(_, t, max)| t.len() > *max && t.chars().count() > *max) {
            return Err(RowError::TooLong(name, max));
        }
        self.check_times()?;
        self.check_numbers()?;
        self.check_measures()?;
        Ok(self)
    }

    /// Refuses a record whose id or agent looks like another and is none.
    ///
    /// # Errors
    /// [`RowError::Unseen`].
    pub fn seen(self) -> Result<Self, RowError> {
        let hidden = [("external_id", unseen::in_id(&self.external_id)), ("agent", unseen::in_name(&self.agent))];
        let found = hidden.into_iter().find_map(|(field, found)| Some((field, found?)));
        found.map_or(Ok(self), |(field, character)| Err(RowError::Unseen(field, character)))
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
            Some(..0) => return Err(RowError::NegativeAmount),
            Some(amount) if amount > limits::AMOUNT_MINOR => return Err(RowError::AmountTooLarge),
            Some(_) | None => {}
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

    /// The columns in which the record is another one than `there`, and both values: not those of people, and of measures the
    /// numbers alone.
    fn differing(&self, there: &Self) -> Vec<Message> {
        let mut columns = Vec::new();
        let mut note = |column: &str, one: Option<String>, other: Option<String>| {
            let value = |text: Option<String>| text.map_or_else(|| msg!("NO_VALUE_THERE"), Message::told);
            if one != other {
                columns.push(msg!("COLUMN_DIFFERS", column, there = value(other), here = value(one)));
            }
        };
        let at = |ms: i64| Some(Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string()));
        note("started_at", at(self.started_ms), at(there.started_ms));
        note("ended_at", at(self.ended_ms), at(there.ended_ms));
        let kind = |record: &Self| Some(record.kind.clone()).filter(|kind| !kind.is_empty());
        note("kind", kind(self), kind(there));
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        note("first_reply_ms", text(self.first_reply_ms), text(there.first_reply_ms));
        note("resolved", self.resolved.map(|yes| yes.to_string()), there.resolved.map(|yes| yes.to_string()));
        note("rating_milli", text(self.rating_milli), text(there.rating_milli));
        note("amount_minor", self.amount_minor.map(|n| n.to_string()), there.amount_minor.map(|n| n.to_string()));
        let of = |record: &Self, name: &str| record.measures.iter().find(|m| m.name == name).map(|m| m.value.clone());
        let names: BTreeSet<&str> = self.measures.iter().chain(&there.measures).map(|m| m.name.as_str()).collect();
        let mut hidden: Vec<&str> = Vec::new();
        for name in names {
            let number = |value: Option<MeasureValue>| match value {
                Some(MeasureValue::Number(number)) => Ok(Some(number.to_string())),
                Some(MeasureValue::Text(_)) => Err(()),
                None => Ok(None),
            };
            match (number(of(self, name)), number(of(there, name))) {
                (Ok(one), Ok(other)) => note(name, one, other),
                _ if of(self, name) != of(there, name) => hidden.push(name),
                _ => {}
            }
        }
        hidden.extend((self.agent != there.agent).then_some("agent"));
        hidden.extend((self.customer != there.customer).then_some("customer"));
        columns.extend(hidden.into_iter().map(|column| msg!("COLUMN_DIFFERS.hidden", column)));
        columns
    }

    /// A digest of everything the record says: two records with the same digest are the same.
    pub fn content(&self) -> [u8; 32] {
        let mut hash = Canonical::default();
        hash.text(&self.external_id).number(self.started_ms).number(self.ended_ms);
        hash.text(&self.agent).text(&self.kind).text(&self.customer);
        hash.maybe(self.first_reply_ms.map(i64::from)).maybe(self.resolved.map(i64::from));
        hash.maybe(self.rating_milli.map(i64::from)).maybe(self.amount_minor);
        for measure in &self.measures {
            hash.text(&measure.name);
            match &measure.value {
                MeasureValue::Number(number) => hash.text("n").text(&number.to_string()),
                MeasureValue::Text(text) => hash.text("t").text(text),
            };
        }
        *blake3::hash(&hash.0).as_bytes()
    }
}

/// Bytes that say the same only for the same values: every part carries its length or its presence.
#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn maybe(&mut self, number: Option<i64>) -> &mut Self {
        self.0.push(u8::from(number.is_some()));
        self.number(number.unwrap_or_default())
    }
}

/// A record to write, with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub record: Record,
    /// [`Record::content`].
    pub content: [u8; 32],
}

impl From<Record> for Row {
    fn from(record: Record) -> Self {
        Self { content: record.content(), record }
    }
}

/// What is said of an external id.
#[derive(Clone, Debug)]
pub struct Said {
    /// [`Record::content`].
    pub content: [u8; 32],
    /// The record that is there, where another row says something else.
    pub record: Option<Record>,
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Keyed for Row {
    type Key = String;
    type Content = Said;
    fn key(&self) -> String {
        self.record.external_id.clone()
    }
    fn content(&self) -> Said {
        Said { content: self.content, record: None }
    }
    fn conflict(&self, there: &Self::Content) -> (&'static str, Message) {
        let columns = there.record.as_ref().map(|there| self.record.differing(there)).unwrap_or_default();
        let error = RowError::DifferentContent(self.record.external_id.clone(), columns);
        (error.reason(), error.message())
    }
    fn contradiction(&self) -> Option<(&'static str, Message)> {
        let error = RowError::Contradicted(self.record.external_id.clone());
        Some((error.reason(), error.message()))
    }
}

#[cfg(test)]
mod tests;
