//! The port: every service of the process behind one listener, with health and reflection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use http::Request;
use tally_kernel::{Error, Result};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::ServiceExt as _;

use crate::layers::{asked_locale, unknown};
use crate::network::unusable;
use crate::stack::Guarded;
use crate::status::status;
use crate::tls::Tls;

/// Says whether the process takes calls: NOT_SERVING until told otherwise, and again while it drains.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
}

impl Default for Health {
    fn default() -> Self {
        Self { reporter: HealthReporter::new() }
    }
}

impl Health {
    /// Everything is connected: calls are welcome.
    pub async fn serving(&self, services: &[Guarded]) {
        self.set(services, ServingStatus::Serving).await;
    }

    /// Calls should go elsewhere: starting or draining.
    pub async fn not_serving(&self, services: &[Guarded]) {
        self.set(services, ServingStatus::NotServing).await;
    }

    async fn set(&self, services: &[Guarded], status: ServingStatus) {
        for name in services.iter().flat_map(Guarded::grpc_services).chain([""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// Health and reflection: public, never shed, so that an overloaded process is not taken for a dead one.
fn infrastructure(health: &Health) -> Result<Routes> {
    let broken = |e: tonic_reflection::server::Error| Error::internal(format!("descriptor set: {e}"));
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tally_api::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let health = tonic_health::server::HealthService::from_health_reporter(health.reporter.clone());
    Ok(Routes::new(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(describe().build_v1().map_err(broken)?)
        .add_service(describe().build_v1alpha().map_err(broken)?))
}

/// Serves until `shutdown`, then lets the calls under way end. What health says is the business of who calls this.
///
/// # Errors
/// When the certificates cannot be read, two services have rpcs of the same name, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    services: Vec<Guarded>,
    health: Health,
    tls: Option<&Tls>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let failed = |e: tonic::transport::Error| Error::internal(format!("the port: {e:?}"));
    let mut by_name = BTreeMap::new();
    for service in services {
        for name in service.grpc_services() {
            if by_name.insert(name, service.clone()).is_some() {
                return Err(Error::internal(format!("two services offer {name}")));
            }
        }
    }
    let infrastructure = infrastructure(&health)?;
    let dispatch = tower::service_fn(move |request: Request<Body>| {
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let (known, infrastructure) = (by_name.get(name).cloned(), infrastructure.clone());
        async move {
            match known {
                Some(service) => service.oneshot(request).await,
                None if name_is_infrastructure(request.uri().path()) => infrastructure.oneshot(request).await,
                None => Ok::<_, Infallible>(
                    status(unknown(request.uri().path()), asked_locale(request.headers())).into_http(),
                ),
            }
        }
    });
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)));
    if let Some(tls) = tls {
        server = server.tls_config(tls.server()).map_err(unusable)?;
    }
    server.serve_with_incoming_shutdown(dispatch, incoming(listener), shutdown).await.map_err(failed)
}

/// Connections that send at once what they have: otherwise the second frame of an answer waits until the first is
/// acknowledged, which takes a caller up to 40 ms. The server's own setting does not reach connections it is given.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

fn name_is_infrastructure(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.") || path.starts_with("/grpc.reflection.")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_to_be_sent_on_an_accepted_connection_does_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = incoming(listener);
        let (_caller, accepted) = tokio::join!(TcpStream::connect(address), incoming.next());
        assert!(accepted.unwrap().unwrap().nodelay().unwrap());
    }
}
