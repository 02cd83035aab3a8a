//! Making the group, changing it, and reading it.

use serde::{Deserialize, Serialize};
use tally_access::four_eyes::Hands;
use tally_access::roles::{self, SERVICES};
use tally_access::{Actor, Assignment, Condition, OpContext, Region, Rpc, Scope, Target, service_principal};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{GrantId, OrgUnitId, PrincipalId, TenantId};
use tally_rpc::Keys as _;
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, Change, Tenant, TenantError};
use super::{invitation, store};
use crate::access::domain::Grant;
use crate::org::domain::{ALWAYS, State, UnitKind};
use crate::policy::{GetTenant, InitTenant};
use crate::session::domain::{Holder, LoginName, Password, Principal, hash_chosen};
use crate::{App, access, events, hold, org, revision, session};

/// A group to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewTenant {
    /// Of the request without the password.
    pub(crate) request: RequestKey,
    /// Its id, where another region's stack made the group before.
    pub(crate) id: Option<TenantId>,
    /// What lets it into a store that holds another group.
    pub(crate) invitation: Option<String>,
    pub(crate) name: String,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// IANA zone.
    pub(crate) zone: String,
    /// Regions, at least one.
    pub(crate) regions: Vec<Region>,
    /// Sign-in name of the first administrator.
    pub(crate) admin_login: LoginName,
    /// Password of the first administrator.
    pub(crate) admin_password: Password,
}

/// A group that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Initialised {
    pub(crate) tenant: Tenant,
    pub(crate) admin: PrincipalId,
}

/// Makes the group, its root unit, its first administrator and the principals of the services: on an empty store, or by an
/// invitation.
///
/// # Errors
/// `PASSWORD_WEAK`; `REGION_NOT_SERVED` when the group has none of the regions of this stack; `INVITATION_INVALID`,
/// `INVITATION_EXPIRED` and `INVITED_ANOTHER`; `INITIALISED_ALREADY` when the store holds the group, or another one and
/// nobody was invited, and this is not the request that made it.
pub(crate) async fn init(app: &App, ctx: &OpContext, wanted: NewTenant) -> Result<Initialised> {
    let invited = match &wanted.invitation {
        Some(invitation) => Some(invited(app, ctx, invitation, wanted.id).await?),
        None => None,
    };
    let entry = invited.map_or_else(|| store::GROUP.to_owned(), store::entry);
    let there = store::look_up(&app.store, &entry).await?;
    let first = store::look_up(&app.store, store::GROUP).await?.is_none();
    let made = || invited.or(wanted.id).unwrap_or_else(|| TenantId(ctx.new_id()));
    let tenant = there.map_or_else(made, |(tenant, _)| tenant);
    // Whoever calls is nobody yet; the group is the one about to be made, or the one whose first request may come again.
    let ctx = &OpContext { actor: Actor { tenant, ..Actor::nobody() }, ..ctx.clone() };
    let permit = ctx.permit::<InitTenant>(&Target::tenant())?;
    if let Some(elsewhere) = wanted.regions.first().filter(|_| !wanted.regions.iter().any(|r| ctx.regions.serve(r))) {
        return Err(ctx.regions.refuse(elsewhere));
    }
    let (password, salt) = (wanted.admin_password.clone(), ctx.rng.bytes());
    let about = [wanted.admin_login.as_str().to_owned(), wanted.name.clone()];
    let hash = match there {
        Some(_) => String::new(),
        None => app.compute.run("password", move || hash_chosen(&password, &about, salt)).await??,
    };
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        if there.is_some() {
            let used = invited.map(|_| TenantError::InvitationUsed);
            return Err(used.unwrap_or(TenantError::InitialisedAlready).into());
        }
        let made = write(&work, ctx, &wanted, &hash, first).await?;
        Ok((work, Audit::new("identity.tenant.init", "tenant", tenant), made))
    })
    .await
}

