//! A bundle goes into the suite through the same rpcs that an integrator would call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use prost::Message as _;
use tally_api::attendance::v1 as attendance;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_bundle::{
    AccountIx, Bundle, BundleAccount, BundlePerson, Employment, HandoverKind, MeasureValues, PersonIx, PhaseKind,
    PunchKind, Record,
};
use tally_kernel::page::MAX_SIZE;
use tally_rpc::pages;
use uuid::Uuid;

use crate::said::{refusal, told};
use crate::session::Session;

mod census;
mod report;
mod taken;

pub use census::{Census, census};
pub use report::{FileReport, Report};
pub use taken::{Counted, Refused, Taken};

/// What the report calls the org units, which have no file.
pub const UNITS: &str = "org units";
/// Rows of an import.
const CHUNK: usize = 5_000;
/// Bytes of an import of records; the limit of a message is 4 MiB.
const CHUNK_BYTES: usize = 3_000_000;

/// The ids that the suite gave to people and accounts, by their index in the bundle; empty for one that it does not have.
#[derive(Debug)]
pub struct Ids {
    /// Ids of people.
    pub people: Vec<String>,
    /// Ids of accounts.
    pub accounts: Vec<String>,
    /// Units and regions of the accounts; the unit is empty for an account that everybody serves.
    pub places: Vec<(String, String)>,
    /// Back from a person's id.
    pub person_of: HashMap<Uuid, PersonIx>,
    /// Back from an account's id.
    pub account_of: HashMap<Uuid, AccountIx>,
}

impl Ids {
    /// The person with this id.
    pub fn person(&self, id: &str) -> Result<PersonIx> {
        let known = Uuid::parse_str(id).ok().and_then(|id| self.person_of.get(&id));
        known.copied().ok_or_else(|| anyhow::anyhow!("the suite names a person {id} whom the bundle does not know"))
    }

    /// The account with this id.
    pub fn account(&self, id: &str) -> Result<AccountIx> {
        let known = Uuid::parse_str(id).ok().and_then(|id| self.account_of.get(&id));
        known.copied().ok_or_else(|| anyhow::anyhow!("the suite names an account {id} that the bundle does not know"))
    }
}

/// Regions that the bundle's people and accounts live in.
pub fn regions(bundle: &Bundle) -> BTreeSet<String> {
    let employments = bundle.people.iter().flat_map(|p| &p.employments);
    let of_people = employments.map(|e| bundle.region_of(&e.org_unit).to_owned());
    of_people.chain(bundle.accounts.iter().map(|a| region(bundle, a))).collect()
}

fn region(bundle: &Bundle, account: &BundleAccount) -> String {
    let team = account.team.as_deref();
    // An account that everybody serves belongs to no branch: the first branch's region keeps its records.
    let first = || bundle.people.first().map_or("", |p| p.home(bundle.period.to).org_unit.as_str());
    bundle.region_of(team.unwrap_or_else(first)).to_owned()
}

/// Writes units, people, accounts and everything about duty; gives the ids that records need.
pub async fn organisation(session: &Session, bundle: &Bundle, taken: &mut Taken) -> Result<Ids> {
    units(session, bundle, taken).await?;
    people(session, bundle, taken).await?;
    let units = unit_ids(session).await?;
    accounts(session, bundle, &units, taken).await?;
    let ids = ids(session, bundle, taken.is_beside_others()).await?;
    shifts(session, bundle, &ids, taken).await?;
    punches(session, bundle, &ids, taken).await?;
    handovers(session, bundle, &ids, taken).await?;
    aliases(session, bundle, &ids, taken).await?;
    Ok(ids)
}

