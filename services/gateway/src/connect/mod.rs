//! Connect: every rpc of the contracts at `POST /package.Service/Method`, its messages as JSON or as proto, one or streams of them; what only reads
//! also by GET.

mod codec;
mod envelope;
mod error;
mod form;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::future::Fuse;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use serde_json::Value;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Locale, msg};
use tokio::sync::oneshot;
use tonic::Streaming;

use crate::call::{self, Questions as _, Services};
use crate::rest::bodies::{self, Bodies};
use crate::rest::{NotAsked, header};
use crate::rules::Rule;
use crate::{Body, problem};
use codec::Compression;
pub use codec::accepts_gzip;
use envelope::Messages;
use error::{Failed, metadata};
use form::{Form, NoForm};

const ACCEPT_STREAM: HeaderName = HeaderName::from_static("connect-accept-encoding");
const ENCODING_STREAM: HeaderName = HeaderName::from_static("connect-content-encoding");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The door.
pub struct Connect {
    services: Services,
    bodies: Bodies,
}

/// One call.
struct Call {
    rule: Arc<Rule>,
    form: Form,
    head: Head,
    locale: Locale,
}

/// The answers of a call under way, and where it is heard that its questions broke off.
struct Going {
    answers: Streaming<Bytes>,
    broken: Fuse<oneshot::Receiver<Error>>,
}

impl Connect {
    /// A door to services.
    pub fn new(services: Services, bodies: Bodies) -> Self {
        Self { services, bodies }
    }

    /// Answers a request for an rpc, or for none that is here.
    pub async fn answer(&self, rule: Option<Arc<Rule>>, request: Request<Body>, locale: Locale) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Some(rule) = rule else {
            let unknown = Error::of(Kind::Unimplemented, msg!("METHOD_UNKNOWN"));
            return problem::with_status(&unknown, StatusCode::NOT_FOUND, locale);
        };
        let form = match Form::of(&rule, &head) {
            Ok(form) => form,
            Err(NoForm::Method(methods)) => return NotAsked::Method(methods).answer(&head, locale),
            Err(NoForm::Media(error, taken)) => return unsupported(&error, &taken, locale),
        };
        let call = Call { rule, form, head, locale };
        if call.form.streams { self.stream(call, body).await } else { self.one(&call, body).await }
    }

    async fn one(&self, call: &Call, body: Body) -> Response<Body> {
        let mut answer = match self.answered(call, body).await {
            Ok(answer) => answer,
            Err(failed) => failed.answer(call.locale),
        };
        answer.headers_mut().insert(VARY, HeaderValue::from_static("accept-language"));
        answer
    }

    /// The answer of one message to one.
    async fn answered(&self, call: &Call, body: Body) -> Result<Response<Body>, Failed> {
        let until = form::until(&call.head)?;
        let question = if call.is_read()? {
            self.question(call, body).await?
        } else {
            bodies::left(&call.head, body).await;
            Bytes::new()
        };
        let answers = self.ask(call, until, stream::iter([question])).await?;
        let (leading, mut messages, _) = answers.into_parts();
        let leading = metadata(leading.into_headers());
        let failed = |status| Failed::after(leading.clone(), status);
        let only = messages.message().await.map_err(failed)?;
        let only = only.ok_or_else(|| Error::internal("an answer without a message"))?;
        let trailing = messages.trailers().await.map_err(failed)?.map(metadata_of).unwrap_or_default();
        let mut answer = Response::new(Body::new(Full::new(call.form.codec.answer(&call.rule, only)?)));
        let headers = answer.headers_mut();
        headers.extend(leading);
        headers.insert(CONTENT_TYPE, call.form.media_type());
        let reads = call.head.method != Method::POST;
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(if reads { "private, no-cache" } else { "no-store" }));
        error::trail(headers, trailing);
        Ok(answer)
    }

    /// The only question, as a message of proto.
    async fn question(&self, call: &Call, body: Body) -> Result<Bytes> {
        let (sent, how) = if let Some((sent, how)) = form::in_address(&call.head)? {
            (sent, how)
        } else {
            let how = Compression::said(header(&call.head.headers, &CONTENT_ENCODING)?)?;
            (self.bodies.whole(&call.head, body, call.rule.is_public()).await?, how)
        };
        call.form.codec.question(&call.rule, how.unpacked(sent)?)
    }

    async fn stream(&self, call: Call, body: Body) -> Response<Body> {
        let (leading, going) = match self.started(&call, body).await {
            Ok((leading, going)) => (leading, Ok(going)),
            Err(failed) => (HeaderMap::new(), Err(failed.end(call.locale))),
        };
        let refused = going.as_ref().err().map(|(code, _)| *code);
        let packed = accepts_gzip(&call.head.headers, &ACCEPT_STREAM);
        let media_type = call.form.media_type();
        let frames =
            frames(call, packed, going.map_err(|(_, end)| end)).map(|frame| Ok::<_, Infallible>(Frame::data(frame)));
        let mut answer = Response::new(Body::new(StreamBody::new(frames)));
        // For spans and figures, which do not look into the stream.
        if let Some(code) = refused {
            answer.extensions_mut().insert(code);
        }
        let headers = answer.headers_mut();
        headers.extend(leading);
        headers.insert(CONTENT_TYPE, media_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ACCEPT_STREAM, GZIP);
        if packed {
            headers.insert(ENCODING_STREAM, GZIP);
        }
        // A proxy that waits for more makes no stream of it.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        answer
    }

    /// What leads a stream of answers, and the stream.
    async fn started(&self, call: &Call, body: Body) -> Result<(HeaderMap, Going), Failed> {
        let until = form::until(&call.head)?;
        let how = Compression::said(header(&call.head.headers, &ENCODING_STREAM)?)?;
        let messages = |body| Messages::of(Arc::clone(&call.rule), (call.form.codec, how), body);
        let (answers, broken) = if call.rule.rpc.is_client_streaming() {
            let (questions, broken) = call::as_read(messages(body));
            let mut broken = broken.fuse();
            let answers = tokio::select! {
                answers = self.ask(call, until, questions) => answers?,
                Ok(error) = &mut broken => return Err(error.into()),
            };
            (answers, broken)
        } else {
            let question = if call.is_read()? {
                let sent = self.bodies.up_to(call::MAX_BODY_BYTES, &call.head, body).await?;
                only(messages(Body::from(sent))).await?
            } else {
                bodies::left(&call.head, body).await;
                Bytes::new()
            };
            (self.ask(call, until, stream::iter([question])).await?, Fuse::terminated())
        };
        let (leading, answers, _) = answers.into_parts();
        Ok((metadata(leading.into_headers()), Going { answers, broken }))
    }

    async fn ask(
        &self,
        call: &Call,
        until: Option<Instant>,
        questions: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<tonic::Response<Streaming<Bytes>>, Failed> {
        let (metadata, from) = call::caller(&call.head);
        let mut headers = metadata.into_headers();
        if let Some(until) = until {
            tally_rpc::write_deadline(&mut headers, until);
        }
        let carried = (tonic::metadata::MetadataMap::from_headers(headers), from);
        let answers = self.services.ask((&call.rule.service, &call.rule.name), carried, questions).await;
        answers.map_err(|status| Failed::after(HeaderMap::new(), status))
    }
}

