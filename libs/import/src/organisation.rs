//! Units, people, accounts, aliases, devices and everything about duty.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use jiff::Timestamp;
use tally_api::attendance::v1 as attendance;
use tally_api::common::v1::ImportResult;
use tally_api::identity::v1 as identity;
use tally_bundle::{
    AccountIx, Bundle, BundleAccount, BundlePerson, Employment, HandoverKind, PersonIx, PhaseKind, PunchKind, RowName,
};
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{msg, time};
use tally_rpc::pages;
use uuid::Uuid;

use crate::caller::Caller;
use crate::devices::devices;
use crate::kept_back::{Nickname, by_clock};
use crate::said::{Said, refusal, told};
use crate::units::{self, unit_ids};
use crate::{CHUNK, Ids, Taken, instant, number, region};

/// Writes units, people, accounts and everything about duty; gives the ids that records need.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, as soon as a file is through: what depends on them is not
/// sent. Or what stopped it.
pub async fn organisation(caller: &Caller, bundle: &Bundle, taken: &mut Taken) -> Result<Ids> {
    let meant = units::units(caller, bundle, taken).await?;
    taken.all_in()?;
    people(caller, bundle, taken).await?;
    taken.all_in()?;
    let today = unit_ids(caller).await?;
    let mut units = today.clone();
    units.extend(meant);
    accounts(caller, bundle, (&units, &today), taken).await?;
    taken.all_in()?;
    let ids = ids(caller, bundle, units, taken.is_beside_others()).await?;
    shifts(caller, bundle, &ids, taken).await?;
    punches(caller, bundle, &ids, taken).await?;
    handovers(caller, bundle, &ids, taken).await?;
    aliases(caller, bundle, &ids, taken).await?;
    devices(caller, bundle, &ids, taken).await?;
    taken.all_in()?;
    Ok(ids)
}

async fn people(caller: &Caller, bundle: &Bundle, taken: &mut Taken) -> Result<()> {
    let mut client = identity::person_service_client::PersonServiceClient::new(caller.at.identity.clone());
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
        employment_kind: e.kind.map(|kind| kind.to_string()).unwrap_or_default(),
    };
    let rows: Vec<_> = bundle.people.iter().flat_map(|p| p.employments.iter().map(move |e| (p, e))).map(row).collect();
    for chunk in rows.chunks(CHUNK) {
        let name = |row: &identity::PersonRow| format!("{} {}", row.employee_no, row.hired_on);
        // What the first rows of somebody came to is known to the call that had them alone.
        let waits = |row: &&identity::PersonRow| taken.kept_back.people.contains(&row.employee_no);
        let (waiting, rows): (Vec<_>, Vec<_>) = chunk.iter().partition(waits);
        waiting.into_iter().for_each(|row| taken.refuse("people.csv", name(row), &msg!("EARLIER_ROW_REFUSED")));
        let ask = identity::ImportPeopleRequest {
            request_id: taken.request_id(),
            rows: rows.iter().map(|row| (*row).clone()).collect(),
        };
        let reply = client.import_people(caller.ask(ask)).await.map_err(told)?.into_inner();
        let name = |at: usize| name(rows[at]);
        let row = |at: usize| RowName::Person(rows[at].employee_no.clone());
        let refused = taken.note("people.csv", reply.result, row, name);
        taken.kept_back.people.extend(refused.into_iter().map(|at| rows[at].employee_no.clone()));
    }
    Ok(())
}

