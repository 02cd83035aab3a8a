//! What other rooms may ask of cycles, and of what a run keeps between its steps.

pub(crate) use super::store::runs::account::Model as AccountResult;
pub(crate) use super::store::runs::{
    RunOutcome, accounts, all_frozen, clear_component, component, components, discard, frozen_with, outcomes,
    put_frozen, put_outcomes, put_sums, snapshot, sums_of_people,
};
pub(crate) use super::store::{findings_of, load, result_of, scored_by};
