//! Bringing in observations, reading them, and taking them out.

use tally_access::{OpContext, Rpc};
use tally_app::import::{Import, bulk_audit, reached};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::ObservationId;
use tally_kernel::import::{ImportOutcome, Problem, refuse};
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_privacy::Removed;
use tally_store::Audit;

use super::domain::{Placed, RowError, Said, There, revise};
use super::place;
use super::store::{self, Asked, Version};
use crate::App;
use crate::policy::{ListObservations, WithdrawObservation};
use crate::record::domain::KEPT_AS;

/// Writes observations, for an import or a part of a stream. What is there already with the same content is left alone, a higher
/// revision is a new version of what is there, anything else that differs is refused row by row, as is what is beyond reach.
pub async fn import<R: Rpc>(app: &App, ctx: &OpContext, import: Import<Said>) -> Result<ImportOutcome> {
    ctx.plan::<R>()?;
    let mut refused = import.refused;
    let rows = place::placed(app, ctx, import.rows, &mut refused).await?;
    let beyond = |index, row: &Placed| {
        Problem::new(index, "OBSERVATION_OUT_OF_REACH", msg!("OBSERVATION_OUT_OF_REACH", name = row.name()))
    };
    let (rows, permit) = reached::<R, _>(ctx, rows, &mut refused, |row| Ok(row.target()), beyond)?;
    let oldest = rows.iter().min_by_key(|(_, row)| row.ended_ms).map(|(_, row)| row.ended()).transpose()?;
    let terms = app.kept.terms(ctx, oldest).await?;
    mutate(&app.store, ctx, &permit, &import.request, async |work| {
        let mut outcome = refused.clone();
        store::lock(&work).await?;
        let there = store::there(&work, &rows).await?;
        let removed = Removed::of(terms.as_ref(), KEPT_AS, ctx.now());
        let rows = without_removed(rows.clone(), &there, &removed, &mut outcome)?;
        let plan = revise(&rows, there, &mut outcome);
        store::apply(&work, ctx, plan).await?;
        let audit = bulk_audit("performance.observation.import", "observations", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// Refuses the rows that are not there and of which nothing would be kept. What is there, whatever it says, is judged as ever.
fn without_removed(
    rows: Vec<(u32, Placed)>,
    there: &There,
    removed: &Removed<'_>,
    outcome: &mut ImportOutcome,
) -> Result<Vec<(u32, Placed)>> {
    refuse(rows, outcome, |index, row| {
        let gone = removed.before(row.person, row.ended()?)?.filter(|_| !there.contains_key(&row.key()));
        let wrong = gone.map(|day| RowError::Purged(row.name(), day));
        Ok(wrong.map(|wrong| Problem::new(index, wrong.reason(), wrong.message())))
    })
}

/// A page of observations, by their last day.
pub async fn list_observations(
    app: &App,
    ctx: &OpContext,
    asked: &Asked,
    page: &Page,
) -> Result<(Vec<Version>, String)> {
    let plan = ctx.plan::<ListObservations>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, asked, page).await
}

/// Takes out an observation that should not be there: what it said.
pub async fn withdraw_observation(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: ObservationId,
    reason: &str,
) -> Result<Placed> {
    let plan = ctx.plan::<WithdrawObservation>()?;
    let found = { store::find(&*app.store.read(ctx).await?, &plan, id).await? };
    let permit = ctx.permit::<WithdrawObservation>(&found.placed.target())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        store::withdraw(&work, ctx, id, reason).await?;
        let audit = Audit::new("performance.observation.withdraw", "observation", id).region(&found.placed.region);
        let audit = if let Some(person) = found.placed.person { audit.about(person) } else { audit };
        Ok((work, audit.note("measure", &found.placed.said.measure), ()))
    })
    .await?;
    Ok(found.placed)
}
