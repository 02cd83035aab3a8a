//! What the inference works on: units of work, and blocks of them that can be weighed on their own.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::super::DutyRule;
use super::super::canon::Canon;
use super::super::ladder::{AccountVerdicts, Phases, Verdict};
use super::super::sessions::Sessions;

/// Classes of duration among records of one kind on one account, of about equal size.
pub(super) const DURATIONS: usize = 12;
/// Most people weighed together; a larger connected set is cut by account.
const MOST_PEOPLE: usize = 24;
/// Most hands a person has, whatever the capacity of the account.
const MOST_HANDS: u32 = 8;

/// One or more records that are weighed as one: a certain record, an open one, or the open pieces of one session.
pub(super) struct Unit {
    pub start: i64,
    pub end: i64,
    pub day: i32,
    /// Rank of the account.
    pub account: u32,
    /// Dense number of the kind.
    pub kind: u16,
    /// Class of the duration.
    pub duration: u8,
    pub capacity: u8,
    /// First record in [`Field::members`], and how many.
    first: u32,
    len: u32,
}

/// All units and what they have in common.
pub(super) struct Field {
    /// By account, then start.
    pub units: Vec<Unit>,
    /// Places of the units' records within their accounts.
    members: Vec<u32>,
    /// Number of accounts.
    pub accounts: usize,
    /// Number of kinds.
    pub kinds: usize,
    /// (account, person) pairs by rank, sorted: the carriers of parameters.
    pub pairs: Vec<(u32, u32)>,
    /// Mean duration in seconds by account.
    pub mean_seconds: Vec<f64>,
}

impl Field {
    /// Collects the open and the certain records of every account that has open ones.
    pub fn of(canon: &Canon<'_>, sessions: &Sessions, accounts: &[AccountVerdicts]) -> Self {
        let mut kinds: Vec<u32> = canon.input.records.iter().map(|record| record.kind).collect();
        kinds.par_sort_unstable();
        kinds.dedup();
        let parts: Vec<(Vec<Unit>, Vec<u32>, f64)> = accounts
            .par_iter()
            .enumerate()
            .map(|(rank, account)| {
                let (mut units, members) = collect_units(canon, sessions, rank, account, &kinds);
                let mean = classify(&mut units, kinds.len());
                (units, members, mean)
            })
            .collect();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (rank, account) in accounts.iter().enumerate() {
            let mut people: Vec<u32> = if account.open > 0 || !parts[rank].0.is_empty() {
                account.candidates.iter().map(|candidate| candidate.person).collect()
            } else {
                Vec::new()
            };
            people.sort_unstable();
            people.dedup();
            pairs.extend(people.into_iter().map(|person| (rank as u32, person)));
        }
        let mut field = Self {
            units: Vec::new(),
            members: Vec::new(),
            accounts: accounts.len(),
            kinds: kinds.len(),
            pairs,
            mean_seconds: Vec::new(),
        };
        for (units, members, mean) in parts {
            let base = field.members.len() as u32;
            field.units.extend(units.into_iter().map(|unit| Unit { first: base + unit.first, ..unit }));
            field.members.extend(members);
            field.mean_seconds.push(mean);
        }
        field
    }

    /// Places, within their account, of the records of a unit.
    pub fn places(&self, unit: u32) -> &[u32] {
        let unit = &self.units[unit as usize];
        &self.members[unit.first as usize..(unit.first + unit.len) as usize]
    }

    /// Number of the pair of an account and a person, if it has one.
    fn pair(&self, account: u32, person: u32) -> Option<u32> {
        self.pairs.binary_search(&(account, person)).ok().map(|place| place as u32)
    }
}

/// Whether a verdict tells of somebody's time: one person, or several that are still open.
fn tells(verdict: &Verdict) -> bool {
    verdict.open || (verdict.len == 1 && verdict.reason.is_none())
}

