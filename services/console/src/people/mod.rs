//! The people of a branch or the group: a list as of any day, each with what is known of them, and what can be changed.

mod deeds;
mod known;
mod list;
mod new;
mod person;
mod results;

use axum::Router;
use axum::routing::get;
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[Screen {
    path: "/people",
    label: "NAV_PEOPLE",
    icon: "users",
    group: Group::Branch,
    audience: For::Others(Permission::PersonRead),
}];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/people", get(list::list))
        .route("/people/new", get(new::form).post(new::add))
        .route("/people/{id}", get(person::person))
        .route("/people/{id}/{deed}", get(deeds::form).post(deeds::carry))
}
