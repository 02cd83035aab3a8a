//! Delegations.

use jiff::Timestamp;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Permission};
use tally_kernel::id::{DelegationId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{ScopedTx, StoreError, UnitOfWork, from_db, to_db};

use super::domain::Delegation;

pub(crate) mod delegations {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "delegations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub delegator_id: Uuid,
        pub delegate_id: Uuid,
        /// Names, joined by commas.
        pub permissions: String,
        pub valid_from: DateTimeUtc,
        pub valid_until: DateTimeUtc,
        pub reason: String,
        pub ended_at: Option<DateTimeUtc>,
        pub ended_by: Option<Uuid>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId });
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, new: &Delegation) -> Result<(), StoreError> {
    work.insert(delegations::Model {
        tenant_id: ctx.tenant().0,
        id: new.id.0,
        delegator_id: new.delegator.0,
        delegate_id: new.delegate.0,
        permissions: new.permissions.join(","),
        valid_from: to_db(new.from),
        valid_until: to_db(new.until),
        reason: new.reason.clone(),
        ended_at: None,
        ended_by: None,
        recorded_at: to_db(ctx.now()),
    })
    .await
}

pub(crate) async fn get(tx: &ScopedTx, id: DelegationId) -> Result<Option<Delegation>, StoreError> {
    let row = tx.select::<delegations::Entity>().filter(delegations::Column::Id.eq(id.0)).one().await?;
    row.map(read).transpose()
}

/// Ends a delegation before its time. What it said stays.
pub(crate) async fn end(work: &UnitOfWork, ctx: &OpContext, id: DelegationId) -> Result<(), StoreError> {
    work.update::<delegations::Entity>()
        .set(delegations::Column::EndedAt, to_db(ctx.now()))
        .set(delegations::Column::EndedBy, ctx.actor.principal.0)
        .filter(delegations::Column::Id.eq(id.0).and(delegations::Column::EndedAt.is_null()))
        .exec_one()
        .await
}

/// Ends all that a principal delegated or was given by delegation and that is not over: how many.
pub(crate) async fn end_all(work: &UnitOfWork, ctx: &OpContext, principal: PrincipalId) -> Result<u64, StoreError> {
    let open = delegations::Column::EndedAt.is_null().and(delegations::Column::ValidUntil.gt(to_db(ctx.now())));
    work.update::<delegations::Entity>()
        .set(delegations::Column::EndedAt, to_db(ctx.now()))
        .set(delegations::Column::EndedBy, ctx.actor.principal.0)
        .filter(given_or_got(principal).add(open))
        .exec()
        .await
}

/// Clears what was said about delegations of an erased person's login: how many rows.
pub(crate) async fn forget(work: &UnitOfWork, principal: PrincipalId) -> Result<u64, StoreError> {
    let update = work.update::<delegations::Entity>().set(delegations::Column::Reason, "");
    update.filter(given_or_got(principal)).exec().await
}

/// What is delegated to a principal now or some day.
pub(crate) async fn to(tx: &ScopedTx, delegate: PrincipalId, now: Timestamp) -> Result<Vec<Delegation>, StoreError> {
    let open = Condition::all()
        .add(delegations::Column::DelegateId.eq(delegate.0))
        .add(delegations::Column::EndedAt.is_null())
        .add(delegations::Column::ValidUntil.gt(to_db(now)));
    let rows = tx.select::<delegations::Entity>().filter(open).order_by_asc(delegations::Column::Id).all().await?;
    rows.into_iter().map(read).collect()
}

/// The permissions that are delegated to a principal now or some day.
pub(crate) async fn delegated(
    tx: &ScopedTx,
    delegate: PrincipalId,
    now: Timestamp,
) -> Result<Vec<Permission>, StoreError> {
    Ok(to(tx, delegate, now).await?.iter().flat_map(Delegation::permissions).collect())
}

/// Delegations of one principal, given or got, or of everybody, newest first.
pub(crate) async fn list(
    tx: &ScopedTx,
    of: Option<PrincipalId>,
    page: &Page,
) -> Result<(Vec<Delegation>, String), StoreError> {
    let mut found = tx.select::<delegations::Entity>();
    if let Some(principal) = of {
        found = found.filter(given_or_got(principal));
    }
    let (rows, next) = found.page_desc(page, [delegations::Column::RecordedAt, delegations::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

fn given_or_got(principal: PrincipalId) -> Condition {
    let (given, got) = (delegations::Column::DelegatorId, delegations::Column::DelegateId);
    Condition::all().add(Condition::any().add(given.eq(principal.0)).add(got.eq(principal.0)))
}

fn read(row: delegations::Model) -> Result<Delegation, StoreError> {
    Ok(Delegation {
        id: DelegationId(row.id),
        delegator: PrincipalId(row.delegator_id),
        delegate: PrincipalId(row.delegate_id),
        permissions: row.permissions.split(',').map(str::to_owned).collect(),
        from: from_db(row.valid_from)?,
        until: from_db(row.valid_until)?,
        reason: row.reason,
        ended_at: row.ended_at.map(from_db).transpose()?,
    })
}
