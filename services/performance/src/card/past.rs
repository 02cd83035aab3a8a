//! What people had in cycles of before: what trends are against.
//!
//! Of the same scheme alone, and of periods that are as long: whole months against as many whole months, else as many days against as
//! many. The last three such periods before the cycle's own that have a published cycle count, none that overlaps another; of each the
//! version of the result that is the newest now. What was measured otherwise then does not count.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_engine::scoring::{Past, Scheme, ScoreCard, is_same, told_of_past, trends};
use tally_kernel::id::{CycleId, PersonId, SchemeId};
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

/// The published cycles of a scheme, read once for whatever is held against them.
pub struct Published {
    /// Those that ended last first.
    cycles: Vec<WithResults>,
    periods: Vec<Period>,
    /// The versions that their newest results have.
    schemes: HashMap<(SchemeId, u32), Scheme>,
}

/// A published cycle.
struct WithResults {
    cycle: CycleId,
    period: Period,
    /// What the cards of its newest result are kept under.
    newest: Option<Uuid>,
    /// The version that scored these.
    scored_by: (SchemeId, u32),
    /// What the cards of any version of its result are kept under.
    runs: BTreeSet<Uuid>,
}

impl Published {
    /// Those that end before a day, or all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn read(tx: &ScopedTx, scheme: SchemeId, day: Option<Date>) -> Result<Self> {
        let (mut cycles, mut schemes) = (Vec::new(), HashMap::new());
        for versions in cycles::versions_of(tx, cycles::published_before(tx, scheme, day).await?).await? {
            let (Some(own), Some(newest)) = (versions.first(), versions.last()) else { continue };
            let scored_by = (newest.scheme, newest.scheme_version);
            if let Entry::Vacant(missing) = schemes.entry(scored_by) {
                missing.insert(scheme::facts::load(tx, newest.scheme, newest.scheme_version).await?);
            }
            let runs = versions.iter().filter_map(|version| version.run).collect();
            cycles.push(WithResults { cycle: own.id, period: own.period, newest: newest.run, scored_by, runs });
        }
        let periods = cycles.iter().map(|of| of.period).collect();
        Ok(Self { cycles, periods, schemes })
    }

    /// The cycles that trends of a cycle are held against if it is scored now, the newest first.
    ///
    /// # Errors
    /// A period at the end of time.
    pub fn before(&self, cycle: &Cycle, by: &Scheme) -> Result<Vec<Before>> {
        let names = trends(by);
        let ended = self.periods.partition_point(|period| period.to() >= cycle.period.from());
        let counting = counting(cycle.period, self.periods.get(ended..).unwrap_or_default())?;
        let before = |place: usize| {
            let of = self.cycles.get(ended + place)?;
            let then = self.schemes.get(&of.scored_by)?;
            let same = names.iter().filter(|name| is_same(by, then, name)).map(|name| (*name).to_owned());
            Some(Before { cycle: of.cycle, period: of.period, run: of.newest?, names: same.collect() })
        };
        Ok(counting.into_iter().filter_map(before).collect())
    }
}

/// What people had before a cycle: these, or all.
///
/// # Errors
/// What the store says.
pub async fn of(tx: &ScopedTx, cycle: &Cycle, by: &Scheme, people: Option<&BTreeSet<PersonId>>) -> Result<PastOf> {
    if trends(by).is_empty() {
        return Ok(PastOf::new());
    }
    let published = Published::read(tx, cycle.scheme, Some(cycle.period.from())).await?;
    let before = published.before(cycle, by)?;
    Ok(read(tx, &before, people).await?.past)
}

/// What people had, and where.
#[derive(Default)]
struct Had<'a> {
    past: PastOf,
    /// The cycle that gave it, by person, the first day of its period, and measure.
    given: HashMap<(PersonId, Date, &'a str), CycleId>,
}

impl<'a> Had<'a> {
    fn add(&mut self, before: &'a Before, person: PersonId, card: &ScoreCard) {
        let (from, to) = (before.period.from(), before.period.to());
        for name in &before.names {
            let Some(value) = value(card, name) else { continue };
            let known = self.past.entry(person).or_default().entry(name.clone()).or_default();
            // Of two cycles over a period the one that was made last counts.
            if known.last().is_none_or(|last| last.from != from) {
                known.push(Past { from, to, value });
                self.given.insert((person, from, name), before.cycle);
            }
        }
    }
}

