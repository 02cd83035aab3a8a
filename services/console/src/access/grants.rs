//! Who holds which role where, since when, and why.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_api::identity::v1::role_service_client::RoleServiceClient;
use tally_api::identity::v1::{
    Grant, GrantRoleRequest, ListGrantsRequest, ListRolesRequest, RevokeGrantRequest, Role, ScopeKind,
};
use tally_kernel::{Result, msg};

use super::logins::{List, Principals};
use crate::act::{self, Act, all_right, days, missing};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

const SCOPES: [ScopeKind; 7] = [
    ScopeKind::Self_,
    ScopeKind::Reports,
    ScopeKind::Unit,
    ScopeKind::Subtree,
    ScopeKind::LegalEntity,
    ScopeKind::Region,
    ScopeKind::Tenant,
];

/// The roles of the group.
///
/// # Errors
/// What identity refuses.
pub async fn roles(visit: &Visit) -> Result<Vec<Role>> {
    let client = RoleServiceClient::new(visit.channel("identity")?);
    told(client.clone().list_roles(visit.request(ListRolesRequest {}))).await.map(|reply| reply.roles)
}

async fn grants(visit: &Visit) -> Result<Vec<Grant>> {
    let client = AccessServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListGrantsRequest { page_size: names::AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_grants(visit.request(ask)).await?.into_inner();
        Ok((page.grants, page.next_page_token))
    })
    .await
}

/// What a grant reaches, in words.
pub fn reach(ui: &Ui, units: &Names, (scope, scope_ref): (ScopeKind, &str)) -> String {
    let kind = ui.word(scope.as_str_name());
    match scope {
        ScopeKind::Unit | ScopeKind::Subtree | ScopeKind::LegalEntity => format!("{kind}: {}", units.said(scope_ref)),
        ScopeKind::Region => format!("{kind}: {scope_ref}"),
        _ => kind,
    }
}

