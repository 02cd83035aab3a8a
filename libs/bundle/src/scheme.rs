//! scheme.yaml: how credited records become a score.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_norway::with::singleton_map_recursive;
use tally_engine::scoring::definition::{Definition, need_records};
use tally_engine::scoring::{copy_named, supplied};
use tally_kernel::message::Arg;
use tally_kernel::{Message, msg};

use super::cell::nearest;
use super::defined;
use super::diagnostics::Unusable;
use super::group;
use super::measures::Odd;
use super::numbers::{Numbers, refuse_grouped};
use super::population::{self, Population};
use super::yaml::{Fields, LARGEST, micro};

/// The measured columns every records.csv has.
pub const MEASURED_COLUMNS: [&str; 4] = ["first_reply_seconds", "resolved", "rating", "amount"];

/// A versioned set of KPIs whose weights sum to exactly 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scheme {
    /// What it is called.
    pub name: String,
    /// Which version of it.
    pub version: u32,
    /// In the order of the file.
    pub kpis: Vec<Kpi>,
    /// What it defines, for KPIs to name.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "singleton_map_recursive::serialize")]
    pub measures: Vec<Definition>,
    /// What sales are reckoned in, where it is not the group's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Who has a card; nothing for whoever the suite gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
}

/// One KPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kpi {
    /// Unique in the scheme.
    pub id: String,
    /// What is taken from a person's credited records.
    pub measure: KpiMeasure,
    /// The column measured, or the measure that the scheme defines; none for `records`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// For `share`: a record counts when its value is at most this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Decimal>,
    /// For `share`: a record counts when its value is at least this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Decimal>,
    /// The unit shown beside the value, as it is written in the file; nothing for the measure's own, which a reader is told in
    /// their language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether more or less is better.
    pub direction: Direction,
    /// The value that is worth 100 before cap and floor.
    pub target: Target,
    /// Of 100.
    pub weight: Decimal,
    /// How a value becomes points.
    pub normalisation: Normalisation,
    /// The fewest points.
    pub floor: Decimal,
    /// The most points.
    pub cap: Decimal,
    /// What is done with few records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small_sample: Option<SmallSample>,
}

/// What is taken from a person's credited records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KpiMeasure {
    /// Their number.
    Records,
    /// The share (0 to 1) of those measured for which the test holds, or the yes-or-no column is yes.
    Share,
    /// The sum of a column.
    Sum,
    /// The mean of a column over those measured.
    Mean,
    /// What the scheme's definition of that name says; rates are in percent.
    Defined,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// The value worth 100 points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This number.
    Number(Decimal),
    /// The median of the people of the team.
    TeamMedian,
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.collect_str(number),
            Self::TeamMedian => serializer.serialize_str("team_median"),
        }
    }
}

/// How a value becomes points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// In proportion to the target, piece by piece.
    TargetPiecewise,
    /// Between the least and the greatest of the group.
    MinMax,
    /// By rank in the group.
    Percentile,
    /// By distance from the mean in standard deviations.
    ZScore,
}

/// Small numbers are pulled toward the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SmallSample {
    /// Below this many measured records a person's value is pulled toward the group's.
    pub min_count: u32,
}

impl Default for Scheme {
    fn default() -> Self {
        let kpi = |id: &str, of: &str, test: (Option<i64>, Option<i64>)| Kpi {
            id: id.to_owned(),
            measure: KpiMeasure::Share,
            of: Some(of.to_owned()),
            at_most: test.0.map(Decimal::from),
            at_least: test.1.map(Decimal::from),
            unit: None,
            direction: Direction::Higher,
            target: Target::Number(Decimal::new(9, 1)),
            weight: Decimal::from(20),
            normalisation: Normalisation::TargetPiecewise,
            floor: Decimal::ZERO,
            cap: Decimal::from(120),
            small_sample: None,
        };
        let records = Kpi {
            measure: KpiMeasure::Records,
            of: None,
            target: Target::TeamMedian,
            weight: Decimal::from(40),
            ..kpi("records", "", (None, None))
        };
        Self {
            name: "Default".to_owned(),
            version: 1,
            kpis: vec![
                records,
                kpi("first_reply", "first_reply_seconds", (Some(30), None)),
                kpi("resolved", "resolved", (None, None)),
                kpi("rating", "rating", (None, Some(4))),
            ],
            measures: Vec::new(),
            currency: None,
            population: None,
        }
    }
}

impl Scheme {
    /// Whether a month without any record says nothing of what it measures.
    pub(crate) fn needs_records(&self) -> bool {
        let defined = |kpi: &Kpi| kpi.measure == KpiMeasure::Defined;
        !self.kpis.iter().all(defined)
            || need_records(self.kpis.iter().filter_map(|kpi| kpi.of.as_deref()), &self.measures)
    }

