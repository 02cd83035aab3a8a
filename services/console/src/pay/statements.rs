//! The statements of a settlement: who got what, and what leads to it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use http::Response;
use tally_api::compensation::v1::statement_service_client::StatementServiceClient;
use tally_api::compensation::v1::{ListStatementsRequest, Settlement, SettlementState, Statement};
use tally_kernel::{Result, msg};

use super::names::{self, AT_ONCE, Named};
use super::shared;
use crate::ui::Ui;
use crate::ui::form::Choice;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "pay/statements.html")]
struct List {
    ui: Ui,
    /// The settlement whose statements are listed, and all there are.
    chosen: String,
    settlements: Vec<Choice>,
    table: Table,
    /// Amounts did not come.
    hidden: bool,
}

/// `GET /pay/statements?settlement=`: of the settlement that was posted last, or of another.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_STATEMENTS"));
    let (mut settlements, cycles, units) =
        tokio::try_join!(shared::settlements(visit), shared::cycles(visit), names::units(visit, ""))?;
    settlements.retain(|it| it.state() != SettlementState::Discarded);
    let asked = visit.asked();
    let chosen = chosen(&settlements, asked.get("settlement")).map(|it| it.settlement_id.clone()).unwrap_or_default();
    let choice = |it: &Settlement| {
        let (name, state) = (shared::settlement_name(&ui, it, &cycles, &units), ui.word(it.state().as_str_name()));
        Choice::new(&it.settlement_id, format!("{name} · {state}"))
    };
    let settlements: Vec<_> = settlements.iter().map(choice).collect();
    let statements = if chosen.is_empty() { Vec::new() } else { of(visit, &chosen).await? };
    let people = people_of(visit, &statements).await?;
    let hidden = statements.iter().any(|it| it.amount.is_none());
    let table = table(&ui, visit, ("statements", "NAV_STATEMENTS"), &statements, &people);
    Ok(List { ui, chosen, settlements, table, hidden })
}

fn chosen<'s>(settlements: &'s [Settlement], wanted: &str) -> Option<&'s Settlement> {
    let wanted = settlements.iter().find(|it| it.settlement_id == wanted);
    let posted = || settlements.iter().find(|it| it.state() == SettlementState::Posted);
    wanted.or_else(posted).or(settlements.first())
}

/// All statements of a settlement that the reader may see.
pub async fn of(visit: &Visit, settlement_id: &str) -> Result<Vec<Statement>> {
    let client = StatementServiceClient::new(visit.channel("compensation")?)
        .max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let ask = ListStatementsRequest { settlement_id: settlement_id.to_owned(), page_size: AT_ONCE, page_token };
        let page = client.clone().list_statements(visit.request(ask)).await?.into_inner();
        Ok((page.statements, page.next_page_token))
    })
    .await
}

/// The names of those whom statements pay.
pub async fn people_of(visit: &Visit, statements: &[Statement]) -> Result<BTreeMap<String, Named>> {
    let ids: BTreeSet<_> = statements.iter().map(|it| it.person_id.clone()).collect();
    names::people(visit, &ids).await
}

/// Statements as a table: a row a person, which leads to what the amount is made of.
pub fn table(
    ui: &Ui,
    visit: &Visit,
    (id, caption): (&'static str, &str),
    statements: &[Statement],
    people: &BTreeMap<String, Named>,
) -> Table {
    let codes: BTreeSet<_> = statements.iter().map(|it| shared::currency(it.amount.as_ref())).collect();
    let code = codes.into_iter().find(|code| !code.is_empty()).unwrap_or_default();
    let money = |key, label: &str| {
        let column = Column::number(ui, key, label);
        if code.is_empty() { column } else { Column { label: format!("{} ({code})", column.label), ..column } }
    };
    let columns = vec![
        Column::text(ui, "name", "UI_NAME"),
        Column::text(ui, "number", "UI_EMPLOYEE_NO"),
        Column::text(ui, "unit", "UI_UNIT").filtered(),
        Column::number(ui, "score", "UI_PAY_SCORE"),
        Column::text(ui, "tier", "UI_PAY_TIER").filtered(),
        money("lines", "UI_PAY_OF_THE_POOL"),
        money("adjustments", "UI_PAY_ADJUSTMENTS"),
        money("amount", "UI_AMOUNT"),
        money("equal", "UI_PAY_EQUAL_SPLIT").hidden(),
    ];
    let rows = statements.iter().map(|it| row(ui, it, people.get(&it.person_id))).collect();
    Table::new(ui, (id, caption, "UI_PAY_NO_STATEMENTS"), &visit.asked(), columns, rows)
}

fn row(ui: &Ui, it: &Statement, named: Option<&Named>) -> Row {
    let tiers: Vec<_> = it.lines.iter().map(|line| line.tier.as_str()).filter(|tier| !tier.is_empty()).collect();
    let together = |amounts: Vec<Option<&tally_api::common::v1::Money>>| {
        let amounts: Option<Vec<_>> = amounts.into_iter().collect();
        let minor = amounts?.iter().map(|it| it.minor).sum();
        Some(tally_api::common::v1::Money { currency: shared::currency(it.amount.as_ref()), minor })
    };
    let known = it.amount.is_some();
    let lines = together(it.lines.iter().map(|line| line.amount.as_ref()).collect()).filter(|_| known);
    let adjustments = together(it.adjustments.iter().map(|it| it.amount.as_ref()).collect()).filter(|_| known);
    let score = match it.score.parse::<rust_decimal::Decimal>() {
        Ok(score) => Cell::number(ui.format.rounded(&it.score, 2), score),
        Err(_) => Cell::text(""),
    };
    Row {
        id: it.person_id.clone(),
        href: format!("/pay/statements/{}/{}", it.settlement_id, it.person_id),
        cells: vec![
            Cell::text(shared::person_name(ui, named)),
            Cell::code(named.map(|it| it.number.clone()).unwrap_or_default()),
            Cell::text(named.map(|it| it.unit.clone()).unwrap_or_default()),
            score,
            Cell::text(tiers.join(", ")),
            shared::cell(ui, lines.as_ref()),
            shared::cell(ui, adjustments.as_ref()),
            shared::cell(ui, it.amount.as_ref()),
            shared::cell(ui, it.equal_split.as_ref()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_posted_settlement_is_shown_unless_another_is_asked_for() {
        let of = |id: &str, state: SettlementState| Settlement {
            settlement_id: id.to_owned(),
            state: state.into(),
            ..Default::default()
        };
        let all = [of("c", SettlementState::Draft), of("b", SettlementState::Posted), of("a", SettlementState::Posted)];
        let shown = |wanted: &str| chosen(&all, wanted).map(|it| it.settlement_id.as_str());
        assert_eq!(shown(""), Some("b"));
        assert_eq!(shown("a"), Some("a"));
        assert_eq!(shown("gone"), Some("b"));
        assert_eq!(chosen(&all[..1], "").map(|it| it.settlement_id.as_str()), Some("c"));
        assert_eq!(chosen(&[], ""), None);
    }
}
