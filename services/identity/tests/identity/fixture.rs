//! Identity as it is built for production, on a store of its own, with a group in it.

use std::sync::Arc;

use jiff::SignedDuration;
use tally_access::{Actor, OpContext, Permission, Regions, Target, compile_service};
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_api::identity::v1::break_glass_service_client::BreakGlassServiceClient;
use tally_api::identity::v1::catalogue_service_client::CatalogueServiceClient;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::delegation_service_client::DelegationServiceClient;
use tally_api::identity::v1::entitlement_service_client::EntitlementServiceClient;
use tally_api::identity::v1::erasure_service_client::ErasureServiceClient;
use tally_api::identity::v1::event_service_client::EventServiceClient;
use tally_api::identity::v1::hold_service_client::HoldServiceClient;
use tally_api::identity::v1::login_service_client::LoginServiceClient;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::rate_service_client::RateServiceClient;
use tally_api::identity::v1::reporting_service_client::ReportingServiceClient;
use tally_api::identity::v1::retention_service_client::RetentionServiceClient;
use tally_api::identity::v1::role_service_client::RoleServiceClient;
use tally_api::identity::v1::service_account_service_client::ServiceAccountServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::sso_service_client::SsoServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_cache::Cache;
use tally_identity::{Deps, KeyRing, OwnViews, POLICY, SERVICE, build, migrations, open_or_create, rotate};
use tally_kernel::id::{PersonId, TenantId};
use tally_kernel::{Clock, Error, Rng};
use tally_rpc::{
    AUDIENCE, Claims, IDENTITY, LeasedViews, Limits, RpcChannel, Signer, SigningKey, SigningKeys, Stack, StackConfig,
    TokenKind, bearer, error_from, in_process,
};
use tally_runtime::Compute;
use tally_store::{Audit, Store};
use tally_testkit::Readings;
use tally_testkit::databases::{Backend, TestStore};
use tonic::{Request, Response, Status};

mod erasing {
    tally_access::rpcs! {
        Erase = "tally.identity.tests/Erase", PersonRead, Change;
    }
}

/// The first administrator's password, and everybody else's.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Identity with a group in it.
pub(crate) struct TestIdentity {
    pub(crate) db: TestStore,
    pub(crate) clock: Clock,
    pub(crate) keys: Arc<KeyRing>,
    /// What was written down of what was read.
    pub(crate) readings: Arc<Readings>,
    channel: RpcChannel,
    performance: Arc<Signer>,
    identity: Arc<Signer>,
    /// Performance, attendance, compensation and talent, then identity.
    services: Vec<Arc<Signer>>,
    pub(crate) tenant: TenantId,
    /// The first administrator.
    pub(crate) admin: Login,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) principal: String,
    pub(crate) token: String,
    pub(crate) session: String,
    pub(crate) refresh_token: String,
}

/// What a call gives: the message, or the suite's error.
pub(crate) type Reply<T> = Result<T, Error>;

pub(crate) fn answered<T>(reply: Result<Response<T>, Status>) -> Reply<T> {
    reply.map(Response::into_inner).map_err(error_from)
}

pub(crate) fn init_request() -> pb::InitTenantRequest {
    pb::InitTenantRequest {
        request_id: "init".into(),
        name: "Demo".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec!["cn-north".into(), "cn-south".into()],
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        tenant_id: String::new(),
        invitation: String::new(),
    }
}

/// The key that identity signs with in a house that was not given a folder.
pub(crate) fn identity_key() -> SigningKey {
    SigningKey::generate(SERVICE, &Rng::seeded(SEED))
}

/// Of a house's keys and ids.
const SEED: u64 = 7;

type Served = ((RpcChannel, Arc<Readings>), Arc<KeyRing>, Vec<Arc<Signer>>);

