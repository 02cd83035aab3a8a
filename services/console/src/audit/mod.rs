//! What happened: the logs of all services as one, whether they are whole, closed months derived again, and the explanations of what was
//! decided.

mod chain;
mod exports;
pub mod live;
mod log;
mod merge;
mod replay;

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
        path: "/audit/chain",
        label: "NAV_AUDIT_CHAIN",
        icon: "shield-check",
        group: Group::Audit,
        audience: For::Others(Permission::AuditRead),
    },
    Screen {
        path: "/audit/replay",
        label: "NAV_AUDIT_REPLAY",
        icon: "refresh-cw",
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
    Router::new()
        .route("/audit/log", get(log::log))
        .route("/audit/chain", get(chain::chain))
        .route("/audit/chain/live", get(chain::begun))
        .route("/audit/chain/progress", get(chain::progress))
        .route("/audit/replay", get(replay::replay))
        .route("/audit/replay/live", get(replay::begun))
        .route("/audit/replay/progress", get(replay::progress))
        .route("/audit/exports", get(exports::exports))
}

/// What pages of tests are given: English, and nobody signed in.
#[cfg(test)]
fn ui_of_tests() -> crate::ui::Ui {
    let shared = crate::ui::Shared {
        me: None,
        choices: crate::ui::Choices::default(),
        here: "/audit".to_owned(),
        csrf: String::new(),
        nonce: String::new(),
        seed: String::new(),
        done: None,
        screens: SCREENS,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    crate::ui::Ui::new(std::sync::Arc::new(shared), &tally_kernel::msg!("NAV_AUDIT"))
}
