//! The same questions put to Tally and to Cedar: random groups, grants of every scope, days, conditions, delegations,
//! emergencies, modules, and rows. Every answer must be equal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use cedar_policy::{Context, Entity, RestrictedExpression};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tally_access::roles::{READY, RoleBook};
use tally_access::{
    Assignment, Circumstances, Condition, Decision, Facts, MODULES, Modules, Permission, PersonFacts, Region, Scope,
    Target, TemporaryRight, UnitFact, compile, decide,
};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};
use uuid::Uuid;

use crate::cedar::{self, Attributes, Cedar};
use crate::dice::Dice;

/// Principals of a group.
const PRINCIPALS: usize = 5;
/// Moments at which each of them asks.
const MOMENTS: usize = 4;
/// Questions of one principal at one moment.
const QUESTIONS: usize = 250;
/// Differences that are told; one is too many.
const TOLD: usize = 20;
/// The group's zone: eight hours east all year, which Cedar reckons by itself.
const ZONE: &str = "Asia/Shanghai";
/// The middle of the days that grants begin and end on.
const MIDDAY: &str = "2026-03-02T04:00:00Z";

/// What was asked and answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agreement {
    /// Of the dice.
    pub seed: u64,
    /// Random groups.
    pub groups: usize,
    /// Questions that both answered alike.
    pub decisions: usize,
    /// Of them allowed.
    pub allowed: usize,
    /// Of them allowed by something that was delegated.
    pub through_temporary_rights: usize,
    /// Mean nanoseconds of Tally, with compiling the views.
    pub tally_ns: f64,
    /// Mean nanoseconds of Cedar, with reading policies and entities.
    pub cedar_ns: f64,
}

/// Asks at least so many questions.
pub fn measure(decisions: usize, seed: u64) -> Result<String> {
    let mut done = Agreement {
        seed,
        groups: 0,
        decisions: 0,
        allowed: 0,
        through_temporary_rights: 0,
        tally_ns: 0.0,
        cedar_ns: 0.0,
    };
    let mut differences = Vec::new();
    while done.decisions < decisions {
        let group = Group::random(&mut Dice::new(seed.wrapping_add(done.groups as u64)))?;
        group.compare(&mut done, &mut differences)?;
        done.groups += 1;
        if differences.len() >= TOLD {
            break;
        }
    }
    if !differences.is_empty() {
        bail!("seed {seed}: Tally and Cedar do not agree\n{}", differences.join("\n"));
    }
    let permille = done.allowed * 1000 / done.decisions.max(1);
    ensure!((50..=950).contains(&permille), "{permille} of 1,000 are allowed: these questions tell little");
    ensure!(done.through_temporary_rights > done.decisions / 1000, "hardly anything is allowed by what is delegated");
    (done.tally_ns, done.cedar_ns) = (done.tally_ns / done.decisions as f64, done.cedar_ns / done.decisions as f64);
    Ok(serde_json::to_string(&done)?)
}

/// Who asks.
struct Principal {
    person: PersonFacts,
    grants: Vec<Assignment>,
    temporary_rights: Vec<TemporaryRight>,
}

/// A random group.
struct Group {
    units: Vec<UnitFact>,
    own_roles: Vec<(String, Vec<Permission>)>,
    modules: Modules,
    principals: Vec<Principal>,
    moments: Vec<Circumstances>,
    rows: Vec<Target>,
    questions: Vec<(Permission, usize)>,
}

fn id(kind: u128, n: usize) -> Uuid {
    Uuid::from_u128(kind << 64 | n as u128)
}

fn unit(n: usize) -> OrgUnitId {
    OrgUnitId(id(1, n))
}

fn person(n: usize) -> PersonId {
    PersonId(id(2, n))
}

fn principal(n: usize) -> PrincipalId {
    PrincipalId(id(3, n))
}

/// Random facts about one group.
struct Maker<'d> {
    dice: &'d mut Dice,
    units: usize,
    people: usize,
    regions: Vec<Region>,
    midday: Timestamp,
    day: Date,
}

