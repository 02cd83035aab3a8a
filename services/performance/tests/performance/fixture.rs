//! A group of a few people and accounts, peers that tell of them, and clients of the service under test with its
//! background work going.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tally_access::Permission;
use tally_api::attendance::v1 as att;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::attribution_run_service_client::AttributionRunServiceClient;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::change_service_client::ChangeServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::event_service_client::EventServiceClient;
use tally_api::performance::v1::finding_service_client::FindingServiceClient;
use tally_api::performance::v1::measure_service_client::MeasureServiceClient;
use tally_api::performance::v1::observation_service_client::ObservationServiceClient;
use tally_api::performance::v1::record_service_client::RecordServiceClient;
use tally_api::performance::v1::schedule_service_client::ScheduleServiceClient;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_api::performance::v1::transfer_service_client::TransferServiceClient;
use tally_cache::Cache;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId, TenantId};
use tally_kernel::page::{MAX_SIZE, Page};
use tally_performance::{Deps, POLICY, Peers, SERVICE, Trusted, build, migrations};
use tally_rpc::{Limits, Peer, RpcChannel, SigningKey, in_process};
use tally_runtime::{Compute, Trigger};
use tally_store::{AuditEntry, AuditOf, AuditQuery, Store};
use tally_testkit::callers::{Caller, everything};
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{Callers, FakePeer, clock, eventually};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::fake_peers::{self, Closed, Told};

pub const NOW: &str = "2026-04-02T01:00:00Z";
pub const TENANT: TenantId = TenantId(Uuid::from_u128(0xa1));
pub const NORTH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb1));
pub const SOUTH: OrgUnitId = OrgUnitId(Uuid::from_u128(0xb2));

/// The n-th person: odd ones are of `north/a`, even ones of `south/b`.
pub const fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0xc000 + n))
}

/// The n-th account: odd ones are of `north/a`, even ones of `south/b`.
pub const fn account(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(0xd000 + n))
}

fn home(n: u128) -> (OrgUnitId, &'static str, &'static str) {
    if n % 2 == 1 { (NORTH, "north/a", "cn-north") } else { (SOUTH, "south/b", "cn-south") }
}

