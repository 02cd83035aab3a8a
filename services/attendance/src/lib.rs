//! Attendance: sites, rosters, punches, accounts, hand-overs, aliases, devices, and who was on duty for which account.
//!
//! `device` and the first six rooms keep facts; `occupancy` keeps nothing and derives who was on duty from them; `correction` puts
//! facts right, and `superseded` knows which of them count no more. A fact carries the region and the unit its person had at
//! its time, so that scopes test what was true then.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: policy, errors, days, directory, peers, placed, standing, app, superseded, site, account, alias, roster, punch,
//!   handover, occupancy, device, events, correction
//! - done: superseded, site, account, alias, roster, punch, handover, occupancy, device, correction, privacy, audit

mod account;
mod alias;
mod app;
mod audit;
mod correction;
mod days;
mod device;
mod directory;
mod errors;
mod events;
mod handover;
mod migrations;
pub mod occupancy;
mod peers;
mod placed;
mod policy;
pub mod privacy;
mod punch;
mod roster;
mod site;
mod standing;
mod superseded;

use tally_api::attendance::v1::account_service_server::AccountServiceServer;
use tally_api::attendance::v1::alias_service_server::AliasServiceServer;
use tally_api::attendance::v1::audit_service_server::AuditServiceServer;
use tally_api::attendance::v1::correction_service_server::CorrectionServiceServer;
use tally_api::attendance::v1::device_service_server::DeviceServiceServer;
use tally_api::attendance::v1::event_service_server::EventServiceServer;
use tally_api::attendance::v1::handover_service_server::HandoverServiceServer;
use tally_api::attendance::v1::occupancy_service_server::OccupancyServiceServer;
use tally_api::attendance::v1::privacy_service_server::PrivacyServiceServer;
use tally_api::attendance::v1::punch_service_server::PunchServiceServer;
use tally_api::attendance::v1::roster_service_server::RosterServiceServer;
use tally_api::attendance::v1::site_service_server::SiteServiceServer;
use tally_app::directory::Directory;
use tally_cache::Cache;
use tally_kernel::{Clock, Rng};
use tally_privacy::Follower;
use tally_rpc::limited;
use tally_runtime::{Compute, Service};
use tally_store::Store;
use tonic::service::Routes;

pub use migrations::migrations;
pub use peers::Peers;
pub use policy::POLICY;

use app::App;

/// The service's name: of its schema, its principal and its key.
pub const SERVICE: &str = "attendance";

/// What the service stands on.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Its own store.
    pub store: Store,
    /// Hears the bell of identity's events.
    pub cache: Cache,
    /// Identity.
    pub peers: Peers,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// For deriving occupancy.
    pub compute: Compute,
    /// A month that was closed before is closed again: what was taken then is taken, also punches and hand-overs that
    /// contradict each other and ids with characters that nobody sees.
    pub replays: bool,
    /// Nothing is ever removed here: a suite for one job, whose inputs are kept as files.
    pub keeps_all: bool,
}

/// The routes and the background work of the service.
pub fn build(deps: Deps) -> Service {
    let Deps { store, cache, peers, clock, rng, compute, replays, keeps_all } = deps;
    let privacy = privacy::Rpc { store: store.clone(), identity: peers.identity.clone() };
    let follower = Follower {
        service: SERVICE,
        store: store.clone(),
        identity: peers.identity.clone(),
        cache,
        clock,
        rng,
        data_tables: privacy::DATA_TABLES,
        // Whose tags are meant is asked of the aliases here.
        after: Some("performance"),
        before: None,
    };
    let audit = audit::Rpc { store: store.clone() };
    let events = events::Rpc { store: store.clone() };
    let directory = Directory::new(peers.identity.clone());
    let app = App { store, peers, directory, compute, replays, keeps_all };
    let routes = Routes::new(limited!(SiteServiceServer::new(site::rpc::Rpc(app.clone()))))
        .add_service(limited!(AccountServiceServer::new(account::rpc::Rpc(app.clone()))))
        .add_service(limited!(RosterServiceServer::new(roster::rpc::Rpc(app.clone()))))
        .add_service(limited!(PunchServiceServer::new(punch::rpc::Rpc(app.clone()))))
        .add_service(limited!(HandoverServiceServer::new(handover::rpc::Rpc(app.clone()))))
        .add_service(limited!(AliasServiceServer::new(alias::rpc::Rpc(app.clone()))))
        .add_service(limited!(DeviceServiceServer::new(device::rpc::Rpc(app.clone()))))
        .add_service(limited!(OccupancyServiceServer::new(occupancy::rpc::Rpc(app.clone()))))
        .add_service(limited!(CorrectionServiceServer::new(correction::rpc::Rpc(app))))
        .add_service(limited!(EventServiceServer::new(events)))
        .add_service(limited!(PrivacyServiceServer::new(privacy)))
        .add_service(limited!(AuditServiceServer::new(audit)));
    let background = vec![tally_privacy::follower::<policy::ErasePerson>(follower)];
    Service { name: SERVICE, routes, background }
}
