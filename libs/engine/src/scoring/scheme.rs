//! A scheme: which measures count, how much, and how a value becomes points. A version never changes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tally_kernel::error::Error;
use tally_kernel::{Currency, Micro, Ppm, msg};

use super::bounds::{Bounds, Span};
use super::definition::Definition;
use super::measure::{Direction, Measure, MeasureKind};
use super::problem::{ProblemKind, Problems, SchemeProblem};
use super::sound;

/// What the weights of a scheme sum to.
pub const WEIGHT_SUM: Micro = Micro::HUNDRED;

/// A versioned set of KPIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// Name for people to read, unique among those of its owner.
    pub name: String,
    /// 1, 2, 3 ..
    #[serde(default = "first_version")]
    pub version: u32,
    /// The indicators; their weights sum to exactly 100.
    pub kpis: Vec<Kpi>,
    /// Whether collaboration points are added where rosters are known.
    #[serde(default = "yes")]
    pub collaboration: bool,
    /// Grades, best first; none when empty. Either all by lowest score or all by quota.
    #[serde(default)]
    pub grades: Vec<Grade>,
    /// What a refinement may change; nothing at all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// In which amounts are reckoned; the group's currency where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The definitions that it uses: what an indicator measures is looked up here by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Definition>,
}

/// One indicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kpi {
    /// Unique in the scheme.
    pub key: String,
    /// What is measured.
    pub measure: Measure,
    /// Unit for people to read; empty means the measure's own.
    #[serde(default)]
    pub unit: String,
    /// Whether the unit is a word of the catalogues or a currency, and told in the reader's language.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standard_unit: bool,
    /// Which way is better.
    #[serde(default)]
    pub direction: Direction,
    /// What 100 points are; needed by [`Normalisation::TargetPiecewise`] only. Rates are in percent.
    #[serde(default)]
    pub target: Option<Target>,
    /// Points of the score that 100 points of this indicator are worth, in percent.
    pub weight: Micro,
    /// How a value becomes points.
    #[serde(default)]
    pub normalisation: Normalisation,
    /// Fewest points.
    #[serde(default)]
    pub floor: Micro,
    /// Most points.
    #[serde(default = "default_cap")]
    pub cap: Micro,
    /// Below this many measured records the missing ones are counted as average ones; 0 turns the rule off. For rates
    /// and means only.
    #[serde(default)]
    pub small_sample: u32,
    /// The bands of [`Normalisation::ForcedDistribution`], best first.
    #[serde(default)]
    pub bands: Vec<Band>,
}

/// A band of a forced distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Part of the people; the bands' quotas make a whole.
    pub quota: Ppm,
    /// Points of everybody in the band; never more than those of a better band.
    pub points: Micro,
}

/// A grade of the whole score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// Name, such as `excellent-1`.
    pub name: String,
    /// Lowest score of the grade.
    #[serde(default)]
    pub min_score: Option<Micro>,
    /// Part of the people.
    #[serde(default)]
    pub quota: Option<Ppm>,
}

/// What 100 points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A number above zero.
    Fixed(Micro),
    /// The median over the people of the same team who have data (credited records: more than none). Teams with fewer
    /// than three such people take the median over everybody, as one or two people are no yardstick for themselves.
    TeamMedian,
}

impl FromStr for Target {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "team_median" { Ok(Self::TeamMedian) } else { text.parse().map(Self::Fixed) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(target) => target.fmt(f),
            Self::TeamMedian => f.write_str("team_median"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(Micro),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(target) => Ok(Self::Fixed(target)),
            Written::Word(word) => word.parse().map_err(|e: Error| serde::de::Error::custom(e)),
        }
    }
}

/// How a value becomes points. Except for the target, "the group" is everybody scored together who has data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// `100 * value / target`; where less is better `200 - 100 * value / target`.
    #[default]
    TargetPiecewise,
    /// From the floor for the worst of the group to the cap for the best; 100 for all where all are equal.
    MinMax,
    /// Percent of the group that is no better.
    Percentile,
    /// `50 + 10 * (value - mean) / standard deviation` of the group; 50 for all where all are equal.
    TScore,
    /// Points by place, in bands of fixed quotas.
    ForcedDistribution,
}

