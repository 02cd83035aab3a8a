//! Occupancy: who was on duty for which account when, by which rule, with the evidence. It keeps nothing of its own: it is
//! derived from accounts, rosters, punches and hand-overs whenever it is asked for.

mod app;
pub mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
