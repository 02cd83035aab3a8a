//! The port: health, reflection, mutual TLS, and a network that breaks.

use tally_kernel::Message;
use tally_rpc::{ClientTls, Health, Limits, Network, Tls, connect};
use tally_testkit::proxy::Proxy;
use tally_testkit::{eventually, listener};
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::probe::{Bench, reason, say};

#[tokio::test]
async fn health_says_serving_only_between_ready_and_drain_and_is_never_shed() {
    let bench = Bench::new(Limits { concurrency: 1, ..Limits::default() }, None);
    let (listener, address) = listener().await;
    let health = Health::default();
    let (stop, stopped) = oneshot::channel::<()>();
    let services = vec![bench.guarded.clone()];
    health.not_serving(&services).await;
    let (guarded, reported) = (services.clone(), health.clone());
    let serving = tokio::spawn(async move {
        tally_rpc::serve(listener, guarded, reported, None, async { stopped.await.unwrap_or(()) }).await
    });
    let channel = connect(&format!("http://{address}"), None).unwrap();
    let mut client = HealthClient::new(channel.clone());
    let mut ask = async |service: &str| {
        let request = HealthCheckRequest { service: service.into() };
        client.check(request).await.map(|reply| reply.into_inner().status().as_str_name())
    };
    assert_eq!(ask("").await.unwrap(), "NOT_SERVING");
    health.serving(&services).await;
    let mut hanging = Box::pin(say(&channel, bench.ask("wait")));
    assert!(futures::poll!(&mut hanging).is_pending());
    assert_eq!(ask("").await.unwrap(), "SERVING");
    assert_eq!(ask("tally.identity.v1.SessionService").await.unwrap(), "SERVING");
    assert!(ask("tally.nobody.v1.NobodyService").await.is_err());
    health.not_serving(&services).await;
    assert_eq!(ask("").await.unwrap(), "NOT_SERVING");
    // A drain lets the call under way end.
    stop.send(()).unwrap();
    bench.gate.notify_one();
    assert!(hanging.await.is_ok());
    drop((channel, client));
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn reflection_tells_every_service_in_both_versions() {
    let bench = Bench::new(Limits::default(), None);
    let channel = connect(&format!("http://{}", bench.serve().await), None).unwrap();
    let wanted = "tally.attendance.v1.OccupancyService";

    let mut names = Vec::new();
    {
        use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
        let request = tonic_reflection::pb::v1::ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let mut client = ServerReflectionClient::new(channel.clone());
        let call = client.server_reflection_info(tokio_stream::once(request));
        let reply = call.await.unwrap().into_inner().next().await.unwrap().unwrap();
        if let Some(MessageResponse::ListServicesResponse(list)) = reply.message_response {
            names.push(list.service.into_iter().map(|service| service.name).collect::<Vec<_>>());
        }
    }
    {
        use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;
        let request = tonic_reflection::pb::v1alpha::ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let mut client = ServerReflectionClient::new(channel);
        let call = client.server_reflection_info(tokio_stream::once(request));
        let reply = call.await.unwrap().into_inner().next().await.unwrap().unwrap();
        if let Some(MessageResponse::ListServicesResponse(list)) = reply.message_response {
            names.push(list.service.into_iter().map(|service| service.name).collect());
        }
    }
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|list| list.iter().any(|name| name == wanted)), "{names:?}");
}

#[tokio::test]
async fn a_lost_connection_is_an_answer_and_the_next_call_finds_the_way_again() {
    let bench = Bench::new(Limits::default(), None);
    let proxy = Proxy::before(bench.serve().await).await;
    let channel = connect(&format!("http://{}", proxy.address()), None).unwrap();
    assert!(say(&channel, bench.ask("who")).await.is_ok());

    let mut hanging = Box::pin(say(&channel, bench.ask("hang")));
    assert!(futures::poll!(&mut hanging).is_pending());
    proxy.cut();
    assert_eq!(reason(hanging.await.unwrap_err()), "PEER_UNAVAILABLE");
    let refused = tally_rpc::error_from(say(&channel, bench.ask("who")).await.unwrap_err());
    assert_eq!(refused.reason(), "PEER_UNAVAILABLE");
    assert!(refused.retryable() && refused.retry_delay().is_some());

    proxy.restore();
    eventually("the channel connects again", async || say(&channel, bench.ask("who")).await.ok()).await;
}