    /// The columns that are measured, each with the KPI or the definition that does.
    pub(crate) fn columns(&self) -> Vec<(&str, &str)> {
        let of_kpis = self.kpis.iter().filter(|kpi| kpi.measure != KpiMeasure::Defined);
        let columns = of_kpis.filter_map(|kpi| Some((kpi.id.as_str(), kpi.of.as_deref()?)));
        columns.chain(defined::columns(&self.measures)).collect()
    }
}

/// Reads scheme.yaml.
pub(crate) fn read_scheme(fields: &mut Fields<'_>, numbers: Option<Numbers>) -> Option<Scheme> {
    refuse_grouped(numbers, fields);
    let name = fields.text("name").unwrap_or_else(|| "Scheme".to_owned());
    let version = fields.whole("version", 1, 1_000_000).unwrap_or(1);
    if !fields.has("kpis") {
        return fields.missing("kpis");
    }
    let mut measures = defined::read(fields);
    let (currency, population) = (group::currency(fields), population::read(fields));
    let items = fields.list("kpis")?;
    let count = items.len();
    let mut ids = BTreeSet::new();
    let kpis: Vec<Kpi> = items.into_iter().filter_map(|item| read_kpi(item, &mut ids, &mut measures)).collect();
    if count == 0 {
        fields.note("kpis", msg!("SETTING_EMPTY"));
    }
    let sum: Decimal = kpis.iter().map(|k| k.weight).sum();
    // With a broken KPI the sum would be a violation that mends itself.
    if kpis.len() == count && count > 0 && sum != Decimal::ONE_HUNDRED {
        fields.note("kpis", msg!("SCHEME_WEIGHTS", sum = sum.normalize()));
    }
    Some(Scheme { name, version, kpis, measures, currency, population })
}

fn read_kpi(mut kpi: Fields<'_>, ids: &mut BTreeSet<String>, defined: &mut Vec<Definition>) -> Option<Kpi> {
    let id = kpi.text("id").or_else(|| if kpi.has("id") { None } else { kpi.missing("id") });
    if id.as_ref().is_some_and(|id| !ids.insert(id.clone())) {
        kpi.note("id", msg!("SCHEME_ID_TAKEN"));
    }
    let measures = [
        ("records", KpiMeasure::Records),
        ("share", KpiMeasure::Share),
        ("sum", KpiMeasure::Sum),
        ("mean", KpiMeasure::Mean),
        ("defined", KpiMeasure::Defined),
    ];
    let measure = if kpi.has("measure") { kpi.word("measure", &measures) } else { kpi.missing("measure") };
    let of = kpi.text("of");
    let (at_most, at_least) = (kpi.decimal("at_most"), kpi.decimal("at_least"));
    check_defined(&kpi, measure, of.as_deref(), defined);
    check_measure(&kpi, measure, of.as_deref(), at_most.is_some() as u8 + at_least.is_some() as u8);
    let direction = kpi.word("direction", &[("higher", Direction::Higher), ("lower", Direction::Lower)]);
    let normalisations = [
        ("target_piecewise", Normalisation::TargetPiecewise),
        ("min_max", Normalisation::MinMax),
        ("percentile", Normalisation::Percentile),
        ("z_score", Normalisation::ZScore),
    ];
    let normalisation = kpi.word("normalisation", &normalisations).unwrap_or(Normalisation::TargetPiecewise);
    let target = read_target(&mut kpi, measure);
    let weight = if kpi.has("weight") { kpi.decimal("weight") } else { kpi.missing("weight") };
    if weight.is_some_and(|w| w <= Decimal::ZERO) {
        kpi.note("weight", msg!("SCHEME_WEIGHT"));
    }
    let floor = kpi.computed("floor").unwrap_or(Decimal::ZERO);
    let cap = kpi.computed("cap").unwrap_or(Decimal::from(120));
    if cap <= floor {
        kpi.note("cap", msg!("SCHEME_CAP", cap, floor));
    } else if normalisation == Normalisation::MinMax && micro(cap - floor).is_none() {
        kpi.note("cap", msg!("SCHEME_RANGE", floor, most = LARGEST));
    }
    let small_sample = kpi.nested("small_sample").and_then(read_small_sample);
    if kpi.has("small_sample") && matches!(measure, Some(KpiMeasure::Records | KpiMeasure::Sum)) {
        kpi.note("small_sample", msg!("SCHEME_SMALL_SAMPLE"));
    }
    let unit = kpi.text("unit");
    kpi.finish();
    Some(Kpi {
        id: id?,
        measure: measure?,
        of,
        at_most,
        at_least,
        unit,
        direction: direction.unwrap_or(Direction::Higher),
        target: target?,
        weight: weight?,
        normalisation,
        floor,
        cap,
        small_sample,
    })
}

