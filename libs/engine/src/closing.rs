//! The pure half of closing: what goes in (facts), how it is split (snapshot), what is read of records (collect), what
//! comes out (compute, credit, codec), and how it is told (ladder, noticed, strangers, worth).

pub mod codec;
pub mod collect;
pub mod compute;
pub mod credit;
pub mod facts;
pub mod ladder;
pub mod measured;
mod noticed;
pub mod row;
pub mod snapshot;
mod strangers;
pub mod worth;