async fn read<'a>(tx: &ScopedTx, before: &'a [Before], people: Option<&BTreeSet<PersonId>>) -> Result<Had<'a>> {
    let mut had = Had::default();
    for before in before {
        for (person, card) in store::of_run(tx, before.run, people).await? {
            had.add(before, person, &card);
        }
    }
    Ok(had)
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
    let cards = store::of_run(tx, shown.run, None).await?;
    let published = Published::read(tx, shown.cycle.scheme, Some(shown.cycle.period.from())).await?;
    let before = published.before(&shown.cycle, by)?;
    let Had { past: now, given } = read(tx, &before, Some(&cards.keys().copied().collect())).await?;
    let mut gone = Gone::new();
    for (person, card) in cards {
        for name in &names {
            let was = card.lines.iter().find_map(|line| line.past.get(*name)).map_or(&[][..], Vec::as_slice);
            let is = now.get(&person).and_then(|past| past.get(*name)).map_or(&[][..], Vec::as_slice);
            let came = is.iter().filter(|one| !was.contains(one));
            for one in came.chain(was.iter().filter(|one| !is.contains(one))) {
                let cycles: &mut BTreeSet<CycleId> = otherwise.entry(person).or_default();
                if let Some(cycle) = given.get(&(person, one.from, *name)) {
                    cycles.insert(*cycle);
                } else {
                    let period = Period::new(one.from, one.to).map_err(Error::internal)?;
                    gone.entry(period).or_default().insert(person);
                }
            }
        }
    }
    for (person, cycle) in had_cards(tx, &published, &gone).await? {
        otherwise.entry(person).or_default().insert(cycle);
    }
    Ok(otherwise)
}

/// Of whom no cycle gives any more what was over a period.
type Gone = BTreeMap<Period, BTreeSet<PersonId>>;

/// The cycles over these periods in which these people had a card once.
async fn had_cards(tx: &ScopedTx, published: &Published, gone: &Gone) -> Result<Vec<(PersonId, CycleId)>> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let over = published.cycles.iter().filter_map(|of| Some((of, gone.get(&of.period)?)));
    let runs = over.clone().flat_map(|(of, _)| of.runs.iter().copied()).collect();
    let by_run = store::people_by_run(tx, runs, Some(&gone.values().flatten().copied().collect())).await?;
    let mut had = Vec::new();
    for (of, people) in over {
        for there in of.runs.iter().filter_map(|run| by_run.get(run)) {
            had.extend(there.intersection(people).map(|person| (*person, of.cycle)));
        }
    }
    Ok(had)
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
    use tally_kernel::Micro;
    use tally_kernel::id::OrgUnitId;

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

    #[test]
    fn each_measure_comes_from_the_newest_cycle_that_has_it_and_names_that_one() {
        let cycle = |n| CycleId(Uuid::from_u128(n));
        let before = |n: u128, month: i8, names: &[&str]| Before {
            cycle: cycle(n),
            period: self::month(month),
            run: Uuid::from_u128(n),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let person = PersonId(Uuid::from_u128(7));
        let card = |kept: &[(&str, i64)]| ScoreCard {
            person,
            unit: OrgUnitId(Uuid::from_u128(1)),
            score: Micro::ZERO,
            rank: 1,
            of: 1,
            grade: None,
            collaboration: None,
            lines: vec![],
            credited_ppm: 0,
            outside_ppm: None,
            kept: kept.iter().map(|(name, value)| ((*name).to_owned(), Micro::from_millionths(*value))).collect(),
        };
        let both = ["records", "replies"];
        let (newer, older, first) = (before(2, 2, &both), before(1, 2, &both), before(3, 1, &both));
        let mut had = Had::default();
        had.add(&newer, person, &card(&[("records", 5)]));
        had.add(&older, person, &card(&[("records", 4), ("replies", 90)]));
        had.add(&first, person, &card(&[("replies", 80)]));
        let values =
            |name: &str| had.past[&person][name].iter().map(|past| past.value.millionths()).collect::<Vec<_>>();
        assert_eq!([values("records"), values("replies")], [vec![5], vec![90, 80]]);
        let given = |month: i8, name| had.given.get(&(person, date(2026, month, 1), name)).copied();
        assert_eq!([given(2, "records"), given(2, "replies")], [Some(cycle(2)), Some(cycle(1))]);
        assert_eq!([given(1, "replies"), given(1, "records")], [Some(cycle(3)), None]);
    }
}
