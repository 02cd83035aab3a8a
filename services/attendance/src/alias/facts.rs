//! What other rooms may read and write of aliases.

pub(crate) use super::store::{correct, get, nicknamed};
