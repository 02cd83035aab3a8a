//! Where keys and views come from, and what happens when identity is away.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tally_access::{Permission, Reach, Regions, Target, View, decide};
use tally_api::identity::v1::access_service_server::{AccessService, AccessServiceServer};
use tally_api::identity::v1::session_service_server::{SessionService, SessionServiceServer};
use tally_api::identity::v1::*;
use tally_kernel::Kind;
use tally_kernel::id::TenantId;
use tally_rpc::{
    Answer, Claims, FetchedKeys, Guarded, Keys, LeasedViews, Limits, Signer, SigningKey, Stack, StackConfig, TokenKind,
    Views, connect, context, in_process, limited, write_view,
};
use tally_testkit::proxy::Proxy;
use tally_testkit::{Callers, Readings, clock, eventually};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::probe::{Bench, reason, say};

mod policy {
    tally_access::rpcs! {
        GetJwks = "tally.identity.v1.SessionService/GetJwks", public, Read;
        GetView = "tally.identity.v1.AccessService/GetView", ViewRead, Read;
    }
}

/// As much of identity as other services need.
#[derive(Clone)]
struct Identity {
    callers: Callers,
    view: Arc<Mutex<Arc<View>>>,
    asked: Arc<AtomicU32>,
    unchanged: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl SessionService for Identity {
    async fn sign_in(&self, _: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn create_login(&self, _: Request<CreateLoginRequest>) -> Result<Response<CreateLoginResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn refresh_session(
        &self,
        _: Request<RefreshSessionRequest>,
    ) -> Result<Response<RefreshSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_sessions(&self, _: Request<ListSessionsRequest>) -> Result<Response<ListSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn end_session(&self, _: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn end_all_sessions(
        &self,
        _: Request<EndAllSessionsRequest>,
    ) -> Result<Response<EndAllSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(GetJwksResponse { jwks_json: self.callers.keys.all().to_json() }).answer(&context(&request)?)
    }
}

#[tonic::async_trait]
impl AccessService for Identity {
    async fn grant_role(&self, _: Request<GrantRoleRequest>) -> Result<Response<GrantRoleResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn revoke_grant(&self, _: Request<RevokeGrantRequest>) -> Result<Response<RevokeGrantResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_grants(&self, _: Request<ListGrantsRequest>) -> Result<Response<ListGrantsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_view(&self, request: Request<GetViewRequest>) -> Result<Response<GetViewResponse>, Status> {
        let ctx = context(&request)?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let view = self.view.lock().unwrap().clone();
        if request.get_ref().known_revision == view.revision() {
            self.unchanged.fetch_add(1, Ordering::SeqCst);
            let reply =
                GetViewResponse { revision: view.revision(), unchanged: true, lease_ms: 50, ..Default::default() };
            return Ok(reply).answer(&ctx);
        }
        let reply = GetViewResponse { revision: view.revision(), lease_ms: 50, ..write_view(&view) };
        Ok(reply).answer(&ctx)
    }
}

impl Identity {
    fn new(callers: &Callers) -> Self {
        let view = Arc::new(Mutex::new(view(1, &[Permission::LoginWrite])));
        Self { callers: callers.clone(), view, asked: Arc::default(), unchanged: Arc::default() }
    }

    fn guarded(&self) -> Guarded {
        let routes = Routes::new(limited!(SessionServiceServer::new(self.clone())))
            .add_service(limited!(AccessServiceServer::new(self.clone())));
        self.callers.stack("identity", policy::POLICY, Limits::default()).guard(routes)
    }
}

fn view(revision: u64, permissions: &[Permission]) -> Arc<View> {
    Arc::new(View::new(revision, None, permissions.iter().map(|p| (*p, Arc::new(Reach::everything())))))
}

fn claims(callers: &Callers) -> Claims {
    let id = Uuid::from_u128(5);
    Claims {
        iss: "identity".into(),
        aud: "tally".into(),
        sub: tally_kernel::id::PrincipalId(id),
        tid: TenantId(id),
        rgn: Vec::new(),
        typ: TokenKind::User,
        pid: None,
        sid: Some(tally_kernel::id::SessionId(id)),
        mfa: false,
        obo: None,
        exp: callers.clock.now().as_second() + 600,
        iat: callers.clock.now().as_second(),
        jti: id,
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_a_flood_of_unknown_ones_asks_identity_rarely() {
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 3);
    let identity = Identity::new(&callers);
    let known = callers.keys.all().0[0].kid.clone();
    let keys = FetchedKeys::new(in_process(&identity.guarded()));
    for _ in 0..50 {
        assert!(keys.key(&known).await.unwrap().is_some());
        // Identity was asked a moment ago, and not for this one.
        let unsure = keys.key("forged").await.unwrap_err();
        assert_eq!((unsure.kind(), unsure.reason()), (Kind::Unavailable, "KEY_NOT_KNOWN_YET"));
    }
    assert!(identity.asked.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_key_that_identity_has_since_it_was_asked_last_is_never_called_invalid() {
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 3);
    let identity = Identity::new(&callers);
    let known = callers.keys.all().0[0].kid.clone();
    let keys = FetchedKeys::new(in_process(&identity.guarded()));
    assert!(keys.key(&known).await.unwrap().is_some());
    let late = SigningKey::generate("talent", &callers.rng).public().clone();
    callers.keys.add(late.clone());
    let found = eventually("the new key is found", async || match keys.key(&late.kid).await {
        Ok(found) => Some(found.expect("nobody said that there is no such key")),
        Err(unsure) => {
            assert!(unsure.retry_delay().is_some_and(|wait| wait <= Duration::from_secs(1)), "{unsure:?}");
            None
        }
    });
    assert_eq!(found.await, late);
    // A key that nobody has is called so as soon as identity was asked for it, and then at once.
    let none = eventually("identity is asked", async || keys.key("forged").await.ok()).await;
    assert_eq!(none, None);
    assert_eq!(keys.key("forged").await.unwrap(), None);
}

#[tokio::test]
async fn a_service_that_identity_does_not_know_says_so_and_not_that_the_callers_token_is_bad() {
    let bench = Bench::new(Limits::default(), None);
    let identity = Identity::new(&bench.callers);
    // Its key is nowhere yet: the file is still to be copied.
    let key = SigningKey::generate("probe", &bench.callers.rng);
    let signer = Signer::new("probe", key.clone(), bench.callers.clock.clone(), bench.callers.rng.clone());
    let stack = Stack::new(StackConfig {
        service: "probe",
        policy: crate::probe::policy::POLICY,
        keys: Arc::<tally_rpc::LocalKeys>::clone(&bench.callers.keys),
        views: Arc::new(LeasedViews::new(in_process(&identity.guarded()), Arc::new(signer))),
        regions: Regions::All,
        clock: bench.callers.clock.clone(),
        rng: bench.callers.rng.clone(),
        limits: Limits::default(),
        cache: tally_cache::Cache::memory(),
        reads: Arc::<Readings>::default(),
    });
    let channel = in_process(&stack.guard(bench.routes()));
    let refused = tally_rpc::error_from(say(&channel, bench.ask("who")).await.unwrap_err());
    assert_eq!((refused.kind(), refused.reason()), (Kind::Unavailable, "PEER_REFUSES_SERVICE"));
    assert!(refused.retry_delay().is_some());
    bench.callers.keys.add(key.public().clone());
    assert!(say(&channel, bench.ask("who")).await.is_ok());
}

#[tokio::test]
async fn a_view_is_leased_and_a_fresh_one_is_asked_for_at_once() {
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 4);
    let identity = Identity::new(&callers);
    let views = LeasedViews::new(in_process(&identity.guarded()), callers.signer("attendance"));
    let claims = claims(&callers);
    assert_eq!(views.view(&claims, false).await.unwrap().revision(), 1);
    assert_eq!(views.view(&claims, true).await.unwrap().revision(), 1);
    assert_eq!(identity.unchanged.load(Ordering::SeqCst), 1, "rules that did not change are not sent again");

    *identity.view.lock().unwrap() = view(2, &[Permission::OrgRead]);
    let fresh = views.view(&claims, true).await.unwrap();
    assert_eq!(fresh.revision(), 2);
    assert_eq!(decide(&fresh, Permission::LoginWrite, &Target::tenant()), tally_access::Decision::NoPermission);

    *identity.view.lock().unwrap() = view(3, &[]);
    eventually("the lease ends", async || {
        let view = views.view(&claims, false).await.unwrap();
        (view.revision() == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_is_let_in_on_an_old_view_when_identity_is_away() {
    let bench = Bench::new(Limits::default(), None);
    let identity = Identity::new(&bench.callers);
    let (listener, address) = tally_testkit::listener().await;
    let guarded = vec![identity.guarded()];
    tokio::spawn(
        async move { tally_rpc::serve(listener, guarded, Default::default(), None, std::future::pending()).await },
    );
    let proxy = Proxy::before(address).await;
    let channel = connect(&format!("http://{}", proxy.address()), None).unwrap();
    let stack = Stack::new(StackConfig {
        service: "probe",
        policy: crate::probe::policy::POLICY,
        keys: Arc::new(FetchedKeys::new(channel.clone())),
        views: Arc::new(LeasedViews::new(channel, bench.callers.signer("probe"))),
        regions: Regions::All,
        clock: bench.callers.clock.clone(),
        rng: bench.callers.rng.clone(),
        limits: Limits::default(),
        cache: tally_cache::Cache::memory(),
        reads: Arc::<Readings>::default(),
    });
    let channel = in_process(&stack.guard(bench.routes()));
    assert!(say(&channel, bench.ask("who")).await.is_ok());
    proxy.cut();
    let refused = eventually("the lease ends", async || say(&channel, bench.ask("who")).await.err()).await;
    assert_eq!(reason(refused), "PEER_UNAVAILABLE");
    proxy.restore();
    eventually("identity is back", async || say(&channel, bench.ask("who")).await.ok()).await;
}