/// The units of one account.
fn collect_units(
    canon: &Canon<'_>,
    sessions: &Sessions,
    rank: usize,
    account: &AccountVerdicts,
    kinds: &[u32],
) -> (Vec<Unit>, Vec<u32>) {
    let phases = Phases::of(&canon.input.accounts[canon.accounts[rank] as usize]);
    let mut units: Vec<Unit> = Vec::new();
    // The unit of a session that may still grow, and the records it will have.
    let mut growing: BTreeMap<u32, usize> = BTreeMap::new();
    let mut members: Vec<Vec<u32>> = Vec::new();
    for (place, verdict) in account.verdicts.iter().enumerate().filter(|(_, verdict)| tells(verdict)) {
        let position = account.base + place;
        let record = canon.record(position);
        let candidates =
            |verdict: &Verdict| &account.candidates[verdict.first as usize..(verdict.first + verdict.len) as usize];
        if record.customer.is_some() {
            if let Some(&unit) = growing.get(&sessions.session(position)) {
                let known = &account.verdicts[members[unit][0] as usize];
                let same =
                    candidates(known).iter().map(|one| one.person).eq(candidates(verdict).iter().map(|one| one.person));
                if same && known.open == verdict.open && units[unit].day == record.day {
                    units[unit].end = units[unit].end.max(record.end_ms);
                    members[unit].push(place as u32);
                    continue;
                }
            }
            growing.insert(sessions.session(position), units.len());
        }
        let capacity = phases.on(record.day).capacity.clamp(1, MOST_HANDS) as u8;
        let kind = kinds.binary_search(&record.kind).unwrap_or_default() as u16;
        let (start, end) = (record.start_ms, record.end_ms.max(record.start_ms));
        let unit =
            Unit { start, end, day: record.day, account: rank as u32, kind, duration: 0, capacity, first: 0, len: 0 };
        units.push(unit);
        members.push(vec![place as u32]);
    }
    let mut first = 0;
    for (unit, members) in units.iter_mut().zip(&members) {
        (unit.first, unit.len) = (first, members.len() as u32);
        first += unit.len;
    }
    (units, members.concat())
}

/// Puts every unit's duration into a class among those of its kind; returns the mean duration in seconds.
fn classify(units: &mut [Unit], kinds: usize) -> f64 {
    let mut durations: Vec<Vec<i64>> = vec![Vec::new(); kinds];
    for unit in units.iter() {
        durations[unit.kind as usize].push(unit.end - unit.start);
    }
    let cuts: Vec<Vec<i64>> = durations
        .into_iter()
        .map(|mut all| {
            all.sort_unstable();
            if all.is_empty() { all } else { (1..DURATIONS).map(|class| all[all.len() * class / DURATIONS]).collect() }
        })
        .collect();
    let mut total = 0;
    for unit in units.iter_mut() {
        let duration = unit.end - unit.start;
        unit.duration = cuts[unit.kind as usize].partition_point(|&cut| cut <= duration) as u8;
        total += duration;
    }
    (total as f64 / 1000.0 / units.len().max(1) as f64).max(1.0)
}

/// One candidate's seat at one step.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    /// Place of the person's window in [`Block::slots`].
    pub slot: u16,
    /// Hands the work takes.
    pub hands: u8,
    /// Place in [`Block::pairs`].
    pub pair: u16,
}

/// One unit within a block.
pub(super) struct Step {
    /// Milliseconds from the block's base.
    pub start: i32,
    pub end: i32,
    /// First seat, and how many.
    pub first: u32,
    pub len: u16,
    pub kind: u16,
    pub duration: u8,
    pub account: u32,
    pub unit: u32,
}

/// One uninterrupted stretch of a person's duty.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub from: i32,
    pub to: i32,
    /// First hand, and how many.
    pub hand: u16,
    pub hands: u8,
    /// Pair whose habits say how a stretch ends.
    pub pair: u16,
}

/// A connected set of people on one working day, and their work.
pub(super) struct Block {
    /// Place among the blocks.
    pub place: usize,
    pub steps: Vec<Step>,
    pub seats: Vec<Seat>,
    pub slots: Vec<Slot>,
    /// Hands of all slots.
    pub hands: usize,
    /// Global numbers of the pairs.
    pub pairs: Vec<u32>,
    /// Accounts (ranks) the work belongs to.
    pub accounts: Vec<u32>,
    /// The weights found, by seat.
    pub weights: Vec<f64>,
}

