//! What people had in cycles of before: what trends are against.
//!
//! Of the same scheme alone, and of periods that are as long: whole months against as many whole months, else as many days against as
//! many. The last three such periods before the cycle's own that have a published cycle count, none that overlaps another; of each the
//! version of the result that is the newest now. What was measured otherwise then does not count.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_engine::scoring::{Past, Scheme, ScoreCard, is_same, told_of_past, trends};
use tally_kernel::id::{CycleId, PersonId};
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::ScopedTx;
use uuid::Uuid;

use super::store;
use crate::cycle::domain::Cycle;
use crate::cycle::facts::{self as cycles, Shown};
use crate::scheme;

/// Periods that count: one odd month alone is no past.
const MOST: usize = 3;

/// Of each person the values of before, by measure, the newest first.
pub type PastOf = HashMap<PersonId, BTreeMap<String, Vec<Past>>>;

/// A cycle that trends are held against, by the newest version of its result.
pub struct Before {
    /// The cycle, and no correction of it.
    pub cycle: CycleId,
    pub period: Period,
    /// What its newest cards are kept under.
    pub run: Uuid,
    /// What it measured as trends take it now.
    pub names: BTreeSet<String>,
}

/// The cycles that trends of a cycle are held against if it is scored now, the newest first.
///
/// # Errors
/// What the store says.
pub async fn before(tx: &ScopedTx, cycle: &Cycle, by: &Scheme) -> Result<Vec<Before>> {
    let (names, mut before) = (trends(by), Vec::new());
    if names.is_empty() {
        return Ok(before);
    }
    let published = cycles::published_before(tx, cycle.scheme, cycle.period.from()).await?;
    let periods: Vec<Period> = published.iter().map(|before| before.period).collect();
    let counting = counting(cycle.period, &periods)?;
    for (_, of) in published.into_iter().enumerate().filter(|(place, _)| counting.contains(place)) {
        let (cycle, period) = (of.id, of.period);
        let Some(newest) = cycles::versions(tx, of).await?.pop() else { continue };
        let Some(run) = newest.run else { continue };
        let then = scheme::facts::load(tx, newest.scheme, newest.scheme_version).await?;
        let same = names.iter().filter(|name| is_same(by, &then, name)).map(|name| (*name).to_owned());
        before.push(Before { cycle, period, run, names: same.collect() });
    }
    Ok(before)
}

/// What people had before a cycle.
///
/// # Errors
/// What the store says.
pub async fn of(tx: &ScopedTx, cycle: &Cycle, by: &Scheme) -> Result<PastOf> {
    Ok(read(tx, &before(tx, cycle, by).await?).await?.0)
}

/// Who gave what somebody had: the cycle, by person and the first day of its period.
type Given = HashMap<(PersonId, Date), CycleId>;

async fn read(tx: &ScopedTx, before: &[Before]) -> Result<(PastOf, Given)> {
    let (mut past, mut given) = (PastOf::new(), Given::new());
    for Before { cycle, period, run, names } in before {
        for (person, card) in store::of_run(tx, *run).await? {
            for name in names {
                let Some(value) = value(&card, name) else { continue };
                let known = past.entry(person).or_default().entry(name.clone()).or_default();
                // Of two cycles over a period the one that was made last counts.
                if known.last().is_none_or(|last| last.from != period.from()) {
                    known.push(Past { from: period.from(), to: period.to(), value });
                    given.entry((person, period.from())).or_insert(*cycle);
                }
            }
        }
    }
    Ok((past, given))
}

