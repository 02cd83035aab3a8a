//! What stands on the error stream of a process: each line of a call with the W3C ids of its trace.

use std::process::Command;

use tally_access::{Permission, Reach};
use tally_api::common::v1::{SearchAuditRequest, SearchAuditResponse, VerifyAuditRequest, VerifyAuditResponse};
use tally_api::identity::v1::audit_service_client::AuditServiceClient;
use tally_api::identity::v1::audit_service_server::{AuditService, AuditServiceServer};
use tally_kernel::id::TenantId;
use tally_rpc::{Answer, Limits, context, in_process, limited};
use tally_runtime::config::{LogFormat, Telemetry};
use tally_runtime::telemetry;
use tally_testkit::{Callers, clock};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

mod policy {
    tally_access::rpcs! {
        SearchAudit = "tally.identity.v1.AuditService/SearchAudit", AuditRead, Read;
    }
}

/// Logs, and says its trace.
struct Logs;

#[tonic::async_trait]
impl AuditService for Logs {
    async fn search_audit(
        &self,
        request: Request<SearchAuditRequest>,
    ) -> Result<Response<SearchAuditResponse>, Status> {
        let ctx = context(&request)?;
        tracing::warn!(n = 7, "in a call");
        Ok(SearchAuditResponse { next_page_token: ctx.trace.clone().unwrap_or_default(), ..Default::default() })
            .answer(&ctx)
    }

    type VerifyAuditStream = tonic::Streaming<VerifyAuditResponse>;

    async fn verify_audit(&self, _: Request<VerifyAuditRequest>) -> Result<Response<Self::VerifyAuditStream>, Status> {
        Err(Status::unimplemented("nothing is asked of it here"))
    }
}

/// A call with a caller's trace, in a process that exports nothing and shows warnings only.
async fn call(format: LogFormat) {
    let settings = Telemetry { log: "warn".into(), format, otlp_endpoint: String::new(), metrics_seconds: 3_600 };
    let _guard = telemetry::init(&settings, "tally-test").expect("telemetry");
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 7);
    let tenant = TenantId(uuid::Uuid::from_u128(1));
    let caller = callers.person(tenant, None, [(Permission::AuditRead, Reach::everything())]);
    let routes = Routes::new(limited!(AuditServiceServer::new(Logs)));
    let channel = in_process(&callers.stack("identity", policy::POLICY, Limits::default()).guard(routes));
    for traceparent in [Some(format!("00-{TRACE}-{CALLER}-01")), None] {
        let mut request = caller.request(SearchAuditRequest::default());
        if let Some(traceparent) = &traceparent {
            request.metadata_mut().insert("traceparent", traceparent.parse().expect("metadata"));
        }
        let reply =
            AuditServiceClient::new(channel.clone()).search_audit(request).await.expect("an answer").into_inner();
        let kept = reply.next_page_token;
        assert_eq!(kept.len(), 55, "a call has a trace, exported or not: {kept:?}");
        assert_eq!(kept.contains(TRACE), traceparent.is_some(), "the caller's, where it sent one: {kept}");
    }
    tracing::warn!("outside of a call");
}

#[tokio::test]
async fn a_call_has_a_trace_and_logs_as_json() {
    call(LogFormat::Json).await;
}

#[tokio::test]
async fn a_call_has_a_trace_and_logs_as_text() {
    call(LogFormat::Pretty).await;
}

/// The error stream of one of the tests above, in a process of its own: the lines in the call and outside of it.
fn lines_of(test: &str) -> [Vec<String>; 2] {
    let this = std::env::current_exe().expect("the test's own path");
    let output = Command::new(this).args([test, "--exact", "--nocapture"]).output().expect("the test runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{text}");
    ["in a call", "outside of a call"].map(|what| {
        let lines = text.lines().filter(|line| line.contains(what));
        lines.map(str::to_owned).collect()
    })
}

#[test]
fn lines_of_json_hold_the_ids_of_trace_and_span() {
    let [within, outside] = lines_of("a_call_has_a_trace_and_logs_as_json");
    assert_eq!((within.len(), outside.len()), (2, 1));
    let read = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let line = read(&within[0]);
    assert_eq!((line["trace_id"].as_str(), line["fields"]["n"].as_i64()), (Some(TRACE), Some(7)), "{line}");
    let span = line["span_id"].as_str().unwrap();
    assert!(span.len() == 16 && span != CALLER, "the span of the call, not the caller's: {line}");
    let line = read(&within[1]);
    assert!(line["trace_id"].as_str().is_some_and(|id| id.len() == 32 && id != TRACE), "{line}");
    assert!(read(&outside[0]).get("trace_id").is_none(), "{outside:?}");
}

#[test]
fn lines_of_text_hold_the_ids_of_trace_and_span() {
    let [within, outside] = lines_of("a_call_has_a_trace_and_logs_as_text");
    assert_eq!((within.len(), outside.len()), (2, 1));
    let (_, ids) = within[0].split_once(" trace_id=").unwrap();
    let (trace, span) = ids.split_once(" span_id=").unwrap();
    assert!(trace == TRACE && span.len() == 16 && span != CALLER, "{within:?}");
    assert!(!outside[0].contains("trace_id"), "{outside:?}");
}
