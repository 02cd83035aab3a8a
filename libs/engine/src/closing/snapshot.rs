//! From facts to work: accounts that share no person can be attributed apart, so each connected component of accounts and
//! people becomes one item of work with all it needs frozen into it. A worker that dies, a retry, an explanation months
//! later: all read the same frozen facts.
//!
//! People are named by their place in the component's list, which is sorted by employee number, and accounts are sorted
//! by key: nothing that is computed depends on the ids that a database happened to give.

mod components;
mod devices;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_kernel::Region;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::msg;
use tally_kernel::person::{DirectoryPerson, home_on};
use tally_kernel::time::{Period, TimeError, told_at, zone};

use self::components::components;
use self::devices::Devices;
use super::facts::{AccountFacts, Alias, Clicks, Duty, DutyRule, Facts, Finding, Phase};
use crate::attribution;
use crate::policy::Policy;

/// Everything one component of accounts and people needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Local dates.
    pub period: Period,
    /// The numbers of attribution.
    pub policy: Policy,
    /// Decimal places of the group's currency.
    pub minor_digits: u32,
    /// Whether anybody is rostered anywhere in the period: else nobody can be outside of it.
    pub rosters_known: bool,
    /// This component's part of the effort that inference may spend on the cycle, in transitions.
    pub effort: u64,
    /// By employee number.
    pub people: Vec<FrozenPerson>,
    /// By key.
    pub accounts: Vec<FrozenAccount>,
}

/// A person, as of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenPerson {
    /// Who.
    pub id: PersonId,
    /// Employee number.
    pub no: String,
    /// Home unit at the end of the period.
    pub unit: OrgUnitId,
    /// Its path.
    pub unit_path: String,
    /// Its region.
    pub region: Region,
    /// First and last days of employment.
    pub employed: Vec<(Date, Option<Date>)>,
}

impl FrozenPerson {
    /// Somebody as of a period; nothing for whoever was never employed.
    pub fn of(person: &DirectoryPerson, period: Period) -> Option<Self> {
        let home = person.home(period.to())?;
        Some(Self {
            id: person.id,
            no: person.employee_no.clone(),
            unit: home.unit,
            unit_path: home.unit_path.to_string(),
            region: home.region.clone(),
            employed: person.homes().filter(|home| home.touches(period)).map(|home| (home.from, home.to)).collect(),
        })
    }

    /// The last day of the home that somebody has on a day, where that comes before it; else the day: see
    /// [`Employment::until`](tally_kernel::person::Employment::until).
    pub fn until(&self, day: Date) -> Date {
        let home = home_on(&self.employed, day, |(from, _)| *from);
        home.and_then(|(_, to)| *to).map_or(day, |last| last.min(day))
    }

    /// Whether employed on that day.
    pub fn employed_on(&self, day: Date) -> bool {
        self.employed.iter().any(|(from, to)| *from <= day && to.is_none_or(|to| day <= to))
    }
}

/// An account with who was on duty for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenAccount {
    /// The account.
    pub id: AccountId,
    /// `platform/store/name`.
    pub key: String,
    /// IANA zone of its dates.
    pub zone: String,
    /// Region.
    pub region: Region,
    /// Team's unit.
    pub unit: Option<OrgUnitId>,
    /// First instant of the period, milliseconds since 1970.
    pub from_ms: i64,
    /// First instant after the period.
    pub to_ms: i64,
    /// Phases, oldest first.
    pub phases: Vec<Phase>,
    /// Stretches of duty, by start, person and rule.
    pub duty: Vec<FrozenDuty>,
    /// Places of the people whose own account it is: rostered on it, or of its team. Sorted.
    pub own: Vec<u32>,
    /// Since when it is so for those who are of its team only since that was closed, milliseconds since 1970, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own_from: BTreeMap<u32, i64>,
    /// What agents that its records name may mean.
    pub agents: BTreeMap<String, Vec<Meaning>>,
    /// The devices that its records or their messages name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, FrozenDevice>,
}

impl FrozenAccount {
    /// Whether it is the own one of the person of a place at an instant.
    pub fn is_own(&self, place: u32, at_ms: i64) -> bool {
        self.own.binary_search(&place).is_ok() && self.own_from.get(&place).is_none_or(|from| *from <= at_ms)
    }
}

/// A stretch of duty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrozenDuty {
    /// From, milliseconds since 1970.
    #[serde(rename = "s")]
    pub start_ms: i64,
    /// Place of the person.
    #[serde(rename = "p")]
    pub person: u32,
    /// By which rule.
    #[serde(rename = "r")]
    pub rule: DutyRule,
    /// To, not included.
    #[serde(rename = "e")]
    pub end_ms: i64,
    /// Ids of hand-overs, shifts and punches.
    #[serde(rename = "v")]
    pub evidence: String,
}

