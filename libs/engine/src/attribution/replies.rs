//! Which of several people on duty did it, where each holds several dialogues at once: by when they answered.
//!
//! A person writes one reply after the other; whose turn a reply was shows in how long ago everybody wrote last, in who wrote last in the
//! dialogue, and in which kinds of replies come to whom. [`beam`] sums over all histories of a working day, [`habits`] are what is learnt
//! from that, a fixed number of rounds. The model and its numbers come from a study of a public help forum (`docs/attribution.md`).

mod beam;
mod habits;
mod traffic;
mod uneven;
mod why;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::canon::Canon;
use super::devices::Devices;
use super::feed::Feed;
use super::findings::{FindingKind, Sight};
use super::inference::spread;
use super::ladder::{AccountVerdicts, Phases};
use super::watch::Candidate;
use super::why::{Said, Sign, Why, two_largest};
use super::{Occupancy, Reason, Rung};
use habits::{Counts, Habits};
use traffic::Traffic;
use uneven::Said as Rates;
use why::Note;

/// States kept.
const WIDTH: usize = 32;
/// Replies to learn from at least, however little effort there is: those of eight people in a month.
const FEWEST_REPLIES: usize = 3_000;
/// Learning rounds.
const ROUNDS: u32 = 8;
/// Rounds whose weights replace those found before; later ones are averaged with them.
const FRESH_ROUNDS: u32 = 4;
/// Records a person that an account needs where at most [`FEW`] share it, and where more do.
const FEWEST_RECORDS: (usize, usize) = (20, 60);
/// People that are few.
const FEW: usize = 3;
/// Most replies on a full minute, in percent, of a clock that tells seconds.
const MOST_FULL_MINUTES: usize = 10;

/// Most replies for an hour of somebody's duty that their times alone tell apart: the forum has up to 2.1. On a desk with more of them whoever writes fast
/// is taken for whoever writes most, and nothing in the times says otherwise (`docs/attribution.md`).
const MOST_AN_HOUR: i64 = 4;
/// Replies of one record that count towards that.
const MOST_OF_RECORD: usize = 15;
const HOUR_MS: i64 = 3_600_000;
/// The part of the replies, in percent, of which evidence says whose they are, from which on that is learnt.
const LEAST_SAID: usize = 10;