/// The group that the invitation lets in.
async fn invited(app: &App, ctx: &OpContext, invitation: &str, id: Option<TenantId>) -> Result<TenantId> {
    let invalid = || tally_kernel::Error::from(TenantError::InvitationInvalid);
    let kid = tally_rpc::key_id(invitation).map_err(|_| invalid())?;
    let key = app.keys.key(&kid).await?.ok_or_else(invalid)?;
    let tenant = invitation::open(invitation, &key, ctx.now())?;
    if id.is_some_and(|id| id != tenant) { Err(TenantError::InvitedAnother.into()) } else { Ok(tenant) }
}

async fn write(work: &UnitOfWork, ctx: &OpContext, wanted: &NewTenant, hash: &str, first: bool) -> Result<Initialised> {
    let tenant = Tenant {
        id: ctx.tenant(),
        name: wanted.name.clone(),
        currency: wanted.currency.clone(),
        zone: wanted.zone.clone(),
        regions: wanted.regions.clone(),
        created_at: ctx.now(),
        suspended: None,
        deleted_at: None,
    };
    let admin = PrincipalId(ctx.new_id());
    store::insert(work, &tenant, admin, first).await?;
    let root = State {
        row: ctx.new_id(),
        unit: OrgUnitId(ctx.new_id()),
        parent: None,
        name: tenant.name.clone(),
        kind: UnitKind::Group,
        region: Region::global(),
        from: ALWAYS,
        to: None,
        into: None,
    };
    org::facts::insert(work, ctx, ctx.now(), &[root]).await?;
    let login = Principal {
        id: admin,
        name: wanted.admin_login.as_str().to_owned(),
        holder: Some(Holder::User),
        password_hash: Some(hash.to_owned()),
        one_time_until: None,
        reset_asked_at: None,
    };
    session::facts::insert(work, ctx, &login, &Region::global()).await?;
    for service in SERVICES.iter().filter_map(|role| role.name.strip_prefix("service_")) {
        let principal = Principal {
            id: service_principal(service),
            name: format!("service/{service}"),
            holder: None,
            password_hash: None,
            one_time_until: None,
            reset_asked_at: None,
        };
        session::facts::insert(work, ctx, &principal, &Region::global()).await?;
    }
    revision::facts::begin(work, ctx).await?;
    access::facts::insert(work, ctx, &first_grant(ctx, admin), &Target::tenant()).await?;
    Ok(Initialised { tenant, admin })
}

fn first_grant(ctx: &OpContext, admin: PrincipalId) -> Grant {
    Grant {
        id: GrantId(ctx.new_id()),
        principal: admin,
        assignment: Assignment {
            role: roles::FIRST_ADMIN.to_owned(),
            scope: Scope::Tenant,
            valid_from: ALWAYS,
            valid_to: None,
            condition: Condition::default(),
        },
        reason: "first administrator".to_owned(),
        granted_by: admin,
        recorded_at: ctx.now(),
    }
}

/// A change of the group.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) request: RequestKey,
    pub(crate) change: Change,
}

/// Changes the group. A suspension is an access fact: every view is compiled anew. A deletion takes the names of logins in
/// the same unit; everything else goes in the background, in every service ([`crate::tenant_purge`]).
///
/// # Errors
/// See [`TenantError`]; `PERMISSION_DENIED`.
pub(crate) async fn change<R: Rpc>(app: &App, ctx: &OpContext, wanted: &Wanted) -> Result<Tenant> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |mut work| {
        let facts = revision::facts::hold(&work, ctx).await?;
        let by = Hands::of(ctx, &permit);
        let tenant = domain::plan(&store::get(&work).await?, &wanted.change, by, ctx.now())?;
        store::update(&work, &tenant).await?;
        if tenant.deleted_at.is_some() {
            hold::facts::lock(&work, ctx).await?;
            if !hold::facts::standing(&work).await?.is_empty() {
                return Err(TenantError::OnHold.into());
            }
            store::forget_names(&work, tenant.id).await?;
            work.emit(events::tenant_deleted(tenant.id)?);
        }
        revision::facts::advance(&work, ctx, facts).await?;
        Ok((work, Audit::new((&wanted.change).into(), "tenant", tenant.id), tenant))
    })
    .await
}

/// The caller's group: whoever has the permission on any scope may read it.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn get(app: &App, ctx: &OpContext) -> Result<Tenant> {
    ctx.plan::<GetTenant>()?;
    store::read(&app.store, ctx).await
}
