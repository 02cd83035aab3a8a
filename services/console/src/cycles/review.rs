//! The review of a result before everybody knows it: how scores lie, who moved, what did not count, what is odd.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use tally_access::Permission;
use tally_api::performance::v1::{Card, Cycle, CycleState, DropReason, ListFindingsResponse, Scheme};
use tally_kernel::{Result, msg};

use super::data;
use super::words::{self, decimal};
use crate::names::Names;
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::ui::form::Choice;
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::Visit;

/// Points that a bar of the distribution is of.
const BIN: u32 = 5;
/// How many who moved most are named.
const MOVERS: usize = 8;

/// What the page of a cycle shows of its result.
pub struct Review {
    pub tiles: Vec<(String, String, String)>,
    pub rungs: Bars,
    pub distribution: Bars,
    /// Against which result, and who moved most: address, name, score, before, difference, places.
    pub before: String,
    pub movers: Vec<Mover>,
    pub dropped: Bars,
    pub findings: Bars,
    pub findings_said: String,
    pub table: Table,
    pub may_cards: bool,
    /// Whom cards can be compared of.
    pub people: Vec<Choice>,
}

/// Somebody whose score moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mover {
    pub href: String,
    pub name: String,
    pub score: String,
    pub before: String,
    pub by: String,
    pub tone: &'static str,
}

/// What a review is made of.
pub struct Seen {
    cards: Vec<Card>,
    before: Option<(String, Vec<Card>)>,
    findings: Option<ListFindingsResponse>,
    titles: BTreeMap<String, String>,
}

/// Asks for all that a review is made of.
pub async fn of(visit: &Visit, cycle: &Cycle) -> Result<Seen> {
    let me = visit.me();
    let (may_cards, may_findings) = (me.may(Permission::CardRead), me.may(Permission::CreditRead));
    let cards =
        async { if may_cards { data::where_allowed(data::cards(visit, &cycle.cycle_id, 0).await) } else { Ok(None) } };
    let findings = async {
        if may_findings { data::where_allowed(data::findings(visit, &cycle.cycle_id, "").await) } else { Ok(None) }
    };
    let before = async {
        let last = last(cycle, &data::cycles(visit).await?).cloned();
        let Some(last) = last.filter(|_| may_cards) else { return Ok(None) };
        // A correction that is published is the newest version of what it corrects: it is held against the one before.
        let version = if cycle.corrects_id.is_empty() { 0 } else { cycle.result_version.saturating_sub(1) };
        let cards = data::where_allowed(data::cards(visit, &last.cycle_id, version).await)?;
        Ok(cards.map(|cards| (last.name, cards)))
    };
    let (cards, findings, before, measures) = futures::try_join!(cards, findings, before, data::measures(visit))?;
    let titles = data::titles(&visit.ui(&msg!("NAV_CYCLES")), &measures);
    Ok(Seen { cards: cards.unwrap_or_default(), before, findings, titles })
}

/// What a result is held against: the one that it corrects, or else the newest published one of the same unit that ends before it begins.
fn last<'c>(cycle: &Cycle, all: &'c [Cycle]) -> Option<&'c Cycle> {
    if !cycle.corrects_id.is_empty() {
        return all.iter().find(|it| it.cycle_id == cycle.corrects_id);
    }
    let from = cycle.period.as_ref().map(|it| it.from.as_str()).unwrap_or_default();
    let end = |it: &Cycle| it.period.as_ref().map(|it| it.to.clone()).unwrap_or_default();
    let fits = |it: &&Cycle| {
        it.state() == CycleState::Published
            && it.unit_id == cycle.unit_id
            && it.corrects_id.is_empty()
            && end(it).as_str() < from
    };
    all.iter().filter(fits).max_by_key(|it| end(it))
}

/// The review as the page shows it.
pub fn shown(ui: &Ui, cycle: &Cycle, seen: Seen, (people, units, scheme): (&Names, &Names, &Scheme)) -> Review {
    let indicators = data::indicators(scheme, &seen.titles);
    let (before, movers) = match &seen.before {
        Some((name, cards)) => (name.clone(), movers(ui, cycle, &seen.cards, cards, people)),
        None => Default::default(),
    };
    let (findings, more) = findings(ui, seen.findings.as_ref());
    Review {
        tiles: tiles(ui, cycle),
        rungs: words::rungs(ui, cycle.summary.as_ref().map(|it| it.rungs.as_slice()).unwrap_or_default()),
        distribution: distribution(ui, &seen.cards),
        before: if before.is_empty() { before } else { ui.say(&msg!("UI_AGAINST", name = before)) },
        movers,
        dropped: dropped(ui, &seen.cards, &indicators),
        findings,
        findings_said: more,
        table: table(ui, cycle, &seen.cards, (people, units)),
        may_cards: !seen.cards.is_empty(),
        people: seen.cards.iter().map(|it| Choice::new(&it.person_id, people.said(&it.person_id))).collect(),
    }
}

