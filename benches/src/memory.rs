//! Closing a month in memory: duty, the whole ladder, scores, and the split of a pool. No rpc, no database, no file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use rayon::prelude::*;
use tally_bundle::{Options, read_bundle};
use tally_compensation::pool::domain::{Part, PoolRule, Rule, Tier};
use tally_compensation::settlement::domain::{CarryBook, Claimant, settle};
use tally_engine::closing::collect::{self, Collector};
use tally_engine::closing::compute::{Computed, compute};
use tally_engine::closing::credit::{Figures, RUNGS};
use tally_engine::closing::facts::Facts;
use tally_engine::closing::snapshot::{AgentCount, Days, Frozen, snapshot};
use tally_engine::policy::Policy;
use tally_engine::scoring::{Measure, PersonInputs, Scheme, score};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::{Currency, Micro, Money, Ppm};

use crate::child::{Closed, own_peak};
use crate::machine::{Step, Watch};
use crate::month::{self, Month, Records};

/// What kind of work a month is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// As the bundle says: mostly dialogues, several at a time, which are not inferred.
    AsWritten,
    /// Every account as one of calls, each ended before its agent took the next: everything that several could have done is
    /// inferred.
    Calls,
}

/// What came of a month.
pub struct MemoryOutcome {
    computed: Vec<Computed>,
    people: usize,
}

impl MemoryOutcome {
    /// Millionths of records that everybody is credited with, by employee number.
    pub fn totals(&self) -> BTreeMap<String, u64> {
        let mut totals = BTreeMap::new();
        for part in &self.computed {
            for total in &part.outcome.by_person {
                let person = &part.frozen.people[total.person as usize];
                *totals.entry(person.no.clone()).or_default() += total.total;
            }
        }
        totals
    }
}

/// Reads the bundle in `dir` and closes its month `repeats` times, with the whole ladder.
pub fn from_bundle(dir: &Path, repeats: usize, threads: usize, work: Work) -> Result<String> {
    let mut watch = Watch::default();
    let mut month = watch.time("read", || -> Result<Month> {
        let reading = read_bundle(&dir.join("bundle"), Options::default(), &mut |_, _| ())?;
        month::of_bundle(&reading.bundle)
    })?;
    if work == Work::Calls {
        month.facts.accounts.iter_mut().flat_map(|account| &mut account.phases).for_each(|phase| phase.capacity = 1);
        month.records.end_at(&serde_json::from_slice::<Vec<i64>>(&std::fs::read(dir.join("calls.json"))?)?);
    }
    let (closed, _) = repeat(&month, &Policy::default(), repeats, threads, watch.steps.remove(0))?;
    Ok(serde_json::to_string(&closed)?)
}

/// Closes a month `repeats` times; `read` is what reading it took.
pub fn repeat(
    month: &Month,
    policy: &Policy,
    repeats: usize,
    threads: usize,
    read: Step,
) -> Result<(Closed, MemoryOutcome)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (of, mut runs, mut last) = (by_account(month), Vec::new(), None);
    for _ in 0..repeats.max(1) {
        drop(last.take());
        let mut watch = Watch::default();
        last = Some(close(month, &of, policy, &pool, &mut watch)?);
        runs.push(watch.steps);
    }
    let outcome = last.context("no repeat")?;
    let (mut figures, mut digest) = (Figures::default(), blake3::Hasher::new());
    for account in outcome.computed.iter().flat_map(|part| &part.accounts) {
        figures.merge(&account.figures);
        digest.update(&account.digest);
    }
    let closed = Closed {
        records: month.records.len(),
        shares: outcome.computed.iter().map(|part| part.outcome.shares.len()).sum(),
        rungs: RUNGS.into_iter().map(|rung| rung.to_string()).zip(figures.rungs).collect(),
        people: outcome.people,
        digest: digest.finalize().to_hex().to_string(),
        read,
        runs,
        peak_mib: own_peak(),
    };
    Ok((closed, outcome))
}

fn close(
    month: &Month,
    of: &Ranges,
    policy: &Policy,
    pool: &rayon::ThreadPool,
    watch: &mut Watch,
) -> Result<MemoryOutcome> {
    let mut facts = month.facts.clone();
    if let Some(evidence) = &month.evidence {
        watch.time("duty", || month::derive_duty(evidence, &mut facts))?;
    }
    let plan = watch.time("freeze", || snapshot(&facts, month.period, (policy, Days::of(policy)), &counts(month)))?;
    let parts = watch.time("collect", || -> Result<Vec<_>> {
        pool.install(|| {
            plan.components.into_par_iter().map(|frozen| collect_records(frozen, &month.records, of)).collect()
        })
    })?;
    let computed: Vec<Computed> = watch.time("credit", || {
        pool.install(|| parts.into_par_iter().map(|(frozen, records)| compute(frozen, records, 0, pool)).collect())
    });
    let scores = watch.time("score", || scores(&computed, &facts))?;
    let people = watch.time("split", || split(&scores))?;
    Ok(MemoryOutcome { computed, people })
}

