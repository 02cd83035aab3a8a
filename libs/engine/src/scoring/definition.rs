//! A measure that a scheme defines: what it is taken from, how that becomes a number, and when it holds. A version of a scheme
//! keeps a copy of every definition that it uses, so that it never changes when a catalogue does.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use tally_kernel::Micro;

use super::measure::{Direction, Measure, MeasureKind};

/// A measure, defined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Unique in the scheme, and no built-in measure's.
    pub name: String,
    /// Which version of the catalogue's it is; 0 where the scheme brought it itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u32,
    /// Unit for people to read, where the indicator says none; empty for that of its kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Whether the unit is a word of the catalogues or a currency, and told in the reader's language.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standard_unit: bool,
    /// Which way is better, where the indicator does not say.
    #[serde(default)]
    pub direction: Direction,
    /// What it is taken from.
    pub of: Of,
    /// With fewer measured records (observations, days of a team) than this nothing counts as measured; 0 turns the rule off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_count: u32,
    /// First day of which something counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day of which something counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
}

/// What a measure is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The records that a person is credited with, shares of records counted as parts.
    Record(OfRecords),
    /// Values of it that were observed.
    Observation(OfObservations),
    /// Other measures of the scheme.
    Derived(Derived),
    /// What the people of a team have.
    Team(OfTeam),
}

/// How records become a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfRecords {
    /// What is read of a record; nothing where records themselves are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// How the values become one.
    pub aggregation: Aggregation,
    /// Of a share: when a record counts as a yes. Of a count and of distinct customers: which records are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// The kinds of records that are looked at, such as presale; all where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The local hours that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// A record of a customer that begins within so many minutes after the end of that customer's one before belongs to the same
    /// session, of which the first measured record stands for all; 0 turns the rule off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session_minutes: u32,
}

/// What is read of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Value {
    /// Seconds until the first reply.
    FirstReplySeconds,
    /// Seconds from its beginning to its end.
    DurationSeconds,
    /// Whether it was resolved.
    Resolved,
    /// The rating in points.
    Rating,
    /// Sales in major units.
    Amount,
    /// A column of numbers.
    Column(String),
}

/// How values of records become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// How many records there are: of those that pass the test, where there is one.
    Count,
    /// The percentage that passes the test, or is a yes.
    Share,
    /// How many customers they are of, each counted with the largest share that the person has of one of the customer's records.
    /// Customers are told apart on each account.
    Distinct,
}

/// A value compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// <=
    AtMost(Micro),
    /// >=
    AtLeast(Micro),
    /// <
    Below(Micro),
    /// >
    Above(Micro),
    /// =
    Equal(Micro),
}

/// Local hours of the record's account; over midnight where they end before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From.
    pub from: Time,
    /// To, not included.
    pub to: Time,
    /// What they do.
    #[serde(default)]
    pub counts: Counts,
}

/// What counting hours do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Only records that begin within them are looked at.
    #[default]
    Begun,
    /// Every record is, and only the seconds within them are counted.
    Inside,
}

/// How observations of a measure become a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfObservations {
    /// How the values become one.
    pub aggregation: Observed,
    /// Of what they are.
    pub subject: Subject,
}

/// How observed values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The last one.
    Last,
}

/// Of what something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The person.
    Person,
    /// The person's org unit.
    Unit,
    /// An account that the person works on.
    Account,
    /// A store.
    Store,
    /// A campaign.
    Campaign,
}

/// A measure that is computed from others of the scheme, each named as indicators name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// One that adds up over another that does. Exact; rounded once, when it becomes a value.
    Ratio {
        /// What is divided.
        of: String,
        /// By what; its total is rounded to six places half to even.
        per: String,
        /// Whether the ratio is told in percent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        percent: bool,
    },
    /// Measures times their factors, summed. The total of one that adds up is exact, the value of another is rounded to six places
    /// half to even.
    Sum(Vec<Part>),
    /// Of the records that one measure counts: the percentage whose customer had another one within so many days before.
    Repeat {
        /// A count of records.
        of: String,
        /// The count that the earlier record belongs to; empty for the same.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        after: String,
        /// From the beginning of one to the beginning of the other, 24 hours each.
        within_days: u32,
    },
    /// By how many percent a value differs from the person's own past: `100 * (now - past) / past`.
    Trend {
        /// Of which measure.
        of: String,
    },
}

/// A summand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Of which measure.
    pub of: String,
    /// How much it counts.
    #[serde(default = "one")]
    pub factor: Micro,
}

/// How what people of a team have becomes a number of whoever leads it: the team as of each day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfTeam {
    /// Which measure of theirs.
    pub of: String,
    /// How theirs become one.
    pub aggregation: Rolled,
    /// Of a share: when one of them counts as a yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// How values of people become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rolled {
    /// Their mean.
    Mean,
    /// The percentage that passes the test.
    Share,
    /// Their sum.
    Sum,
}

impl Definition {
    /// How samples become a value.
    pub fn kind(&self) -> MeasureKind {
        self.of.kind()
    }

    /// Whether who has nothing of it has zero of it: so it is with a count without a least one.
    pub fn nothing_is_zero(&self) -> bool {
        self.kind() == MeasureKind::Count && self.min_count == 0
    }

