//! The list of settlements, and a new one from a pool.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_access::Permission;
use tally_api::compensation::v1::settlement_service_client::SettlementServiceClient;
use tally_api::compensation::v1::{DraftSettlementRequest, Pool, Settlement, SettlementState};
use tally_api::performance::v1::CycleState;
use tally_kernel::{Error, Kind, Result, msg};

use super::names;
use super::shared::{self, Cycles};
use crate::console::told;
use crate::ui::form::{self, Choice, Field, Form};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "pay/settlements.html")]
struct List {
    ui: Ui,
    table: Table,
    /// The reader prepares settlements.
    prepares: bool,
}

/// `GET /pay/settlements`: all of them, newest first.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_SETTLEMENTS"));
    let (settlements, cycles, units) =
        tokio::try_join!(shared::settlements(visit), shared::cycles(visit), names::units(visit, ""))?;
    let prepares = visit.me().may(Permission::SettlementPrepare);
    let rows = settlements.iter().map(|it| row(&ui, it, &cycles, &units)).collect();
    let of = ("settlements", "NAV_SETTLEMENTS", "UI_PAY_NO_SETTLEMENTS");
    let table = Table::new(&ui, of, &visit.asked(), columns(&ui), rows);
    Ok(List { ui, table, prepares })
}

/// The columns of a list of settlements.
pub fn columns(ui: &Ui) -> Vec<Column> {
    vec![
        Column::text(ui, "cycle", "UI_PAY_CYCLE").filtered(),
        Column::text(ui, "unit", "UI_UNIT").filtered(),
        Column::text(ui, "state", "UI_STATE").filtered(),
        Column::number(ui, "people", "NAV_PEOPLE"),
        Column::number(ui, "pool", "UI_PAY_POOL"),
        Column::number(ui, "paid", "UI_PAY_PAID"),
        Column::number(ui, "fund", "UI_PAY_TEAM_FUND").hidden(),
        Column::number(ui, "adjustments", "UI_PAY_ADJUSTMENTS").hidden(),
        Column::text(ui, "currency", "UI_PAY_CURRENCY").filtered(),
        Column::text(ui, "prepared", "UI_PAY_PREPARED_AT"),
    ]
}

/// A settlement as a row of it.
pub fn row(ui: &Ui, it: &Settlement, cycles: &Cycles, units: &BTreeMap<String, String>) -> Row {
    let at = it.prepared_at.as_ref();
    let pill = Cell::pill(ui.word(it.state().as_str_name()), shared::tone(it.state()));
    Row {
        id: it.settlement_id.clone(),
        href: format!("/pay/settlements/{}", it.settlement_id),
        cells: vec![
            Cell::text(shared::cycle_name(ui, cycles, &it.cycle_id)),
            Cell::text(shared::unit_name(ui, units, &it.unit_id)),
            pill,
            Cell::number(ui.format.count(it.people), it.people),
            shared::cell(ui, it.pool.as_ref()),
            shared::cell(ui, it.paid.as_ref()),
            shared::cell(ui, it.team_fund.as_ref()),
            shared::cell(ui, shared::adjustments(it).as_ref()),
            Cell::text(shared::currency(it.pool.as_ref())),
            Cell::when(ui.moment(at), at.and_then(instant).map_or(0, |at| at.as_second())),
        ],
    }
}

#[derive(Template)]
#[template(path = "pay/new.html")]
struct New {
    ui: Ui,
    form: Form,
    /// What to do first, where nothing can be chosen.
    nothing: String,
    /// What is not among the choices, and why.
    note: String,
    /// A way to what has to be done first.
    way: (&'static str, String),
}

/// `GET /pay/settlements/new?pool=`: asks which pool is split.
pub async fn ask(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit, None).await)
}

/// What became of a pool so far: whether its scores are published, and whether it is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Yes,
    /// Its cycle is not published.
    Waits,
    /// It is paid, or a settlement of it is on its way.
    Taken,
}

fn ready(pool: &Pool, cycles: &Cycles, settlements: &[Settlement]) -> Ready {
    let taken = |it: &Settlement| it.pool_id == pool.pool_id && it.state() != SettlementState::Discarded;
    let published = cycles.get(&pool.cycle_id).is_some_and(|cycle| cycle.state() == CycleState::Published);
    if settlements.iter().any(taken) {
        Ready::Taken
    } else if published {
        Ready::Yes
    } else {
        Ready::Waits
    }
}

