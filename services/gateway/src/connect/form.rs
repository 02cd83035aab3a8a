//! The form of a request: how its messages are written, where they stand, and how long its caller waits.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts as Head;
use http::{HeaderValue, Method};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;

use super::codec::{Codec, Compression};
use crate::rest::weave::refused;
use crate::rest::{header, unread};
use crate::rules::Rule;

const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
/// Digits of a timeout.
const TIMEOUT_DIGITS: usize = 10;
/// Base64 of addresses, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How messages come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// How they are written.
    pub codec: Codec,
    /// Whether they stand in envelopes.
    pub streams: bool,
}

/// A request that has no form of Connect for its rpc.
#[derive(Debug)]
pub enum NoForm {
    /// It is asked by one of these methods of HTTP.
    Method(Vec<&'static str>),
    /// It takes other media types, which these are.
    Media(Error, String),
}

impl Form {
    /// The form of a request for an rpc.
    ///
    /// # Errors
    /// It has none.
    pub fn of(rule: &Rule, head: &Head) -> Result<Self, NoForm> {
        let by_address = rule.may_be_an_address();
        let streams = rule.rpc.is_client_streaming() || rule.rpc.is_server_streaming();
        let forms = Codec::ALL.map(|codec| Self { codec, streams });
        let said = match head.method {
            Method::POST => head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default(),
            Method::GET | Method::HEAD if by_address => {
                let said = value(head, "encoding").ok().flatten().unwrap_or_default();
                let named = forms.into_iter().find(|form| form.codec.name().as_bytes() == said.as_ref());
                return named.ok_or_else(|| unsupported(&forms, &String::from_utf8_lossy(&said)));
            }
            _ => return Err(NoForm::Method(if by_address { vec!["GET", "POST"] } else { vec!["POST"] })),
        };
        let media = said.split(';').next().unwrap_or_default().trim();
        let named = forms.into_iter().find(|form| media.eq_ignore_ascii_case(form.name()));
        named.ok_or_else(|| unsupported(&forms, said))
    }

    const fn name(self) -> &'static str {
        match (self.streams, self.codec) {
            (false, Codec::Json) => "application/json",
            (false, Codec::Proto) => "application/proto",
            (true, Codec::Json) => "application/connect+json",
            (true, Codec::Proto) => "application/connect+proto",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

fn unsupported(forms: &[Form], said: &str) -> NoForm {
    let taken = forms.iter().map(|form| form.name()).collect::<Vec<_>>().join(", ");
    NoForm::Media(Error::of(Kind::InvalidArgument, msg!("MEDIA_TYPE_WRONG.rpc", said, taken = taken.clone())), taken)
}

/// Until when the caller waits, where it says so.
///
/// # Errors
/// The time cannot be read, or what is spoken is no version of Connect that is known here.
pub fn until(head: &Head) -> Result<Option<Instant>> {
    if header(&head.headers, &VERSION)?.is_some_and(|version| version != "1") {
        return Err(unread(&VERSION));
    }
    let Some(text) = header(&head.headers, &TIMEOUT)? else { return Ok(None) };
    let digits = (1..=TIMEOUT_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = text.parse().ok().filter(|_| digits).ok_or_else(|| unread(&TIMEOUT))?;
    Ok(Some(Instant::now() + Duration::from_millis(millis)))
}

/// The message that stands in the address of a GET, and how it is compressed; nothing where there is a body for that.
///
/// # Errors
/// It cannot be read, or what is spoken is no version of Connect that is known here.
pub fn in_address(head: &Head) -> Result<Option<(Bytes, Compression)>> {
    if head.method == Method::POST {
        return Ok(None);
    }
    if value(head, "connect")?.as_deref() != Some(b"v1".as_slice()) {
        return Err(refused("connect", msg!("CONNECT_QUERY_WRONG")));
    }
    let message = value(head, "message")?.ok_or_else(|| refused("message", msg!("CONNECT_QUERY_WRONG.missing")))?;
    let message = match value(head, "base64")?.as_deref() {
        Some(b"1") => BASE64.decode(&message).map_err(|_| refused("message", msg!("CONNECT_QUERY_WRONG.base64")))?,
        _ => message.into_owned(),
    };
    let how = value(head, "compression")?.unwrap_or_default();
    Ok(Some((message.into(), Compression::said(Some(&String::from_utf8_lossy(&how)))?)))
}

/// What stands behind the `?` by this name.
fn value<'h>(head: &'h Head, name: &str) -> Result<Option<Cow<'h, [u8]>>> {
    let query = head.uri.query().unwrap_or_default();
    let mut all = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(said, _)| *said == name);
    let Some((_, value)) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(refused(name, msg!("FIELD_SAID_TWICE")));
    }
    if value.contains('+') {
        return Ok(Some(percent_encoding::percent_decode_str(&value.replace('+', " ")).collect()));
    }
    Ok(Some(percent_encoding::percent_decode_str(value).into()))
}
