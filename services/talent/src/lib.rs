//! Talent: profiles and the evidence that each published cycle leaves on them.
//!
//! One room, `profile`. Evidence comes from `cycle.published` alone: `events` reads it from performance at its own pace,
//! with a cursor in the transaction that writes the evidence, so that an event counts once whatever is killed.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: published, profile
//! - done: policy, peers, profile, events, privacy, audit

mod audit;
mod events;
mod migrations;
mod peers;
mod policy;
pub mod privacy;
mod profile;
mod published;

use tally_api::talent::v1::audit_service_server::AuditServiceServer;
use tally_api::talent::v1::privacy_service_server::PrivacyServiceServer;
use tally_api::talent::v1::profile_service_server::ProfileServiceServer;
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
pub const SERVICE: &str = "talent";

/// What the service stands on.
#[derive(Clone)]
pub struct Deps {
    /// Its own store.
    pub store: Store,
    /// Hears the bell of performance's events.
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
    let directory = Directory::new(deps.peers.identity.clone());
    let app = profile::app::App { store: deps.store.clone(), peers: deps.peers.clone(), directory };
    let privacy = privacy::Rpc { store: deps.store.clone(), identity: deps.peers.identity.clone() };
    let follower = Follower {
        service: SERVICE,
        store: deps.store.clone(),
        identity: deps.peers.identity.clone(),
        cache: deps.cache.clone(),
        clock: deps.clock.clone(),
        rng: deps.rng.clone(),
        data_tables: privacy::DATA_TABLES,
        after: None,
        before: None,
    };
    let routes = Routes::new(limited!(ProfileServiceServer::new(profile::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(PrivacyServiceServer::new(privacy)))
        .add_service(limited!(AuditServiceServer::new(audit::Rpc { store: deps.store.clone() })));
    let background = vec![events::consumer(app, deps), tally_privacy::follower::<policy::ErasePerson>(follower)];
    Service { name: SERVICE, routes, background }
}
