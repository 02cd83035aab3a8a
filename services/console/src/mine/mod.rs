//! What an agent sees of their own: today, the month, the pay, and the facts behind. Made for a phone first; it can be installed, and punches
//! work without a network.

mod app;
mod calendar;
mod day;
mod month;
mod own;
mod pay;
mod queue;
mod records;
mod right;
mod today;

use axum::Router;
use axum::routing::{get, post};
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[
    Screen {
        path: "/my/today",
        label: "NAV_TODAY",
        icon: "timer",
        group: Group::Mine,
        audience: For::Self_(Permission::PunchRecord),
    },
    Screen {
        path: "/my/month",
        label: "NAV_MONTH",
        icon: "chart-column",
        group: Group::Mine,
        audience: For::Self_(Permission::CardRead),
    },
    Screen {
        path: "/my/pay",
        label: "NAV_MY_PAY",
        icon: "wallet",
        group: Group::Mine,
        audience: For::Self_(Permission::StatementReadPay),
    },
    Screen {
        path: "/my/facts",
        label: "NAV_FACTS",
        icon: "calendar-days",
        group: Group::Mine,
        audience: For::Self_(Permission::PunchRead),
    },
];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/my/today", get(today::today))
        .route("/my/punches", post(today::punch))
        .route("/my/handovers", post(today::hand_over))
        .route("/my/queue", get(queue::key).post(queue::late))
        .route("/my/month", get(month::month))
        .route("/my/records", get(records::list))
        .route("/my/records/{cycle}/{account}/{record}", get(records::one))
        .route("/my/pay", get(pay::list))
        .route("/my/pay/{settlement}", get(pay::one))
        .route("/my/facts", get(calendar::month))
        .route("/my/facts/day/{day}", get(calendar::day))
        .route("/my/facts/right", get(right::ask).post(right::send))
        .route("/my/facts/fix", post(right::fix))
        .route("/my/facts/withdraw", post(right::withdraw))
        .route("/offline", get(app::offline))
        .route("/sw.js", get(app::worker))
        .route("/manifest.webmanifest", get(app::manifest))
}
