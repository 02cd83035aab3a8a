//! The tables of this service, one file per step. Rows of a run (one attempt at closing a cycle) are keyed by the run, so
//! that what a cancelled or failed attempt left behind is never seen and can be thrown away at leisure.

use sea_orm_migration::prelude::ColumnDef;
use sea_orm_migration::sea_orm::DbBackend;
use tally_store::migration::{MigrationTrait, SchemaManager, text};

mod performance_0001_records;
mod performance_0002_schemes;
mod performance_0003_cycles;
mod performance_0004_results;
mod performance_0005_transfers;

/// Every step, oldest first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(performance_0001_records::Migration),
        Box::new(performance_0002_schemes::Migration),
        Box::new(performance_0003_cycles::Migration),
        Box::new(performance_0004_results::Migration),
        Box::new(performance_0005_transfers::Migration),
    ]
}

/// Text that rows are ordered by: by its bytes, on both databases, whatever PostgreSQL's own order is.
fn sorted_text(m: &SchemaManager<'_>, name: &str) -> ColumnDef {
    let mut column = text(name);
    if m.get_database_backend() == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
