//! The sessions of a login, for whoever gives out logins: where somebody is signed in, and ending all of that.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_api::identity::v1::{EndAllSessionsRequest, ListSessionsRequest, Session};
use tally_kernel::{Result, msg};

use super::logins::{List, Principals};
use crate::act::{Act, allowed, sure};
use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::form::Form;
use crate::ui::instant;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// `GET /access/logins/{id}/sessions`.
pub async fn list(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.list(listed(&visit, &id).await, |page| &page.table)
}

async fn listed(visit: &Visit, id: &str) -> Result<List> {
    let client = SessionServiceClient::new(visit.channel("identity")?);
    let all = tally_rpc::pages(async |page_token| {
        let ask = ListSessionsRequest { principal_id: id.to_owned(), page_size: AT_ONCE, page_token };
        let page = client.clone().list_sessions(visit.request(ask)).await?.into_inner();
        Ok((page.sessions, page.next_page_token))
    });
    let (sessions, principals) = futures::try_join!(all, Principals::of(visit))?;
    let name = principals.said(id);
    let ui = visit.ui(&msg!("UI_SESSIONS_OF", name));
    let logins = ui.t("NAV_LOGINS");
    let ui = ui.below("/access/logins", logins);
    let columns = vec![
        Column::text(&ui, "client", "UI_SESSION_CLIENT"),
        Column::text(&ui, "method", "UI_SESSION_METHOD").filtered(),
        Column::text(&ui, "began", "UI_SESSION_BEGAN"),
        Column::text(&ui, "used", "UI_LAST_USED"),
        Column::text(&ui, "until", "UI_UNTIL_WHEN"),
    ];
    let when = |at: Option<&prost_types::Timestamp>| {
        Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second()))
    };
    let row = |it: &Session| Row {
        id: it.session_id.clone(),
        href: String::new(),
        cells: vec![
            Cell::text(&it.client),
            Cell::text(ui.word(&format!("SESSION_{}", it.method.to_uppercase()))),
            when(it.created_at.as_ref()),
            when(it.used_at.as_ref()),
            when(it.expires_at.as_ref()),
        ],
    };
    let rows = sessions.iter().map(row).collect();
    let table = Table::new(&ui, ("sessions", "UI_SESSIONS", "UI_NO_SESSIONS"), &visit.asked(), columns, rows);
    let said = ui.t("UI_SESSIONS_SAID");
    let end = (format!("/access/logins/{id}/sessions/end"), ui.t("UI_END_SESSIONS"));
    let act = if visit.me().may(Permission::LoginWrite) && !sessions.is_empty() { end } else { Default::default() };
    Ok(List { ui, table, act, said })
}

async fn page(visit: &Visit, id: &str) -> Result<Act> {
    allowed(visit, Permission::LoginWrite)?;
    let name = Principals::of(visit).await?.said(id);
    let ui = visit.ui(&msg!("UI_SESSIONS_OF", name)).below("/access/logins", visit.ui(&msg!("NAV_LOGINS")).title);
    let form = Form::new(&ui, format!("/access/logins/{id}/sessions/end"), "end", "UI_END_SESSIONS").danger();
    let (form, said) = (form.with(sure(&ui)), ui.t("UI_END_SESSIONS_SAID"));
    Ok(Act::new(ui, form, format!("/access/logins/{id}/sessions")).note("warn", said))
}

/// `GET /access/logins/{id}/sessions/end`.
pub async fn form(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page(&visit, &id).await)
}

/// `POST /access/logins/{id}/sessions/end`: everywhere at once.
pub async fn end(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page(&visit, &id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        let ask = EndAllSessionsRequest { request_id: sent.request_id(), principal_id: id.clone() };
        told(SessionServiceClient::new(visit.channel("identity")?).end_all_sessions(visit.request(ask)))
            .await
            .map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (&format!("/access/logins/{id}/sessions"), "LOGIN_SESSIONS_ENDED"))
}
