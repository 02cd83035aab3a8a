//! Who came to a population, or left it, while its cycle was being closed.

use std::collections::BTreeSet;

use jiff::civil::Date;
use tally_app::directory::People;
use tally_engine::closing::facts::Finding;
use tally_kernel::id::PersonId;
use tally_kernel::msg;
use tally_kernel::person::Employment;

use crate::credit::facts::Place;

/// A finding about each, where the person stands on the day; what was settled when closing began counts.
pub fn findings(
    people: &People,
    settled: BTreeSet<PersonId>,
    now: Vec<(PersonId, Employment)>,
    day: Date,
) -> Vec<(Place, Finding)> {
    let now: BTreeSet<PersonId> = now.into_iter().map(|(person, _)| person).collect();
    let finding = |person: &PersonId| {
        let known = people.get(*person)?;
        let home = known.home(day)?;
        let place = Place { region: home.region.clone(), unit: Some(home.unit), person: Some(*person) };
        let detail =
            if now.contains(person) { msg!("POPULATION_CHANGED.came") } else { msg!("POPULATION_CHANGED.left") };
        let (kind, subject) = ("POPULATION_CHANGED".to_owned(), known.employee_no.clone());
        Some((place, Finding { kind, subject, at: String::new(), detail }))
    };
    settled.symmetric_difference(&now).filter_map(finding).collect()
}
