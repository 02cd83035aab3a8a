//! Compensation: pools, settlements and statements.
//!
//! A pool is money and a rule. A settlement splits a pool by the scores of a published cycle: draft, approved by somebody
//! else, posted; what is posted never changes. A statement is one person's part of it, and leads back to records. What was posted
//! and is different by now is put right by a correction, whose deltas the next settlement takes.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: pool, statement, settlement, correction
//! - done: policy, peers, pool, settlement, statement, correction, privacy, audit

pub mod audit;
pub mod policy;
pub mod privacy;

mod migrations;
mod peers;

/// Money to be split by a rule.
pub mod pool {
    pub(crate) mod app;
    pub mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// Draft, approved by somebody else, posted.
pub mod settlement {
    pub(crate) mod app;
    pub mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
    #[cfg(test)]
    mod tests;
}

/// What is put right after it was posted, and what the next settlement takes of it.
pub mod correction {
    pub(crate) mod app;
    pub mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
    #[cfg(test)]
    mod tests;
}

/// What one person got and why.
mod statement {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

use tally_api::compensation::v1::audit_service_server::AuditServiceServer;
use tally_api::compensation::v1::correction_service_server::CorrectionServiceServer;
use tally_api::compensation::v1::pool_service_server::PoolServiceServer;
use tally_api::compensation::v1::privacy_service_server::PrivacyServiceServer;
use tally_api::compensation::v1::settlement_service_server::SettlementServiceServer;
use tally_api::compensation::v1::statement_service_server::StatementServiceServer;
use tally_app::directory::Directory;
use tally_cache::Cache;
use tally_kernel::{Clock, Rng};
use tally_privacy::Follower;
use tally_rpc::limited;
use tally_runtime::Service;
use tally_store::Store;
use tonic::service::Routes;

pub use migrations::migrations;
pub use peers::Peers;
pub use policy::POLICY;

/// The service's name: of its schema, its principal and its key.
pub const SERVICE: &str = "compensation";

/// What the service stands on.
#[derive(Clone)]
pub struct Deps {
    /// Its own store.
    pub store: Store,
    /// Hears the bell of identity's events.
    pub cache: Cache,
    /// The services it reads from.
    pub peers: Peers,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
}

/// The routes and the background work of the service.
pub fn build(deps: Deps) -> Service {
    let Deps { store, cache, peers, clock, rng } = deps;
    let privacy = privacy::Rpc { store: store.clone(), identity: peers.identity.clone() };
    let follower = Follower {
        service: SERVICE,
        store: store.clone(),
        identity: peers.identity.clone(),
        cache,
        clock,
        rng,
        data_tables: privacy::DATA_TABLES,
        after: None,
        before: None,
    };
    let audit = audit::Rpc { store: store.clone() };
    let pool = pool::rpc::Rpc { app: pool::app::App { store: store.clone(), peers: peers.clone() } };
    let directory = Directory::new(peers.identity.clone());
    let settling = settlement::app::App { store: store.clone(), peers: peers.clone(), directory };
    let correction = correction::rpc::Rpc { app: settling.clone() };
    let settlement = settlement::rpc::Rpc { app: settling };
    let statement = statement::rpc::Rpc { app: statement::app::App { store, peers } };
    let routes = Routes::new(limited!(PoolServiceServer::new(pool)))
        .add_service(limited!(SettlementServiceServer::new(settlement)))
        .add_service(limited!(StatementServiceServer::new(statement)))
        .add_service(limited!(CorrectionServiceServer::new(correction)))
        .add_service(limited!(PrivacyServiceServer::new(privacy)))
        .add_service(limited!(AuditServiceServer::new(audit)));
    let background = vec![tally_privacy::follower::<policy::ErasePerson>(follower)];
    Service { name: SERVICE, routes, background }
}
