//! Questions of an rpc that takes a stream of them: a body of lines, each the JSON of one.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use http_body_util::BodyDataStream;
use prost::Message as _;
use std::sync::Arc;
use tally_kernel::error::{Error, Kind, Result, Violation};
use tally_kernel::msg;
use tally_rpc::MAX_MESSAGE_BYTES;
use tokio::sync::oneshot;

use super::weave::{self, Parts};
use crate::Body;
use crate::rules::Rule;

struct Lines {
    rule: Arc<Rule>,
    body: BodyDataStream<Body>,
    read: BytesMut,
    /// How many lines were read.
    line: usize,
    ended: bool,
    /// Where it is told why no further question comes.
    broken: Option<oneshot::Sender<Error>>,
}

/// The questions, and where it is told why they break off. After that none comes and the stream does not end either: whoever hears it lets go of
/// the call, so that no service takes the half for the whole.
pub fn questions(rule: Arc<Rule>, body: Body) -> (impl Stream<Item = Bytes> + Send, oneshot::Receiver<Error>) {
    let (broken, heard) = oneshot::channel();
    let body = BodyDataStream::new(body);
    let lines = Lines { rule, body, read: BytesMut::new(), line: 0, ended: false, broken: Some(broken) };
    let questions = stream::unfold(lines, |mut lines| async move {
        match lines.question().await {
            Ok(question) => question.map(|question| (question, lines)),
            Err(error) => {
                if let Some(broken) = lines.broken.take() {
                    // Nobody hears it where the call is over.
                    let _unheard = broken.send(error);
                }
                std::future::pending().await
            }
        }
    });
    (questions, heard)
}

impl Lines {
    /// The question of the next line that is not blank.
    async fn question(&mut self) -> Result<Option<Bytes>> {
        while let Some(line) = self.next().await? {
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

    async fn next(&mut self) -> Result<Option<Bytes>> {
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
