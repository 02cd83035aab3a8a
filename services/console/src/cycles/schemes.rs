//! Schemes: the list, and one with its versions in words and side by side.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use futures::future::try_join_all;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::change_service_client::ChangeServiceClient;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_api::performance::v1::{
    ListRefinementsRequest, ListSchemeTemplatesRequest, ListTouchedCyclesRequest, Refinement, RefinementState, Scheme,
    SchemeTemplate, SchemeWithdrawal, TouchedCycle, WithdrawSchemeRequest,
};
use tally_kernel::{Locale, Result, msg};

use super::data::{self, client};
use super::words::{self, Fact, Side};
use crate::console::told;
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// Versions that are shown of one scheme, the newest first.
const VERSIONS: u32 = 20;

/// A scheme to begin with.
struct Beginning {
    title: String,
    said: String,
    href: String,
}

#[derive(Template)]
#[template(path = "cycles/schemes.html")]
struct List {
    ui: Ui,
    table: Table,
    templates: Vec<Beginning>,
    may_write: bool,
}

/// `GET /schemes`: all that the reader may see, and what to begin with.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_SCHEMES"));
    let (schemes, units, templates) =
        futures::try_join!(data::schemes(visit), names::units(visit, "", None), templates(visit))?;
    let units = Names::of_units(&units);
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "unit", "UI_UNIT").filtered(),
        Column::text(&ui, "kind", "UI_KIND").filtered(),
        Column::number(&ui, "version", "UI_VERSION"),
        Column::number(&ui, "indicators", "UI_INDICATORS"),
        Column::text(&ui, "state", "UI_STATE").filtered(),
    ];
    let rows = schemes.iter().map(|scheme| row(&ui, scheme, &units)).collect();
    let table = Table::new(&ui, ("schemes", "NAV_SCHEMES", "UI_NO_SCHEMES"), &visit.asked(), columns, rows);
    let may_write = visit.me().may_others(Permission::SchemeWrite);
    Ok(List { table, templates: templates.iter().map(|it| beginning(&ui, it)).collect(), may_write, ui })
}

async fn templates(visit: &Visit) -> Result<Vec<SchemeTemplate>> {
    let ask = visit.request(ListSchemeTemplatesRequest {});
    Ok(told(client!(visit, SchemeServiceClient).list_scheme_templates(ask)).await?.templates)
}

fn beginning(ui: &Ui, template: &SchemeTemplate) -> Beginning {
    let chinese = matches!(ui.locale(), Locale::ZhCn | Locale::ZhTw);
    let said = |text: Option<&tally_api::performance::v1::BothLanguages>| {
        text.map(|it| if chinese { it.zh_cn.clone() } else { it.en.clone() }).unwrap_or_default()
    };
    Beginning {
        title: said(template.title.as_ref()),
        said: said(template.description.as_ref()),
        href: format!("/schemes/new?template={}", template.name),
    }
}

/// What a scheme is to others.
fn kind(ui: &Ui, scheme: &Scheme) -> String {
    let binding = scheme.bounds.as_ref().is_some_and(|it| it.mandatory);
    ui.t(match (scheme.parent.is_some(), scheme.bounds.is_some()) {
        (true, _) => "UI_REFINEMENT",
        (_, true) if binding => "UI_STANDARD_BINDING",
        (_, true) => "UI_STANDARD",
        _ => "UI_OWN_SCHEME",
    })
}

fn state(ui: &Ui, scheme: &Scheme) -> Cell {
    match &scheme.withdrawal {
        Some(it) => {
            let day = ui.format.day_text(&it.from);
            Cell::pill(ui.say(&msg!("UI_WITHDRAWN_FROM", day)), "bad")
        }
        None => Cell::pill(ui.t("UI_IN_USE"), "good"),
    }
}

