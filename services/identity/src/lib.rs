//! Identity: groups, the dated org tree, people and employments, sign-in, roles and grants.
//!
//! What everybody else needs of it are tokens ([`KeyRing`] publishes the keys that verify them) and compiled access views
//! ([`OwnViews`] compiles them). Access facts are grants, org units and employments: whoever changes one holds the
//! group's lock first and counts its revision on, in the same transaction.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: revision, tenant, org, catalogue, rate, person, reporting, role, access, delegation, entitlement, break_glass,
//!   check, session, login, sso, service_account, hold, retention, erasure, directory
//! - done: policy, keys, revision, render, events, errors, privacy, audit, termination, tenant_purge,
//!   entitlement, views, access, session, login, service_account, sso, check, role, delegation, break_glass,
//!   catalogue, rate, reporting, directory, hold, retention, export, erasure, org, person, tenant, words

mod access;
mod audit;
mod break_glass;
mod catalogue;
mod check;
mod delegation;
mod directory;
mod entitlement;
mod erasure;
mod errors;
mod events;
mod export;
mod hold;
mod keys;
mod login;
mod migrations;
mod org;
mod person;
mod policy;
mod privacy;
mod rate;
mod render;
mod reporting;
mod retention;
mod revision;
mod role;
mod service_account;
mod session;
mod sso;
mod tenant;
mod tenant_purge;
mod termination;
mod views;
#[cfg(test)]
mod words;

use std::sync::Arc;

use tally_api::identity::v1::access_service_server::AccessServiceServer;
use tally_api::identity::v1::audit_service_server::AuditServiceServer;
use tally_api::identity::v1::break_glass_service_server::BreakGlassServiceServer;
use tally_api::identity::v1::catalogue_service_server::CatalogueServiceServer;
use tally_api::identity::v1::check_service_server::CheckServiceServer;
use tally_api::identity::v1::delegation_service_server::DelegationServiceServer;
use tally_api::identity::v1::directory_service_server::DirectoryServiceServer;
use tally_api::identity::v1::entitlement_service_server::EntitlementServiceServer;
use tally_api::identity::v1::erasure_service_server::ErasureServiceServer;
use tally_api::identity::v1::event_service_server::EventServiceServer;
use tally_api::identity::v1::hold_service_server::HoldServiceServer;
use tally_api::identity::v1::login_service_server::LoginServiceServer;
use tally_api::identity::v1::org_service_server::OrgServiceServer;
use tally_api::identity::v1::person_service_server::PersonServiceServer;
use tally_api::identity::v1::rate_service_server::RateServiceServer;
use tally_api::identity::v1::reporting_service_server::ReportingServiceServer;
use tally_api::identity::v1::retention_service_server::RetentionServiceServer;
use tally_api::identity::v1::role_service_server::RoleServiceServer;
use tally_api::identity::v1::service_account_service_server::ServiceAccountServiceServer;
use tally_api::identity::v1::session_service_server::SessionServiceServer;
use tally_api::identity::v1::sso_service_server::SsoServiceServer;
use tally_api::identity::v1::tenant_service_server::TenantServiceServer;
use tally_cache::Cache;
use tally_kernel::{Clock, Error, Result, Rng};
use tally_rpc::{SigningKeys, limited};
use tally_runtime::{Compute, Service};
use tally_store::Store;
use tonic::service::Routes;

use session::unknown_login_throttle::UnknownLoginThrottle;

pub use keys::{KeyRing, PUBLISH_AHEAD, open_or_create, rotate};
pub use migrations::migrations;
pub use org::domain::ALWAYS;
pub use policy::POLICY;
pub use privacy::{DATA_TABLES, GROUP};
pub use tenant::facts::{places_of, regions_of_groups, was_made};
pub use tenant::invitation::{MAX_DAYS, invite};
pub use views::OwnViews;

/// The service's name.
pub const SERVICE: &str = "identity";

/// What identity is built from.
pub struct Deps {
    /// Its store.
    pub store: Store,
    /// Where wrong tries at unknown names are counted.
    pub cache: Cache,
    /// Its signing keys.
    pub signing: SigningKeys,
    /// The public keys it publishes: its own and those of the services. Give the same to the stack.
    pub keys: Arc<KeyRing>,
    /// Its views. Give the same to the stack.
    pub views: Arc<OwnViews>,
    /// Where passwords are hashed.
    pub compute: Compute,
    /// Tells the time of its background work.
    pub clock: Clock,
    /// Gives salts and ids.
    pub rng: Rng,
    /// A month that was closed before is closed again: ids with characters that nobody sees, which were taken then, are taken.
    pub replays: bool,
}

/// What every use case needs.
pub(crate) struct App {
    store: Store,
    signing: SigningKeys,
    keys: Arc<KeyRing>,
    views: Arc<OwnViews>,
    compute: Compute,
    /// See [`Deps::replays`].
    replays: bool,
    /// A hash nobody knows the password of: what an unknown name is tried against, so that it takes as long.
    no_password: String,
    /// Wrong tries at names that nobody has.
    unknown_logins: UnknownLoginThrottle,
    /// What identity providers say of themselves.
    sso: sso::discovery::Discovery,
}

/// Builds the service.
///
/// # Errors
/// A fault of ours in hashing.
pub fn build(deps: Deps) -> Result<Service> {
    let Deps { store, cache, signing, keys, views, compute, clock, rng, replays } = deps;
    let nobody: [u8; 32] = rng.bytes();
    let nobody = session::domain::Password::typed(String::from_utf8_lossy(&nobody).into_owned());
    let no_password = session::domain::hash(&nobody, rng.bytes())?;
    let sso = sso::discovery::Discovery::new(sso::http::Client::new().map_err(Error::internal)?);
    let unknown_logins = UnknownLoginThrottle::new(cache);
    let purges = tenant_purge::task(store.clone(), clock, rng);
    let app = Arc::new(App { store, signing, keys, views, compute, replays, no_password, unknown_logins, sso });
    let audit = audit::Rpc { store: app.store.clone() };
    let routes = Routes::new(limited!(TenantServiceServer::new(tenant::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(OrgServiceServer::new(org::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(PersonServiceServer::new(person::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(ReportingServiceServer::new(reporting::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(CatalogueServiceServer::new(catalogue::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(RateServiceServer::new(rate::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(SessionServiceServer::new(session::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(LoginServiceServer::new(login::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(ServiceAccountServiceServer::new(service_account::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(SsoServiceServer::new(sso::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(AccessServiceServer::new(access::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(CheckServiceServer::new(check::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(RoleServiceServer::new(role::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(DelegationServiceServer::new(delegation::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(BreakGlassServiceServer::new(break_glass::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(HoldServiceServer::new(hold::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(RetentionServiceServer::new(retention::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(ErasureServiceServer::new(erasure::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(EventServiceServer::new(events::Rpc { store: app.store.clone() })))
        .add_service(limited!(DirectoryServiceServer::new(directory::rpc::Rpc(Arc::clone(&app)))))
        .add_service(limited!(EntitlementServiceServer::new(entitlement::rpc::Rpc(app))))
        .add_service(limited!(AuditServiceServer::new(audit)));
    Ok(Service { name: SERVICE, routes, background: vec![purges] })
}
