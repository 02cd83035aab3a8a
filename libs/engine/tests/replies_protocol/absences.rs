//! Desks with breaks that are punched or not, and desks without any on which some do much less than others.

use super::*;
use tally_engine::attribution::{Worth, worth};

use super::dice::Dice;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Working days.
const DAYS: i64 = 22;

/// A desk.
struct Desk {
    /// What each person does, against the others.
    rates: &'static [usize],
    /// Dialogues a day.
    a_day: usize,
    /// Of a hundred records how many name their agent.
    named: usize,
    /// How many minutes of absence everybody has in the middle of a day, on how many days of ten.
    away: (i64, usize),
    /// Of a hundred dialogues, how many go to whoever had the one before.
    runs: usize,
    /// Whether those on duty hold one at a time.
    calls: bool,
}

/// Its month: eight hours a day, one pair of punches; how many days of people have an absence.
fn month(desk: &Desk, seed: u64) -> (Input, usize) {
    let mut dice = Dice::new(seed);
    let mut input = account_of(desk.rates.len(), if desk.calls { 1 } else { 8 });
    let mut absences = 0;
    for day in 0..DAYS {
        let (from, to) = ((day * 24 + 9) * HOUR, (day * 24 + 18) * HOUR);
        let away: Vec<Option<(i64, i64)>> = (0..desk.rates.len() as i64)
            .map(|person| {
                let begin = from + HOUR + person % 4 * HOUR + dice.below(60) as i64 * MINUTE;
                (dice.below(10) < desk.away.1).then(|| (begin, begin + desk.away.0 * MINUTE))
            })
            .collect();
        absences += away.iter().flatten().count();
        for person in 0..desk.rates.len() as u32 {
            let evidence = input.occupancy.len() as u32;
            let (from_ms, to_ms) = (from, to);
            input.occupancy.push(Occupancy { account: 0, person, from_ms, to_ms, rule: DutyRule::Punched, evidence });
        }
        let mut starts: Vec<i64> = (0..desk.a_day).map(|_| from + dice.below((8 * HOUR) as usize) as i64).collect();
        starts.sort_unstable();
        let mut until = vec![0; desk.rates.len()];
        let mut before = None;
        for start_ms in starts {
            let there = |person: usize| away[person].is_none_or(|(from, to)| start_ms < from || to <= start_ms);
            let free = |person: usize| there(person) && (!desk.calls || until[person] < start_ms);
            let mut tickets: Vec<usize> = Vec::new();
            (0..desk.rates.len()).filter(|one| free(*one)).for_each(|one| tickets.extend(vec![one; desk.rates[one]]));
            let again = before.filter(|one| dice.below(100) < desk.runs && free(*one));
            let Some(person) = again.or_else(|| (!tickets.is_empty()).then(|| *dice.one(&tickets))) else { continue };
            before = Some(person);
            let number = input.records.len() as u32;
            let end_ms = start_ms + (2 + dice.below(9) as i64) * MINUTE;
            until[person] = end_ms;
            let tag = (dice.below(100) < desk.named).then_some(person as u32);
            let (key, day) = (format!("R{number:06}"), day as i32);
            input.records.push(Record { key, account: 0, day, start_ms, end_ms, kind: 0, customer: None, tag });
            if !desk.calls {
                let mut at_ms = start_ms;
                for by in [Side::Customer, Side::Agent, Side::Customer, Side::Agent, Side::Agent] {
                    input.replies.push(Reply { record: number, day, at_ms, by, device: None });
                    at_ms += (end_ms - start_ms) / 5 + dice.below(20_000) as i64;
                }
            }
        }
    }
    (input, absences)
}

fn account_of(people: usize, capacity: u32) -> Input {
    let phases = vec![PhaseFrom { from_day: i32::MIN, phase: Phase::Shared, capacity }];
    Input {
        policy: Policy { session_window_ms: 0, ..Policy::default() },
        people: (0..people).map(|person| AgentInput { key: format!("E{person}") }).collect(),
        accounts: vec![AccountInput { key: "desk".to_owned(), phases, team: Vec::new() }],
        ..Input::default()
    }
}

fn worth_of(input: &Input) -> Worth {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    worth(input, &attribute(input, &pool), &pool)[0].unwrap_or_default()
}

/// Desks on which nobody is absent.
const UNEVEN: [(&[usize], usize); 4] = [(&[6, 3, 2, 1], 0), (&[6, 3, 2, 1], 30), (&[1, 1, 1, 1], 30), (&[3, 2], 30)];
/// Desks with absences of so many minutes on so many of ten days.
const ABSENT: [(&[usize], (i64, usize)); 4] =
    [(&[1, 1, 1, 1], (180, 5)), (&[3, 2], (150, 5)), (&[3, 2, 2], (180, 5)), (&[1, 1], (180, 3))];
/// Dialogues a day, how many of a hundred name their agent, and whether they are calls.
const TRAFFIC: [(usize, usize, bool); 10] = [
    (48, 0, false),
    (48, 4, false),
    (96, 12, false),
    (48, 30, false),
    (96, 30, false),
    (48, 60, false),
    (96, 60, false),
    (96, 30, true),
    (192, 30, false),
    (192, 60, true),
];
/// From so many named records a day for each person on, absences are to be found.
const MANY: usize = 14;

/// Prints a row of the table of `docs/attribution.md`: the days of people that hold an absence, and those that are said to.
fn days(desk: &Desk) -> (usize, usize) {
    let (input, absences) = month(desk, 7);
    let found = worth_of(&input);
    let Desk { rates, a_day, named, away, runs, calls } = desk;
    let (now, breaks) = (f64::from(found.now_ppm) / 1e6, f64::from(found.breaks_ppm) / 1e6);
    let said = found.idle_days;
    println!(
        "| {rates:?} | {runs} | {} min | {a_day} | {named} % | {calls} | {absences} | {said} | {now:.4} {breaks:.4} |",
        away.0
    );
    (absences, said as usize)
}

#[test]
fn who_does_little_is_not_absent_and_absences_are_found_where_enough_records_name_their_agent() {
    println!("| rates | runs | absent | a day | named | calls | days with an absence | said | now, breaks |");
    for ((rates, runs), (a_day, named, calls)) in UNEVEN.iter().flat_map(|one| TRAFFIC.map(|traffic| (*one, traffic))) {
        let (_, said) = days(&Desk { rates, a_day, named, away: (0, 0), runs, calls });
        assert!(said < 3, "{rates:?}, {a_day} a day, {named} %: {said} days");
    }
    let (mut there, mut found) = (0, 0);
    for ((rates, away), (a_day, named, calls)) in ABSENT.iter().flat_map(|one| TRAFFIC.map(|traffic| (*one, traffic))) {
        let (absences, said) = days(&Desk { rates, a_day, named, away, runs: 0, calls });
        assert!(said <= absences + 2, "{rates:?}, {a_day} a day, {named} %: {said} of {absences}");
        if a_day * named >= 100 * MANY * rates.len() {
            (there, found) = (there + absences, found + said);
        }
    }
    println!("{found} of {there}");
    assert!(found * 5 >= there * 3, "{found} of {there}");
}
