//! A supervisor's team: the month, accounts over time, findings, hand-overs, rosters.

use axum::Router;

use crate::console::Console;
use crate::ui::screens::Screen;

/// Its screens.
pub const SCREENS: &[Screen] = &[];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
}
