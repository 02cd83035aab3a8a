//! Sums over the histories of a block: forward with a bounded number of joint states, then backward over what was kept.
//!
//! A state is the time every hand on duty comes free. Two states are one as soon as nothing that follows can tell them
//! apart: hands free for about as long count as equal. Where more states than the beam arise, the heavy ones stay as they
//! are; the light ones are thinned out at even steps of weight and those that remain carry the weight of the others, so
//! that no person is favoured by what is dropped. The steps begin at a place that moves with the round, by a fixed
//! sequence, so that rounds err in different directions and their mean errs less.

use super::blocks::{Block, Seat, Slot, Step};
use super::model::{Counts, Habits, Model, pause_class};

/// When a hand that has done nothing yet in its stretch of duty came free.
const UNUSED: i32 = i32::MIN;
/// Weight of a stretch of duty in which nothing was done.
const IDLE_STRETCH: f64 = 1e-4;
/// States lighter than this part of all are not worth a place.
const NEGLIGIBLE: f64 = 1e-9;
/// Fractional parts of the golden ratio and of the plastic number: two sequences that fill an interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
const PLASTIC: f64 = 0.754_877_666_246_692_7;
/// Marks an empty place of the hash table, and a child that does not live on.
const EMPTY: u16 = u16::MAX;
/// Most children one event can have.
const MOST_CHILDREN: usize = 60_000;

/// What one pass over a block found.
pub(super) struct Reading {
    /// Weights by seat.
    pub weights: Vec<f64>,
    /// Expected counts by pair of the block.
    pub counts: Vec<Counts>,
}

/// What happens next in a block.
#[derive(Clone, Copy)]
enum Event {
    /// The step of this number is taken by somebody.
    Take(u32),
    /// The slot of this number ends.
    Close(u16),
}

/// From a state before an event to a state after it.
#[derive(Clone, Copy)]
struct Arc {
    factor: f64,
    parent: u16,
    child: u16,
    /// Which of the step's seats took it.
    seat: u16,
    /// Class of the pause it means.
    class: u8,
    /// The pause is not one between two records: it leads up to the first one, or there was none at all.
    edge: bool,
}

/// Everything passed, for the way back.
#[derive(Default)]
struct Trail {
    arcs: Vec<Arc>,
    /// Weights of the states before each event, adding up to one.
    before: Vec<f64>,
    /// Each event, where its arcs end and where its states end.
    events: Vec<(Event, usize, usize)>,
}

/// A state being born: of possibly several parents the heaviest lends its hands.
struct Child {
    key: u64,
    weight: f64,
    best: f64,
    parent: u16,
    seat: u16,
}

/// Passes over a block once.
pub(super) fn read(block: &Block, model: &Model, beam: usize, round: u32) -> Reading {
    let seats = block.steps.iter().map(|step| usize::from(step.len)).max().unwrap_or(1);
    let beam = beam.min(MOST_CHILDREN / seats.max(1)).max(1);
    let mut front = Front::new(block, model, beam, round);
    for event in events(block) {
        front.pass(event);
    }
    backward(block, model, &front.trail)
}

/// Steps by start; a slot closes before the first step at or after its end.
fn events(block: &Block) -> Vec<Event> {
    let mut closing: Vec<u16> = (0..block.slots.len() as u16).collect();
    closing.sort_by_key(|&slot| block.slots[slot as usize].to);
    let mut closing = closing.into_iter().peekable();
    let mut events = Vec::with_capacity(block.steps.len() + block.slots.len());
    for (number, step) in block.steps.iter().enumerate() {
        while let Some(slot) = closing.next_if(|&slot| block.slots[slot as usize].to <= step.start) {
            events.push(Event::Close(slot));
        }
        events.push(Event::Take(number as u32));
    }
    events.extend(closing.map(Event::Close));
    events
}

/// A seat of the step at hand, with all that is the same for every state.
struct Offer<'a> {
    seat: Seat,
    slot: Slot,
    /// Place of the slot among the active ones.
    place: usize,
    habits: &'a Habits,
    likelihood: f64,
    /// What matters of a slot with a single hand once it took the step.
    taken: u64,
}

/// The states at the present event.
struct Front<'a> {
    block: &'a Block,
    model: &'a Model,
    beam: usize,
    round: u32,
    /// Weight by state.
    weights: Vec<f64>,
    /// When each hand comes free, all hands of a state together, those of one slot in ascending order.
    free: Vec<i32>,
    /// Slots that are open and have been a candidate.
    active: Vec<u16>,
    /// What matters of every active slot of the state at hand.
    keys: Vec<u64>,
    children: Vec<Child>,
    /// Weights of the children that live on.
    kept: Vec<f64>,
    /// Open addressing over the children's keys.
    table: Vec<u16>,
    trail: Trail,
}

