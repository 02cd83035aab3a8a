//! What other rooms may ask of cycles, and of what a run keeps between its steps.

pub(crate) use super::store::{findings_of, load, result_of, runs};