fn check_measure(kpi: &Fields<'_>, measure: Option<KpiMeasure>, of: Option<&str>, tests: u8) {
    match (measure, of) {
        (Some(KpiMeasure::Records), Some(_)) => kpi.note("of", msg!("SCHEME_OF_RECORDS")),
        (Some(KpiMeasure::Share | KpiMeasure::Sum | KpiMeasure::Mean | KpiMeasure::Defined), None) => {
            kpi.note("of", msg!("SCHEME_OF_MISSING"));
        }
        (Some(KpiMeasure::Sum | KpiMeasure::Mean), Some("resolved")) => {
            kpi.note("of", msg!("SCHEME_OF_RESOLVED"));
        }
        _ => {}
    }
    let needed = u8::from(measure == Some(KpiMeasure::Share) && of.is_some_and(|of| of != "resolved"));
    if measure.is_some() && tests != needed {
        let problem = if needed == 1 { msg!("SCHEME_TEST_MISSING") } else { msg!("SCHEME_TEST_USELESS") };
        kpi.note("measure", problem);
    }
}

/// A measure that the file defines, or that everybody has and that is copied.
fn check_defined(kpi: &Fields<'_>, measure: Option<KpiMeasure>, of: Option<&str>, measures: &mut Vec<Definition>) {
    if let (Some(KpiMeasure::Defined), Some(of)) = (measure, of) {
        copy_named([of.to_owned()], measures, &supplied());
    }
    if let (Some(KpiMeasure::Defined), Some(of)) = (measure, of)
        && !measures.iter().any(|definition| definition.name == of)
    {
        let near = nearest(of, measures.iter().map(|definition| definition.name.as_str()));
        let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_MEANT", near));
        kpi.note("of", msg!("SCHEME_OF_UNDEFINED", measure = of, hint));
    }
}

fn read_target(kpi: &mut Fields<'_>, measure: Option<KpiMeasure>) -> Option<Target> {
    if !kpi.has("target") {
        return kpi.missing("target");
    }
    if kpi.text("target").as_deref() == Some("team_median") {
        return Some(Target::TeamMedian);
    }
    let number = kpi.computed("target")?;
    if number <= Decimal::ZERO {
        kpi.note("target", msg!("SETTING_NOT_ABOVE_0"));
        return None;
    }
    // A share is a percentage in the suite and a part of 1 in the file.
    if measure == Some(KpiMeasure::Share) && micro(number * Decimal::ONE_HUNDRED).is_none() {
        kpi.between("target", number, 0, LARGEST / 100);
        return None;
    }
    Some(Target::Number(number))
}

fn read_small_sample(mut fields: Fields<'_>) -> Option<SmallSample> {
    let min_count = fields.whole("min_count", 1, 1_000_000);
    if !fields.has("min_count") {
        fields.missing::<()>("min_count");
    }
    fields.finish();
    Some(SmallSample { min_count: min_count? })
}

/// Every column the scheme measures is one of the bundle's numbers. A column of texts most of which are numbers is one for its
/// odd cells, and those are what is to be mended.
pub(crate) fn check_columns(
    scheme: &Scheme,
    numbers: &[&str],
    texts: &[&str],
    odd: &BTreeMap<String, Odd>,
) -> Result<(), Unusable> {
    let (mut notes, mut cure) = (Vec::new(), msg!("SCHEME_MEASURES_CURE"));
    for (kpi, of) in scheme.columns() {
        if MEASURED_COLUMNS.contains(&of) || numbers.contains(&of) {
            continue;
        }
        let column = of;
        notes.push(if let Some(Odd { count, first }) = odd.get(of) {
            cure = msg!("SCHEME_MEASURES_CURE.odd");
            msg!("SCHEME_MEASURES_TEXT.odd", kpi, column, count, cells = Arg::List(first.clone()))
        } else if texts.contains(&of) {
            msg!("SCHEME_MEASURES_TEXT", kpi, column)
        } else {
            let near = nearest(of, MEASURED_COLUMNS.into_iter().chain(numbers.iter().copied()));
            let hint = near.map_or_else(|| Message::told(""), |near| msg!("HINT_MEANT", near));
            msg!("SCHEME_MEASURES_NOTHING", kpi, column, hint)
        });
    }
    if notes.is_empty() {
        return Ok(());
    }
    let problem = msg!("SEVERAL_PROBLEMS", problems = Arg::List(notes));
    Err(Unusable::new("UNKNOWN_MEASURE", "scheme.yaml", problem, cure))
}
