//! The tables of this service, oldest first.

mod attendance_0001_sites;
mod attendance_0002_accounts;
mod attendance_0003_shifts;
mod attendance_0004_punches;
mod attendance_0005_handovers;
mod attendance_0006_aliases;

use tally_store::migration::MigrationTrait;

/// Every migration, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(attendance_0001_sites::Migration),
        Box::new(attendance_0002_accounts::Migration),
        Box::new(attendance_0003_shifts::Migration),
        Box::new(attendance_0004_punches::Migration),
        Box::new(attendance_0005_handovers::Migration),
        Box::new(attendance_0006_aliases::Migration),
    ]
}