fn row(ui: &Ui, scheme: &Scheme, units: &Names) -> Row {
    Row {
        id: scheme.scheme_id.clone(),
        href: format!("/schemes/{}", scheme.scheme_id),
        cells: vec![
            Cell::text(&scheme.name),
            Cell::text(words::unit(ui, units, &scheme.unit_id)),
            Cell::text(kind(ui, scheme)),
            Cell::number(ui.format.count(scheme.version), scheme.version),
            Cell::number(ui.format.count(scheme.kpis.len()), scheme.kpis.len()),
            state(ui, scheme),
        ],
    }
}

/// An indicator as the page shows it.
struct Indicator {
    title: String,
    said: String,
    measured: String,
    bounds: String,
}

/// A refinement and what keeps it from following.
struct Refined {
    name: String,
    href: String,
    state: String,
    tone: &'static str,
    problems: Vec<String>,
}

#[derive(Template)]
#[template(path = "cycles/scheme.html")]
struct One {
    ui: Ui,
    id: String,
    facts: Vec<Fact>,
    withdrawn: String,
    indicators: Vec<Indicator>,
    /// Of all versions: number and whether it is the one that is shown, or the one that it is held against.
    versions: Vec<(u32, bool, bool)>,
    side: Side,
    differing: String,
    refinements: Vec<Refined>,
    cycles: Vec<(String, String, String, &'static str)>,
    may_write: bool,
    is_standard: bool,
    withdraw: Option<Form>,
}

/// `GET /schemes/{id}?version=&with=`: a version in words, held against another.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id, None).await)
}

/// A scheme with all that stands around it.
struct Around {
    versions: Vec<Scheme>,
    units: Names,
    titles: BTreeMap<String, String>,
    refinements: Vec<Refinement>,
    cycles: Vec<TouchedCycle>,
    parent: Option<Scheme>,
}

async fn around(visit: &Visit, ui: &Ui, id: &str) -> Result<Around> {
    let newest = data::scheme(visit, id, 0).await?;
    let oldest = newest.version.saturating_sub(VERSIONS).max(1);
    let before = try_join_all((oldest..newest.version).map(|version| data::scheme(visit, id, version)));
    let parent = async {
        match &newest.parent {
            Some(it) => data::where_allowed(data::scheme(visit, &it.scheme_id, it.version).await),
            None => Ok(None),
        }
    };
    let (mut versions, parent, units, measures, refinements, cycles) = futures::try_join!(
        before,
        parent,
        names::units(visit, "", None),
        data::measures(visit),
        refinements(visit, id),
        touched(visit, id)
    )?;
    versions.push(newest);
    let (units, titles) = (Names::of_units(&units), data::titles(ui, &measures));
    Ok(Around { versions, units, titles, refinements, cycles, parent })
}

async fn refinements(visit: &Visit, id: &str) -> Result<Vec<Refinement>> {
    let ask = ListRefinementsRequest { scheme_id: id.to_owned(), page_size: AT_ONCE, ..Default::default() };
    Ok(told(client!(visit, SchemeServiceClient).list_refinements(visit.request(ask))).await?.refinements)
}

async fn touched(visit: &Visit, id: &str) -> Result<Vec<TouchedCycle>> {
    let ask = ListTouchedCyclesRequest { scheme_id: id.to_owned(), page_size: AT_ONCE, ..Default::default() };
    let answer = told(client!(visit, ChangeServiceClient).list_touched_cycles(visit.request(ask))).await;
    Ok(data::where_allowed(answer)?.unwrap_or_default().cycles)
}

