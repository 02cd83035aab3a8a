//! Forms of requests and answers that Connect's own cases leave out: addresses, compression, limits, refusals in words.

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde_json::{Value, json};
use tally_access::{Effect, Needs, PolicyRow};
use tally_api::classes;
use tower::ServiceExt as _;

use super::client::gzip;
use super::service::{Answer, Frames, SERVICE, doors, framed, payload, signed_in};
use crate::Body;
use crate::rules::rules;

const JSON: (&str, &str) = ("content-type", "application/json");
const STREAM: (&str, &str) = ("content-type", "application/connect+json");
const KEPT: &[u8] = b"private, no-cache";
const LANGUAGE: &[u8] = b"accept-language";

/// Doors to a service whose answers are these.
fn answering(data: &[&str]) -> (Router, std::sync::Arc<std::sync::Mutex<super::service::Seen>>) {
    doors(Answer { data: data.iter().map(|one| (*one).to_owned()).collect(), ..Answer::default() })
}

async fn send(
    doors: &Router,
    (method, rpc): (Method, &str),
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::builder().method(method).uri(format!("/{SERVICE}/{rpc}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = doors.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

async fn post(doors: &Router, rpc: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, Value) {
    let (status, _, body) = send(doors, (Method::POST, rpc), &[&[signed_in()], headers].concat(), body).await;
    (status, serde_json::from_slice(&body).unwrap_or_else(|e| panic!("{e}: {body:?}")))
}

/// The code that ends a stream of answers.
async fn ends(doors: &Router, rpc: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> String {
    let (status, _, body) = send(doors, (Method::POST, rpc), &[&[signed_in(), STREAM], headers].concat(), body).await;
    assert_eq!(status, StatusCode::OK);
    let mut frames = Frames::of(http_body_util::Full::new(body));
    let mut last = None;
    while let Some(frame) = frames.next().await {
        last = Some(frame);
    }
    let (flags, end) = last.expect("an end");
    assert_eq!(flags, 2);
    let end: Value = serde_json::from_slice(&end).unwrap();
    end["error"]["code"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn a_question_stands_in_an_address_in_every_form_of_the_protocol_and_in_no_other() {
    let (doors, seen) = answering(&["test response"]);
    let json = json!({ "data": STANDARD.encode("a?b") }).to_string();
    let plain = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC).to_string();
    let padded = URL_SAFE.encode(payload(b"a?b"));
    assert!(padded.ends_with('='));
    let percent = percent_encoding::percent_encode(&payload(b"a?b"), percent_encoding::NON_ALPHANUMERIC).to_string();
    let packed = URL_SAFE.encode(gzip(json.as_bytes()));
    for query in [
        format!("connect=v1&encoding=json&message={plain}"),
        format!("message={plain}&encoding=json&unknown=1&connect=v1"),
        format!("connect=v1&encoding=proto&base64=1&message={padded}"),
        format!("connect=v1&encoding=proto&base64=1&message={}", padded.trim_end_matches('=')),
        format!("connect=v1&encoding=proto&message={percent}"),
        format!("connect=v1&encoding=json&base64=1&compression=gzip&message={packed}"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let rpc = format!("IdempotentUnary?{query}");
            let (status, headers, _) = send(&doors, (method, &rpc), &[signed_in()], "").await;
            assert_eq!(status, StatusCode::OK, "{query}");
            assert_eq!((headers["cache-control"].as_bytes(), headers["vary"].as_bytes()), (KEPT, LANGUAGE));
            assert_eq!(std::mem::take(&mut seen.lock().unwrap().messages), [payload(b"a?b")], "{query}");
        }
    }
    for (query, status) in [
        (format!("encoding=json&message={plain}"), 400),
        (format!("connect=v2&encoding=json&message={plain}"), 400),
        ("connect=v1&encoding=json".to_owned(), 400),
        (format!("connect=v1&encoding=json&message={plain}&message={plain}"), 400),
        ("connect=v1&encoding=json&base64=1&message=%21%21".to_owned(), 400),
        (format!("connect=v1&encoding=json&compression=br&message={plain}"), 501),
        (format!("connect=v1&encoding=xml&message={plain}"), 415),
        (format!("connect=v1&message={plain}"), 415),
    ] {
        let rpc = format!("IdempotentUnary?{query}");
        let (told, _, body) = send(&doors, (Method::GET, &rpc), &[signed_in()], "").await;
        assert_eq!(told, status, "{query}: {body:?}");
        assert!(seen.lock().unwrap().messages.is_empty(), "{query}");
    }
    let (told, headers, _) = send(&doors, (Method::PUT, "IdempotentUnary"), &[signed_in()], "").await;
    assert_eq!((told, headers["allow"].as_bytes()), (StatusCode::METHOD_NOT_ALLOWED, &b"GET, POST, HEAD, OPTIONS"[..]));
    let rpc = format!("Unary?connect=v1&encoding=json&message={plain}");
    let (told, headers, _) = send(&doors, (Method::GET, &rpc), &[signed_in()], "").await;
    assert_eq!((told, headers["allow"].as_bytes()), (StatusCode::METHOD_NOT_ALLOWED, &b"POST, OPTIONS"[..]));
    let (told, ..) = send(&doors, (Method::OPTIONS, "Unary"), &[], "").await;
    assert_eq!(told, StatusCode::NO_CONTENT);
}

/// What the contracts allow to stand in addresses, whatever an rpc does: nothing personal, and no stream.
#[test]
fn only_what_asks_by_nothing_closed_may_be_an_address() {
    let rpcs = classes::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let name = |rpc: prost_reflect::MethodDescriptor| format!("{}/{}", rpc.parent_service().full_name(), rpc.name());
    let row = |effect| {
        move |name: String| PolicyRow { method: name.leak(), needs: Needs::SignIn, effect, openers: &[], vital: false }
    };
    let names: Vec<String> = rpcs.map(name).collect();
    let open = |effect| -> Vec<String> {
        let rows: Vec<PolicyRow> = names.iter().cloned().map(row(effect)).collect();
        let rules = rules(&rows).unwrap().into_iter().filter(|rule| rule.binding == 0 && rule.may_be_an_address());
        rules.map(|rule| rule.name).collect()
    };
    assert_eq!(open(Effect::Change), Vec::<String>::new());
    let open = open(Effect::SensitiveRead);
    let has = |name: &str| open.iter().any(|open| open.ends_with(name));
    assert!(has("/ListOrgUnits") && has("/ListCycles") && has("/GetCycle"), "{open:?}");
    assert!(!has("/WatchCycle"), "a stream");
    assert!(!has("PersonService/GetPerson") && !has("/SignIn"), "identity numbers and passwords: {open:?}");
}

#[tokio::test]
async fn what_a_header_says_is_read_or_refused() {
    let (doors, seen) = answering(&["test response"]);
    for timeout in ["", "-1", "1.5", "12345678901", "1s", "١"] {
        let (status, told) = post(&doors, "Unary", &[JSON, ("connect-timeout-ms", timeout)], "{}").await;
        assert_eq!((status, &told["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")), "{timeout}");
    }
    for timeout in ["1", "9999999999"] {
        let (status, _) = post(&doors, "Unary", &[JSON, ("connect-timeout-ms", timeout)], "{}").await;
        assert_eq!(status, StatusCode::OK, "{timeout}");
    }
    assert_eq!(seen.lock().unwrap().headers["grpc-timeout"], "9999999S");
    let (status, told) = post(&doors, "Unary", &[JSON, ("connect-protocol-version", "2")], "{}").await;
    assert_eq!((status, &told["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(post(&doors, "Unary", &[("content-type", media)], "{}").await.0, StatusCode::OK, "{media}");
    }
    for (rpc, media) in [("Unary", "application/connect+json"), ("ServerStream", "application/json"), ("Unary", "")] {
        let (status, headers, body) =
            send(&doors, (Method::POST, rpc), &[signed_in(), ("content-type", media)], "{}").await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
        let told: Value = serde_json::from_slice(&body).unwrap();
        assert!(told["detail"].as_str().unwrap().contains(headers["accept-post"].to_str().unwrap()), "{told}");
    }
    // Only what the services read goes with a call.
    let sent = [JSON, ("cookie", "secret"), ("grpc-timeout", "1n"), ("accept-language", "zh-CN"), ("x-other", "1")];
    assert_eq!(post(&doors, "Unary", &sent, "{}").await.0, StatusCode::OK);
    let seen = seen.lock().unwrap().headers.clone();
    assert_eq!(
        (&seen["authorization"], &seen["accept-language"]),
        (&signed_in().1.parse().unwrap(), &"zh-CN".parse().unwrap())
    );
    assert!(["cookie", "grpc-timeout", "x-other"].iter().all(|name| !seen.contains_key(*name)), "{seen:?}");
}

#[tokio::test]
async fn answers_are_compressed_by_gzip_and_streams_message_by_message() {
    let large = "x".repeat(5_000);
    let (doors, _) = answering(&[&large]);
    let encoding = |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    for (accepts, comes) in
        [("gzip", Some("gzip")), ("br, gzip", Some("gzip")), ("br", None), ("gzip;q=0", None), ("identity", None)]
    {
        let headers = [signed_in(), JSON, ("accept-encoding", accepts)];
        let (_, headers, body) = send(&doors, (Method::POST, "Unary"), &headers, "{}").await;
        assert_eq!(encoding(&headers, "content-encoding").as_deref(), comes, "{accepts}");
        assert_eq!(body.len() < 1_000, comes.is_some());
        let headers = [signed_in(), STREAM, ("accept-encoding", accepts), ("connect-accept-encoding", accepts)];
        let (_, headers, body) = send(&doors, (Method::POST, "ServerStream"), &headers, framed(0, b"{}")).await;
        assert_eq!(encoding(&headers, "content-encoding"), None);
        assert_eq!(encoding(&headers, "connect-content-encoding").as_deref(), comes, "{accepts}");
        assert_eq!((body[0] == 1, body.len() < 1_000), (comes.is_some(), comes.is_some()));
    }
}

#[tokio::test]
async fn what_is_sent_is_bounded_and_what_is_broken_is_refused() {
    let (doors, seen) = answering(&["test response"]);
    let packed = ("content-encoding", "gzip");
    // Whoever unpacked all of it would find that its end is missing.
    let mut bomb = gzip(&vec![b' '; 64 << 20]);
    bomb.truncate(bomb.len() - 16);
    assert!(bomb.len() < 1 << 20);
    let (status, told) = post(&doors, "Unary", &[JSON, packed], bomb.clone()).await;
    assert_eq!((status, &told["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("resource_exhausted")));
    assert_eq!(
        ends(&doors, "ServerStream", &[("connect-content-encoding", "gzip")], framed(1, &bomb)).await,
        "resource_exhausted"
    );
    let (status, told) = post(&doors, "Unary", &[JSON, packed], "{}").await;
    assert_eq!((status, &told["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
    for (body, code) in [
        (framed(0, b"{}").slice(..3), "canceled"),
        (framed(0, b"{}").slice(..6), "canceled"),
        (framed(2, b"{}"), "invalid_argument"),
        (framed(4, b"{}"), "invalid_argument"),
        (Bytes::from_static(&[0, 0xFF, 0xFF, 0xFF, 0xFF, 1]), "resource_exhausted"),
        (framed(0, b"[]"), "invalid_argument"),
        (Bytes::new(), "unimplemented"),
    ] {
        assert_eq!(ends(&doors, "ServerStream", &[], body.clone()).await, code, "{body:?}");
    }
    assert!(seen.lock().unwrap().messages.is_empty(), "nothing of it arrived");
    // A stream of questions that breaks off is not taken for the whole.
    let first = framed(0, br#"{"data":"YQ=="}"#);
    for (then, code) in [(framed(0, b"{"), "invalid_argument"), (framed(0, b"{}").slice(..6), "canceled")] {
        assert_eq!(ends(&doors, "ClientStream", &[], [first.clone(), then].concat()).await, code);
    }
    let whole = [first.clone(), first].concat();
    assert_eq!(ends(&doors, "ClientStream", &[], whole).await, "none");
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_in_the_callers_language_and_in_details() {
    let (doors, _) = answering(&[]);
    let (status, told) = post(&doors, "Unary", &[JSON, ("accept-language", "zh-CN")], r#"{"dta":"YQ=="}"#).await;
    assert_eq!((status, &told["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
    assert!(!told["message"].as_str().unwrap().is_ascii(), "{told}");
    let details = told["details"].as_array().unwrap();
    let named: Vec<&str> = details.iter().map(|detail| detail["type"].as_str().unwrap()).collect();
    assert_eq!(named, ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.LocalizedMessage"]);
    let bad = STANDARD_NO_PAD.decode(details[1]["value"].as_str().unwrap()).unwrap();
    let bad = tonic_types::pb::BadRequest::decode(bad.as_slice()).unwrap();
    assert_eq!(bad.field_violations[0].field, "dta");
    let twice = r#"{"data":"YQ==","data":"YQ=="}"#;
    for (body, why) in [("", "BODY_NO_JSON"), ("[]", "BODY_NO_OBJECT"), (twice, "BODY_NO_JSON")] {
        let (status, told) = post(&doors, "Unary", &[JSON], body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        let bad = STANDARD_NO_PAD.decode(told["details"][1]["value"].as_str().unwrap()).unwrap();
        let bad = tonic_types::pb::BadRequest::decode(bad.as_slice()).unwrap();
        assert_eq!(bad.field_violations[0].reason, why, "{bad:?}");
    }
}

/// Whoever sends no token is not listened to: the service is asked with nothing, and says that nobody is signed in.
#[tokio::test]
async fn a_body_without_a_token_is_not_read() {
    let (doors, seen) = answering(&["test response"]);
    let grpc = ("content-type", "application/grpc");
    for (rpc, kind) in [("Unary", JSON), ("ServerStream", STREAM), ("Unary", grpc), ("ClientStream", grpc)] {
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, ..) = send(&doors, (Method::POST, rpc), &[kind], endless).await;
        assert_eq!(status, StatusCode::OK, "{rpc}");
        // Nothing, or an empty message: the service says first that nobody is signed in.
        assert!(std::mem::take(&mut seen.lock().unwrap().messages).iter().all(Bytes::is_empty));
    }
}

/// The doors of gRPC: what stands behind the name of the rpc in an address goes no further, and neither do headers of a connection.
#[tokio::test]
async fn a_call_of_grpc_goes_on_as_it_is() {
    let (doors, seen) = answering(&["test response"]);
    let sent = [("content-type", "application/grpc"), ("connection", "keep-alive"), ("x-other", "1"), signed_in()];
    let (status, headers, body) = send(&doors, (Method::POST, "Unary?x=1"), &sent, framed(0, &payload(b"a"))).await;
    assert_eq!((status, headers["content-type"].as_bytes()), (StatusCode::OK, &b"application/grpc"[..]));
    assert_eq!(body, framed(0, &payload(b"test response")));
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.messages, [payload(b"a")]);
    assert!(
        seen.headers["te"] == "trailers" && seen.headers["x-other"] == "1" && !seen.headers.contains_key("connection")
    );
    // Clients take a status among the headers for the end only where nothing comes after them.
    let request = Request::post(format!("/{SERVICE}/Unimplemented")).header("content-type", "application/grpc");
    let answer = doors.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(answer.headers()["grpc-status"] == "12" && answer.body().is_end_stream());
    // gRPC-Web as text.
    let text = STANDARD.encode(framed(0, &payload(b"a")));
    let sent = [("content-type", "application/grpc-web-text"), ("accept", "application/grpc-web-text"), signed_in()];
    let (status, _, body) = send(&doors, (Method::POST, "Unary"), &sent, text).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.starts_with(STANDARD_NO_PAD.encode(&framed(0, &payload(b"test response"))[..15]).as_bytes()),
        "{body:?}"
    );
}
