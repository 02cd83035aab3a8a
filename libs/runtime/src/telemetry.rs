//! Logs to stderr, and traces and metrics over OTLP where an endpoint is configured.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as lines};

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
    let wrong = |key: &str, cause: &dyn fmt::Display| ConfigError { key: key.into(), message: cause.to_string() };
    let filter: Targets = settings.log.parse().map_err(|e| wrong("telemetry.log", &e))?;
    let lines = lines::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match settings.format {
        LogFormat::Pretty => lines.compact().with_target(false).boxed(),
        LogFormat::Json => lines.json().with_span_list(false).boxed(),
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let mut guard = Guard::default();
    let endpoint = settings.otlp_endpoint.as_str();
    if !endpoint.is_empty() {
        let resource = Resource::builder()
            .with_service_name(process.to_owned())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let bad = |e: opentelemetry_otlp::ExporterBuildError| wrong("telemetry.otlp_endpoint", &e);
        let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
        let tracer = SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource.clone()).build();
        let metrics = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
        let pace = Duration::from_secs(settings.metrics_seconds.max(1));
        let reader = PeriodicReader::builder(metrics).with_interval(pace).build();
        let meter = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
        global::set_meter_provider(meter.clone());
        guard = Guard { tracer: Some(tracer), meter: Some(meter) };
    }
    let traces = guard.tracer.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("tally")).with_filter(filter_fn(is_ours))
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces)
        .try_init()
        .map_err(|e| wrong("telemetry", &e))?;
    Ok(guard)
}

/// Only the suite's own spans are exported: the exporter's calls make spans too, and would export themselves for ever.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tally") && *metadata.level() <= tracing::Level::INFO
}