async fn shown(visit: &Visit, id: &str, withdraw: Option<Form>) -> Result<One> {
    let ui = visit.ui(&msg!("NAV_SCHEMES"));
    let all = around(visit, &ui, id).await?;
    let asked = visit.asked();
    let newest = all.versions.last().map_or(1, |it| it.version);
    let number = |name: &str, otherwise: u32| asked.get(name).parse().unwrap_or(otherwise);
    let version = number("version", newest);
    let with = number("with", version.saturating_sub(1));
    let find = |version: u32| all.versions.iter().find(|it| it.version == version);
    let scheme = find(version).or(all.versions.last()).cloned().unwrap_or_default();
    let held = find(with).filter(|it| it.version != scheme.version);
    let side = held.map_or_else(Side::default, |with| {
        words::versions(&ui, ui.t("UI_SIDE_BY_SIDE"), &[with, &scheme], &all.titles)
    });
    let count = side.differing();
    let may_write = visit.me().may_others(Permission::SchemeWrite) && scheme.origin_region.is_empty();
    let ui = ui.titled(&scheme.name).below("/schemes", visit.ui(&msg!("NAV_SCHEMES")).title);
    let withdraw = withdraw.unwrap_or_else(|| withdrawing(&ui, id, newest));
    Ok(One {
        id: id.to_owned(),
        facts: facts(&ui, &scheme, &all),
        withdrawn: withdrawn(&ui, &scheme),
        indicators: scheme.kpis.iter().map(|kpi| indicator(&ui, &scheme, kpi, &all.titles)).collect(),
        versions: all
            .versions
            .iter()
            .rev()
            .map(|it| (it.version, it.version == scheme.version, held.is_some_and(|with| with.version == it.version)))
            .collect(),
        differing: ui.say(&msg!("UI_DIFFERING", count)),
        side,
        refinements: all.refinements.iter().map(|it| refined(&ui, it, &all.units)).collect(),
        cycles: all.cycles.iter().map(|it| touching(&ui, it)).collect(),
        may_write,
        is_standard: scheme.bounds.is_some() && scheme.withdrawal.is_none(),
        withdraw: Some(withdraw).filter(|_| may_write && scheme.withdrawal.is_none()),
        ui,
    })
}

fn facts(ui: &Ui, scheme: &Scheme, all: &Around) -> Vec<Fact> {
    let yes = |said: bool| ui.t(if said { "UI_YES" } else { "UI_NO" });
    let version = scheme.version;
    let mut facts = vec![
        Fact::new(ui, "UI_VERSION", ui.say(&msg!("UI_VERSION_N", version))),
        Fact::new(ui, "UI_UNIT", words::unit(ui, &all.units, &scheme.unit_id)),
        Fact::new(ui, "UI_KIND", kind(ui, scheme)),
    ];
    if let (Some(parent), Some(it)) = (&all.parent, &scheme.parent) {
        let (name, version) = (&parent.name, it.version);
        let said = ui.say(&msg!("UI_NAME_VERSION", name, version));
        facts.push(Fact::new(ui, "UI_REFINES", said).to(format!("/schemes/{}?version={version}", it.scheme_id)));
    }
    facts.push(Fact::new(ui, "UI_COLLABORATION", yes(scheme.collaboration)));
    if !scheme.currency.is_empty() {
        facts.push(Fact::new(ui, "UI_CURRENCY", &scheme.currency));
    }
    if !scheme.origin_region.is_empty() {
        facts.push(Fact::new(ui, "UI_WRITTEN_IN", &scheme.origin_region));
    }
    facts
}

fn withdrawn(ui: &Ui, scheme: &Scheme) -> String {
    scheme.withdrawal.as_ref().map_or_else(String::new, |it| {
        let (day, reason, version) = (ui.format.day_text(&it.from), &it.reason, it.superseded_by);
        let said = ui.say(&msg!("UI_WITHDRAWN_BECAUSE", day, reason));
        if version == 0 { said } else { format!("{said} {}", ui.say(&msg!("UI_SUPERSEDED_BY", version))) }
    })
}

