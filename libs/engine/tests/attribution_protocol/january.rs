//! A month of real calls, its groups of agents, and a group as one shared account.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use tally_engine::attribution::{AccountInput, AgentInput, DutyRule, Input, Occupancy, Policy, Record};

/// An answered call.
#[derive(Clone)]
pub struct Call {
    pub agent: String,
    pub kind: u32,
    /// Seconds since the first of the month.
    pub start: i64,
    pub end: i64,
    pub day: i32,
}

/// The folder of the reference data, if one is named.
pub fn reference() -> Option<std::ffi::OsString> {
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

/// The calls that count, in order.
pub fn calls(root: &Path) -> Vec<Call> {
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
    calls.sort_by_key(|call| (call.start, call.end));
    calls
}

/// Agents who are hidden behind one account.
#[derive(Clone)]
pub struct Group {
    /// Number of the group among those of its size; our own begin at [`OWN`].
    pub rep: u64,
    pub agents: Vec<String>,
}

/// Number of the first group of our own.
pub const OWN: u64 = 1_000;

/// The groups of the reference.
pub fn groups(root: &Path) -> Vec<Group> {
    let text = std::fs::read_to_string(root.join("attribution/groups.csv")).expect("the groups");
    let group = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Group { rep: cells[2].parse().expect("rep"), agents: cells[3].split('|').map(str::to_owned).collect() }
    };
    text.lines().skip(1).map(group).collect()
}

/// Groups of our own, drawn as those of the reference are: of agents with eight days and more. A fixed draw.
pub fn own_groups(calls: &[Call], size: usize, count: usize) -> Vec<Group> {
    let mut days: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for call in calls {
        days.entry(&call.agent).or_default().insert(call.day);
    }
    let agents: Vec<&str> = days.into_iter().filter(|(_, days)| days.len() >= 8).map(|(agent, _)| agent).collect();
    let mut state = size as u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        agents[((state >> 33) % agents.len() as u64) as usize].to_owned()
    };
    let mut group = |rep: u64| {
        let mut agents = BTreeSet::new();
        while agents.len() < size {
            agents.insert(draw());
        }
        Group { rep, agents: agents.into_iter().collect() }
    };
    (OWN..).take(count).map(&mut group).collect()
}

/// Whether a call keeps its agent as a tag: a fixed draw.
fn keeps_tag(seed: u64, call: u64, percent: u64) -> bool {
    let mut state = seed.wrapping_add((call + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (state ^ (state >> 31)) % 100 < percent
}

/// One shared account of the group, by the protocol.
pub fn shared_account(calls: &[Call], agents: &[String], seed: u64, percent: u64) -> Input {
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