fn serve(store: Store, clock: &Clock, rng: &Rng) -> Served {
    let signing = SigningKey::generate(SERVICE, rng);
    let peers = ["performance", "attendance", "compensation", "talent"].map(|n| (n, SigningKey::generate(n, rng)));
    let public = peers.iter().map(|(_, key)| key.public().clone()).chain([signing.public().clone()]);
    let keys = Arc::new(KeyRing::fixed(public.collect::<Vec<_>>()));
    let channel = stand(store, clock, rng, (signing.clone().into(), keys.clone()));
    let signers = peers.into_iter().chain([(SERVICE, signing)]);
    let signer = |(name, key)| Arc::new(Signer::new(name, key, clock.clone(), rng.clone()));
    (channel, keys, signers.map(signer).collect())
}

pub(crate) type Armed = (SigningKeys, Arc<KeyRing>);

pub(crate) fn stand(store: Store, clock: &Clock, rng: &Rng, (signing, keys): Armed) -> (RpcChannel, Arc<Readings>) {
    let readings = Arc::<Readings>::default();
    let views = Arc::new(OwnViews::new(store.clone(), clock.clone(), rng.clone()));
    let (compute, cache) = (Compute::new(1).unwrap(), Cache::memory_at(clock.clone()));
    let stack = Stack::new(StackConfig {
        service: SERVICE,
        policy: POLICY,
        keys: keys.clone(),
        views: views.clone(),
        regions: Regions::All,
        clock: clock.clone(),
        rng: rng.clone(),
        limits: Limits::default(),
        cache: cache.clone(),
        reads: Arc::<Readings>::clone(&readings),
    });
    let deps =
        Deps { store, cache, signing, keys, views, compute, clock: clock.clone(), rng: rng.clone(), replays: false };
    (in_process(&stack.guard(build(deps).unwrap().routes)), readings)
}

/// The key folder of a house, and what reads it.
pub(crate) struct KeyFolder {
    folder: tempfile::TempDir,
    signing: Vec<(&'static str, SigningKeys)>,
}

impl KeyFolder {
    /// Gives every service a new key, and reads the folder again as a running process does.
    pub(crate) fn rotate(&self, now: jiff::Timestamp) {
        for (name, keys) in &self.signing {
            rotate(self.folder.path(), name, now, &Rng::System).unwrap();
            keys.replace(&open_or_create(self.folder.path(), name, &Rng::System).unwrap());
        }
    }
}

/// A client for each room.
macro_rules! clients {
    ($($name:ident: $client:ident),+ $(,)?) => {
        impl TestIdentity {
            $(pub(crate) fn $name(&self) -> $client<RpcChannel> {
                $client::new(self.channel.clone())
            })+
        }
    };
}

clients! {
    tenants: TenantServiceClient,
    orgs: OrgServiceClient,
    people: PersonServiceClient,
    sessions: SessionServiceClient,
    logins: LoginServiceClient,
    accounts: ServiceAccountServiceClient,
    lines: ReportingServiceClient,
    catalogue: CatalogueServiceClient,
    rates: RateServiceClient,
    sso: SsoServiceClient,
    access: AccessServiceClient,
    checks: CheckServiceClient,
    roles: RoleServiceClient,
    delegations: DelegationServiceClient,
    glasses: BreakGlassServiceClient,
    entitlements: EntitlementServiceClient,
    holds: HoldServiceClient,
    retention: RetentionServiceClient,
    erasures: ErasureServiceClient,
    events: EventServiceClient,
}

impl TestIdentity {
    /// Without a group.
    pub(crate) async fn empty(on: Backend) -> Self {
        let db = TestStore::on(on, SERVICE, migrations).await;
        let (clock, rng) = (db.clock.clone(), Rng::seeded(SEED));
        let ((channel, readings), keys, services) = serve(db.store.clone(), &clock, &rng);
        let of = |name: usize| Arc::clone(&services[name]);
        let (performance, identity) = (of(0), of(4));
        let tenant = TenantId(uuid::Uuid::nil());
        let admin = Login::of(pb::SignInResponse::default());
        Self { db, clock, keys, readings, channel, performance, identity, services, tenant, admin }
    }

