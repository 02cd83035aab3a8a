//! What every room does, once: making a change, reading and writing what contracts carry, event rooms and the consumer of
//! events, imports, how findings are told, what a service knows of people and of
//! the org tree, long work that is told of while it goes on, four eyes. A service that needs one of these calls it here
//! and never writes it again.

pub mod consumer;
pub mod convert;
pub mod directory;
pub mod events;
mod findings;
pub mod import;
mod mutate;
pub mod progress;
pub mod rates;
pub mod trees;
pub mod units;
pub mod why;

pub use findings::finding;
pub use mutate::{RequestKey, mutate, perform};