/// A device that an account's records, or their messages, name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenDevice {
    /// Whose it was; nothing of one that is nobody's.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<FrozenUse>,
    /// What is said of it, whether it holds then or not.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<FrozenBinding>,
    /// Of one of which nothing is said, the device of which something is, that no record names, and whose name is nearly the same.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
}

/// What is said of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrozenBinding {
    /// First local date.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last local date.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// The seat; nothing of a person's.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
}

/// A stretch during which a device was somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrozenUse {
    /// From, milliseconds since 1970.
    #[serde(rename = "s")]
    pub from_ms: i64,
    /// Place of the person; nothing of somebody who is not of the component, and so was not on duty for any of its accounts.
    #[serde(rename = "p")]
    pub person: Option<u32>,
    /// To, not included.
    #[serde(rename = "e")]
    pub to_ms: i64,
}

/// A person that an agent's text means on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Meaning {
    /// Place of the person.
    pub person: u32,
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
}

/// How many records of an account name an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCount {
    /// The account.
    pub account: AccountId,
    /// As written; empty where nobody is named.
    pub agent: String,
    /// Records of the days that are frozen.
    pub records: u64,
}

/// Whose work on which days joins accounts, and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Days {
    /// Those of the period and those around it: what was frozen so is frozen so again where it is put right, to the byte.
    #[default]
    Around,
    /// Those of the period alone, by the zone of each account. Whoever came to an account when the period was over joins it to nothing.
    Own,
}

impl Days {
    /// Those of what is frozen for the first time.
    pub fn of(policy: &Policy) -> Self {
        if policy.rules() < 2 { Self::Around } else { Self::Own }
    }
}

/// What closing has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// One item of work each, by the key of the first account.
    pub components: Vec<Frozen>,
    /// What was odd.
    pub findings: Vec<Finding>,
    /// Records of known accounts.
    pub records: u64,
}

/// Splits a period's work.
///
/// # Errors
/// [`TimeError`] where an account's zone is unknown or the period at the end of time.
pub fn snapshot(
    facts: &Facts,
    period: Period,
    (policy, days): (&Policy, Days),
    counts: &[AgentCount],
) -> Result<Plan, TimeError> {
    let mut plan = Plan { findings: facts.findings.clone(), ..Plan::default() };
    let known: HashMap<AccountId, &AccountFacts> = facts.accounts.iter().map(|a| (a.id, a)).collect();
    let mut agents: BTreeMap<AccountId, BTreeSet<&str>> = BTreeMap::new();
    let mut weights: BTreeMap<AccountId, u64> = BTreeMap::new();
    let mut strangers: BTreeMap<AccountId, u64> = BTreeMap::new();
    for count in counts {
        if known.contains_key(&count.account) {
            plan.records += count.records;
            agents.entry(count.account).or_default().insert(&count.agent);
            *weights.entry(count.account).or_default() += count.records;
        } else {
            *strangers.entry(count.account).or_default() += count.records;
        }
    }
    plan.findings.extend(strangers.into_iter().map(|(account, records)| {
        Finding::new("ACCOUNT_UNKNOWN", account.to_string(), "", msg!("CREDIT_ACCOUNT_UNKNOWN", records))
    }));
    let people = People::of(facts, period);
    let mut accounts: Vec<(&AccountFacts, Touched)> = Vec::with_capacity(agents.len());
    for (id, names) in &agents {
        let Some(account) = known.get(id) else { continue };
        let duty = facts.duty.get(id).into_iter().flatten();
        let mut touched = people.touched(account, duty.filter(within(account, period, days)?), names);
        let claimed = facts.claimed.get(id).into_iter().flatten().map(|(person, _)| *person);
        touched.people.extend(claimed.filter(|person| people.by_id.contains_key(person)));
        accounts.push((account, touched));
    }
    for (id, claimed) in &facts.claimed {
        let Some(account) = known.get(id) else { continue };
        plan.findings.extend(people.in_vain(account, claimed, (&zone(&account.zone)?, agents.contains_key(id))));
    }
    accounts.sort_by(|a, b| a.0.key.cmp(&b.0.key));
    for members in components(accounts.iter().map(|(_, touched)| &touched.people)) {
        let members: Vec<_> = members.into_iter().filter_map(|i| accounts.get(i)).collect();
        let records: u64 = members.iter().filter_map(|(account, _)| weights.get(&account.id)).sum();
        let frozen = people.component(facts, period, policy, &members)?;
        plan.components.push(Frozen { effort: effort(records, plan.records), ..frozen });
    }
    Ok(plan)
}

