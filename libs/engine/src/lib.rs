//! What Tally exists for, as pure functions of facts and a versioned policy: who is credited with a record, what that
//! scores, and what closing a period takes in and gives out. No clock, no store, no peer: same inputs, same bytes, in
//! any order and with any number of threads.

pub mod attribution;
pub mod closing;
pub mod observed;
pub mod policy;
pub mod scoring;
pub mod team;
