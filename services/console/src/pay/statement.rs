//! What one person got and why: each amount with its step in words, the score card behind it, and the records behind that.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::common::v1::Money;
use tally_api::compensation::v1::settlement_service_client::SettlementServiceClient;
use tally_api::compensation::v1::statement_service_client::StatementServiceClient;
use tally_api::compensation::v1::{
    GetSettlementRequest, GetStatementRequest, Settlement, Statement, StatementLine, TraceStatementRequest,
    TraceStatementResponse, TracedRecord,
};
use tally_kernel::{Result, msg};

use super::names::{self, Named};
use super::shared;
use crate::console::told;
use crate::ui::Ui;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

/// Records that are asked for at once, and the most there are in an answer.
const RECORDS: u32 = 100;
const RECORDS_MAX: u32 = 1_000;
/// Digits behind the point of an amount before it is rounded.
const EXACT: u32 = 4;

#[derive(Template)]
#[template(path = "pay/statement.html")]
struct One {
    ui: Ui,
    it: Statement,
    named: Named,
    settlement: String,
    state: (String, &'static str),
    cycle: String,
    hidden: bool,
    lines: Vec<Line>,
    adjustments: Vec<Adjusted>,
    records: Table,
    /// How many of how many are shown, and a way to more.
    traced: String,
    more: String,
    audits: bool,
}

impl One {
    fn money(&self, money: &Option<Money>) -> String {
        shared::amount(&self.ui, money.as_ref())
    }

    fn score(&self) -> String {
        if self.it.score.is_empty() { "–".to_owned() } else { self.ui.format.rounded(&self.it.score, 2) }
    }

    fn card(&self) -> String {
        format!("/cycles/{}/cards/{}", self.it.cycle_id, self.it.person_id)
    }
}

/// A line as it is read.
#[derive(Clone, Debug)]
struct Line {
    rule: String,
    amount: String,
    /// Tier, weight of all weights, the amount before rounding.
    facts: Vec<(String, String)>,
    note: String,
}

/// What is taken of a correction.
#[derive(Clone, Debug)]
struct Adjusted {
    href: String,
    cycle: String,
    old: String,
    new: String,
    amount: String,
    left: String,
    why: String,
    reason: String,
}

/// `GET /pay/statements/{settlement}/{person}?records=`.
pub async fn one(visit: Visit, Path((settlement, person)): Path<(String, String)>) -> Response<Body> {
    visit.list(Box::pin(shown(&visit, &settlement, &person)).await, |page| &page.records)
}

async fn shown(visit: &Visit, settlement_id: &str, person_id: &str) -> Result<One> {
    let ui = visit.ui(&msg!("UI_PAY_STATEMENT"));
    let limit = visit.asked().get("records").parse().unwrap_or(RECORDS).clamp(1, RECORDS_MAX);
    let ids = BTreeSet::from([person_id.to_owned()]);
    let (it, settlement, trace, cycles, units, people, accounts) = tokio::try_join!(
        statement(visit, settlement_id, person_id),
        settlement(visit, settlement_id),
        trace(visit, settlement_id, person_id, limit),
        shared::cycles(visit),
        names::units(visit, ""),
        names::people(visit, &ids),
        names::accounts(visit)
    )?;
    let named = people.get(person_id).cloned();
    let name = shared::person_name(&ui, named.as_ref());
    let above = shared::settlement_name(&ui, &settlement, &cycles, &units);
    let ui = ui.titled(name).below(format!("/pay/settlements/{settlement_id}"), above.clone());
    let (there, all) = (trace.records.len() as u64, trace.total_records);
    let path = ui.path().to_owned();
    let more = visit.asked().with(&path, &[("records", &RECORDS_MAX.to_string())]);
    Ok(One {
        named: named.unwrap_or_default(),
        state: (ui.word(settlement.state().as_str_name()), shared::tone(settlement.state())),
        cycle: shared::cycle_name(&ui, &cycles, &it.cycle_id),
        settlement: above,
        hidden: it.amount.is_none(),
        lines: it.lines.iter().map(|line| read(&ui, line)).collect(),
        adjustments: it.adjustments.iter().map(|it| adjusted(&ui, it, &cycles)).collect(),
        records: records(&ui, visit, &trace.records, &accounts),
        traced: ui.say(&msg!("UI_PAY_RECORDS_TRACED", count = there, all)),
        more: if there < all && limit < RECORDS_MAX { more } else { String::new() },
        audits: visit.me().may(Permission::AuditRead),
        it,
        ui,
    })
}

async fn statement(visit: &Visit, settlement_id: &str, person_id: &str) -> Result<Statement> {
    let (settlement_id, person_id) = (settlement_id.to_owned(), person_id.to_owned());
    let ask = GetStatementRequest { settlement_id, person_id };
    let client = StatementServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_statement(visit.request(ask))).await?.statement.unwrap_or_default())
}

