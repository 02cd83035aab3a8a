//! What other rooms may ask of observations.

pub(crate) use super::store::{Counted, changed_since, counting_in, uncounted};
