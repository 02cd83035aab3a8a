//! The service's own tables, a file each.

mod talent_0001_evidence;

use sea_orm_migration::MigrationTrait;

/// In the order in which they run.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(talent_0001_evidence::Migration)]
}
