//! `/my/month`: the own card of a cycle, step by step, what it rests on and how sure that is, and what became of it since.

use std::str::FromStr as _;

use askama::Template;
use axum::body::Body;
use http::Response;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use tally_access::Permission;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::{
    Card, CardLine, CardVersion, Cycle, CycleState, GetCardRequest, ListCardVersionsRequest, ListTotalsRequest, Total,
};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Result, msg};

use super::own::{self, Accounts};
use crate::console::told;
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::visit::Visit;

/// The newest cycles alone are looked through for a card of the reader.
const CYCLES: usize = 12;
/// Rows that a service gives at once.
const AT_ONCE: u32 = 1_000;
/// Parts of a record, and of a million.
const PPM: u32 = 6;
/// Units of an interval's drawing.
const WIDTH: u64 = 1_000;

#[derive(Template)]
#[template(path = "mine/month.html")]
struct Month {
    ui: Ui,
    /// Cycles with a card of the reader: address, name, and whether it is this one.
    cycles: Vec<(String, String, bool)>,
    shown: Option<Shown>,
}

/// A card as it is shown.
struct Shown {
    name: String,
    draft: bool,
    score: String,
    rank: String,
    gap: String,
    collaboration: String,
    bars: Bars,
    lines: Vec<Line>,
    helps: Vec<Line>,
    rungs: Bars,
    totals: Vec<Ranged>,
    records: String,
    versions: Vec<Version>,
}

/// A step of the score.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    name: String,
    points: String,
    note: String,
    next: String,
}

/// Credited records with the interval in which they lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranged {
    name: String,
    records: String,
    range: String,
    /// Of [`WIDTH`]: where the interval begins, how long it is, where the credit stands.
    drawn: (u64, u64, u64),
}

/// A version of the card.
struct Version {
    title: String,
    at: String,
    reason: String,
    changes: Vec<String>,
}

