//! Every promise of the store, on SQLite and on PostgreSQL with the same code.
//!
//! The databases come from the testkit's sources rather than from the crate, so that these tests do not wait for the
//! whole suite to be built.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../../../testkit/src/databases.rs"]
mod databases;
#[path = "../../../testkit/src/patience.rs"]
mod patience;
#[path = "../../../testkit/src/pgbouncer.rs"]
mod pgbouncer;
#[expect(dead_code, reason = "the raw bytes of a database are for tests of the whole suite")]
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;

mod audit;
mod dated;
mod dump;
mod events;
mod heads;
mod isolation;
mod key_file;
mod lists;
mod opening;
mod people;
mod person_keys;
mod reaches;
mod rotation;
mod rows;
mod sample;
mod sealed;
mod tenants;
mod units;
mod wiping;
mod work;
