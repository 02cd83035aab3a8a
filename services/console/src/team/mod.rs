//! A supervisor's team: the month, accounts over time, findings, hand-overs, rosters.
//!
//! From below to above: lanes and duty, then moments, fix and month, then the pages.

mod accounts;
mod duty;
mod findings;
mod fix;
mod handovers;
mod lanes;
mod moments;
mod month;
mod person;
mod record;
mod roster;
mod shifts;
mod timeline;

use axum::Router;
use axum::routing::{get, post};
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[
    screen("/team", "NAV_TEAM_MONTH", "trophy", Permission::CardRead),
    screen("/team/accounts", "NAV_TEAM_ACCOUNTS", "chart-column", Permission::OccupancyRead),
    screen("/team/findings", "NAV_FINDINGS", "triangle-alert", Permission::CreditRead),
    screen("/team/handovers", "NAV_HANDOVERS", "handshake", Permission::HandoverRead),
    screen("/team/roster", "NAV_ROSTER", "calendar-days", Permission::RosterRead),
];

const fn screen(path: &'static str, label: &'static str, icon: &'static str, permission: Permission) -> Screen {
    Screen { path, label, icon, group: Group::Team, audience: For::Others(permission) }
}

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/team", get(month::month))
        .route("/team/people/{id}", get(person::person))
        .route("/team/accounts", get(accounts::accounts))
        .route("/team/accounts/{id}", get(timeline::timeline))
        .route("/team/records/{account}/{external}", get(record::record))
        .route("/team/findings", get(findings::list))
        .route("/team/findings/{id}", get(findings::one).post(findings::apply))
        .route("/team/handovers", get(handovers::list))
        .route("/team/handovers/new", get(handovers::new_form).post(handovers::add))
        .route("/team/handovers/{id}", get(handovers::one).post(handovers::correct))
        .route("/team/roster", get(roster::roster))
        .route("/team/roster/new", get(shifts::new_form).post(shifts::publish))
        .route("/team/roster/{id}", get(shifts::shift))
        .route("/team/roster/{id}/{deed}", post(shifts::carry))
}
