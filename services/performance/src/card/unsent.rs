//! Measures that a scheme defines and that nobody sends.

use std::collections::BTreeSet;

use tally_access::{Owner, Region};
use tally_engine::closing::facts::Finding;
use tally_engine::scoring::definition::{Definition, Derived, Of, Value};
use tally_engine::scoring::{Measure, PersonInputs, Scheme, values};
use tally_kernel::{Message, msg};

use crate::credit::facts::Place;

/// A finding about each measure that was to be scored and of which nobody has anything, with how to send it.
pub fn findings(owner: &Owner, scheme: &Scheme, people: &[PersonInputs]) -> Vec<(Place, Finding)> {
    let mut used = BTreeSet::new();
    for definition in scheme.kpis.iter().filter_map(|kpi| scheme.defined(&kpi.measure)) {
        sources(scheme, definition, &mut used);
    }
    let sent = |name: &str| people.iter().any(|person| person.samples.get(name).is_some_and(|sample| sample.ppm > 0));
    let region = if owner.unit().is_some() { owner.region().clone() } else { Region::global() };
    let place = Place { region, unit: owner.unit(), person: None };
    let finding = |definition: &Definition| {
        Some((place.clone(), Finding::new("MEASURE_NOT_SENT", definition.name.as_str(), "", how(definition)?)))
    };
    let has = |name: &str| values(scheme, people, name).iter().any(Option::is_some);
    // A trend that there is a value of now for, and for nobody one of before.
    let unsent = |definition: &&Definition| match &definition.of {
        Of::Derived(Derived::Trend { of }) => has(of) && !has(&definition.name),
        Of::Derived(_) | Of::Record(_) | Of::Observation(_) | Of::Team(_) => !sent(&definition.name),
    };
    let used = scheme.measures.iter().filter(|definition| used.contains(definition.name.as_str()));
    used.filter(unsent).filter_map(finding).collect()
}

/// What a definition is taken from in the end.
fn sources<'a>(scheme: &'a Scheme, definition: &'a Definition, found: &mut BTreeSet<&'a str>) {
    if !found.insert(&definition.name) {
        return;
    }
    for part in definition.parts() {
        if let Some(part) = scheme.defined(&Measure::from(part.to_owned())) {
            sources(scheme, part, found);
        }
    }
}

/// How it is sent; nothing for what is computed from others.
fn how(definition: &Definition) -> Option<Message> {
    let measure = &definition.name;
    match &definition.of {
        Of::Record(records) => {
            let (what, column) = match &records.value {
                None => ("records", ""),
                Some(Value::Column(column)) => ("column", column.as_str()),
                Some(value) => ("known", value.name()),
            };
            Some(msg!("MEASURE_NOT_SENT", measure, what, column))
        }
        Of::Observation(_) => Some(msg!("MEASURE_NOT_SENT.observation", measure)),
        Of::Team(team) => Some(msg!("MEASURE_NOT_SENT.team", measure, of = team.of)),
        Of::Derived(Derived::Trend { of }) => Some(msg!("MEASURE_NOT_SENT.past", measure, of)),
        Of::Derived(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tally_engine::scoring::definition::{OfRecords, built_in};
    use tally_engine::scoring::{Kpi, Sample};
    use tally_i18n::text;
    use tally_kernel::Locale;
    use tally_kernel::id::{OrgUnitId, PersonId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_nobody_sends_is_named_with_how_to_send_it_and_what_is_sent_is_not() {
        let column = |name: &str| {
            let mut definition = Definition { name: name.into(), ..built_in(&Measure::Resolved).unwrap() };
            if let Of::Record(OfRecords { value, .. }) = &mut definition.of {
                *value = Some(Value::Column(format!("{name}_column")));
            }
            definition
        };
        let ratio = Of::Derived(Derived::Ratio { of: "complaints".into(), per: "visits".into(), percent: true });
        let ratio = Definition { name: "rate".into(), of: ratio, ..column("rate") };
        let scheme = Scheme::standard();
        let kpi = Kpi { measure: Measure::from("rate".to_owned()), ..scheme.kpis[0].clone() };
        let measures = vec![ratio, column("complaints"), column("visits"), column("unused")];
        let scheme = Scheme { kpis: vec![kpi], measures, ..scheme };
        let person = PersonInputs {
            person: PersonId(Uuid::from_u128(1)),
            unit: OrgUnitId(Uuid::from_u128(2)),
            credited_ppm: 5,
            outside_ppm: None,
            samples: [("visits".to_owned(), Sample { sum: 1, ppm: 1 })].into(),
            past: std::collections::BTreeMap::new(),
        };
        let found = findings(&Owner::group(), &scheme, &[person]);
        assert_eq!(found.iter().map(|(_, finding)| finding.subject.as_str()).collect::<Vec<_>>(), ["complaints"]);
        let told = text(Locale::En, &found[0].1.detail);
        assert!(
            told.ends_with("counts for nobody: send the column complaints_column with the service records"),
            "{told}"
        );
        assert_ne!(text(Locale::ZhCn, &found[0].1.detail), told);
    }
}
