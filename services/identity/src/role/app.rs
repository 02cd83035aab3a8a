//! Defining, retiring and listing roles.

use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Permission, Target, roles};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::PrincipalId;
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, Judged, OwnRole, RoleError, RoleHolder, RoleRecord, Roles};
use super::store;
use crate::access::domain::{Grant, any_administrator};
use crate::policy::{DefineRole, ListRoles, RetireRole};
use crate::{App, access, delegation, revision, tenant};

/// A role to define or change.
#[derive(Clone, Debug)]
pub(crate) struct Define {
    pub(crate) request: RequestKey,
    pub(crate) role: OwnRole,
    pub(crate) reason: String,
}

/// A role to retire.
#[derive(Clone, Debug)]
pub(crate) struct Retire {
    pub(crate) request: RequestKey,
    pub(crate) name: String,
}

/// A role that was defined, and the consistency token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Defined {
    pub(crate) role: RoleRecord,
    pub(crate) consistency_token: String,
}

/// Defines a role of the group's own, or changes it for everybody who has it.
///
/// # Errors
/// See [`RoleError`]; `PERMISSION_DENIED`.
pub(crate) async fn define(app: &App, ctx: &OpContext, wanted: &Define) -> Result<Defined> {
    let permit = ctx.permit::<DefineRole>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let roles = store::all(&work).await?;
        let role = judge(&work, ctx, &roles, &wanted.role).await?;
        store::write(&work, ctx, &role, &wanted.reason).await?;
        let consistency_token = revision::facts::advance(&work, ctx, revision).await?;
        let audit = Audit::new("identity.role.define", "role", &role.name).note("version", role.version);
        Ok((work, audit, Defined { role: (&role).into(), consistency_token }))
    })
    .await
}

async fn judge(work: &UnitOfWork, ctx: &OpContext, roles: &Roles, wanted: &OwnRole) -> Result<OwnRole> {
    let today = tenant::facts::today(work, ctx).await?;
    let grants = access::facts::held(work).await?;
    let lasting: Vec<_> = grants.iter().filter(|g| g.assignment.valid_to.is_none_or(|last| last >= today)).collect();
    let mut holders = Vec::new();
    for principal in having(&lasting, &wanted.name) {
        let of = lasting.iter().filter(|g| g.principal == principal).map(|g| g.assignment.role.clone());
        let delegated = delegation::facts::delegated(work, principal, ctx.now()).await?;
        holders.push(RoleHolder { principal, roles: of.collect(), delegated });
    }
    let judged = Judged {
        roles,
        holders: &holders,
        administrators: &|roles| any_administrator(&grants, roles, today),
        author: ctx.actor.principal,
        may: &|permission: Permission| ctx.may(permission, &Target::tenant()),
    };
    Ok(domain::judge(wanted, &judged)?)
}

fn having(grants: &[&Grant], role: &str) -> Vec<PrincipalId> {
    let mut principals: Vec<_> = grants.iter().filter(|g| g.assignment.role == role).map(|g| g.principal).collect();
    principals.sort_unstable();
    principals.dedup();
    principals
}

/// Retires a role that nobody has any more: the consistency token.
///
/// # Errors
/// `ROLE_UNKNOWN`, `ROLE_IN_USE`; `PERMISSION_DENIED`.
pub(crate) async fn retire(app: &App, ctx: &OpContext, wanted: &Retire) -> Result<String> {
    let permit = ctx.permit::<RetireRole>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let roles = store::all(&work).await?;
        if !roles.own().iter().any(|role| role.name == wanted.name) {
            return Err(RoleError::Unknown(wanted.name.clone()).into());
        }
        let today = tenant::facts::today(&work, ctx).await?;
        let held = access::facts::with_roles(&work, std::slice::from_ref(&wanted.name)).await?;
        let held = held.iter().filter(|g| g.assignment.valid_to.is_none_or(|last| last >= today)).count();
        if held > 0 {
            return Err(RoleError::InUse(held).into());
        }
        store::supersede(&work, ctx, &wanted.name).await?;
        let token = revision::facts::advance(&work, ctx, revision).await?;
        Ok((work, Audit::new("identity.role.retire", "role", &wanted.name), token))
    })
    .await
}

/// The roles that can be given, by name.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext) -> Result<Vec<RoleRecord>> {
    ctx.plan::<ListRoles>()?;
    let own = store::all(&*app.store.read(ctx).await?).await?;
    let ready = roles::READY.iter().map(|role| RoleRecord {
        name: role.name.to_owned(),
        description: String::new(),
        permissions: role.permissions.iter().map(|p| p.name().to_owned()).collect(),
        scopes: role.scopes.iter().map(|s| s.to_string()).collect(),
        ready: true,
        version: 0,
    });
    let mut all: Vec<_> = ready.chain(own.own().iter().map(Into::into)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}