/// Weighs the records of accounts on which several are held at once.
pub(super) fn weigh(
    canon: &Canon<'_>,
    duty: &[Vec<Occupancy>],
    (feed, devices): (&Feed, &Devices<'_>),
    accounts: &mut [AccountVerdicts],
) {
    accounts.par_iter_mut().enumerate().for_each(|(rank, account)| {
        let Some(messages) = feed.messages.get(&rank) else { return };
        let phases = Phases::of(&canon.input.accounts[canon.accounts[rank] as usize]);
        let traffic = Traffic::of((account, devices), &phases, &duty[rank], messages);
        for seen in &traffic.odd {
            account.tally.see(Sight { position: account.base + seen.position, ..*seen });
        }
        if !traffic.steps.is_empty() {
            let why = guard(&traffic);
            let effort = canon.input.policy.effort / feed.messages.len() as u64;
            let read = if why.is_none() { learn(account, &traffic, effort) } else { (equal(&traffic), Vec::new()) };
            publish(account, &traffic, &read, why);
        }
    });
    for (account, span) in accounts.iter_mut().zip(&canon.spans) {
        for &position in feed.answered.range(span.clone()) {
            if account.verdicts[position - span.start].reason == Some(Reason::NobodyOnDuty) {
                account.tally.note(FindingKind::UnheldAccount, None, Some(canon.record(position).day), position);
            }
        }
        for (&position, &messages) in feed.outside.range(span.clone()) {
            (0..messages).for_each(|_| account.tally.note(FindingKind::ReplyOutsideRecord, None, None, position));
        }
    }
    for (rank, clocks) in &feed.clocks {
        let account = &mut accounts[*rank];
        for clock in clocks {
            account.tally.note_clock(clock.ahead_ms, account.base + clock.first as usize, clock.records);
        }
    }
}

/// Why the model is not to be trusted with an account.
fn guard(traffic: &Traffic) -> Option<FindingKind> {
    let mut places: Vec<u32> = traffic.steps.iter().map(|step| step.place).collect();
    places.sort_unstable();
    places.dedup();
    let people: BTreeSet<u16> = traffic.seats.iter().map(|seat| seat.person).collect();
    let fewest = if people.len() <= FEW { FEWEST_RECORDS.0 } else { FEWEST_RECORDS.1 };
    if places.len() < fewest * people.len() {
        return Some(FindingKind::TooFewReplies);
    }
    let (replies, duty_ms) = (traffic.steps.len(), traffic.stretches.iter().map(|one| one.to - one.from).sum::<i64>());
    if traffic.full_minutes * 100 > replies * MOST_FULL_MINUTES {
        return Some(FindingKind::ClockWithoutSeconds);
    }
    // One record with very many is no busy desk: of each some count.
    let mut of_records: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for step in &traffic.steps {
        let (all, said) = of_records.entry(step.place).or_default();
        (*all, *said) = (*all + 1, *said + usize::from(step.says_whose()));
    }
    let counted = |count: usize| count.min(MOST_OF_RECORD);
    let replies: usize = of_records.values().map(|(all, _)| counted(*all)).sum();
    let said: usize = of_records.values().map(|(_, said)| counted(*said)).sum();
    let dense = replies as i64 * HOUR_MS > duty_ms.saturating_mul(MOST_AN_HOUR);
    (dense && said * 100 < replies * LEAST_SAID).then_some(FindingKind::RepliesTooDense)
}

/// Weights of all seats, each step's equal, or all of it where evidence names one.
fn equal(traffic: &Traffic) -> Vec<f64> {
    let of = |step: &traffic::Step| {
        let (len, only) = (usize::from(step.len), step.only);
        let owner = step.owner;
        (0..len).map(move |seat| match (only, owner) {
            (Some(only), _) => f64::from(u8::from(usize::from(only) == seat)),
            (None, Some(owner)) if len > 1 => beam::same_hands(usize::from(owner) == seat, len),
            (None, _) => 1.0 / len as f64,
        })
    };
    traffic.steps.iter().flat_map(of).collect()
}

/// Which days to learn from: all where the effort allows it, else a spread of them, and of so many replies at least.
fn chosen(traffic: &Traffic, effort: u64) -> Vec<bool> {
    let cost = |day: &traffic::Day| {
        let seats = |step: &traffic::Step| u64::from(step.len) * WIDTH as u64;
        traffic.steps[day.steps.clone()].iter().map(seats).sum::<u64>()
    };
    let round = effort / u64::from(ROUNDS);
    if traffic.steps.len() <= FEWEST_REPLIES || traffic.days.iter().map(cost).sum::<u64>() <= round {
        return vec![true; traffic.days.len()];
    }
    let (mut learns, mut spent, mut replies) = (vec![false; traffic.days.len()], 0, 0);
    for place in spread(traffic.days.len()) {
        if spent >= round && replies >= FEWEST_REPLIES {
            break;
        }
        learns[place] = true;
        spent += cost(&traffic.days[place]);
        replies += traffic.days[place].steps.len();
    }
    learns
}

/// Learns, and reads all days; who says far less than others of what is theirs is noted.
fn learn(account: &mut AccountVerdicts, traffic: &Traffic, effort: u64) -> (Vec<f64>, Vec<Note>) {
    let learns = chosen(traffic, effort);
    let mut weights = equal(traffic);
    let mut counts = Counts::none(traffic.people.len());
    for step in &traffic.steps {
        for (seat, weight) in traffic.seats_of(step).iter().zip(&weights[step.first as usize..]) {
            counts.profile[usize::from(seat.person)][usize::from(step.class)] += weight * step.taught;
        }
    }
    let first = Habits::first(traffic, &counts);
    let (mut habits, mut notes) = rounds(traffic, &learns, first, (&mut weights, [false; 2]));
    let rates = Rates::of(traffic, &weights, &learns);
    let uneven = rates.uneven();
    if let Some(least) = rates.least(uneven) {
        (habits, notes) = rounds(traffic, &learns, habits, (&mut weights, uneven));
        habits.unsaid = Rates::of(traffic, &weights, &learns).unsaid(uneven);
        let person = traffic.people[least];
        let mut places: Vec<u32> =
            traffic.steps.iter().filter(|step| step.only.is_none()).map(|step| step.place).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            account.tally.note(FindingKind::EvidenceUneven, Some(person), None, account.base + place as usize);
        }
    }
    let rest: Vec<bool> = learns.into_iter().map(|learns| !learns).collect();
    for (day, reading, told) in read(traffic, &habits, &weights, &rest, (1.0, true)) {
        weights[traffic.seats_of_day(day)].copy_from_slice(&reading.weights);
        notes.extend(told);
    }
    notes.sort_by_key(|note| note.place);
    (weights, notes)
}

/// Runs all rounds over the days to learn from, under what people say unevenly; what was learnt, and what told the records' candidates apart.
fn rounds(
    traffic: &Traffic,
    learns: &[bool],
    mut habits: Habits,
    (weights, uneven): (&mut [f64], [bool; 2]),
) -> (Habits, Vec<Note>) {
    let mut notes = Vec::new();
    for round in 0..ROUNDS {
        if uneven.contains(&true) {
            habits.unsaid = Rates::of(traffic, weights, learns).unsaid(uneven);
        }
        let mut counts = Counts::none(traffic.people.len());
        let part = if round < FRESH_ROUNDS { 1.0 } else { 0.5 };
        let last = round + 1 == ROUNDS;
        for (day, reading, told) in read(traffic, &habits, weights, learns, (part, last)) {
            counts.add(&reading.counts);
            weights[traffic.seats_of_day(day)].copy_from_slice(&reading.weights);
            notes.extend(told);
        }
        habits = Habits::learnt(traffic, &counts);
    }
    (habits, notes)
}

