//! Sums over all histories of a day, forward and backward, over a bounded number of states.
//!
//! A state says for everybody on duty which reply was their last in the present stretch, and for every dialogue that goes on who wrote
//! last in it. Equal states are one: their weights are added. A stretch that ends, and a dialogue, are forgotten.

use std::ops::Range;

use super::habits::{Counts, EDGES, GAPS, Habits, edge_class, gap_class};
use super::traffic::{Before, Day, NOWHERE, Seat, Step, Traffic};
use super::uneven;

/// Moves from one reply to the next at most, unless that leaves fewer states than [`FEWEST_STATES`]: 32 people with 32 states.
const MOST_MOVES: usize = 1_024;
const FEWEST_STATES: usize = 4;
/// How often what a device says is right.
const TRUST: f64 = 0.95;

/// What a day was read to.
pub(super) struct Reading {
    /// Weights of the seats of the day's steps, of each step summing to one.
    pub weights: Vec<f64>,
    pub counts: Counts,
    /// What was seen at its replies, where that was asked for.
    pub seen: Option<Seen>,
}

/// What a state says of somebody who may have written a reply.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// Their last reply in the stretch: its place among the day's, from 1; 0 for none.
    pub last: u32,
    /// What it is worth that they write at its device.
    pub sits: f32,
    /// Whether the dialogue would stay: 0 nothing to stay with, 1 yes, 2 no.
    pub stay: u8,
}

/// What was seen at the replies of a day that several may have written.
#[derive(Default)]
pub(super) struct Seen {
    /// Of each its place among the steps, its first sight, and its states.
    pub replies: Vec<(usize, usize, Range<usize>)>,
    /// Of each state of each reply one for every seat.
    sights: Vec<Sight>,
    /// Of every state how likely it is, all the day's replies being known.
    chances: Vec<f64>,
}

impl Seen {
    /// The states at a reply, by its number among those seen, each with how likely it is and what it says of the `len` seats.
    pub fn states(&self, number: usize, len: usize) -> impl Iterator<Item = (f64, &[Sight])> {
        let (_, first, states) = &self.replies[number];
        let sights = self.sights[*first..*first + states.len() * len].chunks_exact(len);
        self.chances[states.clone()].iter().copied().zip(sights)
    }
}

/// A kept transition.
#[derive(Clone, Copy)]
struct Link {
    weight: f64,
    from: u16,
    to: u32,
    /// The seat at a reply.
    seat: u16,
    /// Class of pause; [`GAPS`] and more of the beginning of a stretch.
    span: u8,
    /// Whether the dialogue stayed: 0 nothing to stay with, 1 yes, 2 no.
    stay: u8,
}

/// What the links of a place in time are of.
#[derive(Clone, Copy)]
enum Mark {
    /// A reply: its place among the steps.
    Reply(usize),
    /// The end of a stretch of somebody.
    End,
}

/// States of equal rank in time.
#[derive(Default)]
struct States {
    /// Of each state the last reply of everybody (place among the day's, from 1), then the last writer by slot (from 1).
    rows: Vec<u32>,
    keys: Vec<u64>,
    weights: Vec<f64>,
}

/// A transition that is considered.
#[derive(Clone, Copy)]
struct Move {
    key: u64,
    link: Link,
}

/// Reads a day under some habits; `width` is how many states are kept, `before` the weights of all seats found last, `seen` asks for what
/// was seen.
pub(super) fn read(
    traffic: &Traffic,
    day: &Day,
    habits: &Habits,
    (width, seen): (usize, bool),
    before: &[f64],
) -> Reading {
    let mut beam = Beam::new(traffic, day, habits, width, before);
    beam.seen = seen.then(Seen::default);
    let mut ends = day.ends.iter().peekable();
    for place in day.steps.clone() {
        while let Some(&end) = ends.next_if(|end| traffic.stretches[**end as usize].to <= traffic.steps[place].at) {
            beam.end(end);
        }
        beam.reply(place);
    }
    ends.for_each(|end| beam.end(*end));
    beam.backward()
}

struct Beam<'a> {
    traffic: &'a Traffic,
    day: &'a Day,
    habits: &'a Habits,
    width: usize,
    before: &'a [f64],
    states: States,
    links: Vec<Link>,
    /// What happened, with the first of its links and of its states in `forward`.
    marks: Vec<(Mark, usize, usize)>,
    /// Weights of the states before everything that happened.
    forward: Vec<f64>,
    moves: Vec<Move>,
    table: Table,
    seen: Option<Seen>,
}

impl<'a> Beam<'a> {
    fn new(traffic: &'a Traffic, day: &'a Day, habits: &'a Habits, width: usize, before: &'a [f64]) -> Self {
        let states =
            States { rows: vec![0; day.people.len() + day.slots + day.desks], keys: vec![0], weights: vec![1.0] };
        let (links, marks, forward, moves) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (table, seen) = (Table::default(), None);
        Self { traffic, day, habits, width, before, states, links, marks, forward, moves, table, seen }
    }

