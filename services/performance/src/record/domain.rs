//! What makes a service record acceptable, and when two are the same. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::message::Arg;
use tally_kernel::{Message, msg};

/// Rows of one import.
pub const MAX_ROWS: usize = 5_000;
/// Characters of an external id.
const MAX_ID: usize = 200;
/// Characters of any other text of a record.
const MAX_TEXT: usize = 1_000;
/// Measures of one record beside the known columns.
const MAX_MEASURES: usize = 50;
/// Ten points in thousandths: more is no rating anybody uses.
const MAX_RATING: u32 = 10_000;

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
    /// Kind of service.
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
    /// The column's name.
    #[serde(rename = "k")]
    pub name: String,
    /// Its value.
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

/// Records of one account to write.
#[derive(Clone, Debug)]
pub struct Import {
    /// Same id, same result.
    pub request_id: String,
    /// The account.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// The unit of its team, where known.
    pub unit: Option<OrgUnitId>,
    /// The rows, each readable or not.
    pub rows: Vec<Result<Record, RowError>>,
}

/// Why a row was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    /// No external id.
    NoExternalId,
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
        /// Start.
        started: Timestamp,
        /// End.
        ended: Timestamp,
    },
    /// Sales below zero.
    NegativeAmount,
    /// A rating off the scale.
    RatingTooHigh(u32),
    /// A measure that has no name, two values or none, or is there twice.
    BadMeasure(String),
    /// The same external id with other content, in the store or in this request.
    DifferentContent(String),
}

