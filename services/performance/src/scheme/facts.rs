//! What other rooms may ask of schemes.

pub(crate) use super::store::{load, newest};
