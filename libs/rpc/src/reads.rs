//! What leaves is written down before it leaves: the one place where reads of what is sensitive are audited.
//!
//! Which rows an answer shows, and of whom, follows from the data classes of its fields. An rpc whose answers hold pay,
//! identity numbers or something about health is a sensitive read (`tests/it/fields.rs` holds the policy tables against the contracts),
//! so a new field is audited without anybody thinking of it. Under an emergency every answer is written down, whatever it
//! holds. If it cannot be written, the answer does not go out. Streams write their own entry before the first message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use tally_access::{Effect, OpContext, Permission, PolicyRow, Source};
use tally_api::classes::{self, Answer, DataClass};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::id::PersonId;
use tonic::async_trait;
use tonic::body::Body;
use uuid::Uuid;

/// The classes whose reading is audited, whoever reads: an rpc that may show them is a sensitive read.
pub const AUDITED: [DataClass; 3] = [DataClass::Salary, DataClass::IdNumber, DataClass::Medical];
/// What makes a row of a sensitive read worth an entry. Names alone do not.
const WATCHED: [DataClass; 5] =
    [DataClass::Salary, DataClass::IdNumber, DataClass::Medical, DataClass::Rating, DataClass::Location];

/// Length of what gRPC puts before a message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

/// One answer that is about to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The rpc.
    pub method: &'static str,
    /// What it asked for.
    pub permission: Option<Permission>,
    /// The classes that made it worth writing down; empty when an emergency did.
    pub classes: BTreeSet<DataClass>,
    /// The rows that it shows.
    pub rows: BTreeSet<String>,
    /// Whom they tell of.
    pub people: BTreeSet<PersonId>,
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

/// What is known of the answers of a service's rpcs.
pub(crate) struct Watch {
    log: Arc<dyn ReadLog>,
    rules: BTreeMap<&'static str, Rule>,
}

struct Rule {
    answer: Answer,
    /// Written down whoever reads.
    sensitive: bool,
}

impl Watch {
    /// For the rpcs that only read; what changes something is audited by its unit of work.
    pub(crate) fn new(policy: &[PolicyRow], log: Arc<dyn ReadLog>) -> Self {
        let reads = policy.iter().filter(|row| row.effect != Effect::Change);
        let rule = |row: &PolicyRow| {
            let answer = classes::answer_of(row.method)?;
            Some((row.method, Rule { answer, sensitive: row.effect == Effect::SensitiveRead }))
        };
        Self { log, rules: reads.filter_map(rule).collect() }
    }

    /// Refuses what could not be watched: a stream under an emergency.
    pub(crate) fn admit(&self, ctx: &OpContext, row: &PolicyRow) -> Result<()> {
        let streams = self.rules.get(row.method).is_some_and(|rule| rule.answer.streams());
        if streams && emergency(ctx, row).is_some() {
            let text = "an emergency opens no streams: ask for the rows one page at a time";
            return Err(Error::new(Kind::FailedPrecondition, "BREAK_GLASS_NO_STREAMS", text));
        }
        Ok(())
    }

    /// Writes down what an answer shows, and lets it go.
    pub(crate) async fn pass(
        &self,
        ctx: &OpContext,
        row: &PolicyRow,
        response: Response<Body>,
    ) -> Result<Response<Body>> {
        let Some(rule) = self.rules.get(row.method).filter(|rule| !rule.answer.streams()) else { return Ok(response) };
        let break_glass = emergency(ctx, row);
        // An answer that is only a status has it in its headers, and shows nothing.
        if (!rule.sensitive && break_glass.is_none()) || response.headers().contains_key("grpc-status") {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let collected = body.collect().await.map_err(|e| Error::internal(format!("the answer's body failed: {e}")))?;
        let trailers = collected.trailers().cloned();
        let bytes = collected.to_bytes();
        if let Some(reading) = reading(row, rule, break_glass, &bytes)? {
            self.log.note(ctx, reading).await?;
        }
        let body = Full::new(bytes).with_trailers(async move { trailers.map(Ok) });
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

/// The emergency that this call may go through.
fn emergency(ctx: &OpContext, row: &PolicyRow) -> Option<Uuid> {
    ctx.view.lenders(row.needs.permission()?).find_map(|source| match source {
        Source::BreakGlass(id) => Some(id),
        Source::Own | Source::Delegated(_) => None,
    })
}

fn reading(row: &PolicyRow, rule: &Rule, break_glass: Option<Uuid>, bytes: &Bytes) -> Result<Option<Reading>> {
    let Some(message) = bytes.get(PREFIX..).filter(|_| bytes.first() == Some(&0)) else {
        return if bytes.is_empty() { Ok(None) } else { Err(Error::internal("an answer in a form nobody can watch")) };
    };
    let wanted = if break_glass.is_some() { &[][..] } else { &WATCHED[..] };
    let rows = rule.answer.rows(message, wanted).map_err(|e| Error::internal(format!("an answer: {e}")))?;
    let classes: BTreeSet<_> = rows.classes.into_iter().filter(|class| WATCHED.contains(class)).collect();
    if classes.is_empty() && break_glass.is_none() {
        return Ok(None);
    }
    let people = rows.people.iter().filter_map(|id| id.parse().ok()).collect();
    let permission = row.needs.permission();
    Ok(Some(Reading { method: row.method, permission, classes, rows: rows.ids, people, break_glass }))
}
