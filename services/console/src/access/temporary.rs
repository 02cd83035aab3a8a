//! Rights for some time: delegations, and emergencies.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::break_glass_service_client::BreakGlassServiceClient;
use tally_api::identity::v1::delegation_service_client::DelegationServiceClient;
use tally_api::identity::v1::{
    BreakGlass, DelegateRequest, Delegation, EndBreakGlassRequest, EndDelegationRequest, ListBreakGlassesRequest,
    ListDelegationsRequest, OpenBreakGlassRequest, ReviewBreakGlassRequest, ScopeKind,
};
use tally_kernel::{Error, Result, msg};

use super::grants::{of_unit, reach};
use super::logins::{self, List, Principals};
use crate::act::{Act, all_right, missing};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, as_sent, instant};
use crate::visit::{Sent, Visit};

/// For how many minutes an emergency may last.
const MINUTES: [u32; 4] = [15, 30, 45, 60];

/// A field of permissions: names with commas between.
fn permissions_field(ui: &Ui) -> Field {
    Field::new(ui, "permissions", "UI_PERMISSIONS", Kind::Long).required().hint(ui.t("UI_PERMISSIONS_HINT"))
}

/// The names in it.
pub fn permissions(text: &str) -> Vec<String> {
    text.split([',', ';', ' ', '\n', '\r', '，', '；']).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// `GET /access/delegations`.
pub async fn delegations(visit: Visit) -> Response<Body> {
    visit.list(delegated(&visit).await, |page| &page.table)
}

async fn delegated(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_DELEGATIONS"));
    let client = DelegationServiceClient::new(visit.channel("identity")?);
    let all = tally_rpc::pages(async |page_token| {
        let ask = ListDelegationsRequest { page_size: names::AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_delegations(visit.request(ask)).await?.into_inner();
        Ok((page.delegations, page.next_page_token))
    });
    let principals = Principals::of(visit).await?;
    let all: Vec<Delegation> = all.await?;
    let columns = vec![
        Column::text(&ui, "from", "UI_DELEGATOR"),
        Column::text(&ui, "to", "UI_DELEGATE"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "until", "UI_UNTIL_WHEN"),
        Column::text(&ui, "permissions", "UI_PERMISSIONS"),
        Column::text(&ui, "reason", "UI_REASON"),
    ];
    let row = |it: &Delegation| {
        let until = it.until.as_ref().and_then(instant);
        let over = it.ended_at.is_some() || until.is_some_and(|until| until <= ui.now());
        Row {
            id: it.delegation_id.clone(),
            href: String::new(),
            cells: vec![
                Cell::text(principals.said(&it.delegator_id)),
                Cell::text(principals.said(&it.delegate_id)),
                if over { Cell::pill(ui.t("UI_OVER"), "plain") } else { Cell::pill(ui.t("UI_HOLDS"), "good") },
                Cell::when(ui.moment(it.until.as_ref()), until.map_or(0, |at| at.as_second())),
                Cell::code(it.permissions.join(", ")),
                Cell::text(&it.reason),
            ],
        }
    };
    let rows = all.iter().map(row).collect();
    let said = ui.t("UI_DELEGATIONS_SAID");
    let table = Table::new(&ui, ("delegations", "NAV_DELEGATIONS", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let act = ("/access/delegations/new", ui.t("UI_DELEGATE_NOW"));
    Ok(List { ui, table, act: (act.0.to_owned(), act.1), said })
}

async fn page_delegation(visit: &Visit) -> Result<Act> {
    let ui = visit.ui(&msg!("UI_DELEGATE_NOW")).below("/access/delegations", visit.ui(&msg!("NAV_DELEGATIONS")).title);
    let to = if visit.me().may(Permission::GrantRead) {
        let (logins, principals) = futures::try_join!(logins::all(visit), Principals::of(visit))?;
        let choice = |login: tally_api::identity::v1::Login| {
            let name = principals.said(&login.principal_id);
            Choice::new(login.principal_id, name)
        };
        Kind::Choice(logins.into_iter().map(choice).collect())
    } else {
        Kind::Text
    };
    let form = Form::new(&ui, "/access/delegations/new", "delegate", "UI_DELEGATE_NOW")
        .with(Field::new(&ui, "delegate_id", "UI_DELEGATE", to).required())
        .with(permissions_field(&ui))
        .with(Field::new(&ui, "until", "UI_UNTIL_WHEN", Kind::Moment).required().hint(ui.zone_said()))
        .with(Field::new(&ui, "reason", "UI_REASON", Kind::Long).required());
    Ok(Act::new(ui, form, "/access/delegations"))
}

/// `GET /access/delegations/new`.
pub async fn new_delegation(visit: Visit) -> Response<Body> {
    visit.page(page_delegation(&visit).await)
}

/// `POST /access/delegations/new`.
pub async fn delegate(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_delegation(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let until = page.ui.typed_moment(sent.get("until"));
    let done = async {
        all_right(missing(&sent, &["delegate_id", "permissions", "until", "reason"]))?;
        let delegation = Delegation {
            delegate_id: sent.get("delegate_id").to_owned(),
            permissions: permissions(sent.get("permissions")),
            until: until.map(as_sent),
            reason: sent.get("reason").to_owned(),
            ..Default::default()
        };
        let ask = DelegateRequest { request_id: sent.request_id(), delegation: Some(delegation) };
        told(DelegationServiceClient::new(visit.channel("identity")?).delegate(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, ("/access/delegations", "DELEGATED"))
}

/// `POST /access/delegations/{id}/end`.
pub async fn end_delegation(visit: Visit, Path(delegation_id): Path<String>, sent: Sent) -> Response<Body> {
    let ask = EndDelegationRequest { request_id: sent.request_id(), delegation_id };
    let done = async {
        told(DelegationServiceClient::new(visit.channel("identity")?).end_delegation(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done("/access/delegations", "DELEGATION_ENDED"),
        Err(error) => visit.refused(&error),
    }
}

async fn all_emergencies(visit: &Visit) -> Result<Vec<BreakGlass>> {
    let client = BreakGlassServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListBreakGlassesRequest { page_size: names::AT_ONCE, page_token };
        let page = client.clone().list_break_glasses(visit.request(ask)).await?.into_inner();
        Ok((page.break_glasses, page.next_page_token))
    })
    .await
}

/// `GET /access/emergencies`.
pub async fn emergencies(visit: Visit) -> Response<Body> {
    visit.list(opened(&visit).await, |page| &page.table)
}

async fn opened(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_EMERGENCIES"));
    let asks = futures::try_join!(all_emergencies(visit), Principals::of(visit), names::units(visit, "", None));
    let (all, principals, units) = asks?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "who", "UI_WHO"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "until", "UI_UNTIL_WHEN"),
        Column::text(&ui, "reach", "UI_REACH"),
        Column::text(&ui, "permissions", "UI_PERMISSIONS"),
        Column::text(&ui, "reason", "UI_REASON"),
        Column::text(&ui, "finding", "UI_REVIEWED"),
    ];
    let row = |it: &BreakGlass| {
        let until = it.until.as_ref().and_then(instant);
        let over = it.ended_at.is_some() || until.is_some_and(|until| until <= ui.now());
        let state = match (over, it.reviewed_by.is_empty()) {
            (false, _) => Cell::pill(ui.t("UI_HOLDS"), "bad"),
            (true, true) => Cell::pill(ui.t("UI_TO_REVIEW"), "warn"),
            (true, false) => Cell::pill(ui.t("UI_REVIEWED"), "good"),
        };
        Row {
            id: it.break_glass_id.clone(),
            href: if it.reviewed_by.is_empty() {
                format!("/access/emergencies/{}/review", it.break_glass_id)
            } else {
                String::new()
            },
            cells: vec![
                Cell::text(principals.said(&it.principal_id)),
                state,
                Cell::when(ui.moment(it.until.as_ref()), until.map_or(0, |at| at.as_second())),
                Cell::text(reach(&ui, &units, (it.scope(), &it.scope_ref))),
                Cell::code(it.permissions.join(", ")),
                Cell::text(format!("{} {}", it.ticket, it.reason)),
                Cell::text(&it.finding),
            ],
        }
    };
    let rows = all.iter().map(row).collect();
    let table = Table::new(&ui, ("emergencies", "NAV_EMERGENCIES", "UI_NO_EMERGENCIES"), &visit.asked(), columns, rows);
    let may = visit.me().may(Permission::BreakGlass);
    let act = if may { ("/access/emergencies/new".to_owned(), ui.t("UI_OPEN_EMERGENCY")) } else { Default::default() };
    let said = ui.t("UI_EMERGENCIES_SAID");
    Ok(List { ui, table, act: (act.0.to_owned(), act.1), said })
}

async fn page_emergency(visit: &Visit) -> Result<Act> {
    let ui =
        visit.ui(&msg!("UI_OPEN_EMERGENCY")).below("/access/emergencies", visit.ui(&msg!("NAV_EMERGENCIES")).title);
    let units = Names::of_units(&names::units(visit, "", None).await?);
    let scopes = [ScopeKind::Unit, ScopeKind::Subtree, ScopeKind::LegalEntity, ScopeKind::Region, ScopeKind::Tenant];
    let scope = |kind: ScopeKind| Choice::new(kind.as_str_name(), ui.word(kind.as_str_name()));
    let minutes = MINUTES.map(|it| Choice::new(it.to_string(), ui.say(&msg!("UI_MINUTES", count = it))));
    let code = Field::new(&ui, "code", "UI_CODE", Kind::Code).required().autocomplete("one-time-code");
    let form = Form::new(&ui, "/access/emergencies/new", "emergency", "UI_OPEN_EMERGENCY")
        .danger()
        .with(permissions_field(&ui))
        .with(Field::new(&ui, "scope", "UI_REACH", Kind::Choice(scopes.map(scope).into())).required())
        .with(Field::new(&ui, "unit", "UI_UNIT", Kind::Choice(units.choices())).hint(ui.t("UI_UNIT_OF_REACH")))
        .with(Field::text(&ui, "region", "UI_REGION").hint(ui.t("UI_REGION_OF_REACH")))
        .with(Field::text(&ui, "ticket", "UI_TICKET").required())
        .with(Field::new(&ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_TWENTY")))
        .with(Field::new(&ui, "minutes", "UI_FOR_HOW_LONG", Kind::Choice(minutes.into())).required().value("15"))
        .with(code.hint(ui.t("UI_CODE_HINT")));
    let said = ui.t("UI_EMERGENCIES_SAID");
    Ok(Act::new(ui, form, "/access/emergencies").note("warn", said))
}

/// `GET /access/emergencies/new`.
pub async fn new_emergency(visit: Visit) -> Response<Body> {
    visit.page(page_emergency(&visit).await)
}

/// `POST /access/emergencies/new`.
pub async fn open_emergency(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_emergency(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["permissions", "scope", "ticket", "reason", "minutes", "code"]))?;
        let scope = ScopeKind::from_str_name(sent.get("scope")).unwrap_or_default();
        let text = |name: &str| sent.get(name).to_owned();
        let ask = OpenBreakGlassRequest {
            request_id: sent.request_id(),
            permissions: permissions(sent.get("permissions")),
            scope: scope.into(),
            scope_ref: if scope == ScopeKind::Region { text("region") } else { of_unit(scope, &sent) },
            reason: text("reason"),
            ticket: text("ticket"),
            minutes: sent.get("minutes").parse().unwrap_or_default(),
            code: text("code"),
        };
        told(BreakGlassServiceClient::new(visit.channel("identity")?).open_break_glass(visit.request(ask)))
            .await
            .map(|_| ())
    };
    page.answered(&visit, &sent, done.await, ("/access/emergencies", "EMERGENCY_OPENED"))
}

/// `POST /access/emergencies/{id}/end`.
pub async fn end_emergency(visit: Visit, Path(break_glass_id): Path<String>, sent: Sent) -> Response<Body> {
    let ask = EndBreakGlassRequest { request_id: sent.request_id(), break_glass_id };
    let done = async {
        told(BreakGlassServiceClient::new(visit.channel("identity")?).end_break_glass(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done("/access/emergencies", "EMERGENCY_ENDED"),
        Err(error) => visit.refused(&error),
    }
}

async fn page_review(visit: &Visit, id: &str) -> Result<Act> {
    let (all, principals) = futures::try_join!(all_emergencies(visit), Principals::of(visit))?;
    let found = all.into_iter().find(|it| it.break_glass_id == id).ok_or_else(|| Error::not_found("emergency", id))?;
    let name = principals.said(&found.principal_id);
    let ui =
        visit.ui(&msg!("UI_EMERGENCY_OF", name)).below("/access/emergencies", visit.ui(&msg!("NAV_EMERGENCIES")).title);
    let own = found.principal_id == visit.me().principal_id;
    let (action, submit) = if own { ("end", "UI_END_EMERGENCY") } else { ("review", "UI_REVIEW_NOW") };
    let mut form = Form::new(&ui, format!("/access/emergencies/{id}/{action}"), "review", submit);
    if !own {
        form = form.with(Field::new(&ui, "finding", "UI_WHAT_WAS_FOUND", Kind::Long).required());
    }
    let said = format!("{} · {} · {}", found.ticket, found.reason, found.permissions.join(", "));
    Ok(Act::new(ui, form, "/access/emergencies").note("plain", said))
}

/// `GET /access/emergencies/{id}/review`.
pub async fn look_at(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_review(&visit, &id).await)
}

/// `POST /access/emergencies/{id}/review`.
pub async fn review_emergency(visit: Visit, Path(break_glass_id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_review(&visit, &break_glass_id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["finding"]))?;
        let finding = sent.get("finding").to_owned();
        let ask = ReviewBreakGlassRequest { request_id: sent.request_id(), break_glass_id, finding };
        told(BreakGlassServiceClient::new(visit.channel("identity")?).review_break_glass(visit.request(ask)))
            .await
            .map(|_| ())
    };
    page.answered(&visit, &sent, done.await, ("/access/emergencies", "EMERGENCY_REVIEWED"))
}
