//! Who may what, and why: grants, roles, delegations, emergencies, logins, keys, sign-on.

mod account;
mod grants;
mod keys;
pub mod logins;
mod providers;
mod review;
mod roles;
mod sessions;
mod temporary;
mod why;

use axum::Router;
use axum::routing::{get, post};
use tally_access::Permission;

use crate::console::Console;
use crate::ui::screens::{For, Group, Screen};

const fn screen(path: &'static str, label: &'static str, icon: &'static str, audience: For) -> Screen {
    Screen { path, label, icon, group: Group::Audit, audience }
}

/// Its screens.
pub const SCREENS: &[Screen] = &[
    screen("/access/why", "NAV_WHY", "eye", For::Any(Permission::GrantRead)),
    screen("/access/review", "NAV_REVIEW", "shield-check", For::Others(Permission::GrantRead)),
    screen("/access/grants", "NAV_GRANTS", "badge-check", For::Others(Permission::GrantRead)),
    screen("/access/logins", "NAV_LOGINS", "log-in", For::Others(Permission::GrantRead)),
    screen("/access/roles", "NAV_ROLES", "list-checks", For::Others(Permission::GrantRead)),
    screen("/access/delegations", "NAV_DELEGATIONS", "handshake", For::Any(Permission::DelegationWrite)),
    screen("/access/emergencies", "NAV_EMERGENCIES", "triangle-alert", For::Any(Permission::BreakGlassReview)),
    screen("/access/keys", "NAV_KEYS", "key-round", For::Any(Permission::ServiceAccountWrite)),
    screen("/access/providers", "NAV_PROVIDERS", "globe", For::Any(Permission::SsoWrite)),
    Screen { path: "/account", label: "NAV_ACCOUNT", icon: "user-round", group: Group::Mine, audience: For::All },
];

/// Its pages.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/account", get(account::show))
        .route("/account/password", get(account::password).post(account::change_password))
        .route("/account/factor", get(account::factor).post(account::confirm_factor))
        .route("/account/factor/remove", get(account::leave_factor).post(account::remove_factor))
        .route("/account/sessions/{id}/end", post(account::end_session))
        .route("/account/sessions/end-all", post(account::end_all))
        .route("/access/grants", get(grants::list))
        .route("/access/grants/new", get(grants::new).post(grants::grant))
        .route("/access/grants/{id}/revoke", get(grants::leave).post(grants::revoke))
        .route("/access/logins", get(logins::list))
        .route("/access/logins/new", get(logins::new).post(logins::create))
        .route("/access/logins/{id}/sessions", get(sessions::list))
        .route("/access/logins/{id}/sessions/end", get(sessions::form).post(sessions::end))
        .route("/access/logins/{id}/reset", get(logins::lost).post(logins::reset))
        .route("/access/roles", get(roles::list))
        .route("/access/roles/new", get(roles::new).post(roles::define))
        .route("/access/roles/{name}", get(roles::show).post(roles::define))
        .route("/access/review", get(review::list))
        .route("/access/why", get(why::ask))
        .route("/access/delegations", get(temporary::delegations))
        .route("/access/delegations/new", get(temporary::new_delegation).post(temporary::delegate))
        .route("/access/delegations/{id}/end", post(temporary::end_delegation))
        .route("/access/emergencies", get(temporary::emergencies))
        .route("/access/emergencies/new", get(temporary::new_emergency).post(temporary::open_emergency))
        .route("/access/emergencies/{id}/end", post(temporary::end_emergency))
        .route("/access/emergencies/{id}/review", get(temporary::look_at).post(temporary::review_emergency))
        .route("/access/keys", get(keys::list))
        .route("/access/keys/new-account", get(keys::new_account).post(keys::create_account))
        .route("/access/keys/new", get(keys::new).post(keys::create))
        .route("/access/keys/{id}/revoke", get(keys::leave).post(keys::revoke))
        .route("/access/providers", get(providers::list))
        .route("/access/providers/put", get(providers::new).post(providers::put))
        .route("/access/providers/{name}/remove", post(providers::remove))
}
