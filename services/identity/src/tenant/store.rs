//! Groups, and the directory in which a sign-in name leads to its group.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::four_eyes::Hands;
use tally_access::{Actor, OpContext, Region, compile_service};
use tally_kernel::id::{PersonId, PrincipalId, TenantId};
use tally_kernel::{Clock, Error, Result, Rng};
use tally_store::{Conflict as _, ScopedTx, Store, StoreError, UnitOfWork, from_db, to_db};

use super::domain::{Suspension, Tenant, TenantError};
use crate::SERVICE;

pub(crate) mod tenants {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "tenants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub currency: String,
        pub zone: String,
        pub regions: String,
        pub suspended_at: Option<DateTimeUtc>,
        pub suspended_reason: Option<String>,
        pub suspended_by: Option<Uuid>,
        pub suspended_person: Option<Uuid>,
        pub suspended_for: Option<Uuid>,
        pub deleted_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

pub(crate) mod directory {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "directory")]
    pub struct Model {
        /// A sign-in name, or [`super::GROUP`].
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub group_id: Uuid,
        pub principal_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::unscoped!(Entity, "whoever signs in has not said which group: the name leads to it");
}

/// The entry of the store's first group; no sign-in name holds a slash.
pub(crate) const GROUP: &str = "/group";

/// The entry of a group.
pub(crate) fn entry(tenant: TenantId) -> String {
    format!("{GROUP}/{tenant}")
}

/// The group and principal that a name leads to.
pub(crate) async fn look_up(store: &Store, name: &str) -> Result<Option<(TenantId, PrincipalId)>> {
    let tx = store.directory().await?;
    let row = tx.select_unscoped::<directory::Entity>().filter(directory::Column::Name.eq(name)).one().await?;
    Ok(row.map(|row| (TenantId(row.group_id), PrincipalId(row.principal_id))))
}

/// Whether the group was made in this store, however it fared since.
///
/// # Errors
/// The store cannot be read.
pub async fn was_made(store: &Store, tenant: TenantId) -> Result<bool> {
    Ok(look_up(store, &entry(tenant)).await?.is_some())
}

/// Currency, zone and regions of a group of this store; nothing where it was deleted.
///
/// # Errors
/// The store cannot be read.
pub async fn places_of(store: &Store, tenant: TenantId, clock: &Clock, rng: &Rng) -> Result<Option<[String; 3]>> {
    let group = store.read(&own(tenant, clock, rng)).await?.select::<tenants::Entity>().one().await?;
    Ok(group.map(|group| [group.currency, group.zone, group.regions]))
}

fn own(tenant: TenantId, clock: &Clock, rng: &Rng) -> OpContext {
    let actor = Actor::service(SERVICE, tenant, None);
    OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), clock.clone(), rng.clone())
}

/// The regions of all groups of this store; nothing where no group was made yet.
///
/// # Errors
/// The store cannot be read.
pub async fn regions_of_groups(store: &Store, clock: &Clock, rng: &Rng) -> Result<Option<BTreeSet<Region>>> {
    let groups = directory::Column::Name.like(format!("{GROUP}/%"));
    let rows = store.directory().await?.select_unscoped::<directory::Entity>().filter(groups).all().await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut known = BTreeSet::new();
    for row in rows {
        let ctx = own(TenantId(row.group_id), clock, rng);
        let group = store.read(&ctx).await?.select::<tenants::Entity>().one().await?;
        for region in group.iter().flat_map(|group| group.regions.split(',')) {
            known.insert(region.parse()?);
        }
    }
    Ok(Some(known))
}

/// Adds a name to the directory; `taken` is what it means that it is there.
pub(crate) async fn enter(
    work: &UnitOfWork,
    name: &str,
    tenant: TenantId,
    principal: PrincipalId,
    taken: impl FnOnce() -> Error,
) -> Result<(), StoreError> {
    let row = directory::Model { name: name.to_owned(), group_id: tenant.0, principal_id: principal.0 };
    work.insert_unscoped(row).await.conflict(taken)
}

