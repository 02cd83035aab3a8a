//! The table `aliases`.

use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{AliasId, PersonId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, date_from_db, date_to_db, lost_race, scoped, to_db};

use super::domain::{Alias, StoredAlias};
use crate::directory::Home;
use crate::placed::Placed;
use crate::policy::ListAliases;

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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });

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

/// Everything that these nicknames mean, on whatever platform.
pub(crate) async fn nicknamed(tx: &ScopedTx, aliases: Vec<String>) -> Result<Vec<Placed<Alias>>> {
    let rows = tx.select::<Entity>().filter(Column::Alias.is_in(aliases)).all().await?;
    let placed = |row: Model| {
        let home = Home::stored(&row.region, row.unit_id)?;
        Ok(Placed { home, fact: read(row)?.alias })
    };
    rows.into_iter().map(placed).collect()
}

/// A page of aliases by platform and nickname.
pub(crate) async fn page(tx: &ScopedTx, plan: &Plan<ListAliases>, page: &Page) -> Result<(Vec<StoredAlias>, String)> {
    let keys = [Column::Platform, Column::Alias, Column::FromDate];
    let (rows, next) = tx.select::<Entity>().within(plan).page_asc(page, keys).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_>>()?, next))
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, aliases: Vec<Placed<Alias>>) -> Result<()> {
    let rows = aliases.into_iter().map(|Placed { home, fact }| ActiveModel {
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
    });
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}
