//! What a transaction leaves behind for others: the audit log and the outbox, written in it, numbered after it, and verified.

pub(crate) mod audit;
pub(crate) mod chain;
pub(crate) mod heads;
pub(crate) mod outbox;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod sequencer;
pub(crate) mod verify;
