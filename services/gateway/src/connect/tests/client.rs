//! A client of each protocol, as small as it can be: what it hears is told in the same way for all.

use std::io::{Read as _, Write as _};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::Value;
use tower::ServiceExt as _;

use super::service::{Frames, Pairs, Refusal, SERVICE, framed, payload, signed_in};
use crate::Body;
use crate::connect::codec::Codec;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Connect(Codec),
    Grpc,
    GrpcWeb,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Asks {
    pub protocol: Protocol,
    pub rpc: String,
    pub gzip: bool,
    pub messages: Vec<Vec<u8>>,
    pub timeout: Option<u64>,
    /// Whether the message stands in the address.
    pub get: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Heard {
    pub status: u16,
    pub headers: HeaderMap,
    pub data: Vec<Vec<u8>>,
    pub trailers: HeaderMap,
    pub error: Option<Refusal>,
    pub details: Vec<Value>,
}

impl Asks {
    fn streams(&self) -> bool {
        self.rpc.ends_with("Stream")
    }

    /// Whether messages stand behind five bytes.
    fn frames(&self) -> bool {
        self.protocol != Protocol::Connect(Codec::Json) && self.protocol != Protocol::Connect(Codec::Proto)
            || self.streams()
    }

    fn media_type(&self) -> String {
        match self.protocol {
            Protocol::Grpc => "application/grpc".into(),
            Protocol::GrpcWeb => "application/grpc-web+proto".into(),
            Protocol::Connect(codec) if self.streams() => format!("application/connect+{}", codec.name()),
            Protocol::Connect(codec) => format!("application/{}", codec.name()),
        }
    }

    fn written(&self, data: &[u8]) -> Vec<u8> {
        match self.protocol {
            Protocol::Connect(Codec::Json) => {
                serde_json::json!({ "data": STANDARD.encode(data) }).to_string().into_bytes()
            }
            _ => payload(data),
        }
    }

    fn read(&self, message: &[u8]) -> Vec<u8> {
        if self.protocol == Protocol::Connect(Codec::Json) {
            let message: Value = serde_json::from_slice(message).unwrap();
            return STANDARD.decode(message["data"].as_str().unwrap_or_default()).unwrap();
        }
        let mut bytes = message;
        if !bytes.is_empty() {
            let (key, _) = prost::encoding::decode_key(&mut bytes).unwrap();
            assert_eq!((key, prost::encoding::decode_varint(&mut bytes).unwrap()), (1, bytes.len() as u64));
        }
        bytes.to_vec()
    }

    fn head(&self) -> http::request::Builder {
        let mut head = Request::builder().method(Method::POST).uri(format!("/{SERVICE}/{}", self.rpc));
        head = head.header("content-type", self.media_type()).header(signed_in().0, signed_in().1);
        if self.protocol == Protocol::Grpc {
            head = head.header("te", "trailers").version(http::Version::HTTP_2);
        }
        let connect = matches!(self.protocol, Protocol::Connect(_));
        if connect {
            head = head.header("connect-protocol-version", "1");
        }
        if self.gzip {
            let prefix = if self.streams() { "connect-" } else { "" };
            head = head.header(format!("{prefix}content-encoding"), "gzip");
            head = head.header(format!("{prefix}accept-encoding"), "gzip, br");
        }
        match self.timeout {
            Some(millis) if connect => head.header("connect-timeout-ms", millis),
            Some(millis) => head.header("grpc-timeout", format!("{millis}m")),
            None => head,
        }
    }

    fn packed(&self, data: &[u8]) -> Vec<u8> {
        if self.gzip { gzip(&self.written(data)) } else { self.written(data) }
    }

    fn address(&self) -> Request<Body> {
        let Protocol::Connect(codec) = self.protocol else { panic!("no GET of {:?}", self.protocol) };
        let message = URL_SAFE_NO_PAD.encode(self.packed(&self.messages[0]));
        let compression = if self.gzip { "&compression=gzip" } else { "" };
        let query = format!("connect=v1&encoding={}&base64=1&message={message}{compression}", codec.name());
        let uri = format!("/{SERVICE}/{}?{query}", self.rpc);
        Request::get(uri).header(signed_in().0, signed_in().1).body(Body::empty()).unwrap()
    }

    /// Asks, and hears all; of a stream both ways a message is sent when an answer to the one before was heard.
    pub async fn of(&self, doors: &Router, duplex: bool) -> Heard {
        if self.get {
            return self.whole(doors.clone().oneshot(self.address()).await.unwrap()).await;
        }
        if !self.frames() {
            let body = self.messages.first().map(|data| self.packed(data)).unwrap_or_default();
            let request = self.head().body(Body::from(body)).unwrap();
            return self.whole(doors.clone().oneshot(request).await.unwrap()).await;
        }
        let (mut sender, body) = mpsc::unbounded::<Bytes>();
        let body = Body::new(StreamBody::new(body.map(|data| Ok::<_, std::convert::Infallible>(Frame::data(data)))));
        let mut messages = self.messages.iter().map(|data| framed(u8::from(self.gzip), &self.packed(data)));
        let first = if duplex { 1 } else { usize::MAX };
        for message in messages.by_ref().take(first) {
            // A call that is over hears nothing more.
            let _over = sender.send(message).await;
        }
        let messages: Vec<Bytes> = messages.collect();
        if messages.is_empty() {
            sender.disconnect();
        }
        let answer = doors.clone().oneshot(self.head().body(body).unwrap()).await.unwrap();
        self.framed(answer, (sender, messages)).await
    }

    /// An answer to a request that was sent whole.
    pub async fn heard(&self, answer: Response<Body>) -> Heard {
        if self.frames() {
            self.framed(answer, (mpsc::unbounded().0, Vec::new())).await
        } else {
            self.whole(answer).await
        }
    }

    /// An answer that is one message, or the error of Connect.
    pub async fn whole(&self, answer: Response<Body>) -> Heard {
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut heard = Heard { status: head.status.as_u16(), headers: head.headers, ..Heard::default() };
        let trailers: Vec<_> = heard.headers.keys().filter(|name| name.as_str().starts_with("trailer-")).collect();
        let mut trailing = HeaderMap::new();
        for name in trailers {
            let short: HeaderName = name.as_str()["trailer-".len()..].parse().unwrap();
            heard.headers.get_all(name).iter().for_each(|value| _ = trailing.append(short.clone(), value.clone()));
        }
        heard.trailers = trailing;
        let packed = heard.headers.get("content-encoding").is_some_and(|how| how == "gzip");
        let body = if packed { gunzip(&body) } else { body.to_vec() };
        if head.status == StatusCode::OK {
            heard.data.push(self.read(&body));
        } else {
            heard.refused(&body);
        }
        heard
    }

    async fn framed(
        &self,
        answer: Response<Body>,
        (mut sender, messages): (mpsc::UnboundedSender<Bytes>, Vec<Bytes>),
    ) -> Heard {
        let (head, mut body) = answer.into_parts();
        let mut heard = Heard { status: head.status.as_u16(), headers: head.headers, ..Heard::default() };
        if head.status != StatusCode::OK {
            heard.refused(&body.collect().await.unwrap().to_bytes());
            return heard;
        }
        let (mut frames, mut messages) = (Frames::of(&mut body), messages.into_iter());
        while let Some((flags, message)) = frames.next().await {
            match flags {
                0x80 => heard.trailers = headers_of(&message),
                2 => heard.ended(&message),
                _ => {
                    let message = if flags == 1 { gunzip(&message) } else { message.to_vec() };
                    heard.data.push(self.read(&message));
                    match messages.next() {
                        Some(next) => sender.send(next).await.unwrap(),
                        None => sender.disconnect(),
                    }
                }
            }
        }
        heard.trailers.extend(std::mem::take(&mut frames.trailers));
        if !matches!(self.protocol, Protocol::Connect(_)) {
            let of = if heard.headers.contains_key("grpc-status") { &heard.headers } else { &heard.trailers };
            let status = tonic::Status::from_header_map(of).expect("how it ended");
            let refusal = |(code, _): (&str, _)| Refusal { code: code.into(), message: status.message().into() };
            let failed = status.code() != tonic::Code::Ok;
            heard.error = failed.then(|| refusal(super::super::error::written(status.code())));
        }
        heard
    }
}

impl Heard {
    /// What an answer without a message says: in the form of Connect, or by its status alone.
    pub fn refused(&mut self, body: &[u8]) {
        if self.headers.get("content-type").is_some_and(|kind| kind == "application/json") {
            let told: Value = serde_json::from_slice(body).unwrap();
            return self.told(&told);
        }
        let code = match self.status {
            400 => "internal",
            401 => "unauthenticated",
            403 => "permission_denied",
            404 => "unimplemented",
            429 | 502..=504 => "unavailable",
            _ => "unknown",
        };
        self.error = Some(Refusal { code: code.into(), message: String::new() });
    }

    fn told(&mut self, told: &Value) {
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        self.error = Some(Refusal { code: text("code"), message: text("message") });
        self.details = told["details"].as_array().cloned().unwrap_or_default();
    }

    fn ended(&mut self, end: &[u8]) {
        let end: Value = serde_json::from_slice(end).unwrap();
        if end.get("error").is_some() {
            self.told(&end["error"]);
        }
        let pairs: Pairs = serde_json::from_value(end["metadata"].clone()).unwrap_or_default();
        for (name, values) in pairs {
            let name: HeaderName = name.parse().unwrap();
            values.iter().for_each(|value| _ = self.trailers.append(name.clone(), value.parse().unwrap()));
        }
    }
}

/// The trailers of gRPC-Web, which stand in a frame as HTTP writes headers.
fn headers_of(text: &[u8]) -> HeaderMap {
    let lines = std::str::from_utf8(text).unwrap().lines().filter_map(|line| line.split_once(':'));
    lines.fold(HeaderMap::new(), |mut all, (name, value)| {
        all.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap());
        all
    })
}

/// Bytes as gzip compresses them.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    plain
}