/// Millionths of records as records.
pub fn records(ui: &Ui, ppm: u64) -> String {
    const PLACES: u32 = 6;
    let records = Decimal::from_i128_with_scale(i128::from(ppm), PLACES);
    ui.format.rounded(&records.to_string(), 1)
}

fn tiles(ui: &Ui, cycle: &Cycle) -> Vec<(String, String, String)> {
    let Some(it) = &cycle.summary else { return Vec::new() };
    let share = |part: u64| part.saturating_mul(1_000_000).checked_div(it.records).unwrap_or_default();
    let percent = |part: u64| ui.format.percent(i64::try_from(share(part)).unwrap_or_default());
    let (people, records_out) = (it.outside_people, records(ui, it.outside_ppm));
    let mut tiles = vec![
        (ui.t("UI_PEOPLE_IN"), ui.format.count(it.people), String::new()),
        (ui.t("UI_RECORDS"), ui.format.count(it.records), String::new()),
        (ui.t("UI_CREDITED"), percent(it.credited), ui.format.count(it.credited)),
        (ui.t("UI_UNATTRIBUTED"), percent(it.unattributed), ui.format.count(it.unattributed)),
        (
            ui.t("UI_CREDITED_WITHIN"),
            records(ui, it.credited_ppm),
            ui.say(&msg!("UI_CREDITED_OUTSIDE", records = records_out, people)),
        ),
    ];
    if !cycle.corrects_id.is_empty() {
        tiles.push((ui.t("UI_CORRECTED_PEOPLE"), ui.format.count(it.corrected_people), String::new()));
    }
    tiles
}

/// How many cards have a score within each five points, from the lowest to the highest.
fn bins(scores: impl IntoIterator<Item = Decimal>) -> BTreeMap<i64, u64> {
    let mut bins: BTreeMap<i64, u64> = BTreeMap::new();
    for score in scores {
        let bin = (score / Decimal::from(BIN)).floor().to_i64().unwrap_or_default();
        *bins.entry(bin).or_default() += 1;
    }
    let ends = bins.keys().next().copied().zip(bins.keys().next_back().copied());
    if let Some((first, last)) = ends
        && last - first < 60
    {
        for bin in first..=last {
            bins.entry(bin).or_default();
        }
    }
    bins
}

fn distribution(ui: &Ui, cards: &[Card]) -> Bars {
    let width = i64::from(BIN);
    let bar = |(bin, people): (i64, u64)| {
        let (from, to) = (ui.format.count(bin * width), ui.format.count((bin + 1) * width));
        (
            ui.say(&msg!("UI_SCORE_BETWEEN", from, to)),
            ui.say(&msg!("UI_PEOPLE_COUNT", count = people)),
            people,
            "accent",
        )
    };
    let bins = bins(cards.iter().map(|it| decimal(&it.score)));
    Bars::of(ui.t("UI_DISTRIBUTION"), bins.into_iter().map(bar))
}

fn movers(ui: &Ui, cycle: &Cycle, cards: &[Card], before: &[Card], people: &Names) -> Vec<Mover> {
    let before: BTreeMap<_, _> = before.iter().map(|it| (it.person_id.as_str(), it)).collect();
    let moved = |card: &Card| {
        let past = before.get(card.person_id.as_str())?;
        let by = decimal(&card.score) - decimal(&past.score);
        (!by.is_zero()).then(|| (by, card.clone(), (*past).clone()))
    };
    let mut all: Vec<_> = cards.iter().filter_map(moved).collect();
    all.sort_by(|a, b| b.0.abs().cmp(&a.0.abs()).then_with(|| a.1.person_id.cmp(&b.1.person_id)));
    let score = |card: &Card| {
        let (score, rank) = (ui.format.rounded(&card.score, 1), card.rank);
        ui.say(&msg!("UI_SCORE_RANK", score, rank))
    };
    let mover = |(by, card, past): (Decimal, Card, Card)| Mover {
        href: format!("/cycles/{}/cards/{}", cycle.cycle_id, card.person_id),
        name: people.said(&card.person_id),
        score: score(&card),
        before: score(&past),
        by: signed(ui, by),
        tone: if by.is_sign_negative() { "bad" } else { "good" },
    };
    all.into_iter().take(MOVERS).map(mover).collect()
}

/// A difference with its sign.
fn signed(ui: &Ui, by: Decimal) -> String {
    let said = ui.format.rounded(&by.to_string(), 1);
    if by.is_sign_positive() { format!("+{said}") } else { said }
}

