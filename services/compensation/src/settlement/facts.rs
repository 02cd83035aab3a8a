//! What other rooms may ask of settlements and carry accounts.

pub(crate) use super::store::{carry_book, filed, keep_carry_book, reached, standing, target};
