//! Giving roles, taking them away, and the views that follow.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tally_access::{Assignment, OpContext, Permission, Target, View};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{GrantId, PrincipalId, SessionId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, ScopedTx};

use super::domain::{self, AccessError, Facts, Giver, Grant, GrantRecord, Receiver};
use super::store;
use crate::person::domain::Key;
use crate::policy::{GetView, GrantRole, ListGrants, RevokeGrant};
use crate::session::domain::LoginName;
use crate::{App, delegation, org, person, reporting, revision, role, session, tenant};

/// A role to give.
#[derive(Clone, Debug)]
pub(crate) struct Give {
    pub(crate) request: RequestKey,
    pub(crate) to: To,
    pub(crate) assignment: Assignment,
    pub(crate) reason: String,
}

/// Who is to have a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Principal(PrincipalId),
    Login(LoginName),
}

/// A grant to take away.
#[derive(Clone, Debug)]
pub(crate) struct Revoke {
    pub(crate) request: RequestKey,
    pub(crate) grant: GrantId,
    pub(crate) reason: String,
}

/// A grant that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) grant: GrantRecord,
    pub(crate) consistency_token: String,
}

/// Gives a role on a scope.
///
/// # Errors
/// See [`AccessError`]; `PERMISSION_DENIED` when the caller gives no roles there.
pub(crate) async fn grant(app: &App, ctx: &OpContext, wanted: &Give) -> Result<Given> {
    let permit = ctx.permit_all::<GrantRole>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let held = revision::facts::hold(&work, ctx).await?;
        let group = tenant::facts::get(&work).await?;
        let tree = org::facts::tree(&work).await?;
        let (roles, today) = (role::facts::all(&work).await?, group.day(ctx.now())?);
        let facts = Facts { tree: &tree, regions: &group.regions, roles: &roles, today };
        let principal = match &wanted.to {
            To::Principal(id) => *id,
            To::Login(name) => {
                let found = session::facts::of_login(&work, name).await?;
                found.ok_or_else(|| AccessError::LoginUnknown(name.as_str().to_owned()))?.id
            }
        };
        let receiver = receiver(&work, ctx, principal).await?;
        let targets = domain::targets(&wanted.assignment.scope, &receiver, &facts)?;
        ctx.permit_all::<GrantRole>(targets.iter().cloned())?;
        let giver = Giver { principal: ctx.actor.principal, view: &ctx.view };
        domain::judge(giver, &receiver, &wanted.assignment, &targets, &facts)?;
        let grant = Grant {
            id: GrantId(ctx.new_id()),
            principal,
            assignment: wanted.assignment.clone(),
            reason: wanted.reason.clone(),
            granted_by: ctx.actor.principal,
            recorded_at: ctx.now(),
        };
        store::insert(&work, ctx, &grant, &domain::place(&grant.assignment.scope, &targets)).await?;
        let consistency_token = revision::facts::advance(&work, ctx, held).await?;
        let audit = Audit::new("identity.grant.write", "grant", grant.id).note("role", &grant.assignment.role);
        let given = Given { grant: (&grant).into(), consistency_token };
        Ok((work, about(audit, &receiver).note("principal", grant.principal), given))
    })
    .await
}