/// What inference may spend on a whole cycle, in efforts of one attribution.
const EFFORTS: u64 = 4;

/// What inference may spend on a component with this many of all records: no more than on any attribution, and its part of
/// what the cycle has, so that a large cycle takes as long however it falls apart. Rounded down to a power of two for each
/// record, so that a few records more or less elsewhere change nothing here.
fn effort(records: u64, of_all: u64) -> u64 {
    let one = attribution::Policy::default().effort;
    let each = (EFFORTS * one / of_all.max(1)).max(1);
    (records << each.ilog2()).min(one)
}

/// The people of the period and what agents mean, by id.
struct People<'a> {
    by_id: HashMap<PersonId, &'a DirectoryPerson>,
    by_no: HashMap<&'a str, PersonId>,
    aliases: HashMap<(&'a str, &'a str), Vec<&'a Alias>>,
    devices: Devices<'a>,
    period: Period,
}

/// Whom a name means, from and to which day.
type Worn = (PersonId, Option<Date>, Option<Date>);

/// Whom an account concerns.
struct Touched {
    people: BTreeSet<PersonId>,
    agents: BTreeMap<String, Vec<Worn>>,
}

impl<'a> People<'a> {
    fn of(facts: &'a Facts, period: Period) -> Self {
        let employed = || facts.people.iter().map(Arc::as_ref).filter(|p| p.employed_in(period));
        let mut aliases: HashMap<_, Vec<&Alias>> = HashMap::new();
        for alias in &facts.aliases {
            aliases.entry((alias.platform.as_str(), alias.alias.as_str())).or_default().push(alias);
        }
        Self {
            by_id: employed().map(|p| (p.id, p)).collect(),
            by_no: employed().map(|p| (p.employee_no.as_str(), p.id)).collect(),
            aliases,
            devices: Devices::of(facts),
            period,
        }
    }

    fn touched<'d>(
        &self,
        account: &AccountFacts,
        duty: impl Iterator<Item = &'d Duty>,
        names: &BTreeSet<&str>,
    ) -> Touched {
        let on_duty = duty.map(|d| d.person).filter(|p| self.by_id.contains_key(p));
        let mut touched = Touched { people: on_duty.collect(), agents: BTreeMap::new() };
        for name in names.iter().filter(|name| !name.is_empty()) {
            let mut meanings = Vec::new();
            if let Some(person) = self.by_no.get(name) {
                meanings.push((*person, None, None));
            } else {
                let written = self.aliases.get(&(account.platform.as_str(), *name)).into_iter().flatten();
                let during = |a: &&&Alias| {
                    a.from.is_none_or(|from| from <= self.period.to()) && a.to.is_none_or(|to| self.period.from() <= to)
                };
                let of_people = written.filter(during).filter(|a| self.by_id.contains_key(&a.person));
                meanings.extend(of_people.map(|a| (a.person, a.from, a.to)));
            }
            touched.people.extend(meanings.iter().map(|(person, ..)| *person));
            touched.agents.insert((*name).to_owned(), meanings);
        }
        touched
    }

    /// Claims that nobody looks at: of people who were not employed in the period, and all on an account without records.
    fn in_vain(
        &self,
        account: &AccountFacts,
        claimed: &BTreeMap<PersonId, Clicks>,
        (zone, with_records): (&TimeZone, bool),
    ) -> impl Iterator<Item = Finding> {
        claimed.iter().filter_map(move |(id, clicks)| {
            let records = clicks.claims;
            let known = self.by_id.get(id).map(|person| person.employee_no.clone());
            let person = known.clone().unwrap_or_else(|| id.to_string());
            let (kind, detail) = match known {
                None => ("CLAIM_OFF_DUTY", msg!("CREDIT_CLAIM_OFF_DUTY", records, person)),
                Some(_) if with_records => return None,
                Some(_) => ("CLAIM_WITHOUT_RECORD", msg!("CREDIT_CLAIM_WITHOUT_RECORD", records, person)),
            };
            let at = told_at(Timestamp::from_millisecond(clicks.first_ms).unwrap_or_default(), zone);
            Some(Finding { person: Some(*id), ..Finding::new(kind, account.key.as_str(), at, detail) })
        })
    }

    fn component(
        &self,
        facts: &Facts,
        period: Period,
        policy: &Policy,
        members: &[&(&AccountFacts, Touched)],
    ) -> Result<Frozen, TimeError> {
        let ids: BTreeSet<PersonId> = members.iter().flat_map(|(_, touched)| touched.people.iter().copied()).collect();
        let mut people: Vec<&DirectoryPerson> = ids.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        people.sort_by(|a, b| a.employee_no.cmp(&b.employee_no));
        let places: HashMap<PersonId, u32> = people.iter().map(|p| p.id).zip(0..).collect();
        let people: Vec<FrozenPerson> = people.into_iter().filter_map(|p| FrozenPerson::of(p, period)).collect();
        let accounts = members.iter().map(|(account, touched)| {
            let span = period.instants(&zone(&account.zone)?)?;
            Ok(FrozenAccount {
                id: account.id,
                key: account.key.clone(),
                zone: account.zone.clone(),
                region: account.region.clone(),
                unit: account.unit,
                from_ms: span.start.as_millisecond(),
                to_ms: span.end.as_millisecond(),
                phases: account.phases.clone(),
                duty: frozen_duty(facts.duty.get(&account.id), &places),
                own: own(facts, account, &people),
                own_from: own_from(facts, account, &people)?,
                agents: meanings(&touched.agents, &places),
                devices: self.devices.frozen(facts.named_devices.get(&account.id), &places, &span),
            })
        });
        Ok(Frozen {
            period,
            policy: policy.clone(),
            minor_digits: facts.minor_digits,
            rosters_known: !facts.rostered.is_empty(),
            effort: 0,
            accounts: accounts.collect::<Result<_, TimeError>>()?,
            people,
        })
    }
}

