//! A bundle goes into the suite through the same rpcs that an integrator would call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use prost::Message as _;
use tally_api::attendance::v1 as attendance;
use tally_api::common::v1::ImportResult;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use uuid::Uuid;

use crate::bundle::{
    AccountIx, Bundle, BundleAccount, BundlePerson, Employment, HandoverKind, MeasureValues, PersonIx, PhaseKind,
    PunchKind, Record,
};
use crate::session::{Session, told};

/// Rows of an import.
const CHUNK: usize = 5_000;
/// Bytes of an import of records; the limit of a message is 4 MiB.
const CHUNK_BYTES: usize = 3_000_000;

/// The ids that the suite gave to people and accounts, by their index in the bundle.
#[derive(Debug)]
pub struct Ids {
    /// Ids of people.
    pub people: Vec<String>,
    /// Ids of accounts.
    pub accounts: Vec<String>,
    /// Units of the accounts' teams; empty for an account that everybody serves.
    pub units: Vec<String>,
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
pub async fn organisation(session: &Session, bundle: &Bundle) -> Result<Ids> {
    units(session, bundle).await?;
    people(session, bundle).await?;
    let units = unit_ids(session).await?;
    accounts(session, bundle, &units).await?;
    let mut ids = ids(session, bundle).await?;
    let unit =
        |account: &BundleAccount| account.team.as_ref().and_then(|team| units.get(team)).cloned().unwrap_or_default();
    ids.units = bundle.accounts.iter().map(unit).collect();
    shifts(session, bundle, &ids).await?;
    punches(session, bundle, &ids).await?;
    handovers(session, bundle, &ids).await?;
    aliases(session, bundle, &ids).await?;
    Ok(ids)
}

async fn units(session: &Session, bundle: &Bundle) -> Result<()> {
    let mut first: BTreeMap<&str, jiff::civil::Date> = BTreeMap::new();
    for employment in bundle.people.iter().flat_map(|p| &p.employments) {
        let from = first.entry(&employment.org_unit).or_insert(employment.hired_on);
        *from = employment.hired_on.min(*from);
    }
    for team in bundle.accounts.iter().filter_map(|a| a.team.as_deref()) {
        let from = first.entry(team).or_insert(bundle.period.from);
        *from = bundle.period.from.min(*from);
    }
    let oldest = first.values().min().copied().unwrap_or(bundle.period.from);
    let rows: Vec<_> = first
        .keys()
        .map(|path| identity::OrgUnitRow {
            path: (*path).to_owned(),
            region: bundle.region_of(path).to_owned(),
            kind: identity::OrgUnitKind::Unspecified.into(),
            // A parent must be there before its children: all begin with the oldest employment.
            valid_from: oldest.to_string(),
        })
        .collect();
    let mut client = identity::org_service_client::OrgServiceClient::new(session.at.identity.clone());
    for rows in rows.chunks(CHUNK) {
        let ask = identity::ImportOrgUnitsRequest { request_id: String::new(), rows: rows.to_vec() };
        all_taken(client.import_org_units(session.ask(ask)).await.map_err(told)?.into_inner().result, "org unit")?;
    }
    Ok(())
}

async fn people(session: &Session, bundle: &Bundle) -> Result<()> {
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
        let ask = identity::ImportPeopleRequest { request_id: String::new(), rows: rows.to_vec() };
        all_taken(client.import_people(session.ask(ask)).await.map_err(told)?.into_inner().result, "people.csv")?;
    }
    Ok(())
}

