//! `/my/pay`: the own statements, each amount down to the score and its records, and what was put right afterwards.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::common::v1::Money;
use tally_api::compensation::v1::correction_service_client::CorrectionServiceClient;
use tally_api::compensation::v1::statement_service_client::StatementServiceClient;
use tally_api::compensation::v1::{
    GetStatementRequest, ListDeltasRequest, ListPersonStatementsRequest, PayDelta, Statement, StatementAdjustment,
    TraceStatementRequest, TraceStatementResponse, TracedRecord,
};
use tally_api::performance::v1::{Cycle, Rung};
use tally_kernel::{Result, msg};

use super::own::{self, Accounts};
use super::records::{self, way};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

/// Rows that a service gives at once.
const AT_ONCE: u32 = 1_000;

#[derive(Template)]
#[template(path = "mine/pay.html")]
struct Pay {
    ui: Ui,
    statements: Vec<Listed>,
    deltas: Vec<Delta>,
}

/// A statement in the list.
struct Listed {
    href: String,
    name: String,
    amount: String,
    score: String,
}

/// An amount that was put right.
struct Delta {
    name: String,
    old: String,
    new: String,
    left: String,
    why: String,
    reason: String,
    at: String,
}

/// `GET /my/pay`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.page(listed(&visit).await)
}

async fn listed(visit: &Visit) -> Result<Pay> {
    let ui = visit.ui(&msg!("NAV_MY_PAY"));
    let (mut found, deltas, cycles) = futures::try_join!(statements(visit), deltas(visit), own::cycles(visit))?;
    let when = |statement: &Statement| cycles.iter().position(|cycle| cycle.cycle_id == statement.cycle_id);
    found.sort_by_key(|statement| (when(statement).unwrap_or(usize::MAX), statement.settlement_id.clone()));
    Ok(Pay {
        statements: found.iter().map(|statement| line(&ui, statement, &cycles)).collect(),
        deltas: deltas.iter().rev().map(|it| delta(&ui, it, &cycles)).collect(),
        ui,
    })
}

/// The reader's statements; none for whoever may read none.
async fn statements(visit: &Visit) -> Result<Vec<Statement>> {
    if !visit.me().may(Permission::StatementRead) {
        return Ok(Vec::new());
    }
    let client = StatementServiceClient::new(visit.channel("compensation")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    let person_id = visit.me().person_id;
    tally_rpc::pages(async |page_token| {
        let ask = ListPersonStatementsRequest { person_id: person_id.clone(), page_size: AT_ONCE, page_token };
        let page = client.clone().list_person_statements(visit.request(ask)).await?.into_inner();
        Ok((page.statements, page.next_page_token))
    })
    .await
}

async fn statement(visit: &Visit, settlement_id: String) -> Result<Statement> {
    let ask = GetStatementRequest { settlement_id, person_id: visit.me().person_id };
    let client = StatementServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_statement(visit.request(ask))).await?.statement.unwrap_or_default())
}

