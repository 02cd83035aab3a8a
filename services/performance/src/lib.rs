//! Performance: service records, who is credited with them, schemes, cycles and score cards.
//!
//! Records come in by account. Background work (`closing`) attributes a period in a run: what the peers know of people, accounts
//! and duty is frozen, and accounts that share people are attributed together. Any number of cycles score their people from a run that is done.
//! Attribution and scoring themselves are pure functions (`tally_engine`).
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: columns, signed, measure, scheme, record, reply, claim, observation, run, cycle, credit, card, change, schedule, transfer, erasure, replay
//! - done: policy, trusted, signed, peers, kept, accounts, errors, events, privacy, audit, definitions, scheme_file, findings, policies, rungs, watch, reach, parts, measure, scheme, record, reply, claim, observation,
//!   transfer, run, cycle, card, credit, change, schedule, closing, finding, erasure, replay

pub mod audit;
pub mod definitions;
pub mod policy;
pub mod privacy;
pub mod scheme_file;

mod accounts;
mod columns;
mod errors;
mod events;
mod findings;
mod kept;
mod migrations;
mod parts;
mod peers;
mod policies;
mod reach;
mod rungs;
mod trusted;
mod watch;

/// Files that one stack signs and another believes.
mod signed {
    pub(crate) mod app;
    pub(crate) mod domain;
}

