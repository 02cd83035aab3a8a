//! What other rooms may ask of claims.

pub(crate) use super::store::{claimants, clicks, made};
