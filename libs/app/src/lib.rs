//! What every room does, once: conversions between contracts and plain values, paging over peers, imports, event consumers,
//! dated facts, where a person belongs, four eyes, and the way a mutation runs. A service that needs one of these calls it
//! here and never writes it again.

pub mod consumer;
pub mod directory;
pub mod events;
pub mod four_eyes;
