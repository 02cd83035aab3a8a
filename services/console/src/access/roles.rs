//! Roles: the ready ones, and the group's own.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::role_service_client::RoleServiceClient;
use tally_api::identity::v1::{DefineRoleRequest, Role, ScopeKind};
use tally_kernel::{Error, Result, msg};

use super::grants::{role_name, roles};
use super::logins::List;
use crate::act::{all_right, missing};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// Scopes that a role of the group's own may be given on.
const SCOPES: [ScopeKind; 7] = [
    ScopeKind::Self_,
    ScopeKind::Reports,
    ScopeKind::Unit,
    ScopeKind::Subtree,
    ScopeKind::LegalEntity,
    ScopeKind::Region,
    ScopeKind::Tenant,
];

/// A role, with all permissions there are.
#[derive(Template)]
#[template(path = "access/role.html")]
struct Page {
    ui: Ui,
    form: Form,
    /// What it is for.
    description: String,
    /// By module: permissions, and whether the role has each.
    modules: Vec<(&'static str, Vec<Ticked>)>,
    scopes: Vec<Ticked>,
    /// It can be changed, by this reader.
    open: bool,
    /// It is part of the program.
    ready: bool,
}

/// Something that is chosen or not.
struct Ticked {
    value: String,
    label: String,
    ticked: bool,
}

/// `GET /access/roles`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_ROLES"));
    let columns = vec![
        Column::text(&ui, "role", "UI_ROLE"),
        Column::text(&ui, "kind", "UI_KIND").filtered(),
        Column::number(&ui, "permissions", "UI_PERMISSIONS"),
        Column::text(&ui, "scopes", "UI_REACH"),
        Column::text(&ui, "what", "UI_WHAT_FOR"),
    ];
    let row = |role: &Role| {
        let scopes: Vec<_> = role.scopes().map(|scope| ui.word(scope.as_str_name())).collect();
        Row {
            id: role.name.clone(),
            href: format!("/access/roles/{}", role.name),
            cells: vec![
                Cell::text(role_name(&ui, &role.name)),
                Cell::text(ui.t(if role.ready { "UI_ROLE_READY" } else { "UI_ROLE_OWN" })),
                Cell::number(ui.format.count(role.permissions.len()), role.permissions.len() as u64),
                Cell::text(scopes.join(", ")),
                Cell::text(&role.description),
            ],
        }
    };
    let rows = roles(visit).await?.iter().map(row).collect();
    let table = Table::new(&ui, ("roles", "NAV_ROLES", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let may = visit.me().may(Permission::RoleWrite);
    let act = if may { ("/access/roles/new".to_owned(), ui.t("UI_NEW_ROLE")) } else { Default::default() };
    Ok(List { ui, table, act, said: String::new() })
}

fn page(visit: &Visit, role: Option<&Role>) -> Page {
    let ui = visit.ui(&msg!("UI_NEW_ROLE")).below("/access/roles", visit.ui(&msg!("NAV_ROLES")).title);
    let ui = if let Some(role) = role {
        let name = role_name(&ui, &role.name);
        ui.titled(name)
    } else {
        ui
    };
    let role_or_none = role.cloned().unwrap_or_default();
    let action = role.map_or_else(|| "/access/roles/new".to_owned(), |role| format!("/access/roles/{}", role.name));
    let mut form = Form::new(&ui, action, "role", "UI_SAVE");
    form = match role {
        None => form.with(Field::text(&ui, "name", "UI_NAME").required().hint(ui.t("UI_ROLE_NAME_HINT"))),
        Some(role) => {
            form.with(Field::hidden("name", &role.name)).with(Field::hidden("version", role.version.to_string()))
        }
    };
    form = form
        .with(Field::text(&ui, "description", "UI_WHAT_FOR").required().value(&role_or_none.description))
        .with(Field::new(&ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")));
    let has = |name: &str| role_or_none.permissions.iter().any(|held| held == name);
    let permission = |it: &Permission| Ticked {
        value: it.name().to_owned(),
        label: it.name().split_once('.').map_or(it.name(), |(_, rest)| rest).to_owned(),
        ticked: has(it.name()),
    };
    let module = |module: &'static str| {
        let of = Permission::ALL.iter().filter(|it| it.module() == module).map(permission).collect();
        (module, of)
    };
    let scope = |kind: ScopeKind| Ticked {
        value: kind.as_str_name().to_owned(),
        label: ui.word(kind.as_str_name()),
        ticked: role_or_none.scopes().any(|it| it == kind),
    };
    Page {
        description: role_or_none.description.clone(),
        modules: ["identity", "attendance", "performance", "compensation", "talent", "suite"].map(module).into(),
        scopes: SCOPES.into_iter().map(scope).collect(),
        open: visit.me().may(Permission::RoleWrite) && !role_or_none.ready,
        ready: role_or_none.ready,
        form,
        ui,
    }
}

/// `GET /access/roles/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(Ok(page(&visit, None)))
}

/// `GET /access/roles/{name}`.
pub async fn show(visit: Visit, Path(name): Path<String>) -> Response<Body> {
    let found = roles(&visit).await.and_then(|roles| {
        let role = roles.into_iter().find(|role| role.name == name);
        role.ok_or_else(|| Error::not_found("role", &name))
    });
    visit.page(found.map(|role| page(&visit, Some(&role))))
}

/// `POST /access/roles/new` and `/access/roles/{name}`.
pub async fn define(visit: Visit, sent: Sent) -> Response<Body> {
    let role = Role {
        name: sent.get("name").to_owned(),
        description: sent.get("description").to_owned(),
        permissions: sent.all("permissions").map(str::to_owned).collect(),
        scopes: sent.all("scopes").filter_map(ScopeKind::from_str_name).map(i32::from).collect(),
        ready: false,
        version: sent.get("version").parse().unwrap_or_default(),
    };
    let done = async {
        all_right(missing(&sent, &["name", "description", "reason"]))?;
        let reason = sent.get("reason").to_owned();
        let ask = DefineRoleRequest { request_id: sent.request_id(), role: Some(role.clone()), reason };
        told(RoleServiceClient::new(visit.channel("identity")?).define_role(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done("/access/roles", "ROLE_DEFINED"),
        Err(error) => {
            let mut page = page(&visit, Some(&role).filter(|role| role.version > 0));
            page.scopes.iter_mut().for_each(|it| it.ticked = sent.all("scopes").any(|sent| sent == it.value));
            let permissions = page.modules.iter_mut().flat_map(|(_, of)| of);
            permissions.for_each(|it| it.ticked = role.permissions.contains(&it.value));
            page.form = page.form.refused(&page.ui, sent.fields(), &error);
            visit.wrong(Ok(page), &error)
        }
    }
}
