//! `CheckService.Check` of one's own right, beside a call that does nothing behind the same stack: both over a loopback
//! socket, with the token of a real session on a real store of identity.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permission, PolicyRow, Regions};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::check_service_client::CheckServiceClient;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_identity::{Deps, KeyRing, OwnViews};
use tally_kernel::{Clock, Error, Rng};
use tally_rpc::{
    Guarded, Health, Limits, ReadLog, Reading, RpcChannel, SigningKey, Stack, StackConfig, bearer, connect,
};
use tally_runtime::Compute;
use tally_store::{Keys, Store, StoreConfig};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, async_trait, http};
use tonic::server::{NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Calls at once.
pub const AT_ONCE: usize = 64;
/// Connections that they share.
const CONNECTIONS: usize = 4;
/// One kind of call and then the other, by turns of this length.
const TURN: Duration = Duration::from_millis(500);
/// How fine tokio's timers are.
const TICK: Duration = Duration::from_millis(1);
/// The region that is asked about.
const REGION: &str = "cn-north";
/// The administrator's password.
const PASSWORD: &str = "correct horse battery";
/// The call that does nothing.
const PROBE: &str = "/bench.v1.Probe/Ask";

mod policy {
    tally_access::rpcs! {
        Ask = "bench.v1.Probe/Ask", signed_in, Read;
    }
}

/// What was measured of one kind of call.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Answers a second.
    pub per_second: f64,
    /// Milliseconds of half of the calls at most.
    pub p50_ms: f64,
    /// Milliseconds of all but one in a hundred at most.
    pub p99_ms: f64,
}

/// Both kinds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Both {
    /// The empty call.
    pub empty: Calls,
    /// The check.
    pub check: Calls,
    /// The check again, as many callers with a pause between their calls: half as many calls a second.
    pub paced: Calls,
}

/// A service with one method, which does nothing.
#[derive(Clone)]
struct Probe;

impl NamedService for Probe {
    const NAME: &'static str = "bench.v1.Probe";
}

impl Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = tonic::server::Grpc::new(ProstCodec::<(), ()>::default());
        Box::pin(async move { Ok(grpc.unary(Nothing, request).await) })
    }
}

struct Nothing;

impl UnaryService<()> for Nothing {
    type Response = ();
    type Future = Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

/// Nothing that is called here shows what must be written down.
struct NoReads;

#[async_trait]
impl ReadLog for NoReads {
    async fn note(&self, _: &OpContext, reading: Reading) -> tally_kernel::Result<()> {
        Err(Error::internal(format!("{} shows what is sensitive", reading.method)))
    }
}

/// Calls both kinds for so many seconds each.
#[tokio::main]
pub async fn measure(seconds: u64) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let address = serve(folder.path()).await?;
    let channels = (0..CONNECTIONS).map(|_| connect(&address, None)).collect::<Result<Vec<_>, _>>()?;
    let first = channels.first().context("there are connections")?;
    let token: Arc<str> = sign_in(first.clone()).await?.into();
    let (mut empty, mut check) = (Turns::default(), Turns::default());
    // The first turn of each warms up and does not count.
    for turn in 0..=2 * seconds {
        for (turns, is_check) in [(&mut empty, false), (&mut check, true)] {
            let done = take_turn(&channels, &token, is_check, Duration::ZERO).await?;
            if turn > 0 {
                turns.add(done);
            }
        }
    }
    let check = check.calls();
    // Where every core is busy a time tells how long the queue is. At half the load it tells how long a call takes.
    let every = Duration::from_secs_f64(2.0 * AT_ONCE as f64 / check.per_second);
    let mut paced = Turns::default();
    for _ in 0..2 * seconds {
        paced.add(take_turn(&channels, &token, true, every).await?);
    }
    Ok(serde_json::to_string(&Both { empty: empty.calls(), check, paced: paced.calls() })?)
}

