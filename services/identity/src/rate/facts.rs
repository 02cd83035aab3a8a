//! What others read of rates.

pub(crate) use super::store::rates;
