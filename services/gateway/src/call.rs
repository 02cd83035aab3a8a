//! One call of an rpc: messages as bytes in and out, through the same channel as every caller's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::Stream;
use tally_rpc::layers::{LoadShedLayer, Methods, Refused, RpcMethod, StatusLayer, with_locale};
use tally_rpc::{Introducer, MAX_MESSAGE_BYTES, RpcChannel};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceBuilder;

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
        (metadata, caller): (MetadataMap, Option<TcpConnectInfo>),
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
