//! What happened: the logs of all services as one, and the explanations of what was decided.

mod exports;
mod log;
mod merge;

use axum::Router;
use axum::routing::get;
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[
    Screen {
        path: "/audit/log",
        label: "NAV_AUDIT_LOG",
        icon: "scroll-text",
        group: Group::Audit,
        audience: For::Others(Permission::AuditRead),
    },
    Screen {
        path: "/audit/exports",
        label: "NAV_AUDIT_EXPORTS",
        icon: "files",
        group: Group::Audit,
        audience: For::Others(Permission::AuditRead),
    },
];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new().route("/audit/log", get(log::log)).route("/audit/exports", get(exports::exports))
}
