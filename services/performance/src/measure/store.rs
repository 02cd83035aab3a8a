//! Rows of the catalogue of measures.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::MeasureId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, from_db, lost_race, owner_from_db, to_db};

use super::domain::{Catalogued, Retirement, Title};
use crate::columns::{count, read, write};

/// A measure of the group or of a unit, as it is defined now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "measures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub name: String,
    pub title_en: String,
    pub title_zh_cn: String,
    pub definition: String,
    pub revision: i32,
    pub retired_at: Option<DateTimeUtc>,
    pub retired_for: Option<String>,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });

impl TryFrom<Model> for Catalogued {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        let retired = row.retired_at.map(from_db).transpose()?;
        Ok(Self {
            id: MeasureId(row.id),
            owner: owner_from_db(&row.region, row.unit_id)?,
            title: Title { en: row.title_en, zh_cn: row.title_zh_cn },
            definition: read(&row.definition)?,
            retired: retired.map(|at| Retirement { reason: row.retired_for.unwrap_or_default(), at }),
        })
    }
}

/// Every measure of the group and of its units, by name.
pub async fn all(tx: &ScopedTx) -> Result<Vec<Catalogued>> {
    let rows = tx.select::<Entity>().order_by_asc(Column::Name).order_by_asc(Column::Id).all().await?;
    rows.into_iter().map(Catalogued::try_from).collect()
}

/// A measure, for its own steps: nobody else changes it until the unit ends.
pub async fn lock(work: &UnitOfWork, id: MeasureId) -> Result<Catalogued> {
    let found = work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?;
    found.ok_or_else(|| Error::not_found("measure", id))?.try_into()
}

/// Writes a new one.
pub async fn insert(work: &UnitOfWork, ctx: &OpContext, measure: &Catalogued) -> Result<()> {
    let row = ActiveModel {
        tenant_id: NotSet,
        id: Set(measure.id.0),
        region: Set(measure.owner.region().to_string()),
        unit_id: Set(measure.owner.unit().map(Uuid::from)),
        name: Set(measure.name().to_owned()),
        title_en: Set(measure.title.en.clone()),
        title_zh_cn: Set(measure.title.zh_cn.clone()),
        definition: Set(write(&measure.definition)?),
        revision: Set(count(measure.revision())?),
        retired_at: Set(None),
        retired_for: Set(None),
        recorded_at: Set(to_db(ctx.now())),
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// Writes one that is locked as it is now.
pub async fn save(work: &UnitOfWork, measure: &Catalogued) -> Result<()> {
    let retired = measure.retired.as_ref();
    work.update::<Entity>()
        .set(Column::TitleEn, measure.title.en.clone())
        .set(Column::TitleZhCn, measure.title.zh_cn.clone())
        .set(Column::Definition, write(&measure.definition)?)
        .set(Column::Revision, count(measure.revision())?)
        .set(Column::RetiredAt, retired.map(|retired| to_db(retired.at)))
        .set(Column::RetiredFor, retired.map(|retired| retired.reason.clone()))
        .filter(Column::Id.eq(measure.id.0))
        .exec_one()
        .await?;
    Ok(())
}

/// One that a plan reaches.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: MeasureId) -> Result<Catalogued> {
    let found = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    found.ok_or_else(|| Error::not_found("measure", id))?.try_into()
}

/// A page of them by name.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Catalogued>, String)> {
    let (rows, next) = tx.select::<Entity>().within(plan).page_asc(page, [Column::Name, Column::Id]).await?;
    Ok((rows.into_iter().map(Catalogued::try_from).collect::<Result<_>>()?, next))
}
