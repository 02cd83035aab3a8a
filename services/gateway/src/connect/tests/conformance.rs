//! The cases of Connect's own suite of conformance, over the doors; where they come from stands in the file.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Request};
use serde::Deserialize;
use tally_rpc::MAX_MESSAGE_BYTES;
use tower::ServiceExt as _;

use super::client::{Asks, Heard, Protocol};
use super::service::{Answer, Pairs, Refusal, SERVICE, Seen, doors, framed, left, payload, signed_in};
use crate::Body;
use crate::connect::codec::Codec;

const CASES: &str = include_str!("../../../tests/data/connect/conformance.yaml");
/// What most messages hold.
const DATA: &[u8] = b"test response";

#[derive(Deserialize)]
struct Table {
    differs: Vec<Differs>,
    skipped: Vec<Skipped>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Differs {
    protocol: String,
    case: Option<String>,
    code: String,
    #[serde(rename = "as")]
    told: String,
    why: String,
}

#[derive(Deserialize)]
struct Skipped {
    suite: String,
    cases: usize,
    why: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    suite: String,
    name: String,
    rpc: String,
    #[serde(default = "one")]
    requests: usize,
    #[serde(default)]
    sizes: Vec<usize>,
    #[serde(default)]
    answers: Answer,
    #[serde(default)]
    expect: Expect,
    #[serde(default = "protocols")]
    protocols: Vec<String>,
    #[serde(default = "codecs")]
    codecs: Vec<String>,
    #[serde(default = "both")]
    gzip: Vec<bool>,
    #[serde(default)]
    duplex: bool,
    #[serde(default)]
    get: bool,
    timeout: Option<u64>,
    raw: Option<Raw>,
}

/// What is heard where it is not what the service answers.
#[derive(Clone, Debug, Default, Deserialize)]
struct Expect {
    code: Option<String>,
    status: Option<u16>,
}

/// A request that no client would send.
#[derive(Clone, Debug, Deserialize)]
struct Raw {
    verb: Option<String>,
    uri: Option<String>,
    #[serde(rename = "type")]
    media_type: String,
    #[serde(default)]
    headers: Pairs,
    /// An empty message in an envelope for each of these flags; without any, an empty message alone.
    flags: Option<Vec<u8>>,
}

fn one() -> usize {
    1
}

fn protocols() -> Vec<String> {
    ["connect", "grpc", "grpc-web"].map(str::to_owned).to_vec()
}

fn codecs() -> Vec<String> {
    Codec::ALL.map(|codec| codec.name().to_owned()).to_vec()
}

fn both() -> Vec<bool> {
    vec![false, true]
}

impl Case {
    /// Every way in which it is asked. The services read gRPC as proto that is not compressed.
    fn asked(&self) -> Vec<Asks> {
        let with = |protocol, gzip| Asks {
            protocol,
            rpc: self.rpc.clone(),
            gzip,
            messages: self.messages(),
            timeout: self.timeout,
            get: self.get,
        };
        let connect = Codec::ALL.into_iter().filter(|codec| self.codecs.iter().any(|name| name == codec.name()));
        let connect = connect.flat_map(|codec| self.gzip.iter().map(move |gzip| (Protocol::Connect(codec), *gzip)));
        let grpc = [(Protocol::Grpc, false), (Protocol::GrpcWeb, false)];
        let all = connect.chain(grpc).filter(|(protocol, _)| self.protocols.contains(&name(*protocol).to_owned()));
        all.map(|(protocol, gzip)| with(protocol, gzip)).collect()
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        if self.sizes.is_empty() {
            return (0..self.requests).map(|n| if n == 0 { Vec::new() } else { DATA.to_vec() }).collect();
        }
        // A field's number and its length, of four bytes here, stand before the data.
        self.sizes.iter().map(|beyond| vec![b'x'; MAX_MESSAGE_BYTES - 5 + beyond]).collect()
    }
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Connect(_) => "connect",
        Protocol::Grpc => "grpc",
        Protocol::GrpcWeb => "grpc-web",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_the_suite_of_conformance_is_answered_as_it_says_or_the_difference_has_a_reason() {
    let table: Table = serde_norway::from_str(CASES).unwrap();
    let (mut asked, mut differences) = (0, 0);
    for case in &table.cases {
        for asks in case.asked() {
            let (doors, seen) = doors(case.answers.clone());
            let heard = match &case.raw {
                Some(raw) => asks.raw(raw, &doors).await,
                None => tokio::time::timeout(tally_testkit::NEVER, asks.of(&doors, case.duplex)).await.unwrap(),
            };
            let differs = table.differs.iter().find(|one| one.is_of(case, asks.protocol));
            if let Some(differs) = differs {
                println!(
                    "differs: {} {}: {} is {}: {}",
                    case.suite, case.name, differs.code, differs.told, differs.why
                );
                differences += 1;
            }
            check(case, &asks, &heard, differs);
            arrived(case, &asks, &heard, &seen.lock().unwrap());
            asked += 1;
        }
    }
    let skipped: usize = table.skipped.iter().map(|one| one.cases).sum();
    for one in &table.skipped {
        println!("skipped: {}, {} cases: {}", one.suite, one.cases, one.why);
    }
    println!(
        "{} cases asked in {asked} ways, {differences} of them differ; {skipped} cases skipped",
        table.cases.len()
    );
    assert_eq!((table.cases.len(), asked, differences, skipped), (131, 594, 43, 125));
}

impl Differs {
    fn is_of(&self, case: &Case, protocol: Protocol) -> bool {
        let code = case.expect.code.as_deref().or(case.answers.error.as_ref().map(|error| error.code.as_str()));
        let of_case = self.case.as_deref().map_or(case.raw.is_none(), |end| case.name.ends_with(end));
        of_case && name(protocol) == self.protocol && code.unwrap_or("ok") == self.code
    }
}

fn check(case: &Case, asks: &Asks, heard: &Heard, differs: Option<&Differs>) {
    let at = format!("{} {} {:?} gzip: {}: {heard:?}", case.suite, case.name, asks.protocol, asks.gzip);
    let code = case.expect.code.clone().or_else(|| case.answers.error.as_ref().map(|error| error.code.clone()));
    let code = differs.map(|differs| differs.told.clone()).or(code);
    assert_eq!(heard.error.as_ref().map(|error| error.code.clone()), code, "{at}");
    if let Some(status) = case.expect.status.filter(|_| differs.is_none()) {
        assert_eq!(heard.status, status, "{at}");
    }
    if case.expect.code.is_some() || differs.is_some_and(|differs| differs.code == "ok") {
        return;
    }
    let data: Vec<Vec<u8>> = case.answers.data.iter().map(|data| data.clone().into_bytes()).collect();
    assert_eq!(heard.data, data, "{at}");
    told(&case.answers.headers, &heard.headers, &at);
    told(&case.answers.trailers, &heard.trailers, &at);
    // The text of a fault is for operators.
    let hidden = |error: &&Refusal| name(asks.protocol) == "connect" && ["internal"].contains(&error.code.as_str());
    if let Some(error) = case.answers.error.as_ref().filter(|error| differs.is_none() && !hidden(error)) {
        assert_eq!(heard.error.as_ref().unwrap().message, error.message, "{at}");
    }
}

fn told(wanted: &Pairs, heard: &HeaderMap, at: &str) {
    for (name, values) in wanted {
        let told: Vec<&str> = heard.get_all(name.as_str()).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(told, *values, "{name}: {at}");
    }
}

/// What the service was asked is what was sent.
fn arrived(case: &Case, asks: &Asks, heard: &Heard, seen: &Seen) {
    if case.raw.is_some() || heard.error.is_some() {
        return;
    }
    let sent: Vec<_> = asks.messages.iter().map(|data| payload(data)).collect();
    assert_eq!(seen.messages, sent, "{} {} {:?}", case.suite, case.name, asks.protocol);
    if let Some(timeout) = case.timeout {
        let left = left(&seen.headers);
        assert!(!left.is_zero() && left <= Duration::from_millis(timeout), "{left:?}");
    }
}

impl Asks {
    async fn raw(&self, raw: &Raw, doors: &axum::Router) -> Heard {
        let uri = raw.uri.clone().unwrap_or_else(|| format!("/{SERVICE}/{}", self.rpc));
        let mut request = Request::builder().method(raw.verb.as_deref().unwrap_or("POST")).uri(uri);
        request = request.header("content-type", &raw.media_type).header(signed_in().0, signed_in().1);
        for (name, values) in &raw.headers {
            request = values
                .iter()
                .fold(request, |request, value| request.header(name.parse::<HeaderName>().unwrap(), value));
        }
        let flags = raw.flags.clone().unwrap_or_default();
        let body: Vec<u8> = flags.into_iter().flat_map(|flags| framed(flags, b"")).collect();
        let answer = doors.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        self.heard(answer).await
    }
}
