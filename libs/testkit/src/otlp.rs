//! A receiver of real OTLP/gRPC traces and metrics on the loopback: what a collector would see.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::listener;

/// One span as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Name of the span.
    pub name: String,
    /// `service.name` of the process that sent it.
    pub process: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits, or empty at the root.
    pub parent_id: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// Attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

impl Span {
    /// An attribute, or the empty text.
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

/// One point of a histogram as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Name of the instrument.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How many measurements it holds.
    pub count: u64,
    /// Attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Log {
    spans: Mutex<Vec<Span>>,
    points: Mutex<Vec<Point>>,
    bytes: Mutex<Vec<u8>>,
}

type Seen = Arc<Log>;

/// A receiver that runs.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    seen: Seen,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let (listener, address) = listener().await;
        let seen = Seen::default();
        let traces = TraceServiceServer::new(Collect(Arc::clone(&seen)));
        let metrics = MetricsServiceServer::new(Collect(Arc::clone(&seen)));
        let serving = tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(traces).add_service(metrics);
            // It ends with the test.
            let _ended = server.serve_with_incoming(TcpListenerStream::new(listener)).await;
        });
        Self { address, seen, serving }
    }

    /// `http://127.0.0.1:PORT`, for `telemetry.otlp_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span so far, in order of arrival.
    pub fn spans(&self) -> Vec<Span> {
        self.seen.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything so far, as it is on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every point of a histogram so far, in order of arrival.
    pub fn points(&self) -> Vec<Point> {
        self.seen.points.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Collect(Seen);

impl Collect {
    fn keep(&self, message: &impl prost::Message) {
        let mut bytes = self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(message.encode_to_vec());
    }
}

#[tonic::async_trait]
impl TraceService for Collect {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.keep(request.get_ref());
        let mut seen = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let process = resource.resource.map(|r| attributes(r.attributes)).unwrap_or_default();
            let process = process.get("service.name").cloned().unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                seen.push(Span {
                    name: span.name,
                    process: process.clone(),
                    trace_id: hex(&span.trace_id),
                    span_id: hex(&span.span_id),
                    parent_id: hex(&span.parent_span_id),
                    kind: span.kind,
                    attributes: attributes(span.attributes),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collect {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.keep(request.get_ref());
        let mut seen = self.0.points.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = request.into_inner().resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            if let Some(Data::Histogram(histogram)) = metric.data {
                seen.extend(histogram.data_points.into_iter().map(|point| Point {
                    name: metric.name.clone(),
                    unit: metric.unit.clone(),
                    count: point.count,
                    attributes: attributes(point.attributes),
                }));
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
