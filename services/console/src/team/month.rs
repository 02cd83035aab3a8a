//! The team's month: who has which score, how sure the records behind it are, and who moved.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use http::Response;
use rust_decimal::Decimal;
use tally_api::identity::v1::Person;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::{Card, ListCardsRequest, Total};
use tally_kernel::{Result, msg};

use super::duty::{self, Source, Wanted};
use crate::names::{self, AT_ONCE};
use crate::ui::Ui;
use crate::ui::form::Choice;
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::visit::Visit;

/// Cycles that are looked into for the first one with cards that the reader may see.
const LOOKED_INTO: usize = 6;
/// Millionths of a record in a record, as digits behind the point.
const PPM_DIGITS: u32 = 6;

#[derive(Template)]
#[template(path = "team/month.html")]
struct Month {
    ui: Ui,
    cycles: Vec<Choice>,
    of: String,
    state: String,
    tiles: Vec<(String, String, String)>,
    table: Table,
    /// What the month is compared with, or that there is nothing.
    compared: String,
}

/// `GET /team?of=`.
pub async fn month(visit: Visit) -> Response<Body> {
    visit.list(shown(&visit).await, |page| &page.table)
}

async fn shown(visit: &Visit) -> Result<Month> {
    let ui = visit.ui(&msg!("NAV_TEAM_MONTH"));
    let asked = visit.asked();
    let cycles: Vec<Source> = duty::cycles(visit).await?.into_iter().filter(|it| it.is_done).collect();
    let (people, (cycle, Figures { cards, totals, past })) =
        futures::try_join!(names::everybody(visit, None, None), with_cards(visit, &cycles, asked.get("of")))?;
    let before = cycle.as_ref().and_then(|it| before(&cycles, it)).cloned();
    let rows = Rows { ui: &ui, people: &people, totals: &totals, past: &past };
    let table = rows.table(&asked, cycle.as_ref(), &cards);
    let compared = match &before {
        Some(before) => {
            let before = before.label(&ui);
            ui.say(&msg!("UI_TEAM_COMPARED_WITH", before))
        }
        None => String::new(),
    };
    Ok(Month {
        cycles: duty::choices(&ui, &cycles),
        of: cycle.as_ref().map(|it| it.id.clone()).unwrap_or_default(),
        state: cycle.as_ref().map(|it| ui.word(it.state)).unwrap_or_default(),
        tiles: tiles(&ui, &cards, &totals),
        table,
        compared,
        ui,
    })
}

/// The figures of a month: its cards, the work behind them, and the cards of the month before.
#[derive(Default)]
struct Figures {
    cards: Vec<Card>,
    totals: Vec<Total>,
    past: BTreeMap<String, Card>,
}

/// The cycle that is asked for, else the newest with cards that the reader may see; and its figures, asked for at once: a month mostly has some.
async fn with_cards(visit: &Visit, cycles: &[Source], wanted: &str) -> Result<(Option<Source>, Figures)> {
    let first = duty::chosen(cycles, wanted, |_| true)?.cloned();
    let looked_into = if wanted.is_empty() { LOOKED_INTO } else { 1 };
    let candidates = first.iter().chain(cycles.iter().skip(1)).take(looked_into);
    for cycle in candidates {
        let figures = figures(visit, cycle, before(cycles, cycle)).await?;
        if !figures.cards.is_empty() {
            return Ok((Some(cycle.clone()), figures));
        }
    }
    Ok((first, Figures::default()))
}

async fn figures(visit: &Visit, cycle: &Source, before: Option<&Source>) -> Result<Figures> {
    let sums = Wanted { sums_only: true, ..Wanted::default() };
    let (cards, totals, past) =
        futures::try_join!(cards(visit, Some(cycle)), duty::totals(visit, cycle, &sums), past(visit, before))?;
    Ok(Figures { cards, totals, past })
}

