//! Calls over the network: over all addresses of a name, and once more where that can do no harm.
//!
//! | what happened | what is asked again, at another address or after a pause |
//! |---|---|
//! | no connection, or one that was closing: the call was never sent | every call |
//! | the connection broke while the call was under way | reads, and changes that carry a request id; twice at most |
//! | the peer answered, whatever it said | nothing: each service on the way would multiply the calls of an overloaded one |
//!
//! All of it within the caller's deadline. A call whose questions or answers are a stream is asked again only before the
//! first answer, and not at all where it is none of our rpcs: what was heard of a stream that breaks later only its reader can
//! throw away ([`crate::streamed`]). Nor is one whose questions are a stream longer than a message may be: it is passed on as it comes.

use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::uri::Scheme;
use http::{Request, Response, Uri, request};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyDataStream, BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use hyper_util::rt::TokioIo;
use tally_access::{Effect, PolicyRow};
use tally_api::classes::{self, Answer};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{ConnectError, Status, TimeoutExpired};
use tower::{BoxError, Service, ServiceExt as _};

use crate::addresses::{Address, Addresses, Dial, Resolve};
use crate::channel::{RpcChannel, caller, chain};
use crate::deadline;
use crate::limits::MAX_MESSAGE_BYTES;
use crate::tls::{ClientTls, Tls};

/// How often a name is resolved where nobody says otherwise.
const RESOLVE_EVERY: Duration = Duration::from_secs(10);
/// How long a connection, and then its handshake, may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// How often a peer is asked whether it lives, and how soon it must answer: a machine that is frozen or cut off closes no
/// connection, and calls wait on it until then.
const ALIVE_EVERY: Duration = Duration::from_secs(2);
const ALIVE_WITHIN: Duration = Duration::from_secs(4);
/// The first pause after every address was tried; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(25);
const PAUSES: u32 = 4;
/// How often a call that was under way is asked again: one that breaks its server must not visit them all.
const BROKEN_MAX: u32 = 2;
/// What stands before a message on the wire: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// How services are called over the network.
#[derive(Clone, Debug)]
pub struct Network {
    /// For addresses that begin with https. Nothing means: trust whom the machine trusts, show nothing.
    pub tls: Option<ClientTls>,
    /// How old the addresses of a name may be.
    pub resolve_every: Duration,
    /// Who knows the addresses of a name.
    pub resolve: Resolve,
    reads: Arc<HashSet<&'static str>>,
}

impl Network {
    /// For services with these rpcs: those that only read may be asked again.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a PolicyRow>) -> Self {
        let reads = rows.into_iter().filter(|row| row.effect != Effect::Change).map(|row| row.method).collect();
        Self { tls: None, resolve_every: RESOLVE_EVERY, resolve: Resolve::default(), reads: Arc::new(reads) }
    }

    /// A channel to a service: `http://127.0.0.1:7070`, or `https://..`. It connects at the first call and again whenever a
    /// connection is lost, so services may start in any order; where the name has several addresses, calls go to all.
    ///
    /// # Errors
    /// `PEER_ADDRESS_INVALID` when the address cannot be read, `PEER_CERTIFICATES_UNUSABLE` when certificates cannot.
    pub fn connect(&self, address: &str) -> Result<RpcChannel> {
        let unread = || Error::of(Kind::InvalidArgument, msg!("PEER_ADDRESS_INVALID", address));
        let uri: Uri = address.parse().map_err(|e| unread().with_internal(e))?;
        let name = name(&uri).ok_or_else(unread)?;
        let dial = self.dial(&name.0, uri).map_err(unusable)?;
        let addresses = Addresses::new(name, self.resolve_every, self.resolve.clone(), dial);
        Ok(caller(address, Wire { addresses: Arc::new(addresses), reads: Arc::clone(&self.reads) }))
    }

    /// How one address is called: by its number, under the name of the host, which is the one its certificate has.
    fn dial(&self, host: &str, name: Uri) -> Result<Dial, tonic::transport::Error> {
        let secure = name.scheme() == Some(&Scheme::HTTPS);
        let mut endpoint = Endpoint::from(name)
            .http2_keep_alive_interval(ALIVE_EVERY)
            .keep_alive_timeout(ALIVE_WITHIN)
            .keep_alive_while_idle(true);
        if secure {
            let tls = self.tls.clone().unwrap_or_default();
            endpoint = endpoint.tls_config(tls.config(host).timeout(CONNECT))?;
        }
        Ok(Box::new(move |at| {
            let connector = tower::service_fn(move |_: Uri| async move {
                let stream = tokio::time::timeout(CONNECT, TcpStream::connect(at)).await??;
                stream.set_nodelay(true)?;
                Ok::<_, io::Error>(TokioIo::new(stream))
            });
            endpoint.connect_with_connector_lazy(connector)
        }))
    }
}

