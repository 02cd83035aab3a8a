//! The register of holds.

use sea_orm::ColumnTrait as _;
use tally_access::{OpContext, Region};
use tally_kernel::id::{HoldId, PersonId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{ScopedTx, StoreError, UnitOfWork, from_db, to_db};

use super::domain::Hold;

pub(crate) mod holds {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "holds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub person_id: Option<Uuid>,
        pub reason: String,
        pub set_by: Uuid,
        pub lifted_by: Option<Uuid>,
        pub lifted_at: Option<DateTimeUtc>,
        pub lift_reason: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, person: PersonId });
}

/// Waits until nobody else sets a hold or erases somebody: each sees what the one before wrote.
pub(crate) async fn lock(work: &UnitOfWork, ctx: &OpContext) -> Result<(), StoreError> {
    work.lock("holds", ctx.tenant().0).await
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, new: &Hold) -> Result<(), StoreError> {
    work.insert(holds::Model {
        tenant_id: ctx.tenant().0,
        id: new.id.0,
        region: Region::GLOBAL.to_owned(),
        person_id: new.person.map(|person| person.0),
        reason: new.reason.clone(),
        set_by: new.set_by.0,
        lifted_by: None,
        lifted_at: None,
        lift_reason: String::new(),
        recorded_at: to_db(new.set_at),
    })
    .await
}

pub(crate) async fn get(tx: &ScopedTx, id: HoldId) -> Result<Option<Hold>, StoreError> {
    let row = tx.select::<holds::Entity>().filter(holds::Column::Id.eq(id.0)).one().await?;
    row.map(read).transpose()
}

/// Lifts a hold that stands.
pub(crate) async fn lift(work: &UnitOfWork, ctx: &OpContext, id: HoldId, reason: &str) -> Result<(), StoreError> {
    work.update::<holds::Entity>()
        .set(holds::Column::LiftedBy, ctx.actor.principal.0)
        .set(holds::Column::LiftedAt, to_db(ctx.now()))
        .set(holds::Column::LiftReason, reason)
        .filter(holds::Column::Id.eq(id.0))
        .exec_one()
        .await
}

/// All that stand.
pub(crate) async fn standing(tx: &ScopedTx) -> Result<Vec<Hold>, StoreError> {
    let rows = tx.select::<holds::Entity>().filter(holds::Column::LiftedAt.is_null()).all().await?;
    rows.into_iter().map(read).collect()
}

/// The register, newest first: all of it, or what stands.
pub(crate) async fn list(tx: &ScopedTx, standing: bool, page: &Page) -> Result<(Vec<Hold>, String), StoreError> {
    let mut found = tx.select::<holds::Entity>();
    if standing {
        found = found.filter(holds::Column::LiftedAt.is_null());
    }
    let (rows, next) = found.page_desc(page, [holds::Column::RecordedAt, holds::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

fn read(row: holds::Model) -> Result<Hold, StoreError> {
    let lifted = row.lifted_by.zip(row.lifted_at.map(from_db).transpose()?);
    Ok(Hold {
        id: HoldId(row.id),
        person: row.person_id.map(PersonId),
        reason: row.reason,
        set_by: PrincipalId(row.set_by),
        set_at: from_db(row.recorded_at)?,
        lifted: lifted.map(|(by, at)| (PrincipalId(by), at, row.lift_reason)),
    })
}
