//! Publishing shifts and listing them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_access::OpContext;
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::id::{PersonId, ShiftId};
use tally_kernel::import::{ImportOutcome, Keyed as _, Problem, reconcile, refuse};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result, msg};
use tally_privacy::Terms;
use tally_store::UnitOfWork;
use uuid::Uuid;

use super::domain::Shift;
use super::store;
use crate::account;
use crate::app::{App, DUTY, Rows, place, reached, without_removed};
use crate::placed::{Asked, Placed, Stored, keyed, without_known};
use crate::policy::{GetShift, ListShifts, PublishShifts};

/// Writes the shifts that are new.
pub async fn publish_shifts(app: &App, ctx: &OpContext, import: Import<Shift>) -> Result<ImportOutcome> {
    ctx.plan::<PublishShifts>()?;
    let people = app.directory.everybody(ctx).await?;
    let mut refused = import.refused;
    let rows = place(import.rows, &people, &mut refused);
    let (rows, permit) = reached::<PublishShifts, _>(ctx, rows, &mut refused, Placed::target)?;
    let terms = app.terms(ctx, DUTY, rows.iter().map(|(_, row)| row.fact.end).min()).await?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let of = |shift: &Shift| shift.account;
        let rows = account::app::without_unknown(&work, rows.clone(), of, &mut outcome).await?;
        let fresh = new_ones(&work, rows, (terms.as_ref(), DUTY, ctx.now()), &mut outcome).await?;
        store::insert(&work, ctx, fresh).await?;
        let audit = bulk_audit("attendance.roster.write", "shifts", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

async fn new_ones(
    work: &UnitOfWork,
    rows: Rows<Shift>,
    kept: (Option<&Terms>, &'static str, Timestamp),
    outcome: &mut ImportOutcome,
) -> Result<Vec<Placed<Shift>>> {
    let starts = || rows.iter().map(|(_, row)| row.fact.start);
    let (Some(from), Some(to)) = (starts().min(), starts().max()) else { return Ok(Vec::new()) };
    let people: BTreeSet<PersonId> = rows.iter().map(|(_, row)| row.fact.person).collect();
    // A correction writes a key that may be there already.
    work.lock("shifts", Uuid::nil()).await?;
    let there = store::beginning(work, people, from, to).await?;
    let rows = without_known(rows, &there, outcome);
    let rows = without_cancelled(rows, &there, outcome)?;
    let rows = without_removed(rows, &there, kept, |shift| (shift.person, shift.end), outcome)?;
    Ok(reconcile(rows, keyed(&there), outcome).into_iter().map(|(_, row)| row).collect())
}

/// Takes out the rows of a shift that was cancelled: a roster does not bring it back, whoever plans it again says which one.
fn without_cancelled(rows: Rows<Shift>, there: &[Stored<Shift>], outcome: &mut ImportOutcome) -> Result<Rows<Shift>> {
    let same = |row: &Placed<Shift>| {
        let mut same = there.iter().filter(|stored| stored.placed.key() == row.key());
        let first = same.next()?;
        let cancelled = |stored: &Stored<Shift>| stored.standing.superseded.is_some_and(|out| !out.moved);
        (cancelled(first) && same.all(cancelled)).then_some(first.id)
    };
    refuse(rows, outcome, |index, row| {
        let message = same(row).map(|shift| msg!("SHIFT_CANCELLED", start = row.fact.start, shift));
        Ok(message.map(|message| Problem::new(index, "ALREADY_DIFFERENT", message)))
    })
}

/// One shift, whether it counts or not.
pub async fn get_shift(app: &App, ctx: &OpContext, id: ShiftId) -> Result<Stored<Shift>> {
    let plan = ctx.plan::<GetShift>()?;
    let tx = app.store.read(ctx).await?;
    store::within(&tx, &plan, id).await?.ok_or_else(|| Error::not_found("shift", id))
}

/// A page of the shifts that touch a stretch of time, and the token of the next.
pub async fn list_shifts(
    app: &App,
    ctx: &OpContext,
    stretch: (Timestamp, Timestamp),
    asked: Asked,
    page: &Page,
) -> Result<(Vec<Stored<Shift>>, String)> {
    let plan = ctx.plan::<ListShifts>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, stretch, asked).await
}