/// Host and port of a service's address.
pub(crate) fn name(uri: &Uri) -> Option<(String, u16)> {
    let port = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host().filter(|_| uri.path() == "/")?;
    Some((host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(port)))
}

/// A channel to `address` with these certificates and else as usual; only what was never sent is asked again.
///
/// # Errors
/// As [`Network::connect`].
pub fn connect(address: &str, tls: Option<&Tls>) -> Result<RpcChannel> {
    Network { tls: tls.map(Tls::client), ..Network::of([]) }.connect(address)
}

pub(crate) fn unusable(cause: tonic::transport::Error) -> Error {
    if chain(&cause).any(|cause| cause.to_string().contains("KeyMismatch")) {
        return Error::of(Kind::InvalidArgument, msg!("CERTIFICATE_KEY_MISMATCH"));
    }
    let causes: Vec<String> = chain(&cause).skip(1).map(ToString::to_string).collect();
    let why = msg!("TLS_SAYS", cause = causes.join(": "));
    Error::of(Kind::InvalidArgument, msg!("PEER_CERTIFICATES_UNUSABLE", why))
}

/// Every rpc of the suite, by its path.
static RPCS: LazyLock<HashMap<String, Answer>> = LazyLock::new(|| {
    let services = classes::pool().services();
    let rpcs = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let named = rpcs.map(|rpc| format!("{}/{}", rpc.parent_service().full_name(), rpc.name()));
    named.filter_map(|name| Some((format!("/{name}"), classes::answer_of(&name)?))).collect()
});

/// Why an address gave no answer.
enum Failure {
    /// It never got the call.
    Unsent(BoxError),
    /// It may have done what was asked.
    Broken(BoxError),
    /// Asking again would not help.
    Final(BoxError),
}

impl Failure {
    fn of(cause: BoxError) -> Self {
        if chain(cause.as_ref()).any(|cause| cause.is::<TimeoutExpired>() || cause.is::<LengthLimitError>()) {
            return Self::Final(cause);
        }
        if chain(cause.as_ref()).any(unsent) { Self::Unsent(cause) } else { Self::Broken(cause) }
    }

    fn cause(self) -> BoxError {
        match self {
            Self::Unsent(cause) | Self::Broken(cause) | Self::Final(cause) => cause,
        }
    }
}

/// Whether a cause says that the call was not sent, or that the peer took it no more because it was going away.
fn unsent(cause: &(dyn StdError + 'static)) -> bool {
    let left_over = |e: &hyper::Error| e.is_canceled();
    let gone = |e: &h2::Error| e.is_go_away() && e.is_remote() && e.reason() == Some(h2::Reason::NO_ERROR);
    cause.is::<ConnectError>()
        || cause.downcast_ref().is_some_and(left_over)
        || cause.downcast_ref().is_some_and(gone)
        || cause.downcast_ref().is_some_and(|e: &h2::Error| e.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// What [`caller`] stands before: the addresses of one peer.
#[derive(Clone)]
struct Wire {
    addresses: Arc<Addresses>,
    reads: Arc<HashSet<&'static str>>,
}

impl Service<Request<Body>> for Wire {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.send(request).await })
    }
}

impl Wire {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, mut body) = request.into_parts();
        let Some(rpc) = RPCS.get(parts.uri.path()) else {
            // Its questions may be a stream that waits for answers.
            return self.once(Request::from_parts(parts, body)).await;
        };
        let (question, is_whole) = beginning(&mut body).await?;
        if !is_whole {
            let begun = stream::once(async { Ok::<_, Status>(Frame::data(question)) });
            let rest = BodyDataStream::new(body).map_ok(Frame::data);
            return self.once(Request::from_parts(parts, Body::new(StreamBody::new(begun.chain(rest))))).await;
        }
        Asking { wire: self, rpc, parts, question, broken: 0, pauses: 0, tried: Vec::new() }.answer().await
    }

    /// Sends what cannot be kept to be sent again.
    async fn once(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        self.addresses.ready().await?;
        let address = self.addresses.choose(&[]).ok_or("no address is known")?;
        ask(&self.addresses, &address, request, true).await.map_err(Failure::cause)
    }
}

/// The questions of a call, and whether these are all: of a stream that is longer than a message may be, only its beginning is kept here.
async fn beginning<B: HttpBody<Data = Bytes> + Unpin>(body: &mut B) -> Result<(Bytes, bool), B::Error> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        read.extend_from_slice(&data);
        if read.len() > MAX_MESSAGE_BYTES + PREFIX_BYTES {
            return Ok((read.freeze(), false));
        }
    }
    Ok((read.freeze(), true))
}

