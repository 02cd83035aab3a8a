//! Who may do what to whom: one compiled view per principal, and two questions asked of it.
//!
//! [`decide`] answers "may this principal do this to that?", [`plan`] answers "to which rows may it?". Both read the
//! same [`Reach`], so a list can never show what a get would refuse. A service never asks either directly: it asks its
//! [`OpContext`] for a [`Permit`] or a [`Plan`], which are values that only this crate can make and which the store
//! wants before it writes or lists.
//!
//! ```compile_fail
//! use tally_access::{Effect, Needs, Permission, Permit, Rpc};
//! struct Forged;
//! impl Rpc for Forged {
//!     const METHOD: &'static str = "x/Y";
//!     const NEEDS: Needs = Needs::Permission(Permission::PunchRecord);
//!     const EFFECT: Effect = Effect::Change;
//! }
//! fn forge<R: Rpc>(other: Permit<R>) -> Permit<Forged> {
//!     Permit { grant: other.grant, source: other.source, rpc: std::marker::PhantomData }
//! }
//! ```
//!
//! Architecture invariant: pure. No I/O, no async, no clock but the one handed in.

mod actor;
mod compile;
mod condition;
mod context;
mod duties;
mod explain;
pub mod four_eyes;
mod modules;
mod permission;
mod reach;
pub mod roles;
mod rpc;
mod scope;
mod stay;
mod view;

pub use actor::{Actor, ActorKind, Regions, service_principal};
pub use compile::{
    Assignment, Facts, PersonFacts, Placement, TemporaryRight, UnitFact, compile, compile_service, subtree,
};
pub use condition::{Circumstances, Condition, Hours};
pub use context::OpContext;
pub use duties::{NOT_DELEGABLE, SEPARATED, conflict};
pub use explain::{Explainer, Verdict};
pub use modules::{MODULES, Modules};
pub use permission::{DataClass, Permission};
pub use reach::{IdHasher, IdSet, Owner, Reach, Target};
pub use rpc::{Effect, Needs, Permit, Plan, PolicyRow, Rpc};
pub use scope::{Scope, ScopeKind};
pub use stay::{Border, Moment, Stay, Stays};
pub use tally_kernel::{Locale, Region};
pub use view::{Decision, Provisional, Source, View, decide, plan};
