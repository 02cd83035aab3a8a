//! The replies of one account as the model reads them: day by day, each with whoever may have written it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::devices::{Devices, Owner};
use super::super::feed::Message;
use super::super::findings::{FindingKind, Sight};
use super::super::ladder::{AccountVerdicts, Phases};
use super::super::watch::{Candidate, Watch};
use super::super::why::seconds;
use super::super::{DutyRule, Occupancy, Phase, Rung, Side};

/// Classes of pauses within a dialogue.
pub(super) const PAUSES: usize = 5;
/// Their edges in seconds.
const PAUSE_EDGES: [i64; PAUSES - 1] = [120, 600, 3_600, 14_400];
/// Kinds of replies: first in its dialogue, after a new message of the customer, or without one; each by how long the customer (without
/// a new message, the dialogue) had waited.
pub(super) const CLASSES: usize = 3 * LATENCIES;
pub(super) const LATENCIES: usize = 6;
/// Edges of that wait in seconds.
const LATENCY_EDGES: [i64; LATENCIES - 1] = [300, 1_200, 3_600, 14_400, 86_400];
/// Dialogues and devices at once that a state remembers; of more it remembers nothing.
const MOST_SLOTS: u16 = 2_048;
/// Seats of a day that are read at once: of a longer one in parts, each as if everybody had come anew. What is kept of a part takes some 150 MB.
const MOST_SEATS: usize = 1 << 17;
/// A message sooner after another of the agents in its dialogue, in milliseconds, is in a row with it; two that a clock without seconds tells apart are not.
const BUBBLE_MS: i64 = 60_000;
/// Messages in a row that are replies of their own.
const BUBBLES: u32 = 3;
/// Replies of a record up to which each teaches as much as any; all of a record with n times as many teach one n-th of what these do.
const MOST_TAUGHT: f64 = 15.0;
/// No slot.
pub(super) const NOWHERE: u16 = u16::MAX;

/// What came before a reply in its dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// A reply of the same day, this class of pause ago, and its place in [`Traffic::steps`].
    Today { pause: u8, place: u32 },
    /// A reply of an earlier day: its place in [`Traffic::steps`].
    Earlier(u32),
}

/// A reply of the account that somebody was on duty for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// When the last message was written that goes with it: later than `at` where it is of several bubbles.
    pub until: i64,
    /// What it counts when habits are learnt, at most one.
    pub taught: f64,
    /// One part in as many as its record has replies.
    pub part: f64,
    /// Place of its record within the account.
    pub place: u32,
    dialogue: u32,
    /// First seat in [`Traffic::seats`], and how many.
    pub first: u32,
    pub len: u16,
    /// The one seat that may have written it, by its place among them, where evidence names it.
    pub only: Option<u16>,
    /// Whether those are the ones who held the account by hand-over.
    pub held: bool,
    /// Kind of reply.
    pub class: u8,
    /// How many seconds the customer (without a new message, the dialogue) had waited; the most there is where nobody knows.
    pub wait: u32,
    pub before: Before,
    /// Where a state remembers who wrote last in the dialogue, while it goes on that day.
    pub slot: u16,
    /// Whether the dialogue has a later reply that day.
    pub goes_on: bool,
    /// The one seat whose device it was written on, by its place among them.
    pub owner: Option<u16>,
    device: u32,
    /// The device that it was written on, whosever it is.
    written_on: u32,
    /// Where a state remembers who sits at a device of nobody, while it is used that day.
    pub hands: u16,
    /// Whether that is used later that day.
    pub used_on: bool,
}

impl Step {
    /// Whether there is more than its time: a name, a click, or a device, be it of nobody.
    pub fn says_whose(&self) -> bool {
        self.only.is_some() || self.owner.is_some() || self.device > 0
    }
}

/// One of those on duty at a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// Place in [`Traffic::people`].
    pub person: u16,
    /// Place in [`Traffic::stretches`].
    pub stretch: u32,
    /// Evidence of the duty row.
    pub evidence: Option<u32>,
}

/// A stretch of somebody's duty without a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub person: u16,
    pub from: i64,
    pub to: i64,
}

/// A working day, or a part of a long one.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// Its steps.
    pub steps: std::ops::Range<usize>,
    /// Stretches that some reply of the day falls into, by their end.
    pub ends: Vec<u32>,
    /// Who they are of, sorted.
    pub people: Vec<u16>,
    /// Slots that are needed at once: of dialogues, and of devices of nobody.
    pub slots: usize,
    pub desks: usize,
}

