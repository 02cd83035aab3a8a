//! What is done with tables that tell of people, on SQLite and on PostgreSQL with the same code.
//!
//! The databases come from the testkit's sources, and the sample service is that of the store's own tests.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[expect(dead_code, reason = "further copies of a service are for the store's tests")]
#[path = "../../../testkit/src/databases.rs"]
mod databases;
#[expect(dead_code, reason = "the raw bytes of a database are for tests of the whole suite")]
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;

mod data_tables;
#[expect(dead_code, reason = "the store's tests look at more of it")]
#[path = "../../../store/tests/store/sample.rs"]
mod sample;
