//! A card explained, its versions beside each other, and cards of several people beside each other.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use futures::future::try_join_all;
use http::Response;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::{
    Card, CardLine, CardVersion, Cycle, DropReason, GetCardRequest, ListCardVersionsRequest,
};
use tally_kernel::{Result, msg};

use super::words::{Fact, Side};
use super::{data, data::client, review, words};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::ui::form::Choice;
use crate::visit::Visit;

/// People whose cards stand beside each other at most.
const MOST: usize = 6;

/// An indicator as the page shows it.
struct Line {
    title: String,
    facts: Vec<Fact>,
    note: String,
    next: String,
    /// Why it does not count, or empty.
    dropped: String,
}

/// A version of the card.
struct Version {
    title: String,
    when: String,
    reason: String,
    score: String,
    changes: Vec<String>,
}

#[derive(Template)]
#[template(path = "cycles/card.html")]
struct One {
    ui: Ui,
    tiles: Vec<(String, String, String)>,
    bars: Bars,
    lines: Vec<Line>,
    versions: Vec<Version>,
    side: Side,
    person: String,
    /// The address of the comparison with others.
    compare: String,
    digest: String,
    unpublished: bool,
}

/// `GET /cycles/{id}/cards/{person}`
pub async fn one(visit: Visit, Path((id, person)): Path<(String, String)>) -> Response<Body> {
    visit.page(shown(&visit, &id, &person).await)
}

/// The card, where there is one that the reader may see.
async fn card(visit: &Visit, id: &str, person: &str) -> Result<Option<Card>> {
    let ask = GetCardRequest { cycle_id: id.to_owned(), person_id: person.to_owned(), ..Default::default() };
    let answer = told(client!(visit, CardServiceClient).get_card(visit.request(ask))).await;
    Ok(data::where_allowed(answer)?.and_then(|answer| answer.card))
}

async fn versions(visit: &Visit, id: &str, person: &str) -> Result<Vec<CardVersion>> {
    let ask = ListCardVersionsRequest { cycle_id: id.to_owned(), person_id: person.to_owned() };
    let answer = told(client!(visit, CardServiceClient).list_card_versions(visit.request(ask))).await;
    Ok(data::where_allowed(answer)?.unwrap_or_default().versions)
}

/// The cycle and what its indicators are called.
async fn named(visit: &Visit, id: &str) -> Result<(Cycle, BTreeMap<String, String>)> {
    let cycle = data::cycle(visit, id).await?;
    let scheme = async { data::where_allowed(data::scheme(visit, &cycle.scheme_id, cycle.scheme_version).await) };
    let (scheme, measures) = futures::try_join!(scheme, data::measures(visit))?;
    let titles = data::titles(&visit.ui(&msg!("NAV_CYCLES")), &measures);
    Ok((cycle, data::indicators(&scheme.unwrap_or_default(), &titles)))
}

async fn shown(visit: &Visit, id: &str, person: &str) -> Result<One> {
    let ((cycle, titles), card, versions, people) = futures::try_join!(
        named(visit, id),
        card(visit, id, person),
        versions(visit, id, person),
        names::people(visit)
    )?;
    let ui = visit.ui(&msg!("UI_CARD")).titled(people.said(person));
    let ui = ui.below("/cycles", visit.ui(&msg!("NAV_CYCLES")).title).below(format!("/cycles/{id}"), &cycle.name);
    let is_there = card.is_some();
    let card = card.unwrap_or_default();
    let bar = |line: &CardLine| {
        let weighted = words::decimal(&line.weighted);
        let size =
            u64::try_from((weighted * rust_decimal::Decimal::from(1_000)).trunc().mantissa()).unwrap_or_default();
        (title(&titles, &line.kpi), ui.format.rounded(&line.weighted, 1), size, "accent")
    };
    Ok(One {
        tiles: if is_there { tiles(&ui, &card) } else { Vec::new() },
        bars: Bars::of(ui.t("UI_POINTS_BY_INDICATOR"), card.lines.iter().map(bar)),
        lines: card.lines.iter().map(|it| line(&ui, it, &titles)).collect(),
        side: side_of_versions(&ui, &versions, &titles),
        versions: versions.iter().rev().map(|it| version(&ui, it)).collect(),
        person: format!("/people/{person}"),
        compare: format!("/cycles/{id}/compare?person={person}"),
        digest: card.inputs_digest,
        unpublished: is_there && card.result_version == 0,
        ui,
    })
}

