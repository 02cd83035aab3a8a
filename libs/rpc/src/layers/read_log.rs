//! What leaves is written down before it leaves: the one place where reads are audited.
//!
//! Which rows an answer shows, and of whom, follows from the data classes of its fields and from the fields that name people.
//! An rpc whose answers hold pay, identity numbers or something about health is a sensitive read: written down whoever reads.
//! One whose answers tell of people is a personal read: written down when it shows somebody else's data, unless a service
//! reads, which does so for somebody whose own call is written down. A sensitive read that shows nothing sensitive, such as a
//! person without the identity number, is a personal one. `tests/it/fields.rs` holds the policy tables against the
//! contracts, so a new field is audited without anybody thinking of it. Under an emergency every answer is written down,
//! whatever it holds. If it cannot be written, the answer does not go out. Streams write their own entry before the first
//! message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tally_access::{Effect, OpContext, Permission, PolicyRow, Source};
use tally_api::classes::{self, Answer, DataClass, Rows};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::id::PersonId;
use tally_kernel::msg;
use tonic::async_trait;
use tonic::body::Body;
use tower::{Layer, Service};
use uuid::Uuid;

use super::authenticate::noted_context;
use super::policy::row;
use super::question::Question;
use super::{Refused, take};
use crate::fields::is_free;

/// The classes whose reading is audited, whoever reads: an rpc that may show them is a sensitive read.
pub const AUDITED: [DataClass; 3] = [DataClass::Salary, DataClass::IdNumber, DataClass::Medical];
/// What makes a row of a sensitive read worth an entry. Names alone do not.
const WATCHED: [DataClass; 5] =
    [DataClass::Salary, DataClass::IdNumber, DataClass::Medical, DataClass::Rating, DataClass::Location];

/// Length of what gRPC puts before a message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;
/// People that an entry of a personal read names at most; of more it says how many, and what was asked for.
const MOST_NAMED: usize = 100;

/// One answer that is about to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The rpc.
    pub method: &'static str,
    /// What the rpc does.
    pub effect: Effect,
    /// What it asked for.
    pub permission: Option<Permission>,
    /// The classes that made it worth writing down; empty when an emergency did.
    pub classes: BTreeSet<DataClass>,
    /// The rows that it shows.
    pub rows: BTreeSet<String>,
    /// Whom they tell of; nobody where these were too many to name.
    pub people: BTreeSet<PersonId>,
    /// Whose logins they tell of.
    pub logins: BTreeSet<String>,
    /// How many people they tell of.
    pub told: usize,
    /// Where people are not named: what was asked for, without anything that not everybody may read.
    pub asked: Vec<String>,
    /// The emergency it went through.
    pub break_glass: Option<Uuid>,
}

/// Keeps readings: the audit log of the service.
#[async_trait]
pub trait ReadLog: Send + Sync + 'static {
    /// Keeps one for good.
    ///
    /// # Errors
    /// When it cannot be kept: then the answer is not sent.
    async fn note(&self, ctx: &OpContext, reading: Reading) -> Result<()>;
}

/// See the module's text. It reads gRPC's messages, so it stands before gRPC's services alone.
#[derive(Clone)]
pub struct ReadLogLayer(Arc<Watch>);

impl ReadLogLayer {
    /// Keeps in `log` what the rpcs of a policy table that only read show; what changes something is audited by its unit of work.
    pub fn new(policy: &[PolicyRow], log: Arc<dyn ReadLog>) -> Self {
        let reads = policy.iter().filter(|row| row.effect != Effect::Change);
        let rule = |row: &PolicyRow| {
            let answer = classes::answer_of(row.method)?;
            Some((row.method, Rule { answer, effect: row.effect }))
        };
        Self(Arc::new(Watch { log, rules: reads.filter_map(rule).collect() }))
    }
}

impl<S> Layer<S> for ReadLogLayer {
    type Service = ReadLogged<S>;

    fn layer(&self, inner: S) -> ReadLogged<S> {
        ReadLogged { inner, watch: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub struct ReadLogged<S> {
    inner: S,
    watch: Arc<Watch>,
}

impl<S> Service<Request<Body>> for ReadLogged<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Refused, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Refused;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Refused>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let row = row(request.extensions());
        if row.as_ref().is_ok_and(|row| !self.watch.rules.contains_key(row.method)) {
            return Either::Left(self.inner.call(request));
        }
        let (watch, mut inner) = (Arc::clone(&self.watch), take(&mut self.inner));
        Either::Right(Box::pin(async move {
            let row = row?;
            let ctx = noted_context(request.extensions())?;
            let question = watch.admit(&ctx, &row, request.extensions().get())?;
            let response = inner.call(request).await?;
            Ok(watch.pass(&ctx, &row, &question, response).await?)
        }))
    }
}

/// What is known of the answers of a service's rpcs.
struct Watch {
    log: Arc<dyn ReadLog>,
    rules: BTreeMap<&'static str, Rule>,
}

struct Rule {
    answer: Answer,
    effect: Effect,
}

impl Watch {
    /// Refuses what could not be watched: a stream under an emergency. Gives what is asked where the answer is looked through
    /// for people.
    fn admit(&self, ctx: &OpContext, row: &PolicyRow, asked: Option<&Question>) -> Result<Bytes> {
        let Some(rule) = self.rules.get(row.method) else { return Ok(Bytes::new()) };
        if rule.answer.streams() && emergency(ctx, row).is_some() {
            return Err(Error::of(Kind::FailedPrecondition, msg!("BREAK_GLASS_NO_STREAMS")));
        }
        let reads = matches!(rule.effect, Effect::PersonalRead | Effect::SensitiveRead);
        let is_looked_through = !rule.answer.streams() && reads && !ctx.is_service();
        Ok(asked.filter(|_| is_looked_through).map(|Question(asked)| asked.clone()).unwrap_or_default())
    }

