//! Rows of pseudonyms. One of a person here carries the person and the region; one that another region told has no person
//! and is of the group.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Region};
use tally_kernel::id::PersonId;
use tally_store::{Conflict as _, ScopedTx, StoreError, UnitOfWork, from_db, to_db};
use uuid::Uuid;

use super::domain::{DirectoryError, Entry};

pub(crate) mod pseudonyms {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "pseudonyms")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub person_id: Option<Uuid>,
        pub pseudonym: Uuid,
        pub from_region: String,
        pub active: i32,
        pub released_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, person: PersonId });
}

use pseudonyms::{Column, Entity, Model};

/// The pseudonym of a person.
pub(crate) async fn of_person(tx: &ScopedTx, person: PersonId) -> Result<Option<Uuid>, StoreError> {
    let row = tx.select::<Entity>().filter(Column::PersonId.eq(person.0)).one().await?;
    Ok(row.map(|row| row.pseudonym))
}

/// The pseudonyms of people of a region.
pub(crate) async fn of_region(tx: &ScopedTx, region: &Region) -> Result<Vec<(PersonId, Uuid)>, StoreError> {
    let here = Column::PersonId.is_not_null().and(Column::Region.eq(region.as_str()));
    let rows = tx.select::<Entity>().filter(here).all().await?;
    Ok(rows.into_iter().filter_map(|row| Some((PersonId(row.person_id?), row.pseudonym))).collect())
}

/// Writes the pseudonyms of people of a region.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    region: &Region,
    new: &[(PersonId, Uuid)],
) -> Result<(), StoreError> {
    let rows = new.iter().map(|(person, pseudonym)| Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: region.to_string(),
        person_id: Some(person.0),
        pseudonym: *pseudonym,
        from_region: region.to_string(),
        active: 1,
        released_at: None,
        recorded_at: to_db(ctx.now()),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.conflict(|| DirectoryError::Taken.into()).map(drop)
}

/// When the directory of another region that is known here was released.
pub(crate) async fn released_at(tx: &ScopedTx, from: &Region) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.select::<Entity>().filter(told_by(from)).one().await?;
    Ok(row.and_then(|row| row.released_at).map(from_db).transpose()?)
}

/// Writes what another region told, in place of what it told before.
pub(crate) async fn replace(
    work: &UnitOfWork,
    ctx: &OpContext,
    from: &Region,
    released_at: Timestamp,
    entries: &[Entry],
) -> Result<(), StoreError> {
    work.delete::<Entity>().filter(told_by(from)).exec().await?;
    let rows = entries.iter().map(|entry| Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: Region::GLOBAL.to_owned(),
        person_id: None,
        pseudonym: entry.pseudonym,
        from_region: from.to_string(),
        active: i32::from(entry.active),
        released_at: Some(to_db(released_at)),
        recorded_at: to_db(ctx.now()),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

fn told_by(from: &Region) -> Condition {
    Condition::all().add(Column::PersonId.is_null()).add(Column::FromRegion.eq(from.as_str()))
}

/// Where a pseudonym is known: the regions that told it active, and the person and region here.
pub(crate) async fn locate(
    tx: &ScopedTx,
    pseudonym: Uuid,
) -> Result<(BTreeSet<String>, Option<(PersonId, String)>), StoreError> {
    let rows = tx.select::<Entity>().filter(Column::Pseudonym.eq(pseudonym)).all().await?;
    let here = rows.iter().find_map(|row| Some((PersonId(row.person_id?), row.region.clone())));
    let told = rows.into_iter().filter(|row| row.person_id.is_none() && row.active == 1);
    Ok((told.map(|row| row.from_region).collect(), here))
}
