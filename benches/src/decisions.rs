//! Decisions about access in a group of 100,000 people in 10,000 units.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use jiff::civil::date;
use serde::{Deserialize, Serialize};
use tally_access::{
    Assignment, Decision, Permission, PersonFacts, Region, Scope, Target, UnitFact, View, compile, decide,
};
use tally_kernel::id::{OrgUnitId, PersonId};
use uuid::Uuid;

/// People of the group.
const PEOPLE: usize = 100_000;
/// Its units; every unit but the root lies below another, ten to each.
const UNITS: usize = 10_000;
/// Decisions timed together: one alone is shorter than a look at the clock.
const BATCH: usize = 1_000;
/// What is asked for.
const ASKED: [Permission; 4] =
    [Permission::CardRead, Permission::PunchRead, Permission::StatementReadPay, Permission::OrgWrite];

/// What was found for one kind of caller.
#[derive(Debug, Serialize, Deserialize)]
pub struct Caller {
    /// Its roles.
    pub name: String,
    /// Microseconds to compile its view.
    pub compile_us: f64,
    /// Mean nanoseconds of a decision.
    pub mean_ns: f64,
    /// Nanoseconds of a decision in the slowest of a hundred batches.
    pub p99_ns: f64,
    /// Decisions of a thousand that allowed.
    pub allowed_permille: u64,
}

/// Decides `batches` times a thousand for each kind of caller.
pub fn measure(batches: usize) -> Result<String> {
    let units: Vec<UnitFact> =
        (0..UNITS).map(|n| UnitFact { id: unit(n), parent: n.checked_sub(1).map(|n| unit(n / 10)) }).collect();
    let regions: Vec<Region> = ["cn-north", "cn-east", "sg"].map(str::parse).into_iter().collect::<Result<_, _>>()?;
    let mut dice = 7_u64;
    let targets: Vec<Target> = (0..PEOPLE)
        .map(|_| {
            let person = roll(&mut dice) as usize % PEOPLE;
            Target::person(
                regions[person % 3].clone(),
                Some(unit(person % UNITS)),
                PersonId(Uuid::from_u128(person as u128)),
            )
        })
        .collect();
    let callers = [
        ("agent, on itself", vec![given("agent", Scope::Own)]),
        ("supervisor of 200 people", vec![given("agent", Scope::Own), given("supervisor", Scope::Reports)]),
        (
            "supervisor of a subtree of 1,111 units",
            vec![given("agent", Scope::Own), given("supervisor", Scope::Subtree(unit(2)))],
        ),
        (
            "branch HR of a region, compensation of a subtree",
            vec![
                given("agent", Scope::Own),
                given("branch_hr", Scope::Region(regions[0].clone())),
                given("compensation_specialist", Scope::Subtree(unit(3))),
            ],
        ),
        ("auditor of the group", vec![given("auditor", Scope::Tenant)]),
    ];
    let all: Vec<Caller> =
        callers.into_iter().map(|(name, grants)| caller(name, &grants, &units, &targets, batches)).collect();
    Ok(serde_json::to_string(&all)?)
}

fn caller(name: &str, grants: &[Assignment], units: &[UnitFact], targets: &[Target], batches: usize) -> Caller {
    let reports = (1..=200).map(|n| PersonId(Uuid::from_u128(n))).collect();
    let facts = PersonFacts { person: Some(PersonId(Uuid::from_u128(0))), reports, employed: true };
    let begin = Instant::now();
    let view = compile(1, grants, units, &facts, date(2026, 3, 1));
    let compile_us = begin.elapsed().as_secs_f64() * 1e6;
    let mut times: Vec<f64> = Vec::with_capacity(batches);
    let mut allowed = 0;
    for number in 0..batches {
        let batch = targets.iter().cycle().skip(number * BATCH % targets.len()).take(BATCH);
        let begin = Instant::now();
        allowed += batch.enumerate().filter(|(n, target)| allows(&view, ASKED[n % ASKED.len()], target)).count();
        times.push(begin.elapsed().as_secs_f64() * 1e9 / BATCH as f64);
    }
    times.sort_by(f64::total_cmp);
    Caller {
        name: name.to_owned(),
        compile_us,
        mean_ns: times.iter().sum::<f64>() / times.len() as f64,
        p99_ns: times[(times.len() * 99 / 100).min(times.len() - 1)],
        allowed_permille: (allowed * 1000 / (batches * BATCH)) as u64,
    }
}

fn allows(view: &View, permission: Permission, target: &Target) -> bool {
    decide(black_box(view), black_box(permission), black_box(target)) == Decision::Allow
}

fn unit(n: usize) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(0x3_0000_0000 + n as u128))
}

fn given(role: &str, scope: Scope) -> Assignment {
    Assignment { role: role.to_owned(), scope, valid_from: date(2020, 1, 1), valid_to: None }
}

/// A number of a fixed sequence without a pattern that a cache could follow.
fn roll(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}
