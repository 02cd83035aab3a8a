//! A group of three people in two regions, an identity that tells of them, and clients of the service under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tally_access::{Permission, Reach};
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_api::attendance::v1::event_service_client::EventServiceClient;
use tally_api::attendance::v1::handover_service_client::HandoverServiceClient;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::attendance::v1::site_service_client::SiteServiceClient;
use tally_api::common::v1::ImportResult;
use tally_api::identity::v1 as identity;
use tally_attendance::{Deps, POLICY, Peers, SERVICE, build, migrations};
use tally_kernel::id::{OrgUnitId, PersonId, TenantId};
use tally_rpc::{Limits, Peer, RpcChannel, in_process};
use tally_runtime::Compute;
use tally_testkit::callers::Caller;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{Callers, FakePeer, clock};
use tonic::{Response, Status};
use uuid::Uuid;

/// Monday morning in Shanghai.
pub const NOW: &str = "2026-03-02T01:00:00Z";
pub const TENANT: TenantId = TenantId(Uuid::from_u128(0xa1));
/// `north/a` in cn-north: E1 and E2, who has a second post in `south/c` since March. `south/b` in cn-south: E3.
pub const NORTH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb1));
pub const SOUTH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb2));
const SECOND: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb3));

pub const fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0xc0 + n))
}

pub fn at(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

/// What identity was asked, as of which of its revisions it answers, and who is on hold.
#[derive(Default)]
pub struct Heard {
    held: std::sync::Mutex<Vec<PersonId>>,
    revision: AtomicU64,
    pages: AtomicU64,
}

impl Heard {
    pub fn change(&self) {
        self.revision.fetch_add(1, Ordering::SeqCst);
    }

    /// A legal hold covers this person from now on.
    pub fn hold(&self, person: PersonId) {
        self.held.lock().expect("holds").push(person);
    }

    /// No legal hold covers anybody any more.
    pub fn lift(&self) {
        self.held.lock().expect("holds").clear();
    }

    fn holds(&self) -> identity::ListHoldsResponse {
        let held = self.held.lock().expect("holds");
        let hold = |person: &PersonId| identity::Hold { person_id: person.to_string(), ..Default::default() };
        identity::ListHoldsResponse { holds: held.iter().map(hold).collect(), ..Default::default() }
    }

    /// Pages of people that were given out.
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::SeqCst)
    }

    fn page(&self, ask: &identity::ListPeopleRequest) -> identity::ListPeopleResponse {
        let revision = self.revision.load(Ordering::SeqCst);
        if revision > 0 && ask.known_revision == revision {
            return identity::ListPeopleResponse { revision, unchanged: true, ..Default::default() };
        }
        self.pages.fetch_add(1, Ordering::SeqCst);
        let n: u128 = ask.page_token.parse().unwrap_or(1);
        let next_page_token = if n < 3 { (n + 1).to_string() } else { String::new() };
        identity::ListPeopleResponse { people: vec![told(n)], next_page_token, revision, ..Default::default() }
    }
}

fn told(n: u128) -> identity::Person {
    let (north, south) = ((NORTH, "north/a", "cn-north"), (SOUTH, "south/b", "cn-south"));
    let employment = |(unit, path, region): (OrgUnitId, &str, &str)| identity::Employment {
        unit_id: unit.to_string(),
        unit_path: path.into(),
        region: region.into(),
        from: "2020-01-01".into(),
        post: identity::Post::Home.into(),
        ..Default::default()
    };
    let mut employments = vec![employment(if n < 3 { north } else { south })];
    if n == 2 {
        let (post, from) = (identity::Post::Concurrent.into(), "2026-03-01".into());
        employments.push(identity::Employment { post, from, ..employment((SECOND, "south/c", "cn-south")) });
    }
    identity::Person {
        person_id: person(n).to_string(),
        employee_no: format!("E{n}"),
        zone: "Asia/Shanghai".into(),
        employments,
        ..Default::default()
    }
}

