//! Questions of an rpc that takes a stream of them: a body of lines, each the JSON of one.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http_body_util::BodyDataStream;
use prost::Message as _;
use std::sync::Arc;
use tally_kernel::error::{Error, Kind, Result, Violation};
use tally_kernel::msg;
use tally_rpc::MAX_MESSAGE_BYTES;

use super::weave::{self, Parts};
use crate::Body;
use crate::call::Questions;
use crate::rules::Rule;

pub struct Lines {
    rule: Arc<Rule>,
    body: BodyDataStream<Body>,
    read: BytesMut,
    /// How many lines were read.
    line: usize,
    ended: bool,
}

impl Questions for Lines {
    /// The question of the next line that is not blank.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(line) = self.line().await? {
            self.line += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let nothing = Parts { path: &[], query: &[], request_id: None, etag: None };
            let question = weave::question(&self.rule, &nothing, &line).map_err(|error| self.of_line(&error))?;
            return Ok(Some(question.encode_to_vec().into()));
        }
        Ok(None)
    }
}

impl Lines {
    /// The lines of a body.
    pub fn of(rule: Arc<Rule>, body: Body) -> Self {
        Self { rule, body: BodyDataStream::new(body), read: BytesMut::new(), line: 0, ended: false }
    }

    async fn line(&mut self) -> Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.read[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.read.split_to(searched + end + 1).freeze()));
            }
            if self.ended {
                return Ok((!self.read.is_empty()).then(|| self.read.split().freeze()));
            }
            searched = self.read.len();
            if searched > MAX_MESSAGE_BYTES {
                return Err(Error::of(Kind::ResourceExhausted, msg!("BODY_TOO_LARGE", limit = MAX_MESSAGE_BYTES)));
            }
            match self.body.next().await {
                Some(Ok(more)) => self.read.extend_from_slice(&more),
                Some(Err(cause)) => {
                    return Err(Error::of(Kind::Cancelled, msg!("BODY_BROKE_OFF")).with_internal(cause));
                }
                None => self.ended = true,
            }
        }
    }

    /// Says of every violation in which line it is.
    fn of_line(&self, error: &Error) -> Error {
        let place = |field: &str| format!("line[{}].{field}", self.line);
        let violations = error.violations().iter();
        Error::invalid(
            violations.map(|one| Violation { field: place(&one.field), message: one.message.clone() }).collect(),
        )
    }
}
