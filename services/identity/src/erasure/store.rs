//! Erasures and their parts.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{ErasureId, OrgUnitId, PersonId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{
    Conflict as _, ScopedTx, StoreError, UnitOfWork, among, from_db, number_from_db, to_db, word_from_db,
};
use uuid::Uuid;

use super::domain::{self, Dropped, Erasure, Part};

pub(crate) mod erasures {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "erasures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Uuid,
        pub person_id: Uuid,
        pub reason: String,
        pub requested_by: Uuid,
        pub approved_by: Option<Uuid>,
        pub erased_at: Option<DateTimeUtc>,
        pub completed_at: Option<DateTimeUtc>,
        /// The number that the person had, until every service has cleared it.
        #[serde(skip)]
        pub employee_no: Option<String>,
        pub dropped_by: Option<Uuid>,
        pub dropped_at: Option<DateTimeUtc>,
        pub drop_reason: Option<String>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });
}

pub(crate) mod parts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "erasure_parts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub erasure_id: Uuid,
        pub service: String,
        pub cleared: i64,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

/// Writes what was asked for.
pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, new: &Erasure) -> Result<(), StoreError> {
    let row = erasures::Model {
        tenant_id: ctx.tenant().0,
        id: new.id.0,
        region: new.place.0.to_string(),
        unit_id: new.place.1.0,
        person_id: new.person.0,
        reason: new.reason.clone(),
        requested_by: new.requested.0.0,
        approved_by: None,
        erased_at: None,
        completed_at: None,
        employee_no: None,
        dropped_by: None,
        dropped_at: None,
        drop_reason: None,
        recorded_at: to_db(new.requested.1),
    };
    work.insert(row).await
}

/// Writes who approved it, with the number that the other services have yet to clear.
pub(crate) async fn approve(
    work: &UnitOfWork,
    ctx: &OpContext,
    id: ErasureId,
    employee_no: &str,
) -> Result<(), StoreError> {
    work.update::<erasures::Entity>()
        .set(erasures::Column::ApprovedBy, ctx.actor.principal.0)
        .set(erasures::Column::ErasedAt, to_db(ctx.now()))
        .set(erasures::Column::EmployeeNo, employee_no)
        .filter(erasures::Column::Id.eq(id.0))
        .exec_one()
        .await
}

/// Writes that nobody will approve it.
pub(crate) async fn drop(work: &UnitOfWork, id: ErasureId, dropped: &Dropped) -> Result<(), StoreError> {
    work.update::<erasures::Entity>()
        .set(erasures::Column::DroppedBy, dropped.by.0)
        .set(erasures::Column::DroppedAt, to_db(dropped.at))
        .set(erasures::Column::DropReason, dropped.reason.clone())
        .filter(erasures::Column::Id.eq(id.0))
        .exec_one()
        .await
}

/// Writes what a service has done.
pub(crate) async fn report(
    work: &UnitOfWork,
    ctx: &OpContext,
    erasure: &Erasure,
    service: &str,
    rows: u64,
) -> Result<(), StoreError> {
    let row = parts::Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: erasure.place.0.to_string(),
        erasure_id: erasure.id.0,
        service: service.to_owned(),
        cleared: i64::try_from(rows).unwrap_or(i64::MAX),
        recorded_at: to_db(ctx.now()),
    };
    work.insert(row).await.conflict(tally_store::lost_race)
}

/// Ends an erasure: the number is needed no more.
pub(crate) async fn complete(work: &UnitOfWork, ctx: &OpContext, id: ErasureId) -> Result<(), StoreError> {
    work.update::<erasures::Entity>()
        .set(erasures::Column::CompletedAt, to_db(ctx.now()))
        .set(erasures::Column::EmployeeNo, None::<String>)
        .filter(erasures::Column::Id.eq(id.0))
        .exec_one()
        .await
}

/// One erasure, and the number while it is needed.
pub(crate) async fn get(tx: &ScopedTx, id: ErasureId) -> Result<Option<(Erasure, Option<String>)>, StoreError> {
    let row = tx.select::<erasures::Entity>().filter(erasures::Column::Id.eq(id.0)).one().await?;
    let Some(row) = row else { return Ok(None) };
    let employee_no = row.employee_no.clone();
    Ok(read(tx, vec![row]).await?.pop().map(|erasure| (erasure, employee_no)))
}

/// Waits until nobody else changes this erasure.
pub(crate) async fn lock(work: &UnitOfWork, id: ErasureId) -> Result<(), StoreError> {
    work.lock("erasure", id.0).await
}

/// The erasure of a person, asked for or carried out, and not dropped.
pub(crate) async fn of_person(tx: &ScopedTx, person: PersonId) -> Result<Option<ErasureId>, StoreError> {
    let standing = erasures::Column::PersonId.eq(person.0).and(erasures::Column::DroppedAt.is_null());
    let row = tx.select::<erasures::Entity>().filter(standing).one().await?;
    Ok(row.map(|row| ErasureId(row.id)))
}

/// Whether a person was erased.
pub(crate) async fn is_erased(tx: &ScopedTx, person: PersonId) -> Result<bool, StoreError> {
    let carried_out = erasures::Column::PersonId.eq(person.0).and(erasures::Column::ErasedAt.is_not_null());
    Ok(tx.select::<erasures::Entity>().filter(carried_out).one().await?.is_some())
}

/// Erasures that the plan reaches, newest first.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    page: &Page,
) -> Result<(Vec<Erasure>, String), StoreError> {
    let found = tx.select::<erasures::Entity>().within(plan);
    let (rows, next) = found.page_desc(page, [erasures::Column::RecordedAt, erasures::Column::Id]).await?;
    Ok((read(tx, rows).await?, next))
}

async fn read(tx: &ScopedTx, rows: Vec<erasures::Model>) -> Result<Vec<Erasure>, StoreError> {
    let of = among::<parts::Entity>(tx, parts::Column::ErasureId, rows.iter().map(|row| row.id));
    let mut reported = BTreeMap::<Uuid, Vec<Part>>::new();
    for part in tx.select::<parts::Entity>().filter(of).all().await? {
        let done_at = Some(from_db(part.recorded_at)?);
        let rows = number_from_db("the rows of an erasure", part.cleared)?;
        reported.entry(part.erasure_id).or_default().push(Part { service: part.service, done_at, rows });
    }
    let erasure = |row: erasures::Model| {
        let approved = row.approved_by.map(PrincipalId).zip(row.erased_at.map(from_db).transpose()?);
        Ok(Erasure {
            id: ErasureId(row.id),
            person: PersonId(row.person_id),
            place: (word_from_db("a region", &row.region)?, OrgUnitId(row.unit_id)),
            reason: row.reason,
            requested: (PrincipalId(row.requested_by), from_db(row.recorded_at)?),
            approved,
            parts: domain::parts(approved.is_some(), reported.remove(&row.id).unwrap_or_default()),
            completed_at: row.completed_at.map(from_db).transpose()?,
            dropped: row.dropped_by.zip(row.dropped_at.map(from_db).transpose()?).map(|(by, at)| Dropped {
                by: PrincipalId(by),
                at,
                reason: row.drop_reason.unwrap_or_default(),
            }),
        })
    };
    rows.into_iter().map(erasure).collect()
}
