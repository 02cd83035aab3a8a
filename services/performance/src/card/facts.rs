//! What other rooms may ask of cards, and of what making them needs.

use tally_engine::closing::measured::Takes;
use tally_engine::scoring::{Measure, Scheme};

pub(crate) use super::store::{cycles, discard, of_region, scored_by};

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

/// Whether a scheme computes with sales.
pub fn reads_amounts(scheme: &Scheme) -> bool {
    let amount = Measure::Amount;
    scheme.kpis.iter().any(|kpi| kpi.measure == amount)
        || scheme.measures.iter().any(|definition| definition.parts().contains(&amount.name()))
        || Takes::of(scheme).amounts()
}
