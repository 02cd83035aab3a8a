//! The comparison with pandas: the same columns read by both, every record split equally among those on duty.
//!
//! The columns are those of a month's records with the names that some of them carry, and the stretches of duty. There is
//! no inference, session, phase or hand-over in this job: pandas would have to be taught them first.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tally_bundle::{Options, read_bundle};
use tally_engine::policy::Policy;
use tally_kernel::time::Period;
use tally_suite::sample::{Lang, Sample, sample};

use crate::machine::Watch;
use crate::memory;
use crate::month::{self, Month, Numbers};

/// Seed of every month made here.
const SEED: u64 = 7;

/// A row of `equal_records.csv`.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    account: &'a str,
    external_id: &'a str,
    started_ms: i64,
    ended_ms: i64,
    agent: &'a str,
    first_reply_ms: Option<i64>,
    resolved: Option<u8>,
    rating_milli: Option<i32>,
    amount_minor: Option<i64>,
}

/// A row of `equal_duty.csv`.
#[derive(Serialize, Deserialize)]
struct DutyRow<'a> {
    account: &'a str,
    employee_no: &'a str,
    from_ms: i64,
    to_ms: i64,
}

/// Makes a month as a bundle in `dir`, and beside it the columns of the equal split and the ends of calls.
pub fn make(records: usize, dir: &Path) -> Result<String> {
    let sample = sample(SEED, records, Lang::En);
    sample.write_bundle(&dir.join("bundle"))?;
    let reading = read_bundle(&dir.join("bundle"), Options::default(), &mut |_, _| ())?;
    let mut month = month::of_bundle(&reading.bundle)?;
    if let Some(evidence) = &month.evidence {
        month::derive_duty(evidence, &mut month.facts)?;
    }
    fs::write(dir.join("calls.json"), serde_json::to_string(&one_at_a_time(&month.records, &sample))?)?;
    let accounts: Vec<&str> = month.facts.accounts.iter().map(|account| account.key.as_str()).collect();
    let mut out = csv::Writer::from_path(dir.join("equal_records.csv"))?;
    for i in 0..month.records.len() {
        let row = month.records.row(i);
        out.serialize(Row {
            account: accounts[month.records.numbers(i).account as usize],
            external_id: row.external_id,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            agent: row.agent,
            first_reply_ms: row.first_reply_ms,
            resolved: row.resolved.map(u8::from),
            rating_milli: row.rating_milli,
            amount_minor: row.amount_minor,
        })?;
    }
    out.flush()?;
    let mut out = csv::Writer::from_path(dir.join("equal_duty.csv"))?;
    let people: HashMap<_, _> = month.facts.people.iter().map(|p| (p.id, p.employee_no.as_str())).collect();
    for account in &month.facts.accounts {
        for duty in month.facts.duty.get(&account.id).into_iter().flatten() {
            let (employee_no, from_ms, to_ms) = (people[&duty.person], duty.start_ms, duty.end_ms);
            out.serialize(DutyRow { account: &account.key, employee_no, from_ms, to_ms })?;
        }
    }
    out.flush()?;
    let (from, to) = (month.period.from().to_string(), month.period.to().to_string());
    fs::write(dir.join("equal_period.json"), serde_json::to_string(&[from, to])?)?;
    Ok(serde_json::to_string(&month.records.len())?)
}

/// When each record would have ended if everybody had put down one before taking up the next: a month of calls.
fn one_at_a_time(records: &month::Records, sample: &Sample) -> Vec<i64> {
    let mut ends: Vec<i64> = (0..records.len()).map(|i| records.numbers(i).ended_ms).collect();
    let mut by_start: Vec<usize> = (0..records.len()).collect();
    by_start.sort_by_key(|&i| records.numbers(i).started_ms);
    let mut last: HashMap<&str, usize> = HashMap::new();
    for i in by_start {
        if let Some(who) = sample.served_by(records.row(i).external_id)
            && let Some(before) = last.insert(who, i)
        {
            ends[before] = ends[before].min(records.numbers(i).started_ms);
        }
    }
    ends
}

/// Reads the columns, splits every record equally `repeats` times, and writes everybody's total beside them.
pub fn from_columns(dir: &Path, repeats: usize, threads: usize) -> Result<String> {
    let mut watch = Watch::default();
    let month = watch.time("read", || read(dir))?;
    let policy = Policy { inference_off: true, session_window_seconds: 0, ..Policy::default() };
    let (closed, outcome) = memory::repeat(&month, &policy, repeats, threads, watch.steps.remove(0))?;
    let totals: BTreeMap<String, f64> =
        outcome.totals().into_iter().map(|(employee_no, ppm)| (employee_no, ppm as f64 / 1e6)).collect();
    fs::write(dir.join("equal_tally.json"), serde_json::to_string(&totals)?)?;
    Ok(serde_json::to_string(&closed)?)
}

/// Names in the order in which they are first seen.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.all.push(name.to_owned());
        self.places.insert(name.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }
}

fn read(dir: &Path) -> Result<Month> {
    let (mut people, mut accounts, mut duty) = (Names::default(), Names::default(), Vec::new());
    let mut rows = csv::Reader::from_path(dir.join("equal_duty.csv"))?;
    let (head, mut row) = (rows.headers()?.clone(), csv::StringRecord::new());
    while rows.read_record(&mut row)? {
        let d: DutyRow<'_> = row.deserialize(Some(&head))?;
        duty.push((accounts.place(d.account), people.place(d.employee_no), d.from_ms, d.to_ms));
    }
    let mut records = month::Records::default();
    let mut rows = csv::Reader::from_path(dir.join("equal_records.csv"))?;
    let head = rows.headers()?.clone();
    while rows.read_record(&mut row)? {
        let r: Row<'_> = row.deserialize(Some(&head))?;
        if !r.agent.is_empty() {
            people.place(r.agent);
        }
        let numbers = Numbers {
            account: u32::try_from(accounts.place(r.account))?,
            started_ms: r.started_ms,
            ended_ms: r.ended_ms,
            first_reply_ms: r.first_reply_ms,
            resolved: r.resolved.map(|yes| yes == 1),
            rating_milli: r.rating_milli,
            amount_minor: r.amount_minor,
        };
        records.push(numbers, [r.external_id, r.agent, "service", ""]);
    }
    let [from, to]: [jiff::civil::Date; 2] = serde_json::from_str(&fs::read_to_string(dir.join("equal_period.json"))?)?;
    let period = Period::new(from, to).context("a period")?;
    let month = month::of_names(period, &people.all, &accounts.all, &duty)?;
    Ok(Month { records, ..month })
}
