//! What a run counted of records before it read them, so that a correction counts only the accounts that were changed since.

use jiff::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use tally_access::OpContext;
use tally_kernel::Result;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, json_from_db, lost_race, to_db};

use crate::columns::write;
use crate::record::domain::Counted;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "run_counts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub run_id: Uuid,
    pub body: String,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId });

/// Keeps what a run counted.
pub async fn put(work: &UnitOfWork, ctx: &OpContext, run: Uuid, counted: &Counted) -> Result<()> {
    let row = ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        run_id: Set(run),
        body: Set(write(counted)?),
        recorded_at: Set(to_db(ctx.now())),
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// What a run counted; nothing of a run from before it was kept, or once somebody was erased.
pub async fn find(tx: &ScopedTx, run: Uuid) -> Result<Option<Counted>> {
    let found = tx.select::<Entity>().filter(Column::RunId.eq(run)).one().await?;
    found.map(|row| json_from_db("what a run counted", &row.body)).transpose()
}

/// Throws away what a run counted.
pub async fn discard(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<Entity>().filter(Column::RunId.eq(run)).exec().await?;
    Ok(())
}

/// Throws away what runs have counted until an instant, since agents are named in it: a correction counts again.
pub async fn discard_until(work: &UnitOfWork, until: Timestamp) -> Result<u64> {
    Ok(work.delete::<Entity>().filter(Column::RecordedAt.lte(to_db(until))).exec().await?)
}
