//! Positions and grades.

use jiff::Timestamp;
use tally_access::{OpContext, Region};
use tally_kernel::dated::Succession;
use tally_kernel::id::CatalogueEntryId;
use tally_store::{
    ScopedTx, StoreError, UnitOfWork, date_from_db, date_to_db, dated, number_from_db, to_db, word_from_db,
};

use super::domain::{Catalogue, Entry};

pub(crate) mod entries {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "catalogue_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// This version of the fact.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub entry_id: Uuid,
        pub kind: String,
        pub code: String,
        pub title: String,
        pub rank: i32,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
    tally_store::dated!(Entity);
}

/// The catalogues as they were known at an instant, or are now.
pub(crate) async fn get(tx: &ScopedTx, known_at: Option<Timestamp>) -> Result<Catalogue, StoreError> {
    let rows = tx.select::<entries::Entity>().filter(dated::known::<entries::Entity>(known_at)).all().await?;
    Ok(Catalogue::new(rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?))
}

/// Closes versions as "known until now", and writes those known from `now` on.
pub(crate) async fn change(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    change: &Succession<Entry>,
) -> Result<(), StoreError> {
    dated::supersede::<entries::Entity>(work, &change.closes, now).await?;
    let rows = change.writes.iter().map(|entry| entries::Model {
        tenant_id: ctx.tenant().0,
        id: entry.row,
        region: Region::GLOBAL.to_owned(),
        entry_id: entry.id.0,
        kind: entry.kind.to_string(),
        code: entry.code.clone(),
        title: entry.title.clone(),
        rank: i32::try_from(entry.rank).unwrap_or(i32::MAX),
        valid_from: date_to_db(entry.from),
        valid_to: entry.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

fn read(row: entries::Model) -> Result<Entry, StoreError> {
    let kind = word_from_db("a kind of entry", &row.kind)?;
    Ok(Entry {
        row: row.id,
        id: CatalogueEntryId(row.entry_id),
        kind,
        code: row.code,
        title: row.title,
        rank: number_from_db("the rank of an entry", row.rank)?,
        from: date_from_db(row.valid_from)?,
        to: row.valid_to.map(date_from_db).transpose()?,
    })
}
