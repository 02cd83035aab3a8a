//! Identity and attendance, as far as this service asks them: they tell what a test wants them to.

use std::sync::{Arc, Mutex};

use jiff::civil::Date;
use tally_access::View;
use tally_api::attendance::v1 as att;
use tally_api::identity::v1 as idn;
use tally_kernel::id::OrgUnitId;
use tally_kernel::{Error, Kind, Locale, msg};
use tally_rpc::status;
use tally_testkit::FakePeer;

use crate::fixture::{PeerFacts, units};

/// What the peers tell; a test changes it while the service runs.
pub type Told = Arc<Mutex<PeerFacts>>;

/// A unit that is closed.
#[derive(Clone, Debug)]
pub struct Closed {
    pub unit: OrgUnitId,
    /// The first day without it.
    pub from: Date,
    /// Where its people go.
    pub into: Option<OrgUnitId>,
}

impl Closed {
    /// The unit as it is told once that is known.
    pub fn told(&self, unit: idn::OrgUnit) -> idn::OrgUnit {
        if unit.unit_id != self.unit.to_string() {
            return unit;
        }
        let into_id = self.into.map(|into| into.to_string()).unwrap_or_default();
        idn::OrgUnit { valid_to: self.from.yesterday().unwrap().to_string(), into_id, ..unit }
    }
}

/// The answer to a question of whatever the peers tell when they are asked.
fn now<A, R>(told: &Told, answer: fn(PeerFacts) -> R) -> impl Fn(A) -> Result<R, tonic::Status> + use<A, R> {
    let told = Arc::clone(told);
    move |_| Ok(answer(told.lock().unwrap().clone()))
}

/// `view` is what everybody may do whose view is asked for.
pub fn identity(told: &Told, view: Arc<View>) -> FakePeer {
    let (rights, nothing) = (Arc::clone(told), View::nothing(1, None));
    let view = move |_: idn::GetViewRequest| {
        let without = rights.lock().unwrap().without_rights;
        Ok(tally_rpc::write_view(if without { &nothing } else { &view }))
    };
    let tenant = |_: idn::GetTenantRequest| {
        let tenant = idn::Tenant {
            currency: "CNY".into(),
            zone: "Asia/Shanghai".into(),
            regions: ["cn-north", "cn-south", "eu-west"].map(Into::into).into(),
            ..Default::default()
        };
        Ok(idn::GetTenantResponse { tenant: Some(tenant) })
    };
    let people = now::<idn::ListPeopleRequest, _>(told, |told| idn::ListPeopleResponse {
        people: told.people,
        ..Default::default()
    });
    let tree = Arc::clone(told);
    let units = move |ask: idn::ListOrgUnitsRequest| {
        let closed = tree.lock().unwrap().closed.clone();
        // What is closed is told with its last day.
        let told = |unit: idn::OrgUnit| closed.as_ref().map_or(unit.clone(), |closed| closed.told(unit));
        let all = units().into_iter().map(told);
        if !ask.unit_ids.is_empty() {
            let named = all.filter(|unit| ask.unit_ids.contains(&unit.unit_id));
            let units = named.map(|unit| idn::OrgUnit { valid_from: "2026-01-01".into(), ..unit }).collect();
            return Ok(idn::ListOrgUnitsResponse { units, ..Default::default() });
        }
        if !ask.through.is_empty() {
            return Ok(idn::ListOrgUnitsResponse { units: all.collect(), ..Default::default() });
        }
        let is_gone =
            |unit: &idn::OrgUnit| !unit.valid_to.is_empty() && (ask.as_of.is_empty() || unit.valid_to < ask.as_of);
        let (gone, units): (Vec<_>, Vec<_>) = all.partition(is_gone);
        Ok(idn::ListOrgUnitsResponse { units, gone, ..Default::default() })
    };
    let rates = now::<idn::ListRatesRequest, _>(told, |told| idn::ListRatesResponse {
        rates: told.rates,
        ..Default::default()
    });
    let retention = now::<idn::ListRetentionRequest, _>(told, |told| {
        let kinds = [
            ("attendance.aliases", 24),
            ("attendance.duty", 24),
            ("performance.records", 24),
            ("performance.results", 60),
            ("suite.requests", 1),
        ];
        let kind = |(kind, months): (&str, u32)| {
            let set = told.retention.iter().find(|set| set.kind == kind).cloned();
            set.unwrap_or_else(|| idn::Retention { kind: kind.into(), months, ..Default::default() })
        };
        idn::ListRetentionResponse { schedule: kinds.map(kind).into() }
    });
    let holds = now::<idn::ListHoldsRequest, _>(told, |told| idn::ListHoldsResponse {
        holds: told.holds,
        ..Default::default()
    });
    FakePeer::new("identity")
        .answers("tally.identity.v1.RetentionService/ListRetention", retention)
        .answers("tally.identity.v1.HoldService/ListHolds", holds)
        .answers("tally.identity.v1.AccessService/GetView", view)
        .answers("tally.identity.v1.RateService/ListRates", rates)
        .answers("tally.identity.v1.TenantService/GetTenant", tenant)
        .answers("tally.identity.v1.PersonService/ListPeople", people)
        .answers("tally.identity.v1.OrgService/ListOrgUnits", units)
}

