//! What other rooms may read and write of devices.

pub(crate) use super::store::{correct, get, named};