pub fn at(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

/// What the peers tell.
#[derive(Clone, Debug, Default)]
pub struct PeerFacts {
    pub people: Vec<idn::Person>,
    pub accounts: Vec<att::Account>,
    pub aliases: Vec<att::Alias>,
    pub shifts: Vec<att::Shift>,
    pub punches: Vec<att::Punch>,
    pub duty: Vec<att::AccountOccupancy>,
    pub devices: Vec<att::DeviceUse>,
    pub bindings: Vec<att::Device>,
    pub findings: Vec<common::Finding>,
    pub retention: Vec<idn::Retention>,
    pub holds: Vec<idn::Hold>,
    pub rates: Vec<idn::Rate>,
    /// Whoever asks in somebody's name hears that nothing is allowed any more.
    pub without_rights: bool,
    /// A unit that is closed from a day on.
    pub closed: Option<Closed>,
    /// Facts of duty that were put right.
    pub corrections: Vec<att::Correction>,
    /// Corrections of punches that were asked for.
    pub asked: Vec<att::CorrectPunchRequest>,
}

impl PeerFacts {
    /// So many people and accounts, nobody on duty.
    pub fn of(people: u128, accounts: u128) -> Self {
        Self {
            people: (1..=people).map(one_person).collect(),
            accounts: (1..=accounts).map(one_account).collect(),
            ..Self::default()
        }
    }

    /// Puts a person on duty for an account.
    pub fn on_duty(&mut self, a: u128, p: u128, rule: att::DutyRule, start: &str, end: &str) {
        let (start, end) = (at(start), at(end));
        let evidence = format!("shift:{}", Uuid::from_u128(p));
        let row = att::Occupancy { person_id: person(p).to_string(), start, end, rule: rule.into(), evidence };
        let account_id = account(a).to_string();
        match self.duty.iter_mut().find(|d| d.account_id == account_id) {
            Some(duty) => duty.rows.push(row),
            None => self.duty.push(att::AccountOccupancy { account_id, rows: vec![row] }),
        }
    }
}

fn one_person(n: u128) -> idn::Person {
    let (unit, path, region) = home(n);
    let employment = idn::Employment {
        post: idn::Post::Home.into(),
        unit_id: unit.to_string(),
        unit_path: path.into(),
        region: region.into(),
        from: "2020-01-01".into(),
        ..Default::default()
    };
    idn::Person {
        person_id: person(n).to_string(),
        employee_no: format!("E{n:04}"),
        zone: "Asia/Shanghai".into(),
        employments: vec![employment],
        ..Default::default()
    }
}

/// The group, its two branches and their teams.
pub fn units() -> Vec<idn::OrgUnit> {
    let (root, north, south) = (Uuid::from_u128(0xb0), Uuid::from_u128(0xb3), Uuid::from_u128(0xb4));
    let unit = |id: Uuid, parent: Option<Uuid>, path: &str, region: &str| idn::OrgUnit {
        unit_id: id.to_string(),
        parent_id: parent.map(|parent| parent.to_string()).unwrap_or_default(),
        name: path.rsplit('/').next().unwrap_or_default().into(),
        path: path.into(),
        region: region.into(),
        valid_from: "1900-01-01".into(),
        ..Default::default()
    };
    vec![
        idn::OrgUnit { name: "Group".into(), ..unit(root, None, "", "*") },
        unit(north, Some(root), "north", "cn-north"),
        unit(NORTH.0, Some(north), "north/a", "cn-north"),
        unit(south, Some(root), "south", "cn-south"),
        unit(SOUTH.0, Some(south), "south/b", "cn-south"),
    ]
}

fn one_account(n: u128) -> att::Account {
    let (unit, path, region) = home(n);
    att::Account {
        account_id: account(n).to_string(),
        platform: "JD".into(),
        store: "shop".into(),
        name: format!("a{n:04}"),
        key: format!("JD/shop/a{n:04}"),
        zone: "Asia/Shanghai".into(),
        team_path: path.into(),
        unit_id: unit.to_string(),
        region: region.into(),
        exclusive: false,
        phases: vec![att::Phase { from: String::new(), kind: att::PhaseKind::Shared.into(), capacity: 1 }],
    }
}

/// The service under test on one database.
pub struct Fixture {
    pub db: TestStore,
    pub callers: Callers,
    /// May do everything in the group.
    pub admin: Caller,
    told: Told,
    /// Where the public keys of other regions' stacks are looked for.
    pub keys: tempfile::TempDir,
    /// What verifies the files that this stack releases.
    pub public: tally_rpc::PublicKey,
    pub channel: RpcChannel,
    background: Vec<tally_runtime::Task>,
    trigger: Trigger,
}

impl Fixture {
    /// With its background work going.
    pub async fn working(on: Backend, told: PeerFacts) -> Self {
        let mut fixture = Self::on(TestStore::on(on, SERVICE, migrations).await, told);
        fixture.work();
        fixture
    }

    /// Another replica on the same database, with no background work yet.
    pub async fn beside(first: &Self, told: PeerFacts) -> Self {
        let store = first.db.replica().await;
        let db = TestStore::sqlite(SERVICE, migrations).await;
        Self::with(store, db, told, 8)
    }

    /// On one database, with no background work yet.
    pub fn on(db: TestStore, told: PeerFacts) -> Self {
        Self::with(db.store.clone(), db, told, 7)
    }

    fn with(store: Store, db: TestStore, told: PeerFacts, seed: u64) -> Self {
        let callers = Callers::new(clock(NOW), seed);
        let told = Arc::new(Mutex::new(told));
        let peer = |fake: FakePeer| Peer::new(fake.channel(), callers.signer(SERVICE));
        let everybody = callers.context(&callers.person(TENANT, None, everything())).view;
        let identity = fake_peers::identity(&told, everybody);
        let peers = Peers { identity: peer(identity), attendance: peer(fake_peers::attendance(&told)) };
        let keys = tempfile::tempdir().unwrap();
        let signing = SigningKey::generate(SERVICE, &callers.rng);
        let public = signing.public().clone();
        let service = build(Deps {
            store,
            cache: Cache::memory(),
            peers,
            signing: signing.into(),
            trusted: Trusted::folder(keys.path().to_owned()),
            clock: callers.clock.clone(),
            rng: callers.rng.clone(),
            compute: Compute::new(0).unwrap(),
            replays: false,
            keeps_all: false,
        });
        let limits = Limits { calls_per_second: 0, ..Limits::default() };
        let guarded = callers.stack(SERVICE, POLICY, limits).guard(service.routes);
        let admin = callers.person(TENANT, None, everything());
        let background = service.background;
        Self {
            channel: in_process(&guarded),
            admin,
            callers,
            db,
            told,
            keys,
            public,
            background,
            trigger: Trigger::new(),
        }
    }

    /// Starts the background work.
    pub fn work(&mut self) {
        for task in self.background.drain(..) {
            task.start(self.trigger.shutdown());
        }
    }

    pub fn tell(&self, change: impl FnOnce(&mut PeerFacts)) {
        change(&mut self.told.lock().unwrap());
    }

    /// Lets time pass, and signs the administrator in again.
    pub fn pass(&mut self, by: jiff::SignedDuration) {
        self.callers.clock.advance(by);
        self.admin = self.callers.person(TENANT, None, everything());
    }

    /// Somebody who is this person and may do these things with what is about them.
    pub fn agent(&self, n: u128, permissions: &[Permission]) -> Caller {
        self.callers.of_person(TENANT, person(n), permissions)
    }

    /// Somebody who may do these things with what belongs to a unit.
    pub fn of_unit(&self, unit: OrgUnitId, permissions: &[Permission]) -> Caller {
        self.callers.of_unit(TENANT, unit, permissions)
    }

    pub fn records(&self) -> RecordServiceClient<RpcChannel> {
        RecordServiceClient::new(self.channel.clone())
    }

    pub fn observations(&self) -> ObservationServiceClient<RpcChannel> {
        ObservationServiceClient::new(self.channel.clone())
    }

    pub fn measures(&self) -> MeasureServiceClient<RpcChannel> {
        MeasureServiceClient::new(self.channel.clone())
    }

    pub fn schemes(&self) -> SchemeServiceClient<RpcChannel> {
        SchemeServiceClient::new(self.channel.clone())
    }

    pub fn schedules(&self) -> ScheduleServiceClient<RpcChannel> {
        ScheduleServiceClient::new(self.channel.clone())
    }

    pub fn cycles(&self) -> CycleServiceClient<RpcChannel> {
        CycleServiceClient::new(self.channel.clone())
    }

    pub fn attribution(&self) -> AttributionServiceClient<RpcChannel> {
        AttributionServiceClient::new(self.channel.clone())
    }

    pub fn runs(&self) -> AttributionRunServiceClient<RpcChannel> {
        AttributionRunServiceClient::new(self.channel.clone())
    }

    pub fn findings(&self) -> FindingServiceClient<RpcChannel> {
        FindingServiceClient::new(self.channel.clone())
    }

    /// The corrections of punches that attendance was asked for, each once.
    pub fn asked(&self) -> Vec<att::CorrectPunchRequest> {
        let mut asked = self.told.lock().unwrap().asked.clone();
        asked.dedup();
        asked
    }

    pub fn cards(&self) -> CardServiceClient<RpcChannel> {
        CardServiceClient::new(self.channel.clone())
    }

    pub fn changes(&self) -> ChangeServiceClient<RpcChannel> {
        ChangeServiceClient::new(self.channel.clone())
    }

    pub fn transfers(&self) -> TransferServiceClient<RpcChannel> {
        TransferServiceClient::new(self.channel.clone())
    }

    pub fn events(&self) -> EventServiceClient<RpcChannel> {
        EventServiceClient::new(self.channel.clone())
    }

    /// Imports records of an account where it belongs.
    pub async fn import(&self, a: u128, rows: Vec<pb::Record>) -> common::ImportResult {
        self.records().import_records(self.admin.request(import(a, rows))).await.unwrap().into_inner().result.unwrap()
    }

    /// Makes a cycle over March 2026 with the usual scheme.
    pub async fn march(&self) -> String {
        let scheme = self.scheme(scheme()).await;
        self.make(cycle(&scheme)).await.unwrap()
    }

    /// Closes a cycle and watches it until it rests.
    pub async fn close(&self, cycle_id: &str) -> pb::Cycle {
        self.close_from(cycle_id, "").await
    }

    /// Closes a cycle from a run, or a new one, and watches it until it rests.
    pub async fn close_from(&self, cycle_id: &str, run: &str) -> pb::Cycle {
        let ask =
            pb::CloseCycleRequest { cycle_id: cycle_id.into(), attribution_run_id: run.into(), ..Default::default() };
        self.cycles().close_cycle(self.admin.request(ask)).await.unwrap();
        self.watch(cycle_id).await
    }

    /// Makes a cycle.
    pub async fn make(&self, cycle: pb::Cycle) -> Result<String, String> {
        let ask = pb::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
        let made = self.cycles().create_cycle(self.admin.request(ask)).await;
        made.map(|made| made.into_inner().cycle.unwrap().cycle_id)
            .map_err(|e| tally_rpc::error_from(e).reason().to_owned())
    }

    /// Writes a scheme: its id.
    pub async fn scheme(&self, scheme: pb::Scheme) -> String {
        let ask = pb::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
        let made = self.schemes().create_scheme_version(self.admin.request(ask)).await.unwrap().into_inner();
        made.scheme.unwrap().scheme_id
    }

    /// Starts a run over March 2026 and watches it until it rests.
    pub async fn attribute(&self, run: pb::AttributionRun) -> pb::AttributionRun {
        let run = pb::AttributionRun { period: cycle("").period, ..run };
        let ask = pb::StartAttributionRunRequest { run: Some(run), ..Default::default() };
        let started =
            self.runs().start_attribution_run(self.admin.request(ask)).await.unwrap().into_inner().run.unwrap();
        let ask = pb::WatchAttributionRunRequest { attribution_run_id: started.attribution_run_id };
        let mut states = self.runs().watch_attribution_run(self.admin.request(ask)).await.unwrap().into_inner();
        let mut last = None;
        while let Some(state) = states.message().await.unwrap() {
            last = state.run;
        }
        last.unwrap()
    }

    /// Watches a cycle until it rests.
    pub async fn watch(&self, cycle_id: &str) -> pb::Cycle {
        let ask = pb::WatchCycleRequest { cycle_id: cycle_id.into() };
        let mut states = self.cycles().watch_cycle(self.admin.request(ask)).await.unwrap().into_inner();
        let mut last = None;
        while let Some(state) = states.message().await.unwrap() {
            last = state.cycle;
        }
        last.unwrap()
    }

    /// Waits until what so many runs of a cycle wrote was thrown away.
    pub async fn discarded(&self, cycle_id: &str, runs: usize) {
        let query = AuditQuery { of: AuditOf::Subject("cycle".into(), cycle_id.into()), from: None, to: None };
        eventually("what a run wrote is thrown away", async || {
            self.db.store.sequence_now().await.unwrap();
            let page = Page::read(MAX_SIZE, "", b"").unwrap();
            let (entries, _) = self.db.store.search_audit(&query, &page).await.unwrap();
            let ended = |e: &AuditEntry| e.action == "performance.cycle.discard";
            (entries.iter().filter(|(_, entry)| ended(entry)).count() >= runs).then_some(())
        })
        .await;
    }

    /// All credits that a caller may see, in their order.
    pub async fn credits(&self, caller: &Caller, cycle_id: &str) -> Vec<pb::Credit> {
        self.credits_of(caller, pb::ExportCreditsRequest { cycle_id: cycle_id.into(), ..Default::default() }).await
    }

    /// All credits of a cycle or a run that a caller may see, in their order.
    pub async fn credits_of(&self, caller: &Caller, ask: pb::ExportCreditsRequest) -> Vec<pb::Credit> {
        let mut parts = self.attribution().export_credits(caller.request(ask)).await.unwrap().into_inner();
        let mut credits = Vec::new();
        while let Some(part) = parts.message().await.unwrap() {
            credits.extend(part.credits);
        }
        credits
    }
}

/// An import where the account belongs.
pub fn import(a: u128, rows: Vec<pb::Record>) -> pb::ImportRecordsRequest {
    let (unit, _, region) = home(a);
    pb::ImportRecordsRequest {
        account_id: account(a).to_string(),
        region: region.into(),
        unit_id: unit.to_string(),
        rows,
        ..Default::default()
    }
}

/// A record of five minutes.
pub fn record(id: &str, start: &str) -> pb::Record {
    let start: Timestamp = start.parse().unwrap();
    let end = start + jiff::SignedDuration::from_mins(5);
    pb::Record {
        external_id: id.into(),
        started_at: at(&start.to_string()),
        ended_at: at(&end.to_string()),
        kind: "presale".into(),
        first_reply_ms: Some(12_000),
        resolved: Some(true),
        ..Default::default()
    }
}

/// As [`record`], by an agent that the platform names.
pub fn by(agent: &str, id: &str, start: &str) -> pb::Record {
    pb::Record { agent: agent.into(), ..record(id, start) }
}

/// Credited records 40, first reply and resolved 30 each.
pub fn scheme() -> pb::Scheme {
    let kpi = |measure: &str, target: &str, weight: &str| pb::Kpi {
        key: measure.into(),
        measure: measure.into(),
        target: target.into(),
        weight: weight.into(),
        direction: pb::Direction::Higher.into(),
        normalisation: pb::Normalisation::TargetPiecewise.into(),
        ..Default::default()
    };
    pb::Scheme {
        name: "service".into(),
        kpis: vec![
            kpi("credited_records", "team_median", "40"),
            kpi("first_reply_within_30s", "100", "30"),
            kpi("resolved", "100", "30"),
        ],
        collaboration: true,
        ..Default::default()
    }
}

/// March 2026.
pub fn cycle(scheme_id: &str) -> pb::Cycle {
    pb::Cycle {
        name: "March".into(),
        period: Some(common::Period { from: "2026-03-01".into(), to: "2026-03-31".into() }),
        scheme_id: scheme_id.into(),
        ..Default::default()
    }
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    tally_rpc::error_from(answer.unwrap_err()).reason().to_owned()
}

/// Each refused row with its reason.
pub fn problems(result: &common::ImportResult) -> Vec<(u32, &str)> {
    result.problems.iter().map(|p| (p.index, p.reason.as_str())).collect()
}
