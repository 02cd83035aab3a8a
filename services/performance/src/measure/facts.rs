//! What other rooms may ask of the catalogue.

pub(crate) use super::store::all;