async fn units(session: &Session, bundle: &Bundle, taken: &mut Taken) -> Result<()> {
    let mut first: BTreeMap<&str, jiff::civil::Date> = BTreeMap::new();
    for employment in bundle.people.iter().flat_map(|p| &p.employments) {
        let from = first.entry(&employment.org_unit).or_insert(employment.hired_on);
        *from = employment.hired_on.min(*from);
    }
    for team in bundle.accounts.iter().filter_map(|a| a.team.as_deref()) {
        let from = first.entry(team).or_insert(bundle.period.from);
        *from = bundle.period.from.min(*from);
    }
    let there = unit_ids(session).await?;
    let oldest = first.values().min().copied().unwrap_or(bundle.period.from);
    // Those above are units too, whether somebody is in them or not.
    let above = |path: &'_ str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
    let paths: BTreeSet<String> =
        first.keys().flat_map(|path| above(path).into_iter().chain([(*path).to_owned()])).collect();
    let (known, new): (Vec<String>, Vec<String>) = paths.into_iter().partition(|path| there.contains_key(path));
    taken.unchanged(UNITS, known.len() as u64);
    let rows: Vec<_> = new
        .into_iter()
        .map(|path| identity::OrgUnitRow {
            region: bundle.region_of(&path).to_owned(),
            path,
            kind: identity::OrgUnitKind::Unspecified.into(),
            // A parent must be there before its children: all begin with the oldest employment.
            valid_from: oldest.to_string(),
        })
        .collect();
    let mut client = identity::org_service_client::OrgServiceClient::new(session.at.identity.clone());
    for rows in rows.chunks(CHUNK) {
        let ask = identity::ImportOrgUnitsRequest { request_id: taken.request_id(), rows: rows.to_vec() };
        let reply = client.import_org_units(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note(UNITS, reply.result, |at| rows[at].path.clone())?;
    }
    Ok(())
}

async fn people(session: &Session, bundle: &Bundle, taken: &mut Taken) -> Result<()> {
    let mut client = identity::person_service_client::PersonServiceClient::new(session.at.identity.clone());
    let row = |(p, e): (&BundlePerson, &Employment)| identity::PersonRow {
        employee_no: p.employee_no.clone(),
        name: p.name.clone(),
        unit_path: e.org_unit.clone(),
        position: e.position.clone(),
        grade: e.grade.clone(),
        hired_on: e.hired_on.to_string(),
        left_on: e.left_on.map(|d| d.to_string()).unwrap_or_default(),
        zone: p.zone.clone(),
        id_number: String::new(),
    };
    let rows: Vec<_> = bundle.people.iter().flat_map(|p| p.employments.iter().map(move |e| (p, e))).map(row).collect();
    for rows in rows.chunks(CHUNK) {
        let ask = identity::ImportPeopleRequest { request_id: taken.request_id(), rows: rows.to_vec() };
        let reply = client.import_people(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("people.csv", reply.result, |at| rows[at].employee_no.clone())?;
    }
    Ok(())
}

/// Ids of all units, by path.
pub async fn unit_ids(session: &Session) -> Result<BTreeMap<String, String>> {
    let client = identity::org_service_client::OrgServiceClient::new(session.at.identity.clone());
    let units = pages(async |page_token| {
        let ask = identity::ListOrgUnitsRequest { page_size: MAX_SIZE, page_token, ..Default::default() };
        let page = client.clone().list_org_units(session.ask(ask)).await?.into_inner();
        Ok((page.units, page.next_page_token))
    });
    Ok(units.await.map_err(refusal)?.into_iter().map(|unit| (unit.path, unit.unit_id)).collect())
}

async fn accounts(
    session: &Session,
    bundle: &Bundle,
    units: &BTreeMap<String, String>,
    taken: &mut Taken,
) -> Result<()> {
    let mut client = attendance::account_service_client::AccountServiceClient::new(session.at.attendance.clone());
    for chunk in bundle.accounts.chunks(1000) {
        let rows = chunk.iter().map(|account| attendance::Account {
            account_id: String::new(),
            platform: account.platform.clone(),
            store: account.store.clone(),
            name: account.name.clone(),
            key: account.path(),
            zone: account.zone.clone(),
            team_path: account.team.clone().unwrap_or_default(),
            unit_id: account.team.as_ref().and_then(|team| units.get(team)).cloned().unwrap_or_default(),
            region: region(bundle, account),
            exclusive: account.exclusive,
            phases: account.phases.iter().map(phase).collect(),
        });
        let ask = attendance::ImportAccountsRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_accounts(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("accounts.csv", reply.result, |at| chunk[at].path())?;
    }
    Ok(())
}

fn phase(phase: &tally_bundle::Phase) -> attendance::Phase {
    let kind = match phase.kind {
        PhaseKind::Shared => attendance::PhaseKind::Shared,
        PhaseKind::Mixed => attendance::PhaseKind::Mixed,
        PhaseKind::Named => attendance::PhaseKind::Named,
    };
    let from = phase.from.map(|d| d.to_string()).unwrap_or_default();
    attendance::Phase { from, kind: kind.into(), capacity: phase.capacity }
}

async fn ids(session: &Session, bundle: &Bundle, beside_others: bool) -> Result<Ids> {
    let client = identity::person_service_client::PersonServiceClient::new(session.at.identity.clone());
    let people = pages(async |page_token| {
        let ask = identity::ListPeopleRequest { page_size: MAX_SIZE, page_token, ..Default::default() };
        let page = client.clone().list_people(session.ask(ask)).await?.into_inner();
        Ok((page.people, page.next_page_token))
    });
    let people = people.await.map_err(refusal)?.into_iter();
    let of_person: BTreeMap<String, String> = people.map(|p| (p.employee_no, p.person_id)).collect();
    let client = attendance::account_service_client::AccountServiceClient::new(session.at.attendance.clone());
    let accounts = pages(async |page_token| {
        let ask = attendance::ListAccountsRequest { page_size: MAX_SIZE, page_token };
        let page = client.clone().list_accounts(session.ask(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    });
    let accounts = accounts.await.map_err(refusal)?.into_iter();
    let of_account: BTreeMap<_, _> = accounts.map(|a| (a.key, (a.account_id, (a.unit_id, a.region)))).collect();
    let missing = || anyhow::anyhow!("the suite does not list what was just written");
    let people: Vec<String> =
        bundle.people.iter().map(|p| of_person.get(&p.employee_no).cloned().unwrap_or_default()).collect();
    let account = |a: &BundleAccount| of_account.get(&a.path()).cloned().unwrap_or_default();
    let (accounts, places): (Vec<String>, Vec<_>) = bundle.accounts.iter().map(account).unzip();
    if !beside_others && people.iter().chain(&accounts).any(String::is_empty) {
        return Err(missing());
    }
    Ok(Ids {
        person_of: places_of(&people, PersonIx)?,
        account_of: places_of(&accounts, AccountIx)?,
        people,
        accounts,
        places,
    })
}

/// Back from ids to the places in the bundle.
fn places_of<I>(ids: &[String], index: impl Fn(u32) -> I) -> Result<HashMap<Uuid, I>> {
    let known = (0..).zip(ids).filter(|(_, id)| !id.is_empty());
    known.map(|(at, id)| Ok((Uuid::parse_str(id)?, index(at)))).collect()
}

async fn shifts(session: &Session, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::roster_service_client::RosterServiceClient::new(session.at.attendance.clone());
    let name = |row: &tally_bundle::Roster| format!("{} {}", bundle.person(row.person).employee_no, row.start);
    let rows =
        taken.placed("rosters.csv", &bundle.rosters, (bundle, ids), |row| (Some(row.person), Some(row.account)), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Shift {
            shift_id: String::new(),
            person_id: ids.people[row.person.0 as usize].clone(),
            account_id: ids.accounts[row.account.0 as usize].clone(),
            start: Some(instant(row.start)),
            end: Some(instant(row.end)),
        });
        let ask = attendance::PublishShiftsRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.publish_shifts(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("rosters.csv", reply.result, |at| name(chunk[at]))?;
    }
    Ok(())
}

async fn punches(session: &Session, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::punch_service_client::PunchServiceClient::new(session.at.attendance.clone());
    let name = |row: &tally_bundle::Punch| format!("{} {}", bundle.person(row.person).employee_no, row.at);
    let rows = taken.placed("punches.csv", &bundle.punches, (bundle, ids), |row| (Some(row.person), None), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Punch {
            punch_id: String::new(),
            person_id: ids.people[row.person.0 as usize].clone(),
            at: Some(instant(row.at)),
            kind: match row.kind {
                PunchKind::In => attendance::PunchKind::In.into(),
                PunchKind::Out => attendance::PunchKind::Out.into(),
            },
            verdict: attendance::PunchVerdict::Unspecified.into(),
        });
        let ask = attendance::ImportPunchesRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_punches(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("punches.csv", reply.result, |at| name(chunk[at]))?;
    }
    Ok(())
}

async fn handovers(session: &Session, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::handover_service_client::HandoverServiceClient::new(session.at.attendance.clone());
    let name = |row: &tally_bundle::Handover| format!("{} {}", bundle.account_label(row.account), row.at);
    let rows = taken.placed(
        "handovers.csv",
        &bundle.handovers,
        (bundle, ids),
        |row| (Some(row.person), Some(row.account)),
        name,
    );
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Handover {
            handover_id: String::new(),
            account_id: ids.accounts[row.account.0 as usize].clone(),
            person_id: ids.people[row.person.0 as usize].clone(),
            at: Some(instant(row.at)),
            kind: match row.kind {
                HandoverKind::Take => attendance::HandoverKind::Take.into(),
                HandoverKind::Release => attendance::HandoverKind::Release.into(),
            },
        });
        let ask = attendance::ImportHandoversRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_handovers(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("handovers.csv", reply.result, |at| name(chunk[at]))?;
    }
    Ok(())
}

async fn aliases(session: &Session, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::alias_service_client::AliasServiceClient::new(session.at.attendance.clone());
    let name = |row: &tally_bundle::Alias| format!("{} {}", row.platform, row.alias);
    let rows = taken.placed("aliases.csv", &bundle.aliases, (bundle, ids), |row| (Some(row.person), None), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Alias {
            alias_id: String::new(),
            platform: row.platform.clone(),
            alias: row.alias.clone(),
            person_id: ids.people[row.person.0 as usize].clone(),
            from: row.from.map(|d| d.to_string()).unwrap_or_default(),
            to: row.to.map(|d| d.to_string()).unwrap_or_default(),
        });
        let ask = attendance::ImportAliasesRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_aliases(session.ask(ask)).await.map_err(told)?.into_inner();
        taken.note("aliases.csv", reply.result, |at| name(chunk[at]))?;
    }
    Ok(())
}

/// Writes the records, an account after the other, two imports under way at a time. `tell` hears how many are in.
pub async fn records(
    session: &Session,
    bundle: &Bundle,
    ids: &Ids,
    taken: &mut Taken,
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let name = |at: usize| bundle.text(bundle.records[at].external_id).to_owned();
    let mut sendable = Vec::new();
    for range in batches(bundle) {
        match taken::missing_account(bundle, ids, bundle.records[range.start].account) {
            None => sendable.push(range),
            Some(message) => range.for_each(|at| taken.refuse("records.csv", name(at), &message)),
        }
    }
    let sendable: Vec<_> = sendable.into_iter().map(|range| (range, taken.request_id())).collect();
    let imports = sendable.into_iter().map(|(range, request_id)| async move {
        let account = bundle.records[range.start].account.0 as usize;
        let rows = range.clone().map(|at| record(bundle, at)).collect();
        let (unit_id, region) = ids.places[account].clone();
        let account_id = ids.accounts[account].clone();
        let ask = performance::ImportRecordsRequest { request_id, account_id, region, unit_id, rows };
        let mut client = performance::record_service_client::RecordServiceClient::new(session.at.performance.clone());
        let reply = client.import_records(session.ask(ask)).await.map_err(told)?;
        Ok::<_, anyhow::Error>((range, reply.into_inner().result))
    });
    let mut done = 0;
    let mut under_way = stream::iter(imports).buffered(2);
    while let Some((range, result)) = under_way.try_next().await? {
        taken.note("records.csv", result, |at| name(range.start + at))?;
        done += range.len() as u64;
        tell(done);
    }
    Ok(())
}

/// Ranges of records of one account each, within the limits of a message.
fn batches(bundle: &Bundle) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = bundle.records.get(start)?;
        let (mut end, mut bytes) = (start, 0);
        while let Some(next) = bundle.records.get(end)
            && next.account == first.account
            && end - start < CHUNK
            && bytes < CHUNK_BYTES
        {
            // Counting every message would cost as much as sending it: one in sixteen stands for its neighbours.
            if (end - start) % 16 == 0 {
                bytes += 16 * record(bundle, end).encoded_len();
            }
            end += 1;
        }
        let range = start..end;
        start = end;
        Some(range)
    })
}

