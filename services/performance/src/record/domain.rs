//! What makes a service record acceptable, and when two are the same. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::import::Keyed;
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
    /// The same external id with other content in the store.
    DifferentContent(String),
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
            Self::DifferentContent(_) => "DIFFERENT_CONTENT",
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
            Self::DifferentContent(id) => msg!("DIFFERENT_CONTENT", id),
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
        let ids = [("external_id", &self.external_id), ("agent", &self.agent)];
        if let Some((field, character)) = ids.into_iter().find_map(|(field, id)| Some((field, unseen::in_id(id)?))) {
            return Err(RowError::Unseen(field, character));
        }
        self.check_times()?;
        self.check_numbers()?;
        self.check_measures()?;
        Ok(self)
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

impl Keyed for Row {
    type Key = String;
    type Content = [u8; 32];
    fn key(&self) -> String {
        self.record.external_id.clone()
    }
    fn content(&self) -> [u8; 32] {
        self.content
    }
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        let error = RowError::DifferentContent(self.record.external_id.clone());
        (error.reason(), error.message())
    }
    fn contradiction(&self) -> Option<(&'static str, Message)> {
        let error = RowError::Contradicted(self.record.external_id.clone());
        Some((error.reason(), error.message()))
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::import::{ImportOutcome, Problem, reconcile};

    use super::*;

    fn record(id: &str) -> Record {
        Record {
            external_id: id.to_owned(),
            started_ms: 1_772_400_000_000,
            ended_ms: 1_772_400_060_000,
            agent: String::new(),
            kind: "presale".to_owned(),
            first_reply_ms: Some(12_000),
            resolved: Some(true),
            rating_milli: None,
            amount_minor: Some(9_900),
            customer: "c1".to_owned(),
            measures: vec![],
        }
    }

    #[test]
    fn a_backwards_interval_and_a_negative_amount_are_refused_and_say_why() {
        let mut backwards = record("a");
        backwards.ended_ms = backwards.started_ms - 1;
        assert_eq!(backwards.check().unwrap_err().reason(), "INTERVAL_BACKWARDS");
        let mut negative = record("a");
        negative.amount_minor = Some(-1);
        assert_eq!(negative.check().unwrap_err().reason(), "AMOUNT_NEGATIVE");
        assert_eq!(record("a\u{202e}b").check().unwrap_err().reason(), "ID_WITH_UNSEEN");
        let mut bidden = record("a");
        bidden.agent = "\u{feff}1001".to_owned();
        assert_eq!(bidden.check(), Err(RowError::Unseen("agent", "U+FEFF".to_owned())));
        let mut nameless = record("");
        nameless.external_id.clear();
        assert_eq!(nameless.check(), Err(RowError::NoExternalId));
    }

    #[test]
    fn what_no_month_could_add_up_is_refused_and_the_most_that_a_file_may_say_is_not() {
        let refused = |change: fn(&mut Record)| {
            let mut record = record("a");
            change(&mut record);
            record.check().err().map(|error| error.reason())
        };
        let number = |r: &mut Record, text: &str| {
            r.measures = vec![Measure { name: "qa".into(), value: MeasureValue::Number(text.parse().unwrap()) }];
        };
        const HOUR: i64 = 3_600_000;
        type Case = (fn(&mut Record), Option<&'static str>);
        let cases: [Case; 10] = [
            (|r| r.amount_minor = Some(i64::MAX), Some("AMOUNT_OUT_OF_RANGE")),
            (|r| r.amount_minor = Some(limits::AMOUNT_MINOR), None),
            (|r| r.ended_ms = r.started_ms + 32 * 24 * HOUR, Some("INTERVAL_TOO_LONG")),
            (|r| r.ended_ms = r.started_ms + 31 * 24 * HOUR, None),
            (|r| r.started_ms = -62_135_596_800_000, Some("RECORD_TIME_IMPLAUSIBLE")),
            (|r| r.ended_ms = 19_000_000_000_000, Some("RECORD_TIME_IMPLAUSIBLE")),
            (|r| r.first_reply_ms = Some(u32::MAX), Some("REPLY_OUT_OF_RANGE")),
            (|r| r.first_reply_ms = Some(4_000_000_000), None),
            (|r| r.rating_milli = Some(10_001), Some("RATING_OUT_OF_RANGE")),
            (|r| r.rating_milli = Some(10_000), None),
        ];
        for (at, (change, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(refused(change), wanted, "case {at}");
        }
        let mut large = record("a");
        number(&mut large, "-1000000000000000.5");
        assert_eq!(large.check().unwrap_err().reason(), "MEASURE_OUT_OF_RANGE");
        let mut most = record("a");
        number(&mut most, "999999999999999.999999");
        assert!(most.check().is_ok());
    }

    #[test]
    fn a_long_text_is_measured_in_characters_not_bytes() {
        let mut chinese = record("a");
        chinese.customer = "客".repeat(MAX_ID);
        assert!(chinese.clone().check().is_ok());
        chinese.customer.push('客');
        assert_eq!(chinese.check(), Err(RowError::TooLong("customer", MAX_ID)));
    }

    #[test]
    fn every_field_changes_the_content() {
        let base = record("a").content();
        let changes: [fn(&mut Record); 10] = [
            |r| r.external_id.push('x'),
            |r| r.started_ms -= 1,
            |r| r.ended_ms += 1,
            |r| r.agent.push('x'),
            |r| r.kind.push('x'),
            |r| r.first_reply_ms = None,
            |r| r.resolved = Some(false),
            |r| r.rating_milli = Some(0),
            |r| r.amount_minor = Some(0),
            |r| r.measures.push(Measure { name: "qa".into(), value: MeasureValue::Text(String::new()) }),
        ];
        let mut seen = BTreeSet::from([base]);
        for change in changes {
            let mut other = record("a");
            change(&mut other);
            assert!(seen.insert(other.content()), "{other:?}");
        }
        let mut shifted = record("a");
        (shifted.agent, shifted.kind) = ("p".to_owned(), "resale".to_owned());
        assert!(seen.insert(shifted.content()), "a letter moved to the neighbour is another content");
    }

    #[test]
    fn the_same_content_again_counts_as_unchanged_and_an_id_with_two_contents_is_refused_wherever_it_stands() {
        let mut other = record("a");
        other.kind = "after-sales".to_owned();
        let rows = [record("a"), record("b"), other, record("c"), record("d"), record("d")].map(Row::from);
        let there = [("b".to_owned(), record("b").content()), ("c".to_owned(), [7; 32])];
        let mut outcome = ImportOutcome::default();
        let fresh = reconcile((0..).zip(rows).collect(), there, &mut outcome);
        assert_eq!(fresh, [(4, Row::from(record("d")))]);
        assert_eq!((outcome.written, outcome.unchanged), (1, 2));
        let refused = |p: &Problem| (p.index, p.reason.clone());
        let expected = [(0, "ROWS_CONTRADICT"), (2, "ROWS_CONTRADICT"), (3, "DIFFERENT_CONTENT")];
        let expected = expected.map(|(index, reason)| (index, reason.to_owned()));
        assert_eq!(outcome.problems.iter().map(refused).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn measures_are_stored_in_one_order_and_read_back() {
        let named = |name: &str, value| Measure { name: name.to_owned(), value };
        let mut record = record("a");
        record.measures = vec![
            named("qa", MeasureValue::Number("4.50".parse().unwrap())),
            named("channel", MeasureValue::Text("app".to_owned())),
        ];
        let record = record.check().unwrap();
        assert_eq!(record.measures[0].name, "channel");
        let json = serde_json::to_string(&record.measures).unwrap();
        assert_eq!(json, r#"[{"k":"channel","t":"app"},{"k":"qa","n":"4.50"}]"#);
        assert_eq!(serde_json::from_str::<Vec<Measure>>(&json).unwrap(), record.measures);
    }
}