/// Whether a stretch of duty is of the days of a period: it is known for a day on either side as well.
fn within(account: &AccountFacts, period: Period, days: Days) -> Result<impl Fn(&&Duty) -> bool + use<>, TimeError> {
    let span = period.instants(&zone(&account.zone)?)?;
    let (from, to) = (span.start.as_millisecond(), span.end.as_millisecond());
    Ok(move |duty: &&Duty| days == Days::Around || duty.start_ms < to && from < duty.end_ms)
}

fn frozen_duty(duty: Option<&Vec<Duty>>, places: &HashMap<PersonId, u32>) -> Vec<FrozenDuty> {
    let frozen = |d: &Duty| {
        let person = *places.get(&d.person)?;
        Some(FrozenDuty { person, start_ms: d.start_ms, end_ms: d.end_ms, rule: d.rule, evidence: d.evidence.clone() })
    };
    let mut rows: Vec<FrozenDuty> = duty.into_iter().flatten().filter_map(frozen).collect();
    // The text of the evidence holds ids and must not decide an order that results could depend on; what is equal up to
    // it is equal for them.
    rows.sort_by_key(|d| (d.start_ms, d.person, d.rule, d.end_ms));
    rows
}

/// Rostered on the account, or of its team or a unit below it.
fn own(facts: &Facts, account: &AccountFacts, people: &[FrozenPerson]) -> Vec<u32> {
    let below = format!("{}/", account.team_path);
    let of_team = |p: &FrozenPerson| {
        !account.team_path.is_empty() && (p.unit_path == account.team_path || p.unit_path.starts_with(&below))
    };
    let mine = |p: &FrozenPerson| facts.rostered.contains(&(account.id, p.id)) || of_team(p);
    (0..).zip(people).filter(|(_, p)| mine(p)).map(|(place, _)| place).collect()
}

/// Since when an account is the own one of those who joined its team when that was closed, and are not rostered on it.
fn own_from(facts: &Facts, account: &AccountFacts, people: &[FrozenPerson]) -> Result<BTreeMap<u32, i64>, TimeError> {
    let Some(joined) = facts.joined.get(&account.id) else { return Ok(BTreeMap::new()) };
    let zone = zone(&account.zone)?;
    let from = |(place, person): (u32, &FrozenPerson)| {
        let day = *joined.get(&person.id).filter(|_| !facts.rostered.contains(&(account.id, person.id)))?;
        let span = Period::new(day, day).and_then(|day| day.instants(&zone));
        Some(span.map(|span| (place, span.start.as_millisecond())))
    };
    (0..).zip(people).filter_map(from).collect()
}

type Named = BTreeMap<String, Vec<(PersonId, Option<Date>, Option<Date>)>>;

fn meanings(agents: &Named, places: &HashMap<PersonId, u32>) -> BTreeMap<String, Vec<Meaning>> {
    let meaning = |(person, from, to): &(PersonId, Option<Date>, Option<Date>)| {
        Some(Meaning { person: *places.get(person)?, from: *from, to: *to })
    };
    let sorted = |found: &Vec<_>| {
        let mut found: Vec<Meaning> = found.iter().filter_map(meaning).collect();
        found.sort();
        found
    };
    agents.iter().map(|(agent, found)| (agent.clone(), sorted(found))).collect()
}

#[cfg(test)]
mod tests;
