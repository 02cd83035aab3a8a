//! The people of a branch or the group: a list as of any day.

mod list;

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
    Router::new().route("/people", get(list::list))
}