/// An account's replies.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Ranks of everybody with duty on the account, sorted.
    pub people: Vec<u32>,
    /// By person and time.
    pub stretches: Vec<Stretch>,
    pub steps: Vec<Step>,
    pub seats: Vec<Seat>,
    pub days: Vec<Day>,
    /// Mean number on duty at a reply, and of those of them who may have written it.
    pub mean_on_duty: f64,
    pub mean_open: f64,
    /// Replies on a full minute.
    pub full_minutes: usize,
    /// What was noticed of devices; records by their places.
    pub odd: Vec<Sight>,
}

impl Traffic {
    /// Reads an account's messages, in their order. `rows` is its duty, people by rank.
    pub fn of(
        (account, devices): (&AccountVerdicts, &Devices<'_>),
        phases: &Phases,
        rows: &[Occupancy],
        messages: &[Message],
    ) -> Self {
        let mut traffic = Self::default();
        traffic.stretch(rows);
        let days = traffic.sit((account, devices), phases, rows, messages);
        traffic.bound();
        traffic.cut(days);
        let steps = traffic.steps.len().max(1) as f64;
        let open = traffic.steps.iter().map(|step| step.only.map_or(usize::from(step.len), |_| 1));
        traffic.mean_open = open.sum::<usize>() as f64 / steps;
        traffic.mean_on_duty = traffic.seats.len() as f64 / steps;
        traffic
    }

    /// Seats of a step.
    pub fn seats_of(&self, step: &Step) -> &[Seat] {
        &self.seats[step.first as usize..step.first as usize + usize::from(step.len)]
    }

    /// Places of the seats of a day's steps.
    pub fn seats_of_day(&self, day: &Day) -> std::ops::Range<usize> {
        let steps = &self.steps[day.steps.clone()];
        let first = steps.first().map_or(0, |step| step.first as usize);
        first..steps.last().map_or(first, |step| step.first as usize + usize::from(step.len))
    }

    /// Joins everybody's rows that touch.
    fn stretch(&mut self, rows: &[Occupancy]) {
        self.people = rows.iter().map(|row| row.person).collect::<BTreeSet<_>>().into_iter().collect();
        let mut rows: Vec<(u32, i64, i64)> = rows.iter().map(|row| (row.person, row.from_ms, row.to_ms)).collect();
        rows.sort_unstable();
        for (person, from, to) in rows {
            let person = self.people.partition_point(|known| *known < person) as u16;
            match self.stretches.last_mut().filter(|last| last.person == person && from <= last.to) {
                Some(last) => last.to = last.to.max(to),
                None => self.stretches.push(Stretch { person, from, to }),
            }
        }
    }

    /// Makes a step of every reply that somebody was on duty for; the days they are of.
    fn sit(
        &mut self,
        (account, devices): (&AccountVerdicts, &Devices<'_>),
        phases: &Phases,
        rows: &[Occupancy],
        messages: &[Message],
    ) -> Vec<i32> {
        let mut watch = Watch::new(rows.to_vec(), Vec::new());
        let mut dialogues: BTreeMap<u32, Dialogue> = BTreeMap::new();
        let mut current: Vec<u32> = Vec::with_capacity(self.people.len());
        current.extend(
            (0..self.people.len())
                .map(|person| self.stretches.partition_point(|stretch| usize::from(stretch.person) < person) as u32),
        );
        let mut days = Vec::new();
        for message in messages {
            let phase = phases.on(message.day);
            if phase.capacity < 2 || phase.phase == Phase::Named {
                continue;
            }
            let dialogue = dialogues.entry(message.dialogue).or_default();
            if dialogue.hears(message) || self.goes_with(dialogue, message) {
                continue;
            }
            watch.advance(message.at);
            let verdict = &account.verdicts[message.place as usize];
            let named = matches!(verdict.rung, Rung::Tagged | Rung::Claimed)
                .then(|| account.candidates[verdict.first as usize].person);
            // Where nothing tells who was on duty, nothing tells whose a reply was either.
            let seats = if watch.rule == Some(DutyRule::Team) { &[] } else { watch.on_duty() };
            let only = named.map(|named| seats.iter().position(|seat| seat.person == named));
            if seats.is_empty() || only == Some(None) {
                continue;
            }
            let (owner, unknown) = self.whose(devices, message, seats);
            let first = self.seats.len() as u32;
            for candidate in seats {
                let seat = self.seat(&mut current, *candidate, message.at);
                self.seats.push(seat);
            }
            let ((class, wait), before) = (dialogue.class(message), dialogue.before(message));
            dialogue.last = Some((self.steps.len() as u32, message.day, message.at));
            self.full_minutes += usize::from(message.full_minute);
            self.steps.push(Step {
                at: message.at,
                until: message.at,
                taught: 1.0,
                part: 1.0,
                place: message.place,
                dialogue: message.dialogue,
                first,
                len: seats.len() as u16,
                only: only.flatten().map(|place| place as u16),
                held: watch.rule == Some(DutyRule::HandoverHeld),
                class,
                wait,
                before,
                slot: NOWHERE,
                goes_on: false,
                owner,
                written_on: message.device,
                device: if unknown { message.device } else { 0 },
                hands: NOWHERE,
                used_on: false,
            });
            days.push(message.day);
        }
        days
    }

    /// Whether a message of an agent is but another bubble of its dialogue's last reply: one more than [`BUBBLES`] in a row, each soon after the one
    /// before on the same device, and nothing of the customer's between. That reply then lasts until it and teaches nothing: so many are a machine's.
    fn goes_with(&mut self, dialogue: &mut Dialogue, message: &Message) -> bool {
        let last = dialogue.last.and_then(|(place, day, _)| Some((self.steps.get_mut(place as usize)?, day)));
        let Some((step, day)) = last else {
            dialogue.run = 1;
            return false;
        };
        let in_a_row = message.at < step.until.saturating_add(BUBBLE_MS)
            && dialogue.customer.is_none_or(|at| at <= step.until)
            && (message.day, message.place, message.device) == (day, step.place, step.written_on);
        dialogue.run = if in_a_row { dialogue.run + 1 } else { 1 };
        if dialogue.run > BUBBLES {
            (step.until, step.taught) = (message.at, 0.0);
        }
        dialogue.run > BUBBLES
    }

    /// Has one record teach the less the more replies it has beyond [`MOST_TAUGHT`].
    fn bound(&mut self) {
        let mut of_record: BTreeMap<u32, u32> = BTreeMap::new();
        self.steps.iter().for_each(|step| *of_record.entry(step.place).or_default() += 1);
        for step in &mut self.steps {
            let part = (MOST_TAUGHT / f64::from(of_record[&step.place])).min(1.0);
            step.taught *= part * part;
            step.part = 1.0 / f64::from(of_record[&step.place]);
        }
    }

    /// The place of the seat whose device a message was written on, and whether the device is of nobody that is known. What a device cannot say
    /// is noted.
    fn whose(&mut self, devices: &Devices<'_>, message: &Message, seats: &[Candidate]) -> (Option<u16>, bool) {
        let Some(device) = message.device.checked_sub(1) else { return (None, false) };
        let (kind, person) = match devices.owner(device, message.at) {
            Owner::Unknown => return (None, true),
            Owner::One(person) => match seats.iter().position(|seat| seat.person == person) {
                Some(place) => return (Some(place as u16), false),
                None => (FindingKind::DeviceOffDuty, Some(person)),
            },
            Owner::Elsewhere => (FindingKind::DeviceOffDuty, None),
            Owner::Several => (FindingKind::DeviceOfSeveral, None),
        };
        let (day, at_ms, position) = (message.day, message.at, message.place as usize);
        self.odd.push(Sight { kind, person, day, at_ms, position, other: None, device: Some(device) });
        (None, false)
    }

    fn seat(&self, current: &mut [u32], candidate: Candidate, at: i64) -> Seat {
        let person = self.people.partition_point(|known| *known < candidate.person);
        let stretch = &mut current[person];
        while self.stretches[*stretch as usize].to <= at {
            *stretch += 1;
        }
        Seat { person: person as u16, stretch: *stretch, evidence: candidate.evidence }
    }

    /// Where the steps from `from` end that are read at once, of those up to `to`.
    fn end_of_part(&self, from: usize, to: usize) -> usize {
        let first = self.steps[from].first as usize;
        let beyond = |step: &Step| step.first as usize - first + usize::from(step.len) > MOST_SEATS;
        from + 1 + self.steps[from + 1..to].iter().position(beyond).unwrap_or(to - from - 1)
    }

    /// Cuts the steps into days, and gives every dialogue that goes on within one a slot while it does.
    fn cut(&mut self, days: Vec<i32>) {
        let mut from = 0;
        while from < days.len() {
            let to = self.end_of_part(from, from + days[from..].partition_point(|day| *day <= days[from]));
            let today = || self.steps[from..to].iter();
            let mut dialogues = Chain::of(today().map(|step| step.dialogue));
            let mut devices = Chain::of(today().map(|step| step.device).filter(|device| *device > 0));
            let (mut slots, mut desks, mut stretches) = (Slots::default(), Slots::default(), BTreeSet::new());
            for place in from..to {
                stretches.extend(self.seats_of(&self.steps[place]).iter().map(|seat| seat.stretch));
                let step = &mut self.steps[place];
                (step.slot, step.goes_on) = dialogues.next(step.dialogue, &mut slots);
                if step.device > 0 {
                    (step.hands, step.used_on) = devices.next(step.device, &mut desks);
                }
            }
            let mut ends: Vec<u32> = stretches.into_iter().collect();
            ends.sort_by_key(|stretch| (self.stretches[*stretch as usize].to, *stretch));
            let people: BTreeSet<u16> = ends.iter().map(|stretch| self.stretches[*stretch as usize].person).collect();
            let people = people.into_iter().collect();
            self.days.push(Day {
                steps: from..to,
                ends,
                people,
                slots: usize::from(slots.made),
                desks: usize::from(desks.made),
            });
            from = to;
        }
    }
}

/// Cells of a state for what goes on at once.
#[derive(Default)]
struct Slots {
    free: Vec<u16>,
    made: u16,
}

impl Slots {
    /// A free one, or none where there are as many as a state has.
    fn take(&mut self) -> u16 {
        self.free.pop().unwrap_or_else(|| {
            if self.made == MOST_SLOTS {
                return NOWHERE;
            }
            self.made += 1;
            self.made - 1
        })
    }
}

/// Things that come several times on a day: how often each is still to come, and its slot.
struct Chain(BTreeMap<u32, (u32, u16)>);

impl Chain {
    fn of(keys: impl Iterator<Item = u32>) -> Self {
        let mut left: BTreeMap<u32, (u32, u16)> = BTreeMap::new();
        keys.for_each(|key| left.entry(key).or_insert((0, NOWHERE)).0 += 1);
        Self(left)
    }

    /// The slot of the next of a key, and whether it comes again. The first takes one, the last gives it back.
    fn next(&mut self, key: u32, slots: &mut Slots) -> (u16, bool) {
        let Some((left, slot)) = self.0.get_mut(&key) else { return (NOWHERE, false) };
        *left -= 1;
        let again = *left > 0;
        if again && *slot == NOWHERE {
            *slot = slots.take();
        }
        let mine = *slot;
        if !again && mine != NOWHERE {
            slots.free.push(mine);
        }
        (mine, again)
    }
}

/// A dialogue under way.
#[derive(Default)]
struct Dialogue {
    /// When the customer wrote last.
    customer: Option<i64>,
    /// Its last reply: place, day, time.
    last: Option<(u32, i32, i64)>,
    /// How many messages of the agents came in a row, up to the last.
    run: u32,
}

impl Dialogue {
    /// Whether a message is the customer's, which is then noted.
    fn hears(&mut self, message: &Message) -> bool {
        if message.by == Side::Customer {
            self.customer = Some(message.at);
        }
        message.by == Side::Customer
    }

    /// The class of a reply, and how many seconds were waited for it.
    fn class(&self, message: &Message) -> (u8, u32) {
        let (kind, since) = match (self.last, self.customer) {
            (None, since) => (0, since),
            (Some((_, _, at)), Some(since)) if since > at => (1, Some(since)),
            (Some((_, _, at)), _) => (2, Some(at)),
        };
        let latency = since
            .map_or(LATENCIES - 1, |since| LATENCY_EDGES.partition_point(|edge| edge * 1_000 <= message.at - since));
        let wait = since.map_or(u32::MAX, |since| seconds(message.at - since));
        ((kind * LATENCIES + latency) as u8, wait)
    }

    fn before(&self, message: &Message) -> Before {
        match self.last {
            None => Before::Nothing,
            Some((place, day, at)) if day == message.day => {
                let pause = PAUSE_EDGES.partition_point(|edge| edge * 1_000 <= message.at - at) as u8;
                Before::Today { pause, place }
            }
            Some((place, ..)) => Before::Earlier(place),
        }
    }
}
