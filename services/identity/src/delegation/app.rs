//! Delegating rights, taking them back, and seeing who delegated what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permission, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{DelegationId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, Delegation, DelegationError, Judged};
use super::store;
use crate::policy::{Delegate, EndDelegation, ListDelegations};
use crate::{App, access, revision, role, session};

#[derive(Clone, Debug)]
pub(crate) struct NewDelegation {
    pub(crate) request: RequestKey,
    pub(crate) delegate: PrincipalId,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Timestamp,
    pub(crate) reason: String,
}

/// A delegation to end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) request: RequestKey,
    pub(crate) id: DelegationId,
}

/// A delegation that was made, and the consistency token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delegated {
    pub(crate) delegation: Delegation,
    pub(crate) consistency_token: String,
}

/// Delegates rights of the caller's own.
///
/// # Errors
/// See [`DelegationError`]; `PERMISSION_DENIED`.
pub(crate) async fn delegate(app: &App, ctx: &OpContext, wanted: &NewDelegation) -> Result<Delegated> {
    let permit = ctx.permit_all::<Delegate>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let delegation = Delegation {
            id: DelegationId(ctx.new_id()),
            delegator: ctx.actor.principal,
            delegate: wanted.delegate,
            permissions: wanted.permissions.iter().map(|p| p.name().to_owned()).collect(),
            from: wanted.from.unwrap_or_else(|| ctx.now()),
            until: wanted.until,
            reason: wanted.reason.clone(),
            ended_at: None,
        };
        let held = held(&work, ctx, wanted.delegate).await?;
        let owns = |permission| ctx.view.owns(permission);
        domain::judge(&delegation, &Judged { now: ctx.now(), owns: &owns, held: &held })?;
        store::insert(&work, ctx, &delegation).await?;
        let consistency_token = revision::facts::advance(&work, ctx, revision).await?;
        let audit = Audit::new("identity.delegation.write", "delegation", delegation.id);
        let audit = audit.note("delegate", wanted.delegate).note("permissions", delegation.permissions.join(" "));
        Ok((work, audit, Delegated { delegation, consistency_token }))
    })
    .await
}

/// All that somebody holds: by grants that run or begin some day, and by delegations.
async fn held(work: &UnitOfWork, ctx: &OpContext, principal: PrincipalId) -> Result<Vec<Permission>> {
    let known = session::facts::get(work, principal).await?.filter(|found| found.holder.is_some());
    known.ok_or(DelegationError::PrincipalUnknown(principal))?;
    let roles = role::facts::all(work).await?;
    let grants = access::facts::of(work, principal).await?;
    let granted = grants.iter().filter_map(|grant| roles.find(&grant.assignment.role)).flat_map(|(held, _)| held);
    let mut held: Vec<Permission> = granted.copied().collect();
    held.extend(store::delegated(work, principal, ctx.now()).await?);
    Ok(held)
}

/// Ends a delegation: who delegated it, who got it, or an administrator. The consistency token.
///
/// # Errors
/// `NOT_FOUND`, `DELEGATION_ENDED`.
pub(crate) async fn end(app: &App, ctx: &OpContext, wanted: &End) -> Result<String> {
    let permit = ctx.permit::<EndDelegation>(&Target::default())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let me = ctx.actor.principal;
        let mine = |d: &Delegation| d.delegator == me || d.delegate == me || administers(ctx);
        let found = store::get(&work, wanted.id).await?.filter(mine);
        let found = found.ok_or(DelegationError::Unknown(wanted.id))?;
        if found.ended_at.is_some() || found.until <= ctx.now() {
            return Err(DelegationError::EndedAlready.into());
        }
        store::end(&work, ctx, wanted.id).await?;
        let token = revision::facts::advance(&work, ctx, revision).await?;
        Ok((work, Audit::new("identity.delegation.end", "delegation", wanted.id), token))
    })
    .await
}

/// Delegations that the caller gave or got; who reads the grants of the group sees everybody's.
///
/// # Errors
/// What the database says.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    of: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<Delegation>, String)> {
    ctx.permit::<ListDelegations>(&Target::default())?;
    let me = ctx.actor.principal;
    let reads_all = administers(ctx) || ctx.may(Permission::GrantRead, &Target::tenant());
    let of = if reads_all { of } else { Some(me).filter(|me| of.is_none_or(|of| of == *me)) };
    match of {
        None if !reads_all => Ok((Vec::new(), String::new())),
        of => Ok(store::list(&*app.store.read(ctx).await?, of, page).await?),
    }
}

fn administers(ctx: &OpContext) -> bool {
    ctx.may(Permission::DelegationAdmin, &Target::tenant())
}
