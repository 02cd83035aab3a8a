//! The port of the doors: HTTP/1.1 and HTTP/2 on one listener, with limits for those who send slowly, much, or never end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceBuilder;

/// How much the port takes on.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long the headers of a request may take.
    pub headers_within: Duration,
}

impl Default for Port {
    fn default() -> Self {
        Self { connections: 4_096, headers_within: Duration::from_secs(10) }
    }
}

/// All headers of a request together.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Requests at once on one connection of HTTP/2.
const MAX_STREAMS: u32 = 128;
/// How often a connection of HTTP/2 is asked whether it lives.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
/// The pause before the first bytes of a connection are looked at again.
const PEEK_AGAIN: Duration = Duration::from_millis(20);
/// The pause after a connection could not be accepted: there are too many open files, and soon fewer.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then lets the requests under way end.
pub async fn serve(listener: Arc<TcpListener>, doors: Router, port: Port, shutdown: impl Future<Output = ()> + Send) {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(port.headers_within).max_buf_size(MAX_HEADER_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(ALIVE_EVERY);
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(port.connections)));
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
        let Ok((stream, caller)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // What is to be sent is sent at once; without this an answer in two parts waits for an acknowledgement.
        let _unset = stream.set_nodelay(true);
        // Whom nobody has signed in as is counted by address.
        let caller = TcpConnectInfo { local_addr: None, remote_addr: Some(caller) };
        let noted = move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(caller.clone());
            request
        };
        let service = TowerToHyperService::new(ServiceBuilder::new().map_request(noted).service(doors.clone()));
        let (server, watcher) = (server.clone(), graceful.watcher());
        tokio::spawn(async move {
            // Which HTTP is spoken shows in the first bytes, and the server below waits for them as long as it takes.
            let Ok(Ok(is_http2)) = tokio::time::timeout(port.headers_within, speaks_http2(&stream)).await else {
                return;
            };
            let server = if is_http2 { server.http2_only() } else { server.http1_only() };
            let connection = watcher.watch(server.serve_connection(TokioIo::new(stream), service).into_owned());
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
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
