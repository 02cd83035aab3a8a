//! States of org units.

use jiff::Timestamp;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Condition;
use tally_access::OpContext;
use tally_kernel::Error;
use tally_kernel::id::OrgUnitId;
use tally_store::{ScopedTx, StoreError, UnitOfWork, among, date_from_db, date_to_db, to_db};
use uuid::Uuid;

use super::domain::{OrgTree, State, UnitKind};

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
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

/// The tree as it is known now, of the regions this stack serves.
pub(crate) async fn tree(tx: &ScopedTx) -> Result<OrgTree, StoreError> {
    tree_as_known(tx, None).await
}

/// The tree as it was known at an instant, or now.
pub(crate) async fn tree_as_known(tx: &ScopedTx, known_at: Option<Timestamp>) -> Result<OrgTree, StoreError> {
    let known = known(states::Column::RecordedAt, states::Column::SupersededAt, known_at);
    let rows = tx.select::<states::Entity>().filter(known).all().await?;
    Ok(OrgTree::new(rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?))
}

/// The versions of a fact that were known at an instant, or are known now: recorded by then and not yet superseded.
pub(crate) fn known<C: ColumnTrait>(recorded: C, superseded: C, at: Option<Timestamp>) -> Condition {
    let Some(at) = at.map(to_db) else { return Condition::all().add(superseded.is_null()) };
    let open = Condition::any().add(superseded.is_null()).add(superseded.gt(at));
    Condition::all().add(recorded.lte(at)).add(open)
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
        kind: state.kind.name().to_owned(),
        valid_from: date_to_db(state.from),
        valid_to: state.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Closes states as "known until now". What they said stays.
pub(crate) async fn supersede(work: &UnitOfWork, rows: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    let open = among::<states::Entity>(work, states::Column::Id, rows.iter().copied());
    let open = open.add(states::Column::SupersededAt.is_null());
    work.update::<states::Entity>()
        .set(states::Column::SupersededAt, to_db(now))
        .filter(open)
        .exec()
        .await
        .and_then(|met| all_of(met, rows))
}

/// Whether a change met every row that it was for: whoever changes facts holds the group's lock, so it does.
pub(crate) fn all_of(met: u64, rows: &[Uuid]) -> Result<(), StoreError> {
    if met == rows.len() as u64 {
        return Ok(());
    }
    Err(Error::internal(format!("{met} of {} versions were open", rows.len())).into())
}

fn read(row: states::Model) -> Result<State, Error> {
    let kind = UnitKind::read(&row.kind).ok_or_else(|| Error::internal(format!("org unit kind {:?}", row.kind)))?;
    Ok(State {
        row: row.id,
        unit: OrgUnitId(row.unit_id),
        parent: row.parent_id.map(OrgUnitId),
        name: row.name,
        kind,
        region: row.region.parse()?,
        from: date_from_db(row.valid_from),
        to: row.valid_to.map(date_from_db),
    })
}
