//! End to end: real processes, real databases, everything through the rpcs. The same code runs against one process on
//! SQLite and against five on PostgreSQL and Redis.

mod alone;
mod attacks;
mod belonging;
mod closed_units;
mod connect;
mod currencies;
mod erasure;
mod fields;
mod import;
mod isolation;
mod journey;
mod keys;
mod leak_canaries;
mod lists;
mod mounted;
mod refunds;
mod regions;
mod rest;
mod revocation;
mod rooms;
mod schema;
mod snapshot;
mod stack;
mod standard;
mod trace;
mod year;