async fn unit_ids(session: &Session) -> Result<BTreeMap<String, String>> {
    let mut client = identity::org_service_client::OrgServiceClient::new(session.at.identity.clone());
    let (mut all, mut page_token) = (BTreeMap::new(), String::new());
    loop {
        let ask = identity::ListOrgUnitsRequest { page_size: 1000, page_token, ..Default::default() };
        let reply = client.list_org_units(session.ask(ask)).await.map_err(told)?.into_inner();
        all.extend(reply.units.into_iter().map(|unit| (unit.path, unit.unit_id)));
        page_token = reply.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn accounts(session: &Session, bundle: &Bundle, units: &BTreeMap<String, String>) -> Result<()> {
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
        let ask = attendance::ImportAccountsRequest { request_id: String::new(), rows: rows.collect() };
        all_taken(client.import_accounts(session.ask(ask)).await.map_err(told)?.into_inner().result, "accounts.csv")?;
    }
    Ok(())
}

fn phase(phase: &crate::bundle::Phase) -> attendance::Phase {
    let kind = match phase.kind {
        PhaseKind::Shared => attendance::PhaseKind::Shared,
        PhaseKind::Mixed => attendance::PhaseKind::Mixed,
        PhaseKind::Named => attendance::PhaseKind::Named,
    };
    let from = phase.from.map(|d| d.to_string()).unwrap_or_default();
    attendance::Phase { from, kind: kind.into(), capacity: phase.capacity }
}

async fn ids(session: &Session, bundle: &Bundle) -> Result<Ids> {
    let mut of_person = BTreeMap::new();
    let mut people = identity::person_service_client::PersonServiceClient::new(session.at.identity.clone());
    let mut page_token = String::new();
    loop {
        let ask = identity::ListPeopleRequest { page_size: 1000, page_token, ..Default::default() };
        let reply = people.list_people(session.ask(ask)).await.map_err(told)?.into_inner();
        of_person.extend(reply.people.into_iter().map(|p| (p.employee_no, p.person_id)));
        page_token = reply.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut of_account = BTreeMap::new();
    let mut accounts = attendance::account_service_client::AccountServiceClient::new(session.at.attendance.clone());
    let mut page_token = String::new();
    loop {
        let ask = attendance::ListAccountsRequest { page_size: 1000, page_token };
        let reply = accounts.list_accounts(session.ask(ask)).await.map_err(told)?.into_inner();
        of_account.extend(reply.accounts.into_iter().map(|a| (a.key, a.account_id)));
        page_token = reply.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let gone = || anyhow::anyhow!("the suite does not list what was just written");
    let person = |p: &BundlePerson| of_person.get(&p.employee_no).cloned().ok_or_else(gone);
    let account = |a: &BundleAccount| of_account.get(&a.path()).cloned().ok_or_else(gone);
    let people = bundle.people.iter().map(person).collect::<Result<Vec<_>>>()?;
    let accounts = bundle.accounts.iter().map(account).collect::<Result<Vec<_>>>()?;
    let person_of = people.iter().enumerate().map(|(at, id)| Ok((Uuid::parse_str(id)?, PersonIx(at as u32))));
    let account_of = accounts.iter().enumerate().map(|(at, id)| Ok((Uuid::parse_str(id)?, AccountIx(at as u32))));
    Ok(Ids {
        person_of: person_of.collect::<Result<_>>()?,
        account_of: account_of.collect::<Result<_>>()?,
        people,
        accounts,
        units: Vec::new(),
    })
}

async fn shifts(session: &Session, bundle: &Bundle, ids: &Ids) -> Result<()> {
    let mut client = attendance::roster_service_client::RosterServiceClient::new(session.at.attendance.clone());
    for chunk in bundle.rosters.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Shift {
            shift_id: String::new(),
            person_id: ids.people[row.person.0 as usize].clone(),
            account_id: ids.accounts[row.account.0 as usize].clone(),
            start: Some(instant(row.start)),
            end: Some(instant(row.end)),
        });
        let ask = attendance::PublishShiftsRequest { request_id: String::new(), rows: rows.collect() };
        all_taken(client.publish_shifts(session.ask(ask)).await.map_err(told)?.into_inner().result, "rosters.csv")?;
    }
    Ok(())
}

async fn punches(session: &Session, bundle: &Bundle, ids: &Ids) -> Result<()> {
    let mut client = attendance::punch_service_client::PunchServiceClient::new(session.at.attendance.clone());
    for chunk in bundle.punches.chunks(CHUNK) {
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
        let ask = attendance::ImportPunchesRequest { request_id: String::new(), rows: rows.collect() };
        all_taken(client.import_punches(session.ask(ask)).await.map_err(told)?.into_inner().result, "punches.csv")?;
    }
    Ok(())
}

async fn handovers(session: &Session, bundle: &Bundle, ids: &Ids) -> Result<()> {
    let mut client = attendance::handover_service_client::HandoverServiceClient::new(session.at.attendance.clone());
    for chunk in bundle.handovers.chunks(CHUNK) {
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
        let ask = attendance::ImportHandoversRequest { request_id: String::new(), rows: rows.collect() };
        all_taken(client.import_handovers(session.ask(ask)).await.map_err(told)?.into_inner().result, "handovers.csv")?;
    }
    Ok(())
}

async fn aliases(session: &Session, bundle: &Bundle, ids: &Ids) -> Result<()> {
    let mut client = attendance::alias_service_client::AliasServiceClient::new(session.at.attendance.clone());
    for chunk in bundle.aliases.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Alias {
            alias_id: String::new(),
            platform: row.platform.clone(),
            alias: row.alias.clone(),
            person_id: ids.people[row.person.0 as usize].clone(),
            from: row.from.map(|d| d.to_string()).unwrap_or_default(),
            to: row.to.map(|d| d.to_string()).unwrap_or_default(),
        });
        let ask = attendance::ImportAliasesRequest { request_id: String::new(), rows: rows.collect() };
        all_taken(client.import_aliases(session.ask(ask)).await.map_err(told)?.into_inner().result, "aliases.csv")?;
    }
    Ok(())
}

