//! What other rooms may read and write of shifts.

pub(crate) use super::store::{Whose, accounts_of, beginning, correct, get, touching};
