//! Decisions about access in a group of 100,000 people in 10,000 units, beside Cedar and Casbin on the same assignments.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use cedar_policy::{Context, Request, RestrictedExpression};
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tally_access::roles::{READY, RoleBook};
use tally_access::{
    Assignment, Condition, Decision, Facts, Modules, Permission, PersonFacts, Region, Scope, Target, UnitFact, View,
    compile, decide,
};
use tally_kernel::id::{OrgUnitId, PersonId};
use uuid::Uuid;

use crate::casbin::Casbin;
use crate::cedar::{self, Attributes, Cedar};
use crate::dice::Dice;

/// People of the group.
const PEOPLE: usize = 100_000;
/// Its units; every unit but the root lies below another, ten to each.
const UNITS: usize = 10_000;
/// Decisions timed together: one alone is shorter than a look at the clock.
const BATCH: usize = 1_000;
/// After so many batches the peers are asked one: they take a thousand times as long.
const PEERS_EVERY: usize = 100;
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
    /// Mean nanoseconds of a decision of Cedar.
    pub cedar_ns: f64,
    /// Mean nanoseconds of a decision of Casbin.
    pub casbin_ns: f64,
    /// Decisions of a thousand that allowed.
    pub allowed_permille: u64,
    /// Decisions that all three made alike.
    pub compared: usize,
}

/// The group, and what is asked about it.
struct Group {
    units: Vec<UnitFact>,
    reports: Vec<PersonId>,
    targets: Vec<Target>,
}

/// Decides `batches` times a thousand for each kind of caller.
pub fn measure(batches: usize) -> Result<String> {
    let units = (0..UNITS).map(|n| UnitFact { id: unit(n), parent: n.checked_sub(1).map(|n| unit(n / 10)) }).collect();
    let regions: Vec<Region> = ["cn-north", "cn-east", "sg"].map(str::parse).into_iter().collect::<Result<_, _>>()?;
    let mut dice = Dice::new(7);
    let target = |n: usize| Target::person(regions[n % 3].clone(), Some(unit(n % UNITS)), person(n));
    let targets = (0..PEOPLE).map(|_| target(dice.below(PEOPLE))).collect();
    let group = Group { units, reports: (1..=200).map(person).collect(), targets };
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
    let callers = callers.map(|(name, grants)| (name.to_owned(), grants));
    let (cedar, casbin) = (group.cedar(&callers)?, group.casbin(&callers)?);
    let all = callers.iter().map(|(name, grants)| group.ask(name, grants, batches, &cedar, &casbin));
    Ok(serde_json::to_string(&all.collect::<Result<Vec<_>>>()?)?)
}

impl Group {
    fn ask(&self, name: &str, grants: &[Assignment], batches: usize, cedar: &Cedar, casbin: &Casbin) -> Result<Caller> {
        let me = PersonFacts { person: Some(person(0)), reports: self.reports.clone(), employed: true };
        let (zone, roles, modules) = (TimeZone::UTC, RoleBook::default(), Modules::All);
        let facts = Facts {
            revision: 1,
            date: date(2026, 3, 1),
            zone: &zone,
            units: &self.units,
            moved: &[],
            roles: &roles,
            modules: &modules,
        };
        let begin = Instant::now();
        let view = compile(grants, &[], &me, &facts);
        let compile_us = begin.elapsed().as_secs_f64() * 1e6;
        let mut times: Vec<f64> = Vec::with_capacity(batches);
        let (mut allowed, mut compared, mut cedar_ns, mut casbin_ns) = (0, 0, 0.0, 0.0);
        for number in 0..batches {
            let from = number * BATCH % self.targets.len();
            let batch = &self.targets[from..from + BATCH];
            let begin = Instant::now();
            let here = batch.iter().enumerate().filter(|(n, target)| allows(&view, ASKED[n % ASKED.len()], target));
            let count = here.count();
            times.push(nanoseconds(begin));
            allowed += count;
            if number.is_multiple_of(PEERS_EVERY) {
                let asked: Vec<Request> = questions(name, from, BATCH)?;
                let begin = Instant::now();
                let theirs = asked.iter().map(|request| cedar.allows(request)).collect::<Result<Vec<_>>>()?;
                cedar_ns += nanoseconds(begin);
                let asked = batch.iter().enumerate().map(|(n, t)| Casbin::question(name, ASKED[n % ASKED.len()], t));
                let asked: Vec<_> = asked.collect();
                let begin = Instant::now();
                let again = asked.into_iter().map(|question| casbin.allows(question)).collect::<Result<Vec<_>>>()?;
                casbin_ns += nanoseconds(begin);
                for (n, (cedar, casbin)) in theirs.into_iter().zip(again).enumerate() {
                    let (asked, target) = (ASKED[n % ASKED.len()], &batch[n]);
                    let ours = allows(&view, asked, target);
                    ensure!(
                        (ours, ours) == (cedar, casbin),
                        "{name}, {asked} on {target:?}: Tally {ours}, Cedar {cedar}, Casbin {casbin}"
                    );
                }
                compared += BATCH;
            }
        }
        times.sort_by(f64::total_cmp);
        let peers = (compared / BATCH) as f64;
        Ok(Caller {
            name: name.to_owned(),
            compile_us,
            mean_ns: times.iter().sum::<f64>() / times.len() as f64,
            p99_ns: times[(times.len() * 99 / 100).min(times.len() - 1)],
            cedar_ns: cedar_ns / peers,
            casbin_ns: casbin_ns / peers,
            allowed_permille: (allowed * 1000 / (batches * BATCH)) as u64,
            compared,
        })
    }