impl Block {
    /// Moves the weights towards those of a new round, and adds up by how much, by account.
    pub fn blend(&mut self, new: &[f64], pace: f64, change: &mut [(f64, u32)]) {
        for step in self.steps.iter().filter(|step| step.len > 1) {
            let tally = &mut change[step.account as usize];
            let seats = step.first as usize..step.first as usize + step.len as usize;
            for (weight, new) in self.weights[seats.clone()].iter_mut().zip(&new[seats]) {
                let moved = pace * (new - *weight);
                *weight += moved;
                tally.0 += moved.abs() / 2.0;
            }
            tally.1 += 1;
        }
    }
}

/// Everybody's stretches of duty, merged over accounts, by person rank.
fn stretches(canon: &Canon<'_>) -> Vec<Vec<(i64, i64)>> {
    let mut all: Vec<Vec<(i64, i64)>> = vec![Vec::new(); canon.people.len()];
    for row in canon.input.occupancy.iter().filter(|row| row.rule != DutyRule::Team && row.from_ms < row.to_ms) {
        all[canon.person_rank[row.person as usize] as usize].push((row.from_ms, row.to_ms));
    }
    for rows in &mut all {
        rows.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(rows.len());
        for &(from, to) in rows.iter() {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        *rows = merged;
    }
    all
}

/// Cuts the field into blocks, ordered by day and first unit.
pub(super) fn cut(canon: &Canon<'_>, accounts: &[AccountVerdicts], field: &Field) -> Vec<Block> {
    let stretches = stretches(canon);
    let mut days: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (number, unit) in field.units.iter().enumerate() {
        days.entry(unit.day).or_default().push(number as u32);
    }
    let days: Vec<Vec<u32>> = days.into_values().collect();
    let parts: Vec<Vec<Block>> = days
        .into_par_iter()
        .map(|mut units| {
            // Units come by account and start; between accounts the start decides.
            units.sort_by_key(|&unit| field.units[unit as usize].start);
            let groups = groups(accounts, field, units, canon.people.len());
            groups.iter().map(|units| Builder::new(accounts, field, &stretches).build(units)).collect()
        })
        .collect();
    // Days without anything open stay: they teach what people do when nobody else could have done it.
    let mut blocks: Vec<Block> = parts.into_iter().flatten().filter(|block| !block.steps.is_empty()).collect();
    for (place, block) in blocks.iter_mut().enumerate() {
        block.place = place;
    }
    blocks
}

fn candidates<'d>(accounts: &'d [AccountVerdicts], field: &Field, unit: u32) -> impl Iterator<Item = u32> + 'd {
    let account = &accounts[field.units[unit as usize].account as usize];
    let verdict = account.verdicts[field.places(unit)[0] as usize];
    account.candidates[verdict.first as usize..(verdict.first + verdict.len) as usize].iter().map(|one| one.person)
}

/// Splits one day's units into sets that share no candidate.
fn groups(accounts: &[AccountVerdicts], field: &Field, units: Vec<u32>, people: usize) -> Vec<Vec<u32>> {
    let mut parent: Vec<u32> = (0..people as u32).collect();
    fn root(parent: &mut [u32], mut person: u32) -> u32 {
        while parent[person as usize] != person {
            parent[person as usize] = parent[parent[person as usize] as usize];
            person = parent[person as usize];
        }
        person
    }
    let mut seen = vec![false; people];
    for &unit in &units {
        let mut first = None;
        for person in candidates(accounts, field, unit) {
            seen[person as usize] = true;
            let (one, other) = (root(&mut parent, *first.get_or_insert(person)), root(&mut parent, person));
            parent[one.max(other) as usize] = one.min(other);
        }
    }
    let mut size = vec![0usize; people];
    for person in (0..people as u32).filter(|&person| seen[person as usize]) {
        size[root(&mut parent, person) as usize] += 1;
    }
    let mut groups: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    for unit in units {
        if let Some(person) = candidates(accounts, field, unit).next() {
            let root = root(&mut parent, person);
            let alone = if size[root as usize] > MOST_PEOPLE { field.units[unit as usize].account + 1 } else { 0 };
            groups.entry((root, alone)).or_default().push(unit);
        }
    }
    groups.into_values().collect()
}