/// Service records.
mod record {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// When the messages of records were written, and by which side.
mod reply {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// Who said with a click that a dialogue is theirs.
mod claim {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// Values of measures for people, units, accounts, stores and campaigns.
mod observation {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    mod place;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// The catalogue of measures that schemes may name.
mod measure {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

/// Versioned sets of KPIs; what makes one sound is in `tally_engine::scoring`.
mod scheme {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    mod message;
    pub(crate) mod rpc;
    mod standard;
    pub(crate) mod store;
    mod template;
}

/// Runs of attribution over a period, and what a run keeps between its steps.
mod run {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod step;
    pub(crate) mod store;
}

/// Schemes over a period for a population: made, closed, published.
mod cycle {
    pub(crate) mod app;
    mod attempt;
    mod correct;
    pub(crate) mod domain;
    mod event;
    pub(crate) mod facts;
    pub(crate) mod message;
    pub(crate) mod population;
    pub(crate) mod rpc;
    pub(crate) mod step;
    pub(crate) mod store;
    pub(crate) mod versions;
}

/// Score cards.
mod card {
    pub(crate) mod app;
    mod beside;
    mod changed;
    mod elsewhere;
    pub(crate) mod facts;
    mod measure;
    mod past;
    pub(crate) mod rpc;
    mod standards;
    pub(crate) mod store;
    mod unread;
    mod unsent;
}

/// Who is credited with what, and why.
mod credit {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    pub(crate) mod rpc;
    pub(crate) mod step;
    pub(crate) mod store;
}

/// Months that are closed by themselves.
mod schedule {
    mod above;
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod facts;
    mod look;
    pub(crate) mod rpc;
    pub(crate) mod step;
    pub(crate) mod store;
}

/// The background work of runs, cycles and schedules.
mod closing {
    pub(crate) mod app;
    mod reuse;
    mod unread;
    pub(crate) mod worker;
}

/// Which cycles a correction touches.
mod change {
    pub(crate) mod app;
    pub(crate) mod domain;
    mod reckons;
    mod rests;
    pub(crate) mod rpc;
    mod touched;
}

/// What is odd about somebody, and putting it right.
mod finding {
    pub(crate) mod app;
    pub(crate) mod rpc;
}

/// What is forgotten of an erased person.
mod erasure {
    pub(crate) mod app;
    mod domain;
}

/// A closed cycle derived again, and held against what is stored.
mod replay {
    pub(crate) mod app;
    mod domain;
    pub(crate) mod rpc;
}

/// What crosses the border of a region, and the register of it.
mod transfer {
    pub(crate) mod app;
    pub(crate) mod domain;
    pub(crate) mod rpc;
    pub(crate) mod store;
}

use std::sync::Arc;

use tally_access::OpContext;
use tally_api::performance::v1::attribution_run_service_server::AttributionRunServiceServer;
use tally_api::performance::v1::attribution_service_server::AttributionServiceServer;
use tally_api::performance::v1::audit_service_server::AuditServiceServer;
use tally_api::performance::v1::card_service_server::CardServiceServer;
use tally_api::performance::v1::change_service_server::ChangeServiceServer;
use tally_api::performance::v1::claim_service_server::ClaimServiceServer;
use tally_api::performance::v1::cycle_service_server::CycleServiceServer;
use tally_api::performance::v1::event_service_server::EventServiceServer;
use tally_api::performance::v1::finding_service_server::FindingServiceServer;
use tally_api::performance::v1::measure_service_server::MeasureServiceServer;
use tally_api::performance::v1::observation_service_server::ObservationServiceServer;
use tally_api::performance::v1::privacy_service_server::PrivacyServiceServer;
use tally_api::performance::v1::record_service_server::RecordServiceServer;
use tally_api::performance::v1::replay_service_server::ReplayServiceServer;
use tally_api::performance::v1::reply_service_server::ReplyServiceServer;
use tally_api::performance::v1::schedule_service_server::ScheduleServiceServer;
use tally_api::performance::v1::scheme_service_server::SchemeServiceServer;
use tally_api::performance::v1::transfer_service_server::TransferServiceServer;
use tally_app::directory::Directory;
use tally_cache::Cache;
use tally_kernel::{Clock, Rng};
use tally_privacy::{Before, Follower, Subject};
use tally_rpc::{SigningKeys, limited};
use tally_runtime::{Compute, Service};
use tally_store::Store;
use tokio::sync::Notify;
use tonic::service::Routes;

pub use migrations::migrations;
pub use peers::Peers;
pub use policy::POLICY;
pub use trusted::Trusted;

/// The service's name.
pub const SERVICE: &str = "performance";

/// What the service stands on.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Its own store.
    pub store: Store,
    /// Hears the bell of identity's events.
    pub cache: Cache,
    /// The services it calls.
    pub peers: Peers,
    /// What it signs files with that leave the region.
    pub signing: SigningKeys,
    /// Whose files it believes.
    pub trusted: Trusted,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// The pool of heavy work.
    pub compute: Compute,
    /// A month that was closed before is closed again: ids with characters that nobody sees, which were taken then, are taken.
    pub replays: bool,
    /// Nothing is ever removed here: a suite for one job, whose inputs are kept as files.
    pub keeps_all: bool,
}

/// What every room works with. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct App {
    store: Store,
    peers: Peers,
    directory: Directory,
    signing: SigningKeys,
    trusted: Trusted,
    clock: Clock,
    rng: Rng,
    compute: Compute,
    /// See [`Deps::replays`].
    replays: bool,
    kept: kept::Kept,
    accounts: Arc<accounts::Accounts>,
    /// Told when work was put down in this process.
    wake: Arc<Notify>,
    /// What goes where records go.
    follow: record::facts::Follow,
    watched_cycles: watch::Watched<cycle::domain::Cycle>,
    watched_runs: watch::Watched<run::domain::AttributionRun>,
}

/// The service: its servers and its background work.
pub fn build(deps: Deps) -> Service {
    let Deps { store, cache, peers, signing, trusted, clock, rng, compute, replays, keeps_all } = deps;
    let (accounts, wake, watched_cycles, watched_runs) = Default::default();
    let follow: record::facts::Follow = |work, account, ids| Box::pin(reply::facts::follow(work, account, ids));
    let directory = Directory::new(peers.identity.clone());
    let kept = kept::Kept::new(peers.clone(), keeps_all);
    let app = App {
        store,
        peers,
        directory,
        signing,
        trusted,
        clock,
        rng,
        compute,
        replays,
        kept,
        accounts,
        wake,
        follow,
        watched_cycles,
        watched_runs,
    };
    let routes = Routes::new(limited!(RecordServiceServer::new(record::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ReplyServiceServer::new(reply::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ClaimServiceServer::new(claim::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ObservationServiceServer::new(observation::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(MeasureServiceServer::new(measure::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(SchemeServiceServer::new(scheme::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(AttributionRunServiceServer::new(run::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(CycleServiceServer::new(cycle::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(AttributionServiceServer::new(credit::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(FindingServiceServer::new(finding::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(CardServiceServer::new(card::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ChangeServiceServer::new(change::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ScheduleServiceServer::new(schedule::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(ReplayServiceServer::new(replay::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(TransferServiceServer::new(transfer::rpc::Rpc { app: app.clone() })))
        .add_service(limited!(EventServiceServer::new(events::Rpc { store: app.store.clone() })))
        .add_service(limited!(PrivacyServiceServer::new(privacy::Rpc {
            store: app.store.clone(),
            identity: app.peers.identity.clone(),
        })))
        .add_service(limited!(AuditServiceServer::new(audit::Rpc { store: app.store.clone() })));
    let mut background = closing::worker::tasks(&app);
    background.push(tally_privacy::follower::<policy::ErasePerson>(follower(app, cache)));
    Service { name: SERVICE, routes, background }
}

fn follower(app: App, cache: Cache) -> Follower {
    let (store, identity) = (app.store.clone(), app.peers.identity.clone());
    let (clock, rng) = (app.clock.clone(), app.rng.clone());
    let before: Before = Arc::new(move |ctx: OpContext, subject: Subject| {
        let app = app.clone();
        Box::pin(async move { erasure::app::forget(&app, &ctx, &subject).await })
    });
    let data_tables = privacy::DATA_TABLES;
    let after = None;
    Follower { service: SERVICE, store, identity, cache, clock, rng, data_tables, after, before: Some(before) }
}
