//! Streams of messages, each in an envelope: a byte of flags, four bytes of length, the message.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http_body_util::BodyDataStream;
use serde_json::Value;
use std::sync::Arc;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tally_rpc::MAX_MESSAGE_BYTES;

use super::codec::{Codec, Compression, packed};
use crate::Body;
use crate::call::{PREFIX_BYTES, Questions};
use crate::rules::Rule;

/// The flag of a message that is compressed.
const COMPRESSED: u8 = 1;
/// The flag of what ends a stream of answers.
const END: u8 = 2;
/// Answers from here are compressed where the caller takes that.
const WORTH_IT: usize = 1024;

/// The messages of a body.
pub struct Messages {
    rule: Arc<Rule>,
    codec: Codec,
    how: Compression,
    body: BodyDataStream<Body>,
    read: BytesMut,
}

impl Questions for Messages {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some((flags, len)) = self.prefix().await? else { return Ok(None) };
        if flags & !COMPRESSED != 0 || (flags == COMPRESSED && self.how == Compression::None) {
            return Err(Error::of(Kind::InvalidArgument, msg!("REQUEST_UNREADABLE.envelope")));
        }
        if len > MAX_MESSAGE_BYTES {
            return Err(Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit = MAX_MESSAGE_BYTES)));
        }
        while self.read.len() < len {
            if !self.more().await? {
                return Err(Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")));
            }
        }
        let message = self.read.split_to(len).freeze();
        let message = if flags == COMPRESSED { self.how.unpacked(message)? } else { message };
        self.codec.question(&self.rule, message).map(Some)
    }
}

impl Messages {
    /// The messages of a body, written and, where their flag says so, compressed as told.
    pub fn of(rule: Arc<Rule>, (codec, how): (Codec, Compression), body: Body) -> Self {
        Self { rule, codec, how, body: BodyDataStream::new(body), read: BytesMut::new() }
    }

    async fn prefix(&mut self) -> Result<Option<(u8, usize)>> {
        loop {
            if let Some([flags, len @ ..]) = self.read.first_chunk::<PREFIX_BYTES>().copied() {
                self.read.advance(PREFIX_BYTES);
                return Ok(Some((flags, u32::from_be_bytes(len) as usize)));
            }
            if !self.more().await? {
                let whole = self.read.is_empty().then_some(None);
                return whole.ok_or_else(|| Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")));
            }
        }
    }

    /// Reads what comes next; nothing comes after the end.
    async fn more(&mut self) -> Result<bool> {
        let more = self.body.next().await.transpose();
        let more = more.map_err(|cause| Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")).with_internal(cause))?;
        Ok(more.is_some_and(|more| {
            self.read.extend_from_slice(&more);
            true
        }))
    }
}

/// The envelope of a message, compressed where the caller takes that and it is worth it.
///
/// # Errors
/// None that memory does not make.
pub fn message(told: &[u8], gzip: bool) -> Result<Bytes> {
    if gzip && told.len() >= WORTH_IT { Ok(enveloped(COMPRESSED, &packed(told)?)) } else { Ok(enveloped(0, told)) }
}

/// The envelope of what ends a stream.
pub fn end(told: &Value) -> Bytes {
    enveloped(END, told.to_string().as_bytes())
}

fn enveloped(flags: u8, told: &[u8]) -> Bytes {
    let mut envelope = BytesMut::with_capacity(PREFIX_BYTES + told.len());
    envelope.put_u8(flags);
    // A message has at most a few megabytes.
    envelope.put_u32(told.len() as u32);
    envelope.put_slice(told);
    envelope.freeze()
}
