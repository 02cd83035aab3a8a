//! What was observed: values that indicators read beside the records, a page at a time.

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::observation_service_client::ObservationServiceClient;
use tally_api::performance::v1::subject::Of;
use tally_api::performance::v1::{
    ListObservationsRequest, ListObservationsResponse, Observation, ObservationEnd, WithdrawObservationRequest,
};
use tally_kernel::error::Kind as ErrorKind;
use tally_kernel::{Error, Result, msg};

use super::words::{self, Fact};
use super::{data, data::client};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// Rows of a page.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "cycles/observations.html")]
struct List {
    ui: Ui,
    table: Table,
    measure: String,
    from: String,
    to: String,
    versions: bool,
    /// Where the next page is, or empty.
    next: String,
}

/// `GET /observations?measure=&from=&to=&versions=&after=`
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn asked(visit: &Visit, page_size: u32) -> Result<ListObservationsResponse> {
    let asked = visit.asked();
    let ask = ListObservationsRequest {
        measure: asked.get("measure").to_owned(),
        from: asked.get("from").to_owned(),
        to: asked.get("to").to_owned(),
        versions: asked.get("versions") == "yes",
        page_token: asked.get("after").to_owned(),
        page_size,
        ..Default::default()
    };
    told(client!(visit, ObservationServiceClient).list_observations(visit.request(ask))).await
}

/// Whom and what observations are about, by name.
struct About {
    people: Names,
    units: Names,
    accounts: Names,
}

async fn about(visit: &Visit) -> Result<About> {
    let (people, units, accounts) =
        futures::try_join!(names::people(visit), names::units(visit, "", None), names::accounts(visit))?;
    Ok(About { people, units: Names::of_units(&units), accounts: Names::of_accounts(&accounts) })
}

impl About {
    fn said(&self, observation: &Observation) -> String {
        match observation.subject.as_ref().and_then(|it| it.of.as_ref()) {
            Some(Of::PersonId(id)) => self.people.said(id),
            Some(Of::UnitId(id)) => self.units.said(id),
            Some(Of::AccountId(id)) => self.accounts.said(id),
            Some(Of::Store(name) | Of::Campaign(name)) => name.clone(),
            None => String::new(),
        }
    }
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_OBSERVATIONS"));
    let (seen, about, measures) = futures::try_join!(asked(visit, PAGE), about(visit), data::measures(visit))?;
    let titles = data::titles(&ui, &measures);
    let columns = vec![
        Column::text(&ui, "about", "UI_ABOUT"),
        Column::text(&ui, "measure", "UI_MEASURE").filtered(),
        Column::text(&ui, "days", "UI_DAYS"),
        Column::number(&ui, "value", "UI_VALUE"),
        Column::text(&ui, "source", "UI_SOURCE").filtered(),
        Column::text(&ui, "came", "UI_CAME_AT"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let may = visit.me().may_others(Permission::ObservationImport);
    let row = |(at, it): (usize, &Observation)| {
        let counts = it.ended() == ObservationEnd::Unspecified;
        Row {
            id: format!("{}-{at}", it.observation_id),
            href: if may && counts { withdrawal(it) } else { String::new() },
            cells: vec![
                Cell::text(about.said(it)),
                Cell::text(titles.get(&it.measure).unwrap_or(&it.measure)),
                Cell::text(ui.format.period(&it.from, &it.to)),
                Cell::number(ui.format.number(&it.value), words::decimal(&it.value)),
                Cell::text(&it.source),
                Cell::when(ui.moment(it.recorded_at.as_ref()), it.recorded_at.as_ref().map_or(0, |at| at.seconds)),
                match it.ended() {
                    ObservationEnd::Unspecified => Cell::pill(ui.t("UI_COUNTS"), "good"),
                    ended => Cell::pill(ui.word(ended.as_str_name()), "plain"),
                },
            ],
        }
    };
    let rows = seen.observations.iter().enumerate().map(row).collect();
    let asked = visit.asked();
    let table = Table::new(&ui, ("observations", "NAV_OBSERVATIONS", "UI_NO_OBSERVATIONS"), &asked, columns, rows);
    let next = if seen.next_page_token.is_empty() {
        String::new()
    } else {
        asked.with(ui.path(), &[("after", &seen.next_page_token), ("page", "")])
    };
    let get = |name: &str| asked.get(name).to_owned();
    let versions = asked.get("versions") == "yes";
    Ok(List { table, measure: get("measure"), from: get("from"), to: get("to"), versions, next, ui })
}

/// Where one is withdrawn: the address names enough to find it again.
fn withdrawal(it: &Observation) -> String {
    let asked = crate::ui::table::Asked::default();
    let names = [("id", it.observation_id.as_str()), ("measure", &it.measure), ("from", &it.to), ("to", &it.to)];
    asked.with("/observations/withdraw", &names)
}

#[derive(Template)]
#[template(path = "cycles/withdraw.html")]
struct Withdraw {
    ui: Ui,
    facts: Vec<Fact>,
    form: Form,
}

/// `GET /observations/withdraw?id=&measure=&from=&to=`
pub async fn confirm(visit: Visit) -> Response<Body> {
    visit.page(confirming(&visit, None).await)
}

async fn confirming(visit: &Visit, form: Option<Form>) -> Result<Withdraw> {
    let ui = visit.ui(&msg!("UI_WITHDRAW_OBSERVATION"));
    let (seen, about, measures) = futures::try_join!(asked(visit, AT_ONCE), about(visit), data::measures(visit))?;
    let id = visit.asked().get("id").to_owned();
    let found = seen.observations.into_iter().find(|it| it.observation_id == id);
    let it = found.ok_or_else(|| Error::of(ErrorKind::NotFound, msg!("UI_NO_OBSERVATION")))?;
    let titles = data::titles(&ui, &measures);
    let facts = vec![
        Fact::new(&ui, "UI_ABOUT", about.said(&it)),
        Fact::new(&ui, "UI_MEASURE", titles.get(&it.measure).unwrap_or(&it.measure)),
        Fact::new(&ui, "UI_DAYS", ui.format.period(&it.from, &it.to)),
        Fact::new(&ui, "UI_VALUE", ui.format.number(&it.value)),
        Fact::new(&ui, "UI_SOURCE", &it.source),
        Fact::new(&ui, "UI_CAME_AT", ui.moment(it.recorded_at.as_ref())),
    ];
    let form = form.unwrap_or_else(|| withdrawing(&ui));
    let ui = ui.below("/observations", visit.ui(&msg!("NAV_OBSERVATIONS")).title);
    Ok(Withdraw { facts, form, ui })
}

fn withdrawing(ui: &Ui) -> Form {
    Form::new(ui, ui.here(), "withdraw", "UI_WITHDRAW_OBSERVATION")
        .with(Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")))
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
        .danger()
}

/// `POST /observations/withdraw?id=..`
pub async fn withdraw(visit: Visit, sent: Sent) -> Response<Body> {
    let withdrawn = async {
        let ask = WithdrawObservationRequest {
            request_id: sent.request_id(),
            observation_id: visit.asked().get("id").to_owned(),
            reason: sent.get("reason").to_owned(),
        };
        told(client!(visit, ObservationServiceClient).withdraw_observation(visit.request(ask))).await
    };
    match withdrawn.await {
        Ok(_) => visit.done("/observations", "OBSERVATION_WITHDRAWN"),
        Err(error) => {
            let ui = visit.ui(&msg!("UI_WITHDRAW_OBSERVATION"));
            let form = withdrawing(&ui).refused(&ui, sent.fields(), &error);
            visit.wrong(confirming(&visit, Some(form)).await, &error)
        }
    }
}
