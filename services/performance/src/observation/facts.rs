//! What other rooms may ask of observations.

pub(crate) use super::store::counting_in;
