//! Several addresses behind one name: load spreads, what dies costs no call that may be repeated, what is new is found.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::attendance::v1::{ListOccupancyRequest, ListOccupancyResponse};
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{CreateLoginRequest, GetJwksRequest};
use tally_rpc::{Health, Limits, Network, Resolve, RpcChannel, streamed};
use tally_testkit::proxy::Proxy;
use tally_testkit::{Callers, clock, eventually};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tonic::Request;

use crate::probe::{Bench, policy, reason, say};

/// No limits on how often somebody calls.
pub const UNLIMITED: Limits = Limits {
    concurrency: 512,
    calls_per_second: 0,
    group_calls_per_second: 0,
    public_calls_per_second: 0,
    first_answer: Duration::from_secs(60),
};

fn callers() -> Callers {
    Callers::new(clock("2026-03-02T08:00:00Z"), 1)
}

/// Loopback addresses with one port.
fn listeners<const N: usize>() -> [std::net::TcpListener; N] {
    let bind = |host: u8, port: u16| std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), port)).ok();
    for _ in 0..100 {
        let first = bind(1, 0).expect("a free port");
        let port = first.local_addr().unwrap().port();
        // Somebody may have the port on one of the other addresses.
        let mut all = vec![first];
        all.extend((2..).take(N - 1).map_while(|host| bind(host, port)));
        if let Ok(all) = all.try_into() {
            return all;
        }
    }
    panic!("no port is free on {N} addresses");
}

/// A process: when its runtime goes, so do its connections.
struct Replica {
    bench: Bench,
    address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
}