fn counts(month: &Month) -> Vec<AgentCount> {
    let count = |(account, agent, records): (u32, &str, u64)| AgentCount {
        account: month.accounts[account as usize],
        agent: agent.to_owned(),
        records,
    };
    month.records.agents().into_iter().map(count).collect()
}

/// Where the records of each account are; the store has an index for it.
type Ranges = HashMap<AccountId, std::ops::Range<usize>>;

fn by_account(month: &Month) -> Ranges {
    let mut ranges = Ranges::new();
    for i in 0..month.records.len() {
        let account = month.accounts[month.records.numbers(i).account as usize];
        ranges.entry(account).or_insert(i..i).end = i + 1;
    }
    ranges
}

fn collect_records(frozen: Frozen, records: &Records, of: &Ranges) -> Result<(Frozen, collect::Records)> {
    let mut collected = collect::Records::new(0);
    for (place, account) in frozen.accounts.iter().enumerate() {
        let mut collector = Collector::new(&frozen, place, &mut collected)?;
        for i in of.get(&account.id).cloned().unwrap_or_default() {
            let row = records.row(i);
            if (account.from_ms..account.to_ms).contains(&row.started_ms) {
                collector.push(&row);
            }
        }
        collector.finish();
    }
    Ok((frozen, collected))
}

/// Everybody's score by the standard scheme, with what the split knows them by.
fn scores(computed: &[Computed], facts: &Facts) -> Result<Vec<(Claimant, Micro)>> {
    let mut inputs: BTreeMap<PersonId, PersonInputs> = BTreeMap::new();
    let names = [Measure::FirstReplyWithin30s, Measure::Resolved, Measure::RatingAtLeast4, Measure::Amount];
    for part in computed {
        let units: HashMap<PersonId, _> = part.frozen.people.iter().map(|p| (p.id, p.unit)).collect();
        for (person, sums) in &part.sums {
            let [reply, resolved, rating] = sums.flags;
            let samples = names.iter().map(Measure::name).zip([reply, resolved, rating, sums.amount]);
            let samples = samples.filter(|(_, sample)| sample.ppm > 0).map(|(name, sample)| (name.to_owned(), sample));
            let input = PersonInputs {
                person: *person,
                unit: units[person],
                credited_ppm: sums.credited_ppm,
                outside_ppm: part.frozen.rosters_known.then_some(sums.outside_ppm),
                samples: samples.collect(),
                past: BTreeMap::new(),
            };
            inputs.insert(*person, input);
        }
    }
    let inputs: Vec<PersonInputs> = inputs.into_values().collect();
    let numbers: HashMap<PersonId, &str> = facts.people.iter().map(|p| (p.id, p.employee_no.as_str())).collect();
    let claimant = |person: PersonId| Claimant { employee_no: numbers[&person].to_owned(), person };
    let cards = score(&Scheme::standard(), &inputs).map_err(|error| anyhow!("{error:?}"))?;
    Ok(cards.into_iter().map(|card| (claimant(card.person), card.score)).collect())
}

/// Splits a pool by a mix of all rules; gives how many people have a line.
fn split(scores: &[(Claimant, Micro)]) -> Result<usize> {
    let tier = |name: &str, min_score, weight| Tier {
        name: name.to_owned(),
        min_score: Some(Micro::from_int(min_score)),
        quota: None,
        weight: Micro::from_int(weight),
    };
    let tiers = vec![tier("excellent", 95, 3), tier("good", 80, 2), tier("all", 0, 1)];
    let parts = vec![
        Part { share: Ppm::new(400_000)?, rule: Rule::Tiers(tiers) },
        Part { share: Ppm::new(500_000)?, rule: Rule::Proportional { floor: Micro::ZERO } },
        Part { share: Ppm::new(100_000)?, rule: Rule::TeamFund { name: "team".to_owned() } },
    ];
    let currency: Currency = "CNY".parse()?;
    let rule = PoolRule { parts, carry: true };
    let settlement = settle(Money::new(25_000_000, currency), &rule, scores, &CarryBook::empty(currency))
        .map_err(|error| anyhow!("{error:?}"))?;
    Ok(settlement.lines.len())
}
