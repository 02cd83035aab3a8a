//! A scheme of scheme.yaml in the words of the contract.

use rust_decimal::Decimal;
use tally_api::performance::v1 as pb;
use tally_bundle::{Direction, Kpi, KpiMeasure, Normalisation, Scheme, Target};
use tally_engine::scoring::definition::{Aggregation, Definition, Of, OfRecords, Test, Value};
use tally_engine::scoring::supplied;
use tally_kernel::{Locale, Micro};

use crate::definitions::definition_to;

/// The units of those measures for which scheme.yaml wrote none.
#[derive(Clone, Copy, Debug)]
pub struct Standard<'a> {
    /// Of the group.
    pub currency: &'a str,
    /// Whether they are words of the reader's language, and do not stand as if the file had written them.
    pub is_told: bool,
}

/// An indicator of something that the suite does not compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncomputed {
    /// Its id.
    pub kpi: String,
    /// Which one of the file, from 1.
    pub at: usize,
}

/// What the file says, as CreateSchemeVersion takes it.
///
/// # Errors
/// [`Uncomputed`].
pub fn scheme(of: &Scheme, standard: Standard<'_>, collaboration: bool) -> Result<pb::Scheme, Uncomputed> {
    let kpis = of.kpis.iter().zip(1..).map(|(one, at)| kpi(at, one, standard));
    Ok(pb::Scheme {
        name: of.name.clone(),
        kpis: kpis.collect::<Result<_, _>>()?,
        collaboration,
        currency: of.currency.clone().unwrap_or_default(),
        measures: of.measures.iter().map(|measure| definition_to(measure, Locale::En)).collect(),
        ..Default::default()
    })
}

fn kpi(at: usize, kpi: &Kpi, standard: Standard<'_>) -> Result<pb::Kpi, Uncomputed> {
    let measure = measure(kpi).ok_or_else(|| Uncomputed { kpi: kpi.id.clone(), at })?;
    let (unit, standard_unit) = match (kpi.measure, &kpi.unit) {
        (KpiMeasure::Share, _) => ("%", false),
        // The suite has its own words for records.
        (KpiMeasure::Records, None) => ("", false),
        (KpiMeasure::Records, Some(unit)) if unit == "records" => ("", false),
        (_, Some(unit)) => (unit.as_str(), false),
        (KpiMeasure::Sum, None) => (standard.currency, standard.is_told),
        (KpiMeasure::Mean, None) => ("points", standard.is_told),
        // The definition's own.
        (KpiMeasure::Defined, None) => ("", false),
    };
    // A share is a percentage in the suite and a part of 1 in the file.
    let scale = if kpi.measure == KpiMeasure::Share { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    Ok(pb::Kpi {
        key: kpi.id.clone(),
        measure,
        unit: unit.to_owned(),
        standard_unit,
        direction: match kpi.direction {
            Direction::Higher => pb::Direction::Higher.into(),
            Direction::Lower => pb::Direction::Lower.into(),
        },
        target: match kpi.target {
            Target::Number(number) => (number * scale).normalize().to_string(),
            Target::TeamMedian => "team_median".to_owned(),
        },
        weight: kpi.weight.normalize().to_string(),
        normalisation: match kpi.normalisation {
            Normalisation::TargetPiecewise => pb::Normalisation::TargetPiecewise.into(),
            Normalisation::MinMax => pb::Normalisation::MinMax.into(),
            Normalisation::Percentile => pb::Normalisation::Percentile.into(),
            Normalisation::ZScore => pb::Normalisation::TScore.into(),
        },
        floor: kpi.floor.normalize().to_string(),
        cap: kpi.cap.normalize().to_string(),
        small_sample: kpi.small_sample.map_or(0, |rule| rule.min_count),
    })
}

/// The suite's name for what a KPI takes from the records: that of the measure that everybody has and that is the same.
fn measure(kpi: &Kpi) -> Option<String> {
    let column = kpi.of.clone().unwrap_or_default();
    match kpi.measure {
        KpiMeasure::Records => Some("credited_records".to_owned()),
        KpiMeasure::Defined => Some(column),
        KpiMeasure::Mean if !tally_bundle::MEASURED_COLUMNS.contains(&column.as_str()) => Some(column),
        // A mean of what every file has is told as a definition.
        KpiMeasure::Mean => None,
        KpiMeasure::Share => the_same(kpi, Aggregation::Share),
        KpiMeasure::Sum => the_same(kpi, Aggregation::Sum),
    }
}

/// The name of what everybody has and the suite adds up for everybody, where one is what the file asks for.
fn the_same(kpi: &Kpi, aggregation: Aggregation) -> Option<String> {
    let micro = |number: Decimal| number.normalize().to_string().parse::<Micro>().ok();
    let at_most = kpi.at_most.map(|number| micro(number).map(Test::AtMost));
    let test = match at_most.or(kpi.at_least.map(|number| micro(number).map(Test::AtLeast))) {
        Some(test) => Some(test?),
        None => None,
    };
    let value = Some(Value::from(kpi.of.clone()?));
    let wanted = Of::Record(OfRecords { value, aggregation, test, kinds: Vec::new(), hours: None, session_minutes: 0 });
    let is_built_in = |one: &Definition| !one.name.contains('.');
    supplied().into_iter().find(|one| is_built_in(one) && one.of == wanted).map(|one| one.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(measure: KpiMeasure, of: &str, at_most: Option<i64>, at_least: Option<i64>) -> Option<String> {
        let (at_most, at_least) = (at_most.map(Decimal::from), at_least.map(Decimal::from));
        let first = Scheme::default().kpis.remove(0);
        super::measure(&Kpi { measure, of: (!of.is_empty()).then(|| of.to_owned()), at_most, at_least, ..first })
    }

    #[test]
    fn what_everybody_has_is_found_by_what_it_is() {
        use KpiMeasure::{Defined, Mean, Records, Share, Sum};
        let cases = [
            (named(Records, "", None, None), Some("credited_records")),
            (named(Share, "resolved", None, None), Some("resolved")),
            (named(Share, "first_reply_seconds", Some(30), None), Some("first_reply_within_30s")),
            (named(Share, "first_reply_seconds", Some(31), None), None),
            (named(Share, "first_reply_seconds", None, Some(30)), None),
            (named(Share, "rating", None, Some(4)), Some("rating_at_least_4")),
            (named(Share, "rating", None, Some(3)), None),
            (named(Sum, "amount", None, None), Some("amount")),
            (named(Sum, "rating", None, None), None),
            (named(Mean, "qa", None, None), Some("qa")),
            (named(Mean, "rating", None, None), None),
            (named(Defined, "conversion", None, None), Some("conversion")),
        ];
        for (at, (found, expected)) in cases.iter().enumerate() {
            assert_eq!(found.as_deref(), *expected, "{at}");
        }
    }
}
