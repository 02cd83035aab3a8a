//! Who came to a population, or left it, while its cycle was being closed; whose card a correction changes.

use std::collections::{BTreeMap, BTreeSet};

use tally_app::directory::People;
use tally_engine::closing::facts::Finding;
use tally_engine::scoring::ScoreCard;
use tally_kernel::id::PersonId;
use tally_kernel::person::Employment;
use tally_kernel::{Error, Result, msg};

use crate::credit::domain::fixes;
use crate::credit::facts::Place;
use crate::cycle::domain::Cycle;

/// A finding about each, where the person stands on the day; what was settled when closing began counts.
pub fn findings(
    people: &People,
    settled: BTreeSet<PersonId>,
    now: Vec<(PersonId, Employment)>,
    cycle: &Cycle,
) -> Vec<(Place, Finding)> {
    let (day, again) = (cycle.period.to(), fixes::close_again(cycle.id));
    let now: BTreeSet<PersonId> = now.into_iter().map(|(person, _)| person).collect();
    let finding = |person: &PersonId| {
        let known = people.get(*person)?;
        let home = known.home(day)?;
        let place = Place::of(home, *person, day);
        let detail =
            if now.contains(person) { msg!("POPULATION_CHANGED.came") } else { msg!("POPULATION_CHANGED.left") };
        let found = Finding::new("POPULATION_CHANGED", known.employee_no.as_str(), "", detail);
        Some((place, Finding { fix: Some(again.clone()), ..found }))
    };
    settled.symmetric_difference(&now).filter_map(finding).collect()
}

/// How many cards are not as they were, have come or have gone.
///
/// # Errors
/// A fault of ours where there are more than can be counted.
pub fn cards(before: &BTreeMap<PersonId, ScoreCard>, now: &[(Place, ScoreCard, String)]) -> Result<u32> {
    let same = |(_, card, _): &&(Place, ScoreCard, String)| before.get(&card.person) == Some(card);
    let there: BTreeSet<PersonId> = now.iter().map(|(_, card, _)| card.person).collect();
    let gone = before.keys().filter(|person| !there.contains(person)).count();
    u32::try_from(now.len() - now.iter().filter(same).count() + gone).map_err(Error::internal)
}
