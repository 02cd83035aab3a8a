//! The pure half of closing: what goes in (facts), how it is split (freeze), what is read of records (gather), what comes
//! out (credit, pack), and how it is told (ladder).

pub mod codec;
pub mod collect;
pub mod compute;
pub mod credit;
pub mod facts;
pub mod ladder;
pub mod snapshot;
