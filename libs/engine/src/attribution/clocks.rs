//! Clocks apart: messages that a desk dates by a clock that is minutes before or after that of the records.
//!
//! Most records begin with their first message and end with their last. Where both ends say the same difference, a record tells how far the clock
//! of its messages is from its own; many records of one account that say the same, and few that say nearly the same, are those of a clock. A
//! record that opens long before its first message, or is closed long after its last, says two differences and so none; delays that differ
//! from record to record are thin everywhere.

use std::collections::{BTreeMap, BTreeSet};

/// What both ends of a record may differ in, and what is one clock, in milliseconds. Exports that cut off seconds stay within it.
const SAME_MS: i64 = 30_000;
/// A clock that is less apart is none of its own: within it a message is of its record anyhow.
const APART_MS: i64 = 60_000;
/// Records that a clock has at least, and which part of the account's with messages.
const FEWEST: usize = 20;
const FEWEST_PART: usize = 10;

/// A clock apart from that of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// How far it is ahead of it, in milliseconds; below zero it is behind.
    pub ahead_ms: i64,
    /// Records whose messages it dates.
    pub records: u32,
    /// Place of the first of them within the account.
    pub first: u32,
}

/// A message as it was dated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dated {
    /// Place of its record within the account.
    pub place: u32,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Number of the device, from 1; 0 where none is known.
    pub device: u32,
}

/// The clocks of an account's messages.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// Those apart from that of the records.
    pub apart: Vec<Clock>,
    /// Of each record, by its place, how far the clock of its messages is ahead, where some clock is apart.
    ahead: Vec<i64>,
}

impl Clocks {
    /// Finds them. Of each record its start and its end; messages in any order.
    pub fn of(records: &[(i64, i64)], messages: impl Iterator<Item = Dated> + Clone) -> Self {
        let mut spans: Vec<Option<(i64, i64)>> = vec![None; records.len()];
        for Dated { place, at, .. } in messages.clone() {
            let span = &mut spans[place as usize];
            *span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        }
        let said: Vec<Option<i64>> = records.iter().zip(&spans).map(|(record, span)| said(*record, (*span)?)).collect();
        let of = spans.iter().flatten().count();
        let (own, right) = found(said.iter().flatten().copied().collect(), of);
        let mut clocks = Self::default();
        if own.is_empty() {
            return clocks;
        }
        // Of all clocks the right one is the first: so it has what speaks for none.
        let all: Vec<i64> = std::iter::once(0).chain(own.iter().map(|one| one - right)).collect();
        let mut sure: Vec<Option<usize>> =
            said.iter().map(|said| said.and_then(|said| nearest(&all, said - right))).collect();
        let device = of_devices(&sure, messages.clone(), all.len());
        let mut most = vec![0_usize; all.len()];
        sure.iter().flatten().for_each(|clock| most[*clock] += 1);
        let inside = insides(records, &sure, messages, &all);
        for (place, clock) in sure.iter_mut().enumerate().filter(|(_, clock)| clock.is_none()) {
            let place = place as u32;
            let by_time = || inside.get(&place).map(|inside| best(inside.iter().zip(&most)));
            *clock = device.get(&place).copied().or_else(by_time);
        }
        clocks.ahead = sure.iter().map(|clock| clock.map_or(0, |clock| all[clock])).collect();
        for (number, ahead_ms) in all.iter().copied().enumerate().skip(1) {
            let theirs = || sure.iter().zip(&spans).enumerate();
            let theirs = || theirs().filter(|(_, (clock, span))| **clock == Some(number) && span.is_some());
            let first = theirs().next().map_or(0, |(place, _)| place as u32);
            clocks.apart.push(Clock { ahead_ms, records: theirs().count() as u32, first });
        }
        clocks
    }

    /// How far the clock of a record's messages is ahead of that of the records, in milliseconds.
    pub fn ahead(&self, place: u32) -> i64 {
        self.ahead.get(place as usize).copied().unwrap_or_default()
    }
}

/// The difference that both ends of a record say; of one without an end, that its start says.
fn said((start, end): (i64, i64), (first, last): (i64, i64)) -> Option<i64> {
    let begins = first.saturating_sub(start);
    let ends = if end > start { last.saturating_sub(end) } else { begins };
    let differ = ends.saturating_sub(begins);
    (differ.saturating_abs() <= SAME_MS).then(|| begins.saturating_add(differ / 2))
}

