//! Taking over and handing over an account, bringing in hand-overs, and listing them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::OpContext;
use tally_app::import::{Import, bulk_audit};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{AccountId, HandoverId, PersonId};
use tally_kernel::import::{ImportOutcome, reconcile};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_privacy::Terms;
use tally_store::{Audit, UnitOfWork};
use uuid::Uuid;

use super::domain::{Handover, HandoverKind};
use super::store;
use crate::account;
use crate::app::{App, DUTY, Rows, place, reached, without_removed};
use crate::placed::{Asked, Placed, Stored, keyed, without_known};
use crate::policy::{GetHandover, ImportHandovers, ListHandovers, RecordHandover};

/// What a caller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub request: RequestKey,
    pub account: AccountId,
    pub kind: HandoverKind,
}

/// A hand-over as recorded; kept as the result of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub id: HandoverId,
    pub account: AccountId,
    pub person: PersonId,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// Whether it was a take.
    pub took: bool,
}

/// Records that the caller takes or releases an account, now.
pub async fn record_handover(app: &App, ctx: &OpContext, command: Command) -> Result<Recorded> {
    let (person, home) = app.caller(ctx).await?;
    let permit = ctx.permit::<RecordHandover>(&home.target(person))?;
    let at = ctx.now();
    mutate(&app.store, ctx, &permit, &command.request, async |mut work: UnitOfWork| {
        let account = account::facts::one(&work, command.account).await?;
        let account = account.ok_or_else(|| Error::not_found("account", command.account))?.id;
        let placed = Placed { home: home.clone(), fact: Handover { account, person, at, kind: command.kind } };
        let id = store::record(&mut work, ctx, &placed)?;
        let took = command.kind == HandoverKind::Take;
        let done = Recorded { id, account, person, at, took };
        let audit = Audit::new("attendance.handover.record", "handover", id).region(&home.region);
        Ok((work, audit.note("account", account).note("took", took), done))
    })
    .await
}

/// Writes the hand-overs that are new.
pub async fn import_handovers(app: &App, ctx: &OpContext, import: Import<Handover>) -> Result<ImportOutcome> {
    ctx.plan::<ImportHandovers>()?;
    let people = app.directory.everybody(ctx).await?;
    let mut refused = import.refused;
    let rows = place(import.rows, &people, &mut refused);
    let (rows, permit) = reached::<ImportHandovers, _>(ctx, rows, &mut refused, Placed::target)?;
    let terms = app.terms(ctx, DUTY, rows.iter().map(|(_, row)| row.fact.at).min()).await?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let fresh = new_ones(app, &work, rows.clone(), (terms.as_ref(), DUTY, ctx.now()), &mut outcome).await?;
        store::insert(&work, ctx, &fresh).await?;
        let audit = bulk_audit("attendance.handover.import", "handovers", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

async fn new_ones(
    app: &App,
    work: &UnitOfWork,
    rows: Rows<Handover>,
    kept: (Option<&Terms>, &'static str, Timestamp),
    outcome: &mut ImportOutcome,
) -> Result<Vec<Placed<Handover>>> {
    let good = account::app::without_unknown(work, rows, |handover| handover.account, outcome).await?;
    let accounts: BTreeSet<AccountId> = good.iter().map(|(_, row)| row.fact.account).collect();
    let instants = || good.iter().map(|(_, row)| row.fact.at);
    let (Some(from), Some(to)) = (instants().min(), instants().max()) else { return Ok(Vec::new()) };
    // Two calls at once must not each write one of two hand-overs that contradict each other.
    work.lock("handovers", Uuid::nil()).await?;
    let exclusive = account::facts::exclusive(work, accounts.iter().copied()).await?;
    let there = store::between(work, accounts, (from, to), None).await?;
    let why = |a: &Handover, b: &Handover| a.contradicts(b, exclusive.contains(&a.account));
    let good = without_known(good, &there, outcome);
    let good = without_removed(good, &there, kept, |handover| (handover.person, handover.at), outcome)?;
    let good = app.without_contradictions(good, &there, |h| h.account, why, outcome);
    Ok(reconcile(good, keyed(&there), outcome).into_iter().map(|(_, row)| row).collect())
}

/// One hand-over, whether it counts or not.
pub async fn get_handover(app: &App, ctx: &OpContext, id: HandoverId) -> Result<Stored<Handover>> {
    let plan = ctx.plan::<GetHandover>()?;
    let tx = app.store.read(ctx).await?;
    store::within(&tx, &plan, id).await?.ok_or_else(|| Error::not_found("handover", id))
}

/// A page of hand-overs of a stretch of time, as far as the caller may see the people, and the token of the next.
pub async fn list_handovers(
    app: &App,
    ctx: &OpContext,
    stretch: (Timestamp, Timestamp),
    asked: Asked,
    page: &Page,
) -> Result<(Vec<Stored<Handover>>, String)> {
    let plan = ctx.plan::<ListHandovers>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, stretch, asked).await
}
