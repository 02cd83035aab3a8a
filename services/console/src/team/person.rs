//! Somebody's month: the card explained, the accounts behind it, and what is odd.

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use rust_decimal::Decimal;
use tally_access::Permission;
use tally_api::attendance::v1::Account;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_api::performance::v1::{
    Card, CardLine, CardVersion, DropReason, GetCardRequest, GetSchemeRequest, Kpi, ListCardVersionsRequest, Total,
};
use tally_kernel::error::Kind;
use tally_kernel::{Error, Result, msg};

use super::duty::{self, Source, Wanted};
use super::{findings, month};
use crate::console::told;
use crate::names;
use crate::ui::chart::Bars;
use crate::ui::form::Choice;
use crate::ui::{Ui, instant};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "team/person.html")]
struct Page {
    ui: Ui,
    path: String,
    cycles: Vec<Choice>,
    of: String,
    tiles: Vec<(String, String, String)>,
    lines: Vec<Line>,
    points: Bars,
    accounts: Vec<Work>,
    findings: Vec<findings::Told>,
    versions: Vec<(String, String, Vec<String>)>,
    note: String,
}

/// An indicator.
struct Line {
    name: String,
    value: String,
    target: String,
    points: String,
    weight: String,
    weighted: String,
    note: String,
    next: String,
    /// Why it does not count.
    dropped: String,
}

/// Work on one account.
struct Work {
    name: String,
    href: String,
    records: String,
    range: String,
    certain: String,
    /// Records by rung: what it is called, and how many.
    rungs: Vec<(String, String)>,
}

/// `GET /team/people/{id}?of=`.
pub async fn person(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Page> {
    let (cycles, people, accounts, found) = futures::try_join!(
        duty::cycles(visit),
        names::people(visit),
        names::accounts(visit),
        findings::of_person(visit, id)
    )?;
    let cycles: Vec<Source> = cycles.into_iter().filter(|it| it.is_done).collect();
    let asked = visit.asked();
    let cycle = duty::chosen(&cycles, asked.get("of"), |_| true)?;
    let (card, versions, totals, kpis) = futures::try_join!(
        card(visit, cycle, id),
        versions(visit, cycle, id),
        totals(visit, cycle, id),
        kpis(visit, cycle)
    )?;
    let of = cycle.map(|it| it.id.clone()).unwrap_or_default();
    let ui = visit.ui(&msg!("UI_TEAM_PERSON")).titled(people.said(id));
    let ui = ui.below(format!("/team?of={of}"), visit.ui(&msg!("NAV_TEAM_MONTH")).title);
    let mine: Vec<&Total> = totals.iter().collect();
    let lines: Vec<Line> = card.iter().flat_map(|it| &it.lines).map(|it| line(&ui, it, &kpis)).collect();
    Ok(Page {
        path: format!("/team/people/{id}"),
        tiles: card.as_ref().map(|it| tiles(&ui, it, &mine)).unwrap_or_default(),
        points: points(&ui, card.as_ref(), &kpis),
        accounts: mine.iter().filter_map(|it| work(&ui, it, &accounts, cycle)).collect(),
        findings: findings::told_of(&ui, &found, &people, &of),
        versions: versions.iter().rev().filter(|it| !it.changes.is_empty()).map(|it| version(&ui, it)).collect(),
        note: if card.is_none() { ui.t("UI_TEAM_NO_CARD_OF_PERSON") } else { String::new() },
        cycles: duty::choices(&ui, &cycles),
        lines,
        of,
        ui,
    })
}

/// Nothing where there is none, rather than a refusal.
fn perhaps<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err::<_, Error>(error),
    }
}

async fn card(visit: &Visit, cycle: Option<&Source>, id: &str) -> Result<Option<Card>> {
    let Some(cycle) = cycle else { return Ok(None) };
    let mut client = CardServiceClient::new(visit.channel("performance")?);
    let ask = GetCardRequest { cycle_id: cycle.id.clone(), person_id: id.to_owned(), ..Default::default() };
    Ok(perhaps(told(client.get_card(visit.request(ask))).await)?.and_then(|it| it.card))
}

async fn totals(visit: &Visit, cycle: Option<&Source>, id: &str) -> Result<Vec<Total>> {
    let Some(cycle) = cycle else { return Ok(Vec::new()) };
    let wanted = Wanted { person_id: id.to_owned(), ..Wanted::default() };
    duty::totals(visit, cycle, &wanted).await
}

async fn versions(visit: &Visit, cycle: Option<&Source>, id: &str) -> Result<Vec<CardVersion>> {
    let Some(cycle) = cycle else { return Ok(Vec::new()) };
    let mut client = CardServiceClient::new(visit.channel("performance")?);
    let ask = ListCardVersionsRequest { cycle_id: cycle.id.clone(), person_id: id.to_owned() };
    Ok(perhaps(told(client.list_card_versions(visit.request(ask))).await)?.unwrap_or_default().versions)
}

async fn kpis(visit: &Visit, cycle: Option<&Source>) -> Result<Vec<Kpi>> {
    let Some(cycle) = cycle else { return Ok(Vec::new()) };
    let mut client = SchemeServiceClient::new(visit.channel("performance")?);
    let ask = GetSchemeRequest { scheme_id: cycle.scheme_id.clone(), version: cycle.scheme_version };
    let scheme = perhaps(told(client.get_scheme(visit.request(ask))).await)?.and_then(|it| it.scheme);
    Ok(scheme.unwrap_or_default().kpis)
}