/// Identity as it is in production, and the probe, behind one port: the address.
async fn serve(folder: &Path) -> Result<String> {
    let (clock, rng) = (Clock::System, Rng::System);
    let url = format!("sqlite://{}/{{service}}.db", folder.display());
    let config = StoreConfig::new(url, tally_identity::SERVICE, Keys::ephemeral());
    let store = Store::open(config, tally_identity::migrations).await?;
    let signing = SigningKey::generate(tally_identity::SERVICE, &rng);
    let keys = Arc::new(KeyRing::fixed([signing.public().clone()]));
    let views = Arc::new(OwnViews::new(store.clone(), clock.clone(), rng.clone()));
    let stack = |service: &'static str, policy: &'static [PolicyRow]| {
        Stack::new(StackConfig {
            service,
            policy,
            keys: keys.clone(),
            views: views.clone(),
            regions: Regions::All,
            clock: clock.clone(),
            rng: rng.clone(),
            limits: Limits { calls_per_second: 0, group_calls_per_second: 0, ..Limits::default() },
            cache: tally_cache::Cache::memory(),
            reads: Arc::new(NoReads),
        })
    };
    let identity = stack(tally_identity::SERVICE, tally_identity::POLICY);
    let probe = stack("probe", policy::POLICY).guard(Routes::new(Probe));
    let deps = Deps {
        store,
        cache: tally_cache::Cache::memory(),
        signing: signing.into(),
        keys: keys.clone(),
        views: views.clone(),
        compute: Compute::new(1)?,
        clock: clock.clone(),
        rng: rng.clone(),
        replays: false,
    };
    let identity = identity.guard(tally_identity::build(deps)?.routes);
    let services: Vec<Guarded> = vec![identity, probe];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(
        async move { tally_rpc::serve(listener, services, Health::default(), None, std::future::pending()).await },
    );
    Ok(address)
}

/// Founds a group: the token of its administrator.
async fn sign_in(channel: RpcChannel) -> Result<String> {
    let found = pb::InitTenantRequest {
        request_id: "init".into(),
        name: "Bench".into(),
        currency: "CNY".into(),
        zone: "Asia/Shanghai".into(),
        regions: vec![REGION.into()],
        admin_login: "admin".into(),
        admin_password: PASSWORD.into(),
        invitation: String::new(),
        tenant_id: String::new(),
    };
    TenantServiceClient::new(channel.clone()).init_tenant(found).await?;
    let ask = pb::SignInRequest { login: "admin".into(), password: PASSWORD.into(), ..Default::default() };
    Ok(SessionServiceClient::new(channel).sign_in(ask).await?.into_inner().access_token)
}

/// What was done in some turns.
#[derive(Default)]
struct Turns {
    seconds: f64,
    milliseconds: Vec<f64>,
}

impl Turns {
    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.milliseconds.extend(other.milliseconds);
    }

    fn calls(mut self) -> Calls {
        self.milliseconds.sort_by(f64::total_cmp);
        let count = self.milliseconds.len();
        let at = |percent: usize| self.milliseconds.get(count * percent / 100).copied().unwrap_or(f64::NAN);
        Calls { per_second: count as f64 / self.seconds, p50_ms: at(50), p99_ms: at(99) }
    }
}

async fn take_turn(channels: &[RpcChannel], token: &Arc<str>, is_check: bool, every: Duration) -> Result<Turns> {
    let begin = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for (n, channel) in (0..AT_ONCE).zip(channels.iter().cycle()) {
        // Those who pause begin one after the other.
        let due = begin + every * n as u32 / AT_ONCE as u32;
        callers.spawn(call(channel.clone(), Arc::clone(token), Pace { due, every, end: begin + TURN }, is_check));
    }
    let mut turns = Turns::default();
    while let Some(done) = callers.join_next().await {
        turns.milliseconds.extend(done??);
    }
    turns.seconds = begin.elapsed().as_secs_f64();
    Ok(turns)
}

/// When one caller calls.
struct Pace {
    due: Instant,
    /// Nothing: again as soon as there is an answer.
    every: Duration,
    end: Instant,
}

/// One caller: milliseconds of each call, from when it was due, so that a late one counts as a long one.
async fn call(channel: RpcChannel, token: Arc<str>, pace: Pace, is_check: bool) -> Result<Vec<f64>> {
    let Pace { mut due, every, end } = pace;
    let (mut checks, mut probe) = (CheckServiceClient::new(channel.clone()), tonic::client::Grpc::new(channel));
    let mut times = Vec::new();
    while due < end {
        tokio::time::sleep_until(due.into()).await;
        // Timers count whole milliseconds: that much of being late is theirs.
        let begin = if due.elapsed() < TICK { Instant::now() } else { due };
        if is_check {
            let target = Some(pb::AccessTarget { region: REGION.into(), ..Default::default() });
            let permission = Permission::PersonRead.name().to_owned();
            let mut request = Request::new(pb::CheckRequest { permission, target, ..Default::default() });
            bearer(&mut request, &token);
            let answer = checks.check(request).await?.into_inner();
            ensure!(answer.allowed, "the administrator may read people");
        } else {
            let mut request = Request::new(());
            bearer(&mut request, &token);
            probe.ready().await?;
            let path = http::uri::PathAndQuery::from_static(PROBE);
            probe.unary(request, path, ProstCodec::<(), ()>::default()).await?;
        }
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        due = if every.is_zero() { Instant::now() } else { due + every };
    }
    Ok(times)
}