    /// With a group, on SQLite, its keys in a folder.
    pub(crate) async fn with_key_folder() -> (Self, KeyFolder) {
        let mut identity = Self::empty(Backend::Sqlite).await;
        let folder = tempfile::tempdir().unwrap();
        let signing = [SERVICE, "performance"].map(|name| {
            let keys = open_or_create(folder.path(), name, &Rng::System).unwrap();
            (name, keys)
        });
        let keys = Arc::new(KeyRing::folder(folder.path(), identity.clock.clone()).unwrap());
        let rng = Rng::seeded(7);
        let armed = (signing[0].1.clone(), keys.clone());
        (identity.channel, identity.readings) = stand(identity.db.store.clone(), &identity.clock, &rng, armed);
        identity.performance = Arc::new(Signer::new("performance", signing[1].1.clone(), identity.clock.clone(), rng));
        identity.keys = keys;
        identity.move_in().await;
        (identity, KeyFolder { folder, signing: signing.into() })
    }

    async fn move_in(&mut self) {
        let made = answered(self.tenants().init_tenant(init_request()).await).unwrap();
        self.tenant = made.tenant.unwrap().tenant_id.parse().unwrap();
        self.admin = self.sign_in("admin").await;
    }

    /// With a group and its administrator.
    pub(crate) async fn with_group(on: Backend) -> Self {
        let mut identity = Self::empty(on).await;
        identity.move_in().await;
        identity
    }

    /// With a small company: North / Sales / { A, B } and South / Desk.
    pub(crate) async fn with_company(on: Backend) -> Self {
        let identity = Self::with_group(on).await;
        let done = identity.import_units(&["North/Sales/A", "North/Sales/B"], "cn-north").await;
        assert_eq!(done.written, 2, "{done:?}");
        identity.import_units(&["South/Desk"], "cn-south").await;
        identity
    }

    /// Views as another service gets them, kept for a lease.
    pub(crate) fn leased(&self) -> LeasedViews {
        LeasedViews::new(self.channel.clone(), Arc::clone(&self.performance))
    }