fn name_of(ui: &Ui, key: &str, kpis: &[Kpi]) -> String {
    let measure = kpis.iter().find(|it| it.key == key).map_or(key, |it| it.measure.as_str()).to_owned();
    ui.say(&msg!("CARD_MEASURE", measure, kpi = key.to_owned()))
}

fn line(ui: &Ui, line: &CardLine, kpis: &[Kpi]) -> Line {
    let two = |text: &str| if text.is_empty() { "–".to_owned() } else { ui.format.rounded(text, 2) };
    let dropped = match line.dropped() {
        DropReason::Unspecified => String::new(),
        reason => ui.word(reason.as_str_name()),
    };
    Line {
        name: name_of(ui, &line.kpi, kpis),
        value: two(&line.adjusted),
        target: two(&line.target),
        points: two(&line.normalised),
        weight: if line.weight.is_empty() {
            "–".to_owned()
        } else {
            format!("{}\u{a0}%", ui.format.rounded(&line.weight, 1))
        },
        weighted: two(&line.weighted),
        note: line.note.clone(),
        next: line.next.clone(),
        dropped,
    }
}

/// What each indicator brings to the score.
fn points(ui: &Ui, card: Option<&Card>, kpis: &[Kpi]) -> Bars {
    const THOUSANDTHS: i64 = 1_000;
    let size = |text: &str| {
        let points = text.parse::<Decimal>().unwrap_or_default().max(Decimal::ZERO) * Decimal::from(THOUSANDTHS);
        u64::try_from(points.trunc()).unwrap_or_default()
    };
    let row = |line: &CardLine| {
        let name = name_of(ui, &line.kpi, kpis);
        (name, ui.format.rounded(&line.weighted, 2), size(&line.weighted), "accent")
    };
    let counts = card.into_iter().flat_map(|card| &card.lines).filter(|it| it.dropped() == DropReason::Unspecified);
    Bars::of(ui.t("UI_TEAM_POINTS_BY_INDICATOR"), counts.map(row))
}

fn tiles(ui: &Ui, card: &Card, totals: &[&Total]) -> Vec<(String, String, String)> {
    let all = totals.iter().find(|it| it.account_id.is_empty());
    let records = ui.format.rounded(&month::records(card.credited_ppm).to_string(), 1);
    let collaboration = ui.format.rounded(&card.collaboration, 2);
    vec![
        (ui.t("UI_TEAM_SCORE"), ui.format.rounded(&card.score, 2), String::new()),
        (ui.t("UI_TEAM_RANK"), ui.say(&msg!("UI_TEAM_RANK_OF", rank = card.rank, of = card.of)), String::new()),
        (ui.t("UI_TEAM_RECORDS"), records, all.map(|it| month::range(ui, it)).unwrap_or_default()),
        (
            ui.t("UI_TEAM_CERTAIN"),
            all.map_or("–".to_owned(), |it| ui.format.percent(month::certain(it))),
            ui.t("UI_TEAM_CERTAIN_SAID"),
        ),
        (ui.t("UI_TEAM_COLLABORATION"), collaboration, String::new()),
    ]
}

fn work(ui: &Ui, total: &Total, accounts: &[Account], cycle: Option<&Source>) -> Option<Work> {
    let account = accounts.iter().find(|it| it.account_id == total.account_id);
    if total.account_id.is_empty() {
        return None;
    }
    let whole = |ppm: u64| ui.format.rounded(&month::records(ppm).to_string(), 1);
    let rungs = [
        ("RUNG_TAG", total.tagged_ppm),
        ("RUNG_CLAIM", total.claimed_ppm),
        ("RUNG_HANDOVER", total.handover_ppm),
        ("RUNG_DEVICE", total.device_ppm),
        ("RUNG_SOLE", total.sole_ppm),
        ("RUNG_INFERRED", total.inferred_ppm),
        ("RUNG_REPLIES", total.replies_ppm),
        ("RUNG_TAG_SHARE", total.tag_share_ppm),
        ("RUNG_EQUAL", total.equal_ppm),
        ("RUNG_TEAM", total.team_ppm),
    ];
    let of = cycle.map(|it| format!("?of={}", it.id)).unwrap_or_default();
    Some(Work {
        name: account.map_or_else(|| ui.t("UI_TEAM_OTHER_ACCOUNT"), duty::account_name),
        href: account
            .filter(|_| ui.me().is_some_and(|me| me.may(Permission::RecordRead)))
            .map(|it| format!("/team/accounts/{}{of}", it.account_id))
            .unwrap_or_default(),
        records: whole(total.total_ppm),
        range: month::range(ui, total),
        certain: ui.format.percent(month::certain(total)),
        rungs: rungs.into_iter().filter(|(_, ppm)| *ppm > 0).map(|(id, ppm)| (ui.t(id), whole(ppm))).collect(),
    })
}

fn version(ui: &Ui, version: &CardVersion) -> (String, String, Vec<String>) {
    let at = version.published_at.as_ref().and_then(instant).map(|at| ui.format.moment(at)).unwrap_or_default();
    (at, version.reason.clone(), version.changes.clone())
}
