//! A contract that is made here, and a service of gRPC that answers what it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use serde::Deserialize;
use tally_access::{Effect, Needs, PolicyRow, Regions};
use tally_kernel::id::TenantId;
use tally_kernel::{Clock, Rng};
use tally_rpc::{LocalKeys, RpcChannel, Tokens};
use tally_testkit::Callers;
use tonic::{Code, Status};
use tower::service_fn;

use crate::rules::{BodyRule, Rule};
use crate::template::Template;
use crate::{Deps, Guards, doors_to};

/// The name of the service.
pub const SERVICE: &str = "echo.v1.EchoService";
/// Its rpcs, and whether their questions and answers are streams.
const RPCS: [(&str, bool, bool); 6] = [
    ("Unary", false, false),
    ("IdempotentUnary", false, false),
    ("Unimplemented", false, false),
    ("ServerStream", false, true),
    ("ClientStream", true, false),
    ("BidiStream", true, true),
];

/// The service: each rpc takes and gives messages that hold `data`.
pub static ECHO: LazyLock<ServiceDescriptor> = LazyLock::new(|| {
    let rpc = |(name, asks, answers): (&str, bool, bool)| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".echo.v1.Payload".to_owned()),
        output_type: Some(".echo.v1.Payload".to_owned()),
        client_streaming: Some(asks),
        server_streaming: Some(answers),
        ..Default::default()
    };
    let mut data = FieldDescriptorProto { name: Some("data".to_owned()), number: Some(1), ..Default::default() };
    data.set_type(Type::Bytes);
    data.set_label(Label::Optional);
    let payload = DescriptorProto { name: Some("Payload".to_owned()), field: vec![data], ..Default::default() };
    let service = ServiceDescriptorProto {
        name: Some("EchoService".to_owned()),
        method: RPCS.map(rpc).to_vec(),
        ..Default::default()
    };
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(FileDescriptorProto {
        name: Some("echo.proto".to_owned()),
        package: Some("echo.v1".to_owned()),
        message_type: vec![payload],
        service: vec![service],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    })
    .unwrap();
    pool.get_service_by_name(SERVICE).unwrap()
});

/// Somebody whom the doors know: the keys, and what stands in `authorization`.
static SOMEBODY: LazyLock<(Arc<LocalKeys>, String)> = LazyLock::new(|| {
    let callers = Callers::new(Clock::System, 1);
    let token = callers.person(TenantId::generate(&callers.rng, callers.clock.now()), None, []).token;
    (Arc::clone(&callers.keys), format!("Bearer {token}"))
});

/// The header of a caller whom the doors know.
pub fn signed_in() -> (&'static str, &'static str) {
    ("authorization", &SOMEBODY.1)
}

fn rule(rpc: MethodDescriptor) -> Rule {
    let name = format!("{SERVICE}/{}", rpc.name());
    let effect = if rpc.name() == "IdempotentUnary" { Effect::Read } else { Effect::Change };
    // What it asks for is asked for by the service; the doors only look whether somebody comes with a token.
    let row = PolicyRow {
        method: Box::leak(name.clone().into_boxed_str()),
        needs: Needs::SignIn,
        effect,
        openers: &[],
        vital: false,
    };
    let path = format!("/v1/{}", rpc.name());
    let template = Template::parse(&path).unwrap();
    Rule { rpc, name, service: "echo".to_owned(), verb: "POST", path, template, body: BodyRule::Whole, row, binding: 0 }
}

/// Headers or trailers, each with its values in order.
pub type Pairs = BTreeMap<String, Vec<String>>;

/// What the service answers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Answer {
    pub headers: Pairs,
    pub data: Vec<String>,
    pub trailers: Pairs,
    pub error: Option<Refusal>,
    /// Only when the time is over that the question leaves it.
    pub never: bool,
}

/// A code in the words of Connect, and a message.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Refusal {
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// What the service was asked.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub headers: HeaderMap,
    pub messages: Vec<Bytes>,
}

/// Doors to a service that answers this, and what it will have seen.
pub fn doors(answer: Answer) -> (Router, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let noted = Arc::clone(&seen);
    let service = service_fn(move |request: Request<tonic::body::Body>| {
        let (answer, noted) = (answer.clone(), Arc::clone(&noted));
        async move { Ok::<_, std::convert::Infallible>(answered(answer, request, &noted).await) }
    });
    let rules: Vec<_> = ECHO.methods().map(|rpc| Arc::new(rule(rpc))).collect();
    let services = vec![("echo", RpcChannel::new(service))];
    let guards = Guards {
        tokens: Tokens::new(Arc::<LocalKeys>::clone(&SOMEBODY.0), Regions::All, Clock::System),
        concurrency: 64,
        introducer: None,
        cors_origins: Vec::new(),
    };
    let deps = Deps {
        services,
        policy: Vec::new(),
        clock: Clock::System,
        rng: Rng::System,
        uploads: crate::Uploads::new(None),
        guards,
    };
    (doors_to(&rules, &serde_json::Value::Null, deps), seen)
}