impl Scheme {
    /// The scheme used where nobody wrote one: credited records 40 against the team's median, and 20 each for first
    /// replies within 30 s, resolved, and ratings of at least 4, each against 100 percent.
    pub fn standard() -> Self {
        let kpi = |measure: Measure, target: Target, weight: i32| Kpi {
            key: measure.name().to_owned(),
            unit: String::new(),
            standard_unit: false,
            direction: Direction::Higher,
            target: Some(target),
            weight: Micro::from_int(weight),
            normalisation: Normalisation::TargetPiecewise,
            floor: Micro::ZERO,
            cap: default_cap(),
            small_sample: if measure.kind() == MeasureKind::Rate { 30 } else { 0 },
            bands: Vec::new(),
            measure,
        };
        let whole = Target::Fixed(Micro::HUNDRED);
        Self {
            name: "standard".to_owned(),
            version: 1,
            kpis: vec![
                kpi(Measure::CreditedRecords, Target::TeamMedian, 40),
                kpi(Measure::FirstReplyWithin30s, whole, 20),
                kpi(Measure::Resolved, whole, 20),
                kpi(Measure::RatingAtLeast4, whole, 20),
            ],
            collaboration: true,
            grades: Vec::new(),
            bounds: None,
            currency: None,
            measures: Vec::new(),
        }
    }

    /// What the scheme defines under a measure's name.
    pub fn defined(&self, measure: &Measure) -> Option<&Definition> {
        match measure {
            Measure::Custom(name) => self.measures.iter().find(|definition| definition.name == *name),
            _ => None,
        }
    }

    /// How samples of a measure become a value.
    pub fn kind(&self, measure: &Measure) -> MeasureKind {
        self.defined(measure).map_or_else(|| measure.kind(), Definition::kind)
    }

    /// Whether who has nothing of a measure has zero of it ([`Definition::nothing_is_zero`]).
    pub fn nothing_is_zero(&self, measure: &Measure) -> bool {
        self.defined(measure).map_or(measure.kind() == MeasureKind::Count, Definition::nothing_is_zero)
    }

    /// Everything that is wrong, all at once. `columns` are the numeric columns that the records have, where known.
    ///
    /// # Errors
    /// Every [`SchemeProblem`].
    pub fn validate(&self, columns: Option<&BTreeSet<String>>) -> Result<(), Vec<SchemeProblem>> {
        let mut problems = Problems::default();
        if self.name.trim().is_empty() {
            problems.add("name", ProblemKind::Missing, msg!("TEXT_EMPTY"));
        }
        if self.kpis.is_empty() {
            problems.add("kpis", ProblemKind::Missing, msg!("SCHEME_WITHOUT_INDICATORS"));
        }
        let mut keys = BTreeSet::new();
        for (i, kpi) in self.kpis.iter().enumerate() {
            if !keys.insert(&kpi.key) {
                problems.add(format!("kpis[{i}].key"), ProblemKind::Duplicate, msg!("NAME_TWICE", name = kpi.key));
            }
            kpi.validate(&format!("kpis[{i}]"), self, columns, &mut problems);
        }
        let sum: i128 = self.kpis.iter().map(|k| i128::from(k.weight.millionths())).sum();
        if !self.kpis.is_empty() && sum != i128::from(WEIGHT_SUM.millionths()) {
            problems.add("kpis", ProblemKind::WeightsDoNotSum, msg!("WEIGHTS_NOT_HUNDRED", sum = shown(sum)));
        }
        sound::check(&self.measures, 0, columns, &mut problems);
        self.validate_grades(&mut problems);
        self.validate_bounds(&mut problems);
        if problems.0.is_empty() { Ok(()) } else { Err(problems.0) }
    }

    fn validate_grades(&self, problems: &mut Problems) {
        if self.grades.is_empty() {
            return;
        }
        let scores: Vec<Micro> = self.grades.iter().filter_map(|g| g.min_score).collect();
        let quotas: Vec<Ppm> = self.grades.iter().filter_map(|g| g.quota).collect();
        let all = self.grades.len();
        match (scores.len(), quotas.len()) {
            (n, 0) if n == all => {
                if !scores.is_sorted_by(|a, b| a > b) {
                    problems.add("grades", ProblemKind::Bands, msg!("GRADES_OUT_OF_ORDER"));
                }
            }
            (0, n) if n == all => {
                if !Ppm::make_whole(quotas) {
                    problems.add("grades", ProblemKind::Bands, msg!("QUOTAS_NOT_WHOLE"));
                }
            }
            _ => problems.add("grades", ProblemKind::Bands, msg!("GRADES_MIXED")),
        }
        let mut names = BTreeSet::new();
        for (i, grade) in self.grades.iter().enumerate() {
            if grade.name.trim().is_empty() {
                problems.add(format!("grades[{i}].name"), ProblemKind::Missing, msg!("TEXT_EMPTY"));
            } else if !names.insert(&grade.name) {
                problems.add(
                    format!("grades[{i}].name"),
                    ProblemKind::Duplicate,
                    msg!("NAME_TWICE", name = grade.name),
                );
            }
        }
    }