/// Of whom the cards of a result say otherwise what trends were held against than it is by now, and in which cycles.
///
/// # Errors
/// What the store says.
pub async fn otherwise(tx: &ScopedTx, shown: &Shown, by: &Scheme) -> Result<BTreeMap<PersonId, BTreeSet<CycleId>>> {
    let (names, mut otherwise) = (told_of_past(by), BTreeMap::new());
    if names.is_empty() {
        return Ok(otherwise);
    }
    let (now, given) = read(tx, &before(tx, &shown.cycle, by).await?).await?;
    let mut gone: BTreeMap<Period, BTreeSet<PersonId>> = BTreeMap::new();
    for (person, card) in store::of_run(tx, shown.run).await? {
        for name in &names {
            let was = card.lines.iter().find_map(|line| line.past.get(*name)).map_or(&[][..], Vec::as_slice);
            let is = now.get(&person).and_then(|past| past.get(*name)).map_or(&[][..], Vec::as_slice);
            let came = is.iter().filter(|one| !was.contains(one));
            for one in came.chain(was.iter().filter(|one| !is.contains(one))) {
                let cycles: &mut BTreeSet<CycleId> = otherwise.entry(person).or_default();
                match given.get(&(person, one.from)) {
                    Some(cycle) => _ = cycles.insert(*cycle),
                    None => {
                        _ = gone
                            .entry(Period::new(one.from, one.to).map_err(Error::internal)?)
                            .or_default()
                            .insert(person)
                    }
                }
            }
        }
    }
    if gone.is_empty() {
        return Ok(otherwise);
    }
    // What no cycle gives any more: those over its period in which the person had a card once.
    for cycle in cycles::published_before(tx, shown.cycle.scheme, shown.cycle.period.from()).await? {
        let (id, Some(people)) = (cycle.id, gone.get(&cycle.period)) else { continue };
        let runs = cycles::versions(tx, cycle).await?.into_iter().filter_map(|version| version.run).collect();
        for person in store::people_of(tx, runs).await?.into_iter().filter(|person| people.contains(person)) {
            otherwise.entry(person).or_default().insert(id);
        }
    }
    Ok(otherwise)
}

/// What a card says that a measure was. Cards of before trends were kept say it of indicators.
fn value(card: &ScoreCard, name: &str) -> Option<tally_kernel::Micro> {
    let line = || card.lines.iter().find(|line| line.measure.name() == name).and_then(|line| line.raw);
    card.kept.get(name).copied().or_else(line)
}

/// The places of those that a cycle over this period looks back on, among the periods of before, the newest first.
fn counting(own: Period, before: &[Period]) -> Result<Vec<usize>> {
    let length = length(own)?;
    let (mut chosen, mut last, mut found) = (Vec::new(), own, 0);
    for (place, period) in before.iter().enumerate() {
        let is_another = period.to() < last.from();
        if self::length(*period)? != length || !(is_another || found > 0 && *period == last) {
            continue;
        }
        if is_another {
            if found == MOST {
                break;
            }
            (last, found) = (*period, found + 1);
        }
        chosen.push(place);
    }
    Ok(chosen)
}

/// Whole months, or else days.
fn length(period: Period) -> Result<(bool, i32)> {
    let next = period.to().checked_add(1.day()).map_err(Error::internal)?;
    let months = period.from().day() == 1 && next.day() == 1;
    let unit = if months { jiff::Unit::Month } else { jiff::Unit::Day };
    let span = period.from().until((unit, next)).map_err(Error::internal)?;
    Ok((months, if months { span.get_months() } else { span.get_days() }))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::*;

    fn over(from: Date, to: Date) -> Period {
        Period::new(from, to).unwrap()
    }

    fn month(month: i8) -> Period {
        Period::month_of(date(2026, month, 1))
    }

    #[test]
    fn the_last_three_periods_of_the_same_length_count_and_each_cycle_over_them() {
        let quarter = over(date(2026, 1, 1), date(2026, 3, 31));
        let days = over(date(2026, 3, 2), date(2026, 4, 1));
        let before = [month(5), month(4), month(4), days, quarter, month(3), month(2), month(1)];
        assert_eq!(counting(month(6), &before).unwrap(), [0, 1, 2, 5]);
        assert_eq!(counting(month(3), &before[6..]).unwrap(), [0, 1], "28 days and 31 are a month");
        assert_eq!(counting(over(date(2026, 4, 1), date(2026, 6, 30)), &before).unwrap(), [4]);
    }

    #[test]
    fn of_periods_that_overlap_the_later_one_counts() {
        let week = |day: i8| over(date(2026, 3, day), date(2026, 3, day + 6));
        assert_eq!(counting(week(22), &[week(15), week(10), week(7), week(1)]).unwrap(), [0, 2]);
    }
}
