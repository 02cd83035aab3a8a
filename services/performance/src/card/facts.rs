//! What other rooms may ask of cards.

pub(crate) use super::store::{discard, of_region, scored_by};
