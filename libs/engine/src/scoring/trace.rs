//! A score card with its whole trace: what each indicator was worth, step by step.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_kernel::Micro;
use tally_kernel::id::{OrgUnitId, PersonId};

use super::definition::Of;
use super::{Direction, Measure, MeasureKind, Normalisation};

/// One person's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreCard {
    /// Who.
    pub person: PersonId,
    /// Team.
    pub unit: OrgUnitId,
    /// Sum of the weighted points and the collaboration points.
    pub score: Micro,
    /// Place among all cards, from 1; equal scores share it.
    pub rank: u32,
    /// Number of cards.
    pub of: u32,
    /// Grade, where the scheme has grades and the score reaches one.
    pub grade: Option<String>,
    /// Collaboration points, where the scheme has them and rosters are known.
    pub collaboration: Option<Collaboration>,
    /// The indicators, in the scheme's order.
    pub lines: Vec<Line>,
    /// Credited millionths of records.
    pub credited_ppm: u64,
    /// Of these outside the own roster or team.
    pub outside_ppm: Option<u64>,
    /// The values, rounded, of what the scheme's trends are of: what later cycles are told against.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, Micro>,
}

/// What a measure of a person was in a period of before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// What it was.
    pub value: Micro,
}

/// `100 * outside / credited`, at most 5 points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collaboration {
    /// Credited records outside the own roster or team.
    pub outside: Micro,
    /// All credited records.
    pub credited: Micro,
    /// Points of the score.
    pub points: Micro,
}

/// One indicator of a card: value, points, weighted points, and everything in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The indicator's key.
    pub kpi: String,
    /// What was measured.
    pub measure: Measure,
    /// What the scheme's definition says that it is taken from, where it defines the measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Of>,
    /// Unit for people to read, or empty for the measure's own.
    pub unit: String,
    /// Whether the unit is a word of the catalogues or a currency, and told in the reader's language.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standard_unit: bool,
    /// Which way is better.
    pub direction: Direction,
    /// How the value became points.
    pub normalisation: Normalisation,
    /// Measured records, shares counted as parts.
    pub n: Micro,
    /// The value; nothing without data.
    pub raw: Option<Micro>,
    /// What trends were held against, by what they are of, the newest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub past: BTreeMap<String, Vec<Past>>,
    /// The value after the small-sample rule.
    pub adjusted: Option<Micro>,
    /// What the small-sample rule did, where it did anything.
    pub small_sample: Option<SmallSample>,
    /// The target, where the normalisation has one.
    pub target: Option<TargetUsed>,
    /// Points within floor and cap.
    pub normalised: Option<Micro>,
    /// Which limit was met.
    pub limit: Option<Limit>,
    /// The scheme's weight.
    pub scheme_weight: Micro,
    /// The weight used: 0 when dropped, else including what dropped indicators left.
    pub weight: Micro,
    /// `normalised * weight / 100`.
    pub weighted: Micro,
    /// Why the indicator was dropped.
    pub dropped: Option<Dropped>,
    /// What the next improvement would be worth; nothing where no improvement is possible.
    pub next: Option<Next>,
}

impl Line {
    /// How what was measured became the value.
    pub fn kind(&self) -> MeasureKind {
        self.of.as_ref().map_or_else(|| self.measure.kind(), Of::kind)
    }
}

/// How the small-sample rule worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallSample {
    /// The rule's number of records.
    pub below: u32,
    /// The group's pooled value that the missing records were counted with.
    pub group: Micro,
}

/// The target used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetUsed {
    /// What 100 points are.
    pub value: Micro,
    /// Where it comes from.
    pub basis: Basis,
}

/// Where a target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The scheme.
    Scheme,
    /// The median of the team.
    TeamMedian {
        /// People with data in the team.
        people: u32,
    },
    /// The median of everybody, the team being too small.
    GroupMedian {
        /// People with data.
        people: u32,
    },
}

/// A limit of the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The points were lifted to the floor.
    Floor,
    /// The points were cut to the cap.
    Cap,
}

/// Why an indicator was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// Nobody has data, so it is dropped for everybody.
    NobodyHasData,
    /// This person has no data.
    NoDataOfPerson,
    /// There is no value of this person from before that the one of now could be held against, or it is zero.
    NoPast,
    /// The median that should be the target is not above zero.
    NoTarget,
    /// This person's number is too large to compute with, so it is dropped for everybody.
    TooLarge,
    /// A number of somebody else is, or the numbers of the group lie too far apart.
    TooLargeElsewhere,
}

/// What the next improvement would be worth, everybody else staying as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Improvement of the value: one record, one percentage point, else a hundredth of the target (or one).
    pub step: Micro,
    /// Points of the score that it adds; 0 at the cap.
    pub gain: Micro,
}