fn title(titles: &BTreeMap<String, String>, kpi: &str) -> String {
    titles.get(kpi).cloned().unwrap_or_else(|| kpi.to_owned())
}

fn tiles(ui: &Ui, card: &Card) -> Vec<(String, String, String)> {
    let (of, outside) = (card.of, review::records(ui, card.outside_ppm));
    vec![
        (ui.t("UI_SCORE"), ui.format.rounded(&card.score, 2), String::new()),
        (ui.t("UI_RANK"), ui.format.count(card.rank), ui.say(&msg!("UI_OF_CARDS", of))),
        (ui.t("UI_COLLABORATION_POINTS"), ui.format.rounded(&card.collaboration, 2), String::new()),
        (
            ui.t("UI_CREDITED_RECORDS"),
            review::records(ui, card.credited_ppm),
            ui.say(&msg!("UI_OUTSIDE_OWN", records = outside)),
        ),
    ]
}

fn line(ui: &Ui, line: &CardLine, titles: &BTreeMap<String, String>) -> Line {
    let number = |text: &str| if text.is_empty() { "–".to_owned() } else { ui.format.rounded(text, 2) };
    let target = if line.target == words::TEAM_MEDIAN { ui.t("UI_TEAM_MEDIAN") } else { number(&line.target) };
    let mut facts = vec![
        Fact::new(ui, "UI_VALUE", number(&line.value)),
        Fact::new(ui, "UI_TARGET", target),
        Fact::new(ui, "UI_POINTS", number(&line.normalised)),
        Fact::new(ui, "UI_WEIGHT", number(&line.weight)),
        Fact::new(ui, "UI_WEIGHTED", number(&line.weighted)),
        Fact::new(ui, "UI_MEASURED_ON", number(&line.n)),
    ];
    if !line.adjusted.is_empty() && line.adjusted != line.value {
        facts.insert(1, Fact::new(ui, "UI_ADJUSTED", number(&line.adjusted)));
    }
    let dropped = line.dropped();
    Line {
        title: title(titles, &line.kpi),
        facts,
        note: line.note.clone(),
        next: line.next.clone(),
        dropped: if dropped == DropReason::Unspecified { String::new() } else { ui.word(dropped.as_str_name()) },
    }
}

fn version(ui: &Ui, it: &CardVersion) -> Version {
    let version = it.result_version;
    Version {
        title: ui.say(&msg!("UI_VERSION_N", version)),
        when: ui.moment(it.published_at.as_ref()),
        reason: it.reason.clone(),
        score: it.card.as_ref().map_or_else(|| ui.t("UI_NO_CARD_THEN"), |card| ui.format.rounded(&card.score, 2)),
        changes: it.changes.clone(),
    }
}

fn side_of_versions(ui: &Ui, versions: &[CardVersion], titles: &BTreeMap<String, String>) -> Side {
    if versions.len() < 2 {
        return Side::default();
    }
    let head = |it: &CardVersion| {
        let version = it.result_version;
        (ui.say(&msg!("UI_VERSION_N", version)), String::new())
    };
    let cards: Vec<_> = versions.iter().map(|it| it.card.as_ref()).collect();
    side(ui, ui.t("UI_VERSIONS_BESIDE"), versions.iter().map(head).collect(), &cards, titles)
}

