//! Doors on a port, before a service that does what a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tally_access::{Effect, Needs, PolicyRow, Regions};
use tally_api::classes;
use tally_gateway::{Deps, Guards, Listening, Port, Uploads, doors, serve};
use tally_kernel::error::{Error, Kind};
use tally_kernel::id::TenantId;
use tally_kernel::{Locale, msg};
use tally_rpc::{Introducer, RpcChannel, Tokens};
use tally_testkit::{Callers, NEVER, clock};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use uuid::Uuid;

/// Every service of the suite: answers a sign-in at once, panics where punches are listed, and keeps all else waiting for the gate.
#[derive(Clone)]
pub struct Fake {
    /// One for each call that waits or has waited.
    pub begun: Arc<Semaphore>,
    /// Lets as many calls end.
    pub gate: Arc<Semaphore>,
    /// What was asked: the path, the caller's address, and the gateway's word for it.
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

pub type Asked = (String, Option<SocketAddr>, Option<HeaderValue>);

impl Fake {
    fn channel(&self) -> RpcChannel {
        let fake = self.clone();
        RpcChannel::new(tower::service_fn(move |request| {
            let answer = fake.clone().answer(request);
            async move { Ok(answer.await) }
        }))
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let from = head.extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
        self.asked.lock().expect("no test panicked in here").push((
            path.clone(),
            from,
            head.headers.get("tally-caller").cloned(),
        ));
        assert!(!path.ends_with("/ListPunches"), "as asked");
        if !path.ends_with("/SignIn") {
            if !head.headers.contains_key("authorization") {
                let missing = Error::of(Kind::Unauthenticated, msg!("TOKEN_MISSING"));
                return tally_rpc::status(missing, Locale::En).into_http();
            }
            self.begun.add_permits(1);
            self.gate.acquire().await.expect("an open gate").forget();
        }
        body.collect().await.expect("the question");
        let ended = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(ended)].map(Ok::<_, tonic::Status>);
        let answer = Response::builder().header("content-type", "application/grpc");
        answer.body(Body::new(StreamBody::new(stream::iter(frames)))).expect("an answer")
    }

    /// Waits until so many more calls wait.
    pub async fn begun(&self, calls: u32) {
        let begun = tokio::time::timeout(NEVER, self.begun.acquire_many(calls)).await;
        begun.expect("calls begin").expect("they are counted").forget();
    }

    /// Whether a call of this rpc came through.
    pub fn was_asked(&self, rpc: &str) -> bool {
        self.asked.lock().expect("no test panicked in here").iter().any(|(path, ..)| path.ends_with(rpc))
    }
}

/// Doors that are open until they are dropped.
pub struct Doors {
    pub at: SocketAddr,
    pub fake: Fake,
    pub callers: Callers,
    /// A token that is good.
    pub token: String,
    /// As whoever started the doors keeps it.
    pub listening: Listening,
    pub stop: oneshot::Sender<()>,
    pub served: JoinHandle<()>,
}

/// How the doors are opened.
#[derive(Default)]
pub struct Ways {
    pub port: Port,
    pub origins: Vec<HeaderValue>,
    pub introducer: Option<Arc<Introducer>>,
}

/// What every rpc asks for: nothing where somebody signs in, and reads are told by their names.
fn policy() -> Vec<PolicyRow> {
    let rpcs = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let row = |rpc: prost_reflect::MethodDescriptor| {
        let method: &'static str = format!("{}/{}", rpc.parent_service().full_name(), rpc.name()).leak();
        let is = |names: &[&str]| names.contains(&rpc.name());
        let needs = if is(&["SignIn"]) { Needs::Nothing } else { Needs::SignIn };
        let reads = ["Get", "List", "Watch"].iter().any(|verb| rpc.name().starts_with(verb));
        let effect = if reads { Effect::Read } else { Effect::Change };
        PolicyRow { method, needs, effect, openers: &[], vital: is(&["SignIn", "RecordPunch"]) }
    };
    rpcs.map(row).collect()
}

/// Calls of each service at once.
pub const PLACES: usize = 8;

impl Doors {
    /// Opened with these ways.
    pub async fn open(ways: Ways) -> Self {
        let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 1);
        let closed = || Arc::new(Semaphore::new(0));
        let fake = Fake { begun: closed(), gate: closed(), asked: Arc::default() };
        let names = ["identity", "attendance", "performance", "compensation", "talent"];
        let deps = Deps {
            services: names.map(|name| (name, fake.channel())).into(),
            policy: policy(),
            clock: callers.clock.clone(),
            rng: callers.rng.clone(),
            uploads: Uploads::new(None),
            guards: Guards {
                tokens: Tokens::new(
                    Arc::<tally_rpc::LocalKeys>::clone(&callers.keys),
                    Regions::All,
                    callers.clock.clone(),
                ),
                concurrency: PLACES,
                introducer: ways.introducer,
                cors_origins: ways.origins,
            },
        };
        let doors = doors(deps).expect("the contracts are sound");
        let (listener, at) = tally_testkit::listener().await;
        let listening = Listening::from(Arc::new(listener));
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or(()) };
        let served = tokio::spawn(serve(listening.clone(), doors, ways.port, stopped));
        let token = callers.person(TenantId(Uuid::from_u128(1)), None, []).token;
        Self { at, fake, callers, token, listening, stop, served }
    }

    /// A connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.expect("the doors listen")
    }

    /// The answer to a request with a good token.
    pub async fn ask(&self, request: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let token = format!("Bearer {}", self.token);
        self.ask_as_nobody(request, &[headers, &[("authorization", token.as_str())]].concat(), body).await
    }

    /// The answer to a request, such as `POST /v1/sessions`.
    pub async fn ask_as_nobody(&self, request: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let io = TokioIo::new(self.connect().await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("HTTP");
        tokio::spawn(connection);
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let asked = Request::builder().method(method).uri(path).header("host", "test");
        let asked = headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value));
        let asked = asked.body(Full::new(body.into())).expect("a request");
        let answer =
            tokio::time::timeout(NEVER, sender.send_request(asked)).await.expect("in time").expect("an answer");
        let (head, body) = answer.into_parts();
        let told = body.collect().await.expect("its body").to_bytes();
        Answer { status: head.status, headers: head.headers, told: serde_json::from_slice(&told).unwrap_or_default() }
    }

    /// Begins a request with a good token and waits until a service has it.
    pub async fn begin(&self, request: &'static str) -> JoinHandle<StatusCode> {
        let (at, token) = (self.at, format!("Bearer {}", self.token));
        let asked = tokio::spawn(async move {
            let io = TokioIo::new(TcpStream::connect(at).await.expect("the doors listen"));
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("HTTP");
            tokio::spawn(connection);
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let asked = Request::builder().method(method).uri(path).header("authorization", token);
            let answer = sender.send_request(asked.body(Full::new(Bytes::new())).expect("a request")).await;
            answer.expect("an answer").status()
        });
        self.fake.begun(1).await;
        asked
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Its JSON.
    pub told: Value,
}

impl Answer {
    /// Status and reason of a problem.
    pub fn problem(&self) -> (u16, &str) {
        (self.status.as_u16(), self.told["reason"].as_str().unwrap_or_default())
    }

    /// A header as a text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }
}
