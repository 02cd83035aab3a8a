//! What other rooms may read of shifts.

pub(crate) use super::store::{Whose, touching};
