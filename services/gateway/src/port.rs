//! The port of the doors: HTTP/1.1 and HTTP/2 on one listener, with limits for those who send slowly, much, or never end.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tally_rpc::layers::network;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceBuilder;

use crate::forwarded;
use crate::shares::Shares;

/// How much the port takes on, and of whom.
#[derive(Clone, Debug)]
pub struct Port {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Of those from one address; more are closed.
    pub connections_of_address: usize,
    /// Who may have all of them: proxies, and whoever is on this machine.
    pub unshared: Vec<IpNet>,
    /// How long the headers of a request may take.
    pub headers_within: Duration,
    /// Proxies of ours: whom they name as their caller is believed.
    pub proxies: Vec<IpNet>,
}

impl Default for Port {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_of_address: 1_024,
            unshared: LOOPBACK.into(),
            headers_within: Duration::from_secs(10),
            proxies: Vec::new(),
        }
    }
}

impl Port {
    /// Behind these proxies.
    #[must_use]
    pub fn behind(proxies: Vec<IpNet>) -> Self {
        let unshared = LOOPBACK.into_iter().chain(proxies.iter().copied()).collect();
        Self { unshared, proxies, ..Self::default() }
    }

    fn shares(&self, address: IpAddr) -> bool {
        !self.unshared.iter().any(|net| net.contains(&address))
    }
}

/// The listener of the port until it is shut: whoever connects afterwards is refused at once, however many hold a clone.
#[derive(Clone, Debug)]
pub struct Listening(Arc<Mutex<Option<Arc<TcpListener>>>>);

impl From<Arc<TcpListener>> for Listening {
    fn from(listener: Arc<TcpListener>) -> Self {
        Self(Arc::new(Mutex::new(Some(listener))))
    }
}

impl Listening {
    fn listener(&self) -> Option<Arc<TcpListener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shut(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Addresses of this machine.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];
/// All headers of a request together, for the parser: beyond it answers by itself, without a body. What is offered is half of it, so that whoever
/// goes a little too far is told so in words.
const MAX_HEADER_BYTES: usize = 2 * crate::MAX_HEADER_BYTES;
/// Headers of a request, for the parser.
const MAX_HEADERS: usize = 2 * crate::MAX_HEADERS;
/// Requests at once on one connection of HTTP/2.
const MAX_STREAMS: u32 = 128;
/// How often a connection of HTTP/2 is asked whether it lives.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
/// The pause before the first bytes of a connection are looked at again.
const PEEK_AGAIN: Duration = Duration::from_millis(20);
/// The pause after a connection could not be accepted: there are too many open files, and soon fewer.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then shuts the listener and lets the requests under way end.
pub async fn serve(listening: Listening, doors: Router, port: Port, shutdown: impl Future<Output = ()> + Send) {
    let Some(listener) = listening.listener() else { return };
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(port.connections)));
    let shares = Shares::new(port.connections_of_address);
    let connection = Connection { server: server(&port), doors, port: Arc::new(port) };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => break,
        };
        let (Ok(place), Ok((stream, caller))) = (place, accepted) else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let address = caller.ip().to_canonical();
        let share = shares.of(network(address)).try_acquire_owned().ok();
        if share.is_none() && connection.port.shares(address) {
            continue;
        }
        tokio::spawn(connection.clone().serve(stream, caller, graceful.watcher(), (place, share)));
    }
    listening.shut();
    drop(listener);
    graceful.shutdown().await;
}

fn server(port: &Port) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(port.headers_within);
    server.http1().max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(ALIVE_EVERY);
    server
}

/// What every connection is served with.
#[derive(Clone)]
struct Connection {
    server: Builder<TokioExecutor>,
    doors: Router,
    port: Arc<Port>,
}

impl Connection {
    /// Serves one until its end, and keeps its places so long.
    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        _places: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    ) {
        // What is to be sent is sent at once; without this an answer in two parts waits for an acknowledgement.
        let _unset = stream.set_nodelay(true);
        let Self { server, doors, port } = self;
        let headers_within = port.headers_within;
        // Whom nobody has signed in as is counted by address.
        let noted = move |mut request: Request<Incoming>| {
            let caller = forwarded::caller(request.headers(), peer.ip(), &port.proxies);
            let remote_addr = Some(SocketAddr::new(caller, peer.port()));
            request.extensions_mut().insert(TcpConnectInfo { local_addr: None, remote_addr });
            request
        };
        let service = TowerToHyperService::new(ServiceBuilder::new().map_request(noted).service(doors));
        // Which HTTP is spoken shows in the first bytes, and the server below waits for them as long as it takes.
        let Ok(Ok(is_http2)) = tokio::time::timeout(headers_within, speaks_http2(&stream)).await else {
            return;
        };
        let server = if is_http2 { server.http2_only() } else { server.http1_only() };
        let connection = watcher.watch(server.serve_connection(TokioIo::new(stream), service).into_owned());
        if let Err(error) = connection.await {
            tracing::debug!(error, "a connection broke");
        }
    }
}

/// Whether a connection begins as HTTP/2 does where nothing was agreed on before.
async fn speaks_http2(stream: &TcpStream) -> std::io::Result<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut seen = [0; PREFACE.len()];
    loop {
        let len = stream.peek(&mut seen).await?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if len == PREFACE.len() || !PREFACE.starts_with(&seen[..len]) {
            return Ok(seen[..len] == *PREFACE);
        }
        // What is there stays readable: look again when there may be more.
        tokio::time::sleep(PEEK_AGAIN).await;
    }
}