/// `GET /access/grants`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_GRANTS"));
    let (grants, principals, units) =
        futures::try_join!(grants(visit), Principals::of(visit), names::units(visit, "", None))?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "who", "UI_WHO"),
        Column::text(&ui, "role", "UI_ROLE").filtered(),
        Column::text(&ui, "reach", "UI_REACH"),
        Column::text(&ui, "days", "UI_DAYS"),
        Column::text(&ui, "condition", "UI_CONDITION"),
        Column::text(&ui, "reason", "UI_REASON"),
        Column::text(&ui, "by", "UI_GIVEN_BY").hidden(),
    ];
    let may = visit.me().may(Permission::GrantWrite);
    let row = |grant: &Grant| Row {
        id: grant.grant_id.clone(),
        href: if may { format!("/access/grants/{}/revoke", grant.grant_id) } else { String::new() },
        cells: vec![
            Cell::text(principals.said(&grant.principal_id)),
            Cell::text(role_name(&ui, &grant.role)),
            Cell::text(reach(&ui, &units, (grant.scope(), &grant.scope_ref))),
            Cell::when(days(&ui, &grant.valid_from, &grant.valid_to), act::sortable(&grant.valid_from)),
            Cell::text(condition(&ui, grant)),
            Cell::text(&grant.reason),
            Cell::text(principals.said(&grant.granted_by)),
        ],
    };
    let rows = grants.iter().map(row).collect();
    let table = Table::new(&ui, ("grants", "NAV_GRANTS", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let act = if may { ("/access/grants/new".to_owned(), ui.t("UI_NEW_GRANT")) } else { Default::default() };
    Ok(List { ui, table, act, said: String::new() })
}

/// The name of a role: the ready ones have one in each language, the group's own are called as it called them.
pub fn role_name(ui: &Ui, role: &str) -> String {
    let id = format!("ROLE_{}", role.to_ascii_uppercase());
    let word = ui.word(&id);
    if word == id { role.to_owned() } else { word }
}

fn condition(ui: &Ui, grant: &Grant) -> String {
    let factor = if grant.second_factor { ui.t("UI_WITH_FACTOR") } else { String::new() };
    [factor, grant.hours.clone()].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ")
}

fn form(ui: &Ui, (roles, units, logins): (&[Role], &Names, &[(String, String)])) -> Form {
    let role = |role: &Role| Choice::new(&role.name, role_name(ui, &role.name));
    let scope = |kind: ScopeKind| Choice::new(kind.as_str_name(), ui.word(kind.as_str_name()));
    let login = |(id, name): &(String, String)| Choice::new(id, name);
    Form::new(ui, "/access/grants/new", "grant", "UI_NEW_GRANT")
        .with(Field::new(ui, "principal_id", "UI_WHO", Kind::Choice(logins.iter().map(login).collect())).required())
        .with(Field::new(ui, "role", "UI_ROLE", Kind::Choice(roles.iter().map(role).collect())).required())
        .with(Field::new(ui, "scope", "UI_REACH", Kind::Choice(SCOPES.into_iter().map(scope).collect())).required())
        .with(Field::new(ui, "unit", "UI_UNIT", Kind::Choice(units.choices())).hint(ui.t("UI_UNIT_OF_REACH")))
        .with(Field::text(ui, "region", "UI_REGION").hint(ui.t("UI_REGION_OF_REACH")))
        .with(act::day_field(ui, "valid_from", "UI_FIRST_DAY"))
        .with(Field::new(ui, "valid_to", "UI_LAST_DAY", Kind::Date))
        .with(Field::new(ui, "second_factor", "UI_ONLY_WITH_FACTOR", Kind::Check))
        .with(Field::text(ui, "hours", "UI_ONLY_AT_HOURS").hint(ui.t("UI_HOURS_HINT")))
        .with(Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")))
}

/// `GET /access/grants/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

async fn page_new(visit: &Visit) -> Result<Act> {
    let ui = visit.ui(&msg!("UI_NEW_GRANT")).below("/access/grants", visit.ui(&msg!("NAV_GRANTS")).title);
    let asks = futures::try_join!(
        roles(visit),
        names::units(visit, "", None),
        super::logins::all(visit),
        Principals::of(visit)
    );
    let (roles, units, logins, principals) = asks?;
    let named = |login: tally_api::identity::v1::Login| {
        let name = principals.said(&login.principal_id);
        let name = if name == login.login { name } else { format!("{name} · {}", login.login) };
        (login.principal_id, name)
    };
    let mut logins: Vec<_> = logins.into_iter().map(named).collect();
    logins.sort_by(|a, b| ui.format.order(&a.1, &b.1));
    let form = form(&ui, (&roles, &Names::of_units(&units), &logins));
    let said = ui.t("UI_GRANT_SAID");
    Ok(Act::new(ui, form, "/access/grants").note("plain", said))
}

/// `POST /access/grants/new`.
pub async fn grant(visit: Visit, sent: Sent) -> Response<Body> {
    match page_new(&visit).await {
        Ok(page) => page.answered(&visit, &sent, granted(&visit, &sent).await, ("/access/grants", "GRANT_GIVEN")),
        Err(error) => visit.refused(&error),
    }
}

async fn granted(visit: &Visit, sent: &Sent) -> Result<()> {
    all_right(missing(sent, &["principal_id", "role", "scope", "valid_from", "reason"]))?;
    let text = |name: &str| sent.get(name).to_owned();
    let scope = ScopeKind::from_str_name(sent.get("scope")).unwrap_or_default();
    let grant = Grant {
        principal_id: text("principal_id"),
        role: text("role"),
        scope: scope.into(),
        scope_ref: if scope == ScopeKind::Region { text("region") } else { of_unit(scope, sent) },
        valid_from: text("valid_from"),
        valid_to: text("valid_to"),
        reason: text("reason"),
        second_factor: sent.get("second_factor") == "yes",
        hours: text("hours"),
        ..Default::default()
    };
    let ask = GrantRoleRequest { request_id: sent.request_id(), grant: Some(grant), login: String::new() };
    told(AccessServiceClient::new(visit.channel("identity")?).grant_role(visit.request(ask))).await.map(|_| ())
}

/// The unit that was chosen, where the kind of reach takes one.
pub fn of_unit(scope: ScopeKind, sent: &Sent) -> String {
    let takes = matches!(scope, ScopeKind::Unit | ScopeKind::Subtree | ScopeKind::LegalEntity);
    if takes { sent.get("unit").to_owned() } else { String::new() }
}

async fn page_leave(visit: &Visit, id: &str) -> Result<Act> {
    let (grants, principals, units) =
        futures::try_join!(grants(visit), Principals::of(visit), names::units(visit, "", None))?;
    let grant = grants.into_iter().find(|grant| grant.grant_id == id);
    let grant = grant.ok_or_else(|| tally_kernel::Error::not_found("grant", id))?;
    let ui = visit.ui(&msg!("UI_REVOKE_GRANT")).below("/access/grants", visit.ui(&msg!("NAV_GRANTS")).title);
    let (name, role) = (principals.said(&grant.principal_id), role_name(&ui, &grant.role));
    let reach = reach(&ui, &Names::of_units(&units), (grant.scope(), &grant.scope_ref));
    let said = ui.say(&msg!("UI_REVOKE_SAID", name, role, reach));
    let form = Form::new(&ui, format!("/access/grants/{id}/revoke"), "revoke", "UI_REVOKE_GRANT").danger();
    let reason = Field::new(&ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT"));
    Ok(Act::new(ui, form.with(reason), "/access/grants").note("warn", said))
}

/// `GET /access/grants/{id}/revoke`.
pub async fn leave(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_leave(&visit, &id).await)
}

/// `POST /access/grants/{id}/revoke`.
pub async fn revoke(visit: Visit, Path(grant_id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_leave(&visit, &grant_id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["reason"]))?;
        let ask = RevokeGrantRequest { request_id: sent.request_id(), grant_id, reason: sent.get("reason").to_owned() };
        told(AccessServiceClient::new(visit.channel("identity")?).revoke_grant(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, ("/access/grants", "GRANT_TAKEN"))
}
