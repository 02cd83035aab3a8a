//! Hours of unbroken duty without any work: where a break would show.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Credit, Occupancy};
use super::Account;
use super::rates::Rates;

/// Shortest break that counts, in milliseconds.
const BREAK_MS: i64 = 2 * 3_600_000;
/// Fewest pieces of work of the account within a break that somebody was away for all of.
const FEWEST: usize = 3;
/// Of what came in a break its person has at most this part, by the weights of all of it: the most likely alone may be one of many alike.
const LITTLE: f64 = 0.25;
/// And this part where it is said that they did next to nothing.
const NEXT_TO_NOTHING: f64 = 0.1;

/// How unlikely it must be that chance left so many of somebody's breaks: the negative logarithm.
const PROOF: f64 = 6.0;

/// A while in which somebody on duty did nothing that is most likely theirs.
struct Break {
    from: i64,
    to: i64,
    /// Working day of its beginning.
    day: i32,
    /// Pieces of work of the account in it, and what of them is its person's by their weights.
    came: usize,
    own: f64,
    /// Whether there are more of its kind than somebody who is there all day would have.
    proven: bool,
}

impl Break {
    /// Whether its person did next to nothing in it, while others worked.
    fn is_idle(&self) -> bool {
        self.came >= FEWEST && self.leaves(NEXT_TO_NOTHING)
    }

    /// Whether at most this part of what came is its person's.
    fn leaves(&self, part: f64) -> bool {
        self.own <= part * self.came as f64
    }
}

/// The breaks of an account's people, each person's in order.
pub(super) struct Breaks(BTreeMap<u32, Vec<Break>>);

impl Breaks {
    /// Those within the stretches of duty, by whom each piece of work most likely is of.
    pub fn of(account: &Account<'_>, mut duty: Vec<&Occupancy>) -> Self {
        let mut work: BTreeMap<u32, Vec<(i64, i64, i32)>> = BTreeMap::new();
        for credit in account.credits {
            // Of equal parts, but for an odd millionth, each may be the one.
            let most = account.outcome.shares_of(credit).iter().map(|share| share.ppm).max().unwrap_or_default();
            for share in account.outcome.shares_of(credit).iter().filter(|share| share.ppm + 1 >= most) {
                work.entry(share.person).or_default().extend(account.times(credit));
            }
        }
        duty.sort_by_key(|row| (row.person, row.from_ms, row.to_ms));
        let mut stretches: BTreeMap<u32, Vec<(i64, i64)>> = BTreeMap::new();
        for row in duty {
            let mine = stretches.entry(row.person).or_default();
            match mine.last_mut().filter(|(_, to)| row.from_ms <= *to) {
                Some((_, to)) => *to = row.to_ms.max(*to),
                None => mine.push((row.from_ms, row.to_ms)),
            }
        }
        let of = |(person, mut work): (u32, Vec<(i64, i64, i32)>)| {
            work.sort_unstable();
            let stretches = stretches.get(&person).map(Vec::as_slice).unwrap_or_default();
            (person, between(&work, stretches))
        };
        let breaks: BTreeMap<u32, Vec<Break>> =
            work.into_iter().map(of).filter(|(_, breaks)| !breaks.is_empty()).collect();
        let mut all = Self(breaks).while_others_worked(account);
        // Most accounts have none.
        if all.0.values().flatten().any(Break::is_idle) {
            let rates = Rates::of(account, &stretches);
            all.0.iter_mut().for_each(|(person, breaks)| prove(*person, breaks, &rates));
        }
        all
    }

    /// Those in which little is theirs by the weights of all that came, and not the most likely of each alone.
    fn while_others_worked(mut self, account: &Account<'_>) -> Self {
        let mut all: Vec<i64> =
            account.credits.iter().flat_map(|credit| account.times(credit)).map(|(at, ..)| at).collect();
        all.sort_unstable();
        let mut own: BTreeMap<(u32, i64), f64> = BTreeMap::new();
        for credit in account.credits {
            for (person, share) in account.shares(credit) {
                for one in account.times(credit).filter_map(|(at, ..)| self.at(person, at)) {
                    *own.entry((person, one.from)).or_default() += share;
                }
            }
        }
        for (person, breaks) in &mut self.0 {
            for one in breaks.iter_mut() {
                one.came = all.partition_point(|at| *at < one.to) - all.partition_point(|at| *at <= one.from);
                one.own = own.get(&(*person, one.from)).copied().unwrap_or_default();
            }
            breaks.retain(|one| one.leaves(LITTLE));
        }
        self
    }

    /// The break of somebody that an instant lies in.
    fn at(&self, person: u32, at: i64) -> Option<&Break> {
        let mine = self.0.get(&person)?;
        mine[..mine.partition_point(|one| one.from < at)].last().filter(|one| at < one.to)
    }

    /// Leaves of a credit the shares of those who were there at some time of it, in proportion.
    pub fn keep(&self, account: &Account<'_>, credit: &Credit, shares: &mut Vec<(u32, f64)>) {
        shares.retain(|(person, _)| account.times(credit).any(|(at, ..)| self.at(*person, at).is_none()));
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.iter_mut().for_each(|(_, share)| *share /= all);
    }

    /// Days of people with a break in which they did next to nothing while others worked, as their own rate does not explain, and how many people.
    pub fn idle(&self) -> (u32, u32) {
        let idle = |one: &&Break| one.proven;
        let days = |breaks: &Vec<Break>| breaks.iter().filter(idle).map(|one| one.day).collect::<BTreeSet<_>>().len();
        let days: Vec<usize> = self.0.values().map(days).filter(|days| *days > 0).collect();
        (days.iter().sum::<usize>() as u32, days.len() as u32)
    }
}

/// Finds those of somebody's breaks that are more than chance leaves to somebody of their rate. Of those who are there all day one wait in a hundred,
/// from a record of theirs to the next, is so long that its chance is one in a hundred or less: so of as many waits as there are records so many by
/// chance. The breaks up to some chance are proven where that so many come of so few has at most a chance of e^-[`PROOF`], by Chernoff's bound.
fn prove(person: u32, breaks: &mut [Break], rates: &Rates) {
    let mut idle: Vec<(f64, &mut Break)> = Vec::new();
    for one in breaks {
        if one.is_idle() {
            idle.push((rates.none_of(person, (one.from, one.to)), one));
        }
    }
    idle.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let waits = rates.told(person).max(1.0);
    let more = |(count, (chance, _)): (usize, &(f64, &mut Break))| {
        let (there, by_chance) = (count as f64, chance * waits);
        there > by_chance && there * libm::log(there / by_chance) - (there - by_chance) >= PROOF
    };
    let proven = (1..).zip(&idle).filter(|(count, one)| more((*count, one))).last().map_or(0, |(count, _)| count);
    idle.iter_mut().take(proven).for_each(|(_, one)| one.proven = true);
}

/// What is long enough between two pieces of work in one stretch of duty.
fn between(work: &[(i64, i64, i32)], stretches: &[(i64, i64)]) -> Vec<Break> {
    let mut breaks = Vec::new();
    let Some(&(first, mut until, mut day)) = work.first() else { return breaks };
    until = until.max(first);
    for &(from, to, of_day) in work {
        let stretch = stretches[..stretches.partition_point(|(begins, _)| *begins <= until)].last();
        if from.saturating_sub(until) >= BREAK_MS && stretch.is_some_and(|(_, ends)| from < *ends) {
            breaks.push(Break { from: until, to: from, day, came: 0, own: 0.0, proven: false });
        }
        if to >= until {
            (until, day) = (to, of_day);
        }
    }
    breaks
}
