//! The life of a process: port, build, health, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tally_access::{Permission, Reach};
use tally_api::common::v1::{SearchAuditRequest, SearchAuditResponse, VerifyAuditRequest, VerifyAuditResponse};
use tally_api::identity::v1::audit_service_client::AuditServiceClient;
use tally_api::identity::v1::audit_service_server::{AuditService, AuditServiceServer};
use tally_kernel::Error;
use tally_kernel::id::TenantId;
use tally_rpc::{Answer, Limits, connect, context, limited};
use tally_runtime::{Config, Failure, Service, Shutdown, Sources, Task, run};
use tally_testkit::{Callers, clock, eventually};
use tokio::sync::{Notify, oneshot};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

mod policy {
    tally_access::rpcs! {
        // A service of one rpc is enough.
        SearchAudit = "tally.identity.v1.AuditService/SearchAudit", AuditRead, Read;
    }
}

/// Answers when it is let.
struct Slow(Arc<Notify>);

#[tonic::async_trait]
impl AuditService for Slow {
    async fn search_audit(
        &self,
        request: Request<SearchAuditRequest>,
    ) -> Result<Response<SearchAuditResponse>, Status> {
        let ctx = context(&request)?;
        self.0.notified().await;
        Ok(SearchAuditResponse::default()).answer(&ctx)
    }

    type VerifyAuditStream = tonic::Streaming<VerifyAuditResponse>;

    async fn verify_audit(&self, _: Request<VerifyAuditRequest>) -> Result<Response<Self::VerifyAuditStream>, Status> {
        Err(Status::unimplemented("nothing is asked of it here"))
    }
}

fn config() -> Config {
    let flags = ["server.listen", "server.http"].map(|key| (key.to_owned(), "127.0.0.1:0".to_owned())).to_vec();
    Config::load(&Sources { flags, ..Sources::default() }).expect("settings")
}

#[tokio::test]
async fn a_drain_lets_calls_end_and_stops_background_work() {
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 7);
    let caller =
        callers.person(TenantId(uuid::Uuid::from_u128(1)), None, [(Permission::AuditRead, Reach::everything())]);
    let (gate, stopped) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (ready, address) = oneshot::channel();
    let (stop, stopping) = oneshot::channel::<()>();
    let process = tokio::spawn({
        let (gate, stopped, callers) = (Arc::clone(&gate), Arc::clone(&stopped), callers.clone());
        async move {
            let build = async |boot: tally_runtime::Boot| {
                assert!(!boot.shutdown.is_requested());
                let background = Task::new("patient", move |shutdown: Shutdown| {
                    let stopped = Arc::clone(&stopped);
                    async move {
                        shutdown.requested().await;
                        stopped.store(true, Ordering::SeqCst);
                        Ok(())
                    }
                });
                let routes = Routes::new(limited!(AuditServiceServer::new(Slow(gate))));
                let service = Service { name: "probe", routes, background: vec![background] };
                Ok(vec![service.mount(&callers.stack("probe", policy::POLICY, Limits::default()))])
            };
            let told = |address, _| ready.send(address).unwrap_or(());
            run(&config(), build, told, async { stopping.await.unwrap_or(()) }).await
        }
    });
    let channel = connect(&format!("http://{}", address.await.unwrap()), None).unwrap();
    let call = tokio::spawn({
        let (mut client, request) = (AuditServiceClient::new(channel), caller.request(SearchAuditRequest::default()));
        async move { client.search_audit(request).await }
    });
    // The gate remembers one visitor: the call ends when it has arrived, and not before.
    stop.send(()).unwrap();
    eventually("background work is stopped", async || stopped.load(Ordering::SeqCst).then_some(())).await;
    gate.notify_one();
    process.await.unwrap().unwrap();
    // Either it was under way and got its answer, or it came too late and was told so; it was never cut.
    if let Err(status) = call.await.unwrap() {
        assert_eq!(tally_rpc::error_from(status).reason(), "PEER_UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_taken_port_and_a_failed_build_are_told_before_anything_is_served() {
    let (_taken, address) = tally_testkit::listener().await;
    let mut settings = config();
    settings.server.listen = address;
    let failed = run(&settings, async |_| Ok(vec![]), |_, _| (), std::future::pending()).await.unwrap_err();
    assert!(matches!(&failed, Failure::Error(e) if e.reason() == "PORT_TAKEN"), "{failed}");
    let mut settings = config();
    (settings.server.http, settings.server.services) = (address, vec!["gateway".to_owned()]);
    let failed = run(&settings, async |_| Ok(vec![]), |_, _| (), std::future::pending()).await.unwrap_err();
    assert!(matches!(&failed, Failure::Error(e) if e.reason() == "HTTP_PORT_TAKEN"), "{failed}");

    let build = async |_| Err(Error::internal("no database").into());
    let never = |_, _| panic!("it must not say that it is ready");
    let failed = run(&config(), build, never, std::future::pending()).await.unwrap_err();
    assert!(matches!(&failed, Failure::Error(e) if e.internal_context() == Some("no database")));
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut() {
    let mut settings = config();
    settings.server.drain_seconds = 0;
    let stubborn = Task::new("stubborn", |_| std::future::pending());
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 7);
    let build = async |_| {
        let routes = Routes::new(limited!(AuditServiceServer::new(Slow(Arc::default()))));
        let service = Service { name: "probe", routes, background: vec![stubborn] };
        Ok(vec![service.mount(&callers.stack("probe", policy::POLICY, Limits::default()))])
    };
    let ended = tokio::time::timeout(tally_testkit::NEVER, run(&settings, build, |_, _| (), async {}));
    assert!(ended.await.unwrap().is_ok());
}
