//! The table `aliases`.

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{AliasId, CorrectionId, PersonId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, date_from_db, date_to_db, lost_race, scoped, to_db};

use super::domain::Alias;
use crate::days::{first_from_db, first_to_db};
use crate::placed::{Placed, Stored};
use crate::policy::ListAliases;
use crate::superseded::facts::{known_by, marked};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "aliases")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub platform: String,
    pub alias: String,
    pub from_date: Date,
    pub to_date: Option<Date>,
    pub recorded_at: DateTimeUtc,
    pub correction_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, days: FromDate..ToDate });

fn read(row: Model) -> Result<Stored<Alias>> {
    let alias = Alias {
        platform: row.platform,
        alias: row.alias,
        person: PersonId(row.person_id),
        from: first_from_db(row.from_date)?,
        to: row.to_date.map(date_from_db).transpose()?,
    };
    Stored::read(alias, row.id, (&row.region, row.unit_id), row.correction_id)
}

/// Everything that these nicknames mean or meant, on whatever platform.
pub(crate) async fn nicknamed(tx: &ScopedTx, aliases: Vec<String>) -> Result<Vec<Stored<Alias>>> {
    let rows = tx.select::<Entity>().filter(Column::Alias.is_in(aliases)).all().await?;
    marked(tx, rows.into_iter().map(read), None).await
}

/// One alias, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: AliasId) -> Result<Option<Stored<Alias>>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// A page of aliases by platform and nickname, as known at an instant or now, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListAliases>,
    page: &Page,
    known: Option<Timestamp>,
) -> Result<(Vec<Stored<Alias>>, String)> {
    let keys = [Column::Platform, Column::Alias, Column::FromDate, Column::Id];
    let (rows, next) =
        tx.select::<Entity>().within(plan).filter(known_by(Column::RecordedAt, known)).page_asc(page, keys).await?;
    Ok((marked(tx, rows.into_iter().map(read), known).await?, next))
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, aliases: Vec<Placed<Alias>>) -> Result<()> {
    work.insert_many(aliases.into_iter().map(|alias| row(ctx, alias))).await.conflict(lost_race)?;
    Ok(())
}

/// Writes an alias that a correction brings.
pub(crate) async fn correct(
    work: &UnitOfWork,
    ctx: &OpContext,
    alias: Placed<Alias>,
    correction: CorrectionId,
) -> Result<()> {
    work.insert(ActiveModel { correction_id: Set(Some(correction.into())), ..row(ctx, alias) }).await?;
    Ok(())
}

fn row(ctx: &OpContext, Placed { home, fact }: Placed<Alias>) -> ActiveModel {
    ActiveModel {
        id: Set(ctx.new_id()),
        region: Set(home.region.to_string()),
        unit_id: Set(home.unit.map(Uuid::from)),
        person_id: Set(fact.person.into()),
        platform: Set(fact.platform),
        alias: Set(fact.alias),
        from_date: Set(first_to_db(fact.from)),
        to_date: Set(fact.to.map(date_to_db)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}
