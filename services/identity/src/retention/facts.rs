//! What others read of the schedule.

pub(crate) use super::store::{all, retentions};
