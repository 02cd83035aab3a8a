//! Measures that a scheme defines and that nobody sends.

use std::collections::BTreeSet;

use tally_access::{Owner, Region};
use tally_engine::closing::facts::Finding;
use tally_engine::observed::is_own;
use tally_engine::scoring::definition::{Definition, Derived, Of, Value};
use tally_engine::scoring::{Measure, PersonInputs, Scheme, values};
use tally_kernel::{Message, msg};

use crate::credit::facts::Place;

/// A finding about each measure that was to be scored and of which nobody has anything, with how to send it.
pub fn findings(owner: &Owner, scheme: &Scheme, people: &[PersonInputs]) -> Vec<(Place, Finding)> {
    let sent = |name: &str| people.iter().any(|person| person.samples.get(name).is_some_and(|sample| sample.ppm > 0));
    let mut used = BTreeSet::new();
    for definition in scheme.kpis.iter().filter_map(|kpi| scheme.defined(&kpi.measure)) {
        sources(scheme, definition, &sent, &mut used);
    }
    let region = if owner.unit().is_some() { owner.region().clone() } else { Region::global() };
    let place = Place { region, unit: owner.unit(), person: None, left: None };
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
    let columns = scheme.kpis.iter().filter_map(|kpi| match &kpi.measure {
        Measure::Custom(column) if scheme.defined(&kpi.measure).is_none() && !sent(column) => {
            let how = msg!("MEASURE_NOT_SENT", measure = column, what = "column", column);
            Some((place.clone(), Finding::new("MEASURE_NOT_SENT", column.as_str(), "", how)))
        }
        _ => None,
    });
    used.filter(unsent).filter_map(finding).chain(columns).collect()
}

/// What a definition is taken from in the end. What a team has is of people who may have no card: it says by itself whether it is sent.
fn sources<'a>(
    scheme: &'a Scheme,
    definition: &'a Definition,
    sent: &impl Fn(&str) -> bool,
    found: &mut BTreeSet<&'a str>,
) {
    if !found.insert(&definition.name) || (matches!(definition.of, Of::Team(_)) && sent(&definition.name)) {
        return;
    }
    for part in definition.parts() {
        if let Some(part) = scheme.defined(&Measure::from(part.to_owned())) {
            sources(scheme, part, sent, found);
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
        // The suite observes it by itself.
        Of::Observation(_) if is_own(measure) => None,
        Of::Observation(_) => Some(msg!("MEASURE_NOT_SENT.observation", measure)),
        Of::Team(team) => Some(msg!("MEASURE_NOT_SENT.team", measure, of = team.of)),
        Of::Derived(Derived::Trend { of }) => Some(msg!("MEASURE_NOT_SENT.past", measure, of)),
        Of::Derived(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tally_engine::scoring::definition::{Observed, OfObservations, OfRecords, OfTeam, Rolled, Subject, built_in};
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

    #[test]
    fn a_column_that_nobody_sends_is_named_and_what_a_team_has_is_not() {
        let standard = Scheme::standard();
        let of = |name: &str| Kpi { measure: Measure::from(name.to_owned()), ..standard.kpis[0].clone() };
        let base = built_in(&Measure::Resolved).unwrap();
        let team = OfTeam { of: "punctuality".into(), aggregation: Rolled::Mean, test: None };
        let team = Definition { name: "team".into(), of: Of::Team(team), ..base.clone() };
        let seen = OfObservations { aggregation: Observed::Mean, subject: Subject::Person };
        let own = Definition { name: "punctuality".into(), of: Of::Observation(seen), ..base };
        let kpis = vec![of("team"), of("misspelt"), of("sent")];
        let scheme = Scheme { kpis, measures: vec![team, own], ..standard.clone() };
        let person = |samples: &[&str]| PersonInputs {
            person: PersonId(Uuid::from_u128(1)),
            unit: OrgUnitId(Uuid::from_u128(2)),
            credited_ppm: 0,
            outside_ppm: None,
            samples: samples.iter().map(|name| ((*name).to_owned(), Sample { sum: 1, ppm: 1 })).collect(),
            past: std::collections::BTreeMap::new(),
        };
        let named = |samples: &[&str]| {
            let found = findings(&Owner::group(), &scheme, &[person(samples)]);
            found.into_iter().map(|(_, finding)| finding.subject).collect::<Vec<_>>()
        };
        assert_eq!(named(&["team", "sent"]), ["misspelt"]);
        assert_eq!(named(&["sent", "misspelt"]), ["team"], "nobody sends what the suite observes by itself");
    }
}
