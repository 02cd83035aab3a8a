//! Made-up chat months: accounts of several dialogues at once with the times of all messages, and who truly answered.

use std::collections::BinaryHeap;

use tally_engine::attribution::{
    AccountInput, AgentInput, DutyRule, Input, Occupancy, Phase, PhaseFrom, Policy, Record, Reply, Side,
};

use crate::dice::Dice;

/// Working days of the month, and who works on them: everybody on five of seven.
const DAYS: usize = 30;
/// Messages of a record: of the customer and of whoever answers, in this order.
const SIDES: [Side; 5] = [Side::Customer, Side::Agent, Side::Customer, Side::Agent, Side::Agent];
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Midnight of 1 March 2026.
const MONTH: i64 = 1_772_323_200_000;

/// A month of so many records, on accounts whose teams have these sizes in turn; and who answered each record. Everybody has about as many.
///
/// A shift has eight hours with a break of one, half of a team begins at eight and half at one. Dialogues come at any time of a shift and are answered in
/// turns: nobody writes two replies within seconds, some answer within a minute and some within ten.
pub fn month(records: usize, teams: &[usize], of_each: usize) -> (Input, Vec<u32>) {
    let mut input = Input { policy: Policy::default(), ..Input::default() };
    let (mut truth, mut dice) = (Vec::with_capacity(records), Dice::new(13));
    let mut sizes = teams.iter().copied().cycle();
    while truth.len() < records {
        let team = sizes.next().unwrap_or(1);
        let account = input.accounts.len() as u32;
        let phases = vec![PhaseFrom { from_day: i32::MIN, phase: Phase::Shared, capacity: 5 }];
        input.accounts.push(AccountInput { key: format!("chat{account:04}"), phases, team: Vec::new() });
        let days: Vec<(usize, usize)> = (0..team)
            .flat_map(|person| (0..DAYS).map(move |day| (person, day)).filter(|(person, day)| (person + day) % 7 < 5))
            .collect();
        let first = input.people.len();
        input.people.extend((0..team).map(|person| AgentInput { key: format!("E{:06}", first + person) }));
        let mut left = (team * of_each).min(records - truth.len());
        for (place, (person, day)) in days.iter().enumerate() {
            let today = left / (days.len() - place);
            left -= today;
            let who = (first + person) as u32;
            shift(&mut input, (account, who, *day), today, &mut dice);
            truth.extend(std::iter::repeat_n(who, today));
        }
    }
    (input, truth)
}

/// A person's shift: duty with a break, and its dialogues.
fn shift(input: &mut Input, (account, person, day): (u32, u32, usize), records: usize, dice: &mut Dice) {
    let from = MONTH + day as i64 * DAY + if person.is_multiple_of(2) { 8 } else { 13 } * HOUR;
    let jitter = |dice: &mut Dice| dice.below(900_000) as i64;
    for (from, hours) in [(from, 4), (from + 5 * HOUR, 4)] {
        let (from_ms, to_ms) = (from - jitter(dice), from + hours * HOUR + jitter(dice));
        let evidence = input.occupancy.len() as u32;
        input.occupancy.push(Occupancy { account, person, from_ms, to_ms, rule: DutyRule::Punched, evidence });
    }
    // The heap gives the largest first, hence what is due stands negative: when, of which record, which message.
    let mut due = BinaryHeap::new();
    for _ in 0..records {
        let (half, at) = (dice.below(2) as i64, dice.below(3_500_000 * 4) as i64);
        let start_ms = from + half * 5 * HOUR + at;
        let number = input.records.len() as u32;
        let (key, day) = (format!("R{number:08}"), day as i32);
        input.records.push(Record {
            key,
            account,
            day,
            start_ms,
            end_ms: start_ms,
            kind: 0,
            customer: Some(number),
            tag: None,
        });
        due.push((-start_ms, number, 0_usize));
    }
    let slow = 1 + i64::from(person % 4) * 2;
    let mut last = i64::MIN;
    while let Some((at, record, message)) = due.pop() {
        let by = SIDES[message];
        let mut at_ms = -at;
        if by == Side::Agent {
            let free = last.saturating_add(8_000);
            if at_ms < free {
                due.push((-(free + dice.below(20_000) as i64), record, message));
                continue;
            }
            last = at_ms;
        } else {
            at_ms += dice.below(1_000) as i64;
        }
        input.replies.push(Reply { record, day: day as i32, at_ms, by, device: None });
        let known = &mut input.records[record as usize];
        known.end_ms = known.end_ms.max(at_ms);
        if message + 1 < SIDES.len() {
            let pause = if SIDES[message + 1] == Side::Agent { slow * 15_000 } else { 40_000 };
            let pause = pause + dice.below(pause as usize * 4) as i64;
            due.push((-(at_ms + pause), record, message + 1));
        }
    }
}
