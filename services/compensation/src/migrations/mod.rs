//! The service's own tables, a file each.

mod compensation_0001_pools;
mod compensation_0002_settlements;

use sea_orm_migration::MigrationTrait;

/// In the order in which they run.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(compensation_0001_pools::Migration), Box::new(compensation_0002_settlements::Migration)]
}