/// One call, as often as it is sent.
struct Asking<'a> {
    wire: &'a Wire,
    rpc: &'static Answer,
    parts: request::Parts,
    question: Bytes,
    broken: u32,
    pauses: u32,
    /// Since the last pause.
    tried: Vec<std::net::SocketAddr>,
}

impl Asking<'_> {
    async fn answer(mut self) -> Result<Response<Body>, BoxError> {
        let left = deadline::read(&self.parts.headers).ok().flatten();
        let deadline = left.map(|left| Instant::now() + left);
        let addresses = &self.wire.addresses;
        let mut failed = addresses.ready().await.err().map(BoxError::from);
        loop {
            let Some(address) = addresses.choose(&self.tried) else {
                let pause = self.pause();
                let late = deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
                if let Some(cause) = failed.take_if(|_| late || self.pauses >= PAUSES) {
                    return Err(cause);
                }
                self.pauses += 1;
                tokio::time::sleep(pause).await;
                failed = addresses.renew().await.err().map(BoxError::from).or(failed);
                self.tried.clear();
                continue;
            };
            match ask(addresses, &address, self.request(deadline), self.rpc.streams()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failed = Some(self.again(failure)?),
            }
            self.tried.push(address.at);
        }
    }

    fn request(&self, deadline: Option<Instant>) -> Request<Body> {
        let mut request = Request::from_parts(self.parts.clone(), Body::new(Full::new(self.question.clone())));
        if let Some(deadline) = deadline {
            deadline::write(request.headers_mut(), deadline);
        }
        request
    }

    /// Calls that failed together do not come again together: each waits between half of the pause and all of it.
    fn pause(&self) -> Duration {
        let share = 64 + self.wire.addresses.turn() * 37 % 65;
        PAUSE * (1 << self.pauses) * u32::try_from(share).unwrap_or(128) / 128
    }

    /// The cause of a failure after which the call may be sent again.
    fn again(&mut self, failure: Failure) -> Result<BoxError, BoxError> {
        match failure {
            Failure::Unsent(cause) => Ok(cause),
            Failure::Broken(cause) if self.broken < BROKEN_MAX && self.harmless() => {
                self.broken += 1;
                Ok(cause)
            }
            Failure::Broken(cause) | Failure::Final(cause) => Err(cause),
        }
    }

    /// Whether it is the same if the call is done once or twice.
    fn harmless(&self) -> bool {
        self.wire.reads.contains(self.parts.uri.path().trim_start_matches('/'))
            || self.question.get(PREFIX_BYTES..).is_some_and(|message| self.rpc.carries_request_id(message))
    }
}

/// Asks one address. An answer that is one message is waited for whole, so that a connection that breaks in its middle is
/// noticed here.
async fn ask(
    addresses: &Arc<Addresses>,
    address: &Arc<Address>,
    request: Request<Body>,
    streams: bool,
) -> Result<Response<Body>, Failure> {
    let _under_way = address.begin();
    let answer = async {
        let answer = address.channel.clone().oneshot(request).await?;
        if streams { Ok(watched(answer, addresses, address)) } else { whole(answer).await }
    };
    match answer.await.map_err(Failure::of) {
        Ok(answer) => {
            address.works();
            Ok(answer)
        }
        Err(failure @ (Failure::Unsent(_) | Failure::Broken(_))) => {
            addresses.failed(address);
            Err(failure)
        }
        Err(failure @ Failure::Final(_)) => Err(failure),
    }
}

/// A stream that breaks tells that its address failed, so that the next call goes elsewhere.
fn watched(answer: Response<Body>, addresses: &Arc<Addresses>, address: &Arc<Address>) -> Response<Body> {
    let (addresses, address) = (Arc::clone(addresses), Arc::clone(address));
    answer.map(|body| {
        Body::new(body.map_err(move |cause| {
            addresses.failed(&address);
            cause
        }))
    })
}

async fn whole(answer: Response<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_MESSAGE_BYTES + PREFIX_BYTES).collect().await?;
    Ok(Response::from_parts(parts, Body::new(body)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn of_questions_without_end_no_more_is_kept_than_a_message_may_have() {
        const MIB: usize = 1 << 20;
        let told = Arc::new(AtomicUsize::new(0));
        let of = |pieces: usize| {
            let told = Arc::clone(&told);
            let pieces = stream::iter(0..pieces).map(move |_| {
                told.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; MIB])))
            });
            Box::pin(StreamBody::new(pieces))
        };
        let (read, is_whole) = beginning(&mut of(usize::MAX)).await.unwrap();
        assert_eq!((read.len(), is_whole, told.load(Ordering::Relaxed)), (5 * MIB, false, 5));
        let (read, is_whole) = beginning(&mut of(3)).await.unwrap();
        assert_eq!((read.len(), is_whole), (3 * MIB, true));
    }
}
