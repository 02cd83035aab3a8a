//! The answers of other people's tests, over the contract that is made for their questions.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::FutureExt as _;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use prost_reflect::prost::Message as _;
use tally_kernel::Locale;
use tonic::codec::{DecodeBuf, Decoder};
use tonic::{Status, Streaming};

use super::reference::{CASES, shop};
use super::*;
use crate::Body;
use crate::rest::answer::{Wanted, streamed, unary};

fn body(answer: Response<Body>) -> String {
    let read = answer.into_body().collect().now_or_never().expect("all is there").unwrap();
    String::from_utf8(read.to_bytes().to_vec()).unwrap()
}

fn encoded(rule: &Rule, json: &Json) -> Bytes {
    DynamicMessage::deserialize(rule.rpc.output(), json).unwrap().encode_to_vec().into()
}

fn answered(rule: &Rule, json: &Json) -> String {
    let (head, ()) = http::Request::new(()).into_parts();
    let wanted = Wanted::of(rule, &HeaderMap::new(), None).unwrap();
    body(unary(rule, &wanted, &encoded(rule, json), &head).unwrap())
}

struct AsBytes;

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A message as gRPC frames it.
fn frame(message: &Bytes) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.put_slice(message);
    framed.freeze()
}

/// What a stream becomes, as lines or as events: one that ended, or one that broke off.
fn stream(rule: &Rule, frames: Vec<u8>, accept: &'static str, ended: bool) -> String {
    let headers = HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static(accept))]);
    let wanted = Wanted::of(rule, &headers, None).unwrap();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let frames = Full::new(Bytes::from(frames)).with_trailers(std::future::ready(ended.then_some(Ok(trailers))));
    let messages = Streaming::new_response(AsBytes, frames, http::StatusCode::OK, None, None);
    body(streamed(rule, &wanted, messages, Locale::En))
}

#[test]
fn answers_are_told_as_the_reference_tells_them() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let cases = table["answers"].as_array().unwrap();
    for case in cases {
        let rule = shop(case["message"].as_str().unwrap(), "*");
        let told: Json = serde_json::from_str(&answered(&rule, &case["answer"])).unwrap();
        assert_eq!(told, case["answer"], "{case}");
    }
    assert_eq!(cases.len(), 5);
    for size in [1, 256, 1_024, 1_234, 4_096, 65_537] {
        let theme: String = "0123456789abcdefgh".chars().cycle().take(size).collect();
        let said = serde_json::json!({ "name": "1", "theme": theme });
        assert_eq!(serde_json::from_str::<Json>(&answered(&shop("Shelf", "*"), &said)).unwrap(), said);
    }
}

#[test]
fn streams_are_told_as_the_reference_tells_them() {
    let table: Json = serde_json::from_str(CASES).unwrap();
    let mut cases = table["streams"].as_array().unwrap().clone();
    assert_eq!(cases.len(), 6);
    for many in [50, 5_000] {
        let shelf = |i: usize| serde_json::json!({ "name": i.to_string(), "theme": format!("th-{i}") });
        cases.push(serde_json::json!({ "message": "Shelf", "answers": (1..=many).map(shelf).collect::<Vec<_>>() }));
    }
    let sizes = [1, 256, 1_024, 1_234, 4_096, 65_537];
    let sized =
        sizes.map(|size| serde_json::json!({ "name": "1", "theme": "0123456789abcdefgh".repeat(size / 18 + 1) }));
    cases.push(serde_json::json!({ "message": "Shelf", "answers": sized }));
    for case in &cases {
        let rule = shop(case["message"].as_str().unwrap(), "*");
        let wanted = case["answers"].as_array().unwrap();
        let frames: Vec<u8> = wanted.iter().flat_map(|one| frame(&encoded(&rule, one))).collect();
        let lines = stream(&rule, frames.clone(), "application/jsonl", true);
        assert!(lines.is_empty() || lines.ends_with('\n'));
        assert_eq!(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Json>>(), *wanted);
        let events = stream(&rule, frames, "text/event-stream", true);
        let told = lines.lines().map(|line| format!("data: {line}\n\n"));
        let told: String = told.chain(["event: end\ndata: {}\n\n".to_owned()]).collect();
        assert_eq!(events, told);
    }
}

#[test]
fn a_stream_that_breaks_off_says_so_after_what_came() {
    let rule = shop("Shelf", "*");
    let whole = frame(&encoded(&rule, &serde_json::json!({ "name": "1", "theme": "Fiction" })));
    let mut flagged = whole.to_vec();
    flagged[0] = 10;
    // The header of a frame in part, a flag that is none, a frame in part, nothing more, and a frame that holds no message.
    let no_message = frame(&Bytes::from_static(&[0xFF; 4])).to_vec();
    for (broken, ended) in [
        (whole[..3].to_vec(), false),
        (flagged, false),
        (whole[..10].to_vec(), false),
        (Vec::new(), false),
        (no_message, true),
    ] {
        let frames = [whole.to_vec(), broken].concat();
        let lines = stream(&rule, frames.clone(), "application/jsonl", ended);
        let [first, last] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        assert_eq!(first, r#"{"name":"1","theme":"Fiction"}"#);
        let problem: Json = serde_json::from_str(last).unwrap();
        assert_eq!(problem["error"]["status"], 500, "{last}");
        let events = stream(&rule, frames, "text/event-stream", ended);
        assert!(
            events.starts_with("data: {\"name\":\"1\",\"theme\":\"Fiction\"}\n\nevent: error\ndata: {"),
            "{events}"
        );
        assert!(events.ends_with("}\n\n"));
    }
}
