//! The attribution protocol on a month of real calls: hide the agents, credit the calls, compare with the truth.
//!
//! Prints the table of `docs/attribution.md`. Needs the reference data in the folder named by `TALLY_REFERENCE_DATA`, and
//! an optimised build for the larger groups.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use tally_engine::attribution::{
    AccountInput, AgentInput, Attribution, DutyRule, Input, Occupancy, Policy, Record, WHOLE, attribute,
};

/// Tagged parts of the calls, in percent.
const TAGS: [u64; 3] = [0, 10, 30];
/// The `em` column of the baseline, by number of agents and tagged part.
const BASELINE: [(usize, [f64; 3]); 4] = [
    (2, [0.0133, 0.0088, 0.0071]),
    (3, [0.0156, 0.0133, 0.0098]),
    (5, [0.0356, 0.0281, 0.0176]),
    (8, [0.0466, 0.0364, 0.0261]),
];

#[derive(Clone)]
struct Call {
    agent: String,
    kind: u32,
    /// Seconds since the first of the month.
    start: i64,
    end: i64,
    day: i32,
}

/// The folder of the reference data, if one is named.
fn reference() -> Option<std::ffi::OsString> {
    // clippy.toml: only libs/runtime reads the environment of the product; this is a test.
    let root = std::env::vars_os().find(|(name, _)| name == "TALLY_REFERENCE_DATA").map(|(_, value)| value);
    if root.is_none() {
        eprintln!("did not run: TALLY_REFERENCE_DATA is not set");
    }
    root
}

fn seconds(clock: &str) -> i64 {
    clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a clock time"))
}

fn calls(root: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(root.join("call-centre/1999-01.tsv")).expect("the call log");
    let mut kinds: HashMap<String, u32> = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let agent = cells[16].to_uppercase();
        let (start, end) = (seconds(cells[13]), seconds(cells[14]));
        if cells[12] != "AGENT"
            || cells[15].parse::<i64>().expect("seconds") <= 0
            || agent == "NO_SERVER"
            || end <= start
        {
            continue;
        }
        let midnight = (cells[5].parse::<i64>().expect("a date") % 100) * 86_400;
        let next = kinds.len() as u32;
        let kind = *kinds.entry(cells[4].to_owned()).or_insert(next);
        let day = (midnight + start - 4 * 3600).div_euclid(86_400) as i32;
        calls.push(Call { agent, kind, start: midnight + start, end: midnight + end, day });
    }
    let mut of_day: HashMap<(String, i32), usize> = HashMap::new();
    for call in &calls {
        *of_day.entry((call.agent.clone(), call.day)).or_default() += 1;
    }
    calls.retain(|call| of_day[&(call.agent.clone(), call.day)] >= 3);
    calls
}

/// Agents by (k, rep), for the reps the protocol counts.
fn groups(root: &Path) -> Vec<(usize, u64, Vec<String>)> {
    let text = std::fs::read_to_string(root.join("attribution/groups.csv")).expect("the groups");
    let group = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let agents = cells[3].split('|').map(str::to_owned).collect();
        (cells[1].parse().expect("k"), cells[2].parse().expect("rep"), agents)
    };
    text.lines().skip(1).map(group).filter(|(_, rep, _)| *rep < 10).collect()
}

