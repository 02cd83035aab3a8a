//! Punches that say nothing of their direction, read as one sequence (policy version 2).
//!
//! A working day by the cut-over takes a night apart: its `in` is the last punch of one day and its `out` the first of the
//! next, and read day by day all rest would be presence and all presence rest, for the whole of the month. So the days of a
//! sequence are read together, by what is least odd: a pair within a working day is not odd, one over its end is a little,
//! a punch without a partner is odd, and a presence that is longer than people are there is odder still.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::super::model::PunchKind;
use super::{Around, Odd, Punches, Read, Rows};

/// A presence up to this length is an ordinary one: eleven hours of rest are left of a day.
const ORDINARY: SignedDuration = SignedDuration::from_hours(13);
/// How odd a pair over the end of a working day is.
const NIGHT: u32 = 2;
/// How odd a punch without a partner is.
const ALONE: u32 = 4;
/// How odd a presence is that is longer than [`ORDINARY`].
const LONG: u32 = 6;

/// A punch with its working day.
#[derive(Clone, Copy)]
struct Step {
    at: Timestamp,
    day: Date,
    /// Near to a rostered stretch, which says of what day it is.
    planned: bool,
}

/// A working day and its punches.
type Day = (Date, Vec<(Timestamp, Vec<PunchKind>)>);

/// Reads days without any given direction.
pub(super) fn read(days: &[Day], stretches: &[(Timestamp, Timestamp)], around: &Around<'_>, read: &mut Read) {
    let mut steps = Vec::new();
    for (day, rows) in days {
        let kept = counted(*day, rows, around.how, &mut read.odd);
        steps.extend(kept.map(|at| Step { at, day: *day, planned: super::nearest(at, stretches).is_some() }));
    }
    let alone = pairs(&steps, around, read);
    for (place, step) in alone.iter().map(|place| (*place, steps[*place])) {
        read.left_over.push(step.at);
        read.punches.push((step.at, PunchKind::In));
        read.odd.push(Odd::Alone { day: step.day, at: step.at });
        let next = alone.iter().find(|next| **next > place);
        read.odd.extend(next.and_then(|next| either_way(&steps[place..=*next])));
    }
}

/// The punches of a day that count.
fn counted<'r>(day: Date, rows: &'r Rows, how: Punches, odd: &mut Vec<Odd>) -> impl Iterator<Item = Timestamp> + 'r {
    let ends_only = how == Punches::FirstLast;
    if ends_only && rows.len() > 2 {
        odd.push(Odd::Between { day, punches: rows.len() - 2 });
    }
    let last = rows.len() - 1;
    let kept = rows.iter().enumerate().filter(move |(n, _)| !ends_only || *n == 0 || *n == last);
    kept.map(|(_, (at, _))| *at)
}

/// Adds the pairs of the least odd reading, of equal ones that which begins with pairs; gives the places of the others.
fn pairs(steps: &[Step], around: &Around<'_>, read: &mut Read) -> Vec<usize> {
    // How odd the rest is from each place on, and whether a pair begins there.
    let mut rest = vec![(0_u32, false); steps.len() + 1];
    for place in (0..steps.len()).rev() {
        let alone = ALONE.saturating_add(rest[place + 1].0);
        let paired = steps.get(place + 1).and_then(|next| oddness(steps[place], *next, around.longest));
        let paired = paired.map(|odd| odd.saturating_add(rest[place + 2].0));
        rest[place] = match paired {
            Some(paired) if paired <= alone => (paired, true),
            _ => (alone, false),
        };
    }
    let (mut alone, mut place) = (Vec::new(), 0);
    while place < steps.len() {
        if !rest[place].1 {
            alone.push(place);
            place += 1;
            continue;
        }
        let (one, other) = (steps[place], steps[place + 1]);
        read.punches.extend([(one.at, PunchKind::In), (other.at, PunchKind::Out)]);
        let (day, from, to) = (one.day, one.at, other.at);
        if one.day != other.day {
            read.odd.push(Odd::Night { day, from, to });
        }
        if is_long(one, other) {
            read.odd.push(Odd::Long { day, from, to });
        }
        place += 2;
    }
    alone
}

/// How odd it is that somebody came with the one punch and left with the other; nothing where they did not.
fn oddness(one: Step, other: Step, longest: SignedDuration) -> Option<u32> {
    let (night, planned) = (one.day != other.day, one.planned && other.planned);
    if other.at.duration_since(one.at) > longest || night && planned {
        return None;
    }
    Some(u32::from(night) * NIGHT + u32::from(is_long(one, other)) * LONG)
}

/// Longer than an ordinary presence, and not planned so.
fn is_long(one: Step, other: Step) -> bool {
    other.at.duration_since(one.at) > ORDINARY && !(one.planned && other.planned)
}

/// From one punch without a partner to the next: whether all those between fit as well when each pair begins one punch
/// earlier. Nothing tells then which of the two is right.
fn either_way(steps: &[Step]) -> Option<Odd> {
    let [first, between @ .., last] = steps else { return None };
    let fits =
        |pair: &[Step]| pair[1].at.duration_since(pair[0].at) <= ORDINARY && !(pair[0].planned && pair[1].planned);
    let shifted = steps.len().is_multiple_of(2) && steps.chunks(2).all(fits);
    (shifted && !between.is_empty()).then_some(Odd::EitherWay { day: first.day, to: last.day })
}

#[cfg(test)]
mod tests;
