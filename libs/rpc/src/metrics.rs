//! Rate, errors and duration of every call, as one histogram per side (its count is the rate, its status the errors).

use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tonic::Code;

use crate::trace;

/// The instruments of one side. Made after telemetry is set up; before, it records nothing.
#[derive(Clone, Debug)]
pub struct Metrics {
    duration: Histogram<f64>,
    owner: KeyValue,
}

impl Metrics {
    /// Of calls that arrive at `service`.
    pub fn server(service: &'static str) -> Self {
        Self::new("rpc.server.call.duration", KeyValue::new("service.name", service))
    }

    /// Of calls that leave for `peer`.
    pub fn client(peer: &str) -> Self {
        Self::new("rpc.client.call.duration", KeyValue::new("server.address", peer.to_owned()))
    }

    fn new(name: &'static str, owner: KeyValue) -> Self {
        let seconds = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
        let meter = opentelemetry::global::meter("tally");
        let duration = meter.f64_histogram(name).with_unit("s").with_boundaries(seconds).build();
        Self { duration, owner }
    }

    /// Notes one call that ended.
    pub fn record(&self, method: &str, code: Code, started: Instant) {
        let mut attributes = vec![
            self.owner.clone(),
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method.to_owned()),
            KeyValue::new("rpc.response.status_code", trace::name(code)),
        ];
        if trace::is_fault(code) {
            attributes.push(KeyValue::new("error.type", trace::name(code)));
        }
        self.duration.record(started.elapsed().as_secs_f64(), &attributes);
    }
}