fn dropped(ui: &Ui, cards: &[Card], indicators: &BTreeMap<String, String>) -> Bars {
    let mut counted: BTreeMap<(String, DropReason), u64> = BTreeMap::new();
    for line in cards.iter().flat_map(|card| &card.lines).filter(|it| it.dropped() != DropReason::Unspecified) {
        *counted.entry((line.kpi.clone(), line.dropped())).or_default() += 1;
    }
    let bar = |((kpi, reason), people): ((String, DropReason), u64)| {
        let title = indicators.get(&kpi).unwrap_or(&kpi);
        let said = format!("{title}: {}", ui.word(reason.as_str_name()));
        (said, ui.say(&msg!("UI_PEOPLE_COUNT", count = people)), people, "warn")
    };
    Bars::of(ui.t("UI_DROPPED"), counted.into_iter().map(bar))
}

/// Findings by kind, and what is to be said of their number.
pub fn findings(ui: &Ui, answer: Option<&ListFindingsResponse>) -> (Bars, String) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in answer.iter().flat_map(|it| &it.findings) {
        *counted.entry(&finding.kind).or_default() += 1;
    }
    let count: u64 = counted.values().sum();
    let more = answer.is_some_and(|it| !it.next_page_token.is_empty());
    let said = if more { ui.say(&msg!("UI_FINDINGS_MORE", count)) } else { ui.say(&msg!("UI_FINDINGS_ALL", count)) };
    let bar = |(kind, count): (&str, u64)| (finding_kind(ui, kind), ui.format.count(count), count, "warn");
    let mut rows: Vec<_> = counted.into_iter().map(bar).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.2));
    (Bars::of(ui.t("UI_FINDINGS"), rows), said)
}

/// A kind of findings in words; one without is told as it is written, in small letters.
pub fn finding_kind(ui: &Ui, kind: &str) -> String {
    let id = format!("WORD_FINDING_{kind}");
    let word = ui.t(&id);
    if word == id { kind.to_lowercase().replace('_', " ") } else { word }
}

fn table(ui: &Ui, cycle: &Cycle, cards: &[Card], (people, units): (&Names, &Names)) -> Table {
    let columns = vec![
        Column::text(ui, "person", "UI_NAME"),
        Column::number(ui, "rank", "UI_RANK"),
        Column::number(ui, "score", "UI_SCORE"),
        Column::number(ui, "collaboration", "UI_COLLABORATION_POINTS").hidden(),
        Column::number(ui, "credited", "UI_CREDITED_RECORDS"),
        Column::text(ui, "unit", "UI_UNIT").filtered(),
    ];
    let number = |text: &str| Cell::number(ui.format.rounded(text, 1), decimal(text));
    let row = |card: &Card| Row {
        id: card.person_id.clone(),
        href: format!("/cycles/{}/cards/{}", cycle.cycle_id, card.person_id),
        cells: vec![
            Cell::text(people.said(&card.person_id)),
            Cell::number(ui.format.count(card.rank), card.rank),
            number(&card.score),
            number(&card.collaboration),
            Cell::number(records(ui, card.credited_ppm), card.credited_ppm),
            Cell::text(units.said(&card.unit_id)),
        ],
    };
    let rows = cards.iter().map(row).collect();
    Table::new(ui, ("cards", "UI_CARDS", "UI_NO_CARDS"), &crate::ui::table::Asked::of(asked(ui)), columns, rows)
}

/// What the address of the page says.
fn asked(ui: &Ui) -> Vec<(String, String)> {
    let query = ui.here().split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::Period;

    use super::*;

    fn cycle(id: &str, unit: &str, to: &str, state: CycleState) -> Cycle {
        let period = Some(Period { from: to.replace("-30", "-01"), to: to.into() });
        Cycle { cycle_id: id.into(), unit_id: unit.into(), period, state: state.into(), ..Default::default() }
    }

    #[test]
    fn a_result_is_held_against_the_last_one_of_its_unit() {
        let all = [
            cycle("april", "a", "2026-04-30", CycleState::Published),
            cycle("march", "a", "2026-03-30", CycleState::Published),
            cycle("other", "b", "2026-05-30", CycleState::Published),
            cycle("open", "a", "2026-05-30", CycleState::Reviewable),
        ];
        let june = cycle("june", "a", "2026-06-30", CycleState::Reviewable);
        assert_eq!(last(&june, &all).map(|it| it.cycle_id.as_str()), Some("april"));
        let correction = Cycle { corrects_id: "march".into(), ..june };
        assert_eq!(last(&correction, &all).map(|it| it.cycle_id.as_str()), Some("march"));
        assert_eq!(last(&cycle("first", "c", "2026-06-30", CycleState::Open), &all), None);
    }

    #[test]
    fn scores_lie_in_bins_without_gaps_and_below_zero_too() {
        let scores = ["-0.1", "0", "4.999", "5", "17"].map(|it| it.parse::<Decimal>().expect("a number"));
        let bins: Vec<_> = bins(scores).into_iter().collect();
        assert_eq!(bins, [(-1, 1), (0, 2), (1, 1), (2, 0), (3, 1)]);
    }
}
