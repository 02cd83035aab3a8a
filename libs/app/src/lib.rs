//! What every room does, once: event rooms and the consumer of events, how findings are told, what a service knows of people,
//! four eyes. A service that needs one of these calls it here and never writes it again.

pub mod consumer;
pub mod directory;
pub mod events;
mod findings;
pub mod four_eyes;

pub use findings::finding;
