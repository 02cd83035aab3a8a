//! What other rooms may ask of cards, and of what making them needs.

use tally_engine::scoring::{Measure, Scheme};

pub(crate) use super::store::{cycles, discard, of_region, scored_by};

/// The columns that a scheme reads beside the known measures, each once, sorted.
pub fn customs(scheme: &Scheme) -> Vec<String> {
    let names = scheme.kpis.iter().filter_map(|kpi| match &kpi.measure {
        Measure::Custom(column) => Some(column.clone()),
        Measure::CreditedRecords
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

/// Whether a scheme computes with sales.
pub fn reads_amounts(scheme: &Scheme) -> bool {
    scheme.kpis.iter().any(|kpi| matches!(kpi.measure, Measure::Amount))
}