/// Builds one block.
struct Builder<'a> {
    accounts: &'a [AccountVerdicts],
    field: &'a Field,
    stretches: &'a [Vec<(i64, i64)>],
    base: i64,
    /// Slot by person and number of the stretch.
    slot_of: BTreeMap<(u32, usize), u16>,
    pair_of: BTreeMap<u32, u16>,
    block: Block,
}

impl<'a> Builder<'a> {
    fn new(accounts: &'a [AccountVerdicts], field: &'a Field, stretches: &'a [Vec<(i64, i64)>]) -> Self {
        let block = Block {
            place: 0,
            steps: Vec::new(),
            seats: Vec::new(),
            slots: Vec::new(),
            hands: 0,
            pairs: Vec::new(),
            accounts: Vec::new(),
            weights: Vec::new(),
        };
        Self { accounts, field, stretches, base: 0, slot_of: BTreeMap::new(), pair_of: BTreeMap::new(), block }
    }

    fn build(mut self, units: &[u32]) -> Block {
        self.base = units.first().map_or(0, |&unit| self.field.units[unit as usize].start);
        let hands = units.iter().map(|&unit| self.field.units[unit as usize].capacity).max().unwrap_or(1);
        for &number in units {
            let unit = &self.field.units[number as usize];
            let first = self.block.seats.len();
            for person in candidates(self.accounts, self.field, number) {
                let seat = self.seat(unit, person, hands);
                self.block.seats.extend(seat);
            }
            let len = self.block.seats.len() - first;
            let of_verdict = candidates(self.accounts, self.field, number).count();
            if len == 0 || len != of_verdict {
                // Somebody named while off duty has no stretch to stand in.
                self.block.seats.truncate(first);
                continue;
            }
            self.block.weights.extend(std::iter::repeat_n(1.0 / len as f64, len));
            self.block.steps.push(Step {
                start: self.offset(unit.start),
                end: self.offset(unit.end),
                first: first as u32,
                len: len as u16,
                kind: unit.kind,
                duration: unit.duration,
                account: unit.account,
                unit: number,
            });
            self.block.accounts.push(unit.account);
        }
        self.block.accounts.sort_unstable();
        self.block.accounts.dedup();
        self.block
    }

    /// Milliseconds from the base; beyond ten days counts as ten days, so that differences fit as well.
    fn offset(&self, instant: i64) -> i32 {
        const TEN_DAYS: i64 = 10 * 86_400_000;
        instant.saturating_sub(self.base).clamp(-TEN_DAYS, TEN_DAYS) as i32
    }

    fn seat(&mut self, unit: &Unit, person: u32, hands: u8) -> Option<Seat> {
        let stretches = &self.stretches[person as usize];
        let number = stretches.partition_point(|&(from, _)| from <= unit.start).checked_sub(1)?;
        let (from, to) = stretches[number];
        if unit.start >= to {
            return None;
        }
        let global = self.field.pair(unit.account, person)?;
        let pairs = &mut self.block.pairs;
        let pair = *self.pair_of.entry(global).or_insert_with(|| {
            pairs.push(global);
            (pairs.len() - 1) as u16
        });
        let (from, to) = (self.offset(from), self.offset(to));
        let block = &mut self.block;
        let slot = *self.slot_of.entry((person, number)).or_insert_with(|| {
            block.slots.push(Slot { from, to, hand: block.hands as u16, hands, pair });
            block.hands += usize::from(hands);
            (block.slots.len() - 1) as u16
        });
        Some(Seat { slot, hands: (hands / unit.capacity).max(1), pair })
    }
}
