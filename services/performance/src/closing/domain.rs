//! The pure half of closing: what goes in (facts), how it is split (freeze), what is read of records (gather), what comes
//! out (credit, pack), and how it is told (ladder).

pub mod credit;
pub mod facts;
pub mod freeze;
pub mod gather;
pub mod ladder;
pub mod pack;
pub mod reckon;
