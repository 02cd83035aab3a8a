//! Pools: money to be split by a rule. A list, one with its rule in words, and a new one.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::compensation::v1::pool_part::Rule;
use tally_api::compensation::v1::pool_service_client::PoolServiceClient;
use tally_api::compensation::v1::{CreatePoolRequest, GetPoolRequest, Pool, PoolPart, SettlementState, Tier};
use tally_api::performance::v1::{Cycle, CycleState};
use tally_kernel::{Error, Result, msg};

use super::shared::{self, Cycles};
use super::{names, pool_form, settlements};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

#[derive(Template)]
#[template(path = "pay/pools.html")]
struct List {
    ui: Ui,
    table: Table,
    /// The reader makes pools.
    writes: bool,
}

/// `GET /pay/pools`: all of them, newest first.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_POOLS"));
    let (pools, cycles, units) =
        tokio::try_join!(shared::pools(visit), shared::cycles(visit), names::units(visit, ""))?;
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "cycle", "UI_PAY_CYCLE").filtered(),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::number(&ui, "amount", "UI_AMOUNT"),
        Column::text(&ui, "currency", "UI_PAY_CURRENCY").filtered(),
        Column::text(&ui, "rule", "UI_PAY_HOW_SPLIT"),
        Column::text(&ui, "carry", "UI_PAY_CARRY").filtered().hidden(),
    ];
    let rows = pools.iter().map(|pool| row(&ui, pool, &cycles, &units)).collect();
    let table = Table::new(&ui, ("pools", "NAV_POOLS", "UI_PAY_NO_POOLS"), &visit.asked(), columns, rows);
    Ok(List { ui, table, writes: visit.me().may(Permission::PoolWrite) })
}

fn row(ui: &Ui, pool: &Pool, cycles: &Cycles, units: &BTreeMap<String, String>) -> Row {
    let parts: Vec<_> = pool.parts.iter().map(|part| part_name(ui, part)).collect();
    Row {
        id: pool.pool_id.clone(),
        href: format!("/pay/pools/{}", pool.pool_id),
        cells: vec![
            Cell::text(&pool.name),
            Cell::text(shared::cycle_name(ui, cycles, &pool.cycle_id)),
            Cell::text(shared::unit_name(ui, units, &pool.unit_id)),
            shared::cell(ui, pool.amount.as_ref()),
            Cell::text(shared::currency(pool.amount.as_ref())),
            Cell::text(parts.join(" + ")),
            Cell::text(ui.t(if pool.carry { "UI_YES" } else { "UI_NO" })),
        ],
    }
}

/// A part in a few words: its share, and how it is split.
fn part_name(ui: &Ui, part: &PoolPart) -> String {
    let rule = match &part.rule {
        Some(Rule::Tiers(_)) => ui.t("UI_PAY_RULE_TIERS"),
        Some(Rule::Proportional(_)) => ui.t("UI_PAY_RULE_PROPORTIONAL"),
        Some(Rule::TeamFund(fund)) => format!("{} ({})", ui.t("UI_PAY_TEAM_FUND"), fund.name),
        None => String::new(),
    };
    format!("{} {rule}", ui.format.percent(part.share_ppm))
}

#[derive(Template)]
#[template(path = "pay/pool.html")]
struct One {
    ui: Ui,
    pool: Pool,
    amount: String,
    cycle: String,
    unit: String,
    parts: Vec<Part>,
    settlements: Table,
    /// A settlement of it can be drafted by the reader now.
    drafts: bool,
}

/// A part as it is read.
struct Part {
    name: String,
    said: String,
    tiers: Vec<(String, String, String)>,
}

/// `GET /pay/pools/{pool}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.list(shown(&visit, &id).await, |page| &page.settlements)
}

async fn shown(visit: &Visit, id: &str) -> Result<One> {
    let ui = visit.ui(&msg!("UI_PAY_POOL"));
    let (pool, mut all, cycles, units) =
        tokio::try_join!(get(visit, id), shared::settlements(visit), shared::cycles(visit), names::units(visit, ""))?;
    all.retain(|it| it.pool_id == pool.pool_id);
    let published = cycles.get(&pool.cycle_id).is_some_and(|cycle| cycle.state() == CycleState::Published);
    let free = all.iter().all(|it| it.state() == SettlementState::Discarded);
    let rows = all.iter().map(|it| settlements::row(&ui, it, &cycles, &units)).collect();
    let of = (
        "settlements",
        "NAV_SETTLEMENTS",
        if published { "UI_PAY_NO_SETTLEMENT_OF_POOL" } else { "UI_PAY_POOL_WAITS" },
    );
    let settlements = Table::new(&ui, of, &visit.asked(), settlements::columns(&ui), rows);
    let ui = ui.titled(pool.name.clone()).below("/pay/pools", visit.ui(&msg!("NAV_POOLS")).title);
    Ok(One {
        amount: shared::amount(&ui, pool.amount.as_ref()),
        cycle: shared::cycle_name(&ui, &cycles, &pool.cycle_id),
        unit: shared::unit_name(&ui, &units, &pool.unit_id),
        parts: pool.parts.iter().map(|part| read(&ui, part)).collect(),
        drafts: published && free && visit.me().may(Permission::SettlementPrepare),
        settlements,
        pool,
        ui,
    })
}