    /// What the audit log says, as actions with their notes.
    pub(crate) async fn audited(&self) -> Vec<(String, String)> {
        let actor = Actor::service(SERVICE, self.tenant, None);
        let ctx = OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), self.clock.clone(), Rng::System);
        let log = self.db.store.read(&ctx).await.unwrap().audit_log(100_000).await.unwrap();
        log.into_iter().map(|(_, entry)| (entry.action.clone(), format!("{entry:?}"))).collect()
    }

    /// Destroys the key of a person, as an erasure does.
    pub(crate) async fn erase(&self, person: PersonId) {
        let actor = Actor::service(SERVICE, self.tenant, None);
        let ctx = OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), self.clock.clone(), Rng::System);
        let permit = ctx.permit::<erasing::Erase>(&Target::tenant()).unwrap();
        let work = self.db.store.unit(&ctx, &permit).await.unwrap();
        assert!(work.erase_person(person).await.unwrap());
        work.commit(Audit::new("identity.person.erase", "person", person), ()).await.unwrap();
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) fn as_admin<T>(&self, message: T) -> Request<T> {
        self.admin.says(message)
    }

    /// A request of the performance service at its background work.
    pub(crate) fn as_performance<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        bearer(&mut request, &self.performance.token(self.tenant, None).unwrap());
        request
    }

    /// A request of one of the four services that follow identity, at its background work.
    pub(crate) fn as_follower<T>(&self, n: usize, message: T) -> Request<T> {
        let mut request = Request::new(message);
        bearer(&mut request, &self.services[n].token(self.tenant, None).unwrap());
        request
    }

    /// A request of identity at its own background work.
    pub(crate) fn as_identity<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        bearer(&mut request, &self.identity.token(self.tenant, None).unwrap());
        request
    }

    pub(crate) async fn try_sign_in(&self, login: &str, password: &str) -> Reply<pb::SignInResponse> {
        let ask = pb::SignInRequest { login: login.into(), password: password.into(), ..Default::default() };
        answered(self.sessions().sign_in(ask).await)
    }

    pub(crate) async fn sign_in(&self, login: &str) -> Login {
        let done = self.try_sign_in(login, PASSWORD).await.unwrap();
        Login::of(done)
    }

    pub(crate) async fn import_units(&self, paths: &[&str], region: &str) -> tally_api::common::v1::ImportResult {
        let row = |path: &&str| pb::OrgUnitRow { path: (*path).into(), region: region.into(), ..Default::default() };
        let request = pb::ImportOrgUnitsRequest { rows: paths.iter().map(row).collect(), ..Default::default() };
        answered(self.orgs().import_org_units(self.as_admin(request)).await).unwrap().result.unwrap()
    }

    pub(crate) async fn unit(&self, path: &str) -> pb::OrgUnit {
        let request = pb::ListOrgUnitsRequest { page_size: 1000, ..Default::default() };
        let units = answered(self.orgs().list_org_units(self.as_admin(request)).await).unwrap().units;
        units.into_iter().find(|unit| unit.path == path).unwrap_or_else(|| panic!("no unit {path}"))
    }

    pub(crate) async fn import_people(&self, rows: Vec<pb::PersonRow>) -> tally_api::common::v1::ImportResult {
        let request = pb::ImportPeopleRequest { rows, ..Default::default() };
        answered(self.people().import_people(self.as_admin(request)).await).unwrap().result.unwrap()
    }

    pub(crate) async fn person(&self, employee_no: &str) -> pb::Person {
        let request = pb::GetPersonRequest { employee_no: employee_no.into(), ..Default::default() };
        answered(self.people().get_person(self.as_admin(request)).await).unwrap().person.unwrap()
    }

    /// The instant that the clock shows, as requests carry it.
    pub(crate) fn now(&self) -> prost_types::Timestamp {
        let now = self.clock.now();
        prost_types::Timestamp { seconds: now.as_second(), nanos: now.subsec_nanosecond() }
    }

    /// Changes somebody's employments.
    pub(crate) async fn change(&self, by: &Login, person_id: &str, change: Change) -> Reply<pb::Person> {
        let request =
            pb::ChangeEmploymentRequest { person_id: person_id.into(), change: Some(change), ..Default::default() };
        answered(self.people().change_employment(by.says(request)).await).map(|reply| reply.person.unwrap())
    }

    /// Lets somebody report to somebody from 2026-02-01 on.
    pub(crate) async fn line(
        &self,
        person: &str,
        manager: &str,
        kind: pb::ReportingLineKind,
    ) -> Reply<pb::ReportingLine> {
        let request = pb::SetReportingLineRequest {
            person_id: self.person(person).await.person_id,
            manager_id: self.person(manager).await.person_id,
            kind: kind.into(),
            from: "2026-02-01".into(),
            to: String::new(),
            ..Default::default()
        };
        answered(self.lines().set_reporting_line(self.as_admin(request)).await).map(|reply| reply.line.unwrap())
    }

    /// Makes a login; with a person by number, or for nobody.
    pub(crate) async fn login(&self, name: &str, employee_no: &str) -> Login {
        let person_id = if employee_no.is_empty() { String::new() } else { self.person(employee_no).await.person_id };
        let request =
            pb::CreateLoginRequest { login: name.into(), password: PASSWORD.into(), person_id, ..Default::default() };
        answered(self.sessions().create_login(self.as_admin(request)).await).unwrap();
        self.sign_in(name).await
    }

    pub(crate) async fn try_grant(
        &self,
        by: &Login,
        to: &Login,
        role: &str,
        scope: ScopeKind,
        scope_ref: &str,
    ) -> Reply<pb::GrantRoleResponse> {
        let grant = pb::Grant {
            principal_id: to.principal.clone(),
            role: role.into(),
            scope: scope.into(),
            scope_ref: scope_ref.into(),
            valid_from: "2026-01-01".into(),
            reason: "test".into(),
            ..Default::default()
        };
        let request = pb::GrantRoleRequest { grant: Some(grant), ..Default::default() };
        answered(self.access().grant_role(by.says(request)).await)
    }

    pub(crate) async fn grant(&self, to: &Login, role: &str, scope: ScopeKind, scope_ref: &str) -> pb::Grant {
        self.try_grant(&self.admin, to, role, scope, scope_ref).await.unwrap().grant.unwrap()
    }

    pub(crate) async fn revoke(&self, by: &Login, grant: &pb::Grant) -> Reply<pb::RevokeGrantResponse> {
        let request =
            pb::RevokeGrantRequest { grant_id: grant.grant_id.clone(), reason: "test".into(), ..Default::default() };
        answered(self.access().revoke_grant(by.says(request)).await)
    }

    /// What a principal's view says of a permission, as another service reads it.
    pub(crate) async fn rule(&self, of: &Login, permission: Permission) -> Option<Rule> {
        let request = pb::GetViewRequest {
            principal_id: of.principal.clone(),
            tenant_id: self.tenant.to_string(),
            known_revision: 0,
            session_id: of.session.clone(),
        };
        let view = answered(self.access().get_view(self.as_performance(request)).await).unwrap();
        let rule = view.rules.iter().find(|rule| rule.permission == permission.name())?;
        let reach = &view.reaches[rule.reach as usize];
        let ids = |bytes: &[u8]| bytes.chunks(16).map(|id| uuid::Uuid::from_slice(id).unwrap().to_string()).collect();
        Some(Rule {
            tenant: reach.tenant,
            regions: reach.regions.clone(),
            unit_ids: ids(&reach.unit_ids),
            person_ids: ids(&reach.person_ids),
        })
    }
}