/// Cards beside each other: score, rank, and of each indicator value and weighted points.
fn side(
    ui: &Ui,
    caption: String,
    heads: Vec<(String, String)>,
    cards: &[Option<&Card>],
    titles: &BTreeMap<String, String>,
) -> Side {
    let each = |say: &dyn Fn(&Card) -> String| -> Vec<String> {
        cards.iter().map(|card| card.map_or_else(|| "–".to_owned(), say)).collect()
    };
    let number = |text: &str| if text.is_empty() { "–".to_owned() } else { ui.format.rounded(text, 2) };
    let mut rows = vec![
        (ui.t("UI_SCORE"), each(&|card| number(&card.score))),
        (ui.t("UI_RANK"), each(&|card| ui.format.count(card.rank))),
        (ui.t("UI_CREDITED_RECORDS"), each(&|card| review::records(ui, card.credited_ppm))),
    ];
    let mut kpis: Vec<&str> = Vec::new();
    for line in cards.iter().flatten().flat_map(|card| &card.lines) {
        if !kpis.contains(&line.kpi.as_str()) {
            kpis.push(&line.kpi);
        }
    }
    for kpi in kpis {
        let found = |card: &Card| card.lines.iter().find(|line| line.kpi == kpi).cloned().unwrap_or_default();
        let name = title(titles, kpi);
        rows.push((format!("{name}: {}", ui.t("UI_VALUE")), each(&|card| number(&found(card).value))));
        rows.push((format!("{name}: {}", ui.t("UI_POINTS")), each(&|card| number(&found(card).normalised))));
        rows.push((format!("{name}: {}", ui.t("UI_WEIGHTED")), each(&|card| number(&found(card).weighted))));
    }
    rows.push((ui.t("UI_COLLABORATION_POINTS"), each(&|card| number(&card.collaboration))));
    Side::new(caption, heads, rows)
}

#[derive(Template)]
#[template(path = "cycles/compare.html")]
struct Compared {
    ui: Ui,
    side: Side,
    /// The fields that choose whom: what is chosen in each.
    chosen: Vec<String>,
    people: Vec<Choice>,
}

/// `GET /cycles/{id}/compare?person=&person=`
pub async fn compare(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(compared(&visit, &id).await)
}

/// Whom the address names: at most some, each once.
fn chosen(here: &str) -> Vec<String> {
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let mut chosen: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "person" && !value.is_empty() && !chosen.iter().any(|it| *it == value) {
            chosen.push(value.into_owned());
        }
    }
    chosen.truncate(MOST);
    chosen
}

async fn compared(visit: &Visit, id: &str) -> Result<Compared> {
    let ui = visit.ui(&msg!("UI_COMPARE_CARDS"));
    let mut chosen = chosen(ui.here());
    let cards = try_join_all(chosen.iter().map(|person| card(visit, id, person)));
    let ((cycle, titles), cards, all, people) =
        futures::try_join!(named(visit, id), cards, data::cards(visit, id, 0), names::people(visit))?;
    let cards: Vec<Card> = cards.into_iter().flatten().collect();
    let ui = ui.below("/cycles", visit.ui(&msg!("NAV_CYCLES")).title).below(format!("/cycles/{id}"), &cycle.name);
    let head = |card: &Card| (people.said(&card.person_id), format!("/cycles/{id}/cards/{}", card.person_id));
    let heads = cards.iter().map(head).collect();
    let cards: Vec<_> = cards.iter().map(Some).collect();
    let side =
        if cards.is_empty() { Side::default() } else { side(&ui, ui.t("UI_COMPARE_CARDS"), heads, &cards, &titles) };
    // One field more than are chosen, two at least.
    chosen.resize((chosen.len() + 1).clamp(2, MOST), String::new());
    Ok(Compared { side, chosen, people: choices(&ui, &all, &people), ui })
}

fn choices(ui: &Ui, cards: &[Card], people: &Names) -> Vec<Choice> {
    let mut all: Vec<_> = cards.iter().map(|it| Choice::new(&it.person_id, people.said(&it.person_id))).collect();
    all.sort_by(|a, b| ui.format.order(&a.label, &b.label));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_compared_once_and_not_too_many() {
        assert_eq!(chosen("/compare?person=a&person=&person=b&person=a&x=c"), ["a", "b"]);
        let many: String = (0..20).map(|at| format!("person={at}&")).collect();
        assert_eq!(chosen(&format!("/compare?{many}")).len(), MOST);
        assert!(chosen("/compare").is_empty());
    }
}
