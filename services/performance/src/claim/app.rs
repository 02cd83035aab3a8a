//! Claiming dialogues, bringing claims in, reading them and taking them back.

use std::collections::BTreeMap;
use std::slice;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::OpContext;
use tally_app::import::{Import, bulk_audit, reached};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{AccountId, ClaimId};
use tally_kernel::import::{ImportOutcome, Problem, refuse};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_privacy::Removed;
use tally_store::{Audit, UnitOfWork};

use super::domain::{Claim, Placed, There, fresh};
use super::store::{self, Asked, Stored};
use crate::App;
use crate::policy::{ImportClaims, ListClaims, MakeClaim, WithdrawClaim};
use crate::record::domain::{KEPT_AS, Source};
use crate::record::facts::{self as records, What};

/// What a caller claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub request: RequestKey,
    pub account: AccountId,
    /// Empty where no record is named.
    pub external_id: String,
    /// Empty where no customer is named.
    pub customer: String,
}

/// A claim as it was made; kept as the result of the request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Made {
    id: ClaimId,
    at_ms: i64,
    recorded_at: Timestamp,
}

/// Claims a dialogue for the caller, now.
pub async fn make_claim(app: &App, ctx: &OpContext, command: Command) -> Result<Stored> {
    ctx.plan::<MakeClaim>()?;
    let no_person = || Error::of(Kind::FailedPrecondition, msg!("NO_PERSON.claiming"));
    let person = ctx.actor.person().ok_or_else(no_person)?;
    let Command { request, account, external_id, customer } = command;
    let known = app.peers.accounts(ctx).await?.into_iter().find(|known| known.id == account);
    let of = known.ok_or_else(|| Error::not_found("account", account))?;
    let of = Source { account, region: of.region, unit: of.unit };
    let claim = Claim { account, person, at_ms: ctx.now().as_millisecond(), external_id, customer };
    let placed = Placed { claim, of };
    let permit = ctx.permit::<MakeClaim>(&placed.target()?)?;
    let made = mutate(&app.store, ctx, &permit, &request, async |work| {
        let audit = Audit::new("performance.claim.make", "account", account).region(&placed.of.region);
        let audit = audit.about(person);
        if let Some(Stored { id, recorded_at, .. }) = store::same(&work, &placed.claim).await? {
            return Ok((work, audit.note("claim", id), Made { id, at_ms: placed.claim.at_ms, recorded_at }));
        }
        let recorded_at = ctx.now();
        let ids = store::insert(&work, ctx, slice::from_ref(&placed), recorded_at).await?;
        note(&work, ctx, slice::from_ref(&placed)).await?;
        let id = ids.into_iter().next().ok_or_else(|| Error::internal("a claim without an id"))?;
        Ok((work, audit.note("claim", id), Made { id, at_ms: placed.claim.at_ms, recorded_at }))
    })
    .await?;
    let claim = Claim { at_ms: made.at_ms, ..placed.claim };
    Ok(Stored { id: made.id, placed: Placed { claim, ..placed }, recorded_at: made.recorded_at, end: None })
}

