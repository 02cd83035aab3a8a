//! One call of an rpc: messages as bytes in and out, through the same channel as every caller's.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::Stream;
use tally_rpc::{MAX_MESSAGE_BYTES, RpcChannel};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Request, Response, Status, Streaming};

/// Ways to the services, by their names.
#[derive(Clone, Debug)]
pub struct Services(BTreeMap<&'static str, RpcChannel>);

impl Services {
    /// Ways to these services.
    pub fn new(channels: impl IntoIterator<Item = (&'static str, RpcChannel)>) -> Self {
        Self(channels.into_iter().collect())
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
        // In the same process a service counts by where a call came from; in another one by where the gateway is.
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