    fn validate_bounds(&self, problems: &mut Problems) {
        let Some(bounds) = &self.bounds else { return };
        let mut keys = BTreeSet::new();
        for (i, of) in bounds.kpis.iter().enumerate() {
            let path = format!("bounds.kpis[{i}]");
            if !keys.insert(&of.key) {
                problems.add(format!("{path}.key"), ProblemKind::Duplicate, msg!("NAME_TWICE", name = of.key));
            }
            let Some(kpi) = self.kpis.iter().find(|kpi| kpi.key == of.key) else {
                problems.add(format!("{path}.key"), ProblemKind::Bounds, msg!("BOUNDS_OF_NOTHING", kpi = of.key));
                continue;
            };
            let mut span = |field: &str, own: Option<Micro>, span: Option<Span>| {
                span_of(problems, format!("{path}.{field}"), own, span);
            };
            span("weight", Some(kpi.weight), of.weight);
            let target = match kpi.target {
                Some(Target::Fixed(target)) => Some(target),
                Some(Target::TeamMedian) | None => None,
            };
            span("target", target, of.target);
            span("floor", Some(kpi.floor), of.floor);
            span("cap", Some(kpi.cap), of.cap);
            span_of(problems, format!("{path}.small_sample"), Some(kpi.small_sample), of.small_sample);
        }
        if let Some(extra) = &bounds.extra
            && (extra.most <= Micro::ZERO || extra.most >= WEIGHT_SUM)
        {
            problems.add("bounds.extra.most_weight", ProblemKind::Bounds, msg!("BOUNDS_EXTRA", most = extra.most));
        }
    }
}

impl Kpi {
    fn validate(&self, path: &str, scheme: &Scheme, columns: Option<&BTreeSet<String>>, problems: &mut Problems) {
        let mut add = |field: &str, kind, message| problems.add(format!("{path}.{field}"), kind, message);
        if self.key.trim().is_empty() {
            add("key", ProblemKind::Missing, msg!("TEXT_EMPTY"));
        }
        if self.weight <= Micro::ZERO {
            add("weight", ProblemKind::WeightNotPositive, msg!("WEIGHT_NOT_POSITIVE", weight = self.weight));
        }
        if let (Measure::Custom(column), None) = (&self.measure, scheme.defined(&self.measure)) {
            let known = columns.is_none_or(|c| c.contains(column));
            if column.trim().is_empty() || !known {
                add("measure", ProblemKind::UnknownMeasure, msg!("MEASURE_UNKNOWN", measure = column));
            }
        }
        let piecewise = self.normalisation == Normalisation::TargetPiecewise;
        match self.target {
            None if piecewise => add("target", ProblemKind::Target, msg!("TARGET_MISSING")),
            Some(Target::Fixed(t)) if t <= Micro::ZERO => {
                add("target", ProblemKind::Target, msg!("TARGET_NOT_POSITIVE", target = t));
            }
            _ => {}
        }
        if self.floor >= self.cap {
            add("floor", ProblemKind::Range, msg!("FLOOR_NOT_BELOW_CAP", floor = self.floor, cap = self.cap));
        }
        if self.small_sample > 0 && !matches!(scheme.kind(&self.measure), MeasureKind::Rate | MeasureKind::Mean) {
            add("small_sample", ProblemKind::SmallSample, msg!("SMALL_SAMPLE_NOT_HERE"));
        }
        if self.normalisation == Normalisation::ForcedDistribution {
            if !Ppm::make_whole(self.bands.iter().map(|b| b.quota)) {
                add("bands", ProblemKind::Bands, msg!("QUOTAS_NOT_WHOLE"));
            }
            if !self.bands.is_sorted_by(|a, b| a.points >= b.points) {
                add("bands", ProblemKind::Bands, msg!("BANDS_OUT_OF_ORDER"));
            }
        } else if !self.bands.is_empty() {
            add("bands", ProblemKind::Bands, msg!("BANDS_NOT_HERE"));
        }
    }
}

fn span_of<T: Copy + PartialOrd + std::fmt::Display>(
    problems: &mut Problems,
    field: String,
    own: Option<T>,
    span: Option<Span<T>>,
) {
    let Some(span) = span else { return };
    let Span { min, max } = span;
    if min > max {
        problems.add(field, ProblemKind::Bounds, msg!("BOUNDS_BACKWARDS", min, max));
    } else if let Some(own) = own.filter(|own| !span.holds(*own)) {
        problems.add(field, ProblemKind::Bounds, msg!("BOUNDS_WITHOUT_OWN", own, min, max));
    }
}

/// A sum of millionths for people to read.
pub(super) fn shown(sum: i128) -> String {
    i64::try_from(sum).map_or_else(|_| sum.to_string(), |sum| Micro::from_millionths(sum).to_string())
}

fn first_version() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn default_cap() -> Micro {
    Micro::from_int(120)
}
