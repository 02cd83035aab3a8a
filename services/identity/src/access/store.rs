//! Grants.

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, ExprTrait as _};
use tally_access::{Assignment, Condition as Asked, OpContext, Plan, Region, Rpc, Scope, Target};
use tally_kernel::Error;
use tally_kernel::id::{GrantId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{ScopedTx, StoreError, UnitOfWork, date_from_db, date_to_db, from_db, to_db};
use uuid::Uuid;

use super::domain::Grant;

pub(crate) mod grants {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub person_id: Option<Uuid>,
        pub principal_id: Uuid,
        pub role: String,
        pub scope: String,
        pub scope_ref: String,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub second_factor: bool,
        pub hours: Option<String>,
        pub reason: String,
        pub granted_by: Uuid,
        pub revoked_at: Option<DateTimeUtc>,
        pub revoked_by: Option<Uuid>,
        pub revoke_reason: Option<String>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });
}

/// Writes a grant; `target` says where it belongs.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    grant: &Grant,
    target: &Target,
) -> Result<(), StoreError> {
    let region = target.region.clone().unwrap_or_else(Region::global);
    work.insert(grants::Model {
        tenant_id: ctx.tenant().0,
        id: grant.id.0,
        region: region.to_string(),
        unit_id: target.unit.map(Uuid::from),
        person_id: target.person.map(Uuid::from),
        principal_id: grant.principal.0,
        role: grant.assignment.role.clone(),
        scope: grant.assignment.scope.kind().to_string(),
        scope_ref: grant.assignment.scope.reference(),
        valid_from: date_to_db(grant.assignment.valid_from),
        valid_to: grant.assignment.valid_to.map(date_to_db),
        second_factor: grant.assignment.condition.second_factor,
        hours: grant.assignment.condition.hours.map(|hours| hours.to_string()),
        reason: grant.reason.clone(),
        granted_by: grant.granted_by.0,
        revoked_at: None,
        revoked_by: None,
        revoke_reason: None,
        recorded_at: to_db(grant.recorded_at),
    })
    .await
}

/// A grant, and whether it was taken away.
pub(crate) async fn get(tx: &ScopedTx, id: GrantId) -> Result<Option<(Grant, bool)>, StoreError> {
    let row = tx.select::<grants::Entity>().filter(grants::Column::Id.eq(id.0)).one().await?;
    row.map(|row| Ok((row.revoked_at.is_some(), row)).and_then(|(revoked, row)| Ok((read(row)?, revoked)))).transpose()
}

/// What a principal holds, whatever the day.
pub(crate) async fn of(tx: &ScopedTx, principal: PrincipalId) -> Result<Vec<Grant>, StoreError> {
    read_all(tx, grants::Column::PrincipalId.eq(principal.0).and(grants::Column::RevokedAt.is_null())).await
}

/// Grants of these roles that were not taken away.
pub(crate) async fn with_roles(tx: &ScopedTx, roles: &[String]) -> Result<Vec<Grant>, StoreError> {
    read_all(tx, grants::Column::Role.is_in(roles).and(grants::Column::RevokedAt.is_null())).await
}

/// Every grant that was not taken away.
pub(crate) async fn held(tx: &ScopedTx) -> Result<Vec<Grant>, StoreError> {
    read_all(tx, grants::Column::RevokedAt.is_null()).await
}

async fn read_all(tx: &ScopedTx, which: Expr) -> Result<Vec<Grant>, StoreError> {
    let rows = tx.select::<grants::Entity>().filter(which).order_by_asc(grants::Column::Id).all().await?;
    rows.into_iter().map(read).collect()
}

/// Grants of these roles that the plan reaches and that were not taken away, newest first.
pub(crate) async fn review<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    roles: &[String],
    page: &Page,
) -> Result<(Vec<Grant>, String), StoreError> {
    let wanted = grants::Column::Role.is_in(roles).and(grants::Column::RevokedAt.is_null());
    let found = tx.select::<grants::Entity>().within(plan).filter(wanted);
    let (rows, next) = found.page_desc(page, [grants::Column::RecordedAt, grants::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

/// Closes a grant. What it said stays.
pub(crate) async fn revoke(work: &UnitOfWork, ctx: &OpContext, id: GrantId, reason: &str) -> Result<(), StoreError> {
    work.update::<grants::Entity>()
        .set(grants::Column::RevokedAt, to_db(ctx.now()))
        .set(grants::Column::RevokedBy, ctx.actor.principal.0)
        .set(grants::Column::RevokeReason, reason)
        .filter(grants::Column::Id.eq(id.0).and(grants::Column::RevokedAt.is_null()))
        .exec_one()
        .await
}

/// Grants that the plan reaches and that were not taken away, newest first.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    principal: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<Grant>, String), StoreError> {
    let mut wanted = Condition::all().add(grants::Column::RevokedAt.is_null());
    if let Some(principal) = principal {
        wanted = wanted.add(grants::Column::PrincipalId.eq(principal.0));
    }
    let found = tx.select::<grants::Entity>().within(plan).filter(wanted);
    let (rows, next) = found.page_desc(page, [grants::Column::RecordedAt, grants::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

fn read(row: grants::Model) -> Result<Grant, StoreError> {
    let scope =
        Scope::read(&row.scope, &row.scope_ref).map_err(|e| Error::internal(format!("grant {}: {e}", row.id)))?;
    Ok(Grant {
        id: GrantId(row.id),
        principal: PrincipalId(row.principal_id),
        assignment: Assignment {
            role: row.role,
            scope,
            valid_from: date_from_db(row.valid_from)?,
            valid_to: row.valid_to.map(date_from_db).transpose()?,
            condition: Asked {
                second_factor: row.second_factor,
                hours: row.hours.as_deref().map(str::parse).transpose()?,
            },
        },
        reason: row.reason,
        granted_by: PrincipalId(row.granted_by),
        recorded_at: from_db(row.recorded_at)?,
    })
}
