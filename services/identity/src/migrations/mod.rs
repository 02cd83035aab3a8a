//! Tables of identity, one file each step. Names begin with the service: two of one name would silently run once.

mod identity_0001_tables;
mod identity_0002_sign_in;
mod identity_0003_people;
mod identity_0004_access;
mod identity_0005_privacy;
mod identity_0006_directory;
mod identity_0007_wrong_passwords;

use sea_orm_migration::MigrationTrait;

/// Every step, oldest first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(identity_0001_tables::Migration),
        Box::new(identity_0002_sign_in::Migration),
        Box::new(identity_0003_people::Migration),
        Box::new(identity_0004_access::Migration),
        Box::new(identity_0005_privacy::Migration),
        Box::new(identity_0006_directory::Migration),
        Box::new(identity_0007_wrong_passwords::Migration),
    ]
}
