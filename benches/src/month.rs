//! A month as the services know it while they close it: plain facts, evidence of duty, and records in columns.
//!
//! This is what `tally close` sends through the rpcs, translated without them, so that the pure functions of the services
//! can be timed alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;
use tally_access::Region;
use tally_attendance::occupancy::domain as occupancy;
use tally_bundle::{self as bundle, Bundle, Symbol};
use tally_engine::closing::collect::Row;
use tally_engine::closing::facts::{self, DutyRule, Facts, PhaseKind};
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::{DirectoryPerson, Employment, Post};
use tally_kernel::time::{Period, zone};
use uuid::Uuid;

/// Many short texts in one piece of memory.
#[derive(Debug, Default)]
pub struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, i: usize) -> &str {
        let from = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.all[from as usize..self.ends[i] as usize]
    }
}

/// Few texts that many records share.
#[derive(Debug, Default)]
pub struct Words {
    known: HashMap<String, u32>,
    all: Vec<String>,
    of: Vec<u32>,
}

impl Words {
    fn push(&mut self, word: &str) {
        let place = match self.known.get(word) {
            Some(place) => *place,
            None => {
                let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
                self.known.insert(word.to_owned(), next);
                self.all.push(word.to_owned());
                next
            }
        };
        self.of.push(place);
    }

    fn get(&self, i: usize) -> &str {
        &self.all[self.of[i] as usize]
    }
}

/// Everything but the texts of a record.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Place of the account.
    pub account: u32,
    /// Start, milliseconds since 1970.
    pub started_ms: i64,
    /// End.
    pub ended_ms: i64,
    /// Milliseconds until the first reply.
    pub first_reply_ms: Option<i64>,
    /// Whether resolved.
    pub resolved: Option<bool>,
    /// Rating in thousandths.
    pub rating_milli: Option<i32>,
    /// Sales in minor units.
    pub amount_minor: Option<i64>,
}

/// The records of a month, by account, start and external id, as the store gives them.
#[derive(Debug, Default)]
pub struct Records {
    numbers: Vec<Numbers>,
    external_id: Texts,
    agent: Words,
    kind: Words,
    customer: Texts,
    content: Vec<[u8; 16]>,
}

impl Records {
    /// Adds a record: its numbers, external id, agent, kind and customer.
    pub fn push(&mut self, numbers: Numbers, [external_id, agent, kind, customer]: [&str; 4]) {
        let mut content = [0; 16];
        content.copy_from_slice(&blake3::hash(external_id.as_bytes()).as_bytes()[..16]);
        self.numbers.push(numbers);
        self.external_id.push(external_id);
        self.agent.push(agent);
        self.kind.push(kind);
        self.customer.push(customer);
        self.content.push(content);
    }

    /// Gives every record another end.
    pub fn end_at(&mut self, ends: &[i64]) {
        self.numbers.iter_mut().zip(ends).for_each(|(numbers, end)| numbers.ended_ms = *end);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// A record's numbers.
    pub fn numbers(&self, i: usize) -> &Numbers {
        &self.numbers[i]
    }

    /// How many records of each account name which agent; the store counts them in the same way.
    pub fn agents(&self) -> Vec<(u32, &str, u64)> {
        let (agents, accounts) = (self.agent.all.len(), self.numbers.iter().map(|n| n.account as usize + 1).max());
        let mut counts = vec![0; agents * accounts.unwrap_or_default()];
        for (numbers, agent) in self.numbers.iter().zip(&self.agent.of) {
            counts[numbers.account as usize * agents + *agent as usize] += 1;
        }
        let named = |(place, n): (usize, u64)| {
            let account = u32::try_from(place / agents).unwrap_or(u32::MAX);
            (account, self.agent.all[place % agents].as_str(), n)
        };
        counts.into_iter().enumerate().filter(|(_, n)| *n > 0).map(named).collect()
    }

    /// A record as the store gives it.
    pub fn row(&self, i: usize) -> Row<'_> {
        let n = &self.numbers[i];
        Row {
            started_ms: n.started_ms,
            ended_ms: n.ended_ms,
            external_id: self.external_id.get(i),
            agent: self.agent.get(i),
            kind: self.kind.get(i),
            customer: self.customer.get(i),
            first_reply_ms: n.first_reply_ms,
            resolved: n.resolved,
            rating_milli: n.rating_milli,
            amount_minor: n.amount_minor,
            custom: &[],
            contributors: &[],
            device: "",
            content: &self.content[i],
        }
    }
}

/// A month, ready to be closed.
#[derive(Debug)]
pub struct Month {
    /// Its days.
    pub period: Period,
    /// What the services know; without duty where that is still to be derived.
    pub facts: Facts,
    /// What duty is derived from; nothing where the facts have it.
    pub evidence: Option<occupancy::Evidence>,
    /// Accounts by their places in the records.
    pub accounts: Vec<AccountId>,
    /// The records.
    pub records: Records,
}