impl<'a> Front<'a> {
    fn new(block: &'a Block, model: &'a Model, beam: usize, round: u32) -> Self {
        Self {
            block,
            model,
            beam,
            round,
            weights: vec![1.0],
            free: vec![UNUSED; block.hands],
            active: Vec::new(),
            keys: Vec::new(),
            children: Vec::new(),
            kept: Vec::new(),
            table: Vec::new(),
            trail: Trail::default(),
        }
    }

    /// Passes one event.
    fn pass(&mut self, event: Event) {
        let first = self.trail.arcs.len();
        self.children.clear();
        match event {
            Event::Take(step) => self.take(&self.block.steps[step as usize]),
            Event::Close(slot) => {
                let Some(place) = self.active.iter().position(|&open| open == slot) else { return };
                self.close(place, &self.block.slots[slot as usize]);
            }
        }
        self.thin();
        self.trail.before.extend_from_slice(&self.weights);
        self.advance(event, first);
        self.trail.events.push((event, self.trail.arcs.len(), self.trail.before.len()));
    }

    /// The seats of a step; their slots become active.
    fn offers(&mut self, step: &Step) -> Vec<Offer<'a>> {
        let seats = &self.block.seats[step.first as usize..][..step.len as usize];
        let offer = |&seat: &Seat| {
            let place = self.active.iter().position(|&slot| slot == seat.slot).unwrap_or_else(|| {
                self.active.push(seat.slot);
                self.active.len() - 1
            });
            let habits = &self.model.habits[self.block.pairs[seat.pair as usize] as usize];
            let likelihood = habits.duration[step.duration as usize] * habits.kind[step.kind as usize];
            let slot = self.block.slots[seat.slot as usize];
            let taken = slot_key(&slot, std::iter::once(step.end), step.start);
            Offer { seat, slot, place, habits, likelihood, taken }
        };
        seats.iter().map(offer).collect()
    }

    /// Every state with every seat of a step.
    fn take(&mut self, step: &Step) {
        let offers = self.offers(step);
        self.clear_table(self.weights.len() * offers.len());
        for state in 0..self.weights.len() {
            let base = self.key(state, step.start);
            for (place, offer) in offers.iter().enumerate() {
                let (slot, taken) = (&offer.slot, offer.seat.hands);
                let hands = self.hands(state, slot);
                let (lead, class) = pause(slot, hands, taken, step.start);
                let density = if lead { offer.habits.lead[class] } else { offer.habits.pause[class] };
                let factor = density * offer.likelihood;
                let taken_key = if slot.hands == 1 {
                    offer.taken
                } else {
                    slot_key(slot, after(hands, taken, step.end), step.start)
                };
                let key = base.wrapping_sub(self.keys[offer.place]).wrapping_add(taken_key);
                let child = self.child(key, state, place, self.weights[state] * factor);
                let (parent, seat, class) = (state as u16, place as u16, class as u8);
                self.trail.arcs.push(Arc { factor, parent, child, seat, class, edge: lead });
            }
        }
    }

    /// Every state without a slot that ends.
    fn close(&mut self, place: usize, slot: &Slot) {
        let trail = &self.model.habits[self.block.pairs[slot.pair as usize] as usize].trail;
        self.clear_table(self.weights.len());
        for state in 0..self.weights.len() {
            let key = self.key(state, slot.to).wrapping_sub(self.keys[place]);
            let last = self.hands(state, slot)[slot.hands as usize - 1];
            let idle = last == UNUSED;
            let class = if idle { 0 } else { pause_class(slot.to - last) };
            let factor = if idle { IDLE_STRETCH } else { trail[class] };
            let child = self.child(key, state, 0, self.weights[state] * factor);
            let (parent, class) = (state as u16, class as u8);
            self.trail.arcs.push(Arc { factor, parent, child, seat: 0, class, edge: idle });
        }
        self.active.remove(place);
    }

    fn hands(&self, state: usize, slot: &Slot) -> &[i32] {
        &self.free[state * self.block.hands + slot.hand as usize..][..slot.hands as usize]
    }

    /// What matters of a state for the future; leaves the parts in `keys`.
    #[inline]
    fn key(&mut self, state: usize, now: i32) -> u64 {
        self.keys.clear();
        let free = &self.free[state * self.block.hands..][..self.block.hands];
        let mut key = 0u64;
        for &slot in &self.active {
            let slot = &self.block.slots[slot as usize];
            let hands = &free[slot.hand as usize..][..slot.hands as usize];
            let part = slot_key(slot, hands.iter().copied(), now);
            self.keys.push(part);
            key = key.wrapping_add(part);
        }
        key
    }

    fn clear_table(&mut self, children: usize) {
        self.table.clear();
        self.table.resize((children * 2).next_power_of_two(), EMPTY);
    }

    /// Adds weight to the child of a key.
    #[inline]
    fn child(&mut self, key: u64, parent: usize, seat: usize, weight: f64) -> u16 {
        let mask = self.table.len() - 1;
        let mut place = ((key ^ (key >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20) as usize & mask;
        loop {
            match self.table[place] {
                EMPTY => {
                    self.table[place] = self.children.len() as u16;
                    let (parent, seat) = (parent as u16, seat as u16);
                    self.children.push(Child { key, weight, best: weight, parent, seat });
                    return self.table[place];
                }
                number if self.children[number as usize].key == key => {
                    let child = &mut self.children[number as usize];
                    child.weight += weight;
                    if weight > child.best {
                        (child.best, child.parent, child.seat) = (weight, parent as u16, seat as u16);
                    }
                    return number;
                }
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// Decides which children live on, and with what weight (nought for the others).
    fn thin(&mut self) {
        let total: f64 = self.children.iter().map(|child| child.weight).sum();
        let least = total * NEGLIGIBLE;
        let kept = &mut self.kept;
        kept.clear();
        kept.extend(self.children.iter().map(|child| if child.weight > least { child.weight } else { 0.0 }));
        if kept.len() <= self.beam || kept.iter().filter(|weight| **weight > 0.0).count() <= self.beam {
            return;
        }
        let stride = stride(kept, self.beam);
        let start = (f64::from(self.round) + 0.5) * GOLDEN + self.trail.events.len() as f64 * PLASTIC;
        let mut ahead = stride * (start - start as u64 as f64);
        for weight in kept.iter_mut().filter(|weight| **weight <= stride) {
            ahead -= *weight;
            *weight = 0.0;
            if ahead < 0.0 {
                ahead += stride;
                *weight = stride;
            }
        }
    }

    /// Lets the kept children take the place of their parents, and drops the arcs (from `first`) that lead nowhere.
    fn advance(&mut self, event: Event, first: usize) {
        let total: f64 = self.kept.iter().sum();
        let hands = self.block.hands;
        let mut number = vec![EMPTY; self.kept.len()];
        let mut free = Vec::with_capacity((self.beam + 1) * hands);
        self.weights.clear();
        for (place, child) in self.children.iter_mut().enumerate().filter(|(place, _)| self.kept[*place] > 0.0) {
            number[place] = self.weights.len() as u16;
            self.weights.push(self.kept[place] / total);
            // From here on: by how much the arcs to this child are scaled.
            child.best = self.kept[place] / child.weight / total;
            let from = free.len();
            free.extend_from_slice(&self.free[child.parent as usize * hands..][..hands]);
            let after = &mut free[from..];
            match event {
                Event::Take(step) => {
                    let step = &self.block.steps[step as usize];
                    let seat = &self.block.seats[step.first as usize + child.seat as usize];
                    let slot = &self.block.slots[seat.slot as usize];
                    occupy(&mut after[slot.hand as usize..][..slot.hands as usize], seat.hands, step.end);
                }
                Event::Close(slot) => {
                    let slot = &self.block.slots[slot as usize];
                    after[slot.hand as usize..][..slot.hands as usize].fill(UNUSED);
                }
            }
        }
        self.free = free;
        let arcs = &mut self.trail.arcs;
        let mut last = first;
        for place in first..arcs.len() {
            let child = arcs[place].child as usize;
            if number[child] != EMPTY {
                let arc = arcs[place];
                arcs[last] = Arc { child: number[child], factor: arc.factor * self.children[child].best, ..arc };
                last += 1;
            }
        }
        arcs.truncate(last);
    }
}

/// The weight above which states stay as they are, so that `beam` remain.
fn stride(weights: &[f64], beam: usize) -> f64 {
    let mut stride = f64::INFINITY;
    loop {
        let (mut heavy, mut light) = (0, 0.0);
        for &weight in weights {
            if weight > stride { heavy += 1 } else { light += weight }
        }
        let next = light / (beam.saturating_sub(heavy)).max(1) as f64;
        if next >= stride {
            return stride;
        }
        stride = next;
    }
}

/// The class of the pause it would mean for a slot to take work now, and whether it leads up to the first work.
fn pause(slot: &Slot, hands: &[i32], taken: u8, now: i32) -> (bool, usize) {
    if hands[hands.len() - 1] == UNUSED {
        return (true, pause_class(now - slot.from));
    }
    let free = hands[taken as usize - 1];
    (false, pause_class(now - if free == UNUSED { slot.from } else { free }))
}

/// The hands of a slot after the earliest free ones took work until `end`, in ascending order.
fn after(hands: &[i32], taken: u8, end: i32) -> impl Iterator<Item = i32> {
    let rest = &hands[taken as usize..];
    let before = rest.partition_point(|&free| free <= end);
    rest[..before].iter().copied().chain(std::iter::repeat_n(end, taken as usize)).chain(rest[before..].iter().copied())
}

/// [`after`] in place.
fn occupy(hands: &mut [i32], taken: u8, end: i32) {
    if let [hand] = hands {
        *hand = end;
        return;
    }
    hands[..taken as usize].fill(end);
    hands.sort_unstable();
}

/// What matters of a slot's hands: when busy ones come free, and roughly for how long the others have been free.
#[inline]
fn slot_key(slot: &Slot, hands: impl Iterator<Item = i32>, now: i32) -> u64 {
    let mut factor = (u64::from(slot.hand) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut key = 0u64;
    for free in hands {
        let part = if free == UNUSED {
            0
        } else if free > now {
            u64::from(free as u32) << 8 | 0xFF
        } else {
            1 + idle_class(now - free)
        };
        key = key.wrapping_add(part.wrapping_mul(factor));
        factor = factor.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }
    key
}

/// Roughly how long a hand has been free: finest where the next record is most likely.
fn idle_class(ms: i32) -> u64 {
    match ms {
        ..3_000 => 0,
        3_000..8_000 => 1,
        8_000..16_000 => 2,
        _ => u64::from((ms as u32 / 1_000).ilog2()),
    }
}

/// Adds up the weights of all histories through every arc.
fn backward(block: &Block, model: &Model, trail: &Trail) -> Reading {
    let mut reading =
        Reading { weights: vec![0.0; block.seats.len()], counts: vec![Counts::none(model.kinds); block.pairs.len()] };
    let (mut future, mut here) = (vec![1.0], Vec::new());
    for (number, &(event, arcs_end, before_end)) in trail.events.iter().enumerate().rev() {
        let (arcs_from, before_from) = match number.checked_sub(1) {
            Some(last) => (trail.events[last].1, trail.events[last].2),
            None => (0, 0),
        };
        let (arcs, before) = (&trail.arcs[arcs_from..arcs_end], &trail.before[before_from..before_end]);
        here.clear();
        here.resize(before.len(), 0.0);
        for arc in arcs {
            here[arc.parent as usize] += arc.factor * future[arc.child as usize];
        }
        let total: f64 = before.iter().zip(&here).map(|(before, here)| before * here).sum();
        for arc in arcs {
            let weight = before[arc.parent as usize] * arc.factor * future[arc.child as usize] / total;
            count(block, &mut reading, event, arc, weight);
        }
        here.iter_mut().for_each(|weight| *weight /= total);
        std::mem::swap(&mut here, &mut future);
    }
    for step in &block.steps {
        for seat in step.first as usize..step.first as usize + step.len as usize {
            let counts = &mut reading.counts[block.seats[seat].pair as usize];
            counts.duration[step.duration as usize] += reading.weights[seat];
            counts.kind[step.kind as usize] += reading.weights[seat];
        }
    }
    reading
}

/// Counts one arc with the weight of its histories.
fn count(block: &Block, reading: &mut Reading, event: Event, arc: &Arc, weight: f64) {
    let class = arc.class as usize;
    match event {
        Event::Take(step) => {
            let seat = block.steps[step as usize].first as usize + arc.seat as usize;
            reading.weights[seat] += weight;
            let counts = &mut reading.counts[block.seats[seat].pair as usize];
            let counts = if arc.edge { &mut counts.lead } else { &mut counts.pause };
            counts[class] += weight;
        }
        Event::Close(slot) if !arc.edge => {
            let pair = block.slots[slot as usize].pair as usize;
            reading.counts[pair].trail[class] += weight;
        }
        Event::Close(_) => {}
    }
}