/// Takes a grant away: the consistency token of the change.
///
/// # Errors
/// `NOT_FOUND`, `REVOKED_ALREADY`, `LAST_ADMINISTRATOR`; `PERMISSION_DENIED` when the caller gives no roles there.
pub(crate) async fn revoke(app: &App, ctx: &OpContext, wanted: &Revoke) -> Result<String> {
    let permit = ctx.permit_all::<RevokeGrant>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let held = revision::facts::hold(&work, ctx).await?;
        let unknown = || AccessError::GrantUnknown(wanted.grant);
        let (grant, revoked) = store::get(&work, wanted.grant).await?.ok_or_else(unknown)?;
        let group = tenant::facts::get(&work).await?;
        let tree = org::facts::tree(&work).await?;
        let (roles, today) = (role::facts::all(&work).await?, group.day(ctx.now())?);
        let facts = Facts { tree: &tree, regions: &group.regions, roles: &roles, today };
        let receiver = receiver(&work, ctx, grant.principal).await?;
        // A scope whose unit is gone today is the group's business.
        let gone = |_| vec![Target::tenant()];
        let targets = domain::targets(&grant.assignment.scope, &receiver, &facts).unwrap_or_else(gone);
        ctx.permit_all::<RevokeGrant>(targets).map_err(|_| unknown())?;
        if revoked {
            return Err(AccessError::RevokedAlready.into());
        }
        let admins = store::with_roles(&work, &roles.giving(Permission::GrantAny)).await?;
        let admins = admins.iter().filter(|g| domain::makes_administrator(&g.assignment, &roles, today)).map(|g| g.id);
        domain::judge_revoke(&grant, &admins.collect::<Vec<_>>())?;
        store::revoke(&work, ctx, grant.id, &wanted.reason).await?;
        let token = revision::facts::advance(&work, ctx, held).await?;
        let audit = Audit::new("identity.grant.revoke", "grant", grant.id).note("role", &grant.assignment.role);
        Ok((work, about(audit, &receiver).note("principal", grant.principal), token))
    })
    .await
}

/// What is done to the rights of somebody is about the person.
fn about(audit: Audit, receiver: &Receiver) -> Audit {
    audit.about_all(receiver.person.as_ref().map(|(person, ..)| *person))
}

/// Grants in the caller's reach, newest first.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reaches none.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    principal: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<GrantRecord>, String)> {
    let plan = ctx.plan::<ListGrants>()?;
    let (grants, next) = store::list(&*app.store.read(ctx).await?, &plan, principal, page).await?;
    Ok((grants.iter().map(Into::into).collect(), next))
}

/// A principal's view in a session, or for work that nobody signed in for, for a service of the same group.
///
/// # Errors
/// `PERMISSION_DENIED` for anybody but a service, and for another group; `NOT_FOUND` for no principal; `SESSION_ENDED`.
pub(crate) async fn view(
    app: &App,
    ctx: &OpContext,
    tenant: TenantId,
    principal: PrincipalId,
    session: Option<SessionId>,
) -> Result<Arc<View>> {
    ctx.permit::<GetView>(&Target::tenant())?;
    if tenant != ctx.tenant() {
        return Err(Error::of(Kind::PermissionDenied, msg!("PERMISSION_DENIED.other_group")));
    }
    let view = match session {
        Some(session) => app.views.in_session(tenant, principal, session).await?,
        None => app.views.of(tenant, principal).await?,
    };
    view.ok_or_else(|| AccessError::PrincipalUnknown(principal).into())
}

/// A principal with its person and what it holds.
///
/// # Errors
/// `NOT_FOUND` for no principal, and for a service of the suite.
pub(crate) async fn receiver(tx: &ScopedTx, ctx: &OpContext, id: PrincipalId) -> Result<Receiver> {
    let found = session::facts::get(tx, id).await?;
    let principal = found.filter(|p| p.holder.is_some()).ok_or(AccessError::PrincipalUnknown(id))?;
    let (mut person, mut reports) = (None, Vec::new());
    if let Some(about) = principal.person() {
        let today = tenant::facts::today(tx, ctx).await?;
        let found = person::facts::get(tx, &Key::Id(about)).await?;
        person = found.as_ref().and_then(|p| p.home(today)).map(|home| (about, home.region.clone(), Some(home.unit)));
        reports = reporting::facts::reports(tx, about, today).await?.into_values().collect();
    }
    let delegated = delegation::facts::delegated(tx, id, ctx.now()).await?;
    Ok(Receiver { principal: id, person, reports, grants: store::of(tx, id).await?, delegated })
}
