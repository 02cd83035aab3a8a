//! Measures that everybody has: a starting set for e-commerce customer service. A scheme that names one of them gets it copied.

use tally_kernel::Micro;

use super::definition::{Aggregation, Definition, Derived, Of, OfRecords, Test, Value, built_in};
use super::measure::{Direction, Measure};

/// How the names of measures begin that everybody has beside the built-in ones.
pub const SUPPLIED: &str = "supplied.";
/// What kinds of service are called in exports.
const PRESALE: [&str; 3] = ["presale", "pre-sale", "售前"];
const AFTERSALE: [&str; 3] = ["aftersale", "after-sale", "售后"];

/// All of them, the built-in ones first, each sound together with the others.
pub fn supplied() -> Vec<Definition> {
    let above_zero = Some(Test::Above(Micro::ZERO));
    let is_one = Some(Test::Equal(Micro::ONE));
    let within = |seconds| Some(Test::AtMost(Micro::from_int(seconds)));
    let known = [Measure::FirstReplyWithin30s, Measure::Resolved, Measure::RatingAtLeast4, Measure::Amount];
    let credited = define("credited_records", records(None, Aggregation::Count, None, &[]));
    let seconds = || Some(Value::FirstReplySeconds);
    let complaint = || Some(Value::Column("complaint".to_owned()));
    let ratio = |of: &str, per: &str, percent| Of::Derived(Derived::Ratio { of: of.into(), per: per.into(), percent });
    let repeat = |of: &str, after: &str, within_days| {
        Of::Derived(Derived::Repeat { of: of.into(), after: after.into(), within_days })
    };
    let mut all = vec![credited];
    all.extend(known.iter().filter_map(built_in));
    all.extend([
        lower("supplied.first_reply_seconds", records(seconds(), Aggregation::Mean, None, &[])),
        define("supplied.presale_first_reply_within_30s", records(seconds(), Aggregation::Share, within(30), &PRESALE)),
        define("supplied.aftersale_resolved", records(Some(Value::Resolved), Aggregation::Share, None, &AFTERSALE)),
        lower("supplied.handling_seconds", records(Some(Value::DurationSeconds), Aggregation::Mean, None, &[])),
        define("supplied.rating", records(Some(Value::Rating), Aggregation::Mean, None, &[])),
        define("supplied.solved", records(Some(Value::Resolved), Aggregation::Count, None, &[])),
        define("supplied.customers", records(None, Aggregation::Distinct, None, &[])),
        define("supplied.buyers", records(Some(Value::Amount), Aggregation::Distinct, above_zero, &[])),
        define("supplied.orders", records(Some(Value::Amount), Aggregation::Count, above_zero, &[])),
        define("supplied.presale_records", records(None, Aggregation::Count, None, &PRESALE)),
        define("supplied.conversion", ratio("supplied.buyers", "supplied.customers", true)),
        define("supplied.order_value", ratio("amount", "supplied.orders", false)),
        define("supplied.repeat_purchase_30d", repeat("supplied.orders", "", 30)),
        define("supplied.second_conversion_7d", repeat("supplied.orders", "supplied.presale_records", 7)),
        lower("supplied.complaints", records(complaint(), Aggregation::Count, is_one, &[])),
        lower("supplied.complaint_rate", ratio("supplied.complaints", "credited_records", true)),
    ]);
    all
}

/// Copies what is named and not among these measures from the sources, with all that it is computed from; the first of a name counts.
pub fn copy_named(names: impl IntoIterator<Item = String>, measures: &mut Vec<Definition>, sources: &[Definition]) {
    let mut open: Vec<String> = names.into_iter().collect();
    open.extend(measures.iter().flat_map(Definition::parts).map(str::to_owned));
    while let Some(name) = open.pop() {
        let is_own = !matches!(Measure::from(name.clone()), Measure::Custom(_));
        if is_own || measures.iter().any(|definition| definition.name == name) {
            continue;
        }
        if let Some(found) = sources.iter().find(|definition| definition.name == name) {
            open.extend(found.parts().into_iter().map(str::to_owned));
            measures.push(found.clone());
        }
    }
}

fn records(value: Option<Value>, aggregation: Aggregation, test: Option<Test>, kinds: &[&str]) -> Of {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Of::Record(OfRecords { value, aggregation, test, kinds, hours: None, session_minutes: 0 })
}

fn define(name: &str, of: Of) -> Definition {
    let (name, unit, direction) = (name.to_owned(), String::new(), Direction::Higher);
    Definition { name, version: 1, unit, standard_unit: false, direction, of, min_count: 0, from: None, to: None }
}

fn lower(name: &str, of: Of) -> Definition {
    Definition { direction: Direction::Lower, ..define(name, of) }
}