/// A port that speaks TLS until the test ends.
async fn encrypted(bench: &Bench, tls: Tls) -> u16 {
    let (listener, address) = listener().await;
    let services = vec![bench.guarded.clone()];
    tokio::spawn(async move {
        tally_rpc::serve(listener, services, Health::default(), Some(&tls), std::future::pending()).await
    });
    address.port()
}

#[tokio::test]
async fn whoever_gets_nowhere_is_told_what_stands_between() {
    let bench = Bench::new(Limits::default(), None);
    let of = |certificate: &str, key: &str, authority: Option<&str>| Tls {
        certificate: certificate.into(),
        key: key.into(),
        authority: authority.map(str::to_owned),
    };
    let [authority, server, key] =
        [include_str!("../tls/authority.pem"), include_str!("../tls/server.pem"), include_str!("../tls/server.key")];
    let (over, over_key) = (include_str!("../tls/over.pem"), include_str!("../tls/over.key"));
    let plain = bench.serve().await.port();
    let alone = encrypted(&bench, of(server, key, None)).await;
    let mutual = encrypted(&bench, of(server, key, Some(authority))).await;
    let late = encrypted(&bench, of(over, over_key, None)).await;
    let known = ClientTls::trusting(Some(authority.to_owned()));
    let (stranger, stranger_key) = (include_str!("../tls/stranger.pem"), include_str!("../tls/stranger.key"));
    let stranger = known.clone().showing(stranger.to_owned(), stranger_key.to_owned());
    let late_known = ClientTls::trusting(Some(over.to_owned()));
    for (address, tls, wanted) in [
        (format!("https://localhost:{plain}"), &known, Some("PEER_SPEAKS_PLAINTEXT")),
        (format!("http://localhost:{alone}"), &known, Some("PEER_SPEAKS_TLS")),
        (format!("http://localhost:{mutual}"), &known, Some("PEER_SPEAKS_TLS")),
        (format!("https://localhost:{alone}"), &ClientTls::default(), Some("PEER_CERTIFICATE_UNKNOWN")),
        (format!("https://127.0.0.1:{alone}"), &known, Some("PEER_CERTIFICATE_FOR_ANOTHER")),
        (format!("https://localhost:{late}"), &late_known, Some("PEER_CERTIFICATE_OUT_OF_DATE")),
        (format!("https://localhost:{mutual}"), &known, Some("PEER_WANTS_CERTIFICATE")),
        (format!("https://localhost:{mutual}"), &stranger, Some("PEER_REFUSES_CERTIFICATE")),
        (format!("https://localhost:{alone}"), &known, None),
        (format!("http://localhost:{plain}"), &known, None),
    ] {
        let mut network = Network::of([]);
        network.tls = Some(tls.clone());
        let why = network.diagnose(&address).await;
        assert_eq!(why.as_ref().map(Message::id), wanted, "{address}");
        // And the call says no more than that nobody was reached, unless all is well.
        let called = say(&network.connect(&address).unwrap(), bench.ask("who")).await;
        assert_eq!(called.map_err(reason).err(), wanted.map(|_| "PEER_UNAVAILABLE"), "{address}");
    }
}

#[tokio::test]
async fn nobody_without_a_certificate_of_the_authority_gets_in() {
    let bench = Bench::new(Limits::default(), None);
    let authority = Some(include_str!("../tls/authority.pem").to_owned());
    let of = |certificate: &str, key: &str| Tls {
        certificate: certificate.into(),
        key: key.into(),
        authority: authority.clone(),
    };
    let server = of(include_str!("../tls/server.pem"), include_str!("../tls/server.key"));
    let client = of(include_str!("../tls/client.pem"), include_str!("../tls/client.key"));
    let (listener, address) = listener().await;
    let services = vec![bench.guarded.clone()];
    tokio::spawn(async move {
        tally_rpc::serve(listener, services, Health::default(), Some(&server), std::future::pending()).await
    });
    let address = format!("https://localhost:{}", address.port());

    let known = connect(&address, Some(&client)).unwrap();
    assert!(say(&known, bench.ask("who")).await.unwrap().contains("Person("));

    let trusting = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(authority.clone().unwrap_or_default()));
    let unknown = Endpoint::from_shared(address).unwrap().tls_config(trusting).unwrap().connect_lazy();
    let refused = HealthClient::new(unknown).check(HealthCheckRequest::default()).await;
    assert!(refused.is_err());
}