    /// Cells of a state.
    fn cells(&self) -> usize {
        self.desks() + self.day.desks
    }

    /// The first cell of devices.
    fn desks(&self) -> usize {
        self.day.people.len() + self.day.slots
    }

    fn cell_of(&self, person: u16) -> usize {
        self.day.people.partition_point(|known| *known < person)
    }

    /// A stretch ends: its person's last reply is forgotten.
    fn end(&mut self, stretch: u32) {
        let stretch = self.traffic.stretches[stretch as usize];
        let (cell, cells) = (self.cell_of(stretch.person), self.cells());
        self.moves.clear();
        for from in 0..self.states.weights.len() {
            let last = self.states.rows[from * cells + cell];
            let (factor, span) = match last.checked_sub(1) {
                None => (self.habits.silent, EDGES),
                Some(last) => {
                    let at = self.traffic.steps[self.day.steps.start + last as usize].until;
                    let class = edge_class(stretch.to - at);
                    (self.habits.trail[class], class)
                }
            };
            let key = self.states.keys[from] ^ mix(cell, last);
            let (from, span) = (from as u16, span as u8);
            self.moves.push(Move { key, link: Link { weight: factor, from, to: 0, seat: 0, span, stay: 0 } });
        }
        self.advance(Mark::End, |row, _| row[cell] = 0);
    }

    /// Somebody replies.
    fn reply(&mut self, place: usize) {
        let traffic = self.traffic;
        let step = traffic.steps[place];
        let number = (place - self.day.steps.start) as u32 + 1;
        let (people, desks) = (self.day.people.len(), self.desks());
        let seats: Vec<Going> = (0..).zip(traffic.seats_of(&step)).map(|seat| self.going(seat, &step)).collect();
        self.moves.clear();
        let mut seen = self.seen.as_mut().filter(|_| step.only.is_none());
        if let Some(seen) = &mut seen {
            let states = self.forward.len()..self.forward.len() + self.states.weights.len();
            seen.replies.push((place, seen.sights.len(), states));
        }
        let cells = people + self.day.slots + self.day.desks;
        // Of everybody the last reply that a pause was reckoned from, and what came out: states mostly say the same.
        let mut known = vec![(u32::MAX, (0.0, 0)); seats.len()];
        for from in 0..self.states.weights.len() {
            let row = &self.states.rows[from * cells..][..cells];
            let writer = if step.slot == NOWHERE { 0 } else { row[people + usize::from(step.slot)] };
            let holder = writer.checked_sub(1).filter(|holder| seats.iter().any(|seat| seat.cell == *holder as usize));
            let desk = (step.hands != NOWHERE).then(|| desks + usize::from(step.hands));
            for (seat, going) in seats.iter().enumerate() {
                if step.only.is_some_and(|only| usize::from(only) != seat) {
                    continue;
                }
                let last = row[going.cell];
                if known[seat].0 != last {
                    let gap = gap(traffic, self.day, self.habits, (going.person, going.from), last, step.at);
                    known[seat] = (last, gap);
                }
                let (gap, span) = known[seat].1;
                let (stay, held) = stay(self.habits, &step, going, holder);
                let sits = desk.map_or(1.0, |desk| sits(&row[desks..], desk - desks, going.cell, &seats));
                if let Some(seen) = &mut seen {
                    seen.sights.push(Sight { last, sits: sits as f32, stay: held });
                }
                let weight = gap * stay * going.factor * sits;
                let mut key = self.states.keys[from] ^ mix(going.cell, last) ^ mix(going.cell, number);
                if step.slot != NOWHERE {
                    let next = if step.goes_on { going.cell as u32 + 1 } else { 0 };
                    let cell = people + usize::from(step.slot);
                    key ^= mix(cell, writer) ^ mix(cell, next);
                }
                if let Some(desk) = desk {
                    let theirs = going.cell as u32 + 1;
                    let left = (desks..row.len()).filter(|cell| *cell != desk && row[*cell] == theirs);
                    key = left.fold(key, |key, cell| key ^ mix(cell, theirs));
                    key ^= mix(desk, row[desk]) ^ mix(desk, if step.used_on { theirs } else { 0 });
                }
                let (from, seat) = (from as u16, seat as u16);
                self.moves.push(Move { key, link: Link { weight, from, to: 0, seat, span: span as u8, stay: held } });
            }
        }
        self.advance(Mark::Reply(place), |row, seat| {
            let going = &seats[usize::from(seat)];
            row[going.cell] = number;
            if step.slot != NOWHERE {
                row[people + usize::from(step.slot)] = if step.goes_on { going.cell as u32 + 1 } else { 0 };
            }
            if step.hands != NOWHERE {
                // Whoever writes at one device has left every other.
                let theirs = going.cell as u32 + 1;
                row[desks..].iter_mut().filter(|user| **user == theirs).for_each(|user| *user = 0);
                row[desks + usize::from(step.hands)] = if step.used_on { theirs } else { 0 };
            }
        });
    }