/// What one permission reaches.
#[derive(Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) tenant: bool,
    pub(crate) regions: Vec<String>,
    pub(crate) unit_ids: Vec<String>,
    pub(crate) person_ids: Vec<String>,
}

impl Login {
    /// What the token says, as the stack of another service reads it.
    pub(crate) fn claims(&self, identity: &TestIdentity) -> Claims {
        Claims {
            iss: IDENTITY.into(),
            aud: AUDIENCE.into(),
            sub: self.principal.parse().unwrap(),
            tid: identity.tenant,
            rgn: Vec::new(),
            typ: TokenKind::User,
            pid: None,
            sid: Some(self.session.parse().unwrap()),
            mfa: false,
            obo: None,
            exp: identity.clock.now().as_second() + 600,
            iat: identity.clock.now().as_second(),
            jti: uuid::Uuid::nil(),
        }
    }

    pub(crate) fn of(done: pb::SignInResponse) -> Self {
        Self {
            principal: done.principal_id,
            token: done.access_token,
            session: done.session_id,
            refresh_token: done.refresh_token,
        }
    }

    /// A request with this login's token.
    pub(crate) fn says<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        bearer(&mut request, &self.token);
        request
    }
}

/// Another unit, position or grade from a day on.
pub(crate) fn transfer(unit_id: &str, position: &str, grade: &str, from: &str) -> Change {
    let terms = pb::Terms { unit_id: unit_id.into(), position: position.into(), grade: grade.into(), kind: 0 };
    Change::Transfer(pb::Transfer { employment_id: String::new(), terms: Some(terms), from: from.into() })
}

/// A row of a person in a unit, hired on 2026-01-05.
pub(crate) fn person_row(employee_no: &str, unit_path: &str) -> pb::PersonRow {
    pb::PersonRow {
        employee_no: employee_no.into(),
        name: format!("Person {employee_no}"),
        unit_path: unit_path.into(),
        position: "agent".into(),
        grade: "P2".into(),
        hired_on: "2026-01-05".into(),
        ..Default::default()
    }
}
