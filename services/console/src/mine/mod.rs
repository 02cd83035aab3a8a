//! What an agent sees of their own: today, the month, the pay, and the facts behind.

use axum::Router;

use crate::console::Console;
use crate::ui::screens::Screen;

/// Its screens.
pub const SCREENS: &[Screen] = &[];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
}
