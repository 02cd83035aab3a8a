//! Shedding, panics, other sites, and where a call comes from.

use std::sync::Arc;

use http::HeaderValue;
use tally_gateway::Port;
use tally_rpc::{GATEWAY, Introducer, SigningKey};

use crate::fixture::{Doors, PLACES, Ways};

const SIGN_IN: &str = r#"{"login":"anna","password":"x"}"#;

#[tokio::test]
async fn reads_are_shed_before_changes_and_a_sign_in_last() {
    let doors = Doors::open(Ways::default()).await;
    let mut waiting = Vec::new();
    // Three of four places.
    for _ in 0..PLACES * 3 / 4 {
        waiting.push(doors.begin("GET /v1/people").await);
    }
    let refused = doors.ask("GET /v1/people", &[], "").await;
    assert_eq!(refused.problem(), (503, "OVERLOADED"));
    assert_eq!(refused.header("retry-after"), "1");
    waiting.push(doors.begin("POST /v1/sessions:endAll").await);
    assert_eq!(doors.ask("POST /v1/sessions:endAll", &[], "").await.problem(), (503, "OVERLOADED"));
    assert_eq!(doors.ask_as_nobody("POST /v1/sessions", &[], SIGN_IN).await.status, 200);
    // Another service has places of its own.
    waiting.push(doors.begin("POST /v1/punches").await);
    waiting.push(doors.begin("GET /v1/sites").await);
    doors.fake.gate.add_permits(waiting.len());
    for one in waiting {
        assert_eq!(one.await.unwrap(), 200);
    }
    doors.fake.gate.add_permits(1);
    assert_eq!(doors.ask("GET /v1/people", &[], "").await.status, 200, "what has ended has given its place back");
}

#[tokio::test]
async fn a_panic_is_a_fault_with_an_id_and_the_next_request_is_answered() {
    let doors = Doors::open(Ways::default()).await;
    let answer = doors.ask("GET /v1/punches", &[("x-request-id", "it-was-me")], "").await;
    assert_eq!(answer.problem(), (500, "INTERNAL"));
    assert_eq!(answer.header("x-request-id"), "it-was-me");
    assert!(!answer.told.to_string().contains("as asked"), "{answer:?}");
    assert_eq!(doors.ask_as_nobody("POST /v1/sessions", &[], SIGN_IN).await.status, 200);
}

#[tokio::test]
async fn pages_of_other_sites_ask_only_where_that_is_set() {
    let (site, origin) = ("https://hr.example", [("origin", "https://hr.example")]);
    let asks = [&origin[..], &[("access-control-request-method", "POST")]].concat();
    let closed = Doors::open(Ways::default()).await;
    assert_eq!(closed.ask_as_nobody("OPTIONS /v1/sessions", &asks, "").await.header("access-control-allow-origin"), "");

    let open = Doors::open(Ways { origins: vec![HeaderValue::from_static(site)], ..Ways::default() }).await;
    let may = open.ask_as_nobody("OPTIONS /v1/sessions", &asks, "").await;
    assert_eq!((may.status.as_u16(), may.header("access-control-allow-origin")), (200, site));
    let headers = may.header("access-control-allow-headers");
    let asked = ["authorization", "content-type", "idempotency-key", "if-match", "connect-protocol-version"];
    assert!(asked.iter().all(|name| headers.split(',').any(|header| header == *name)), "{headers}");
    assert!(may.header("access-control-allow-methods").contains("DELETE"));
    assert_eq!(may.header("access-control-allow-credentials"), "", "cookies are for our own pages");

    // Refusals too are for the page to read, with what stands in their headers.
    for (request, status) in [("POST /v1/sessions", 200), ("GET /v1/people", 401), ("GET /nowhere", 404)] {
        let answer = open.ask_as_nobody(request, &origin, if status == 200 { SIGN_IN } else { "" }).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (status, site), "{request}");
        let told = answer.header("access-control-expose-headers");
        let read = ["etag", "link", "x-request-id", "x-trace-id", "retry-after", "grpc-status"];
        assert!(read.iter().all(|name| told.split(',').any(|header| header == *name)), "{told}");
        assert!(answer.headers.get_all("vary").iter().any(|value| value == "origin"), "{answer:?}");
    }
    let other = open.ask_as_nobody("POST /v1/sessions", &[("origin", "https://evil.example")], SIGN_IN).await;
    assert_eq!((other.status.as_u16(), other.header("access-control-allow-origin")), (200, ""));
}

#[tokio::test]
async fn services_hear_where_a_call_without_a_token_comes_from_and_from_nobody_else() {
    let port = Port::behind(vec!["127.0.0.0/8".parse().unwrap()]);
    let doors = Doors::open(Ways { port, ..Ways::default() }).await;
    let forged = [("x-forwarded-for", "192.0.2.9, 198.51.100.7"), ("tally-caller", "me")];
    doors.ask_as_nobody("POST /v1/sessions", &forged, SIGN_IN).await;
    let (_, from, said) = doors.fake.asked.lock().unwrap().pop().expect("a call");
    assert_eq!((from.map(|from| from.ip().to_string()), said), (Some("198.51.100.7".into()), None));

    let key = SigningKey::generate(GATEWAY, &doors.callers.rng);
    let introducer = Some(Arc::new(Introducer::new(key.into(), doors.callers.clock.clone())));
    let doors = Doors::open(Ways { introducer, ..Ways::default() }).await;
    doors.ask_as_nobody("POST /v1/sessions", &forged, SIGN_IN).await;
    let (_, from, said) = doors.fake.asked.lock().unwrap().pop().expect("a call");
    assert_eq!(from.map(|from| from.ip().to_string()), Some("127.0.0.1".into()), "no proxy of ours said anything");
    assert!(said.is_some_and(|said| said != "me"));
    doors.fake.gate.add_permits(1);
    doors.ask("GET /v1/people", &forged, "").await;
    assert_eq!(doors.fake.asked.lock().unwrap().pop().expect("a call").2, None, "whoever has a token counts by it");
}
