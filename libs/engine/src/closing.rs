//! The pure half of closing: what goes in (facts), how it is split (snapshot), what is read of records (collect), what
//! comes out (compute, credit, codec), and how it is told (ladder).

pub mod codec;
pub mod collect;
pub mod compute;
pub mod credit;
pub mod facts;
pub mod ladder;
pub mod measured;
pub mod row;
pub mod snapshot;
pub mod worth;
