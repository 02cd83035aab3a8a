//! What other rooms may read and write of shifts.

pub(crate) use super::store::{Whose, beginning, correct, get, touching};