impl RowError {
    /// The stable reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoExternalId => "EXTERNAL_ID_MISSING",
            Self::TooLong(..) | Self::MeasureTooLong | Self::TooManyMeasures => "TEXT_TOO_LONG",
            Self::NoTime(_) => "TIME_MALFORMED",
            Self::Backwards { .. } => "INTERVAL_BACKWARDS",
            Self::NegativeAmount => "AMOUNT_NEGATIVE",
            Self::RatingTooHigh(_) => "RATING_OUT_OF_RANGE",
            Self::BadMeasure(_) => "MEASURE_MALFORMED",
            Self::DifferentContent(_) => "DIFFERENT_CONTENT",
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Message {
        match self {
            Self::NoExternalId => msg!("EXTERNAL_ID_MISSING"),
            Self::TooLong(field, max) => msg!("RECORD_TEXT_TOO_LONG", field, max),
            Self::MeasureTooLong => msg!("MEASURE_TOO_LONG", max = MAX_TEXT),
            Self::TooManyMeasures => msg!("MEASURES_TOO_MANY", max = MAX_MEASURES),
            Self::NoTime(field) => msg!("RECORD_TIME_MISSING", field),
            Self::Backwards { started, ended } => msg!("INTERVAL_BACKWARDS", started, ended),
            Self::NegativeAmount => msg!("AMOUNT_NEGATIVE"),
            Self::RatingTooHigh(rating) => msg!("RATING_OUT_OF_RANGE", rating),
            Self::BadMeasure(name) => msg!("MEASURE_MALFORMED", name),
            Self::DifferentContent(id) => msg!("DIFFERENT_CONTENT", id),
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
        if self.ended_ms < self.started_ms {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
            return Err(RowError::Backwards { started: at(self.started_ms), ended: at(self.ended_ms) });
        }
        if self.amount_minor.is_some_and(|amount| amount < 0) {
            return Err(RowError::NegativeAmount);
        }
        if let Some(rating) = self.rating_milli.filter(|r| *r > MAX_RATING) {
            return Err(RowError::RatingTooHigh(rating));
        }
        self.check_measures()?;
        Ok(self)
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
            if matches!(&measure.value, MeasureValue::Text(text) if text.chars().count() > MAX_TEXT) {
                return Err(RowError::MeasureTooLong);
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

    fn message(&mut self, message: &Message) {
        self.text(message.id());
        for (name, arg) in message.args() {
            if let Arg::Text(value) = arg {
                self.text(name).text(value);
            }
        }
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

/// A readable row with its place in the request and its digest.
#[derive(Clone, Debug)]
pub struct Row {
    /// Place in the request, from 0.
    pub index: u32,
    /// What it says.
    pub record: Record,
    /// [`Record::content`].
    pub content: [u8; 32],
}

/// The rows of an import: readable ones sorted by external id and place, and the others.
#[derive(Debug, Default)]
pub struct Rows {
    /// Readable.
    pub good: Vec<Row>,
    /// Not readable, by place.
    pub bad: Vec<(u32, RowError)>,
}

impl Rows {
    /// Digests and sorts.
    pub fn of(rows: Vec<Result<Record, RowError>>) -> Self {
        let mut sorted = Self { good: Vec::with_capacity(rows.len()), bad: Vec::new() };
        for (index, row) in (0..).zip(rows) {
            match row {
                Ok(record) => {
                    let content = record.content();
                    sorted.good.push(Row { index, record, content });
                }
                Err(error) => sorted.bad.push((index, error)),
            }
        }
        sorted.good.sort_by(|a, b| (&a.record.external_id, a.index).cmp(&(&b.record.external_id, b.index)));
        sorted
    }

    /// A digest of all of them, for telling the same request again from another one.
    pub fn digest(&self, account: AccountId, region: &Region, unit: Option<OrgUnitId>) -> [u8; 32] {
        let mut hash = Canonical::default();
        hash.text(&account.to_string()).text(region.as_str()).text(&unit.map(|u| u.to_string()).unwrap_or_default());
        for row in &self.good {
            hash.number(row.index.into()).0.extend_from_slice(&row.content);
        }
        for (index, error) in &self.bad {
            hash.number((*index).into()).message(&error.message());
        }
        *blake3::hash(&hash.0).as_bytes()
    }

    /// Sorts rows into new, unchanged and refused. `there` tells the digest of a stored record. An id with two contents
    /// in one request is refused in both places: nobody can say which is right.
    pub fn judge(&self, there: impl Fn(&str) -> Option<[u8; 32]>) -> Verdict<'_> {
        let mut verdict =
            Verdict { new: Vec::with_capacity(self.good.len()), unchanged: 0, problems: self.bad.clone() };
        for twins in self.good.chunk_by(|a, b| a.record.external_id == b.record.external_id) {
            let Some(first) = twins.first() else { continue };
            let stored = there(&first.record.external_id);
            let disputed =
                twins.iter().any(|t| t.content != first.content) || stored.is_some_and(|s| s != first.content);
            if disputed {
                let refused = |t: &Row| (t.index, RowError::DifferentContent(first.record.external_id.clone()));
                verdict.problems.extend(twins.iter().map(refused));
                continue;
            }
            let mut same = u32::try_from(twins.len()).unwrap_or(u32::MAX);
            if stored.is_none() {
                verdict.new.push(first);
                same -= 1;
            }
            verdict.unchanged += same;
        }
        verdict.problems.sort_by_key(|(index, _)| *index);
        verdict
    }
}

/// What an import does, given what is there.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// Rows to write.
    pub new: Vec<&'a Row>,
    /// Rows that are there already with the same content.
    pub unchanged: u32,
    /// Rows refused, by their place in the request.
    pub problems: Vec<(u32, RowError)>,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Rows written.
    pub written: u32,
    /// Rows that were there already.
    pub unchanged: u32,
    /// Rows refused: place, reason, sentence.
    pub problems: Vec<(u32, String, Message)>,
}

impl From<Verdict<'_>> for Imported {
    fn from(verdict: Verdict<'_>) -> Self {
        Self {
            written: u32::try_from(verdict.new.len()).unwrap_or(u32::MAX),
            unchanged: verdict.unchanged,
            problems: verdict.problems.iter().map(|(i, e)| (*i, e.reason().to_owned(), e.message())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
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

    fn judged(rows: Vec<Result<Record, RowError>>, there: &[(&str, [u8; 32])]) -> Imported {
        let find = |id: &str| there.iter().find(|(known, _)| *known == id).map(|(_, content)| *content);
        Rows::of(rows).judge(find).into()
    }

    fn reasons(imported: &Imported) -> Vec<(u32, &str)> {
        imported.problems.iter().map(|(index, reason, _)| (*index, reason.as_str())).collect()
    }

    #[test]
    fn a_backwards_interval_and_a_negative_amount_are_refused_and_say_why() {
        let mut backwards = record("a");
        backwards.ended_ms = backwards.started_ms - 1;
        assert_eq!(backwards.check().unwrap_err().reason(), "INTERVAL_BACKWARDS");
        let mut negative = record("a");
        negative.amount_minor = Some(-1);
        assert_eq!(negative.check().unwrap_err().reason(), "AMOUNT_NEGATIVE");
        let mut nameless = record("");
        nameless.external_id.clear();
        assert_eq!(nameless.check(), Err(RowError::NoExternalId));
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
    fn the_same_content_again_counts_as_unchanged_and_other_content_is_refused() {
        let there = [("a", record("a").content()), ("b", [7; 32])];
        let imported = judged(vec![Ok(record("b")), Ok(record("a")), Ok(record("c"))], &there);
        assert_eq!((imported.written, imported.unchanged), (1, 1));
        assert_eq!(reasons(&imported), [(0, "DIFFERENT_CONTENT")]);
    }

    #[test]
    fn an_id_with_two_contents_in_one_request_is_refused_in_both_places_and_the_rest_is_written() {
        let mut other = record("a");
        other.kind = "after-sales".to_owned();
        let rows = vec![Ok(record("a")), Err(RowError::NegativeAmount), Ok(other), Ok(record("d")), Ok(record("d"))];
        let imported = judged(rows, &[]);
        let places = [(0, "DIFFERENT_CONTENT"), (1, "AMOUNT_NEGATIVE"), (2, "DIFFERENT_CONTENT")];
        assert_eq!(reasons(&imported), places);
        assert_eq!((imported.written, imported.unchanged), (1, 1));
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
