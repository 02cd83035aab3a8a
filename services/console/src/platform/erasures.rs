//! Erasing people who left: asked for by one, approved by another, finished when every service has done its part.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::erasure_service_client::ErasureServiceClient;
use tally_api::identity::v1::{
    ApproveErasureRequest, Erasure, GetErasureRequest, ListErasuresRequest, RejectErasureRequest,
    RequestErasureRequest, WithdrawErasureRequest,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use crate::access::logins::{List, Principals};
use crate::act::{self, Act, all_right, allowed, missing};
use crate::console::told;
use crate::names::{self, AT_ONCE};
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

const LIST: &str = "/platform/erasures";

/// One erasure, and what each service did of it.
#[derive(Template)]
#[template(path = "platform/erasure.html")]
struct One {
    ui: Ui,
    state: (String, &'static str),
    facts: Vec<(String, String)>,
    /// What each service has done: its name, when, and of how many rows.
    parts: Vec<(String, String, String)>,
    /// What can be done: address and name.
    acts: Vec<(String, String)>,
}

/// All of them.
///
/// # Errors
/// What identity refuses.
pub async fn all(visit: &Visit) -> Result<Vec<Erasure>> {
    let client = ErasureServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListErasuresRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_erasures(visit.request(ask)).await?.into_inner();
        Ok((page.erasures, page.next_page_token))
    })
    .await
}

/// Where it stands, and the tone of that.
fn state(ui: &Ui, it: &Erasure) -> (String, &'static str) {
    if it.dropped_at.is_some() {
        (ui.t("UI_ERASURE_DROPPED"), "plain")
    } else if it.completed_at.is_some() {
        (ui.t("UI_ERASURE_COMPLETED"), "good")
    } else if it.approved_by.is_empty() {
        (ui.t("UI_ERASURE_WAITS"), "warn")
    } else {
        (ui.t("UI_ERASURE_UNDER_WAY"), "accent")
    }
}

/// `GET /platform/erasures`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_ERASURES"));
    let (erasures, people, principals) = futures::try_join!(all(visit), names::people(visit), Principals::of(visit))?;
    let columns = vec![
        Column::text(&ui, "of", "UI_PERSON"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "reason", "UI_REASON"),
        Column::text(&ui, "by", "UI_ASKED_BY"),
        Column::text(&ui, "at", "UI_ASKED_AT"),
    ];
    let row = |it: &Erasure| {
        let (said, tone) = state(&ui, it);
        let asked = it.requested_at.as_ref().and_then(instant);
        Row {
            id: it.erasure_id.clone(),
            href: format!("{LIST}/{}", it.erasure_id),
            cells: vec![
                Cell::text(people.said(&it.person_id)),
                Cell::pill(said, tone),
                Cell::text(&it.reason),
                Cell::text(principals.said(&it.requested_by)),
                Cell::when(ui.moment(it.requested_at.as_ref()), asked.map_or(0, |at| at.as_second())),
            ],
        }
    };
    let rows = erasures.iter().map(row).collect();
    let table = Table::new(&ui, ("erasures", "NAV_ERASURES", "UI_NO_ERASURES"), &visit.asked(), columns, rows);
    let may = visit.me().may(Permission::ErasureRequest);
    let act = if may { ("/platform/erasures/new".to_owned(), ui.t("UI_NEW_ERASURE")) } else { Default::default() };
    let said = ui.t("UI_ERASURES_SAID");
    Ok(List { ui, table, act, said })
}

async fn found(visit: &Visit, id: &str) -> Result<Erasure> {
    let ask = GetErasureRequest { erasure_id: id.to_owned() };
    let found = told(ErasureServiceClient::new(visit.channel("identity")?).get_erasure(visit.request(ask))).await?;
    found.erasure.ok_or_else(|| Error::not_found("erasure", id))
}

/// `GET /platform/erasures/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

async fn shown(visit: &Visit, id: &str) -> Result<One> {
    let (it, people, principals) = futures::try_join!(found(visit, id), names::people(visit), Principals::of(visit))?;
    let ui = visit.ui(&msg!("NAV_ERASURES")).titled(people.said(&it.person_id));
    let ui = ui.below(LIST, visit.ui(&msg!("NAV_ERASURES")).title);
    let at = |label: &str, by: &str, at: Option<&prost_types::Timestamp>| {
        at.map(|at| (ui.t(label), format!("{} · {}", ui.moment(Some(at)), principals.said(by))))
    };
    let mut facts = vec![(ui.t("UI_REASON"), it.reason.clone())];
    facts.extend(at("UI_ASKED_AT", &it.requested_by, it.requested_at.as_ref()));
    facts.extend(at("UI_APPROVED", &it.approved_by, it.erased_at.as_ref()));
    facts.extend(at("UI_ERASURE_DROPPED", &it.dropped_by, it.dropped_at.as_ref()));
    if !it.drop_reason.is_empty() {
        facts.push((ui.t("UI_WHY_DROPPED"), it.drop_reason.clone()));
    }
    let part = |part: &tally_api::identity::v1::ErasurePart| {
        (ui.module(&part.service), ui.moment(part.done_at.as_ref()), ui.format.count(part.rows))
    };
    let parts = it.parts.iter().map(part).collect();
    let deeds = offered(visit, &it).into_iter();
    let acts = deeds.map(|(deed, label)| (format!("{LIST}/{id}/{deed}"), ui.t(label))).collect();
    Ok(One { state: state(&ui, &it), facts, parts, acts, ui })
}