async fn settlement(visit: &Visit, id: &str) -> Result<Settlement> {
    let ask = GetSettlementRequest { settlement_id: id.to_owned() };
    let client = SettlementServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_settlement(visit.request(ask))).await?.settlement.unwrap_or_default())
}

async fn trace(visit: &Visit, settlement_id: &str, person_id: &str, limit: u32) -> Result<TraceStatementResponse> {
    let (settlement_id, person_id) = (settlement_id.to_owned(), person_id.to_owned());
    let ask = TraceStatementRequest { settlement_id, person_id, limit, ..Default::default() };
    let client = StatementServiceClient::new(visit.channel("compensation")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    told(client.clone().trace_statement(visit.request(ask))).await
}

fn read(ui: &Ui, line: &StatementLine) -> Line {
    let rule = match line.rule.as_str() {
        "tiers" => ui.t("UI_PAY_RULE_TIERS"),
        "proportional" => ui.t("UI_PAY_RULE_PROPORTIONAL"),
        other => other.to_owned(),
    };
    let number = |text: &str| ui.format.number(text);
    let mut facts = Vec::new();
    if !line.tier.is_empty() {
        facts.push((ui.t("UI_PAY_TIER"), line.tier.clone()));
    }
    if !line.weight.is_empty() {
        facts.push((
            ui.t("UI_PAY_WEIGHT"),
            ui.say(&msg!("UI_PAY_WEIGHT_OF", weight = number(&line.weight), sum = number(&line.weight_sum))),
        ));
    }
    if let Some(exact) = line.amount.as_ref().and_then(|amount| exact(&line.exact, &amount.currency)) {
        facts.push((ui.t("UI_PAY_BEFORE_ROUNDING"), ui.format.rounded(&exact.to_string(), EXACT)));
    }
    Line { rule, amount: shared::amount(ui, line.amount.as_ref()), facts, note: line.note.clone() }
}

/// An exact amount, which comes in minor units, in whole ones.
fn exact(minor: &str, currency: &str) -> Option<Decimal> {
    minor.parse::<Decimal>().ok()?.checked_mul(Decimal::new(1, shared::digits(currency)))
}

fn adjusted(ui: &Ui, it: &tally_api::compensation::v1::StatementAdjustment, cycles: &shared::Cycles) -> Adjusted {
    Adjusted {
        href: format!("/pay/corrections/{}", it.pay_correction_id),
        cycle: shared::cycle_name(ui, cycles, &it.cycle_id),
        old: shared::amount(ui, it.old.as_ref()),
        new: shared::amount(ui, it.new.as_ref()),
        amount: shared::amount(ui, it.amount.as_ref()),
        left: shared::amount(ui, it.left.as_ref()),
        why: it.why.clone(),
        reason: it.reason.clone(),
    }
}

fn records(ui: &Ui, visit: &Visit, records: &[TracedRecord], accounts: &BTreeMap<String, String>) -> Table {
    let columns = vec![
        Column::text(ui, "record", "UI_PAY_RECORD"),
        Column::text(ui, "account", "UI_PAY_ACCOUNT").filtered(),
        Column::text(ui, "rung", "UI_PAY_HOW_KNOWN").filtered(),
        Column::number(ui, "share", "UI_SHARE"),
    ];
    let row = |it: &TracedRecord| Row {
        id: format!("{}-{}", it.account_id, it.external_id),
        href: String::new(),
        cells: vec![
            Cell::code(&it.external_id),
            Cell::text(accounts.get(&it.account_id).cloned().unwrap_or_else(|| ui.t("UI_PAY_ACCOUNT_HIDDEN"))),
            Cell::text(rung(ui, &it.rung)),
            Cell::share(ui.format.percent(it.ppm), it.ppm),
        ],
    };
    let of = ("records", "UI_PAY_RECORDS_BEHIND", "UI_PAY_NO_RECORDS_BEHIND");
    Table::new(ui, of, &visit.asked(), columns, records.iter().map(row).collect())
}

/// A rung of the ladder in words.
fn rung(ui: &Ui, rung: &str) -> String {
    let id = format!("RUNG_{}", rung.to_uppercase().replace('-', "_"));
    let said = ui.t(&id);
    if said == id { rung.to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_amount_is_told_in_whole_units() {
        let of = |minor: &str, currency: &str| exact(minor, currency).map(|it| it.normalize().to_string());
        assert_eq!(of("11685.7142857", "CNY").as_deref(), Some("116.857142857"));
        assert_eq!(of("500.5", "JPY").as_deref(), Some("500.5"));
        assert_eq!(of("", "CNY"), None);
    }
}
