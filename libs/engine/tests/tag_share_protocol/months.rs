//! Made-up months of which the truth is known, and how much of it the intervals hold.

use super::*;

const DAYS: u64 = 22;
const MINUTE: i64 = 60_000;

/// What comes to whom: by fixed weights, or by such as are drawn anew for every day, or for every hour.
#[derive(Clone, Copy, Debug)]
enum Rates {
    Fixed(&'static [u64]),
    ByDay(usize),
    ByHour(usize),
}

impl Rates {
    fn people(self) -> usize {
        match self {
            Self::Fixed(weights) => weights.len(),
            Self::ByDay(people) | Self::ByHour(people) => people,
        }
    }

    fn weight(self, seed: u64, person: usize, day: u64, hour: u64) -> u64 {
        let drawn = |at: u64| 1 + draw(seed + 3, at * 16 + person as u64) % 4;
        match self {
            Self::Fixed(weights) => weights[person],
            Self::ByDay(_) => drawn(day),
            Self::ByHour(_) => drawn(day * 24 + hour),
        }
    }
}

/// A month: so many dialogues a day in the ten hours in which somebody is on duty, eight hours each, from up to two hours apart.
fn month(rates: Rates, a_day: u64, percent: u64, seed: u64) -> (Input, Vec<usize>) {
    let people = rates.people();
    let (mut input, mut truth) = (Input::default(), Vec::new());
    input.people = (0..people).map(|person| AgentInput { key: format!("h{person}") }).collect();
    let phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 8 }];
    input.accounts = vec![AccountInput { key: "shared".to_owned(), phases, team: Vec::new() }];
    for day in 0..DAYS {
        let begin = |person: usize| (draw(seed + 1, day * 16 + person as u64) % 120) as i64;
        for person in 0..people {
            let from = day as i64 * 1_440 + begin(person);
            input.occupancy.push(Occupancy {
                account: 0,
                person: person as u32,
                from_ms: from * MINUTE,
                to_ms: (from + 480) * MINUTE,
                rule: DutyRule::Punched,
                evidence: input.occupancy.len() as u32,
            });
        }
        for number in day * a_day..(day + 1) * a_day {
            let at = (draw(seed + 2, number) % 600) as i64;
            let there = (0..people).filter(|&person| begin(person) <= at && at < begin(person) + 480);
            let weights: Vec<(usize, u64)> =
                there.map(|person| (person, rates.weight(seed, person, day, at as u64 / 60))).collect();
            let all: u64 = weights.iter().map(|(_, weight)| weight).sum();
            if all == 0 {
                continue;
            }
            let mut left = (draw(seed + 4, number) >> 9) % all;
            let mut person = 0;
            for (one, weight) in weights {
                person = one;
                if left < weight {
                    break;
                }
                left -= weight;
            }
            let start_ms = (day as i64 * 1_440 + at) * MINUTE;
            let tag = ((draw(seed + 5, number) >> 5) % 100 < percent).then_some(person as u32);
            let key = format!("{:06}", truth.len());
            let end_ms = start_ms + 10 * MINUTE;
            input.records.push(Record {
                key,
                account: 0,
                day: day as i32,
                start_ms,
                end_ms,
                kind: 0,
                customer: None,
                tag,
            });
            truth.push(person);
        }
    }
    (input, truth)
}

const MONTHS: [Rates; 8] = [
    Rates::Fixed(&[1, 1]),
    Rates::Fixed(&[3, 2]),
    Rates::Fixed(&[1, 1, 1, 1]),
    Rates::Fixed(&[6, 3, 2, 1]),
    Rates::ByDay(2),
    Rates::ByDay(4),
    Rates::ByHour(2),
    Rates::ByHour(4),
];

#[test]
fn the_intervals_of_months_hold_also_where_rates_change_by_the_day() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    println!("| month | 40 a day, 10 %, 30 % named | 200 a day, 10 %, 30 % named: hold, width |");
    for rates in MONTHS {
        let mut row = format!("| {rates:?} |");
        for (a_day, percent) in [(40, 10), (40, 30), (200, 10), (200, 30)] {
            let (mut held, mut of, mut width) = (0, 0, 0.0);
            for seed in 0..20 {
                let (input, truth) = month(rates, a_day, percent, seed * 1_000 + 77);
                for total in attribute(&input, &pool).by_person {
                    let mine = truth.iter().filter(|one| **one == total.person as usize).count() as u64;
                    let mine = mine * u64::from(WHOLE);
                    held += u32::from(total.low <= mine && mine <= total.high);
                    of += 1;
                    width += (total.high - total.low) as f64 / f64::from(WHOLE);
                }
            }
            let part = f64::from(held) / f64::from(of);
            row += &format!(" {part:.2} {:.0} |", width / f64::from(of));
            assert!(part >= 0.8, "{rates:?}, {a_day} a day, {percent} % named: {part:.2}");
        }
        println!("{row}");
    }
}
