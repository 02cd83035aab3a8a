//! Rate, errors and duration of every call, until the last byte of the answer, as one histogram per side (its count is the
//! rate, its status the errors).

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, StringValue};
use tonic::Code;
use tower::{Layer, Service};

use super::Then;
use super::ended::{End, Ended, Ending, ended};
use super::method::RpcMethod;
use crate::trace;

/// See the module's text. Made after telemetry is set up; before, it records nothing.
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    duration: Histogram<f64>,
    owner: KeyValue,
}

impl MetricsLayer {
    /// For calls that arrive at `service`.
    pub fn server(service: &'static str) -> Self {
        Self::new("rpc.server.call.duration", KeyValue::new("service.name", service))
    }

    /// For calls that leave for `peer`.
    pub fn client(peer: &str) -> Self {
        Self::new("rpc.client.call.duration", KeyValue::new("server.address", peer.to_owned()))
    }

    fn new(name: &'static str, owner: KeyValue) -> Self {
        let seconds = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
        let meter = opentelemetry::global::meter("tally");
        let duration = meter.f64_histogram(name).with_unit("s").with_boundaries(seconds).build();
        Self { duration, owner }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub struct Metrics<S> {
    inner: S,
    layer: MetricsLayer,
}

impl<S, B, R> Service<Request<B>> for Metrics<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<Ended<R, Measured>>;
    type Error = S::Error;
    type Future = Then<S::Future, Ending<Measured>, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = RpcMethod::name(request.extensions());
        let ending = Ending::new(Measured { layer: self.layer.clone(), method, started: Instant::now() });
        Then::new(self.inner.call(request), ending, |ending, answer| answer.map(|answer| ended(answer, ending)))
    }
}

/// One call that is under way.
pub struct Measured {
    layer: MetricsLayer,
    method: StringValue,
    started: Instant,
}

impl End for Measured {
    fn end(self, code: Code) {
        let Self { layer: MetricsLayer { duration, owner }, method, started } = self;
        let mut attributes = vec![
            owner,
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.response.status_code", trace::name(code)),
        ];
        if trace::is_fault(code) {
            attributes.push(KeyValue::new("error.type", trace::name(code)));
        }
        duration.record(started.elapsed().as_secs_f64(), &attributes);
    }
}