/// Writes the records, an account after the other, two imports under way at a time. `tell` hears how many are in.
pub async fn records(session: &Session, bundle: &Bundle, ids: &Ids, mut tell: impl FnMut(u64)) -> Result<()> {
    let imports = batches(bundle).map(|range| async move {
        let account = bundle.records[range.start].account;
        let rows = range.clone().map(|at| record(bundle, at)).collect();
        let ask = performance::ImportRecordsRequest {
            request_id: String::new(),
            account_id: ids.accounts[account.0 as usize].clone(),
            region: region(bundle, bundle.account(account)),
            unit_id: ids.units[account.0 as usize].clone(),
            rows,
        };
        let mut client = performance::record_service_client::RecordServiceClient::new(session.at.performance.clone());
        let reply = client.import_records(session.ask(ask)).await.map_err(told)?;
        all_taken(reply.into_inner().result, "records.csv")?;
        Ok::<u64, anyhow::Error>(range.len() as u64)
    });
    let mut done = 0;
    let mut under_way = stream::iter(imports).buffered(2);
    while let Some(written) = under_way.try_next().await? {
        done += written;
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

fn value(bundle: &Bundle, measure: &crate::bundle::Measure, at: usize) -> Option<performance::Measure> {
    let (number, text) = match &measure.values {
        MeasureValues::Numbers(values) => (values.get(at)?.as_ref()?.to_string(), String::new()),
        MeasureValues::Texts(values) => (String::new(), bundle.text((*values.get(at)?)?).to_owned()),
    };
    Some(performance::Measure { name: measure.name.clone(), number, text })
}

fn instant(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// The reader has checked every row already: a refusal here is a fault of ours, and is told as one.
fn all_taken(result: Option<ImportResult>, file: &str) -> Result<()> {
    let result = result.unwrap_or_default();
    let Some(first) = result.problems.first() else { return Ok(()) };
    let more = result.problems.len() - 1;
    bail!(
        "{file}: the suite refused a row that was read without complaint: {} ({}); {more} more",
        first.message,
        first.reason
    )
}
