//! Legal holds: what they cover is neither erased nor removed when its time is over.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::identity::v1::hold_service_client::HoldServiceClient;
use tally_api::identity::v1::{Hold, LiftHoldRequest, ListHoldsRequest, SetHoldRequest};
use tally_kernel::{Error, Result, msg};

use crate::access::logins::{List, Principals};
use crate::act::{Act, all_right, allowed, missing};
use crate::console::told;
use crate::names::{self, AT_ONCE};
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

const LIST: &str = "/platform/holds";

/// All of them.
///
/// # Errors
/// What identity refuses.
pub async fn all(visit: &Visit) -> Result<Vec<Hold>> {
    let client = HoldServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListHoldsRequest { standing: false, page_size: AT_ONCE, page_token };
        let page = client.clone().list_holds(visit.request(ask)).await?.into_inner();
        Ok((page.holds, page.next_page_token))
    })
    .await
}

/// `GET /platform/holds`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_HOLDS"));
    let (holds, people, principals) = futures::try_join!(all(visit), names::people(visit), Principals::of(visit))?;
    let columns = vec![
        Column::text(&ui, "of", "UI_HOLD_ON"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
        Column::text(&ui, "reason", "UI_REASON"),
        Column::text(&ui, "by", "UI_HOLD_BY"),
        Column::text(&ui, "since", "UI_SINCE"),
    ];
    let may = visit.me().may(Permission::HoldWrite);
    let row = |hold: &Hold| {
        let stands = hold.lifted_at.is_none();
        let of = if hold.person_id.is_empty() { ui.t("UI_WHOLE_GROUP") } else { people.said(&hold.person_id) };
        let since = hold.set_at.as_ref().and_then(instant);
        Row {
            id: hold.hold_id.clone(),
            href: if may && stands { format!("{LIST}/{}/lift", hold.hold_id) } else { String::new() },
            cells: vec![
                Cell::text(of),
                if stands {
                    Cell::pill(ui.t("UI_HOLD_STANDS"), "warn")
                } else {
                    Cell::pill(lifted(&ui, hold), "plain")
                },
                Cell::text(&hold.reason),
                Cell::text(principals.said(&hold.set_by)),
                Cell::when(ui.moment(hold.set_at.as_ref()), since.map_or(0, |at| at.as_second())),
            ],
        }
    };
    let rows = holds.iter().map(row).collect();
    let table = Table::new(&ui, ("holds", "NAV_HOLDS", "UI_NO_HOLDS"), &visit.asked(), columns, rows);
    let act = if may { ("/platform/holds/new".to_owned(), ui.t("UI_NEW_HOLD")) } else { Default::default() };
    let said = ui.t("UI_HOLDS_SAID");
    Ok(List { ui, table, act, said })
}

/// When and why it was lifted.
fn lifted(ui: &Ui, hold: &Hold) -> String {
    let (at, reason) = (ui.moment(hold.lifted_at.as_ref()), hold.lift_reason.clone());
    ui.say(&msg!("UI_HOLD_LIFTED", at, reason))
}

fn reason(ui: &Ui) -> Field {
    Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_NAME_NOBODY"))
}

async fn page_new(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::HoldWrite)?;
    let people = names::people(visit).await?;
    let ui = visit.ui(&msg!("UI_NEW_HOLD")).below(LIST, visit.ui(&msg!("NAV_HOLDS")).title);
    let person =
        Field::new(&ui, "person_id", "UI_PERSON", Kind::Choice(people.choices())).hint(ui.t("UI_HOLD_ALL_HINT"));
    let form = Form::new(&ui, "/platform/holds/new", "hold", "UI_NEW_HOLD").with(person).with(reason(&ui));
    Ok(Act::new(ui, form, LIST))
}

/// `GET /platform/holds/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

/// `POST /platform/holds/new`.
pub async fn set(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_new(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["reason"]))?;
        let (person_id, reason) = (sent.get("person_id").to_owned(), sent.get("reason").to_owned());
        let ask = SetHoldRequest { request_id: sent.request_id(), person_id, reason };
        told(HoldServiceClient::new(visit.channel("identity")?).set_hold(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (LIST, "HOLD_SET"))
}

async fn page_lift(visit: &Visit, id: &str) -> Result<Act> {
    allowed(visit, Permission::HoldWrite)?;
    let (holds, people) = futures::try_join!(all(visit), names::people(visit))?;
    let hold = holds.into_iter().find(|hold| hold.hold_id == id).ok_or_else(|| Error::not_found("hold", id))?;
    let ui = visit.ui(&msg!("UI_LIFT_HOLD")).below(LIST, visit.ui(&msg!("NAV_HOLDS")).title);
    let of = if hold.person_id.is_empty() { ui.t("UI_WHOLE_GROUP") } else { people.said(&hold.person_id) };
    let said = ui.say(&msg!("UI_LIFT_SAID", of, reason = hold.reason));
    let form = Form::new(&ui, format!("{LIST}/{id}/lift"), "lift", "UI_LIFT_HOLD").danger().with(reason(&ui));
    Ok(Act::new(ui, form, LIST).note("warn", said))
}

/// `GET /platform/holds/{id}/lift`.
pub async fn leave(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page_lift(&visit, &id).await)
}

/// `POST /platform/holds/{id}/lift`.
pub async fn lift(visit: Visit, Path(hold_id): Path<String>, sent: Sent) -> Response<Body> {
    let page = match page_lift(&visit, &hold_id).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["reason"]))?;
        let ask = LiftHoldRequest { request_id: sent.request_id(), hold_id, reason: sent.get("reason").to_owned() };
        told(HoldServiceClient::new(visit.channel("identity")?).lift_hold(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (LIST, "HOLD_LIFTED"))
}