/// `GET /my/month?cycle=`.
pub async fn month(visit: Visit) -> Response<Body> {
    visit.page(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Month> {
    let ui = visit.ui(&msg!("NAV_MONTH"));
    let cards = cards(visit).await?;
    let asked = visit.asked();
    let chosen = match asked.get("cycle") {
        "" => cards.first(),
        id => Some(cards.iter().find(|(cycle, _)| cycle.cycle_id == id).ok_or_else(|| Error::not_found("cycle", id))?),
    };
    let shown = match chosen {
        Some((cycle, card)) => Some(shown(visit, &ui, cycle, card).await?),
        None => None,
    };
    let current = chosen.map(|(cycle, _)| cycle.cycle_id.clone()).unwrap_or_default();
    let way = |(cycle, _): &(Cycle, Card)| {
        let here = cycle.cycle_id == current;
        (format!("/my/month?cycle={}", cycle.cycle_id), own::cycle_name(&ui, cycle), here)
    };
    Ok(Month { cycles: cards.iter().map(way).collect(), shown, ui })
}

/// The reader's cards of the newest cycles.
pub async fn cards(visit: &Visit) -> Result<Vec<(Cycle, Card)>> {
    let mut cycles = own::cycles(visit).await?;
    cycles.retain(|cycle| matches!(cycle.state(), CycleState::Published | CycleState::Reviewable));
    let client = CardServiceClient::new(visit.channel("performance")?);
    let person_id = visit.me().person_id;
    let one = async |cycle: Cycle| {
        let (cycle_id, person_id) = (cycle.cycle_id.clone(), person_id.clone());
        let ask = GetCardRequest { cycle_id, person_id, ..Default::default() };
        match told(client.clone().get_card(visit.request(ask))).await {
            Ok(found) => Ok(found.card.map(|card| (cycle, card))),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::PermissionDenied) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let found = futures::future::try_join_all(cycles.into_iter().take(CYCLES).map(one)).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn shown(visit: &Visit, ui: &Ui, cycle: &Cycle, card: &Card) -> Result<Shown> {
    let (versions, totals, accounts) =
        futures::try_join!(versions(visit, &cycle.cycle_id), totals(visit, &cycle.cycle_id), own::accounts(visit),)?;
    let all = totals.iter().find(|total| total.account_id.is_empty());
    let lost: Decimal = card.lines.iter().map(lost).sum();
    Ok(Shown {
        name: own::cycle_name(ui, cycle),
        draft: cycle.state() != CycleState::Published,
        score: ui.format.rounded(&card.score, 2),
        rank: ui.say(&msg!("UI_MINE_RANK", rank = card.rank, of = card.of)),
        gap: ui.format.rounded(&lost.to_string(), 2),
        collaboration: Some(&card.collaboration)
            .filter(|points| decimal(points) > Decimal::ZERO)
            .map(|points| ui.format.rounded(points, 2))
            .unwrap_or_default(),
        bars: steps(ui, card),
        lines: card.lines.iter().map(|line| step(ui, line, &line.weighted)).collect(),
        helps: helps(ui, &card.lines),
        rungs: rungs(ui, all),
        totals: ranged(ui, &totals, &accounts),
        records: format!("/my/records?cycle={}", cycle.cycle_id),
        versions: versions.into_iter().map(|it| version(ui, it)).collect(),
    })
}

/// Every version of the reader's card, the newest first.
async fn versions(visit: &Visit, cycle_id: &str) -> Result<Vec<CardVersion>> {
    let ask = ListCardVersionsRequest { cycle_id: cycle_id.to_owned(), person_id: visit.me().person_id };
    let client = CardServiceClient::new(visit.channel("performance")?);
    let mut versions = told(client.clone().list_card_versions(visit.request(ask))).await?.versions;
    versions.reverse();
    Ok(versions)
}

/// The reader's own totals.
async fn totals(visit: &Visit, cycle_id: &str) -> Result<Vec<Total>> {
    if !visit.me().may(Permission::CreditRead) {
        return Ok(Vec::new());
    }
    let client = AttributionServiceClient::new(visit.channel("performance")?);
    let me = visit.me().person_id;
    tally_rpc::pages(async |page_token| {
        let (cycle_id, person_id) = (cycle_id.to_owned(), me.clone());
        let ask = ListTotalsRequest { cycle_id, person_id, page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_totals(visit.request(ask)).await?.into_inner();
        Ok((page.totals, page.next_page_token))
    })
    .await
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap_or_default()
}

/// The points that a line lacks of its weight; none where the target is reached, or the line does not count.
fn lost(line: &CardLine) -> Decimal {
    (decimal(&line.weight) - decimal(&line.weighted)).max(Decimal::ZERO)
}

/// What an indicator is called: its sentence begins with that.
fn name(line: &CardLine) -> String {
    let named = line.note.split([':', '：']).next().filter(|name| !name.is_empty() && name.len() < line.note.len());
    named.unwrap_or(&line.kpi).trim().to_owned()
}

fn step(ui: &Ui, line: &CardLine, points: &str) -> Line {
    Line { name: name(line), points: ui.format.rounded(points, 2), note: line.note.clone(), next: line.next.clone() }
}

/// The lines that lack most first.
fn helps(ui: &Ui, lines: &[CardLine]) -> Vec<Line> {
    let mut all: Vec<_> = lines.iter().map(|line| (lost(line), line)).collect();
    all.retain(|(lost, line)| *lost > Decimal::ZERO && !line.next.is_empty());
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.kpi.cmp(&b.1.kpi)));
    all.into_iter().map(|(lost, line)| step(ui, line, &lost.to_string())).collect()
}

/// The score, bar by bar.
fn steps(ui: &Ui, card: &Card) -> Bars {
    let size = |points: Decimal| (points * Decimal::from(1_000_000)).to_u64().unwrap_or_default();
    let bar = |line: &CardLine| {
        let (weighted, tone) = (decimal(&line.weighted), if lost(line).is_zero() { "good" } else { "accent" });
        let value = ui.say(&msg!(
            "UI_MINE_OF_WEIGHT",
            points = ui.format.rounded(&line.weighted, 2),
            weight = ui.format.number(&line.weight)
        ));
        (name(line), value, size(weighted), tone)
    };
    let others = (decimal(&card.collaboration) > Decimal::ZERO).then(|| {
        let value = ui.format.rounded(&card.collaboration, 2);
        (ui.t("UI_MINE_COLLABORATION"), value, size(decimal(&card.collaboration)), "good")
    });
    Bars::of(ui.t("UI_MINE_STEPS"), card.lines.iter().map(bar).chain(others))
}

/// How sure the credits are, from certain to nothing.
fn rungs(ui: &Ui, total: Option<&Total>) -> Bars {
    let total = total.cloned().unwrap_or_default();
    let all = [
        ("RUNG_TAG", total.tagged_ppm, "good"),
        ("RUNG_CLAIM", total.claimed_ppm, "good"),
        ("RUNG_DEVICE", total.device_ppm, "good"),
        ("RUNG_HANDOVER", total.handover_ppm, "good"),
        ("RUNG_SOLE", total.sole_ppm, "good"),
        ("RUNG_REPLIES", total.replies_ppm, "accent"),
        ("RUNG_INFERRED", total.inferred_ppm, "accent"),
        ("RUNG_TAG_SHARE", total.tag_share_ppm, "accent"),
        ("RUNG_EQUAL", total.equal_ppm, "warn"),
        ("RUNG_TEAM", total.team_ppm, "warn"),
    ];
    let bar = |(id, ppm, tone): (&str, u64, &'static str)| (ui.t(id), records(ui, ppm), ppm, tone);
    Bars::of(ui.t("UI_MINE_HOW_SURE"), all.into_iter().filter(|(_, ppm, _)| *ppm > 0).map(bar))
}

/// Millionths of records, as records.
pub fn records(ui: &Ui, ppm: u64) -> String {
    ui.format.rounded(&Decimal::from_i128_with_scale(ppm.into(), PPM).to_string(), 1)
}

/// All together first, then account by account.
fn ranged(ui: &Ui, totals: &[Total], accounts: &Accounts) -> Vec<Ranged> {
    let most = totals.iter().map(|total| total.high_ppm.max(total.total_ppm)).max().unwrap_or_default().max(1);
    let at = |ppm: u64| ppm.saturating_mul(WIDTH) / most;
    let one = |total: &Total| {
        let all = total.account_id.is_empty();
        let (low, high) = (at(total.low_ppm), at(total.high_ppm.max(total.low_ppm)));
        let ends = (records(ui, total.low_ppm), records(ui, total.high_ppm));
        Ranged {
            name: if all {
                ui.t("UI_MINE_ALL_ACCOUNTS")
            } else {
                accounts.name_or(ui, &total.account_id, &total.account_key)
            },
            records: records(ui, total.total_ppm),
            range: format!("{} – {}", ends.0, ends.1),
            drawn: (low, (high - low).max(4), at(total.total_ppm).min(WIDTH - 6)),
        }
    };
    let mut rows: Vec<_> = totals.iter().collect();
    rows.sort_by_key(|total| (!total.account_id.is_empty(), std::cmp::Reverse(total.total_ppm)));
    rows.into_iter().map(one).collect()
}

fn version(ui: &Ui, version: CardVersion) -> Version {
    let number = version.result_version;
    let score = version.card.as_ref().map(|card| ui.format.rounded(&card.score, 2)).unwrap_or_else(|| "–".to_owned());
    Version {
        title: ui.say(&msg!("UI_MINE_VERSION", number, score)),
        at: ui.moment(version.published_at.as_ref()),
        reason: version.reason,
        changes: version.changes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kpi: &str, weight: &str, weighted: &str, note: &str) -> CardLine {
        let text = str::to_owned;
        CardLine {
            kpi: text(kpi),
            weight: text(weight),
            weighted: text(weighted),
            note: text(note),
            ..Default::default()
        }
    }

    #[test]
    fn a_line_lacks_what_its_weight_has_more_and_never_less_than_nothing() {
        assert_eq!(lost(&line("a", "40", "46.42", "")), Decimal::ZERO);
        assert_eq!(lost(&line("a", "20", "17.5", "")), Decimal::from_str("2.5").expect("a number"));
        assert_eq!(lost(&line("a", "", "", "")), Decimal::ZERO);
    }

    #[test]
    fn an_indicator_is_called_as_its_sentence_begins() {
        assert_eq!(
            name(&line("first_reply", "", "", "First reply within 30 s: 79 % on 79 records.")),
            "First reply within 30 s"
        );
        assert_eq!(name(&line("first_reply", "", "", "30 秒内首次回复：79 %")), "30 秒内首次回复");
        assert_eq!(name(&line("first_reply", "", "", "no colon")), "first_reply");
        assert_eq!(name(&line("first_reply", "", "", "")), "first_reply");
    }
}