async fn asked(visit: &Visit, refused: Option<(&Sent, &Error)>) -> Result<New> {
    shared::must(visit, Permission::SettlementPrepare)?;
    let ui = visit.ui(&msg!("UI_PAY_NEW_SETTLEMENT"));
    let (pools, settlements, cycles, units) = tokio::try_join!(
        shared::pools(visit),
        shared::settlements(visit),
        shared::cycles(visit),
        names::units(visit, "")
    )?;
    let is = |pool: &Pool, wanted: Ready| ready(pool, &cycles, &settlements) == wanted;
    let choice = |pool: &Pool| {
        let cycle = shared::cycle_name(&ui, &cycles, &pool.cycle_id);
        let unit = shared::unit_name(&ui, &units, &pool.unit_id);
        let amount = shared::amount(&ui, pool.amount.as_ref());
        Choice::new(&pool.pool_id, format!("{cycle} · {} · {unit} · {amount}", pool.name))
    };
    let choices: Vec<_> = pools.iter().filter(|it| is(it, Ready::Yes)).map(choice).collect();
    let waiting = pools.iter().filter(|it| is(it, Ready::Waits)).count();
    let nothing = if choices.is_empty() { ui.t("UI_PAY_NO_POOL_READY") } else { String::new() };
    let chosen = visit.asked().get("pool").to_owned();
    let field = Field::new(&ui, "pool_id", "UI_PAY_POOL", form::Kind::Choice(choices));
    let field = field.required().value(chosen).hint(ui.t("UI_PAY_POOL_TO_SPLIT_HINT"));
    let mut form = Form::new(&ui, "/pay/settlements/new", "draft", "UI_PAY_DRAFT_SETTLEMENT").with(field);
    if let Some((sent, error)) = refused {
        form = form.refused(&ui, sent.fields(), error);
    }
    let note = if waiting > 0 { ui.say(&msg!("UI_PAY_POOLS_WAIT", count = waiting)) } else { String::new() };
    let way = ("/pay/pools/new", ui.t("UI_PAY_NEW_POOL"));
    let ui = ui.below("/pay/settlements", visit.ui(&msg!("NAV_SETTLEMENTS")).title);
    Ok(New { ui, form, nothing, note, way })
}

/// `POST /pay/settlements/new`: drafts it, and leads there.
pub async fn draft(visit: Visit, sent: Sent) -> Response<Body> {
    match drafted(&visit, &sent).await {
        Ok(id) => visit.done(&format!("/pay/settlements/{id}"), "SETTLEMENT_DRAFTED"),
        Err(error) => visit.wrong(asked(&visit, Some((&sent, &error))).await, &error),
    }
}

async fn drafted(visit: &Visit, sent: &Sent) -> Result<String> {
    let pool_id = sent.get("pool_id").to_owned();
    if pool_id.is_empty() {
        let error = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = 1));
        return Err(error.at("pool_id".to_owned(), msg!("TEXT_EMPTY")));
    }
    let ask = DraftSettlementRequest { request_id: sent.request_id(), pool_id };
    let client = SettlementServiceClient::new(visit.channel("compensation")?);
    let reply = told(client.clone().draft_settlement(visit.request(ask))).await?;
    Ok(reply.settlement.unwrap_or_default().settlement_id)
}

#[cfg(test)]
mod tests {
    use tally_api::performance::v1::Cycle;

    use super::*;

    #[test]
    fn a_pool_is_split_once_and_after_its_cycle_is_published() {
        let pool = Pool { pool_id: "p".to_owned(), cycle_id: "c".to_owned(), ..Default::default() };
        let cycles =
            |state: CycleState| Cycles::from([("c".to_owned(), Cycle { state: state.into(), ..Default::default() })]);
        let settlement = |state: SettlementState| {
            vec![Settlement { pool_id: "p".to_owned(), state: state.into(), ..Default::default() }]
        };
        let (open, published) = (cycles(CycleState::Open), cycles(CycleState::Published));
        assert_eq!(ready(&pool, &open, &[]), Ready::Waits);
        assert_eq!(ready(&pool, &published, &[]), Ready::Yes);
        assert_eq!(ready(&pool, &published, &settlement(SettlementState::Discarded)), Ready::Yes);
        assert_eq!(ready(&pool, &published, &settlement(SettlementState::Draft)), Ready::Taken);
        assert_eq!(ready(&pool, &published, &settlement(SettlementState::Posted)), Ready::Taken);
    }
}