fn indicator(
    ui: &Ui,
    scheme: &Scheme,
    kpi: &tally_api::performance::v1::Kpi,
    titles: &BTreeMap<String, String>,
) -> Indicator {
    let measured = scheme.measures.iter().find(|it| it.name == kpi.measure);
    let bounds = scheme.bounds.iter().flat_map(|it| &it.kpis).find(|it| it.key == kpi.key);
    let range = bounds.and_then(|it| it.weight.as_ref()).map(|it| {
        let (least, most) = (ui.format.number(&it.min), ui.format.number(&it.max));
        ui.say(&msg!("UI_WEIGHT_BETWEEN", least, most))
    });
    let fixed = || if scheme.bounds.is_some() { ui.t("UI_WEIGHT_FIXED") } else { String::new() };
    let mut bound = range.unwrap_or_else(fixed);
    if bounds.is_some_and(|it| it.optional) {
        bound = format!("{bound} {}", ui.t("UI_MAY_BE_LEFT_OUT"));
    }
    Indicator {
        title: titles.get(&kpi.measure).unwrap_or(&kpi.measure).clone(),
        said: words::sentence(ui, kpi),
        measured: measured.map(|it| it.description.clone()).unwrap_or_default(),
        bounds: bound,
    }
}

fn refined(ui: &Ui, refinement: &Refinement, units: &Names) -> Refined {
    let scheme = refinement.scheme.clone().unwrap_or_default();
    Refined {
        href: format!("/schemes/{}", scheme.scheme_id),
        name: format!("{} · {}", scheme.name, words::unit(ui, units, &scheme.unit_id)),
        state: ui.word(refinement.state().as_str_name()),
        tone: match refinement.state() {
            RefinementState::UpToDate => "good",
            RefinementState::BehindButFits => "warn",
            RefinementState::MustFollow | RefinementState::ParentWithdrawn => "bad",
            RefinementState::Unspecified => "plain",
        },
        problems: refinement.problems.iter().map(|it| it.description.clone()).collect(),
    }
}

fn touching(ui: &Ui, cycle: &TouchedCycle) -> (String, String, String, &'static str) {
    let state = cycle.state();
    (format!("/cycles/{}", cycle.cycle_id), cycle.name.clone(), ui.word(state.as_str_name()), words::tone(state))
}

fn withdrawing(ui: &Ui, id: &str, newest: u32) -> Form {
    Form::new(ui, format!("/schemes/{id}/withdraw"), "withdraw", "UI_WITHDRAW_SCHEME")
        .with(Field::new(ui, "version", "UI_VERSION", Kind::Number).hint(ui.t("UI_WITHDRAW_VERSION_HINT")))
        .with(Field::new(ui, "from", "UI_WITHDRAW_FROM", Kind::Date).required())
        .with(Field::new(ui, "superseded_by", "UI_SUPERSEDED", Kind::Number).hint(ui.t("UI_SUPERSEDED_HINT")))
        .with(Field::new(ui, "reason", "UI_REASON", Kind::Long).required().hint(ui.t("UI_REASON_HINT")))
        .with(Field::new(ui, "sure", "UI_SURE", Kind::Check).required())
        .with(Field::hidden("newest", newest.to_string()))
        .danger()
}

/// `POST /schemes/{id}/withdraw`: takes a version, or all of it, out of use.
pub async fn withdraw(visit: Visit, Path(id): Path<String>, sent: Sent) -> Response<Body> {
    let number = |name: &str| sent.get(name).parse().unwrap_or_default();
    let withdrawal = SchemeWithdrawal {
        version: number("version"),
        from: sent.get("from").to_owned(),
        reason: sent.get("reason").to_owned(),
        superseded_by: number("superseded_by"),
    };
    let ask =
        WithdrawSchemeRequest { request_id: sent.request_id(), scheme_id: id.clone(), withdrawal: Some(withdrawal) };
    let answer = match visit.channel("performance") {
        Ok(way) => told(SchemeServiceClient::new(way).withdraw_scheme(visit.request(ask))).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(_) => visit.done(&format!("/schemes/{id}"), "SCHEME_WITHDRAWN"),
        Err(error) => {
            let ui = visit.ui(&msg!("NAV_SCHEMES"));
            let newest = sent.get("newest").parse().unwrap_or(1);
            let form = withdrawing(&ui, &id, newest).refused(&ui, sent.fields(), &error);
            visit.wrong(shown(&visit, &id, Some(form)).await, &error)
        }
    }
}
