//! The table `sites`.

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::id::SiteId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, lost_race, scoped, to_db};

use super::domain::{Site, StoredSite, cut_over, time_text};
use crate::policy::ListSites;
use crate::superseded::facts::known_by;

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "sites")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub name: String,
    pub zone: String,
    pub cut_over: String,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region });

fn read(row: Model) -> Result<StoredSite> {
    let cut_over = cut_over(&row.cut_over).map_err(Error::internal)?;
    let site = Site { name: row.name, zone: row.zone, cut_over, region: row.region.parse().map_err(Error::internal)? };
    Ok(StoredSite { id: SiteId(row.id), site })
}

/// The sites of these names.
pub(crate) async fn named(tx: &ScopedTx, names: Vec<String>) -> Result<Vec<Site>> {
    let rows = tx.select::<Entity>().filter(Column::Name.is_in(names)).all().await?;
    rows.into_iter().map(|row| read(row).map(|stored| stored.site)).collect()
}

/// All sites, as known at an instant or now.
pub(crate) async fn all(tx: &ScopedTx, known: Option<Timestamp>) -> Result<Vec<Site>> {
    let rows =
        tx.select::<Entity>().filter(known_by(Column::RecordedAt, known)).order_by_asc(Column::Name).all().await?;
    rows.into_iter().map(|row| read(row).map(|stored| stored.site)).collect()
}

/// A page of sites by name.
pub(crate) async fn page(tx: &ScopedTx, plan: &Plan<ListSites>, page: &Page) -> Result<(Vec<StoredSite>, String)> {
    let (rows, next) = tx.select::<Entity>().within(plan).page_asc(page, [Column::Name]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_>>()?, next))
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, sites: Vec<Site>) -> Result<()> {
    let rows = sites.into_iter().map(|site| ActiveModel {
        id: Set(ctx.new_id()),
        region: Set(site.region.to_string()),
        name: Set(site.name),
        zone: Set(site.zone),
        cut_over: Set(time_text(site.cut_over)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    });
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}