async fn cards(visit: &Visit, cycle: Option<&Source>) -> Result<Vec<Card>> {
    let Some(cycle) = cycle else { return Ok(Vec::new()) };
    let client =
        CardServiceClient::new(visit.channel("performance")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES);
    tally_rpc::pages(async |page_token| {
        let cycle_id = cycle.id.clone();
        let ask = ListCardsRequest { cycle_id, page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_cards(visit.request(ask)).await?.into_inner();
        Ok((page.cards, page.next_page_token))
    })
    .await
}

async fn past(visit: &Visit, before: Option<&Source>) -> Result<BTreeMap<String, Card>> {
    let cards = cards(visit, before).await?;
    Ok(cards.into_iter().map(|card| (card.person_id.clone(), card)).collect())
}

/// The last cycle before one, of the same scheme and unit.
fn before<'s>(cycles: &'s [Source], cycle: &Source) -> Option<&'s Source> {
    let same = |it: &&Source| it.scheme_id == cycle.scheme_id && it.unit_id == cycle.unit_id;
    cycles
        .iter()
        .filter(same)
        .filter(|it| it.period.to < cycle.period.from)
        .max_by(|a, b| a.period.to.cmp(&b.period.to))
}

/// What of the records of a total evidence says whose they are, in millionths of all of them.
pub fn certain(total: &Total) -> u32 {
    let known = total.tagged_ppm + total.handover_ppm + total.sole_ppm + total.claimed_ppm + total.device_ppm;
    part(known, total.total_ppm)
}

fn part(some: u64, all: u64) -> u32 {
    if all == 0 { 0 } else { u32::try_from(u128::from(some) * 1_000_000 / u128::from(all)).unwrap_or_default() }
}

/// Millionths of records, as records.
pub fn records(ppm: u64) -> Decimal {
    Decimal::new(i64::try_from(ppm).unwrap_or(i64::MAX), PPM_DIGITS)
}

/// From fewest to most, in whole records.
pub fn range(ui: &Ui, total: &Total) -> String {
    let whole = |ppm: u64| ui.format.rounded(&records(ppm).to_string(), 0);
    format!("{}–{}", whole(total.low_ppm), whole(total.high_ppm))
}

fn tiles(ui: &Ui, cards: &[Card], totals: &[Total]) -> Vec<(String, String, String)> {
    if cards.is_empty() {
        return Vec::new();
    }
    let mut scores: Vec<Decimal> = cards.iter().filter_map(|card| card.score.parse().ok()).collect();
    scores.sort_unstable();
    let all: Vec<&Total> = totals.iter().filter(|it| it.account_id.is_empty()).collect();
    let sum = all.iter().map(|it| it.total_ppm).sum::<u64>();
    let known = all.iter().map(|it| u64::from(certain(it)) * (it.total_ppm / 1_000_000)).sum::<u64>();
    let median = scores.get(scores.len() / 2).map(|it| ui.format.rounded(&it.to_string(), 1));
    vec![
        (ui.t("NAV_PEOPLE"), ui.format.count(cards.len()), String::new()),
        (ui.t("UI_TEAM_RECORDS"), ui.format.rounded(&records(sum).to_string(), 0), ui.t("UI_TEAM_RECORDS_CREDITED")),
        (
            ui.t("UI_TEAM_CERTAIN"),
            ui.format.percent(part(known, (sum / 1_000_000).max(1) * 1_000_000)),
            ui.t("UI_TEAM_CERTAIN_SAID"),
        ),
        (ui.t("UI_TEAM_SCORE_MEDIAN"), median.unwrap_or_else(|| "–".to_owned()), String::new()),
    ]
}

struct Rows<'a> {
    ui: &'a Ui,
    people: &'a [Person],
    totals: &'a [Total],
    past: &'a BTreeMap<String, Card>,
}

