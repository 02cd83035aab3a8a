//! What other rooms may ask of observations.

pub(crate) use super::store::{changed_since, counting_in};
