//! One trace through two services and their measurements, as a collector receives them; and no trace of the exporter's own calls.

use tally_access::{Permission, Reach};
use tally_api::common::v1::{SearchAuditRequest, SearchAuditResponse, VerifyAuditRequest, VerifyAuditResponse};
use tally_api::identity::v1::audit_service_client::AuditServiceClient;
use tally_api::identity::v1::audit_service_server::{AuditService, AuditServiceServer};
use tally_kernel::id::TenantId;
use tally_rpc::{Answer, Limits, Peer, connect, context, error_from, in_process, limited};
use tally_runtime::config::{LogFormat, Telemetry};
use tally_runtime::telemetry;
use tally_testkit::otlp::Receiver;
use tally_testkit::{Callers, clock, eventually, listener};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

mod policy {
    tally_access::rpcs! {
        // A service of one rpc is enough.
        SearchAudit = "tally.identity.v1.AuditService/SearchAudit", AuditRead, Read;
    }
}

/// Asks the next one, or nobody.
struct Hop(Option<Peer>);

#[tonic::async_trait]
impl AuditService for Hop {
    async fn search_audit(
        &self,
        request: Request<SearchAuditRequest>,
    ) -> Result<Response<SearchAuditResponse>, Status> {
        let ctx = context(&request)?;
        let trace = ctx.trace.clone().unwrap_or_default();
        let reply = async {
            let Some(next) = &self.0 else {
                return Ok(SearchAuditResponse { next_page_token: trace, ..Default::default() });
            };
            let request = next.request(&ctx, SearchAuditRequest::default());
            let reply = AuditServiceClient::new(next.channel()).search_audit(request).await;
            Ok(reply.map_err(error_from)?.into_inner())
        };
        reply.await.answer(&ctx)
    }

    type VerifyAuditStream = tonic::Streaming<VerifyAuditResponse>;

    async fn verify_audit(&self, _: Request<VerifyAuditRequest>) -> Result<Response<Self::VerifyAuditStream>, Status> {
        Err(Status::unimplemented("nothing is asked of it here"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_of_the_caller_goes_through_the_network_and_the_process_to_the_collector() {
    let receiver = Receiver::start().await;
    let settings = Telemetry {
        log: "warn".into(),
        format: LogFormat::Json,
        otlp_endpoint: receiver.endpoint(),
        metrics_seconds: 3_600,
    };
    let guard = telemetry::init(&settings, "tally-test").unwrap();

    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 7);
    let tenant = TenantId(uuid::Uuid::from_u128(1));
    let caller = callers.person(tenant, None, [(Permission::AuditRead, Reach::everything())]);
    let hop = |name, next| {
        let routes = Routes::new(limited!(AuditServiceServer::new(Hop(next))));
        callers.stack(name, policy::POLICY, Limits::default()).guard(routes)
    };
    let last = hop("talent", None);
    let first = hop("performance", Some(Peer::new(in_process(&last), callers.signer("performance"))));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        tally_rpc::serve(listener, vec![first], Default::default(), None, std::future::pending()).await
    });

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = caller.request(SearchAuditRequest::default());
    request.metadata_mut().insert("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap());
    // A plain client of another program: it sends a trace and makes no span of ours.
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let reply = AuditServiceClient::new(endpoint.connect_lazy()).search_audit(request).await.unwrap().into_inner();
    assert!(reply.next_page_token.starts_with(&format!("00-{trace}-")), "the last service knows the trace: {reply:?}");
    drop(connect(&format!("http://{address}"), None).unwrap());
    guard.finish().await;

    let spans = eventually("three spans", async || Some(receiver.spans()).filter(|spans| spans.len() >= 3)).await;
    let of = |service: &str, kind: i32| {
        let found = spans.iter().find(|span| span.attribute("service.name") == service && span.kind == kind);
        found.unwrap_or_else(|| panic!("no span of {service} and kind {kind} in {spans:#?}"))
    };
    let (server, next) = (of("performance", 2), of("talent", 2));
    let client = spans.iter().find(|span| span.kind == 3).expect("a client's span");
    assert!(spans.iter().all(|span| span.trace_id == trace), "{spans:#?}");
    assert_eq!(server.parent_id, "00f067aa0ba902b7");
    assert_eq!((&client.parent_id, &next.parent_id), (&server.span_id, &client.span_id));
    assert_eq!(server.name, "tally.identity.v1.AuditService/SearchAudit");
    assert_eq!(server.attribute("rpc.response.status_code"), "OK");
    assert_eq!(server.process, "tally-test");
    assert_eq!(spans.len(), 3, "the exporter's own calls are not exported: {spans:#?}");

    let points = receiver.points();
    let calls = |name: &str, owner: (&str, &str)| -> u64 {
        let ours = points.iter().filter(|point| point.name == name && point.unit == "s");
        let ours = ours.filter(|point| point.attributes.get(owner.0).is_some_and(|value| value == owner.1));
        let good = ours.filter(|point| point.attributes["rpc.response.status_code"] == "OK");
        good.filter(|point| point.attributes["rpc.method"] == server.name).map(|point| point.count).sum()
    };
    assert_eq!(calls("rpc.server.call.duration", ("service.name", "performance")), 1, "{points:#?}");
    assert_eq!(calls("rpc.server.call.duration", ("service.name", "talent")), 1, "{points:#?}");
    assert_eq!(calls("rpc.client.call.duration", ("server.address", "talent")), 1, "{points:#?}");
}
