//! How much of what a bundle brings a suite holds: counts and sums, asked through the lists that everybody asks.

use anyhow::Result;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use tally_api::attendance::v1 as attendance;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_bundle::Bundle;

use crate::caller::Caller;
use crate::instant;
use crate::said::told;

/// Rows that a page is asked for.
const PAGE: u32 = 1000;

/// Counts and sums of a suite as the caller may see it: the whole group's people, accounts, aliases and devices, and what happened
/// from a day before the bundle's period to a day after it, of records and claims those of the bundle's accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Org units.
    pub units: u64,
    /// People.
    pub people: u64,
    /// Service accounts.
    pub accounts: u64,
    /// Nicknames.
    pub aliases: u64,
    /// Shifts.
    pub shifts: u64,
    /// Their length.
    pub shift_seconds: i64,
    /// Punches.
    pub punches: u64,
    /// Hand-overs.
    pub handovers: u64,
    /// Whose devices are: each person's or seat's from a day on is one.
    pub devices: u64,
    /// Service records.
    pub records: u64,
    /// Their length.
    pub record_seconds: i64,
    /// Sales of them in the group's currency, in minor units, without what was paid back.
    pub amount_minor: i128,
    /// Claims that count.
    pub claims: u64,
}

/// Reads all pages of a list: `pages!(caller, client.list, |page_token| Request { .. }, |reply| { .. })` runs the block for
/// each answer.
macro_rules! pages {
    ($caller:expr, $client:ident.$list:ident, |$token:ident| $request:expr, |$reply:ident| $each:block) => {{
        let mut next = String::new();
        loop {
            let $token = next;
            let $reply = $client.$list($caller.ask($request)).await.map_err(told)?.into_inner();
            next = $reply.next_page_token.clone();
            $each
            if next.is_empty() {
                break;
            }
        }
    }};
}

/// Counts; `tell` hears how many records were seen.
pub async fn census(caller: &Caller, bundle: &Bundle, mut tell: impl FnMut(u64)) -> Result<Census> {
    let mut found = Census::default();
    organisation(caller, &mut found).await?;
    let accounts = accounts(caller, bundle, &mut found).await?;
    let (from, to) = span(bundle)?;
    duty(caller, (from, to), &mut found).await?;
    let mut client = performance::record_service_client::RecordServiceClient::new(caller.at.performance.clone());
    let mut claims = performance::claim_service_client::ClaimServiceClient::new(caller.at.performance.clone());
    for account_id in accounts {
        let (from, to) = (Some(instant(from)), Some(instant(to)));
        pages!(
            caller,
            client.list_records,
            |page_token| performance::ListRecordsRequest {
                account_id: account_id.clone(),
                from,
                to,
                page_size: PAGE,
                page_token,
                known_at: None
            },
            |reply| {
                for record in &reply.records {
                    found.records += 1;
                    found.record_seconds += seconds(record.started_at, record.ended_at);
                    let amount = record.amount_minor.filter(|_| record.currency.is_empty());
                    found.amount_minor += i128::from(amount.unwrap_or(0));
                }
                tell(found.records);
            }
        );
        pages!(
            caller,
            claims.list_claims,
            |page_token| performance::ListClaimsRequest {
                account_id: account_id.clone(),
                from,
                to,
                page_size: PAGE,
                page_token,
                ..Default::default()
            },
            |reply| {
                found.claims += reply.claims.len() as u64;
            }
        );
    }
    Ok(found)
}

async fn organisation(caller: &Caller, found: &mut Census) -> Result<()> {
    let mut client = identity::org_service_client::OrgServiceClient::new(caller.at.identity.clone());
    pages!(
        caller,
        client.list_org_units,
        |page_token| identity::ListOrgUnitsRequest { page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.units += reply.units.len() as u64;
        }
    );
    let mut client = identity::person_service_client::PersonServiceClient::new(caller.at.identity.clone());
    pages!(
        caller,
        client.list_people,
        |page_token| identity::ListPeopleRequest { page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.people += reply.people.len() as u64;
        }
    );
    let mut client = attendance::alias_service_client::AliasServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_aliases,
        |page_token| attendance::ListAliasesRequest { page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.aliases += reply.aliases.len() as u64;
        }
    );
    let mut client = attendance::device_service_client::DeviceServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_devices,
        |page_token| attendance::ListDevicesRequest {
            page_size: PAGE,
            page_token,
            counting_only: true,
            ..Default::default()
        },
        |reply| {
            found.devices += reply.devices.len() as u64;
        }
    );
    Ok(())
}

/// Counts all accounts; gives the ids of the bundle's.
async fn accounts(caller: &Caller, bundle: &Bundle, found: &mut Census) -> Result<Vec<String>> {
    let ours: std::collections::BTreeSet<String> =
        bundle.accounts.iter().map(tally_bundle::BundleAccount::path).collect();
    let mut ids = Vec::new();
    let mut client = attendance::account_service_client::AccountServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_accounts,
        |page_token| attendance::ListAccountsRequest { page_size: PAGE, page_token },
        |reply| {
            found.accounts += reply.accounts.len() as u64;
            ids.extend(reply.accounts.into_iter().filter(|a| ours.contains(&a.key)).map(|a| a.account_id));
        }
    );
    Ok(ids)
}

async fn duty(caller: &Caller, (from, to): (Timestamp, Timestamp), found: &mut Census) -> Result<()> {
    let (from, to) = (Some(instant(from)), Some(instant(to)));
    let mut client = attendance::roster_service_client::RosterServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_shifts,
        |page_token| attendance::ListShiftsRequest { from, to, page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.shifts += reply.shifts.len() as u64;
            found.shift_seconds += reply.shifts.iter().map(|shift| seconds(shift.start, shift.end)).sum::<i64>();
        }
    );
    let mut client = attendance::punch_service_client::PunchServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_punches,
        |page_token| attendance::ListPunchesRequest { from, to, page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.punches += reply.punches.len() as u64;
        }
    );
    let mut client = attendance::handover_service_client::HandoverServiceClient::new(caller.at.attendance.clone());
    pages!(
        caller,
        client.list_handovers,
        |page_token| attendance::ListHandoversRequest { from, to, page_size: PAGE, page_token, ..Default::default() },
        |reply| {
            found.handovers += reply.handovers.len() as u64;
        }
    );
    Ok(())
}

/// The bundle's period in every zone, with the night that goes on after it.
fn span(bundle: &Bundle) -> Result<(Timestamp, Timestamp)> {
    let day = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp());
    let (from, to) = (bundle.period.from.checked_sub(1.day())?, bundle.period.to.checked_add(2.days())?);
    Ok((day(from)?, day(to)?))
}

fn seconds(from: Option<prost_types::Timestamp>, to: Option<prost_types::Timestamp>) -> i64 {
    from.zip(to).map_or(0, |(from, to)| to.seconds - from.seconds)
}