async fn deltas(visit: &Visit) -> Result<Vec<PayDelta>> {
    let client = CorrectionServiceClient::new(visit.channel("compensation")?);
    let person_id = visit.me().person_id;
    tally_rpc::pages(async |page_token| {
        let person_id = person_id.clone();
        let ask = ListDeltasRequest { person_id, page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_deltas(visit.request(ask)).await?.into_inner();
        Ok((page.deltas, page.next_page_token))
    })
    .await
}

fn money(ui: &Ui, money: Option<&Money>) -> String {
    money.map_or_else(|| "–".to_owned(), |it| ui.format.money(it.minor, &it.currency))
}

fn named(ui: &Ui, cycle_id: &str, cycles: &[Cycle]) -> String {
    let cycle = cycles.iter().find(|cycle| cycle.cycle_id == cycle_id);
    cycle.map_or_else(|| ui.t("UI_MINE_STATEMENT"), |cycle| own::cycle_name(ui, cycle))
}

fn line(ui: &Ui, statement: &Statement, cycles: &[Cycle]) -> Listed {
    Listed {
        href: format!("/my/pay/{}", statement.settlement_id),
        name: named(ui, &statement.cycle_id, cycles),
        amount: money(ui, statement.amount.as_ref()),
        score: ui.format.rounded(&statement.score, 2),
    }
}

fn delta(ui: &Ui, delta: &PayDelta, cycles: &[Cycle]) -> Delta {
    Delta {
        name: named(ui, &delta.cycle_id, cycles),
        old: money(ui, delta.old.as_ref()),
        new: money(ui, delta.new.as_ref()),
        left: delta.left.as_ref().filter(|left| left.minor != 0).map(|left| money(ui, Some(left))).unwrap_or_default(),
        why: delta.why.clone(),
        reason: delta.reason.clone(),
        at: ui.moment(delta.approved_at.as_ref()),
    }
}

#[derive(Template)]
#[template(path = "mine/statement.html")]
struct One {
    ui: Ui,
    amount: String,
    score: String,
    /// Where the score leads.
    card: String,
    equal: String,
    lines: Vec<Part>,
    adjustments: Vec<Delta>,
    table: Table,
    counted: String,
}

/// An amount of a statement.
struct Part {
    amount: String,
    tier: String,
    note: String,
}

/// `GET /my/pay/{settlement}`.
pub async fn one(visit: Visit, Path(settlement): Path<String>) -> Response<Body> {
    visit.list(shown(&visit, settlement).await, |page| &page.table)
}

async fn shown(visit: &Visit, settlement: String) -> Result<One> {
    let (statement, traced, accounts, cycles) = futures::try_join!(
        statement(visit, settlement.clone()),
        traced(visit, settlement),
        own::accounts(visit),
        own::cycles(visit),
    )?;
    let ui = visit.ui(&msg!("UI_MINE_STATEMENT"));
    let name = named(&ui, &statement.cycle_id, &cycles);
    let ui = ui.clone().titled(name).below("/my/pay", ui.t("NAV_MY_PAY"));
    let part = |it: &tally_api::compensation::v1::StatementLine| Part {
        amount: money(&ui, it.amount.as_ref()),
        tier: it.tier.clone(),
        note: it.note.clone(),
    };
    let (count, total) = (traced.records.len(), traced.total_records);
    Ok(One {
        amount: money(&ui, statement.amount.as_ref()),
        score: ui.format.rounded(&statement.score, 2),
        card: format!("/my/month?cycle={}", statement.cycle_id),
        equal: money(&ui, statement.equal_split.as_ref()),
        lines: statement.lines.iter().map(part).collect(),
        adjustments: statement.adjustments.iter().map(|it| adjusted(&ui, it, &cycles)).collect(),
        table: behind(&ui, visit, &statement.cycle_id, (&traced, &accounts)),
        counted: ui.say(&msg!("UI_MINE_BEHIND", count, total)),
        ui,
    })
}

async fn traced(visit: &Visit, settlement_id: String) -> Result<TraceStatementResponse> {
    let person_id = visit.me().person_id;
    let ask = TraceStatementRequest { settlement_id, person_id, limit: AT_ONCE, ..Default::default() };
    let client = StatementServiceClient::new(visit.channel("compensation")?);
    told(client.clone().trace_statement(visit.request(ask))).await
}

fn adjusted(ui: &Ui, it: &StatementAdjustment, cycles: &[Cycle]) -> Delta {
    Delta {
        name: named(ui, &it.cycle_id, cycles),
        old: money(ui, it.old.as_ref()),
        new: money(ui, it.new.as_ref()),
        left: it.left.as_ref().filter(|left| left.minor != 0).map(|left| money(ui, Some(left))).unwrap_or_default(),
        why: it.why.clone(),
        reason: it.reason.clone(),
        at: money(ui, it.amount.as_ref()),
    }
}

/// The records that the score rests on.
fn behind(ui: &Ui, visit: &Visit, cycle_id: &str, (traced, accounts): (&TraceStatementResponse, &Accounts)) -> Table {
    let columns = vec![
        Column::text(ui, "record", "UI_MINE_RECORD"),
        Column::text(ui, "account", "UI_MINE_ACCOUNT_COLUMN").filtered(),
        Column::text(ui, "rung", "UI_MINE_HOW_SURE").filtered(),
        Column::number(ui, "share", "UI_MINE_SHARE"),
    ];
    let row = |it: &TracedRecord| Row {
        id: format!("{}-{}", it.account_id, hex::encode(&it.external_id)),
        href: way(cycle_id, &it.account_id, &it.external_id),
        cells: vec![
            Cell::code(&it.external_id),
            Cell::text(accounts.name_or(ui, &it.account_id, &it.account_key)),
            Cell::pill(ui.t(rung(&it.rung).as_str_name()), records::tone(rung(&it.rung))),
            Cell::number(ui.format.percent(it.ppm), Decimal::from(it.ppm)),
        ],
    };
    let rows = traced.records.iter().map(row).collect();
    Table::new(ui, ("records", "UI_MINE_RECORDS", "UI_MINE_NO_RECORDS"), &visit.asked(), columns, rows)
}

/// The rung of a name such as `tag_share`.
fn rung(name: &str) -> Rung {
    Rung::from_str_name(&format!("RUNG_{}", name.to_uppercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_is_known_by_the_name_that_compensation_gives_it() {
        assert_eq!(rung("tag_share"), Rung::TagShare);
        assert_eq!(rung("equal"), Rung::Equal);
        assert_eq!(rung("something else"), Rung::Unspecified);
    }
}