pub fn attendance(told: &Told) -> FakePeer {
    let accounts = now::<att::ListAccountsRequest, _>(told, |told| att::ListAccountsResponse {
        accounts: told.accounts,
        ..Default::default()
    });
    let aliases = now::<att::ListAliasesRequest, _>(told, |told| att::ListAliasesResponse {
        aliases: told.aliases,
        ..Default::default()
    });
    let shifts = now::<att::ListShiftsRequest, _>(told, |told| att::ListShiftsResponse {
        shifts: told.shifts,
        ..Default::default()
    });
    let punches = now::<att::ListPunchesRequest, _>(told, |told| att::ListPunchesResponse {
        punches: told.punches,
        ..Default::default()
    });
    let on_duty = Arc::clone(told);
    let occupancy = move |_: att::ListOccupancyRequest| {
        let told = on_duty.lock().unwrap().clone();
        let part = |one| att::ListOccupancyResponse { accounts: vec![one], findings: vec![] };
        let findings = att::ListOccupancyResponse { accounts: vec![], findings: told.findings };
        told.duty.into_iter().map(part).chain([findings]).map(Ok).collect()
    };
    let with_devices = Arc::clone(told);
    let uses = move |_: att::ListDeviceUsesRequest| {
        let uses = with_devices.lock().unwrap().devices.clone();
        uses.into_iter().map(|one| Ok(att::ListDeviceUsesResponse { uses: vec![one] })).collect()
    };
    let bindings = now::<att::ListDevicesRequest, _>(told, |told| att::ListDevicesResponse {
        devices: told.bindings,
        ..Default::default()
    });
    let corrections = now::<att::ListCorrectionsRequest, _>(told, |told| att::ListCorrectionsResponse {
        corrections: told.corrections,
        ..Default::default()
    });
    let asked = Arc::clone(told);
    let correct = move |ask: att::CorrectPunchRequest| {
        let mut asked = asked.lock().unwrap();
        if asked.asked.iter().any(|before| before.request_id != ask.request_id && before.at == ask.at) {
            let error = Error::of(Kind::FailedPrecondition, msg!("NOTHING_CHANGES"));
            return Err(status(error, Locale::En));
        }
        asked.asked.push(ask.clone());
        let state = att::CorrectionState::Waiting.into();
        let correction = att::Correction { state, person_id: ask.person_id, reason: ask.reason, ..Default::default() };
        Ok(att::CorrectPunchResponse { correction: Some(correction) })
    };
    FakePeer::new("attendance")
        .answers("tally.attendance.v1.CorrectionService/CorrectPunch", correct)
        .answers("tally.attendance.v1.CorrectionService/ListCorrections", corrections)
        .answers("tally.attendance.v1.AccountService/ListAccounts", accounts)
        .answers("tally.attendance.v1.AliasService/ListAliases", aliases)
        .answers("tally.attendance.v1.RosterService/ListShifts", shifts)
        .answers("tally.attendance.v1.PunchService/ListPunches", punches)
        .answers("tally.attendance.v1.DeviceService/ListDevices", bindings)
        .streams("tally.attendance.v1.OccupancyService/ListOccupancy", occupancy)
        .streams("tally.attendance.v1.DeviceService/ListDeviceUses", uses)
}
