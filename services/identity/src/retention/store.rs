//! What the group set.

use sea_orm::ColumnTrait as _;
use tally_access::{OpContext, Region};
use tally_privacy::Raised;
use tally_store::{Conflict as _, ScopedTx, StoreError, UnitOfWork, from_db, lost_race, number_from_db, to_db};

use super::domain::Retention;

pub(crate) mod retentions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "retentions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub kind: String,
        pub months: i32,
        pub reason: String,
        pub set_by: Uuid,
        pub recorded_at: DateTimeUtc,
        pub removed_before: Option<DateTimeUtc>,
        pub raised_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

/// All that was set.
pub(crate) async fn all(tx: &ScopedTx) -> Result<Vec<Retention>, StoreError> {
    let rows = tx.select::<retentions::Entity>().all().await?;
    let read = |row: retentions::Model| {
        let months = number_from_db("the months of a retention", row.months)?;
        let raised = match row.removed_before.zip(row.raised_at) {
            Some((before, at)) => Some(Raised { removed_before: from_db(before)?, at: from_db(at)? }),
            None => None,
        };
        Ok(Retention { kind: row.kind, months, set_reason: row.reason, raised })
    };
    rows.into_iter().map(read).collect()
}

/// Writes how long a kind is kept, in place of what was set before.
pub(crate) async fn put(work: &UnitOfWork, ctx: &OpContext, new: &Retention) -> Result<(), StoreError> {
    work.delete::<retentions::Entity>().filter(retentions::Column::Kind.eq(new.kind.as_str())).exec().await?;
    let row = retentions::Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: Region::GLOBAL.to_owned(),
        kind: new.kind.clone(),
        months: i32::try_from(new.months).unwrap_or(i32::MAX),
        reason: new.set_reason.clone(),
        set_by: ctx.actor.principal.0,
        recorded_at: to_db(ctx.now()),
        removed_before: new.raised.map(|raised| to_db(raised.removed_before)),
        raised_at: new.raised.map(|raised| to_db(raised.at)),
    };
    work.insert(row).await.conflict(lost_race)
}