    /// Writes down what an answer shows, and lets it go.
    async fn pass(
        &self,
        ctx: &OpContext,
        row: &PolicyRow,
        question: &[u8],
        response: Response<Body>,
    ) -> Result<Response<Body>> {
        let Some(rule) = self.rules.get(row.method).filter(|rule| !rule.answer.streams()) else { return Ok(response) };
        let break_glass = emergency(ctx, row);
        // An answer that is only a status has it in its headers, and shows nothing.
        let watched = match rule.effect {
            Effect::SensitiveRead => true,
            Effect::PersonalRead => !ctx.is_service(),
            Effect::Read | Effect::Change => false,
        };
        if (!watched && break_glass.is_none()) || response.headers().contains_key("grpc-status") {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let collected = body.collect().await.map_err(|e| Error::internal(format!("the answer's body failed: {e}")))?;
        let trailers = collected.trailers().cloned();
        let bytes = collected.to_bytes();
        if let Some(reading) = reading(ctx, row, rule, question, break_glass, &bytes)? {
            self.log.note(ctx, reading).await?;
        }
        let body = Full::new(bytes).with_trailers(async move { trailers.map(Ok) });
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

/// The emergency that this call may go through.
fn emergency(ctx: &OpContext, row: &PolicyRow) -> Option<Uuid> {
    ctx.view.temporary_sources(row.needs.permission()?).find_map(|source| match source {
        Source::BreakGlass(id) => Some(id),
        Source::Own | Source::Delegated(_) => None,
    })
}

fn reading(
    ctx: &OpContext,
    row: &PolicyRow,
    rule: &Rule,
    question: &[u8],
    break_glass: Option<Uuid>,
    bytes: &Bytes,
) -> Result<Option<Reading>> {
    let Some(message) = bytes.get(PREFIX..).filter(|_| bytes.first() == Some(&0)) else {
        return if bytes.is_empty() { Ok(None) } else { Err(Error::internal("an answer in a form nobody can watch")) };
    };
    let watched = rule.effect == Effect::SensitiveRead && break_glass.is_none();
    let fault = |e| Error::internal(format!("an answer: {e}"));
    let told = |classes: &[DataClass]| rule.answer.rows(question, message, classes).map_err(fault);
    let (mut rows, mut effect) = (told(if watched { &WATCHED } else { &[] })?, rule.effect);
    let classes: BTreeSet<_> = rows.classes.iter().copied().filter(|class| WATCHED.contains(class)).collect();
    // The log itself holds ids alone, and writes down who asked for what.
    if watched && !ctx.is_service() && !rule.answer.classes().iter().all(|class| is_free(*class)) {
        let all = told(&[])?;
        if classes.is_empty() {
            (rows, effect) = (all, Effect::PersonalRead);
        } else {
            rows.people.extend(all.people);
        }
    }
    let people = people_of(&rows);
    let shows = match effect {
        Effect::SensitiveRead => !classes.is_empty(),
        Effect::PersonalRead => shows_others(ctx, &rows, &people),
        Effect::Read | Effect::Change => false,
    };
    if !shows && break_glass.is_none() {
        return Ok(None);
    }
    let mut reading = Reading {
        method: row.method,
        effect,
        permission: row.needs.permission(),
        classes,
        rows: rows.ids,
        told: people.len(),
        people,
        logins: rows.principals,
        asked: Vec::new(),
        break_glass,
    };
    if effect == Effect::PersonalRead && reading.told > MOST_NAMED {
        reading.people.clear();
        reading.asked = rule.answer.asked(question).map_err(fault)?;
    }
    Ok(Some(reading))
}

fn people_of(rows: &Rows) -> BTreeSet<PersonId> {
    rows.people.iter().filter_map(|id| id.parse().ok()).collect()
}

/// Whether rows tell of somebody who is not the caller. Who is named by nothing that is known is somebody else.
fn shows_others(ctx: &OpContext, rows: &Rows, people: &BTreeSet<PersonId>) -> bool {
    let own = ctx.actor.principal.to_string();
    let unnamed = rows.unnamed || rows.people.len() > people.len();
    unnamed || ctx.shows_others(people.iter().copied()) || rows.principals.iter().any(|login| *login != own)
}