    fn going(&self, (place, seat): (u16, &Seat), step: &Step) -> Going {
        let person = usize::from(seat.person);
        let owned = step.owner.map_or(1.0, |owner| same_hands(owner == place, usize::from(step.len)));
        let night = overnight(self.traffic, self.habits, self.before, step, seat.person);
        let unsaid = match step.only {
            None => uneven::worth(self.habits.unsaid[person], step.part, step.owner.is_some()),
            Some(_) => 1.0,
        };
        Going {
            cell: self.cell_of(seat.person),
            person,
            from: self.traffic.stretches[seat.stretch as usize].from,
            factor: self.habits.profile[person][usize::from(step.class)] * owned * night * unsaid,
        }
    }

    /// Makes the moves: adds up those that lead to the same state, keeps the heaviest states, and notes how they came about.
    fn advance(&mut self, mark: Mark, change: impl Fn(&mut [u32], u16)) {
        let cells = self.cells();
        let before = std::mem::take(&mut self.states);
        self.table.clear(self.moves.len());
        let mut found: Vec<(f64, u64, usize)> = Vec::with_capacity(self.moves.len());
        for (place, step) in self.moves.iter_mut().enumerate() {
            let to = self.table.place(step.key, found.len());
            step.link.to = to as u32;
            let weight = before.weights[usize::from(step.link.from)] * step.link.weight;
            if to == found.len() {
                found.push((weight, step.key, place));
            } else {
                found[to].0 += weight;
            }
        }
        let mut order: Vec<usize> = (0..found.len()).collect();
        let width = match mark {
            Mark::Reply(place) => width(self.width, usize::from(self.traffic.steps[place].len)),
            Mark::End => self.width,
        };
        if found.len() > width {
            let heavier = |left: &usize, right: &usize| {
                found[*right].0.total_cmp(&found[*left].0).then(found[*left].1.cmp(&found[*right].1))
            };
            order.select_nth_unstable_by(width, heavier);
            order.truncate(width);
            order.sort_unstable();
        }
        let total: f64 = order.iter().map(|place| found[*place].0).sum();
        let mut kept = vec![u32::MAX; found.len()];
        let mut next = States::default();
        for (number, &place) in order.iter().enumerate() {
            kept[place] = number as u32;
            let (weight, key, first) = found[place];
            let link = &self.moves[first].link;
            next.rows.extend_from_slice(&before.rows[usize::from(link.from) * cells..][..cells]);
            let row = next.rows.len() - cells;
            change(&mut next.rows[row..], link.seat);
            next.keys.push(key);
            next.weights.push(weight / total);
        }
        self.marks.push((mark, self.links.len(), self.forward.len()));
        self.forward.extend_from_slice(&before.weights);
        for Move { link, .. } in &self.moves {
            let to = kept[link.to as usize];
            if to != u32::MAX {
                self.links.push(Link { weight: link.weight / total, to, ..*link });
            }
        }
        self.states = next;
    }

    /// Goes back over what was kept: what every link weighs among all histories.
    fn backward(self) -> Reading {
        let Self { traffic, day, marks, links, mut forward, states, mut seen, .. } = self;
        let seats = day.steps.clone().map(|place| usize::from(traffic.steps[place].len)).sum();
        let base = traffic.steps.get(day.steps.start).map_or(0, |step| step.first as usize);
        let mut reading = Reading { weights: vec![0.0; seats], counts: Counts::none(traffic.people.len()), seen: None };
        let mut after = vec![1.0; states.weights.len()];
        let (mut last_link, mut last_state) = (links.len(), forward.len());
        for (mark, first_link, first_state) in marks.into_iter().rev() {
            let weights = &mut forward[first_state..last_state];
            let mut before = vec![0.0; weights.len()];
            for link in &links[first_link..last_link] {
                let onward = link.weight * after[link.to as usize];
                before[usize::from(link.from)] += onward;
                let weight = weights[usize::from(link.from)] * onward;
                match mark {
                    Mark::End => {
                        if let Some(count) = reading.counts.trail.get_mut(usize::from(link.span)) {
                            *count += weight;
                        }
                    }
                    Mark::Reply(place) => {
                        let step = &traffic.steps[place];
                        reading.weights[step.first as usize - base + usize::from(link.seat)] += weight;
                        let person = usize::from(traffic.seats_of(step)[usize::from(link.seat)].person);
                        reading.counts.see(step, person, link.span, link.stay, weight * step.taught);
                    }
                }
            }
            weights.iter_mut().zip(&before).for_each(|(weight, onward)| *weight *= onward);
            (after, last_link, last_state) = (before, first_link, first_state);
        }
        seen.iter_mut().for_each(|seen| seen.chances = std::mem::take(&mut forward));
        reading.seen = seen;
        reading
    }
}

