//! What the platform team and privacy officers run: legal holds, how long data is kept, erasure, and months that close by themselves.

mod erasures;
mod group;
mod holds;
mod kept;
mod overview;
mod retention;
mod schedule_form;
mod schedules;
mod transfers;

use axum::Router;
use axum::routing::{get, post};
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

const fn screen(path: &'static str, label: &'static str, icon: &'static str, audience: For) -> Screen {
    Screen { path, label, icon, group: Group::Platform, audience }
}

/// Its screens.
pub const SCREENS: &[Screen] = &[
    screen("/platform", "NAV_OVERVIEW", "house", For::Any(Permission::HoldRead)),
    screen("/platform/schedules", "NAV_SCHEDULES", "calendar-days", For::Others(Permission::CycleRead)),
    screen("/platform/holds", "NAV_HOLDS", "shield-check", For::Any(Permission::HoldRead)),
    screen("/platform/retention", "NAV_RETENTION", "history", For::Others(Permission::RetentionRead)),
    screen("/platform/erasures", "NAV_ERASURES", "trash-2", For::Any(Permission::ErasureRead)),
    screen("/platform/kept", "NAV_KEPT", "download", For::Others(Permission::ErasureRead)),
    screen("/platform/transfers", "NAV_TRANSFERS", "globe", For::Others(Permission::TransferPrepare)),
    screen("/platform/group", "NAV_GROUP", "building-2", For::Any(Permission::TenantSuspend)),
];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/platform", get(overview::overview))
        .route("/platform/group", get(group::group))
        .route("/platform/group/{deed}", post(group::carry))
        .route("/platform/kept", get(kept::form).post(kept::get))
        .route("/platform/transfers", get(transfers::list))
        .route("/platform/transfers/new", get(transfers::new).post(transfers::prepare))
        .route("/platform/transfers/take", get(transfers::take_form).post(transfers::take))
        .route("/platform/transfers/{id}", get(transfers::one))
        .route("/platform/transfers/{id}/{deed}", post(transfers::carry))
        .route("/platform/retention/run", get(retention::form_run).post(retention::run))
        .route("/platform/holds", get(holds::list))
        .route("/platform/holds/new", get(holds::new).post(holds::set))
        .route("/platform/holds/{id}/lift", get(holds::leave).post(holds::lift))
        .route("/platform/retention", get(retention::list))
        .route("/platform/retention/{kind}", get(retention::one).post(retention::set))
        .route("/platform/erasures", get(erasures::list))
        .route("/platform/erasures/new", get(erasures::new).post(erasures::request))
        .route("/platform/erasures/{id}", get(erasures::one))
        .route("/platform/erasures/{id}/{deed}", get(erasures::form).post(erasures::carry))
        .route("/platform/schedules", get(schedules::list))
        .route("/platform/schedules/new", get(schedule_form::new).post(schedule_form::create))
        .route("/platform/schedules/{id}", get(schedules::one))
        .route("/platform/schedules/{id}/change", get(schedule_form::change).post(schedule_form::update))
        .route("/platform/schedules/{id}/delete", get(schedule_form::end_form).post(schedule_form::end))
        .route("/platform/schedules/{id}/begin", get(schedules::month).post(schedules::begin))
        .route("/platform/schedules/{id}/runs/{run}/stop", post(schedules::stop))
}
