//! What other rooms may ask of cards, and of what making them needs.

use std::collections::BTreeSet;

use tally_engine::closing::measured::Takes;
use tally_engine::scoring::definition::{Definition, Of, Value, need_records};
use tally_engine::scoring::{Measure, Scheme};
use tally_kernel::Result;
use tally_store::ScopedTx;

use crate::run::domain::AttributionRun;
use crate::{cycle, scheme};

pub(crate) use super::past::{Before, Published, otherwise};
pub(crate) use super::standards::STANDARD_WITHDRAWN;
pub(crate) use super::store::{
    Model as CardRow, as_kept, cycles, discard, of_region, people_by_run, people_of, scored_by,
};

/// The columns whose mean a scheme takes beside the known measures and those that it defines, each once, sorted.
pub fn customs(scheme: &Scheme) -> Vec<String> {
    let names = scheme.kpis.iter().filter_map(|kpi| match &kpi.measure {
        Measure::Custom(column) if scheme.defined(&kpi.measure).is_none() => Some(column.clone()),
        Measure::Custom(_)
        | Measure::CreditedRecords
        | Measure::FirstReplyWithin30s
        | Measure::Resolved
        | Measure::RatingAtLeast4
        | Measure::Amount => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// What is added up for a scheme beside the known measures: the means of columns, then what its definitions take from records.
pub fn names(scheme: &Scheme) -> Vec<String> {
    let takes = Takes::of(scheme);
    let defined = takes.names().map(str::to_owned);
    customs(scheme).into_iter().chain(defined).collect()
}

/// The measures whose values come from observations of those that its indicators are computed from.
pub fn observed_by_indicators(scheme: &Scheme) -> BTreeSet<String> {
    let observed =
        under_indicators(scheme).into_iter().filter_map(|name| scheme.defined(&Measure::from(name.to_owned())));
    let observed = observed.filter(|definition| matches!(definition.of, Of::Observation(_)));
    observed.map(|definition| definition.name.clone()).collect()
}

/// Whether its indicators are computed with sales.
pub fn amounts_by_indicators(scheme: &Scheme) -> bool {
    let of_amounts = |name: &str| {
        let measure = Measure::from(name.to_owned());
        let of_records =
            |definition: &Definition| matches!(&definition.of, Of::Record(of) if of.value == Some(Value::Amount));
        measure == Measure::Amount || scheme.defined(&measure).is_some_and(of_records)
    };
    under_indicators(scheme).into_iter().any(of_amounts)
}

/// The measures of its indicators, and all that these are computed from.
fn under_indicators(scheme: &Scheme) -> BTreeSet<&str> {
    let mut open: Vec<&str> = scheme.kpis.iter().map(|kpi| kpi.measure.name()).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            let definition = scheme.measures.iter().find(|definition| definition.name == name);
            open.extend(definition.map(Definition::parts).unwrap_or_default());
        }
    }
    seen
}

/// Whether a scheme computes with sales.
pub fn reads_amounts(scheme: &Scheme) -> bool {
    let amount = Measure::Amount;
    scheme.kpis.iter().any(|kpi| kpi.measure == amount)
        || scheme.measures.iter().any(|definition| definition.parts().contains(&amount.name()))
        || Takes::of(scheme).amounts()
}

/// Whether a run without a record is of no use: but for that of a cycle whose scheme needs none it is.
///
/// # Errors
/// What the store says.
pub async fn run_needs_records(tx: &ScopedTx, run: &AttributionRun) -> Result<bool> {
    let Some(cycle) = run.cycle else { return Ok(true) };
    let of = cycle::facts::load(tx, cycle).await?;
    Ok(needs_records(&scheme::facts::load(tx, of.scheme, of.scheme_version).await?))
}

/// Whether something of a scheme is measured of one's own records: of a period without any nothing else could be said. What a team
/// has of records is told to be missing (`MEASURE_NOT_SENT`).
pub fn needs_records(scheme: &Scheme) -> bool {
    need_records(scheme.kpis.iter().map(|kpi| kpi.measure.name()), &scheme.measures)
}

#[cfg(test)]
mod tests {
    use tally_engine::scoring::definition::{
        Definition, Derived, Observed, OfObservations, OfTeam, Rolled, Subject, built_in,
    };

    use super::*;

    #[test]
    fn a_scheme_needs_records_unless_all_of_it_is_observed_or_of_teams() {
        let define = |name: &str, of| Definition { name: name.into(), of, ..built_in(&Measure::Resolved).unwrap() };
        let observed = Of::Observation(OfObservations { aggregation: Observed::Sum, subject: Subject::Unit });
        let team = Of::Team(OfTeam { of: "resolved".into(), aggregation: Rolled::Mean, test: None });
        let ratio = |of: &str| Of::Derived(Derived::Ratio { of: of.into(), per: "visits".into(), percent: false });
        let trend = Of::Derived(Derived::Trend { of: "visits".into() });
        let measures = vec![
            define("visits", observed),
            define("team", team),
            define("per", ratio("visits")),
            define("mixed", ratio("amount")),
            define("more", trend),
        ];
        let needs = |measure: &str| {
            let kpi =
                tally_engine::scoring::Kpi { measure: measure.to_owned().into(), ..Scheme::standard().kpis[0].clone() };
            needs_records(&Scheme { kpis: vec![kpi], measures: measures.clone(), ..Scheme::standard() })
        };
        assert_eq!(["visits", "team", "per", "more"].map(needs), [false; 4]);
        assert_eq!(["mixed", "resolved", "a column", "credited_records"].map(needs), [true; 4]);
    }
}