/// What the reader may do to it, as its address says it, and what that is called. Nobody approves what they asked for.
fn offered(visit: &Visit, it: &Erasure) -> Vec<(&'static str, &'static str)> {
    let me = visit.me();
    if !it.approved_by.is_empty() || it.dropped_at.is_some() {
        return Vec::new();
    }
    let own = it.requested_by == me.principal_id;
    let mut deeds = Vec::new();
    if me.may(Permission::ErasureApprove) && !own {
        deeds.extend([("approve", "UI_APPROVE_ERASURE"), ("reject", "UI_REJECT_ERASURE")]);
    }
    if me.may(Permission::ErasureRequest) {
        deeds.push(("withdraw", "UI_WITHDRAW_ERASURE"));
    }
    deeds
}

async fn page(visit: &Visit, id: &str, deed: &str) -> Result<Act> {
    let (it, people) = futures::try_join!(found(visit, id), names::people(visit))?;
    let offered = offered(visit, &it).into_iter().find(|(name, _)| *name == deed);
    let (_, label) = offered.ok_or_else(|| Error::of(ErrorKind::NotFound, msg!("UI_NOTHING_THERE")))?;
    let (back, name) = (format!("{LIST}/{id}"), people.said(&it.person_id));
    let ui = visit.ui(&msg!("NAV_ERASURES")).titled(visit.ui(&msg!("NAV_ERASURES")).t(label));
    let ui = ui.below(LIST, visit.ui(&msg!("NAV_ERASURES")).title).below(back.clone(), &name);
    let form = Form::new(&ui, format!("{LIST}/{id}/{deed}"), "erasure", label);
    if deed == "approve" {
        let said = ui.say(&msg!("UI_APPROVE_ERASURE_SAID", name));
        let form = form.danger().with(act::sure(&ui));
        return Ok(Act::new(ui, form, back).note("bad", said));
    }
    let form = form.with(reason(&ui));
    Ok(Act::new(ui, form, back))
}

fn reason(ui: &Ui) -> Field {
    Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_NAME_NOBODY"))
}

/// `GET /platform/erasures/{id}/{deed}`.
pub async fn form(visit: Visit, Path((id, deed)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &id, &deed).await)
}

/// `POST /platform/erasures/{id}/{deed}`.
pub async fn carry(visit: Visit, Path((id, deed)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    let page = match page(&visit, &id, &deed).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = carried(&visit, &id, &deed, &sent).await;
    let said = match deed.as_str() {
        "approve" => "ERASURE_APPROVED",
        "reject" => "ERASURE_REJECTED",
        _ => "ERASURE_WITHDRAWN",
    };
    page.answered(&visit, &sent, done, (&format!("{LIST}/{id}"), said))
}

async fn carried(visit: &Visit, id: &str, deed: &str, sent: &Sent) -> Result<()> {
    let mut client = ErasureServiceClient::new(visit.channel("identity")?);
    let (request_id, erasure_id) = (sent.request_id(), id.to_owned());
    if deed == "approve" {
        all_right(missing(sent, &["sure"]))?;
        let ask = ApproveErasureRequest { request_id, erasure_id };
        return told(client.approve_erasure(visit.request(ask))).await.map(|_| ());
    }
    all_right(missing(sent, &["reason"]))?;
    let reason = sent.get("reason").to_owned();
    if deed == "reject" {
        let ask = RejectErasureRequest { request_id, erasure_id, reason };
        return told(client.reject_erasure(visit.request(ask))).await.map(|_| ());
    }
    let ask = WithdrawErasureRequest { request_id, erasure_id, reason };
    told(client.withdraw_erasure(visit.request(ask))).await.map(|_| ())
}

async fn page_new(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::ErasureRequest)?;
    let people = names::people(visit).await?;
    let ui = visit.ui(&msg!("UI_NEW_ERASURE")).below(LIST, visit.ui(&msg!("NAV_ERASURES")).title);
    let person = Field::new(&ui, "person_id", "UI_PERSON", Kind::Choice(people.choices())).required();
    let form = Form::new(&ui, "/platform/erasures/new", "erasure", "UI_NEW_ERASURE").with(person).with(reason(&ui));
    let said = ui.t("UI_ERASURES_SAID");
    Ok(Act::new(ui, form, LIST).note("plain", said))
}

/// `GET /platform/erasures/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

/// `POST /platform/erasures/new`.
pub async fn request(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_new(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["person_id", "reason"]))?;
        let (person_id, reason) = (sent.get("person_id").to_owned(), sent.get("reason").to_owned());
        let ask = RequestErasureRequest { request_id: sent.request_id(), person_id, reason };
        told(ErasureServiceClient::new(visit.channel("identity")?).request_erasure(visit.request(ask))).await
    };
    page.answered(&visit, &sent, done.await.map(|_| ()), (LIST, "ERASURE_ASKED"))
}