async fn get(visit: &Visit, id: &str) -> Result<Pool> {
    let ask = GetPoolRequest { pool_id: id.to_owned() };
    let client = PoolServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().get_pool(visit.request(ask))).await?.pool.unwrap_or_default())
}

fn read(ui: &Ui, part: &PoolPart) -> Part {
    let (said, tiers) = match &part.rule {
        Some(Rule::Tiers(rule)) => (ui.t("UI_PAY_RULE_TIERS_SAID"), rule.tiers.iter().map(|it| tier(ui, it)).collect()),
        Some(Rule::Proportional(rule)) => {
            let floor = if rule.floor.is_empty() { "0" } else { rule.floor.as_str() };
            (ui.say(&msg!("UI_PAY_RULE_PROPORTIONAL_SAID", floor = ui.format.number(floor))), Vec::new())
        }
        Some(Rule::TeamFund(_)) => (ui.t("UI_PAY_RULE_FUND_SAID"), Vec::new()),
        None => (String::new(), Vec::new()),
    };
    Part { name: part_name(ui, part), said, tiers }
}

fn tier(ui: &Ui, it: &Tier) -> (String, String, String) {
    let whom = if it.min_score.is_empty() {
        ui.say(&msg!("UI_PAY_TIER_QUOTA", quota = ui.format.percent(it.quota_ppm)))
    } else {
        ui.say(&msg!("UI_PAY_TIER_FROM", score = ui.format.number(&it.min_score)))
    };
    (it.name.clone(), whom, ui.format.number(&it.weight))
}

#[derive(Template)]
#[template(path = "pay/pool-new.html")]
struct New {
    ui: Ui,
    form: Form,
    /// The parts: what each is called, what it does, and its fields.
    groups: Vec<(String, String, Vec<Field>)>,
}

/// `GET /pay/pools/new?cycle=`.
pub async fn ask(visit: Visit) -> Response<Body> {
    visit.page(asked(&visit, None).await)
}

/// `POST /pay/pools/new`: makes it, and leads there.
pub async fn create(visit: Visit, sent: Sent) -> Response<Body> {
    match created(&visit, &sent).await {
        Ok(id) => visit.done(&format!("/pay/pools/{id}"), "POOL_MADE"),
        Err(error) => visit.wrong(asked(&visit, Some((&sent, &error))).await, &error),
    }
}

async fn created(visit: &Visit, sent: &Sent) -> Result<String> {
    let pool = pool_form::read(&|name| sent.get(name))?;
    let ask = CreatePoolRequest { request_id: sent.request_id(), pool: Some(pool) };
    let client = PoolServiceClient::new(visit.channel("compensation")?);
    Ok(told(client.clone().create_pool(visit.request(ask))).await?.pool.unwrap_or_default().pool_id)
}

async fn asked(visit: &Visit, refused: Option<(&Sent, &Error)>) -> Result<New> {
    shared::must(visit, Permission::PoolWrite)?;
    let ui = visit.ui(&msg!("UI_PAY_NEW_POOL"));
    let (cycles, units) = tokio::try_join!(shared::cycles(visit), names::units(visit, ""))?;
    let own = |cycle: &&Cycle| cycle.corrects_id.is_empty();
    let cycle = |cycle: &Cycle| {
        let name = shared::cycle_name(&ui, &cycles, &cycle.cycle_id);
        let (unit, state) = (
            shared::unit_name(&ui, &units, &cycle.unit_id),
            ui.t(if cycle.state() == CycleState::Published { "UI_PAY_PUBLISHED" } else { "UI_PAY_NOT_PUBLISHED" }),
        );
        Choice::new(&cycle.cycle_id, format!("{name} · {unit} · {state}"))
    };
    // Ids begin with their time: the newest first.
    let choices: Vec<_> = cycles.values().rev().filter(own).map(cycle).collect();
    let mut within: Vec<_> = units.iter().map(|(id, path)| Choice::new(id, path)).collect();
    within.sort_by(|a, b| ui.format.order(&a.label, &b.label));
    let mut form = pool_form::form(&ui, (choices, within), visit.asked().get("cycle"));
    if let Some((sent, error)) = refused {
        form = form.refused(&ui, sent.fields(), error);
        if form.error.is_empty() {
            form.error = ui.t("UI_PUT_RIGHT");
        }
    }
    let groups = pool_form::grouped(&ui, &mut form);
    let ui = ui.below("/pay/pools", visit.ui(&msg!("NAV_POOLS")).title);
    Ok(New { ui, form, groups })
}
