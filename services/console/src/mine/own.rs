//! What the rpcs tell of the reader alone, and of the accounts that they serve.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use tally_access::Permission;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::handover_service_client::HandoverServiceClient;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::attendance::v1::{
    Account, Correction, Handover, ListAccountsRequest, ListCorrectionsRequest, ListHandoversRequest,
    ListPunchesRequest, ListShiftsRequest, Punch, Shift,
};
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::{Cycle, ListCyclesRequest};
use tally_kernel::{Result, msg};

use crate::format::zone_name;
use crate::ui::{Ui, as_sent};
use crate::visit::Visit;

/// Rows that a service gives at once.
const AT_ONCE: u32 = 1_000;

/// A stretch of time.
pub type Within = (Timestamp, Timestamp);

/// The zone that the reader works in: days are its days, whatever zone times are shown in.
pub fn site(visit: &Visit) -> TimeZone {
    visit.me().zone.unwrap_or(TimeZone::UTC)
}

/// A time of the day, with its zone.
pub fn clock(ui: &Ui, at: Timestamp) -> String {
    let zone = ui.format.zone();
    format!("{}\u{a0}{}", ui.format.time_in(at, zone), zone_name(at, zone))
}

/// Which zone times are shown in, and which the reader works in where that is another.
pub fn zone_said(ui: &Ui, site: &TimeZone) -> String {
    let name = |zone: &TimeZone| zone.iana_name().unwrap_or("UTC").to_owned();
    let (zone, site) = (name(ui.format.zone()), name(site));
    if zone == site { ui.say(&msg!("UI_MINE_ZONE", zone)) } else { ui.say(&msg!("UI_MINE_ZONE_OTHER", zone, site)) }
}

/// A length of time, as hours and minutes.
pub fn lasts(ui: &Ui, span: SignedDuration) -> String {
    let (hours, minutes) = (span.as_hours(), span.as_mins().rem_euclid(60));
    ui.say(&msg!("UI_MINE_LASTS", hours, minutes))
}

/// The reader's punches, by time.
pub async fn punches(visit: &Visit, (from, to): Within) -> Result<Vec<Punch>> {
    let client = PunchServiceClient::new(visit.channel("attendance")?);
    let person_id = visit.me().person_id;
    tally_rpc::pages(async |page_token| {
        let (from, to) = (Some(as_sent(from)), Some(as_sent(to)));
        let ask = ListPunchesRequest {
            from,
            to,
            person_id: person_id.clone(),
            page_size: AT_ONCE,
            page_token,
            ..Default::default()
        };
        let page = client.clone().list_punches(visit.request(ask)).await?.into_inner();
        Ok((page.punches, page.next_page_token))
    })
    .await
}

/// The reader's shifts that count, by start.
pub async fn shifts(visit: &Visit, (from, to): Within) -> Result<Vec<Shift>> {
    let client = RosterServiceClient::new(visit.channel("attendance")?);
    let me = visit.me().person_id;
    tally_rpc::pages(async |page_token| {
        let ask = ListShiftsRequest {
            from: Some(as_sent(from)),
            to: Some(as_sent(to)),
            person_id: me.clone(),
            page_size: AT_ONCE,
            page_token,
            counting_only: true,
            ..Default::default()
        };
        let page = client.clone().list_shifts(visit.request(ask)).await?.into_inner();
        Ok((page.shifts, page.next_page_token))
    })
    .await
}

/// Takes and releases that count, of everybody whom the reader may see.
pub async fn handovers(visit: &Visit, (from, to): Within) -> Result<Vec<Handover>> {
    if !visit.me().may(Permission::HandoverRead) {
        return Ok(Vec::new());
    }
    let client = HandoverServiceClient::new(visit.channel("attendance")?);
    tally_rpc::pages(async |page_token| {
        let (from, to) = (Some(as_sent(from)), Some(as_sent(to)));
        let ask = ListHandoversRequest {
            from,
            to,
            page_size: AT_ONCE,
            page_token,
            counting_only: true,
            ..Default::default()
        };
        let page = client.clone().list_handovers(visit.request(ask)).await?.into_inner();
        Ok((page.handovers, page.next_page_token))
    })
    .await
}

/// The reader's own corrections, newest first.
pub async fn corrections(visit: &Visit) -> Result<Vec<Correction>> {
    if !visit.me().may(Permission::CorrectionRead) {
        return Ok(Vec::new());
    }
    let client = CorrectionServiceClient::new(visit.channel("attendance")?);
    let person_id = visit.me().person_id;
    let ask = ListCorrectionsRequest { person_id, page_size: AT_ONCE, ..Default::default() };
    Ok(crate::console::told(client.clone().list_corrections(visit.request(ask))).await?.corrections)
}

/// The accounts that the reader may see.
#[derive(Clone, Debug, Default)]
pub struct Accounts(BTreeMap<String, Account>);

impl Accounts {
    /// What an account is called; one whose name the reader may not see is told apart by the end of its id.
    pub fn name(&self, ui: &Ui, id: &str) -> String {
        self.0.get(id).map_or_else(|| nameless(ui, id), |it| format!("{} · {} · {}", it.platform, it.store, it.name))
    }

    /// The same of an account whose key, `platform/store/name`, is known besides.
    pub fn name_or(&self, ui: &Ui, id: &str, key: &str) -> String {
        if self.0.contains_key(id) || key.is_empty() { self.name(ui, id) } else { key.replace('/', " · ") }
    }

    /// Ids of all of them.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

fn nameless(ui: &Ui, id: &str) -> String {
    let end = id.len().saturating_sub(6);
    let code = id.get(end..).unwrap_or(id).to_owned();
    ui.say(&msg!("UI_MINE_ACCOUNT", code))
}

/// The accounts that the reader may see.
pub async fn accounts(visit: &Visit) -> Result<Accounts> {
    if !visit.me().may(Permission::AccountRead) {
        return Ok(Accounts::default());
    }
    let client = AccountServiceClient::new(visit.channel("attendance")?);
    let all = tally_rpc::pages(async |page_token| {
        let ask = ListAccountsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_accounts(visit.request(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    })
    .await?;
    Ok(Accounts(all.into_iter().map(|account| (account.account_id.clone(), account)).collect()))
}

/// The cycles that the reader may see, newest first; corrections are versions of theirs and stand in none of their own.
pub async fn cycles(visit: &Visit) -> Result<Vec<Cycle>> {
    if !visit.me().may(Permission::CycleRead) {
        return Ok(Vec::new());
    }
    let client = CycleServiceClient::new(visit.channel("performance")?);
    let mut all = tally_rpc::pages(async |page_token| {
        let ask = ListCyclesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_cycles(visit.request(ask)).await?.into_inner();
        Ok((page.cycles, page.next_page_token))
    })
    .await?;
    all.retain(|cycle| cycle.corrects_id.is_empty());
    Ok(all)
}

/// What a cycle is called.
pub fn cycle_name(ui: &Ui, cycle: &Cycle) -> String {
    let period = cycle.period.clone().unwrap_or_default();
    let said = ui.format.period(&period.from, &period.to);
    if cycle.name.is_empty() || cycle.name.starts_with(&period.from) {
        said
    } else {
        format!("{} · {said}", cycle.name)
    }
}

/// Whose punches a device queues: nobody's name or id, and another for each login.
pub fn whose(visit: &Visit) -> String {
    hex::encode(Sha256::digest(format!("tally queue {}", visit.me().principal_id))).chars().take(16).collect()
}