async fn accounts(
    caller: &Caller,
    bundle: &Bundle,
    (units, today): (&BTreeMap<String, String>, &BTreeMap<String, String>),
    taken: &mut Taken,
) -> Result<()> {
    let mut client = attendance::account_service_client::AccountServiceClient::new(caller.at.attendance.clone());
    let mut placed = Vec::with_capacity(bundle.accounts.len());
    for account in &bundle.accounts {
        match account.team.as_ref().and_then(|team| taken.kept_back.unit(team)) {
            None => placed.push(account),
            Some(message) => {
                taken.refuse("accounts.csv", account.path(), &message);
                taken.kept_back.accounts.insert(account.path());
            }
        }
    }
    let unit = |account: &BundleAccount| account.team.as_ref().and_then(|team| units.get(team)).cloned();
    // Where the path is another unit's by now, it is sent by its id alone.
    let is_anothers = |path: &&String| today.get(*path).is_some_and(|now| units.get(*path) != Some(now));
    let team = |account: &BundleAccount| account.team.as_ref().filter(|path| !is_anothers(path)).cloned();
    for chunk in placed.chunks(1000) {
        let rows = chunk.iter().map(|account| attendance::Account {
            account_id: String::new(),
            platform: account.platform.clone(),
            store: account.store.clone(),
            name: account.name.clone(),
            key: account.path(),
            zone: account.zone.clone(),
            team_path: team(account).unwrap_or_default(),
            unit_id: unit(account).unwrap_or_default(),
            // A unit says its region itself.
            region: if unit(account).is_some() { String::new() } else { region(bundle, account) },
            exclusive: account.exclusive,
            phases: account.phases.iter().map(phase).collect(),
        });
        let ask = attendance::ImportAccountsRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_accounts(caller.ask(ask)).await.map_err(told)?.into_inner();
        let path = |at: usize| chunk[at].path();
        let refused = taken.note("accounts.csv", reply.result, |at| RowName::Account(path(at)), path);
        taken.kept_back.accounts.extend(refused.into_iter().map(|at| chunk[at].path()));
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

async fn ids(caller: &Caller, bundle: &Bundle, units: BTreeMap<String, String>, beside_others: bool) -> Result<Ids> {
    let client = identity::person_service_client::PersonServiceClient::new(caller.at.identity.clone());
    let people = pages(async |page_token| {
        let ask = identity::ListPeopleRequest { page_size: MAX_SIZE, page_token, ..Default::default() };
        let page = client.clone().list_people(caller.ask(ask)).await?.into_inner();
        Ok((page.people, page.next_page_token))
    });
    let people = people.await.map_err(refusal)?.into_iter();
    let of_person: BTreeMap<String, String> = people.map(|p| (p.employee_no, p.person_id)).collect();
    let client = attendance::account_service_client::AccountServiceClient::new(caller.at.attendance.clone());
    let accounts = pages(async |page_token| {
        let ask = attendance::ListAccountsRequest { page_size: MAX_SIZE, page_token };
        let page = client.clone().list_accounts(caller.ask(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    });
    let accounts = accounts.await.map_err(refusal)?.into_iter();
    let of_account: BTreeMap<_, _> = accounts.map(|a| (a.key, (a.account_id, (a.unit_id, a.region)))).collect();
    let people: Vec<String> =
        bundle.people.iter().map(|p| of_person.get(&p.employee_no).cloned().unwrap_or_default()).collect();
    let account = |a: &BundleAccount| of_account.get(&a.path()).cloned().unwrap_or_default();
    let (accounts, places): (Vec<String>, Vec<_>) = bundle.accounts.iter().map(account).unzip();
    if !beside_others && people.iter().chain(&accounts).any(String::is_empty) {
        return Err(Said(msg!("SUITE_LISTS_LESS")).into());
    }
    Ok(Ids {
        units,
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

/// What the suite says of rows, each with its instants by the clock that it was written by; the suite tells them in UTC.
fn by_clocks<'z>(result: Option<ImportResult>, zone: impl Fn(usize) -> &'z String) -> Option<ImportResult> {
    let mut result = result?;
    for problem in &mut result.problems {
        if let Ok(clock) = time::zone(zone(problem.index as usize)) {
            problem.message = time::told_by(&problem.message, &clock);
        }
    }
    Some(result)
}

/// A row of somebody, as refused.csv names it.
fn of_person(bundle: &Bundle, person: PersonIx, at: Timestamp) -> String {
    let person = bundle.person(person);
    format!("{} {}", person.employee_no, by_clock(at, &person.zone))
}

async fn shifts(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::roster_service_client::RosterServiceClient::new(caller.at.attendance.clone());
    let name = |row: &tally_bundle::Roster| of_person(bundle, row.person, row.start);
    let row = |row: &tally_bundle::Roster| {
        RowName::Shift(number(bundle, row.person), bundle.account(row.account).path(), row.start)
    };
    let rows =
        taken.placed("rosters.csv", &bundle.rosters, (bundle, ids), |row| (Some(row.person), Some(row.account)), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Shift {
            person_id: ids.people[row.person.0 as usize].clone(),
            account_id: ids.accounts[row.account.0 as usize].clone(),
            start: Some(instant(row.start)),
            end: Some(instant(row.end)),
            seat: row.seat.clone().unwrap_or_default(),
            ..Default::default()
        });
        let ask = attendance::PublishShiftsRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.publish_shifts(caller.ask(ask)).await.map_err(told)?.into_inner();
        let result = by_clocks(reply.result, |at| &bundle.person(chunk[at].person).zone);
        taken.note("rosters.csv", result, |at| row(chunk[at]), |at| name(chunk[at]));
    }
    Ok(())
}

async fn punches(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::punch_service_client::PunchServiceClient::new(caller.at.attendance.clone());
    let name = |row: &tally_bundle::Punch| of_person(bundle, row.person, row.at);
    let row = |row: &tally_bundle::Punch| RowName::Punch(number(bundle, row.person), row.at);
    let rows = taken.placed("punches.csv", &bundle.punches, (bundle, ids), |row| (Some(row.person), None), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Punch {
            person_id: ids.people[row.person.0 as usize].clone(),
            at: Some(instant(row.at)),
            kind: match row.kind {
                PunchKind::In => attendance::PunchKind::In.into(),
                PunchKind::Out => attendance::PunchKind::Out.into(),
            },
            ..Default::default()
        });
        let ask = attendance::ImportPunchesRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_punches(caller.ask(ask)).await.map_err(told)?.into_inner();
        let result = by_clocks(reply.result, |at| &bundle.person(chunk[at].person).zone);
        taken.note("punches.csv", result, |at| row(chunk[at]), |at| name(chunk[at]));
    }
    Ok(())
}

async fn handovers(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::handover_service_client::HandoverServiceClient::new(caller.at.attendance.clone());
    let zone = |row: &tally_bundle::Handover| &bundle.account(row.account).zone;
    let name =
        |row: &tally_bundle::Handover| format!("{} {}", bundle.account_label(row.account), by_clock(row.at, zone(row)));
    let row = |row: &tally_bundle::Handover| {
        RowName::Handover(bundle.account(row.account).path(), row.at, number(bundle, row.person))
    };
    let rows = taken.placed(
        "handovers.csv",
        &bundle.handovers,
        (bundle, ids),
        |row| (Some(row.person), Some(row.account)),
        name,
    );
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Handover {
            account_id: ids.accounts[row.account.0 as usize].clone(),
            person_id: ids.people[row.person.0 as usize].clone(),
            at: Some(instant(row.at)),
            kind: match row.kind {
                HandoverKind::Take => attendance::HandoverKind::Take.into(),
                HandoverKind::Release => attendance::HandoverKind::Release.into(),
            },
            ..Default::default()
        });
        let ask = attendance::ImportHandoversRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_handovers(caller.ask(ask)).await.map_err(told)?.into_inner();
        let result = by_clocks(reply.result, |at| zone(chunk[at]));
        taken.note("handovers.csv", result, |at| row(chunk[at]), |at| name(chunk[at]));
    }
    Ok(())
}

async fn aliases(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let mut client = attendance::alias_service_client::AliasServiceClient::new(caller.at.attendance.clone());
    let name = |row: &tally_bundle::Alias| format!("{} {}", row.platform, row.alias);
    let rows = taken.placed("aliases.csv", &bundle.aliases, (bundle, ids), |row| (Some(row.person), None), name);
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| attendance::Alias {
            platform: row.platform.clone(),
            alias: row.alias.clone(),
            person_id: ids.people[row.person.0 as usize].clone(),
            from: row.from.map(|d| d.to_string()).unwrap_or_default(),
            to: row.to.map(|d| d.to_string()).unwrap_or_default(),
            ..Default::default()
        });
        let ask = attendance::ImportAliasesRequest { request_id: taken.request_id(), rows: rows.collect() };
        let reply = client.import_aliases(caller.ask(ask)).await.map_err(told)?.into_inner();
        let row = |at: usize| RowName::Alias(chunk[at].platform.clone(), chunk[at].alias.clone(), chunk[at].from);
        let refused = taken.note("aliases.csv", reply.result, row, |at| name(chunk[at]));
        let nickname = |at: usize| Nickname { alias: chunk[at].clone(), agreed: Vec::new() };
        taken.kept_back.nicknames.extend(refused.into_iter().map(nickname));
    }
    if taken.kept_back.nicknames.is_empty() { Ok(()) } else { agreed(caller, ids, taken).await }
}

/// What the suite means by the nicknames that it did not take.
async fn agreed(caller: &Caller, ids: &Ids, taken: &mut Taken) -> Result<()> {
    let client = attendance::alias_service_client::AliasServiceClient::new(caller.at.attendance.clone());
    let known = pages(async |page_token| {
        let ask =
            attendance::ListAliasesRequest { page_size: MAX_SIZE, page_token, counting_only: true, known_at: None };
        let page = client.clone().list_aliases(caller.ask(ask)).await?.into_inner();
        Ok((page.aliases, page.next_page_token))
    });
    for known in known.await.map_err(refusal)? {
        for Nickname { alias, agreed } in &mut taken.kept_back.nicknames {
            let is_it = (&known.platform, &known.alias) == (&alias.platform, &alias.alias);
            if is_it && known.person_id == ids.people[alias.person.0 as usize] {
                agreed.push(tally_bundle::Alias { from: day(&known.from)?, to: day(&known.to)?, ..alias.clone() });
            }
        }
    }
    Ok(())
}

fn day(text: &str) -> Result<Option<jiff::civil::Date>> {
    Ok(if text.is_empty() { None } else { Some(text.parse()?) })
}
