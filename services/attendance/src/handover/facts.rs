//! What other rooms may read and write of hand-overs.

pub(crate) use super::store::{accounts_of, between, correct, get, last_before, of_people};
