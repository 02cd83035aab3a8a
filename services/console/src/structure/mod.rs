//! The org tree, accounts with their phases, aliases and devices, sites, the catalogue, and the inbox of corrections.

mod accounts;
mod aliases;
mod catalogue;
mod corrections;
mod devices;
mod org;
mod pages;
mod sites;
mod uses;

use axum::Router;
use axum::routing::get;
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[
    screen("/org", "NAV_ORG", "network", Permission::OrgRead),
    screen("/corrections", "NAV_CORRECTIONS", "list-checks", Permission::CorrectionRead),
    screen("/accounts", "NAV_ACCOUNTS", "headset", Permission::AccountRead),
    screen("/aliases", "NAV_ALIASES", "link", Permission::AliasRead),
    screen("/devices", "NAV_DEVICES", "monitor-smartphone", Permission::DeviceRead),
    screen("/sites", "NAV_SITES", "building-2", Permission::SiteRead),
    screen("/catalogue", "NAV_CATALOGUE", "files", Permission::OrgRead),
];

const fn screen(path: &'static str, label: &'static str, icon: &'static str, permission: Permission) -> Screen {
    Screen { path, label, icon, group: Group::Branch, audience: For::Others(permission) }
}

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/org", get(org::tree))
        .route("/org/new", get(org::deeds::new_form).post(org::deeds::add))
        .route("/org/{id}", get(org::unit))
        .route("/org/{id}/{deed}", get(org::deeds::form).post(org::deeds::carry))
        .route("/accounts", get(accounts::list))
        .route("/accounts/new", get(accounts::new_form).post(accounts::add))
        .route("/accounts/{id}", get(accounts::account))
        .route("/accounts/{id}/phase", get(accounts::phase_form).post(accounts::add_phase))
        .route("/aliases", get(aliases::list))
        .route("/aliases/new", get(aliases::new_form).post(aliases::add))
        .route("/aliases/{id}", get(aliases::alias))
        .route("/aliases/{id}/{deed}", get(aliases::form).post(aliases::carry))
        .route("/devices", get(devices::list))
        .route("/devices/new", get(devices::new_form).post(devices::add))
        .route("/devices/uses", get(uses::list))
        .route("/devices/{id}", get(devices::device))
        .route("/devices/{id}/{deed}", get(devices::form).post(devices::carry))
        .route("/sites", get(sites::list))
        .route("/sites/new", get(sites::new_form).post(sites::add))
        .route("/catalogue", get(catalogue::list))
        .route("/catalogue/new", get(catalogue::new_form).post(catalogue::add))
        .route("/corrections", get(corrections::list))
        .route("/corrections/{id}", get(corrections::correction))
        .route("/corrections/{id}/{deed}", axum::routing::post(corrections::decide))
}
