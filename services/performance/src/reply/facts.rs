//! What other rooms may ask of messages.

pub(crate) use super::domain::Messages;
pub(crate) use super::store::{collect, follow};
