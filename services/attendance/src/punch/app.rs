//! Punching, bringing in punches, and listing them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::OpContext;
use tally_app::import::{Import, bulk_audit};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{PersonId, PunchId};
use tally_kernel::import::{ImportOutcome, reconcile};
use tally_kernel::page::Page;
use tally_store::{Audit, UnitOfWork};
use uuid::Uuid;

use super::domain::{Facts, Judged, LONGEST, PLANNED, Punch, PunchKind, Reason, Verdict, judge};
use super::store;
use crate::app::{App, DUTY, place, reached, without_removed};
use crate::errors::Refused;
use crate::placed::{Placed, Stored, counting, keyed, without_known};
use crate::policy::{ImportPunches, ListPunches, RecordPunch};
use crate::roster;
use crate::roster::facts::Whose;

/// What a caller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub request: RequestKey,
    pub kind: PunchKind,
    /// What the device's clock said.
    pub device_at: Option<Timestamp>,
}

/// A punch as recorded; kept as the result of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub id: PunchId,
    pub person: PersonId,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// Whether it was an `in`.
    pub came: bool,
    /// What was made of it.
    pub verdict: Verdict,
    pub reasons: Vec<Reason>,
}

/// Records the caller's own punch, now.
pub async fn record_punch(app: &App, ctx: &OpContext, command: Command) -> Result<Recorded> {
    let (person, home) = app.caller(ctx).await?;
    let permit = ctx.permit::<RecordPunch>(&home.target(person))?;
    let at = ctx.now();
    mutate(&app.store, ctx, &permit, &command.request, async |mut work: UnitOfWork| {
        // Two punches at once are judged one after the other.
        work.lock("punch", person.into()).await?;
        let facts = facts(&work, person, at, command.device_at).await?;
        if facts.before.iter().any(|punch| punch.0 == at) {
            return Err(Refused::PunchRepeated.into());
        }
        let (verdict, reasons) = judge(&facts, at, command.kind);
        let placed = Placed { home: home.clone(), fact: Punch { person, at, kind: command.kind } };
        let id = store::record(&mut work, ctx, &placed, verdict, command.device_at)?;
        let came = command.kind == PunchKind::In;
        let done = Recorded { id, person, at, came, verdict, reasons };
        let audit = Audit::new("attendance.punch.record", "punch", id).region(&home.region);
        Ok((work, audit.note("verdict", verdict).note("came", came), done))
    })
    .await
}

async fn facts(work: &UnitOfWork, person: PersonId, at: Timestamp, device_at: Option<Timestamp>) -> Result<Facts> {
    let since = |back| at.saturating_sub(back).unwrap_or(Timestamp::MIN);
    let before = store::between(work, Some(vec![person]), (since(LONGEST), at), None).await?;
    let until = at.saturating_add(PLANNED).unwrap_or(Timestamp::MAX);
    let shifts = roster::facts::touching(work, Whose::People(vec![person]), (since(PLANNED), until), None).await?;
    Ok(Facts {
        before: counting(before).map(|(p, _)| (p.at, p.kind)).collect(),
        shifts: counting(shifts).map(|(s, _)| (s.start, s.end)).collect(),
        device_at,
    })
}

/// Writes the punches that are new.
pub async fn import_punches(app: &App, ctx: &OpContext, import: Import<Punch>) -> Result<ImportOutcome> {
    ctx.plan::<ImportPunches>()?;
    let people = app.directory.everybody(ctx).await?;
    let mut refused = import.refused;
    let rows = place(import.rows, &people, &mut refused);
    let (rows, permit) = reached::<ImportPunches, _>(ctx, rows, &mut refused, Placed::target)?;
    let terms = app.terms(ctx, DUTY, rows.iter().map(|(_, row)| row.fact.at).min()).await?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        // Two calls at once must not each write one of two punches that contradict each other.
        work.lock("punches", Uuid::nil()).await?;
        let there = there(&work, &rows).await?;
        let rows = without_known(rows.clone(), &there, &mut outcome);
        let rows = without_removed(
            rows,
            &there,
            (terms.as_ref(), DUTY, ctx.now()),
            |punch| (punch.person, punch.at),
            &mut outcome,
        )?;
        let rows = app.without_contradictions(rows, &there, |p| p.person, Punch::contradicts, &mut outcome);
        let fresh: Vec<_> = reconcile(rows, keyed(&there), &mut outcome).into_iter().map(|(_, row)| row).collect();
        store::insert(&work, ctx, &fresh).await?;
        let audit = bulk_audit("attendance.punch.import", "punches", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

async fn there(work: &UnitOfWork, rows: &[(u32, Placed<Punch>)]) -> Result<Vec<Stored<Punch>>> {
    let instants = || rows.iter().map(|(_, row)| row.fact.at);
    let (Some(from), Some(to)) = (instants().min(), instants().max()) else { return Ok(Vec::new()) };
    let people: BTreeSet<PersonId> = rows.iter().map(|(_, row)| row.fact.person).collect();
    store::between(work, Some(people.into_iter().collect()), (from, to), None).await
}

/// A page of punches of a stretch of time, of one person or of all that the caller may see, as known at an instant or now.
pub async fn list_punches(
    app: &App,
    ctx: &OpContext,
    stretch: (Timestamp, Timestamp),
    of: (Option<PersonId>, Option<Timestamp>),
    page: &Page,
) -> Result<(Vec<Stored<Judged>>, String)> {
    let plan = ctx.plan::<ListPunches>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, stretch, of).await
}
