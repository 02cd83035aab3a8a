//! A unit is not committed without an audit entry, and rows are not updated or deleted without a filter.
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId });

async fn all_rows(unit: &tally_store::Unit) {
    let _ = unit.delete::<Entity>().exec().await;
    let _ = unit.update::<Entity>().set(Column::Id, Uuid::nil()).exec().await;
}

async fn silent(unit: tally_store::Unit) {
    let _ = unit.commit(()).await;
}

fn main() {}
