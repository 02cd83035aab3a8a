//! Bring your month: a bundle of files, read, checked and imported.

use axum::Router;

use crate::console::Console;
use crate::ui::screens::Screen;

/// Its screens.
pub const SCREENS: &[Screen] = &[];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
}