impl Replica {
    fn new(name: &'static str, callers: &Callers, listener: std::net::TcpListener) -> Self {
        let bench = Bench::named(name, callers.clone(), UNLIMITED, None);
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let guarded = vec![bench.guarded.clone()];
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let stopped = async { stopped.await.unwrap_or(()) };
            tally_rpc::serve(listener, guarded, Health::default(), None, stopped).await
        });
        Self { bench, address, runtime: Some(runtime), stop: Some(stop) }
    }

    /// As SIGKILL does.
    fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// As SIGTERM does: nothing new, and what is under way ends.
    fn drain(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a name stands for, until the test says otherwise.
#[derive(Clone, Default)]
struct Name(Arc<Mutex<Vec<SocketAddr>>>);

impl Name {
    fn means(&self, addresses: &[SocketAddr]) {
        *self.0.lock().unwrap() = addresses.to_vec();
    }

    fn channel(&self) -> RpcChannel {
        let name = self.clone();
        let resolve = Resolve::By(Arc::new(move |host, _| {
            assert_eq!(host, "probe");
            name.0.lock().unwrap().clone()
        }));
        let mut network = Network::of(policy::POLICY);
        (network.resolve, network.resolve_every) = (resolve, Duration::from_millis(20));
        network.connect("http://probe:7070").unwrap()
    }
}

/// Calls without end, and what came of them.
struct Load {
    served: Arc<Mutex<BTreeMap<String, u64>>>,
    failed: Arc<Mutex<Vec<String>>>,
    enough: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(channel: &RpcChannel, ask: impl Fn() -> Request<CreateLoginRequest> + Clone + Send + 'static) -> Self {
        let (served, failed, enough) = (Arc::default(), Arc::default(), Arc::default());
        let mut load = Self { served, failed, enough, tasks: Vec::new() };
        for _ in 0..8 {
            let (served, failed) = (Arc::clone(&load.served), Arc::clone(&load.failed));
            let (enough, channel, ask) = (Arc::clone(&load.enough), channel.clone(), ask.clone());
            load.tasks.push(tokio::spawn(async move {
                while !enough.load(Ordering::Relaxed) {
                    match say(&channel, ask()).await {
                        Ok(name) => *served.lock().unwrap().entry(name).or_default() += 1,
                        Err(status) => failed.lock().unwrap().push(format!("{status:?}")),
                    }
                    let read = SessionServiceClient::new(channel.clone()).get_jwks(GetJwksRequest {}).await;
                    if let Err(status) = read {
                        failed.lock().unwrap().push(format!("{status:?}"));
                    }
                }
            }));
        }
        load
    }

    fn by(&self, name: &str) -> u64 {
        self.served.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    /// Waits until each of these served fifty calls more.
    async fn reaches(&self, names: &[&str]) {
        let before: Vec<u64> = names.iter().map(|name| self.by(name)).collect();
        eventually(&format!("{names:?} serve"), async || {
            names.iter().zip(&before).all(|(name, before)| self.by(name) >= before + 50).then_some(())
        })
        .await;
    }

    async fn end(self) -> Vec<String> {
        self.enough.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let failed = self.failed.lock().unwrap();
        failed.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_killed_and_one_added_under_load_fail_no_call_that_may_be_repeated() {
    let callers = callers();
    let [one, two, three] = listeners();
    let (mut a, b, name) = (Replica::new("a", &callers, one), Replica::new("b", &callers, two), Name::default());
    name.means(&[a.address, b.address]);
    let caller = a.bench.caller.clone();
    let load = Load::start(&name.channel(), move || {
        let request_id = "one and the same".to_owned();
        caller.request(CreateLoginRequest { request_id, login: "name".into(), ..Default::default() })
    });
    load.reaches(&["a", "b"]).await;
    a.kill();
    // The name tells of the dead one for a while, as names do.
    load.reaches(&["b"]).await;
    let c = Replica::new("c", &callers, three);
    name.means(&[b.address, c.address]);
    load.reaches(&["b", "c"]).await;
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_drains_under_load_fails_no_call_at_all() {
    let callers = callers();
    let [one, two] = listeners();
    let (mut a, b, name) = (Replica::new("a", &callers, one), Replica::new("b", &callers, two), Name::default());
    name.means(&[a.address, b.address]);
    let caller = a.bench.caller.clone();
    // No request id: nobody may repeat it once it was sent.
    let load = Load::start(&name.channel(), move || {
        caller.request(CreateLoginRequest { login: "name".into(), ..Default::default() })
    });
    load.reaches(&["a", "b"]).await;
    a.drain();
    load.reaches(&["b"]).await;
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_broke_under_way_is_repeated_where_that_harms_nothing_and_nowhere_else() {
    for (request_id, wanted) in [("1", Ok("b")), ("", Err("PEER_UNAVAILABLE"))] {
        let callers = callers();
        let [one, two] = listeners();
        let (mut a, b, name) = (Replica::new("a", &callers, one), Replica::new("b", &callers, two), Name::default());
        name.means(&[a.address]);
        let channel = name.channel();
        let login = "not here".to_owned();
        let ask = CreateLoginRequest { request_id: request_id.into(), login, ..Default::default() };
        let (gate, request) = (Arc::clone(&a.bench.gate), a.bench.caller.request(ask));
        let calling = tokio::spawn(async move { say(&channel, request).await });
        gate.notified().await;
        name.means(&[b.address]);
        a.kill();
        let answer = calling.await.unwrap();
        assert_eq!(answer.as_deref().map_err(|status| reason(status.clone())), wanted);
    }
}

fn counted(parts: &mut u32, _: ListOccupancyResponse) -> tally_kernel::Result<()> {
    *parts += 1;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_in_its_middle_is_read_from_its_start_elsewhere() {
    let callers = callers();
    for round in 0..4 {
        let [one, two] = listeners();
        let (mut a, b, name) = (Replica::new("a", &callers, one), Replica::new("b", &callers, two), Name::default());
        name.means(&[a.address]);
        let (channel, gate, caller) = (name.channel(), Arc::clone(&a.bench.gate), a.bench.caller.clone());
        let heard = tokio::spawn(async move {
            let ask = async || {
                let asked = ListOccupancyRequest { account_ids: vec!["not here".into()], ..Default::default() };
                OccupancyServiceClient::new(channel.clone()).list_occupancy(caller.request(asked)).await
            };
            streamed(|| 0, ask, counted).await
        });
        gate.notified().await;
        name.means(&[a.address, b.address]);
        a.kill();
        assert_eq!(heard.await.unwrap().map_err(|e| e.reason()), Ok(2), "round {round}: both parts of one answer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_its_peer_ends_with_an_error_is_not_asked_for_again() {
    let bench = Bench::new(UNLIMITED, None);
    for (what, wanted) in [("busy", "STORE_BUSY"), ("error", "NOTHING_CHANGES")] {
        let asked = AtomicU32::new(0);
        for (kind, channel) in bench.both().await {
            let ask = async || {
                asked.fetch_add(1, Ordering::Relaxed);
                OccupancyServiceClient::new(channel.clone()).list_occupancy(bench.watch(what)).await
            };
            let heard = streamed(|| 0, ask, counted).await;
            assert_eq!(heard.map_err(|e| e.reason()), Err(wanted), "{kind}");
        }
        assert_eq!(asked.into_inner(), 2, "once through each channel");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_goes_to_another_address_whatever_it_is() {
    let callers = callers();
    let nobody = SocketAddr::from(([127, 0, 0, 1], tally_testkit::free_port()));
    let [listener] = listeners();
    let (b, name) = (Replica::new("b", &callers, listener), Name::default());
    name.means(&[nobody, b.address]);
    let channel = name.channel();
    for _ in 0..20 {
        assert_eq!(say(&channel, b.bench.ask("name")).await.unwrap(), "b");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_frozen_is_left_within_seconds_and_its_calls_are_answered_elsewhere() {
    let callers = callers();
    let [one, two] = listeners();
    let (a, b, name) = (Replica::new("a", &callers, one), Replica::new("b", &callers, two), Name::default());
    let frozen = Proxy::before(a.address).await;
    name.means(&[frozen.address(), b.address]);
    let channel = name.channel();
    let ask = || {
        let request_id = "one and the same".to_owned();
        a.bench.caller.request(CreateLoginRequest { request_id, login: "name".into(), ..Default::default() })
    };
    eventually("the address that will freeze serves", async || {
        (say(&channel, ask()).await.unwrap() == "a").then_some(())
    })
    .await;
    // As SIGSTOP does: its connections stay, and nobody answers on them.
    frozen.swallow();
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(say(&channel, ask()).await.unwrap(), "b");
    }
    assert!(began.elapsed() < Duration::from_secs(22), "{:?}: a lost connection is noticed sooner", began.elapsed());
}

#[tokio::test]
async fn what_a_peer_answers_is_the_answer() {
    let bench = Bench::new(Limits::default(), None);
    let (name, listener) = (Name::default(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let a = Replica::new("a", &bench.callers, listener);
    name.means(&[a.address]);
    let channel = name.channel();
    let request = CreateLoginRequest { request_id: "1".into(), login: "busy".into(), ..Default::default() };
    let answer = say(&channel, a.bench.caller.request(request)).await;
    assert_eq!(reason(answer.unwrap_err()), "STORE_BUSY");
}

#[tokio::test]
async fn a_name_without_an_address_is_a_peer_that_is_away_and_found_when_it_comes() {
    let bench = Bench::new(Limits::default(), None);
    let name = Name::default();
    let channel = name.channel();
    assert_eq!(reason(say(&channel, bench.ask("name")).await.unwrap_err()), "PEER_UNAVAILABLE");
    let a = Replica::new("a", &bench.callers, std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    name.means(&[a.address]);
    assert_eq!(say(&channel, a.bench.ask("name")).await.unwrap(), "a");
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    let refused = |address: &str| Network::of([]).connect(address).map(|_| ()).unwrap_err().reason();
    for bad in ["", "identity:7070", "ftp://identity:7070", "http://identity:7070/path", "http://", "http://ident ity"]
    {
        assert_eq!(refused(bad), "PEER_ADDRESS_INVALID", "{bad}");
    }
}