fn record(bundle: &Bundle, at: usize) -> performance::Record {
    let record: &Record = &bundle.records[at];
    let text = |symbol: Option<_>| symbol.map(|s| bundle.text(s).to_owned()).unwrap_or_default();
    performance::Record {
        record_id: String::new(),
        external_id: bundle.text(record.external_id).to_owned(),
        started_at: Some(instant(record.started_at)),
        ended_at: Some(instant(record.ended_at)),
        agent: record.agent.map(|p| bundle.person(p).employee_no.clone()).unwrap_or_default(),
        kind: text(record.kind),
        first_reply_ms: record.first_reply_seconds.and_then(thousandths),
        resolved: record.resolved,
        rating_milli: record.rating.and_then(thousandths),
        amount_minor: record.amount_minor,
        customer: text(record.customer),
        measures: bundle.measures.iter().filter_map(|measure| value(bundle, measure, at)).collect(),
    }
}

fn thousandths(number: rust_decimal::Decimal) -> Option<u32> {
    use rust_decimal::prelude::ToPrimitive as _;
    (number * rust_decimal::Decimal::ONE_THOUSAND).round().to_u32()
}

fn value(bundle: &Bundle, measure: &tally_bundle::Measure, at: usize) -> Option<performance::Measure> {
    let (number, text) = match &measure.values {
        MeasureValues::Numbers(values) => (values.get(at)?.as_ref()?.to_string(), String::new()),
        MeasureValues::Texts(values) => (String::new(), bundle.text((*values.get(at)?)?).to_owned()),
    };
    Some(performance::Measure { name: measure.name.clone(), number, text })
}

fn instant(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
