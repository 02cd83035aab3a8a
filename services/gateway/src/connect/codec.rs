//! How messages are written, and how they are compressed.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::HeaderName;
use prost::Message as _;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tally_rpc::MAX_MESSAGE_BYTES;

use crate::rest::{answer, weave};
use crate::rules::Rule;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Proto's mapping of JSON, as REST has it.
    Json,
    /// Proto, as gRPC has it.
    Proto,
}

impl Codec {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Json, Self::Proto];

    /// What media types and addresses call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Proto => "proto",
        }
    }

    /// A question as a message of proto. What is proto already, the service reads.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where JSON cannot be read as the message.
    pub fn question(self, rule: &Rule, sent: Bytes) -> Result<Bytes> {
        match self {
            Self::Json => Ok(weave::message(&rule.rpc.input(), &sent)?.encode_to_vec().into()),
            Self::Proto => Ok(sent),
        }
    }

    /// An answer as it is written.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn answer(self, rule: &Rule, message: Bytes) -> Result<Bytes> {
        match self {
            Self::Json => answer::whole(rule, &message),
            Self::Proto => Ok(message),
        }
    }
}

/// How what was sent is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As gzip has it.
    Gzip,
}

impl Compression {
    /// What a header says of it.
    ///
    /// # Errors
    /// UNIMPLEMENTED where it is none that is read here.
    pub fn said(name: Option<&str>) -> Result<Self> {
        match name.unwrap_or_default() {
            "" | "identity" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            said => Err(Error::of(Kind::Unimplemented, msg!("REQUEST_COMPRESSED.unknown", said))),
        }
    }

    /// What was sent, as it was before; never more than a message may have.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where it is not compressed so, RESOURCE_EXHAUSTED where there is more in it.
    pub fn unpacked(self, sent: Bytes) -> Result<Bytes> {
        if self == Self::None || sent.is_empty() {
            return Ok(sent);
        }
        let mut plain = Vec::new();
        let read = MultiGzDecoder::new(sent.as_ref()).take(MAX_MESSAGE_BYTES as u64 + 1).read_to_end(&mut plain);
        read.map_err(|cause| {
            Error::of(Kind::InvalidArgument, msg!("REQUEST_UNREADABLE.compressed", said = "gzip")).with_internal(cause)
        })?;
        if plain.len() > MAX_MESSAGE_BYTES {
            return Err(Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit = MAX_MESSAGE_BYTES)));
        }
        Ok(plain.into())
    }
}

/// Bytes as gzip compresses them.
///
/// # Errors
/// None that memory does not make.
pub fn packed(message: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::with_capacity(message.len() / 2), flate2::Compression::fast());
    packed.write_all(message).and_then(|()| packed.finish()).map_err(Error::internal)
}

/// Whether a header takes gzip.
pub fn accepts_gzip(headers: &HeaderMap, name: &HeaderName) -> bool {
    let said = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(',').any(|one| one.trim() == "gzip")
}