async fn answered(
    answer: Answer,
    request: Request<tonic::body::Body>,
    noted: &Arc<Mutex<Seen>>,
) -> Response<tonic::body::Body> {
    let (head, body) = request.into_parts();
    noted.lock().unwrap().headers = head.headers.clone();
    if head.uri.path().ends_with("/Unimplemented") {
        // A body that has nothing in it and does not say so beforehand, as what comes over the network may be.
        let nothing = || tonic::body::Body::new(StreamBody::new(stream::empty::<Result<Frame<Bytes>, Status>>()));
        return Status::unimplemented("nobody").into_http::<tonic::body::Body>().map(|_| nothing());
    }
    let mut questions = Frames::of(body);
    if answer.never {
        tokio::time::sleep(left(&head.headers)).await;
        return Status::deadline_exceeded("too late").into_http();
    }
    let both = head.uri.path().ends_with("/BidiStream");
    if !both {
        while let Some((_, message)) = questions.next().await {
            noted.lock().unwrap().messages.push(message);
        }
    }
    // A stream both ways is answered message by message while there are answers.
    let data: Vec<Bytes> = answer.data.iter().map(|data| framed(0, &payload(data.as_bytes()))).collect();
    let noted = Arc::clone(noted);
    let told =
        stream::unfold((questions, data.into_iter(), noted), move |(mut questions, mut data, noted)| async move {
            if both && let Some((_, message)) = questions.next().await {
                noted.lock().unwrap().messages.push(message);
            }
            let Some(next) = data.next() else {
                while let Some((_, message)) = questions.next().await {
                    noted.lock().unwrap().messages.push(message);
                }
                return None;
            };
            Some((Ok::<_, Status>(Frame::data(next)), (questions, data, noted)))
        });
    let status = answer.error.map_or_else(|| Status::ok(""), |error| Status::new(code(&error.code), error.message));
    let mut trailers = headers(&answer.trailers);
    status.add_header(&mut trailers).unwrap();
    let told = told.chain(stream::once(async move { Ok(Frame::trailers(trailers)) }));
    let mut response = Response::new(tonic::body::Body::new(StreamBody::new(told)));
    *response.headers_mut() = headers(&answer.headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// The time that a question leaves, as gRPC tells it: in microseconds or in milliseconds.
pub fn left(headers: &HeaderMap) -> Duration {
    let told = headers["grpc-timeout"].to_str().unwrap();
    let (digits, unit) = told.split_at(told.len() - 1);
    let factor = if unit == "m" { 1_000 } else { 1 };
    Duration::from_micros(digits.parse::<u64>().unwrap() * factor)
}

fn headers(pairs: &Pairs) -> HeaderMap {
    let each = pairs.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let mut headers = HeaderMap::new();
    each.for_each(|(name, value)| {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    });
    headers
}

/// A code of gRPC by the word of Connect.
pub fn code(name: &str) -> Code {
    let all = (1..=16).map(Code::from_i32);
    all.into_iter().find(|code| super::super::error::written(*code).0 == name).unwrap_or_else(|| panic!("{name}"))
}

/// The message of the contract, as proto.
pub fn payload(data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    if !data.is_empty() {
        prost::encoding::bytes::encode(1, &data.to_vec(), &mut message);
    }
    message
}

/// A message behind five bytes, as gRPC and the streams of Connect have it.
pub fn framed(flags: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flags);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

/// The frames of a body, and its trailers after the last.
pub struct Frames<B> {
    body: B,
    read: BytesMut,
    pub trailers: HeaderMap,
}

impl<B: http_body::Body<Data = Bytes> + Unpin> Frames<B> {
    pub fn of(body: B) -> Self {
        Self { body, read: BytesMut::new(), trailers: HeaderMap::new() }
    }

    /// The flags and the message of the next frame.
    pub async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some([flags, len @ ..]) = self.read.first_chunk::<5>().copied() {
                let len = u32::from_be_bytes(len) as usize;
                if self.read.len() >= 5 + len {
                    let frame = self.read.split_to(5 + len).freeze();
                    return Some((flags, frame.slice(5..)));
                }
            }
            match self.body.frame().await?.ok()?.into_data() {
                Ok(data) => self.read.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
    }
}