impl Rows<'_> {
    fn table(&self, asked: &Asked, cycle: Option<&Source>, cards: &[Card]) -> Table {
        let ui = self.ui;
        let moved = !self.past.is_empty();
        let mut columns = vec![
            Column::text(ui, "name", "UI_NAME"),
            Column::text(ui, "number", "UI_EMPLOYEE_NO"),
            Column::text(ui, "unit", "UI_UNIT").filtered(),
            Column::number(ui, "rank", "UI_TEAM_RANK"),
            Column::number(ui, "score", "UI_TEAM_SCORE"),
            Column::number(ui, "moved", "UI_TEAM_MOVED"),
            Column::number(ui, "records", "UI_TEAM_RECORDS"),
            Column::number(ui, "certain", "UI_TEAM_CERTAIN"),
            Column::text(ui, "range", "UI_TEAM_RANGE"),
            Column::number(ui, "outside", "UI_TEAM_OUTSIDE").hidden(),
            Column::number(ui, "collaboration", "UI_TEAM_COLLABORATION").hidden(),
        ];
        if !moved && let Some(column) = columns.iter_mut().find(|it| it.key == "moved") {
            column.hidden = true;
        }
        let of = cycle.map(|it| it.id.as_str()).unwrap_or_default();
        let rows = cards.iter().map(|card| self.row(card, of)).collect();
        Table::new(ui, ("cards", "NAV_TEAM_MONTH", "UI_TEAM_NO_CARDS"), asked, columns, rows)
    }

    fn row(&self, card: &Card, of: &str) -> Row {
        let ui = self.ui;
        let person = self.people.iter().find(|it| it.person_id == card.person_id).cloned().unwrap_or_default();
        let total = self.totals.iter().find(|it| it.person_id == card.person_id && it.account_id.is_empty());
        let unit = person.employments.iter().rev().find(|it| it.unit_id == card.unit_id);
        let number = |text: &str, places: u32| match text.parse::<Decimal>() {
            Ok(number) => Cell::number(ui.format.rounded(text, places), number),
            Err(_) => Cell::text(""),
        };
        Row {
            id: card.person_id.clone(),
            href: format!("/team/people/{}?of={of}", card.person_id),
            cells: vec![
                Cell::text(person.name),
                Cell::code(person.employee_no),
                Cell::text(unit.map(|it| it.unit_path.clone()).unwrap_or_default()),
                Cell::number(ui.say(&msg!("UI_TEAM_RANK_OF", rank = card.rank, of = card.of)), card.rank),
                number(&card.score, 2),
                self.moved(card),
                number(&records(card.credited_ppm).to_string(), 1),
                total.map_or(Cell::text(""), |it| Cell::share(ui.format.percent(certain(it)), certain(it))),
                Cell::text(total.map(|it| range(ui, it)).unwrap_or_default()),
                number(&records(card.outside_ppm).to_string(), 1),
                number(&card.collaboration, 2),
            ],
        }
    }

    fn moved(&self, card: &Card) -> Cell {
        let past = self.past.get(&card.person_id).and_then(|past| past.score.parse::<Decimal>().ok());
        let moved = past.zip(card.score.parse::<Decimal>().ok()).map(|(past, now)| now - past);
        moved.map_or(Cell::text(""), |by| Cell::number(signed(self.ui, by), by))
    }
}

/// More with a plus, less with a minus.
pub fn signed(ui: &Ui, number: Decimal) -> String {
    let sign = if number > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", ui.format.rounded(&number.to_string(), 1))
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::Period;

    use super::*;

    fn cycle(id: &str, from: &str, to: &str, scheme_id: &str) -> Source {
        let period = Period { from: from.to_owned(), to: to.to_owned() };
        Source { id: id.to_owned(), period, scheme_id: scheme_id.to_owned(), ..Source::default() }
    }

    #[test]
    fn a_month_is_compared_with_the_last_of_its_own_scheme() {
        let all = [
            cycle("mar", "2026-03-01", "2026-03-31", "a"),
            cycle("feb", "2026-02-01", "2026-02-28", "a"),
            cycle("feb-other", "2026-02-01", "2026-02-28", "b"),
            cycle("jan", "2026-01-01", "2026-01-31", "a"),
        ];
        assert_eq!(before(&all, &all[0]).map(|it| it.id.as_str()), Some("feb"));
        assert_eq!(before(&all, &all[3]), None);
    }

    #[test]
    fn certain_is_what_evidence_names() {
        let total = Total { tagged_ppm: 3_000_000, claimed_ppm: 1_000_000, total_ppm: 8_000_000, ..Total::default() };
        assert_eq!(certain(&total), 500_000);
        assert_eq!(certain(&Total::default()), 0);
    }
}
