//! One trace through every service: the caller's W3C context is read before the server's span starts, and written into
//! every call that leaves. Names follow OpenTelemetry's rpc conventions.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{Status as SpanStatus, TraceContextExt};
use tonic::Code;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Header of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

struct Reader<'a>(&'a HeaderMap);

impl Extractor for Reader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Writer<'a>(&'a mut HeaderMap);

impl Injector for Writer<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

/// The span of a call that arrived, child of the caller's. `method` is `package.Service/Method`.
pub fn server(service: &'static str, method: &str, headers: &HeaderMap) -> Span {
    let caller = sent(headers);
    // A root of its own: in one process the caller's span is current here, and the header must decide as on a network.
    let span = tracing::info_span!(
        parent: None,
        "rpc",
        otel.name = method,
        otel.kind = "server",
        rpc.system.name = "grpc",
        rpc.method = method,
        service.name = service,
        rpc.response.status_code = tracing::field::Empty,
    );
    if caller.span().span_context().is_valid() {
        // Fails only where no exporter is installed, and then there is nothing to link.
        let _unlinked = span.set_parent(caller);
    }
    span
}

/// The span of a call that leaves: child of the current span, unless the request says that it belongs to another trace
/// (work that was put off carries the trace of the call it was done for).
pub fn client(peer: &str, method: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "call",
        otel.name = method,
        otel.kind = "client",
        rpc.system.name = "grpc",
        rpc.method = method,
        server.address = peer,
        rpc.response.status_code = tracing::field::Empty,
    );
    let (wanted, current) = (sent(headers), Span::current().context());
    let (wanted_id, current_id) = (wanted.span().span_context().trace_id(), current.span().span_context().trace_id());
    if wanted.span().span_context().is_valid() && wanted_id != current_id {
        let _unlinked = span.set_parent(wanted);
    }
    span
}

/// The span of work that is done later than the call that asked for it, or for an event: child of that call where it is
/// known (its W3C `traceparent`), else the beginning of a trace. `name` says what is done.
pub fn work(service: &'static str, name: &str, asked_by: Option<&str>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "work",
        otel.name = name,
        otel.kind = "consumer",
        service.name = service,
        work.kind = tracing::field::Empty,
        work.attempt = tracing::field::Empty,
        work.waited_ms = tracing::field::Empty,
    );
    let mut headers = HeaderMap::new();
    if let Some(Ok(traceparent)) = asked_by.map(HeaderValue::from_str) {
        headers.insert(TRACEPARENT, traceparent);
    }
    let asked_by = sent(&headers);
    if asked_by.span().span_context().is_valid() {
        let _unlinked = span.set_parent(asked_by);
    }
    span
}

/// The span of looking whether there is something to do. It and all below it, in other services too, are not sampled: an
/// idle suite exports nothing. Its ids stand in log lines.
pub fn looking() -> Span {
    // Internal and without a parent: telemetry samples no such root.
    tracing::info_span!(parent: None, "looking")
}

fn sent(headers: &HeaderMap) -> opentelemetry::Context {
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&opentelemetry::Context::new(), &Reader(headers))
    })
}

/// Writes the span's context into the headers of a call, over what the caller of the caller sent.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    let context = span.context();
    if context.span().span_context().is_valid() {
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut Writer(headers));
        });
    }
}

/// The trace context of a span that arrived, to keep beside work that is done later; else what the caller sent.
pub fn carried(span: &Span, headers: &HeaderMap) -> Option<String> {
    let mut own = HeaderMap::new();
    inject(span, &mut own);
    let found = own.get(TRACEPARENT).or_else(|| headers.get(TRACEPARENT))?;
    found.to_str().ok().map(str::to_owned)
}

/// Notes how the call ended.
pub fn finish(span: &Span, code: Code) {
    span.record("rpc.response.status_code", name(code));
    if is_fault(code) {
        span.set_status(SpanStatus::error(name(code)));
    }
}

/// Whether an answer is the server's fault rather than the caller's.
pub fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The code's name as OpenTelemetry and gRPC write it.
pub fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