/// Writes the claims that are new. One of somebody or on an account that is not known, or is beyond reach, is refused by itself.
pub async fn import_claims(app: &App, ctx: &OpContext, import: Import<Claim>) -> Result<ImportOutcome> {
    ctx.plan::<ImportClaims>()?;
    let Import { request, rows, mut refused } = import;
    let rows = placed(app, ctx, rows, &mut refused).await?;
    let beyond = |index, row: &Placed| {
        Problem::new(index, "CLAIM_OUT_OF_REACH", msg!("CLAIM_OUT_OF_REACH", account = row.of.account))
    };
    let (rows, permit) = reached::<ImportClaims, _>(ctx, rows, &mut refused, Placed::target, beyond)?;
    let oldest = rows.iter().min_by_key(|(_, row)| row.claim.at_ms).map(|(_, row)| row.claim.at()).transpose()?;
    let terms = app.kept.terms(ctx, oldest).await?;
    mutate(&app.store, ctx, &permit, &request, async |work| {
        let mut outcome = refused.clone();
        let there = store::there(&work, rows.iter().map(|(_, row)| row)).await?;
        let removed = Removed::of(terms.as_ref(), KEPT_AS, ctx.now());
        let rows = without_removed(rows.clone(), &there, &removed, &mut outcome)?;
        let new = fresh(rows, &there, &mut outcome)?;
        store::insert(&work, ctx, &new, ctx.now()).await?;
        note(&work, ctx, &new).await?;
        let audit = bulk_audit("performance.claim.import", "claims", &request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// The claims with the places of their accounts.
async fn placed(
    app: &App,
    ctx: &OpContext,
    rows: Vec<(u32, Claim)>,
    refused: &mut ImportOutcome,
) -> Result<Vec<(u32, Placed)>> {
    let (accounts, people) = futures::try_join!(app.peers.accounts(ctx), app.directory.everybody(ctx))?;
    let homes: BTreeMap<AccountId, _> = accounts.into_iter().map(|of| (of.id, (of.region, of.unit))).collect();
    let mut placed = Vec::with_capacity(rows.len());
    for (index, claim) in rows {
        let at = claim.at()?;
        if people.get(claim.person).and_then(|person| person.home_at(at)).is_none() {
            let message = msg!("PERSON_UNKNOWN", id = claim.person);
            refused.problems.push(Problem::new(index, "PERSON_UNKNOWN", message));
            continue;
        }
        let Some((region, unit)) = homes.get(&claim.account) else {
            let message = msg!("ACCOUNT_UNKNOWN", id = claim.account);
            refused.problems.push(Problem::new(index, "ACCOUNT_UNKNOWN", message));
            continue;
        };
        let of = Source { account: claim.account, region: region.clone(), unit: *unit };
        placed.push((index, Placed { claim, of }));
    }
    Ok(placed)
}

/// Refuses the claims that are not there and of whose time nothing would be kept.
fn without_removed(
    rows: Vec<(u32, Placed)>,
    there: &There,
    removed: &Removed<'_>,
    outcome: &mut ImportOutcome,
) -> Result<Vec<(u32, Placed)>> {
    refuse(rows, outcome, |index, row| {
        let day = removed.before(Some(row.claim.person), row.claim.at()?)?;
        let gone = day.filter(|_| !there.contains_key(&row.claim.digest()));
        Ok(gone.map(|day| Problem::new(index, "PERIOD_PURGED", msg!("PERIOD_PURGED.row", day, kind = KEPT_AS))))
    })
}

/// Notes on which accounts claims came or went: whoever computed with them finds what is another now.
async fn note(work: &UnitOfWork, ctx: &OpContext, claims: &[Placed]) -> Result<()> {
    let each = claims.iter().map(|Placed { claim, of }| (of.clone(), claim.at_ms));
    records::note_each(work, ctx, What::Claimed, each).await
}

/// A page of claims on an account, by the time they were made.
pub async fn list_claims(app: &App, ctx: &OpContext, asked: &Asked, page: &Page) -> Result<(Vec<Stored>, String)> {
    let plan = ctx.plan::<ListClaims>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, asked, page).await
}

/// Takes back a claim that should not have been made: what it said.
pub async fn withdraw_claim(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: ClaimId,
    reason: &str,
) -> Result<Stored> {
    let plan = ctx.plan::<WithdrawClaim>()?;
    let found = { store::find(&*app.store.read(ctx).await?, &plan, id).await? };
    let permit = ctx.permit::<WithdrawClaim>(&found.placed.target()?)?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        store::withdraw(&work, ctx, id, reason).await?;
        note(&work, ctx, slice::from_ref(&found.placed)).await?;
        let audit = Audit::new("performance.claim.withdraw", "claim", id).region(&found.placed.of.region);
        Ok((work, audit.about(found.placed.claim.person), ()))
    })
    .await?;
    Ok(found)
}