/// Removes what the directory has of a principal: how many names.
pub(crate) async fn leave(work: &UnitOfWork, principal: PrincipalId) -> Result<u64, StoreError> {
    work.delete_unscoped::<directory::Entity>(directory::Column::PrincipalId.eq(principal.0)).await
}

/// Removes the names by which anybody of the group was found. What says that there was the group stays: an invitation of
/// old makes it no second time.
pub(crate) async fn forget_names(work: &UnitOfWork, tenant: TenantId) -> Result<u64, StoreError> {
    let names = directory::Column::GroupId.eq(tenant.0).and(directory::Column::Name.not_like(format!("{GROUP}%")));
    work.delete_unscoped::<directory::Entity>(names).await
}

/// Writes the group and its entries in the directory; `first`: the store holds no other.
pub(crate) async fn insert(
    work: &UnitOfWork,
    tenant: &Tenant,
    admin: PrincipalId,
    first: bool,
) -> Result<(), StoreError> {
    let there = || TenantError::InitialisedAlready.into();
    if first {
        enter(work, GROUP, tenant.id, admin, there).await?;
    }
    enter(work, &entry(tenant.id), tenant.id, admin, there).await?;
    let row = tenants::Model {
        tenant_id: tenant.id.0,
        id: tenant.id.0,
        name: tenant.name.clone(),
        currency: tenant.currency.clone(),
        zone: tenant.zone.clone(),
        regions: regions(tenant),
        suspended_at: None,
        suspended_reason: None,
        suspended_by: None,
        suspended_person: None,
        suspended_for: None,
        deleted_at: None,
        recorded_at: to_db(tenant.created_at),
    };
    work.insert(row).await
}

fn regions(tenant: &Tenant) -> String {
    tenant.regions.iter().map(Region::as_str).collect::<Vec<_>>().join(",")
}

/// Writes what the group has become.
pub(crate) async fn update(work: &UnitOfWork, tenant: &Tenant) -> Result<(), StoreError> {
    let suspended = tenant.suspended.as_ref();
    work.update::<tenants::Entity>()
        .set(tenants::Column::Name, tenant.name.clone())
        .set(tenants::Column::DeletedAt, tenant.deleted_at.map(to_db))
        .set(tenants::Column::SuspendedBy, suspended.map(|since| since.by.by.0))
        .set(tenants::Column::SuspendedPerson, suspended.and_then(|since| since.by.person).map(|person| person.0))
        .set(
            tenants::Column::SuspendedFor,
            suspended.and_then(|since| since.by.delegated_by).map(|delegator| delegator.0),
        )
        .set(tenants::Column::Regions, regions(tenant))
        .set(tenants::Column::SuspendedAt, suspended.map(|since| to_db(since.at)))
        .set(tenants::Column::SuspendedReason, suspended.map(|since| since.reason.clone()))
        .filter(tenants::Column::Id.eq(tenant.id.0))
        .exec_one()
        .await
}

/// The group of the transaction.
pub(crate) async fn get(tx: &ScopedTx) -> Result<Tenant, StoreError> {
    let row = tx.select::<tenants::Entity>().one().await?;
    let row = row.ok_or_else(|| Error::internal("a group without its row"))?;
    Ok(Tenant {
        id: TenantId(row.tenant_id),
        name: row.name,
        currency: row.currency,
        zone: row.zone,
        regions: row.regions.split(',').map(str::parse).collect::<Result<_>>()?,
        created_at: from_db(row.recorded_at)?,
        deleted_at: row.deleted_at.map(from_db).transpose()?,
        suspended: row.suspended_at.map(from_db).transpose()?.map(|at| Suspension {
            at,
            reason: row.suspended_reason.unwrap_or_default(),
            by: Hands {
                by: PrincipalId(row.suspended_by.unwrap_or_default()),
                person: row.suspended_person.map(PersonId),
                delegated_by: row.suspended_for.map(PrincipalId),
            },
        }),
    })
}

/// The caller's group.
pub(crate) async fn read(store: &Store, ctx: &OpContext) -> Result<Tenant> {
    Ok(get(&*store.read(ctx).await?).await?)
}
