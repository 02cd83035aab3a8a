//! The table `aliases`.

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{AliasId, CorrectionId, PersonId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, date_from_db, date_to_db, lost_race, scoped, to_db};

use super::domain::{Alias, StoredAlias};
use crate::directory::Home;
use crate::placed::{Placed, Standing, Stored};
use crate::policy::ListAliases;
use crate::superseded;
use crate::superseded::facts::{Facts, known_by, standing_of};

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

/// Stored for "from the beginning": a key cannot hold nothing.
const BEGINNING: jiff::civil::Date = jiff::civil::Date::constant(1, 1, 1);

fn read(row: Model) -> Result<StoredAlias> {
    let from = date_from_db(row.from_date)?;
    let alias = Alias {
        platform: row.platform,
        alias: row.alias,
        person: PersonId(row.person_id),
        from: (from != BEGINNING).then_some(from),
        to: row.to_date.map(date_from_db).transpose()?,
    };
    Ok(StoredAlias { id: AliasId(row.id), alias })
}

/// Everything that these nicknames mean or meant, on whatever platform.
pub(crate) async fn nicknamed(tx: &ScopedTx, aliases: Vec<String>) -> Result<Vec<Stored<Alias>>> {
    let rows = tx.select::<Entity>().filter(Column::Alias.is_in(aliases)).all().await?;
    let out = superseded::facts::of(tx, rows.iter().map(|row| row.id), None).await?;
    rows.into_iter().map(|row| stored(row, &out)).collect()
}

fn stored(row: Model, out: &Facts) -> Result<Stored<Alias>> {
    let (id, standing, home) = (row.id, standing(&row, out), Home::stored(&row.region, row.unit_id)?);
    Ok(Stored { id, placed: Placed { home, fact: read(row)?.alias }, standing })
}

fn standing(row: &Model, out: &Facts) -> Standing {
    standing_of(row.id, row.correction_id, out)
}

/// One alias, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: AliasId) -> Result<Option<Stored<Alias>>> {
    let out = superseded::facts::of(tx, [id.0], None).await?;
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    row.map(|row| stored(row, &out)).transpose()
}

/// A page of aliases by platform and nickname, as known at an instant or now, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListAliases>,
    page: &Page,
    known: Option<Timestamp>,
) -> Result<(Vec<(StoredAlias, Standing)>, String)> {
    let keys = [Column::Platform, Column::Alias, Column::FromDate, Column::Id];
    let (rows, next) =
        tx.select::<Entity>().within(plan).filter(known_by(Column::RecordedAt, known)).page_asc(page, keys).await?;
    let out = superseded::facts::of(tx, rows.iter().map(|row| row.id), known).await?;
    let told = rows.into_iter().map(|row| {
        let standing = standing(&row, &out);
        Ok((read(row)?, standing))
    });
    Ok((told.collect::<Result<_>>()?, next))
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
        from_date: Set(date_to_db(fact.from.unwrap_or(BEGINNING))),
        to_date: Set(fact.to.map(date_to_db)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}
