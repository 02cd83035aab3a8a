//! What a team has, of whoever leads it: the team as of each day.
//!
//! Whoever belongs to the leader's own unit or to one below it on a day, by the home employment and the org tree of that day, is in
//! the team on that day; the leader never is. Where somebody has a value for the whole period, it counts with the days in the team:
//! - a *mean* and a *share* weigh each person's value with the days in the team;
//! - a *sum* takes the part of a value that the days in the team are of the days of employment in the period.
//!
//! Where values are of days (they were observed), a person's value is made of those of days in the team alone, and a sum adds
//! them as they are. Somebody without an observation of what is added up has none of it, which is zero, if anybody was observed.
//!
//! Exact: a [`Sample`] holds integers, and the part of a value of a sum is rounded once, half to even, at a millionth of a millionth.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::person::DirectoryPerson;
use tally_kernel::time::Period;
use tally_kernel::{Micro, limits};

use crate::observed::portion;
use crate::scoring::Sample;
use crate::scoring::definition::{Observed, Rolled, Test};

/// One record, or here one day, in millionths.
const ONE: u32 = 1_000_000;
/// Words that hold a bit for each day of the longest period.
const WORDS: usize = (limits::PERIOD_DAYS as usize).div_ceil(64);

/// Some days of a period, by their place in it from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDays([u64; WORDS]);

impl OnDays {
    /// Adds a day.
    pub fn add(&mut self, day: usize) {
        if let Some(word) = self.0.get_mut(day / 64) {
            *word |= 1 << (day % 64);
        }
    }

    /// Whether a day is one of them.
    pub fn has(&self, day: usize) -> bool {
        self.0.get(day / 64).is_some_and(|word| word & (1 << (day % 64)) != 0)
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// Whoever is in somebody's team, each with the days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// The days on which the leader is employed.
    pub led: OnDays,
    /// By person.
    pub members: BTreeMap<PersonId, OnDays>,
}

/// The days of a period.
pub fn days(period: Period) -> Vec<Date> {
    std::iter::successors(Some(period.from()), |day| day.tomorrow().ok())
        .take_while(|day| *day <= period.to())
        .collect()
}

/// The unit that somebody belongs to on a day of employment.
pub fn unit_on(person: &DirectoryPerson, day: Date) -> Option<OrgUnitId> {
    let employed = person.homes().any(|home| home.from <= day && home.to.is_none_or(|to| day <= to));
    person.home(day).filter(|_| employed).map(|home| home.unit)
}

/// The teams of some leaders. `above` gives a unit of a day with all above it, itself first.
pub fn teams(
    period: Period,
    leaders: impl IntoIterator<Item = PersonId>,
    people: &[&DirectoryPerson],
    above: impl Fn(Date, OrgUnitId) -> Vec<OrgUnitId>,
) -> BTreeMap<PersonId, Team> {
    let mut teams: BTreeMap<PersonId, Team> = leaders.into_iter().map(|leader| (leader, Team::default())).collect();
    for (place, day) in days(period).into_iter().enumerate() {
        let mut led: BTreeMap<OrgUnitId, Vec<PersonId>> = BTreeMap::new();
        for person in people {
            let Some(team) = teams.get_mut(&person.id) else { continue };
            if let Some(unit) = unit_on(person, day) {
                team.led.add(place);
                led.entry(unit).or_default().push(person.id);
            }
        }
        for person in people {
            let Some(unit) = unit_on(person, day) else { continue };
            let leaders = above(day, unit).into_iter().filter_map(|unit| led.get(&unit)).flatten();
            for leader in leaders.filter(|leader| **leader != person.id) {
                if let Some(team) = teams.get_mut(leader) {
                    team.members.entry(person.id).or_default().add(place);
                }
            }
        }
    }
    teams
}

/// What one of a team has of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Has {
    /// Values that were observed, by the place of their day.
    Days(Observed, Vec<(usize, Micro)>),
    /// One value of the whole period, and on how many of its days the person is employed.
    Whole(Micro, u32),
    /// Nothing.
    Nothing,
}

/// What a team has of a measure. `observed` says whether nothing of a sum is zero.
pub fn roll(
    team: &Team,
    (aggregation, test): (Rolled, Option<Test>),
    observed: bool,
    has: impl Fn(PersonId) -> Has,
) -> Sample {
    let mut sample = Sample::default();
    for (person, days) in &team.members {
        let (value, part) = match has(*person) {
            Has::Nothing => continue,
            Has::Whole(value, employed) => (Some(value), Some((days.count(), employed))),
            Has::Days(how, values) => {
                let mut there = values.into_iter().filter(|(day, _)| days.has(*day)).collect::<Vec<_>>();
                there.sort_by_key(|(day, _)| *day);
                (value_of(how, &there).or_else(|| (observed && how == Observed::Sum).then_some(Micro::ZERO)), None)
            }
        };
        let Some(value) = value else { continue };
        let times = days.count();
        match (aggregation, test) {
            (Rolled::Mean, _) => weigh(&mut sample, times, value),
            (Rolled::Share, test) => {
                let passes = test.is_some_and(|test| test.passes(value));
                weigh(&mut sample, times, if passes { Micro::ONE } else { Micro::ZERO });
            }
            (Rolled::Sum, _) => {
                sample.sum +=
                    part.map_or_else(|| exact(value), |(days, of)| portion(exact(value), days.into(), of.into()));
                sample.ppm += u64::from(ONE) * u64::from(times);
            }
        }
    }
    sample
}

/// Those who left a team for good, for each hundred of the people that it had on average: `100 * left * days / person-days`, as the
/// mean of the sample. `left` says on which day of the period somebody's last employment ends.
pub fn turnover(team: &Team, left: impl Fn(PersonId) -> Option<usize>) -> Sample {
    let person_days: u64 = team.members.values().map(|days| u64::from(days.count())).sum();
    let gone = team.members.iter().filter(|(person, days)| left(**person).is_some_and(|day| days.has(day))).count();
    let sum = gone as i128 * i128::from(team.led.count()) * exact(Micro::HUNDRED);
    Sample { sum, ppm: person_days * u64::from(ONE) }
}

/// The place in the period of the last day of somebody's last employment, if nothing follows it.
pub fn left(person: &DirectoryPerson, period: Period) -> Option<usize> {
    let last = person.homes().map(|home| home.to).reduce(|a, b| Some(a?.max(b?)))??;
    days(period).iter().position(|day| *day == last)
}

fn value_of(how: Observed, values: &[(usize, Micro)]) -> Option<Micro> {
    let sum = || values.iter().map(|(_, value)| i128::from(value.millionths())).sum::<i128>();
    match how {
        Observed::Sum if values.is_empty() => None,
        Observed::Sum => Micro::ratio(sum(), i128::from(ONE)),
        Observed::Mean => Micro::ratio(sum(), values.len() as i128 * i128::from(ONE)),
        Observed::Last => values.last().map(|(_, value)| *value),
    }
}

/// In millionths of millionths, as samples are.
fn exact(value: Micro) -> i128 {
    i128::from(value.millionths()) * i128::from(ONE)
}

fn weigh(sample: &mut Sample, times: u32, value: Micro) {
    sample.sum += exact(value) * i128::from(times);
    sample.ppm += u64::from(ONE) * u64::from(times);
}

#[cfg(test)]
mod tests;
