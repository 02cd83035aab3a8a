//! Pay: pools, settlements with their four eyes, statements, what is put right afterwards, and rates of exchange.

mod corrections;
pub mod names;
mod pool_form;
mod pools;
mod rates;
mod settlement;
mod settlements;
pub mod shared;
mod statement;
mod statements;

use axum::Router;
use axum::routing::get;
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

/// Its screens.
pub const SCREENS: &[Screen] = &[
    screen("/pay/pools", "NAV_POOLS", "coins", Permission::PoolRead),
    screen("/pay/settlements", "NAV_SETTLEMENTS", "banknote", Permission::SettlementRead),
    screen("/pay/statements", "NAV_STATEMENTS", "receipt", Permission::StatementRead),
    screen("/pay/corrections", "NAV_PAY_CORRECTIONS", "undo-2", Permission::SettlementRead),
    // Whoever may read anything of the group may read rates; they matter to those who have to do with pay.
    screen("/pay/rates", "NAV_RATES", "arrow-left-right", Permission::SettlementRead),
];

const fn screen(path: &'static str, label: &'static str, icon: &'static str, permission: Permission) -> Screen {
    Screen { path, label, icon, group: Group::Pay, audience: For::Others(permission) }
}

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/pay/pools", get(pools::list))
        .route("/pay/pools/new", get(pools::ask).post(pools::create))
        .route("/pay/pools/{pool}", get(pools::one))
        .route("/pay/settlements", get(settlements::list))
        .route("/pay/settlements/new", get(settlements::ask).post(settlements::draft))
        .route("/pay/settlements/{settlement}", get(settlement::one).post(settlement::act))
        .route("/pay/statements", get(statements::list))
        .route("/pay/statements/{settlement}/{person}", get(statement::one))
        .route("/pay/corrections", get(corrections::list))
        .route("/pay/corrections/new", get(corrections::ask).post(corrections::draft))
        .route("/pay/corrections/{correction}", get(corrections::one).post(corrections::act))
        .route("/pay/rates", get(rates::list).post(rates::set))
}