/// Whether a call keeps its agent as a tag: a fixed draw.
fn keeps_tag(seed: u64, call: u64, percent: u64) -> bool {
    let mut state = seed.wrapping_add((call + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (state ^ (state >> 31)) % 100 < percent
}

/// One shared account of the group, by the protocol.
fn shared_account(calls: &[Call], agents: &[String], seed: u64, percent: u64) -> Input {
    let place = |agent: &str| agents.iter().position(|one| one == agent);
    let mut punches: BTreeMap<(usize, i32), (i64, i64)> = BTreeMap::new();
    let mut records = Vec::new();
    for call in calls {
        let Some(agent) = place(&call.agent) else { continue };
        let punch = punches.entry((agent, call.day)).or_insert((call.start, call.end));
        *punch = (punch.0.min(call.start), punch.1.max(call.end));
        let number = records.len() as u64;
        records.push(Record {
            key: format!("{number:06}"),
            account: 0,
            day: call.day,
            start_ms: call.start * 1000,
            end_ms: call.end * 1000,
            kind: call.kind,
            customer: None,
            tag: keeps_tag(seed, number, percent).then_some(agent as u32),
        });
    }
    let occupancy = punches.iter().zip(0..).map(|((&(person, _), &(from, to)), evidence)| Occupancy {
        account: 0,
        person: person as u32,
        from_ms: (from - 300) * 1000,
        to_ms: (to + 300) * 1000,
        rule: DutyRule::Punched,
        evidence,
    });
    Input {
        policy: Policy::default(),
        people: agents.iter().map(|agent| AgentInput { key: agent.clone() }).collect(),
        accounts: vec![AccountInput { key: "shared".to_owned(), phases: Vec::new(), team: Vec::new() }],
        occupancy: occupancy.collect(),
        records,
        ..Input::default()
    }
}

/// Misallocated share, intervals that hold, and intervals.
fn judge(calls: &[Call], agents: &[String], outcome: &Attribution) -> (f64, usize, usize) {
    let whole = u64::from(WHOLE);
    let (mut missing, mut all, mut holding) = (0, 0, 0);
    for (person, agent) in agents.iter().enumerate() {
        let truth = calls.iter().filter(|call| call.agent == *agent).count() as u64 * whole;
        let total = outcome.by_person.iter().find(|total| total.person == person as u32).copied().unwrap_or_default();
        missing += truth.saturating_sub(total.total);
        all += truth;
        holding += usize::from(total.low <= truth && truth <= total.high);
    }
    (missing as f64 / all as f64, holding, agents.len())
}

#[test]
fn january_is_credited_better_than_by_the_baseline_and_its_intervals_hold() {
    let Some(root) = reference() else { return };
    let (calls, groups) = (calls(Path::new(&root)), groups(Path::new(&root)));
    assert_eq!(groups.len(), 40, "ten groups of every size");
    let mut order = calls;
    order.sort_by_key(|call| (call.start, call.end));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let (mut holding, mut intervals) = ([0; 3], [0; 3]);
    println!("| agents | {} |", TAGS.map(|tag| format!("{tag} % tagged")).join(" | "));
    for (size, baseline) in &BASELINE {
        let mut row = format!("| {size} |");
        for (column, percent) in TAGS.into_iter().enumerate() {
            let mut sum = 0.0;
            for (_, rep, agents) in groups.iter().filter(|(k, ..)| k == size) {
                let seed = rep * 1000 + *size as u64 * 10 + column as u64;
                let outcome = attribute(&shared_account(&order, agents, seed, percent), &pool);
                let (share, held, of) = judge(&order, agents, &outcome);
                sum += share;
                holding[column] += held;
                intervals[column] += of;
            }
            let mean = sum / 10.0;
            row += &format!(" {mean:.4} (baseline {:.4}) |", baseline[column]);
            assert!(mean <= baseline[column], "{size} agents, {percent} % tagged: {mean:.4}");
        }
        println!("{row}");
    }
    println!("intervals that hold, by tagged part: {holding:?} of {intervals:?}");
    for (held, of) in holding.into_iter().zip(intervals) {
        assert!((0.85..=0.95).contains(&(f64::from(held as u32) / f64::from(of as u32))), "{held} of {of}");
    }
}

#[test]
fn the_equal_split_is_the_shapley_value_of_the_reference_game() {
    let Some(root) = reference() else { return };
    let text = std::fs::read_to_string(Path::new(&root).join("oracles/coop_games.json")).expect("the games");
    let (_, game) = text.split_once("duty-cover records {0},{01},{01},{12},{012},{2}").expect("the duty-cover game");
    let (_, values) = game.split_once("\"shapley\"").expect("its Shapley value");
    let values = values.split(']').next().expect("a list").split('"').filter_map(|cell| cell.split_once('/'));
    let millionths = |(over, under): (&str, &str)| -> f64 {
        f64::from(WHOLE) * over.parse::<f64>().expect("a number") / under.parse::<f64>().expect("a number")
    };
    let exact: Vec<f64> = values.map(millionths).collect();
    let covers: [&[u32]; 6] = [&[0], &[0, 1], &[0, 1], &[1, 2], &[0, 1, 2], &[2]];
    let mut input = shared_account(&[], &["a".to_owned(), "b".to_owned(), "c".to_owned()], 0, 0);
    for (number, cover) in covers.iter().enumerate() {
        let (start_ms, end_ms) = (number as i64 * 1000, number as i64 * 1000 + 1000);
        input.occupancy.extend(cover.iter().map(|&person| Occupancy {
            account: 0,
            person,
            from_ms: start_ms,
            to_ms: end_ms,
            rule: DutyRule::Punched,
            evidence: 0,
        }));
        let (key, account, day, kind) = (number.to_string(), 0, 0, 0);
        input.records.push(Record { key, account, day, start_ms, end_ms, kind, customer: None, tag: None });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let totals: Vec<f64> = attribute(&input, &pool).by_person.iter().map(|total| total.total as f64).collect();
    assert_eq!(totals.len(), exact.len());
    // The record that three share has one odd millionth.
    assert!(totals.iter().zip(&exact).all(|(total, exact)| (total - exact).abs() < 1.0), "{totals:?} {exact:?}");
}
