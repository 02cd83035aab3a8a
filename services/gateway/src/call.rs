//! One call of an rpc: messages as bytes in and out, through the same channel as every caller's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::{Stream, stream};
use http::HeaderMap;
use http::header::HeaderName;
use http::request::Parts as Head;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tally_rpc::layers::{CONSISTENCY, LoadShedLayer, Methods, Refused, RpcMethod, StatusLayer, with_locale};
use tally_rpc::{Introducer, MAX_MESSAGE_BYTES, RpcChannel};
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceBuilder;

/// Headers that go to the service as they came.
const PASSED: [&str; 5] = ["authorization", "accept-language", "traceparent", "tracestate", CONSISTENCY];

/// What stands before a message in a stream of them: its flags, and its length.
pub const PREFIX_BYTES: usize = 5;
/// All that one call may send, as the services have it.
pub const MAX_BODY_BYTES: usize = PREFIX_BYTES + MAX_MESSAGE_BYTES;

/// Who calls, and what goes with the call.
pub type Caller = (MetadataMap, Option<TcpConnectInfo>);

/// What of a request over HTTP goes with the call that it becomes.
pub fn caller(head: &Head) -> Caller {
    let mut passed = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = head.headers.get(name) {
            passed.insert(HeaderName::from_static(name), value.clone());
        }
    }
    (MetadataMap::from_headers(passed), head.extensions.get().cloned())
}

/// Questions that are read one by one.
pub trait Questions: Send + 'static {
    /// The next one, as bytes of its message; nothing after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

/// The questions as they are read, and where it is told why they break off. After that none comes and the stream does not end either: whoever
/// hears it lets go of the call, so that no service takes the half for the whole.
///
/// All questions together are no larger than one may be: a service reads them whole, and so does a way that may ask again.
pub fn as_read(from: impl Questions) -> (impl Stream<Item = Bytes> + Send, oneshot::Receiver<Error>) {
    let (broken, heard) = oneshot::channel();
    let questions = stream::unfold((from, Some(broken), MAX_BODY_BYTES), |(mut from, mut broken, left)| async move {
        match from.next().await.and_then(|question| within(left, question)) {
            Ok(question) => question.map(|(question, left)| (question, (from, broken, left))),
            Err(error) => {
                if let Some(broken) = broken.take() {
                    // Nobody hears it where the call is over.
                    let _unheard = broken.send(error);
                }
                std::future::pending().await
            }
        }
    });
    (questions, heard)
}

/// A question, and how many bytes are left for those after it.
fn within(left: usize, question: Option<Bytes>) -> Result<Option<(Bytes, usize)>> {
    let Some(question) = question else { return Ok(None) };
    let left = left.checked_sub(PREFIX_BYTES + question.len());
    let left =
        left.ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("REQUEST_TOO_LARGE", max = MAX_MESSAGE_BYTES)))?;
    Ok(Some((question, left)))
}

/// Ways to the services, by their names.
#[derive(Clone, Debug)]
pub struct Services(BTreeMap<&'static str, RpcChannel>);

/// What stands before each way.
pub struct Before {
    /// Which rpcs there are.
    pub methods: Methods,
    /// Calls of each service at once.
    pub concurrency: usize,
    /// Says to services in other processes where calls come from that need no token.
    pub introducer: Option<Arc<Introducer>>,
}

impl Before {
    /// The way, with fewer places for what can wait: one service that is slow does not use up the others, nor reads what changes.
    fn way(&self, channel: RpcChannel) -> RpcChannel {
        let (methods, introducer) = (self.methods.clone(), self.introducer.clone());
        let noted = move |request| introduced(methods.note(with_locale(request)), introducer.as_deref());
        let layers = ServiceBuilder::new()
            .map_response(|answer: http::Response<_>| answer.map(Body::new))
            .map_request(noted)
            .layer(StatusLayer)
            .layer(LoadShedLayer::new(self.concurrency))
            .map_err(|never: Infallible| -> Refused { match never {} });
        RpcChannel::new(layers.service(channel))
    }
}

/// In the same process a service counts by where a call came from; in another one by what is said of it here.
fn introduced(mut request: http::Request<Body>, introducer: Option<&Introducer>) -> http::Request<Body> {
    let caller = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    let is_public = request.extensions().get::<RpcMethod>().is_some_and(RpcMethod::is_public);
    if let (Some(introducer), Some(caller), true) = (introducer, caller, is_public)
        && let Err(error) = introducer.introduce(request.headers_mut(), caller.ip())
    {
        tracing::warn!(?error, "a call goes on without where it comes from");
    }
    request
}

impl Services {
    /// Ways to these services.
    pub fn new(channels: impl IntoIterator<Item = (&'static str, RpcChannel)>, before: &Before) -> Self {
        Self(channels.into_iter().map(|(name, channel)| (name, before.way(channel))).collect())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, RpcChannel)> + '_ {
        self.0.iter().map(|(name, channel)| (*name, channel.clone()))
    }

    /// The way to the service of an rpc.
    pub fn channel(&self, service: &str) -> Option<RpcChannel> {
        self.0.get(service).cloned()
    }

    /// Asks the rpc `package.Service/Method` with some messages; its answers come one by one, also where there is but one.
    ///
    /// # Errors
    /// What the service answers in place of messages.
    pub async fn ask(
        &self,
        (service, name): (&str, &str),
        (metadata, caller): Caller,
        questions: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        let channel = self.channel(service).ok_or_else(|| Status::unimplemented(name))?;
        let mut grpc = Grpc::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let path = format!("/{name}").parse().map_err(|_| Status::unimplemented(name))?;
        let mut request = Request::new(questions);
        *request.metadata_mut() = metadata;
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        let Ok(()) = grpc.ready().await;
        grpc.streaming(request, path, AsBytes).await
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug)]
struct AsBytes;

impl Codec for AsBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
