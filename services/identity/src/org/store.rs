//! States of org units.

use jiff::Timestamp;
use tally_access::OpContext;
use tally_kernel::Error;
use tally_kernel::dated::Succession;
use tally_kernel::id::OrgUnitId;
use tally_store::{ScopedTx, StoreError, UnitOfWork, date_from_db, date_to_db, dated, to_db, word_from_db};
use uuid::Uuid;

use super::domain::{OrgTree, State};

pub(crate) mod states {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "org_unit_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Uuid,
        pub parent_id: Option<Uuid>,
        pub name: String,
        pub kind: String,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
        pub into_id: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
    tally_store::dated!(Entity);
}

/// The tree as it is known now, of the regions this stack serves.
pub(crate) async fn tree(tx: &ScopedTx) -> Result<OrgTree, StoreError> {
    tree_as_known(tx, None).await
}

/// The tree as it was known at an instant, or now.
pub(crate) async fn tree_as_known(tx: &ScopedTx, known_at: Option<Timestamp>) -> Result<OrgTree, StoreError> {
    let rows = tx.select::<states::Entity>().filter(dated::known::<states::Entity>(known_at)).all().await?;
    Ok(OrgTree::new(rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?))
}

/// Writes states, known from `now` on.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    new: &[State],
) -> Result<(), StoreError> {
    let rows = new.iter().map(|state| states::Model {
        tenant_id: ctx.tenant().0,
        id: state.row,
        region: state.region.to_string(),
        unit_id: state.unit.0,
        parent_id: state.parent.map(Uuid::from),
        name: state.name.clone(),
        kind: state.kind.to_string(),
        valid_from: date_to_db(state.from),
        valid_to: state.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
        into_id: state.into.map(Uuid::from),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Closes states as "known until now", and writes those known from `now` on.
pub(crate) async fn change(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    change: &Succession<State>,
) -> Result<(), StoreError> {
    dated::supersede::<states::Entity>(work, &change.closes, now).await?;
    insert(work, ctx, now, &change.writes).await
}

fn read(row: states::Model) -> Result<State, Error> {
    let kind = word_from_db("a kind of unit", &row.kind)?;
    Ok(State {
        row: row.id,
        unit: OrgUnitId(row.unit_id),
        parent: row.parent_id.map(OrgUnitId),
        name: row.name,
        kind,
        region: word_from_db("a region", &row.region)?,
        from: date_from_db(row.valid_from)?,
        to: row.valid_to.map(date_from_db).transpose()?,
        into: row.into_id.map(OrgUnitId),
    })
}
