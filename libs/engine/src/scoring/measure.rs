//! What is measured, by its name.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Measure {
    /// Records credited to the person, shares counted as parts.
    CreditedRecords,
    /// Percent of records first answered within 30 s.
    FirstReplyWithin30s,
    /// Percent of records resolved.
    Resolved,
    /// Percent of rated records with at least 4 of 5.
    RatingAtLeast4,
    /// Sales amount, major units.
    Amount,
    /// What the scheme's definition of this name says; where it has none, the mean of the numeric column of this name.
    Custom(String),
}

/// How samples of a measure become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Records.
    Count,
    /// Percent, 0 to 100.
    Rate,
    /// A sum over records.
    Sum,
    /// A mean over records.
    Mean,
}

impl Measure {
    /// The name used in files and inputs.
    pub fn name(&self) -> &str {
        match self {
            Self::CreditedRecords => "credited_records",
            Self::FirstReplyWithin30s => "first_reply_within_30s",
            Self::Resolved => "resolved",
            Self::RatingAtLeast4 => "rating_at_least_4",
            Self::Amount => "amount",
            Self::Custom(column) => column,
        }
    }

    /// How samples become a value, where the scheme does not define the measure.
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::CreditedRecords => MeasureKind::Count,
            Self::FirstReplyWithin30s | Self::Resolved | Self::RatingAtLeast4 => MeasureKind::Rate,
            Self::Amount => MeasureKind::Sum,
            Self::Custom(_) => MeasureKind::Mean,
        }
    }
}

impl From<String> for Measure {
    fn from(name: String) -> Self {
        match name.as_str() {
            "credited_records" => Self::CreditedRecords,
            "first_reply_within_30s" => Self::FirstReplyWithin30s,
            "resolved" => Self::Resolved,
            "rating_at_least_4" => Self::RatingAtLeast4,
            "amount" => Self::Amount,
            _ => Self::Custom(name),
        }
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> String {
        measure.name().to_owned()
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    #[default]
    Higher,
    /// Less is better.
    Lower,
}
