//! What is odd about one person, and putting right what is odd.

use serde::{Deserialize, Serialize};
use tally_access::OpContext;
use tally_app::{RequestKey, mutate};
use tally_engine::closing::facts::Fix;
use tally_kernel::id::{AttributionRunId, FindingId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::Audit;

use crate::credit::app::without_others;
use crate::credit::domain::fixes::{Move, Own};
use crate::credit::facts::Found;
use crate::cycle::app::close_cycle;
use crate::peers::fixes::{Mended, Why};
use crate::policy::{ApplyFix, GetFinding, ListPersonFindings};
use crate::record::app::{Mending, move_record};
use crate::record::domain::Source;
use crate::run::facts as runs;
use crate::{App, credit};

/// A page of what is odd about a person, by kind, subject and instant, and the run that it is of: the newest that is done and tells
/// anything of the person.
pub async fn of_person(
    app: &App,
    ctx: &OpContext,
    person: PersonId,
    page: &Page,
) -> Result<(Vec<Found>, String, Option<AttributionRunId>)> {
    let plan = ctx.plan::<ListPersonFindings>()?;
    let (found, next, run) = {
        let tx = app.store.read(ctx).await?;
        let about = credit::facts::runs_about(&tx, &plan, person).await?;
        let Some(run) = runs::newest_done(&tx, about).await? else { return Ok((Vec::new(), String::new(), None)) };
        let (found, next) = credit::facts::findings(&tx, &plan, vec![run.0], Some(person), page).await?;
        (found, next, run)
    };
    Ok((without_others(app, ctx, &plan, found).await?, next, Some(run)))
}

/// One finding.
pub async fn one(app: &App, ctx: &OpContext, id: FindingId) -> Result<Found> {
    let plan = ctx.plan::<GetFinding>()?;
    let found = {
        let tx = app.store.read(ctx).await?;
        credit::facts::finding(&tx, &plan, id).await?
    };
    let found = without_others(app, ctx, &plan, found.into_iter().collect()).await?.pop();
    found.ok_or_else(|| Error::not_found("finding", id))
}

/// What was sent for a finding, and the answer where another service gave one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Applied {
    pub fix: Fix,
    pub answer: String,
}

/// Sends the fix of a finding as the caller's own call: by the caller's own rights, whatever room or service it is of.
pub async fn apply(app: &App, ctx: &OpContext, request: &RequestKey, id: FindingId, why: &Why) -> Result<Applied> {
    let plan = ctx.plan::<ApplyFix>()?;
    let found = {
        let tx = app.store.read(ctx).await?;
        credit::facts::finding(&tx, &plan, id).await?
    };
    let Some(found) = found else {
        // A cycle that was closed again has other findings.
        return done_before(app, ctx, request).await?.ok_or_else(|| Error::not_found("finding", id));
    };
    let permit = ctx.permit::<ApplyFix>(&found.target())?;
    let nothing = || Error::of(Kind::FailedPrecondition, msg!("FINDING_WITHOUT_FIX", kind = found.finding.kind));
    let fix = found.finding.fix.clone().ok_or_else(nothing)?;
    let applied = send(app, ctx, fix, why).await?;
    let kept = mutate(&app.store, ctx, &permit, request, async |work| {
        let audit = Audit::new("performance.finding.apply_fix", "finding", id).region(&found.place.region);
        let audit = found.place.person.into_iter().fold(audit, Audit::about);
        let Fix { service, method, .. } = &applied.fix;
        Ok((
            work,
            audit.note("kind", &found.finding.kind).note("rpc", format!("{service}/{method}")),
            Some(applied.clone()),
        ))
    });
    // Nothing was kept of what was done before answers were.
    Ok(kept.await?.unwrap_or(applied))
}

/// What the same request of the same caller came to before.
async fn done_before(app: &App, ctx: &OpContext, request: &RequestKey) -> Result<Option<Applied>> {
    let mut work = app.store.unit(ctx, &ctx.permit_all::<ApplyFix>([])?).await?;
    Ok(request.first_result::<Option<Applied>>(&mut work).await?.flatten())
}

/// A finding stays until it is looked for anew, so it may be mended twice.
fn done_already(refused: Error) -> Error {
    let is_so = refused.reason() == msg!("NOTHING_CHANGES").reason();
    if is_so { Error::of(refused.kind(), msg!("NOTHING_CHANGES.fix")) } else { refused }
}

async fn send(app: &App, ctx: &OpContext, fix: Fix, why: &Why) -> Result<Applied> {
    let body = [fix.request.as_bytes(), why.reason.as_bytes()].concat();
    let request = RequestKey::new(why.request_id.clone(), &body);
    match Own::read(&fix)? {
        None => {
            let Mended { request, answer } = app.peers.mend(ctx, &fix, why).await.map_err(done_already)?;
            return Ok(Applied { fix: Fix { request, ..fix }, answer });
        }
        Some(Own::Move(asked)) => {
            let Move { account_id, region, unit_id, external_id, to_account_id, to_region, to_unit_id } = asked;
            let of = Source { account: account_id, region, unit: unit_id };
            let to = Source { account: to_account_id, region: to_region, unit: to_unit_id };
            let mending = Mending { of, external_id, reason: why.reason.clone() };
            move_record(app, ctx, &request, &mending, &to).await.map(drop)?;
        }
        Some(Own::Close(cycle)) => close_cycle(app, ctx, &request, cycle, None).await.map(drop)?,
    }
    Ok(Applied { fix, answer: String::new() })
}
