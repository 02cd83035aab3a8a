//! Logs to stderr, and traces and metrics over OTLP where an endpoint is configured.
//!
//! Every call and every piece of background work has a trace, whether anybody exports it or not: its W3C ids stand in each
//! log line, and go to the services that are called.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use opentelemetry::trace::{
    Link, SpanContext, SpanKind, TraceContextExt as _, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, TracerProviderBuilder,
};
use tally_kernel::{Message, msg};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber, dispatcher};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as lines, FmtContext};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, LogFormat, Telemetry};

/// How long the last export may take when the process ends.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// Keeps telemetry going. [`finish`](Self::finish) it before the process ends, or the last spans are lost.
#[derive(Debug, Default)]
#[must_use = "finish it before the process ends"]
pub struct Guard {
    tracer: Option<SdkTracerProvider>,
    meter: Option<SdkMeterProvider>,
}

impl Guard {
    /// Exports what is left.
    pub async fn finish(self) {
        // The exporters block the thread they are called on.
        let done = tokio::task::spawn_blocking(move || {
            let traces = self.tracer.map_or(Ok(()), |tracer| tracer.shutdown_with_timeout(LAST_EXPORT));
            let metrics = self.meter.map_or(Ok(()), |meter| meter.shutdown_with_timeout(LAST_EXPORT));
            traces.and(metrics)
        });
        if let Ok(Err(error)) = done.await {
            tracing::warn!(%error, "the last telemetry was lost");
        }
    }
}

/// Sets up logs, traces and metrics of the whole process, once, before any stack is made. `process` tells instances
/// apart: `tally` or the services it is. Call it inside a tokio runtime.
///
/// # Errors
/// The setting that cannot hold.
pub fn init(settings: &Telemetry, process: &str) -> Result<Guard, ConfigError> {
    let wrong = |key: &str, cause: &dyn fmt::Display| ConfigError {
        key: key.into(),
        message: Message::told(cause.to_string()),
    };
    let filter: Targets = settings.log.parse().map_err(|e| wrong("telemetry.log", &e))?;
    let ansi = std::io::stderr().is_terminal();
    let layer = lines::layer().with_writer(std::io::stderr).with_ansi(ansi);
    let lines = match settings.format {
        LogFormat::Pretty => {
            let inner = lines::format().compact().with_target(false).with_ansi(ansi);
            layer.event_format(WithIds { inner, json: false }).boxed()
        }
        LogFormat::Json => {
            let inner = lines::format().json().with_span_list(false);
            layer.json().event_format(WithIds { inner, json: true }).boxed()
        }
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let mut guard = Guard::default();
    let tracer = SdkTracerProvider::builder().with_sampler(Sampler::ParentBased(Box::new(Roots)));
    let endpoint = settings.otlp_endpoint.as_str();
    let exports = !endpoint.is_empty();
    let tracer = if exports { exported(settings, process, tracer, &mut guard)? } else { tracer.build() };
    let traces = tracing_opentelemetry::layer().with_tracer(tracer.tracer("tally"));
    let wanted = move |metadata: &Metadata<'_>| is_ours(metadata) && is_wanted(metadata, exports);
    let depth = if exports { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // Whatever levels are shown: a line belongs to the call that it was written in.
    let around = filter_fn(|metadata| metadata.is_span() && is_ours(metadata) && is_wanted(metadata, false));
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.or(around.with_max_level_hint(LevelFilter::INFO))))
        .with(traces.with_filter(filter_fn(wanted).with_max_level_hint(depth)))
        .try_init()
        .map_err(|e| wrong("telemetry", &e))?;
    Ok(guard)
}

/// Traces that go to the collector; metrics go there too.
fn exported(
    settings: &Telemetry,
    process: &str,
    tracer: TracerProviderBuilder,
    guard: &mut Guard,
) -> Result<SdkTracerProvider, ConfigError> {
    let endpoint = settings.otlp_endpoint.as_str();
    let resource = Resource::builder()
        .with_service_name(process.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let bad = |_: opentelemetry_otlp::ExporterBuildError| ConfigError {
        key: "telemetry.otlp_endpoint".into(),
        message: msg!("SETTING_ENDPOINT"),
    };
    let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    let tracer = tracer.with_batch_exporter(spans).with_resource(resource.clone()).build();
    let metrics = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    let pace = Duration::from_secs(settings.metrics_seconds.max(1));
    let reader = PeriodicReader::builder(metrics).with_interval(pace).build();
    let meter = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
    global::set_meter_provider(meter.clone());
    *guard = Guard { tracer: Some(tracer.clone()), meter: Some(meter) };
    Ok(tracer)
}

/// Only the suite's own spans are exported: the exporter's calls make spans too, and would export themselves for ever.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tally")
}

/// Calls and work have a trace always. What happens inside of them (transactions, computations; spans of the level debug)
/// is made for an exporter alone, and costs nothing without one.
fn is_wanted(metadata: &Metadata<'_>, exports: bool) -> bool {
    let deepest = if exports && metadata.is_span() { LevelFilter::DEBUG } else { LevelFilter::INFO };
    (exports || metadata.is_span()) && *metadata.level() <= deepest
}

/// Traces begin with a call or with a piece of work. What happens outside of one, such as looking whether there is
/// something to do, begins none; what has a parent follows it.
#[derive(Clone, Debug)]
struct Roots;

impl ShouldSample for Roots {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace: TraceId,
        _name: &str,
        kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decision = match kind {
            SpanKind::Internal => SamplingDecision::Drop,
            SpanKind::Client | SpanKind::Server | SpanKind::Producer | SpanKind::Consumer => {
                SamplingDecision::RecordAndSample
            }
        };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

/// Lines with the ids of the trace and the span that they were written in.
struct WithIds<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(span) = span_of(ctx) else { return self.inner.format_event(ctx, writer, event) };
        let mut line = String::new();
        self.inner.format_event(ctx, Writer::new(&mut line), event)?;
        let (trace, span) = (span.trace_id(), span.span_id());
        match line.strip_suffix("}\n").filter(|_| self.json) {
            Some(open) => writeln!(writer, "{open},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}"),
            None => writeln!(writer, "{} trace_id={trace} span_id={span}", line.trim_end()),
        }
    }
}

/// The innermost span around the line that has a trace.
fn span_of<S, N>(ctx: &FmtContext<'_, S, N>) -> Option<SpanContext>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    dispatcher::get_default(|dispatch| {
        let mut around = ctx.event_scope()?.filter_map(|span| {
            let context = tracing_opentelemetry::get_otel_context(&span.id(), dispatch)?;
            Some(context.span().span_context().clone())
        });
        around.find(SpanContext::is_valid)
    })
}