/// The id of the person at a place.
pub fn person_id(place: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x1_0000_0000 + place as u128))
}

/// The id of the account at a place.
pub fn account_id(place: usize) -> AccountId {
    AccountId(Uuid::from_u128(0x2_0000_0000 + place as u128))
}

/// Translates a bundle.
pub fn of_bundle(bundle: &Bundle) -> Result<Month> {
    let period = Period::new(bundle.period.from, bundle.period.to)?;
    let mut units: BTreeMap<&str, OrgUnitId> = BTreeMap::new();
    let of_people = bundle.people.iter().flat_map(|p| &p.employments).map(|e| &e.org_unit);
    for path in of_people.chain(bundle.accounts.iter().filter_map(|a| a.team.as_ref())) {
        let next = OrgUnitId(Uuid::from_u128(0x3_0000_0000 + units.len() as u128));
        units.entry(path).or_insert(next);
    }
    let mut facts = Facts { minor_digits: 2, ..Facts::default() };
    for (place, person) in bundle.people.iter().enumerate() {
        let employments = person.employments.iter().map(|e| {
            Ok(Employment {
                post: Post::Home,
                unit: units[e.org_unit.as_str()],
                unit_path: e.org_unit.as_str().into(),
                region: bundle.region_of(&e.org_unit).parse()?,
                from: e.hired_on,
                to: e.left_on,
                position: e.position.as_str().into(),
                grade: e.grade.as_str().into(),
                kind: e.kind,
            })
        });
        facts.people.push(Arc::new(DirectoryPerson {
            id: person_id(place),
            employee_no: person.employee_no.clone(),
            zone: zone(&person.zone)?,
            employments: employments.collect::<Result<_>>()?,
        }));
    }
    for (place, account) in bundle.accounts.iter().enumerate() {
        facts.accounts.push(account_of(bundle, account_id(place), account, &units)?);
    }
    let rostered = |r: &bundle::Roster| (account_id(r.account.0 as usize), person_id(r.person.0 as usize));
    facts.rostered = bundle.rosters.iter().map(rostered).collect();
    let accounts = (0..bundle.accounts.len()).map(account_id).collect();
    Ok(Month { period, facts, evidence: Some(evidence(bundle, period)?), accounts, records: records(bundle) })
}

fn account_of(
    bundle: &Bundle,
    id: AccountId,
    account: &bundle::BundleAccount,
    units: &BTreeMap<&str, OrgUnitId>,
) -> Result<facts::AccountFacts> {
    let phase = |phase: &bundle::Phase| facts::Phase {
        from: phase.from,
        kind: match phase.kind {
            bundle::PhaseKind::Shared => PhaseKind::Shared,
            bundle::PhaseKind::Mixed => PhaseKind::Mixed,
            bundle::PhaseKind::Named => PhaseKind::Named,
        },
        capacity: phase.capacity,
    };
    let team = account.team.as_deref();
    Ok(facts::AccountFacts {
        id,
        platform: account.platform.clone(),
        key: account.path(),
        zone: account.zone.clone(),
        team_path: team.unwrap_or_default().to_owned(),
        unit: team.and_then(|team| units.get(team).copied()),
        region: team.map_or_else(|| Ok(Region::global()), |team| bundle.region_of(team).parse())?,
        phases: account.phases.iter().map(phase).collect(),
    })
}

fn evidence(bundle: &Bundle, period: Period) -> Result<occupancy::Evidence> {
    let mut people = Vec::with_capacity(bundle.people.len());
    for (place, person) in bundle.people.iter().enumerate() {
        let employment = |e: &bundle::Employment| occupancy::Employment {
            from: e.hired_on,
            to: e.left_on,
            units: occupancy::paths(&e.org_unit),
        };
        people.push(occupancy::DutyPerson {
            id: person_id(place),
            employee_no: person.employee_no.clone(),
            zone: zone(&person.zone)?,
            employments: person.employments.iter().map(employment).collect(),
        });
    }
    let mut accounts = Vec::with_capacity(bundle.accounts.len());
    for (place, account) in bundle.accounts.iter().enumerate() {
        let mut known = occupancy::DutyAccount::new(account_id(place), account.path(), zone(&account.zone)?);
        (known.team, known.exclusive) = (account.team.clone(), account.exclusive);
        accounts.push(known);
    }
    let person = |ix: bundle::PersonIx| person_id(ix.0 as usize);
    let shift = |r: &bundle::Roster| occupancy::Shift {
        person: person(r.person),
        account: account_id(r.account.0 as usize),
        start: r.start,
        end: r.end,
        correction: None,
    };
    let punch = |p: &bundle::Punch| occupancy::Punch {
        person: person(p.person),
        at: p.at,
        kind: match p.kind {
            bundle::PunchKind::In => occupancy::PunchKind::In,
            bundle::PunchKind::Out => occupancy::PunchKind::Out,
        },
        correction: None,
    };
    let handover = |h: &bundle::Handover| occupancy::Handover {
        account: account_id(h.account.0 as usize),
        person: person(h.person),
        at: h.at,
        kind: match h.kind {
            bundle::HandoverKind::Take => occupancy::HandoverKind::Take,
            bundle::HandoverKind::Release => occupancy::HandoverKind::Release,
        },
        correction: None,
    };
    Ok(occupancy::Evidence {
        period,
        policy: occupancy::Policy::default(),
        people,
        accounts,
        shifts: bundle.rosters.iter().map(shift).collect(),
        punches: bundle.punches.iter().map(punch).collect(),
        last_punch: bundle.punches.iter().map(|punch| punch.at).max(),
        handovers: bundle.handovers.iter().map(handover).collect(),
    })
}

