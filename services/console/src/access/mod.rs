//! Who may what, and why: grants, roles, delegations, emergencies, logins, keys, sign-on.

use axum::Router;

use crate::console::Console;
use crate::ui::screens::Screen;

/// Its screens.
pub const SCREENS: &[Screen] = &[];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
}
