//! The service behind its stack, on both databases, with peers that tell what a test wants them to.

mod closing;
mod reading;
mod records;
mod schemes;
mod world;