/// Tells of the three people, one a page, of two units, and that duty and nicknames are kept for two years.
fn identity(heard: &Arc<Heard>) -> FakePeer {
    let (heard, holds) = (Arc::clone(heard), Arc::clone(heard));
    let retention = |_: identity::ListRetentionRequest| {
        let kind = |kind: &str| identity::Retention { kind: kind.into(), months: 24, ..Default::default() };
        Ok(identity::ListRetentionResponse { schedule: ["attendance.aliases", "attendance.duty"].map(kind).into() })
    };
    let person = |ask: identity::GetPersonRequest| {
        let found = (1..=3).find(|n| person(*n).to_string() == ask.person_id).map(told);
        Ok(identity::GetPersonResponse { person: found, ..Default::default() })
    };
    let units = |_: identity::ListOrgUnitsRequest| {
        let unit = |id: OrgUnitId, parent: Option<OrgUnitId>, path: &str, region: &str| identity::OrgUnit {
            unit_id: id.to_string(),
            parent_id: parent.map(|parent| parent.to_string()).unwrap_or_default(),
            name: path.rsplit('/').next().unwrap_or_default().into(),
            path: path.into(),
            region: region.into(),
            valid_from: "1900-01-01".into(),
            ..Default::default()
        };
        let [root, north, south] = [0xba, 0xbb, 0xbc].map(|n| OrgUnitId(Uuid::from_u128(n)));
        let units = vec![
            unit(root, None, "", "*"),
            unit(north, Some(root), "north", "cn-north"),
            unit(NORTH, Some(north), "north/a", "cn-north"),
            unit(south, Some(root), "south", "cn-south"),
            unit(SOUTH, Some(south), "south/b", "cn-south"),
            unit(SECOND, Some(south), "south/c", "cn-south"),
        ];
        Ok(identity::ListOrgUnitsResponse { units, ..Default::default() })
    };
    FakePeer::new("identity")
        .answers("tally.identity.v1.PersonService/ListPeople", move |ask| Ok(heard.page(&ask)))
        .answers("tally.identity.v1.PersonService/GetPerson", person)
        .answers("tally.identity.v1.OrgService/ListOrgUnits", units)
        .answers("tally.identity.v1.RetentionService/ListRetention", retention)
        .answers("tally.identity.v1.HoldService/ListHolds", move |_: identity::ListHoldsRequest| Ok(holds.holds()))
}

/// The service under test on one database.
pub struct TestAttendance {
    pub db: TestStore,
    pub callers: Callers,
    /// May do everything in the group.
    pub admin: Caller,
    /// What identity was asked.
    pub heard: Arc<Heard>,
    channel: RpcChannel,
}

impl TestAttendance {
    pub async fn on(backend: Backend) -> Self {
        let db = TestStore::on(backend, SERVICE, migrations).await;
        let callers = Callers::new(clock(NOW), 7);
        let heard = Arc::default();
        let peers = Peers { identity: Peer::new(identity(&heard).channel(), callers.signer(SERVICE)) };
        let compute = Compute::new(1).expect("a pool");
        let service = build(Deps {
            store: db.store.clone(),
            cache: tally_cache::Cache::memory(),
            peers,
            clock: callers.clock.clone(),
            rng: callers.rng.clone(),
            compute,
            replays: false,
            keeps_all: false,
        });
        let guarded = callers.stack(SERVICE, POLICY, Limits::default()).guard(service.routes);
        let everything = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
        let admin = callers.person(TENANT, None, everything);
        Self { channel: in_process(&guarded), admin, callers, db, heard }
    }

    /// Somebody who is this person and may do these things with what is about them.
    pub fn agent(&self, n: u128, permissions: &[Permission]) -> Caller {
        self.callers.of_person(TENANT, person(n), permissions)
    }

    /// Somebody who may do these things with what belongs to a unit.
    pub fn of_unit(&self, unit: OrgUnitId, permissions: &[Permission]) -> Caller {
        self.callers.of_unit(TENANT, unit, permissions)
    }

    pub fn sites(&self) -> SiteServiceClient<RpcChannel> {
        SiteServiceClient::new(self.channel.clone())
    }

    pub fn accounts(&self) -> AccountServiceClient<RpcChannel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub fn rosters(&self) -> RosterServiceClient<RpcChannel> {
        RosterServiceClient::new(self.channel.clone())
    }

    pub fn punches(&self) -> PunchServiceClient<RpcChannel> {
        PunchServiceClient::new(self.channel.clone())
    }

    pub fn handovers(&self) -> HandoverServiceClient<RpcChannel> {
        HandoverServiceClient::new(self.channel.clone())
    }