impl Group {
    fn random(dice: &mut Dice) -> Result<Self> {
        let (units, people) = (1 + dice.below(60), 2 + dice.below(20));
        let regions = ["cn-north", "cn-east", "sg", Region::GLOBAL];
        let regions = regions.map(str::parse).into_iter().collect::<Result<Vec<_>, _>>()?;
        let midday: Timestamp = MIDDAY.parse()?;
        let day = TimeZone::get(ZONE)?.to_datetime(midday).date();
        let mut make = Maker { dice, units, people, regions, midday, day };
        let own_roles = (0..2).map(|n| (format!("own_{n}"), make.permissions(12))).collect();
        let modules = make.modules();
        let parent = |make: &mut Maker<'_>, n: usize| (n > 0).then(|| unit(make.dice.below(n)));
        let tree = (0..units).map(|n| UnitFact { id: unit(n), parent: parent(&mut make, n) }).collect();
        let mut principals = (0..PRINCIPALS).map(|n| make.principal(n)).collect::<Result<Vec<_>>>()?;
        for n in 0..PRINCIPALS {
            principals[n].temporary_rights = make.temporary_rights(n, &principals);
        }
        let moments = (0..MOMENTS).map(|_| make.moment()).collect();
        let rows: Vec<_> = (0..80).map(|_| make.row()).collect();
        let question = |make: &mut Maker<'_>| (make.asked(), make.dice.below(rows.len()));
        let questions = (0..QUESTIONS).map(|_| question(&mut make)).collect();
        Ok(Self { units: tree, own_roles, modules, principals, moments, rows, questions })
    }

