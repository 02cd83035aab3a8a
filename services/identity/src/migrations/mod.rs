//! The tables of this service, a file each step. A step that ran is never changed, nor is its name.

mod identity_0001_tables;
mod identity_0002_sign_in;
mod identity_0003_people;
mod identity_0004_access;
mod identity_0005_privacy;
mod identity_0006_directory;
mod identity_0007_wrong_passwords;
mod identity_0008_rates;
mod identity_0009_employment_kinds;
mod identity_0010_gone_units;
mod identity_0011_raised_retentions;
mod identity_0012_asked_resets;

tally_store::migrations![
    identity_0001_tables,
    identity_0002_sign_in,
    identity_0003_people,
    identity_0004_access,
    identity_0005_privacy,
    identity_0006_directory,
    identity_0007_wrong_passwords,
    identity_0008_rates,
    identity_0009_employment_kinds,
    identity_0010_gone_units,
    identity_0011_raised_retentions,
    identity_0012_asked_resets,
];
