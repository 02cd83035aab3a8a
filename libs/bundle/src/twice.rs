//! Times in an hour that a clock showed twice, because clocks went back, and that name no offset.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tally_kernel::msg;

use super::diagnostics::{FindingKind, Findings, Seen};
use super::model::{GivenPunch, Handover, HandoverKind, PunchKind};

/// Rows with such times.
#[derive(Debug, Default)]
pub(crate) struct Twice {
    /// It was taken for the second time, since the first does not fit.
    pub second: Seen,
    /// The first time was taken, since nothing says which is meant.
    pub first: Seen,
}

impl Twice {
    /// Tells which was taken.
    pub fn note(&self, file: &str, findings: &mut Findings) {
        let second = msg!("SECOND_OF_TWO", count = self.second.rows, example = self.second.least);
        let first = msg!("FIRST_OF_TWO", count = self.first.rows, example = self.first.least);
        for (seen, detail) in [(&self.second, second), (&self.first, first)] {
            if seen.rows > 0 {
                findings.add(FindingKind::HourTwice, file, "", detail, seen.rows);
            }
        }
    }
}

/// Of a row whose time came twice the second one, and how findings call the row.
pub(crate) type Again = Option<(Timestamp, String)>;

/// Beyond so many such times of one person nothing is tried out: the first is taken.
const MOST: usize = 8;

/// A row that begins or ends something: the one follows the other.
pub(crate) trait Turn {
    /// Whose turns follow each other.
    fn whose(&self) -> (u32, u32);
    fn at(&mut self) -> &mut Timestamp;
    /// Whether it begins; nothing where the row does not say.
    fn begins(&self) -> Option<bool>;
}

impl Turn for GivenPunch {
    fn whose(&self) -> (u32, u32) {
        (self.person.0, 0)
    }
    fn at(&mut self) -> &mut Timestamp {
        &mut self.at
    }
    fn begins(&self) -> Option<bool> {
        self.kind.map(|kind| kind == PunchKind::In)
    }
}

impl Turn for Handover {
    fn whose(&self) -> (u32, u32) {
        (self.person.0, self.account.0)
    }
    fn at(&mut self) -> &mut Timestamp {
        &mut self.at
    }
    fn begins(&self) -> Option<bool> {
        Some(self.kind == HandoverKind::Take)
    }
}

/// Takes of each time that came twice the one with which begins and ends follow each other best; where both do, the first.
pub(crate) fn settle<T: Turn>(rows: Vec<((T, Again), u64)>, twice: &mut Twice) -> Vec<(T, u64)> {
    let (mut rows, again): (Vec<_>, Vec<_>) = rows.into_iter().map(|((row, again), line)| ((row, line), again)).unzip();
    if again.iter().all(Option::is_none) {
        return rows;
    }
    let mut whose: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for (place, _) in again.iter().enumerate().filter(|(_, again)| again.is_some()) {
        whose.entry(rows[place].0.whose()).or_default();
    }
    for (place, (row, _)) in rows.iter().enumerate() {
        whose.entry(row.whose()).and_modify(|places| places.push(place));
    }
    for places in whose.values() {
        let doubtful: Vec<usize> = places.iter().copied().filter(|place| again[*place].is_some()).collect();
        let choices = choices(&mut rows, places, &doubtful, &again);
        let chosen = choices.iter().copied().min_by_key(|choice| (choice.count_ones(), *choice)).unwrap_or_default();
        let is_open = choices.len() > 1 || choices.is_empty();
        for (bit, (place, (second, name))) in
            doubtful.iter().filter_map(|p| Some((*p, again[*p].as_ref()?))).enumerate()
        {
            if chosen & 1 << bit != 0 {
                *rows[place].0.at() = *second;
                twice.second.note(name.clone());
            } else if is_open {
                twice.first.note(name.clone());
            }
        }
    }
    rows
}

/// The choices, a bit for each doubtful time that is taken for its second, that leave the fewest turns alone; none where that
/// cannot be told.
fn choices<T: Turn>(rows: &mut [(T, u64)], places: &[usize], doubtful: &[usize], again: &[Again]) -> Vec<u32> {
    if doubtful.len() > MOST {
        return Vec::new();
    }
    let mut turns = Vec::with_capacity(places.len());
    for place in places {
        let Some(begins) = rows[*place].0.begins() else { return Vec::new() };
        turns.push((*rows[*place].0.at(), begins, *place));
    }
    let alone = |choice: u32| {
        let taken = |(at, begins, place): &(Timestamp, bool, usize)| {
            let bit = doubtful.iter().position(|other| other == place);
            let second = bit.filter(|bit| choice & 1 << bit != 0).and_then(|_| again[*place].as_ref());
            (second.map_or(*at, |(second, _)| *second), *begins)
        };
        let mut turns: Vec<_> = turns.iter().map(taken).collect();
        turns.sort_unstable();
        turns.dedup();
        let pairs = turns.windows(2).filter(|two| two[0].1 && !two[1].1).count();
        turns.len() - 2 * pairs
    };
    let all: Vec<(usize, u32)> = (0..1_u32 << doubtful.len()).map(|choice| (alone(choice), choice)).collect();
    let least = all.iter().map(|(alone, _)| *alone).min();
    all.into_iter().filter(|(alone, _)| Some(*alone) == least).map(|(_, choice)| choice).collect()
}
