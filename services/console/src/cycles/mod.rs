//! Schemes and cycles: from the form of a scheme to the published month.
//!
//! From below to above:
//!
//! - done: watch, words, data, progress, draft, definition, schemes, scheme_form, measures, review, card, acts, one, act, list, runs, observations

mod act;
mod acts;
mod card;
pub mod data;
mod definition;
mod draft;
mod list;
mod measures;
mod observations;
mod one;
mod progress;
mod review;
mod runs;
mod scheme_form;
mod schemes;
pub mod watch;
mod words;

use axum::routing::get;
use axum::{Extension, Router};
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};
use watch::Watches;

/// Its screens. Everybody may read schemes and cycles, for the own card: these screens are for whoever reads cards of others.
pub const SCREENS: &[Screen] = &[
    screen("/cycles", "NAV_CYCLES", "calendar-clock", Permission::CardRead),
    screen("/schemes", "NAV_SCHEMES", "scale", Permission::CardRead),
    screen("/measures", "NAV_MEASURES", "sliders-horizontal", Permission::CardRead),
    screen("/runs", "NAV_RUNS", "git-branch", Permission::CardRead),
    screen("/observations", "NAV_OBSERVATIONS", "eye", Permission::ObservationRead),
];

const fn screen(path: &'static str, label: &'static str, icon: &'static str, permission: Permission) -> Screen {
    Screen { path, label, icon, group: Group::Branch, audience: For::Others(permission) }
}

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/schemes", get(schemes::list))
        .route("/schemes/new", get(scheme_form::new).post(scheme_form::write))
        .route("/schemes/{id}", get(schemes::one))
        .route("/schemes/{id}/new-version", get(scheme_form::further).post(scheme_form::write_further))
        .route("/schemes/{id}/withdraw", get(schemes::one).post(schemes::withdraw))
        .route("/measures", get(measures::list))
        .route("/measures/new", get(measures::new).post(measures::create))
        .route("/measures/{id}", get(measures::one).post(measures::update))
        .route("/measures/{id}/retire", get(measures::one).post(measures::retire))
        .route("/cycles", get(list::list))
        .route("/cycles/new", get(list::new).post(list::make))
        .route("/cycles/{id}", get(one::one))
        .route("/cycles/{id}/progress", get(one::progress))
        .route("/cycles/{id}/close", get(one::one).post(act::close))
        .route("/cycles/{id}/cancel", get(one::one).post(act::cancel))
        .route("/cycles/{id}/correct", get(one::one).post(act::correct))
        .route("/cycles/{id}/publish", get(one::publish).post(act::publish))
        .route("/cycles/{id}/cards/{person}", get(card::one))
        .route("/cycles/{id}/compare", get(card::compare))
        .route("/runs", get(runs::list))
        .route("/runs/new", get(runs::new).post(runs::start))
        .route("/runs/{id}", get(runs::one))
        .route("/runs/{id}/progress", get(runs::progress))
        .route("/runs/{id}/cancel", get(runs::one).post(runs::cancel))
        .route("/observations", get(observations::list))
        .route("/observations/withdraw", get(observations::confirm).post(observations::withdraw))
        .layer(Extension(Watches::default()))
}
