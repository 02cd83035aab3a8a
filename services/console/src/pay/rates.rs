//! Rates of exchange: what is known, and what somebody says from a day on.

use askama::Template;
use axum::body::Body;
use http::Response;
use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::identity::v1::rate_service_client::RateServiceClient;
use tally_api::identity::v1::{ListRatesRequest, Rate, RateRow, SetRatesRequest};
use tally_kernel::{Error, Kind, Result, msg};

use super::names::AT_ONCE;
use crate::console::told;
use crate::ui::form::{self, Field, Form};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "pay/rates.html")]
struct Rates {
    ui: Ui,
    table: Table,
    /// Where the reader writes rates.
    form: Option<Form>,
    /// Rows that another counts for are shown too.
    all: bool,
}

/// `GET /pay/rates?all=`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit, None).await, |page| &page.table)
}

/// `POST /pay/rates`: writes one.
pub async fn set(visit: Visit, sent: Sent) -> Response<Body> {
    match written(&visit, &sent).await {
        Ok(true) => visit.done("/pay/rates", "RATE_SET"),
        Ok(false) => visit.done("/pay/rates", "RATE_KNOWN"),
        Err(error) => visit.wrong(listed(&visit, Some((&sent, &error))).await, &error),
    }
}

/// Whether anything was written: the same row is known once.
async fn written(visit: &Visit, sent: &Sent) -> Result<bool> {
    let text = |name: &str| sent.get(name).to_owned();
    let row = RateRow {
        base: text("base").to_uppercase(),
        quote: text("quote").to_uppercase(),
        rate: text("rate"),
        valid_from: text("valid_from"),
        source: text("source"),
    };
    let ask = SetRatesRequest { request_id: sent.request_id(), rows: vec![row] };
    let client = RateServiceClient::new(visit.channel("identity")?);
    let result = told(client.clone().set_rates(visit.request(ask))).await?.result.unwrap_or_default();
    match result.problems.into_iter().next() {
        // Its sentence comes in the reader's language.
        Some(problem) => Err(Error::of(Kind::InvalidArgument, msg!("UI_PAY_ROW_REFUSED", said = problem.message))),
        None => Ok(result.written > 0),
    }
}

async fn listed(visit: &Visit, refused: Option<(&Sent, &Error)>) -> Result<Rates> {
    let ui = visit.ui(&msg!("NAV_RATES"));
    let asked = visit.asked();
    let all = asked.get("all") == "yes";
    let rates = rates(visit, all).await?;
    let columns = vec![
        Column::text(&ui, "base", "UI_PAY_ONE_OF").filtered(),
        Column::text(&ui, "quote", "UI_PAY_IN").filtered(),
        Column::number(&ui, "rate", "UI_PAY_RATE"),
        Column::text(&ui, "from", "UI_SINCE"),
        Column::text(&ui, "source", "UI_PAY_SOURCE").filtered(),
        Column::text(&ui, "recorded", "UI_PAY_WRITTEN_AT"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let rows = rates.iter().map(|rate| row(&ui, rate)).collect();
    let table = Table::new(&ui, ("rates", "NAV_RATES", "UI_PAY_NO_RATES"), &asked, columns, rows);
    let form = visit.me().may(Permission::RateWrite).then(|| {
        let form = form(&ui);
        refused.map_or(form.clone(), |(sent, error)| form.refused(&ui, sent.fields(), error))
    });
    Ok(Rates { ui, table, form, all })
}

async fn rates(visit: &Visit, with_superseded: bool) -> Result<Vec<Rate>> {
    let client = RateServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListRatesRequest { page_size: AT_ONCE, page_token, with_superseded, ..Default::default() };
        let page = client.clone().list_rates(visit.request(ask)).await?.into_inner();
        Ok((page.rates, page.next_page_token))
    })
    .await
}

fn form(ui: &Ui) -> Form {
    let today = ui.now().to_zoned(ui.format.zone().clone()).date().to_string();
    Form::new(ui, "/pay/rates", "rate", "UI_PAY_SET_RATE")
        .with(Field::text(ui, "base", "UI_PAY_ONE_OF").required().hint(ui.t("UI_PAY_CURRENCY_HINT")))
        .with(Field::text(ui, "quote", "UI_PAY_IN").required().hint(ui.t("UI_PAY_CURRENCY_HINT")))
        .with(Field::text(ui, "rate", "UI_PAY_RATE").required().hint(ui.t("UI_PAY_RATE_HINT")))
        .with(Field::new(ui, "valid_from", "UI_SINCE", form::Kind::Date).required().value(today))
        .with(Field::text(ui, "source", "UI_PAY_SOURCE").required().hint(ui.t("UI_PAY_SOURCE_HINT")))
}

fn row(ui: &Ui, it: &Rate) -> Row {
    let at = it.recorded_at.as_ref();
    let rate = match it.rate.parse::<Decimal>() {
        Ok(rate) => Cell::number(ui.format.number(&it.rate), rate),
        Err(_) => Cell::text(&it.rate),
    };
    let state = match it.superseded_at.as_ref() {
        Some(_) => Cell::pill(ui.t("UI_PAY_SUPERSEDED"), "plain"),
        None => Cell::pill(ui.t("UI_PAY_COUNTS"), "good"),
    };
    Row {
        id: it.rate_id.clone(),
        href: String::new(),
        cells: vec![
            Cell::code(&it.base),
            Cell::code(&it.quote),
            rate,
            Cell::text(ui.format.day_text(&it.valid_from)),
            Cell::text(&it.source),
            Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second())),
            state,
        ],
    }
}
