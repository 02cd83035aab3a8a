//! Score cards: the best and the last, and how one of them came about.

use tally_api::performance::v1::Card;
use tally_bundle::{Bundle, PersonIx};
use tally_kernel::{Micro, msg};

use crate::cli::Language;
use crate::close::CloseOutcome;

use super::text::{Page, Table, decimal};

/// Cards shown from the top and from the bottom.
const TOP: usize = 5;
const BOTTOM: usize = 3;

/// Those of whom more is told: the first, the middle one and the last of the ranking.
pub fn spotlight(outcome: &CloseOutcome) -> Vec<PersonIx> {
    let cards = &outcome.cards;
    let mut places = vec![0, cards.len() / 2, cards.len().saturating_sub(1)];
    places.dedup();
    places.into_iter().filter_map(|at| cards.get(at)).map(|(person, _)| *person).collect()
}

/// The ranking, and one card in full.
pub(super) fn write(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let Some((_, first)) = outcome.cards.first() else { return };
    let (people, scheme) = (outcome.cards.len(), &bundle.scheme.name);
    page.heading(&lang.say(&msg!("SHOW_SCORES", people, scheme)));
    let mut table = Table::new(&format!("><<>>{}>", ">".repeat(first.lines.len())));
    let head = [
        msg!("SHOW_COLUMN_PLACE"),
        msg!("SHOW_COLUMN_WHO"),
        msg!("SHOW_COLUMN_TEAM"),
        msg!("SHOW_COLUMN_CREDITED"),
        msg!("SHOW_COLUMN_SCORE"),
    ];
    let kpis = first.lines.iter().map(|line| line.kpi.clone());
    let together = lang.say(&msg!("SHOW_COLUMN_COLLABORATION"));
    table.row(head.iter().map(|column| lang.say(column)).chain(kpis).chain([together]));
    let cards = &outcome.cards;
    let top = TOP.min(cards.len());
    let bottom = cards.len().saturating_sub(BOTTOM).max(top);
    cards[..top].iter().for_each(|card| table.row(row(bundle, card)));
    if bottom > top {
        table.row(["…"]);
    }
    cards[bottom..].iter().for_each(|card| table.row(row(bundle, card)));
    page.table(2, &table);
    let outside = outcome.summary.outside_people;
    if outside > 0 {
        let records = decimal(outcome.summary.outside_ppm, 1);
        page.say(2, &lang.say(&msg!("SHOW_OUTSIDE", people = outside, records)));
    }
    if let Some(middle) = outcome.cards.get(outcome.cards.len() / 2) {
        page.line("");
        trace(page, bundle, middle, lang);
    }
}

fn row(bundle: &Bundle, (person, card): &(PersonIx, Card)) -> Vec<String> {
    let who = bundle.person(*person);
    let unit = &who.home(bundle.period.to).org_unit;
    let (branch, team) = (unit.split('/').next().unwrap_or_default(), unit.rsplit('/').next().unwrap_or_default());
    let team = if team == branch { team.to_owned() } else { format!("{branch} · {team}") };
    let head =
        [card.rank.to_string(), format!("{} {}", who.name, who.employee_no), team, decimal(card.credited_ppm, 1)];
    let points = card.lines.iter().map(|line| short(&line.normalised));
    head.into_iter().chain([short(&card.score)]).chain(points).chain([short(&card.collaboration)]).collect()
}

/// How one card came about, indicator by indicator, and what would lift it.
pub(super) fn trace(page: &mut Page, bundle: &Bundle, (person, card): &(PersonIx, Card), lang: Language) {
    let who = bundle.person(*person);
    let (name, number, score) = (&who.name, &who.employee_no, &card.score);
    let head = msg!("SHOW_CARD", name, number, score, rank = card.rank, of = card.of);
    page.line(&format!("  {}", lang.say(&head)));
    for line in &card.lines {
        page.item(4, "- ", &line.note);
        if !line.next.is_empty() {
            page.item(6, "→ ", &line.next);
        }
    }
    if card.collaboration.parse::<Micro>().is_ok_and(|points| points != Micro::ZERO) {
        let (outside, credited) = (decimal(card.outside_ppm, 1), decimal(card.credited_ppm, 1));
        let said = msg!("SHOW_COLLABORATION", outside, credited, points = card.collaboration);
        page.item(4, "- ", &lang.say(&said));
    }
}

/// Points with one decimal; what is no number as it is.
fn short(points: &str) -> String {
    let Ok(points) = points.parse::<Micro>() else { return points.to_owned() };
    let sign = if points < Micro::ZERO { "-" } else { "" };
    format!("{sign}{}", decimal(points.millionths().unsigned_abs(), 1))
}