    pub fn aliases(&self) -> AliasServiceClient<RpcChannel> {
        AliasServiceClient::new(self.channel.clone())
    }

    pub fn devices(&self) -> DeviceServiceClient<RpcChannel> {
        DeviceServiceClient::new(self.channel.clone())
    }

    pub fn occupancy(&self) -> OccupancyServiceClient<RpcChannel> {
        OccupancyServiceClient::new(self.channel.clone())
    }

    pub fn corrections(&self) -> CorrectionServiceClient<RpcChannel> {
        CorrectionServiceClient::new(self.channel.clone())
    }

    pub fn events(&self) -> EventServiceClient<RpcChannel> {
        EventServiceClient::new(self.channel.clone())
    }

    /// Brings in accounts and gives their ids by name.
    pub async fn with_accounts(&self, rows: Vec<pb::Account>) -> Vec<String> {
        let names: Vec<String> = rows.iter().map(|a| a.name.clone()).collect();
        let ask = pb::ImportAccountsRequest { rows, ..Default::default() };
        let result =
            self.accounts().import_accounts(self.admin.request(ask)).await.expect("an answer").into_inner().result;
        assert_eq!(counts(result), (names.len() as u32, 0, vec![]), "{}", self.db.name);
        let ask = pb::ListAccountsRequest::default();
        let all =
            self.accounts().list_accounts(self.admin.request(ask)).await.expect("an answer").into_inner().accounts;
        let id = |name: &String| all.iter().find(|a| a.name == *name).map(|a| a.account_id.clone()).unwrap_or_default();
        names.iter().map(id).collect()
    }

    pub async fn publish(&self, rows: Vec<pb::Shift>) -> Option<ImportResult> {
        let ask = pb::PublishShiftsRequest { rows, ..Default::default() };
        self.rosters().publish_shifts(self.admin.request(ask)).await.expect("an answer").into_inner().result
    }

    pub async fn punch(&self, rows: Vec<pb::Punch>) -> Option<ImportResult> {
        let ask = pb::ImportPunchesRequest { rows, ..Default::default() };
        self.punches().import_punches(self.admin.request(ask)).await.expect("an answer").into_inner().result
    }

    pub async fn hand_over(&self, rows: Vec<pb::Handover>) -> Option<ImportResult> {
        let ask = pb::ImportHandoversRequest { rows, ..Default::default() };
        self.handovers().import_handovers(self.admin.request(ask)).await.expect("an answer").into_inner().result
    }
}

/// Written, unchanged, and each refused row with its reason.
pub fn counts(result: Option<ImportResult>) -> (u32, u32, Vec<(u32, String)>) {
    let result = result.unwrap_or_default();
    (result.written, result.unchanged, result.problems.into_iter().map(|p| (p.index, p.reason)).collect())
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    tally_rpc::error_from(answer.expect_err("a refusal")).reason().to_owned()
}

/// The reason of the first field that is wrong.
pub fn first_violation<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    let error = tally_rpc::error_from(answer.expect_err("a refusal"));
    error.violations().first().map_or("", |wrong| wrong.message.reason()).to_owned()
}

pub fn account(name: &str, team: &str) -> pb::Account {
    pb::Account {
        platform: "JD".into(),
        store: "shop".into(),
        name: name.into(),
        zone: "Asia/Shanghai".into(),
        team_path: team.into(),
        phases: vec![pb::Phase { from: String::new(), kind: pb::PhaseKind::Shared.into(), capacity: 2 }],
        ..Default::default()
    }
}

pub fn shift(n: u128, account: &str, start: &str, end: &str) -> pb::Shift {
    pb::Shift {
        person_id: person(n).to_string(),
        account_id: account.into(),
        start: at(start),
        end: at(end),
        ..Default::default()
    }
}

pub fn punch(n: u128, kind: pb::PunchKind, when: &str) -> pb::Punch {
    pb::Punch { person_id: person(n).to_string(), at: at(when), kind: kind.into(), ..Default::default() }
}

pub fn handover(n: u128, account: &str, kind: pb::HandoverKind, when: &str) -> pb::Handover {
    pb::Handover {
        handover_id: String::new(),
        account_id: account.into(),
        person_id: person(n).to_string(),
        at: at(when),
        kind: kind.into(),
        standing: None,
    }
}