/// Reads some days, in parallel; in their order. Their weights are averaged with those found before, of which the new ones are a `part`; the
/// last time it is said what told people apart.
fn read<'t>(
    traffic: &'t Traffic,
    habits: &Habits,
    weights: &[f64],
    which: &[bool],
    (part, last): (f64, bool),
) -> Vec<(&'t traffic::Day, beam::Reading, Vec<Note>)> {
    let chosen = traffic.days.par_iter().zip(which).filter(|(_, chosen)| **chosen);
    let logs = habits.logs();
    let one = |(day, _): (&'t traffic::Day, &bool)| {
        let mut reading = beam::read(traffic, day, habits, (WIDTH, last), weights);
        let old = &weights[traffic.seats_of_day(day)];
        reading.weights.iter_mut().zip(old).for_each(|(new, old)| *new = (1.0 - part) * old + part * *new);
        let seen = reading.seen.take();
        let notes = seen.map(|seen| why::of_day((traffic, day), (habits, &logs), (weights, &reading.weights), &seen));
        (day, reading, notes.unwrap_or_default())
    };
    chosen.map(one).collect()
}

/// Hands the weights back to the records: a record's are the mean of its replies'.
fn publish(
    account: &mut AccountVerdicts,
    traffic: &Traffic,
    (weights, notes): &(Vec<f64>, Vec<Note>),
    why: Option<FindingKind>,
) {
    account.weights.resize(account.candidates.len(), 0.0);
    let mut steps: Vec<&traffic::Step> = traffic.steps.iter().collect();
    steps.sort_by_key(|step| step.place);
    for steps in steps.chunk_by(|one, other| one.place == other.place) {
        let place = steps[0].place;
        let mut people: BTreeMap<u32, (f64, Option<u32>)> = BTreeMap::new();
        for step in steps {
            for (seat, weight) in traffic.seats_of(step).iter().zip(&weights[step.first as usize..]) {
                let person = traffic.people[usize::from(seat.person)];
                people.entry(person).or_insert((0.0, seat.evidence)).0 += weight;
            }
        }
        let verdict = &mut account.verdicts[place as usize];
        if matches!(verdict.rung, Rung::Tagged | Rung::Split | Rung::Claimed | Rung::Device | Rung::Inferred) {
            continue;
        }
        (verdict.first, verdict.len) = (account.candidates.len() as u32, people.len() as u32);
        (verdict.reason, verdict.several) = (None, false);
        (verdict.rung, verdict.weighed) = match (people.len(), why) {
            (1, _) if steps.iter().all(|step| step.held) => (Rung::Handover, false),
            (1, _) => (Rung::Sole, false),
            (_, None) => (Rung::Replies, true),
            (_, Some(_)) => (Rung::Equal, true),
        };
        if verdict.rung == Rung::Replies {
            account.said.push(Said { place, why: told(traffic, notes, place, &people) });
        }
        for (person, (weight, evidence)) in people {
            account.candidates.push(Candidate { person, evidence });
            account.weights.push(weight);
        }
        if let Some(why) = why.filter(|_| verdict.len > 1) {
            account.tally.note(why, None, None, account.base + place as usize);
            let sign = match why {
                FindingKind::ClockWithoutSeconds => Sign::ClockWithoutSeconds,
                FindingKind::RepliesTooDense => Sign::TooDense,
                _ => Sign::TooFewReplies,
            };
            account.said.push(Said::nothing(place as usize, sign));
        }
    }
}

/// What told the two likeliest people of a record apart: what did on that of its days on which it told most.
fn told(traffic: &Traffic, notes: &[Note], place: u32, people: &BTreeMap<u32, (f64, Option<u32>)>) -> Why {
    let (ranks, weights): (Vec<u32>, Vec<f64>) = people.iter().map(|(rank, (weight, _))| (*rank, *weight)).unzip();
    let pair = two_largest(&weights).map(|pair| pair.map(|place| ranks[place]));
    let mine = &notes[notes.partition_point(|note| note.place < place)..];
    let mine = &mine[..mine.partition_point(|note| note.place == place)];
    let seats = pair.map(|pair| pair.map(|rank| traffic.people.partition_point(|known| *known < rank) as u16));
    match seats.and_then(|seats| Note::best(mine, seats)) {
        Some(note) => Why { people: pair, sign: note.sign, against: note.against },
        None => Why { people: pair, sign: Sign::Together, against: None },
    }
}
