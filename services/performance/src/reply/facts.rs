//! What other rooms may ask of messages.

pub(crate) use super::store::{collect, counts, devices, follow};