    /// One policy for each role; what a principal holds with it is an attribute of the principal.
    fn cedar(&self, callers: &[(String, Vec<Assignment>)]) -> Result<Cedar> {
        let policy = |role: &str| {
            let held = format!("principal.{role}");
            format!(
                "permit(principal, action in Action::\"role {role}\", resource) when {{ principal has {role} && \
                 ({held}.everything || resource in {held}.units || {held}.regions.contains(resource.region) || \
                 {held}.people.contains(resource.person)) }};\n"
            )
        };
        let mut entities = cedar::units(&self.units)?;
        entities.extend(cedar::actions(&[])?);
        for (n, target) in self.targets.iter().enumerate() {
            entities.push(cedar::row(n, target)?);
        }
        for (name, grants) in callers {
            let held = grants.iter().map(|grant| Ok((grant.role.clone(), self.held(grant)?)));
            let held: Attributes = held.collect::<Result<_>>()?;
            entities.push(cedar::entity(cedar::uid("Principal", name)?, held, [])?);
        }
        Cedar::new(&READY.iter().map(|role| policy(role.name)).collect::<String>(), entities)
    }

    fn held(&self, grant: &Assignment) -> Result<RestrictedExpression> {
        let (mut units, mut regions, mut people) = (Vec::new(), Vec::new(), Vec::new());
        match &grant.scope {
            Scope::Own => people.push(cedar::reference("Person", person(0))?),
            Scope::Reports => {
                let reports = self.reports.iter().map(|id| cedar::reference("Person", id));
                people = reports.collect::<Result<_>>()?;
            }
            Scope::Unit(unit) | Scope::Subtree(unit) | Scope::LegalEntity(unit) => {
                units.push(cedar::reference("Unit", unit)?);
            }
            Scope::Region(region) => regions.push(cedar::text(region)),
            Scope::Tenant => {}
        }
        let sets = [("units", units), ("regions", regions), ("people", people)];
        let sets = sets.map(|(name, values)| (name.to_owned(), RestrictedExpression::new_set(values)));
        let everything = RestrictedExpression::new_bool(grant.scope == Scope::Tenant);
        Ok(RestrictedExpression::new_record(sets.into_iter().chain([("everything".to_owned(), everything)]))?)
    }

    fn casbin(&self, callers: &[(String, Vec<Assignment>)]) -> Result<Casbin> {
        Casbin::new(&self.units, person(0), &self.reports, callers)
    }
}

fn questions(name: &str, from: usize, count: usize) -> Result<Vec<Request>> {
    (0..count).map(|n| cedar::question(name, ASKED[n % ASKED.len()], from + n, Context::empty())).collect()
}

fn nanoseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

fn allows(view: &View, permission: Permission, target: &Target) -> bool {
    decide(black_box(view), black_box(permission), black_box(target)) == Decision::Allow
}

fn unit(n: usize) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(0x3_0000_0000 + n as u128))
}

fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(n as u128))
}

fn given(role: &str, scope: Scope) -> Assignment {
    let condition = Condition::default();
    Assignment { role: role.to_owned(), scope, valid_from: date(2020, 1, 1), valid_to: None, condition }
}
