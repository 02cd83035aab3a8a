//! Who is in a cycle, as identity tells it now.

use std::sync::Arc;

use tally_access::{OpContext, Owner, Target};
use tally_app::trees::Trees;
use tally_app::units::Units;
use tally_kernel::error::Violations;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::person::{DirectoryPerson, Employment};
use tally_kernel::time::Period;
use tally_kernel::{Result, msg};

use super::domain::population::{Because, Population};
use super::domain::{Cycle, NewCycle};
use crate::App;
use crate::policy::PreviewPopulation;

/// Whose a new cycle is, and the org tree of its day where that matters; refused where its population reaches beyond that. `path` is where a
/// request says it.
///
/// # Errors
/// As [`checked`].
pub async fn settle(app: &App, ctx: &OpContext, new: &NewCycle, path: &str) -> Result<(Owner, Units)> {
    let path = format!("{path}.population");
    let population = new.population.clone().unwrap_or_default();
    checked(app, ctx, (new.unit, new.period), &population, &path).await
}

/// Whose a population is, and the org tree of its day where that matters.
///
/// # Errors
/// `NOT_FOUND` for a unit that is not there on the day; every violation of the population.
async fn checked(
    app: &App,
    ctx: &OpContext,
    (unit, period): (Option<OrgUnitId>, Period),
    population: &Population,
    path: &str,
) -> Result<(Owner, Units)> {
    let mut v = Violations::new();
    let day = population.as_of.filter(|day| period.contains(*day)).unwrap_or(period.to());
    if let Some(outside) = population.as_of.filter(|as_of| *as_of != day) {
        let (from, to) = (period.from(), period.to());
        v.push(format!("{path}.as_of"), msg!("POPULATION_AS_OF_OUTSIDE", day = outside, from, to));
    }
    let (owner, units) = if unit.is_none() && population.units.is_empty() && population.include.is_empty() {
        (Owner::group(), Units::default())
    } else {
        let units = Units::of(&app.peers.identity, ctx, Some(day)).await?;
        (units.owner(unit)?, units)
    };
    let within = |unit: OrgUnitId| holds(&units, &owner, unit);
    for unit in population.units.iter().filter(|unit| units.get(**unit).is_none() || !within(**unit)) {
        v.push(format!("{path}.unit_ids"), msg!("POPULATION_UNIT_BEYOND", unit));
    }
    if !population.include.is_empty() || !population.exclude.is_empty() {
        let people = app.directory.everybody(ctx).await?;
        let trees = app.directory.trees(ctx, &people).await?;
        let home = |person: &PersonId| people.get(*person).and_then(|known| known.home(day));
        let beyond = |person: &&PersonId| home(person).is_none_or(|home| !within(trees.counted(home, day)));
        for person in population.include.iter().filter(beyond) {
            v.push(format!("{path}.include_person_ids"), msg!("POPULATION_PERSON_BEYOND", person));
        }
        // Somebody who moved or left is out anyhow, and a schedule that leaves the person out goes on.
        for person in population.exclude.iter().filter(|person| people.get(**person).is_none()) {
            v.push(format!("{path}.exclude_person_ids"), msg!("POPULATION_PERSON_UNKNOWN", person));
        }
    }
    v.finish(Some((owner, units)))
}

/// Whether a unit is the owner or below it.
fn holds(units: &Units, owner: &Owner, unit: OrgUnitId) -> bool {
    owner.unit().is_none_or(|above| units.holds(above, unit))
}

/// Who is in a cycle now, each with the home of the day, by id; nothing where everybody of the group is.
///
/// # Errors
/// What identity says.
pub async fn of(app: &App, ctx: &OpContext, cycle: &Cycle) -> Result<Option<Vec<(PersonId, Employment)>>> {
    included(app, ctx, &cycle.owner, cycle.population.as_ref(), cycle.period).await
}

/// The same of a cycle that is not made yet.
///
/// # Errors
/// What identity says.
pub async fn included(
    app: &App,
    ctx: &OpContext,
    owner: &Owner,
    population: Option<&Population>,
    period: Period,
) -> Result<Option<Vec<(PersonId, Employment)>>> {
    if owner.unit().is_none() && population.is_none() {
        return Ok(None);
    }
    let population = population.cloned().unwrap_or_default();
    let (judged, _) = judged(app, ctx, owner, period, &population).await?;
    let included = judged.into_iter().filter(|(_, because, _)| because.is_in());
    Ok(Some(included.filter_map(|(person, _, home)| Some((person.id, home?))).collect()))
}

/// Somebody, whether in and why, and the home of the day.
pub type Judged = (Arc<DirectoryPerson>, Because, Option<Employment>);

/// Everybody who counts below the owner on the day, by id; whoever left before it where [`Trees::counted`] says, with that.
async fn judged(
    app: &App,
    ctx: &OpContext,
    owner: &Owner,
    period: Period,
    population: &Population,
) -> Result<(Vec<Judged>, Arc<Trees>)> {
    let day = population.day(period);
    let units = Units::of(&app.peers.identity, ctx, Some(day));
    let (people, units) = futures::try_join!(app.directory.everybody(ctx), units)?;
    let trees = app.directory.trees(ctx, &people).await?;
    let mut judged = Vec::new();
    for person in people.iter() {
        let home = person.home(day).map(|home| (home, trees.counted(home, day)));
        if home.map_or(owner.unit().is_none(), |(_, counted)| holds(&units, owner, counted)) {
            let within = |above| home.is_some_and(|(_, counted)| units.holds(above, counted));
            let because = population.judge(person, period, within);
            judged.push((Arc::clone(person), because, home.map(|(home, _)| home.clone())));
        }
    }
    judged.sort_by_key(|(person, ..)| person.id);
    Ok((judged, trees))
}

/// Who would be in a cycle of this unit, who not, and why: those whom the caller reaches.
///
/// # Errors
/// As [`checked`]; `PERMISSION_DENIED` for a unit out of reach, as for the cycle itself.
pub async fn preview(
    app: &App,
    ctx: &OpContext,
    unit: Option<OrgUnitId>,
    period: Period,
    population: &Population,
) -> Result<Vec<Judged>> {
    let plan = ctx.plan::<PreviewPopulation>()?;
    let (owner, _) = checked(app, ctx, (unit, period), population, "population").await?;
    if owner.unit().is_some() {
        // Of the group everybody sees those whom they reach; of a unit out of reach that would be nobody, without a word.
        ctx.permit::<PreviewPopulation>(&owner.target().on(period.to()))?;
    }
    let (mut judged, trees) = judged(app, ctx, &owner, period, population).await?;
    let day = population.day(period);
    let reached = |(person, _, home): &Judged| match home {
        Some(home) => {
            let of = |unit| Target::person(home.region.clone(), Some(unit), person.id);
            plan.covers(&of(home.unit).on(home.until(day))) || plan.covers(&of(trees.counted(home, day)).on(day))
        }
        None => plan.covers(&Target { person: Some(person.id), ..Target::default() }),
    };
    judged.retain(reached);
    Ok(judged)
}