/// Derives who was on duty when, and puts it into the facts.
pub fn derive_duty(evidence: &occupancy::Evidence, facts: &mut Facts) -> Result<()> {
    let derived = occupancy::derive(evidence)?;
    let duty = |row: occupancy::Row| facts::Duty {
        person: row.person,
        start_ms: row.start.as_millisecond(),
        end_ms: row.end.as_millisecond(),
        rule: match row.rule {
            occupancy::Rule::Handover => DutyRule::Handover,
            occupancy::Rule::Roster => DutyRule::Roster,
            occupancy::Rule::Punch => DutyRule::Punch,
            occupancy::Rule::Team => DutyRule::Team,
        },
        evidence: row.evidence,
    };
    let by_account = derived.accounts.into_iter().map(|of| (of.account, of.rows.into_iter().map(duty).collect()));
    facts.duty = by_account.collect();
    Ok(())
}

fn records(bundle: &Bundle) -> Records {
    let thousandths =
        |value: rust_decimal::Decimal| i64::try_from((value * rust_decimal::Decimal::ONE_THOUSAND).trunc()).ok();
    let text = |symbol: Option<Symbol>| symbol.map_or("", |symbol| bundle.text(symbol));
    let mut records = Records::default();
    for record in &bundle.records {
        let numbers = Numbers {
            account: record.account.0,
            started_ms: record.started_at.as_millisecond(),
            ended_ms: record.ended_at.as_millisecond(),
            first_reply_ms: record.first_reply_seconds.and_then(thousandths),
            resolved: record.resolved,
            rating_milli: record.rating.and_then(thousandths).and_then(|r| i32::try_from(r).ok()),
            amount_minor: record.amount_minor,
        };
        let agent = record.agent.map_or("", |person| bundle.person(person).employee_no.as_str());
        records.push(numbers, [bundle.text(record.external_id), agent, text(record.kind), text(record.customer)]);
    }
    records
}

/// The month of people, accounts and duty that are known by their names alone: everybody employed throughout, every
/// account shared.
pub fn of_names(
    period: Period,
    people: &[String],
    accounts: &[String],
    duty: &[(usize, usize, i64, i64)],
) -> Result<Month> {
    let (unit, from) = (OrgUnitId(Uuid::from_u128(0x3_0000_0000)), period.from().first_of_year());
    let region = Region::global();
    let employment = Employment {
        post: Post::Home,
        unit,
        unit_path: "all".into(),
        region,
        from,
        to: None,
        position: "agent".into(),
        grade: "P1".into(),
        kind: None,
    };
    let mut facts = Facts { minor_digits: 2, ..Facts::default() };
    for (place, employee_no) in people.iter().enumerate() {
        let (employee_no, employments) = (employee_no.clone(), vec![employment.clone()]);
        facts.people.push(Arc::new(DirectoryPerson {
            id: person_id(place),
            employee_no,
            zone: TimeZone::UTC,
            employments,
        }));
    }
    for (place, key) in accounts.iter().enumerate() {
        facts.accounts.push(facts::AccountFacts {
            id: account_id(place),
            platform: key.split('/').next().context("an account without a platform")?.to_owned(),
            key: key.clone(),
            zone: "Asia/Shanghai".to_owned(),
            team_path: String::new(),
            unit: None,
            region: Region::global(),
            phases: Vec::new(),
        });
    }
    let mut of: HashMap<usize, Vec<facts::Duty>> = HashMap::new();
    for &(account, person, start_ms, end_ms) in duty {
        let (person, rule, evidence) = (person_id(person), DutyRule::Roster, String::new());
        of.entry(account).or_default().push(facts::Duty { person, start_ms, end_ms, rule, evidence });
    }
    facts.duty = of.into_iter().map(|(account, duty)| (account_id(account), duty)).collect();
    let accounts = (0..accounts.len()).map(account_id).collect();
    Ok(Month { period, facts, evidence: None, accounts, records: Records::default() })
}