impl Call {
    /// The envelope of an answer.
    fn envelope(&self, message: Bytes, packed: bool) -> Result<Bytes> {
        envelope::message(&self.form.codec.answer(&self.rule, message)?, packed)
    }

    /// Whether anything of a body is looked at: not before it is known that somebody is signed in; the service says that nobody is.
    fn is_read(&self) -> Result<bool> {
        Ok(self.rule.is_public() || header(&self.head.headers, &AUTHORIZATION)?.is_some())
    }
}

/// The one message that a stream of questions has to hold.
async fn only(mut messages: Messages) -> Result<Bytes> {
    let wanted = |sent: &str| Error::of(Kind::Unimplemented, msg!("ONE_MESSAGE_WANTED", sent));
    let question = messages.next().await?.ok_or_else(|| wanted("0"))?;
    match messages.next().await? {
        None => Ok(question),
        Some(_) => Err(wanted("2+")),
    }
}

/// The envelopes of a stream of answers: each message, and then how it ended.
fn frames(call: Call, packed: bool, going: Result<Going, Value>) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((going, call)), move |going| async move {
        let (going, call) = going?;
        let mut going = match going {
            Ok(going) => going,
            Err(end) => return Some((envelope::end(&end), None)),
        };
        let next = match going.next().await {
            Ok(Some(message)) => call.envelope(message, packed).map(Some).map_err(Failed::from),
            Ok(None) => Ok(None),
            Err(failed) => Err(failed),
        };
        let ended = match next {
            Ok(Some(frame)) => return Some((frame, Some((Ok(going), call)))),
            Ok(None) => going.answers.trailers().await.map_err(|status| Failed::after(HeaderMap::new(), status)),
            Err(failed) => Err(failed),
        };
        let end = match ended {
            Ok(trailers) => error::end(None, &trailers.map(metadata_of).unwrap_or_default()),
            Err(failed) => failed.end(call.locale).1,
        };
        Some((envelope::end(&end), None))
    })
}

impl Going {
    async fn next(&mut self) -> Result<Option<Bytes>, Failed> {
        tokio::select! {
            answer = self.answers.message() => answer.map_err(|status| Failed::after(HeaderMap::new(), status)),
            Ok(error) = &mut self.broken => Err(error.into()),
        }
    }
}

fn metadata_of(trailers: tonic::metadata::MetadataMap) -> HeaderMap {
    metadata(trailers.into_headers())
}

/// The refusal of a form that the call does not take, with those that it does.
fn unsupported(error: &Error, taken: &str, locale: Locale) -> Response<Body> {
    let mut answer = problem::answer(error, locale);
    if let Ok(taken) = HeaderValue::from_str(taken) {
        answer.headers_mut().insert("accept-post", taken);
    }
    answer
}

#[cfg(test)]
mod tests;