/// The clocks apart among the differences that records say, the most frequent first, and how far the one is off that is not. `of` records have
/// messages.
fn found(mut said: Vec<i64>, of: usize) -> (Vec<i64>, i64) {
    said.sort_unstable();
    let all = said.clone();
    let within = |from: i64, to: i64| all.partition_point(|one| *one <= to) - all.partition_point(|one| *one < from);
    let (mut own, mut right) = (Vec::new(), None);
    while let Some((from, count)) = densest(&said).filter(|(_, count)| *count >= FEWEST && count * FEWEST_PART >= of) {
        let (low, high) = (said[from], said[from + count - 1]);
        let median = said[from + count / 2];
        let beside =
            within(low.saturating_sub(SAME_MS), high.saturating_add(SAME_MS)).saturating_sub(within(low, high));
        if median.saturating_abs() < APART_MS {
            right = right.or(Some(median));
        } else if beside * 2 <= count {
            own.push(median);
        }
        said.retain(|one| one.saturating_sub(median).saturating_abs() > SAME_MS);
    }
    let right = right.unwrap_or_default();
    own.retain(|one| one.saturating_sub(right).saturating_abs() >= APART_MS);
    (own, right)
}

/// Where the differences that are one clock are the most, and how many those are. They are in order.
fn densest(said: &[i64]) -> Option<(usize, usize)> {
    let (mut from, mut best) = (0, None);
    for (to, one) in said.iter().enumerate() {
        while one.saturating_sub(said[from]) > SAME_MS {
            from += 1;
        }
        let count = to + 1 - from;
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((from, count));
        }
    }
    best
}

/// The clock that a difference is of, where it is of one.
fn nearest(all: &[i64], said: i64) -> Option<usize> {
    let far = |clock: &i64| said.saturating_sub(*clock).saturating_abs();
    let (clock, ahead) = all.iter().enumerate().min_by_key(|(_, clock)| far(clock))?;
    (far(ahead) <= SAME_MS).then_some(clock)
}

/// The place of the largest, of equal ones the first.
fn best<T: Ord>(all: impl Iterator<Item = T>) -> usize {
    all.enumerate().max_by(|(m, a), (n, b)| a.cmp(b).then(n.cmp(m))).map_or(0, |(place, _)| place)
}

/// The clocks of records that do not say theirs, as far as their devices do: a device has one clock, that of most records it is used for.
fn of_devices(
    sure: &[Option<usize>],
    messages: impl Iterator<Item = Dated> + Clone,
    clocks: usize,
) -> BTreeMap<u32, usize> {
    let used: BTreeSet<(u32, u32)> =
        messages.filter(|message| message.device > 0).map(|message| (message.place, message.device)).collect();
    let mut votes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (place, device) in &used {
        if let Some(clock) = sure[*place as usize] {
            votes.entry(*device).or_insert_with(|| vec![0; clocks])[clock] += 1;
        }
    }
    let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (place, device) in used {
        if let Some(votes) = votes.get(&device).filter(|_| sure[place as usize].is_none()) {
            of.entry(place).or_insert_with(|| vec![0; clocks])[best(votes.iter())] += 1;
        }
    }
    of.into_iter().map(|(place, votes)| (place, best(votes.iter()))).collect()
}

/// How many messages of records that do not say their clock would lie in the time of the record, by each.
fn insides(
    records: &[(i64, i64)],
    sure: &[Option<usize>],
    messages: impl Iterator<Item = Dated>,
    all: &[i64],
) -> BTreeMap<u32, Vec<u32>> {
    let mut inside: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for Dated { place, at, .. } in messages.filter(|message| sure[message.place as usize].is_none()) {
        let (start, end) = records[place as usize];
        let counts = inside.entry(place).or_insert_with(|| vec![0; all.len()]);
        for (ahead, count) in all.iter().zip(counts) {
            let at = at.saturating_sub(*ahead);
            *count += u32::from(start.saturating_sub(SAME_MS) <= at && at <= end.saturating_add(SAME_MS));
        }
    }
    inside
}
