//! The summary of a job: work, scores, money, and what somebody should look at.

use std::collections::BTreeMap;

use tally_api::common::v1::Money;
use tally_api::compensation::v1::Statement;
use tally_bundle::{Bundle, PersonIx, major};
use tally_kernel::message::Arg;
use tally_kernel::msg;

use crate::cli::Language;
use crate::close::{CloseOutcome, NotDone};
use crate::said::step;

use super::text::{Page, Table, count, percent};
use super::words::finding;
use super::{scores, work};

pub(super) fn write(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    headline(page, bundle, outcome, lang);
    work::ladder(page, outcome, lang);
    work::accounts(page, bundle, outcome, lang);
    work::evidence(page, bundle, outcome, lang);
    scores::write(page, bundle, outcome, lang);
    money(page, bundle, outcome, lang);
    not_done(page, outcome, lang);
    findings(page, &outcome.summary.findings, lang);
    timings(page, outcome, lang);
}

fn headline(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let summary = &outcome.summary;
    let (from, to) = (&summary.from, &summary.to);
    page.bold(&lang.say(&msg!("SHOW_HEADLINE", group = summary.group, from, to)));
    let (records, accounts, people) = (count(summary.records), bundle.accounts.len(), bundle.people.len());
    page.line(&lang.say(&msg!("SHOW_SIZE", records, accounts, people)));
    if summary.rejected > 0 {
        page.bold(&lang.say(&msg!("SHOW_REJECTED", count = count(summary.rejected))));
    }
}

fn money(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let (summary, currency) = (&outcome.summary, &outcome.summary.currency);
    if let Some(refused) = &summary.not_settled {
        page.heading(&lang.say(&msg!("SHOW_NOT_SPLIT")));
        page.say(2, &refused.message);
        return page.say(2, &lang.say(&msg!("SHOW_SCORES_KEPT")));
    }
    let (Some(pool), Some(paid), Some(fund)) = (summary.pool_minor, summary.paid_minor, summary.team_fund_minor) else {
        page.heading(&lang.say(&msg!("SHOW_NO_POOL")));
        return page.say(2, &lang.say(&msg!("SHOW_NO_POOL_HINT")));
    };
    page.heading(&lang.say(&msg!("SHOW_POOL")));
    let amount = |minor: i64| format!("{} {currency}", major(minor, currency));
    let mut table = Table::new("<>>");
    let part = |minor: i64| percent(minor.unsigned_abs(), pool.unsigned_abs());
    let people = outcome.statements.len();
    table.row([lang.say(&msg!("SHOW_AMOUNT")), amount(pool)]);
    table.row([lang.say(&msg!("SHOW_TO_PEOPLE", people)), amount(paid), part(paid)]);
    table.row([lang.say(&msg!("SHOW_TO_FUND")), amount(fund), part(fund)]);
    page.table(2, &table);
    beside_equal(page, outcome, lang);
    page.heading(&lang.say(&msg!("SHOW_THREE_STATEMENTS")));
    for (n, person) in scores::spotlight(outcome).into_iter().enumerate() {
        if let Some((_, statement)) = outcome.statements.iter().find(|(who, _)| *who == person) {
            if n > 0 {
                page.line("");
            }
            self::statement(page, bundle, person, statement, lang);
        }
    }
}

/// What an equal split of the same pool would have paid instead.
fn beside_equal(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    let minor = |money: &Option<Money>| money.as_ref().map_or(0, |m| m.minor);
    let gaps = || outcome.statements.iter().map(|(_, s)| minor(&s.amount) - minor(&s.equal_split));
    let (more, less) = (gaps().filter(|gap| *gap > 0).count(), gaps().filter(|gap| *gap < 0).count());
    let most = major(gaps().max().unwrap_or(0), &outcome.summary.currency);
    let least = major(gaps().min().unwrap_or(0), &outcome.summary.currency);
    let equal = outcome.statements.iter().map(|(_, s)| minor(&s.equal_split)).max().unwrap_or(0);
    let equal = format!("{} {}", major(equal, &outcome.summary.currency), outcome.summary.currency);
    page.say(2, &lang.say(&msg!("SHOW_BESIDE_EQUAL", equal, more, most, less, least)));
}

/// What one person got, every line with its reason.
pub(super) fn statement(page: &mut Page, bundle: &Bundle, person: PersonIx, statement: &Statement, lang: Language) {
    let who = bundle.person(person);
    let (total, equal) = (money_text(&statement.amount), money_text(&statement.equal_split));
    let head = msg!("SHOW_STATEMENT_HEAD", name = who.name, number = who.employee_no, total, equal);
    page.bold(&format!("  {}", lang.say(&head)));
    for line in &statement.lines {
        page.item(4, &format!("{:>14}  ", money_text(&line.amount)), &line.note);
    }
}

/// An amount as people write it.
fn money_text(money: &Option<Money>) -> String {
    let none = || "-".to_owned();
    money.as_ref().map_or_else(none, |m| format!("{} {}", major(m.minor, &m.currency), m.currency))
}

fn not_done(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    let undone = &outcome.summary.not_done;
    if undone.is_empty() {
        return;
    }
    page.heading(&lang.say(&msg!("SHOW_NOT_DONE")));
    for NotDone { step: name, why } in undone {
        page.say(2, &lang.say(&msg!("SHOW_NOT_DONE_STEP", step = step(name, lang.locale()), why = why.message)));
    }
    page.say(2, &lang.say(&msg!("SHOW_REST_IS_THERE")));
}

/// How many findings there are of each kind, and what the kind means.
pub(super) fn findings(page: &mut Page, kinds: &BTreeMap<String, u64>, lang: Language) {
    let mut kinds: Vec<(&String, &u64)> = kinds.iter().collect();
    if kinds.is_empty() {
        return;
    }
    page.heading(&lang.say(&msg!("SHOW_WORTH_A_LOOK")));
    kinds.sort_by_key(|(kind, times)| (std::cmp::Reverse(**times), *kind));
    let mut table = Table::new("><<");
    for (kind, times) in kinds {
        table.row([count(*times), kind.clone(), finding(kind, lang).unwrap_or_default()]);
    }
    page.table(2, &table);
}

fn timings(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    page.heading(&lang.say(&msg!("SHOW_TIMINGS")));
    let mut steps: Vec<&(String, f64)> = outcome.timings.steps.iter().collect();
    steps.sort_by(|a, b| b.1.total_cmp(&a.1));
    let took = |(name, took): &&(String, f64)| {
        msg!("SHOW_SECONDS", step = step(name, lang.locale()), seconds = format!("{took:.1}"))
    };
    let longest = Arg::List(steps.iter().copied().take(4).map(|step| took(&step)).collect());
    let total = format!("{:.1}", outcome.timings.total);
    page.say(2, &lang.say(&msg!("SHOW_IN_ALL", total, longest)));
    page.line(&format!("  {}", outcome.summary.digest));
    page.say(2, &lang.say(&msg!("SHOW_SAME_DIGEST")));
}
