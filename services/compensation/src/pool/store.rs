//! The pools table. The amount is sealed; the rule is JSON that only code reads.

use futures::future::FutureExt as _;
use sea_orm::Set;
use tally_access::{Plan, Rpc};
use tally_kernel::id::{CycleId, PoolId};
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{Place, ReadTx, ScopedTx, Sealed, UnitOfWork, class, date_from_db, date_to_db, owner_from_db};

use super::domain::{Pool, PoolRule};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "pools")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub name: String,
    pub cycle_id: Uuid,
    #[serde(skip)]
    pub amount: Sealed<class::Salary, Money>,
    pub rule: String,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, day: LastDay });

impl Exported for Entity {
    fn tell<'t>(tx: &'t ScopedTx, row: &'t Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(Column::Amount, row.id), &row.amount)).boxed()
    }
}

pub async fn insert(work: &UnitOfWork, ctx: &tally_access::OpContext, pool: &Pool) -> Result<()> {
    let row = ActiveModel {
        id: Set(pool.id.0),
        region: Set(pool.owner.region().to_string()),
        unit_id: Set(pool.owner.unit().map(|unit| unit.0)),
        name: Set(pool.name.clone()),
        cycle_id: Set(pool.cycle.0),
        amount: Set(work.seal(&Place::of(Column::Amount, pool.id.0), &pool.amount).await?),
        rule: Set(serde_json::to_string(&pool.rule).map_err(Error::internal)?),
        recorded_at: Set(tally_store::to_db(ctx.now())),
        last_day: Set(pool.last_day.map(date_to_db)),
        ..Default::default()
    };
    work.insert(row).await?;
    Ok(())
}

/// One pool that the caller may see.
pub async fn pool<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, id: PoolId) -> Result<Pool> {
    let row = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    read(tx, row.ok_or_else(|| Error::not_found("pool", id))?).await
}

/// One pool, for a use case that has its permit already.
pub async fn pool_of(tx: &ScopedTx, id: PoolId) -> Result<Pool> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    read(tx, row.ok_or_else(|| Error::not_found("pool", id))?).await
}

/// The pools of a cycle that are called so.
pub async fn named(tx: &ScopedTx, cycle: CycleId, name: &str) -> Result<Vec<Pool>> {
    let same = tx.select::<Entity>().filter(Column::CycleId.eq(cycle.0)).filter(Column::Name.eq(name));
    let mut pools = Vec::new();
    for row in same.order_by_asc(Column::Id).all().await? {
        pools.push(read(tx, row).await?);
    }
    Ok(pools)
}

/// A page of pools, newest first.
pub async fn page<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Pool>, String)> {
    let (rows, token) = tx.select::<Entity>().within(plan).page_desc(page, [Column::Id]).await?;
    let mut pools = Vec::with_capacity(rows.len());
    for row in rows {
        pools.push(read(tx, row).await?);
    }
    Ok((pools, token))
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Pool> {
    let rule: PoolRule = serde_json::from_str(&row.rule).map_err(Error::internal)?;
    Ok(Pool {
        id: PoolId(row.id),
        amount: tx.open(&Place::of(Column::Amount, row.id), &row.amount).await?,
        owner: owner_from_db(&row.region, row.unit_id)?,
        name: row.name,
        cycle: CycleId(row.cycle_id),
        last_day: row.last_day.map(date_from_db).transpose()?,
        rule,
    })
}