    /// The measures that it is computed from.
    pub fn parts(&self) -> Vec<&str> {
        match &self.of {
            Of::Record(_) | Of::Observation(_) => Vec::new(),
            Of::Team(OfTeam { of, .. }) | Of::Derived(Derived::Trend { of }) => vec![of],
            Of::Derived(Derived::Ratio { of, per, .. }) => vec![of, per],
            Of::Derived(Derived::Sum(parts)) => parts.iter().map(|part| part.of.as_str()).collect(),
            Of::Derived(Derived::Repeat { of, after, .. }) if after.is_empty() => vec![of],
            Of::Derived(Derived::Repeat { of, after, .. }) => vec![of, after],
        }
    }
}

impl Of {
    /// How samples become a value.
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::Record(records) => match records.aggregation {
                Aggregation::Mean => MeasureKind::Mean,
                Aggregation::Share => MeasureKind::Rate,
                Aggregation::Count | Aggregation::Distinct => MeasureKind::Count,
                Aggregation::Sum => MeasureKind::Sum,
            },
            Self::Observation(OfObservations { aggregation: Observed::Sum, .. }) => MeasureKind::Sum,
            Self::Observation(_) => MeasureKind::Mean,
            Self::Derived(Derived::Ratio { percent: true, .. } | Derived::Repeat { .. }) => MeasureKind::Rate,
            Self::Derived(Derived::Ratio { .. }) => MeasureKind::Mean,
            Self::Derived(Derived::Sum(_) | Derived::Trend { .. }) => MeasureKind::Sum,
            Self::Team(team) => match team.aggregation {
                Rolled::Mean => MeasureKind::Mean,
                Rolled::Share => MeasureKind::Rate,
                Rolled::Sum => MeasureKind::Sum,
            },
        }
    }

    /// Whether it is taken from credited records alone: nobody has more of them measured than credited.
    pub fn is_of_records(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Derived(Derived::Repeat { .. }))
    }

    /// Whether values of it can be added up, and so divided by one another.
    pub fn adds_up(&self) -> bool {
        let added = matches!(self.kind(), MeasureKind::Count | MeasureKind::Sum);
        added && !matches!(self, Self::Derived(Derived::Trend { .. }))
    }

    /// Whether a rate of it lies within 0 and 100: a ratio may well be above.
    pub fn is_part_of_whole(&self) -> bool {
        self.kind() == MeasureKind::Rate && !matches!(self, Self::Derived(Derived::Ratio { .. }))
    }
}

impl Test {
    /// Whether a value passes.
    pub fn passes(self, value: Micro) -> bool {
        match self {
            Self::AtMost(threshold) => value <= threshold,
            Self::AtLeast(threshold) => value >= threshold,
            Self::Below(threshold) => value < threshold,
            Self::Above(threshold) => value > threshold,
            Self::Equal(threshold) => value == threshold,
        }
    }
}

impl Value {
    /// The name used in files and messages.
    pub fn name(&self) -> &str {
        match self {
            Self::FirstReplySeconds => "first_reply_seconds",
            Self::DurationSeconds => "duration_seconds",
            Self::Resolved => "resolved",
            Self::Rating => "rating",
            Self::Amount => "amount",
            Self::Column(column) => column,
        }
    }
}

impl From<String> for Value {
    fn from(name: String) -> Self {
        match name.as_str() {
            "first_reply_seconds" => Self::FirstReplySeconds,
            "duration_seconds" => Self::DurationSeconds,
            "resolved" => Self::Resolved,
            "rating" => Self::Rating,
            "amount" => Self::Amount,
            _ => Self::Column(name),
        }
    }
}

impl From<Value> for String {
    fn from(value: Value) -> String {
        value.name().to_owned()
    }
}

/// Whether something of these measures is taken from one's own records, through whatever they are computed from: of a period without any
/// record nothing could be said of it. What a team has of records is of others.
pub fn need_records<'a>(named: impl IntoIterator<Item = &'a str>, defined: &'a [Definition]) -> bool {
    let (mut open, mut seen): (Vec<&str>, _) = (named.into_iter().collect(), BTreeSet::new());
    while let Some(name) = open.pop() {
        match defined.iter().find(|definition| definition.name == name) {
            None | Some(Definition { of: Of::Record(_), .. }) => return true,
            Some(Definition { of: Of::Observation(_) | Of::Team(_), .. }) => {}
            Some(derived) => open.extend(derived.parts().into_iter().filter(|part| seen.insert(*part))),
        }
    }
    false
}

/// The built-in measures as definitions: what they are is said here and nowhere else. Credited records, which are no sample of
/// anything, have none.
pub fn built_in(measure: &Measure) -> Option<Definition> {
    let of = |value, aggregation, test| {
        let (kinds, hours, session_minutes) = (Vec::new(), None, 0);
        Of::Record(OfRecords { value: Some(value), aggregation, test, kinds, hours, session_minutes })
    };
    let of = match measure {
        Measure::CreditedRecords | Measure::Custom(_) => return None,
        Measure::FirstReplyWithin30s => {
            of(Value::FirstReplySeconds, Aggregation::Share, Some(Test::AtMost(Micro::from_int(30))))
        }
        Measure::Resolved => of(Value::Resolved, Aggregation::Share, None),
        Measure::RatingAtLeast4 => of(Value::Rating, Aggregation::Share, Some(Test::AtLeast(Micro::from_int(4)))),
        Measure::Amount => of(Value::Amount, Aggregation::Sum, None),
    };
    Some(Definition {
        name: measure.name().to_owned(),
        version: 1,
        unit: String::new(),
        standard_unit: false,
        direction: Direction::Higher,
        of,
        min_count: 0,
        from: None,
        to: None,
    })
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn one() -> Micro {
    Micro::ONE
}
