//! An entity that does not say which column is its tenant cannot be read, changed or deleted.
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

fn read(tx: &tally_store::ScopedTx) {
    let _ = tx.select::<Entity>();
}

fn remove(unit: &tally_store::Unit) {
    let _ = unit.delete::<Entity>();
}

fn main() {}