/// How many states are kept at a reply that so many may have written, at most `widest`: where they are a crowd, few.
fn width(widest: usize, on_duty: usize) -> usize {
    widest.min((MOST_MOVES / on_duty.max(1)).max(FEWEST_STATES))
}

/// Somebody who may have written a reply.
struct Going {
    /// Cell in a state.
    cell: usize,
    /// Place among the account's people.
    person: usize,
    /// When the stretch began.
    from: i64,
    /// What does not depend on the state: the kind of reply, and who wrote to the customer on an earlier day.
    factor: f64,
}

/// What a pause is worth of somebody (by place among the people, with when their stretch began) whose last reply of the day is this one (from
/// 1, 0 for none), and its class.
pub(super) fn gap(
    traffic: &Traffic,
    day: &Day,
    habits: &Habits,
    (person, from): (usize, i64),
    last: u32,
    at: i64,
) -> (f64, usize) {
    match last.checked_sub(1) {
        Some(last) => {
            let class = gap_class(at - traffic.steps[day.steps.start + last as usize].until);
            (habits.gap[person][class], class)
        }
        None => {
            let class = edge_class(at - from);
            (habits.lead[class], GAPS + class)
        }
    }
}

/// What it is worth that a dialogue stays or goes on with somebody else, and which it did.
fn stay(habits: &Habits, step: &Step, going: &Going, holder: Option<u32>) -> (f64, u8) {
    match (step.before, holder) {
        (Before::Today { pause, .. }, Some(holder)) if holder as usize == going.cell => {
            (habits.stay[usize::from(pause)], 1)
        }
        (Before::Today { pause, .. }, Some(_)) => (habits.go[usize::from(pause)], 2),
        _ => (1.0, 0),
    }
}

/// What it is worth that a dialogue of an earlier day is somebody's (by place among the people), by the weights found last.
pub(super) fn overnight(traffic: &Traffic, habits: &Habits, before: &[f64], step: &Step, person: u16) -> f64 {
    let Before::Earlier(earlier) = step.before else { return 1.0 };
    let earlier = &traffic.steps[earlier as usize];
    let place = traffic.seats_of(earlier).iter().position(|one| one.person == person);
    habits.overnight(place.map_or(0.0, |place| before[earlier.first as usize + place]))
}

/// What it is worth that somebody (by cell) writes at a device (by place among those of nobody): whoever sits there, one of the others on
/// duty, or somebody who sits at another one.
fn sits(devices: &[u32], at: usize, cell: usize, seats: &[Going]) -> f64 {
    let theirs = cell as u32 + 1;
    match devices[at].checked_sub(1) {
        Some(user) if seats.iter().any(|seat| seat.cell == user as usize) => {
            same_hands(user as usize == cell, seats.len())
        }
        _ if devices.contains(&theirs) => 1.0 - TRUST,
        _ => 1.0,
    }
}

/// What it is worth that a device is used by whoever has it, or by one of the others on duty.
pub(super) fn same_hands(same: bool, on_duty: usize) -> f64 {
    if same { TRUST } else { (1.0 - TRUST) / (on_duty.max(2) - 1) as f64 }
}

/// A number for a cell of a state with something in it; states are told apart by what these are together. Two that differ may meet in
/// one number once in some ten billion years of closing months, on every machine alike.
fn mix(cell: usize, value: u32) -> u64 {
    if value == 0 {
        return 0;
    }
    let mut mixed = (cell as u64) << 32 | u64::from(value);
    mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Places of states by their numbers, for one moment after the other.
#[derive(Default)]
struct Table {
    /// Number, moment, place.
    cells: Vec<(u64, u32, u32)>,
    moment: u32,
}

impl Table {
    /// Forgets all, and makes room for so many.
    fn clear(&mut self, most: usize) {
        self.moment += 1;
        let room = (most * 2).next_power_of_two();
        if self.cells.len() < room {
            self.cells = vec![(0, 0, 0); room];
            self.moment = 1;
        }
    }

    /// The place of a state: what it was given before, or the next.
    fn place(&mut self, key: u64, next: usize) -> usize {
        let mask = self.cells.len() - 1;
        let mut at = key as usize & mask;
        loop {
            let cell = &mut self.cells[at];
            if cell.1 != self.moment {
                *cell = (key, self.moment, next as u32);
                return next;
            }
            if cell.0 == key {
                return cell.2 as usize;
            }
            at = (at + 1) & mask;
        }
    }
}
