//! A foreign service, as far as a test says what it answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream;
use http::{Request, Response, header};
use prost::Message;
use tally_rpc::RpcChannel;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

type Answer = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A foreign service: answers what a test gave it an answer to. Whatever else it is asked fails the call and says which
/// rpc it was, and so does a call without a token.
///
/// ```ignore
/// let identity = FakePeer::new("identity")
///     .answers("tally.identity.v1.PersonService/ListPeople", |_: ListPeopleRequest| Ok(people()))
///     .channel();
/// ```
pub struct FakePeer {
    name: &'static str,
    answers: BTreeMap<&'static str, Answer>,
}

impl FakePeer {
    /// A peer that answers nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, answers: BTreeMap::new() }
    }

    /// Answers `rpc` (`package.Service/Method`) with one message, or refuses.
    #[must_use]
    pub fn answers<A, R>(
        self,
        rpc: &'static str,
        answer: impl Fn(A) -> Result<R, Status> + Send + Sync + 'static,
    ) -> Self
    where
        A: Message + Default + 'static,
        R: Message + Default + 'static,
    {
        self.streams(rpc, move |ask| vec![answer(ask)])
    }

    /// Answers `rpc` with a stream of messages.
    #[must_use]
    pub fn streams<A, R>(
        mut self,
        rpc: &'static str,
        answer: impl Fn(A) -> Vec<Result<R, Status>> + Send + Sync + 'static,
    ) -> Self
    where
        A: Message + Default + 'static,
        R: Message + Default + 'static,
    {
        let answer = Arc::new(answer);
        let handler = move |request: Request<Body>| -> BoxFuture<'static, Response<Body>> {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                let service = service_fn(move |ask: tonic::Request<A>| {
                    let parts = answer(ask.into_inner());
                    async move { Ok::<_, Status>(tonic::Response::new(stream::iter(parts))) }
                });
                Grpc::new(ProstCodec::<R, A>::default()).server_streaming(service, request).await
            })
        };
        let before = self.answers.insert(rpc, Arc::new(handler));
        assert!(before.is_none(), "{rpc} has an answer already");
        self
    }

    /// The way to it, for a [`Peer`](tally_rpc::Peer).
    pub fn channel(self) -> RpcChannel {
        let peer = Arc::new(self);
        RpcChannel::new(service_fn(move |request: Request<Body>| {
            let answered = peer.answer(request);
            async move { Ok::<_, Infallible>(answered.await) }
        }))
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let rpc = request.uri().path().trim_start_matches('/');
        assert!(request.headers().contains_key(header::AUTHORIZATION), "{} was asked {rpc} without a token", self.name);
        let Some(answer) = self.answers.get(rpc) else {
            let given: Vec<_> = self.answers.keys().collect();
            panic!("{} was asked {rpc}; this test gave it answers to {given:?} only", self.name)
        };
        answer(request)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    };

    use super::*;

    const EXPORT: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

    async fn asked(peer: FakePeer, token: &'static str) -> Result<ExportTraceServiceResponse, Status> {
        let mut request = tonic::Request::new(ExportTraceServiceRequest::default());
        if !token.is_empty() {
            request.metadata_mut().insert("authorization", token.parse().unwrap());
        }
        TraceServiceClient::new(peer.channel()).export(request).await.map(tonic::Response::into_inner)
    }

    #[tokio::test]
    async fn a_peer_gives_the_answers_and_refusals_that_a_test_gave_it() {
        let reply = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess { rejected_spans: 7, ..Default::default() }),
        };
        let told = reply.clone();
        let peer = FakePeer::new("a").answers(EXPORT, move |_: ExportTraceServiceRequest| Ok(told.clone()));
        assert_eq!(asked(peer, "Bearer x").await.unwrap(), reply);
        let refuse = |_: ExportTraceServiceRequest| Err::<ExportTraceServiceResponse, _>(Status::aborted("later"));
        let refused = asked(FakePeer::new("a").answers(EXPORT, refuse), "Bearer x").await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (tonic::Code::Aborted, "later"));
    }

    #[tokio::test]
    #[should_panic(expected = "a was asked opentelemetry.proto.collector.trace.v1.TraceService/Export; this test")]
    async fn what_a_peer_has_no_answer_to_is_named() {
        let _never = asked(FakePeer::new("a"), "Bearer x").await;
    }

    #[tokio::test]
    #[should_panic(expected = "without a token")]
    async fn a_peer_is_not_asked_by_nobody() {
        let _never = asked(FakePeer::new("a"), "").await;
    }
}