    fn compare(&self, done: &mut Agreement, differences: &mut Vec<String>) -> Result<()> {
        let begin = Instant::now();
        let cedar = Cedar::new(&self.policies()?, self.entities()?)?;
        done.cedar_ns += begin.elapsed().as_nanos() as f64;
        let (zone, roles) = (TimeZone::get(ZONE)?, RoleBook::with(self.own_roles.clone()));
        for (n, principal) in self.principals.iter().enumerate() {
            for at in &self.moments {
                let date = zone.to_datetime(at.now).date();
                let (units, modules) = (self.units.as_slice(), &self.modules);
                let facts = Facts { revision: 1, date, zone: &zone, units, moved: &[], roles: &roles, modules };
                let begin = Instant::now();
                let view =
                    Arc::new(compile(&principal.grants, &principal.temporary_rights, &principal.person, &facts)).at(at);
                let ours = self.questions.iter().map(|(permission, row)| decide(&view, *permission, &self.rows[*row]));
                let ours: Vec<bool> = ours.map(|decision| decision == Decision::Allow).collect();
                done.tally_ns += begin.elapsed().as_nanos() as f64;
                let context = self.context(at)?;
                let asked = self
                    .questions
                    .iter()
                    .map(|(permission, row)| cedar::question(&n.to_string(), *permission, *row, context.clone()));
                let asked = asked.collect::<Result<Vec<_>>>()?;
                let begin = Instant::now();
                let theirs = asked.iter().map(|request| cedar.allows(request)).collect::<Result<Vec<_>>>()?;
                done.cedar_ns += begin.elapsed().as_nanos() as f64;
                done.decisions += ours.len();
                done.allowed += ours.iter().filter(|allowed| **allowed).count();
                for ((permission, row), (ours, theirs)) in self.questions.iter().zip(ours.into_iter().zip(theirs)) {
                    let row = &self.rows[*row];
                    let delegated = ours && view.source(*permission, row) != tally_access::Source::Own;
                    done.through_temporary_rights += usize::from(delegated);
                    if ours != theirs {
                        differences.push(format!(
                            "group {}: {permission} on {row:?} at {at:?}: Tally {ours}, Cedar {theirs}; {:?} {:?} {:?}",
                            done.groups, principal.person, principal.grants, principal.temporary_rights
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn context(&self, at: &Circumstances) -> Result<Context> {
        let held = MODULES.iter().filter(|name| match &self.modules {
            Modules::All => true,
            Modules::Only(names) => names.contains(**name),
        });
        let values = [
            ("now", RestrictedExpression::new_datetime(instant(at.now))),
            ("second_factor", RestrictedExpression::new_bool(at.second_factor)),
            ("modules", RestrictedExpression::new_set(held.map(cedar::text))),
        ];
        Ok(Context::from_pairs(values.map(|(name, value)| (name.to_owned(), value)))?)
    }

    fn entities(&self) -> Result<Vec<Entity>> {
        let mut all = cedar::units(&self.units)?;
        all.extend(cedar::actions(&self.own_roles)?);
        for (n, target) in self.rows.iter().enumerate() {
            all.push(cedar::row(n, target)?);
        }
        for (n, Principal { person, .. }) in self.principals.iter().enumerate() {
            let reports = person.reports.iter().map(|id| cedar::reference("Person", id)).collect::<Result<Vec<_>>>()?;
            let mut attributes = Attributes::from([
                ("reports".to_owned(), RestrictedExpression::new_set(reports)),
                ("employed".to_owned(), RestrictedExpression::new_bool(person.employed)),
            ]);
            if let Some(id) = person.person {
                attributes.insert("person".to_owned(), cedar::reference("Person", id)?);
            }
            all.push(cedar::entity(cedar::uid("Principal", n)?, attributes, [])?);
        }
        Ok(all)
    }

    fn policies(&self) -> Result<String> {
        let mut out =
            String::from("forbid(principal, action, resource) when { principal has person && !principal.employed };\n");
        for module in MODULES {
            writeln!(out, "forbid(principal, action in Action::\"module {module}\", resource)")?;
            writeln!(out, "unless {{ context.modules.contains(\"{module}\") }};")?;
        }
        for (n, principal) in self.principals.iter().enumerate() {
            let holder = format!("Principal::\"{n}\"");
            for grant in &principal.grants {
                let whole = [holds(grant), condition(&grant.condition), place(&grant.scope, &holder, true)];
                permit(&mut out, &holder, &format!("in Action::\"role {}\"", grant.role), &whole)?;
            }
            for right in &principal.temporary_rights {
                self.delegate(&mut out, &holder, right)?;
            }
        }
        Ok(out)
    }

    fn delegate(&self, out: &mut String, holder: &str, right: &TemporaryRight) -> Result<()> {
        let window = |from: &Timestamp, until: &Timestamp| {
            let (from, until) = (instant(*from), instant(*until));
            format!("context.now >= datetime(\"{from}\") && context.now < datetime(\"{until}\")")
        };
        let these = |permissions: &[Permission]| {
            let names: Vec<String> = permissions.iter().map(|p| format!("Action::\"{p}\"")).collect();
            format!("in [{}]", names.join(", "))
        };
        let delegated = "!(action in Action::\"not delegated\")".to_owned();
        match right {
            TemporaryRight::BreakGlass { scope, permissions, from, until, .. } => {
                let whole =
                    [window(from, until), "context.second_factor".into(), place(scope, holder, false), delegated];
                permit(out, holder, &these(permissions), &whole)
            }
            TemporaryRight::Delegation { delegator, grants, permissions, from, until, .. } => {
                let delegator = (0..PRINCIPALS).find(|n| principal(*n) == *delegator).unwrap_or_default();
                let delegator = format!("Principal::\"{delegator}\"");
                let works = format!("(!({delegator} has person) || {delegator}.employed)");
                for grant in grants.iter().filter(|g| g.scope != Scope::Own && g.condition == Condition::default()) {
                    let gives = format!("action in Action::\"role {}\"", grant.role);
                    let place = place(&grant.scope, &delegator, true);
                    let whole = [window(from, until), works.clone(), gives, holds(grant), place, delegated.clone()];
                    permit(out, holder, &these(permissions), &whole)?;
                }
                Ok(())
            }
        }
    }
}

/// A policy for one principal: all of these must hold.
fn permit(out: &mut String, holder: &str, action: &str, whole: &[String]) -> Result<()> {
    writeln!(out, "permit(principal == {holder}, action {action}, resource)")?;
    writeln!(out, "when {{ {} }};", whole.join(" && "))?;
    Ok(())
}

/// As Cedar reads instants.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The days of a grant, in the group's zone.
fn holds(grant: &Assignment) -> String {
    let today = "context.now.offset(duration(\"8h\")).toDate()";
    let from = format!("{today} >= datetime(\"{}\")", grant.valid_from);
    grant.valid_to.map_or(from.clone(), |to| format!("{from} && {today} <= datetime(\"{to}\")"))
}

fn condition(condition: &Condition) -> String {
    let mut all = vec!["true".to_owned()];
    all.extend(condition.second_factor.then(|| "context.second_factor".to_owned()));
    all.extend(condition.hours.map(|hours| {
        let hours = hours.to_string();
        let edge = |text: &str| format!("duration(\"{}h{}m\")", &text[..2], &text[3..]);
        let clock = "context.now.offset(duration(\"8h\")).toTime()";
        let (from, to) = hours.split_at(5);
        let both = if from < &to[1..] { "&&" } else { "||" };
        format!("({clock} >= {} {both} {clock} < {})", edge(from), edge(&to[1..]))
    }));
    all.join(" && ")
}

/// Whether the row is in a scope of `holder`. A scope that reaches anything also reaches what is laid down for all.
fn place(scope: &Scope, holder: &str, with_what_all_read: bool) -> String {
    let (there, anything) = match scope {
        Scope::Tenant => ("true".to_owned(), "true".to_owned()),
        Scope::Region(region) => (format!("resource has region && resource.region == \"{region}\""), "true".to_owned()),
        Scope::Unit(unit) => (format!("resource has unit && resource.unit == Unit::\"{unit}\""), "true".to_owned()),
        Scope::Subtree(unit) | Scope::LegalEntity(unit) => (format!("resource in Unit::\"{unit}\""), "true".to_owned()),
        Scope::Own => {
            let is = format!("{holder} has person && resource has person && resource.person == {holder}.person");
            (is, format!("{holder} has person"))
        }
        Scope::Reports => {
            let is = format!("resource has person && {holder}.reports.contains(resource.person)");
            (is, format!("!{holder}.reports.isEmpty()"))
        }
    };
    if !with_what_all_read {
        return format!("({there})");
    }
    let all =
        "action in Action::\"reads what is laid down for all\" && resource has region && resource.region == \"*\"";
    format!("(({there}) || ({anything} && {all}))")
}

impl Maker<'_> {
    fn permissions(&mut self, most: usize) -> Vec<Permission> {
        (0..1 + self.dice.below(most)).map(|_| *self.dice.one(Permission::ALL)).collect()
    }

    /// Any permission; mostly one of a role's, so that what many roles give is asked often.
    fn asked(&mut self) -> Permission {
        let of_role = self.dice.one(READY).permissions;
        let these = if self.dice.once_in(4) { Permission::ALL } else { of_role };
        *self.dice.one(these)
    }

    fn modules(&mut self) -> Modules {
        if !self.dice.once_in(4) {
            return Modules::All;
        }
        Modules::Only(MODULES.iter().filter(|_| !self.dice.once_in(3)).map(|name| (*name).to_owned()).collect())
    }

    /// A unit of the group, now and then one that is not there.
    fn unit(&mut self) -> OrgUnitId {
        unit(self.dice.below(self.units + 1))
    }

    fn date(&mut self) -> Date {
        self.day.saturating_add(SignedDuration::from_hours(24 * (self.dice.below(9) as i64 - 4)))
    }

    fn scope(&mut self) -> Scope {
        match self.dice.below(8) {
            0 => Scope::Own,
            1 => Scope::Reports,
            2 => Scope::Unit(self.unit()),
            3 | 4 => Scope::Subtree(self.unit()),
            5 => Scope::LegalEntity(self.unit()),
            6 => Scope::Region(self.dice.one(&self.regions).clone()),
            _ => Scope::Tenant,
        }
    }

    fn condition(&mut self) -> Result<Condition> {
        let hours = ["06:00-18:00", "22:30-06:15", "00:00-12:00", "12:30-12:00"];
        let hours = if self.dice.once_in(6) { Some(self.dice.one(&hours).parse()?) } else { None };
        Ok(Condition { second_factor: self.dice.once_in(8), hours })
    }

    fn grant(&mut self) -> Result<Assignment> {
        let role = match self.dice.below(READY.len() + 3) {
            n if n < READY.len() => READY[n].name.to_owned(),
            n => format!("own_{}", n - READY.len()),
        };
        let long_ago = Date::constant(2020, 1, 1);
        let valid_from = if self.dice.once_in(3) { self.date() } else { long_ago };
        let valid_to = if self.dice.once_in(3) { Some(self.date()) } else { None };
        Ok(Assignment { role, scope: self.scope(), valid_from, valid_to, condition: self.condition()? })
    }

    fn principal(&mut self, n: usize) -> Result<Principal> {
        let reports = (0..self.dice.below(6)).map(|_| person(self.dice.below(self.people))).collect();
        let known = if self.dice.once_in(6) { None } else { Some(person(n)) };
        let person = PersonFacts { person: known, reports, employed: !self.dice.once_in(8) };
        let grants = (0..2 + self.dice.below(6)).map(|_| self.grant()).collect::<Result<_>>()?;
        Ok(Principal { person, grants, temporary_rights: Vec::new() })
    }

    fn instant(&mut self) -> Timestamp {
        let minutes = self.dice.below(4 * 24 * 60) as i64 - 2 * 24 * 60;
        self.midday + SignedDuration::from_mins(minutes)
    }

    fn moment(&mut self) -> Circumstances {
        Circumstances { now: self.instant(), second_factor: self.dice.once_in(2) }
    }

    /// What others delegate to `to`, and emergencies.
    fn temporary_rights(&mut self, to: usize, principals: &[Principal]) -> Vec<TemporaryRight> {
        let mut temporary_rights = Vec::new();
        if self.dice.once_in(2) {
            let delegator = (to + 1 + self.dice.below(PRINCIPALS - 1)) % PRINCIPALS;
            temporary_rights.push(TemporaryRight::Delegation {
                delegator: principal(delegator),
                grants: principals[delegator].grants.clone(),
                person: principals[delegator].person.clone(),
                permissions: self.permissions(60),
                from: self.instant(),
                until: self.instant(),
            });
        }
        if self.dice.once_in(3) {
            let (permissions, scope) = (self.permissions(60), self.scope());
            let (from, until) = (self.instant(), self.instant());
            temporary_rights.push(TemporaryRight::BreakGlass { id: id(4, to), scope, permissions, from, until });
        }
        temporary_rights
    }

    /// A row with some of what a row may say.
    fn row(&mut self) -> Target {
        Target {
            region: if self.dice.once_in(5) { None } else { Some(self.dice.one(&self.regions).clone()) },
            unit: if self.dice.once_in(4) { None } else { Some(self.unit()) },
            person: if self.dice.once_in(4) { None } else { Some(person(self.dice.below(self.people))) },
            moment: None,
        }
    }
}
