//! Who served what, and how sure we are.

use std::collections::BTreeMap;

use tally_bundle::{AccountIx, Bundle, PhaseKind};
use tally_kernel::msg;

use crate::cli::Language;
use crate::close::{AccountEvidence, CloseOutcome, PersonTotal};

use super::text::{Page, Table, bar, count, decimal, percent};
use super::words::{RUNGS, SELDOM, rung};

/// Accounts and people of each that the summary names; the files have all.
const ACCOUNTS: usize = 4;
const PEOPLE: usize = 4;

/// Rungs that rest on a name or a single person.
const CERTAIN: [&str; 6] = ["tag", "claim", "handover", "device", "sole", "split"];

/// Records per rung, as a chart.
pub(super) fn ladder(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    page.heading(&lang.say(&msg!("SHOW_WHO_SERVED")));
    let summary = &outcome.summary;
    let rungs = shown(&summary.rungs);
    let mut table = Table::new("<>><");
    for (name, records) in &rungs {
        let (share, bar) = (percent(*records, summary.records), bar(*records, summary.records, 40));
        table.row([rung(name, lang), count(*records), share, bar]);
    }
    page.table(2, &table);
    let certain = rungs.iter().filter(|(name, _)| CERTAIN.contains(name)).map(|(_, records)| records).sum();
    let (certain, rest) = (percent(certain, summary.records), count(summary.unattributed));
    page.say(2, &lang.say(&msg!("SHOW_CERTAIN", certain, rest)));
}

/// The rungs with their records; the seldom ones where a record has them.
fn shown(rungs: &BTreeMap<String, u64>) -> Vec<(&'static str, u64)> {
    let of = |name: &'static str| (name, rungs.get(name).copied().unwrap_or(0));
    RUNGS.map(of).into_iter().filter(|(name, records)| *records > 0 || !SELDOM.contains(name)).collect()
}

/// The busiest accounts that several people share, each with the people who did most.
pub(super) fn accounts(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let mut records = vec![0_u64; bundle.accounts.len()];
    let sessions = bundle.records.iter().filter(|record| record.refers_to.is_none());
    sessions.for_each(|record| records[record.account.0 as usize] += 1);
    let shared = |at: &usize| bundle.accounts[*at].phases.iter().any(|phase| phase.kind != PhaseKind::Named);
    let mut busiest: Vec<usize> = (0..records.len()).filter(|at| shared(at) && records[*at] > 0).collect();
    busiest.sort_by_key(|at| std::cmp::Reverse(records[*at]));
    if busiest.is_empty() {
        return;
    }
    page.heading(&lang.say(&msg!("SHOW_BUSIEST")));
    let mut table = Table::new("<>>>");
    let head = [msg!("SHOW_COLUMN_RECORDS"), msg!("SHOW_COLUMN_INTERVAL"), msg!("SHOW_COLUMN_CERTAIN")];
    table.row([String::new()].into_iter().chain(head.iter().map(|column| lang.say(column))));
    for at in busiest.iter().take(ACCOUNTS) {
        account(&mut table, bundle, outcome, AccountIx(*at as u32), records[*at], lang);
    }
    page.table(2, &table);
}

/// What more evidence would bring to the accounts of which most records are in doubt.
pub(super) fn evidence(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    if outcome.evidence.is_empty() {
        return;
    }
    page.heading(&lang.say(&msg!("SHOW_WORTH")));
    page.say(2, &lang.say(&msg!("SHOW_WORTH_SAID")));
    let records = |at: AccountIx| -> u64 {
        outcome.totals.iter().filter(|total| total.account == Some(at)).map(|total| total.total_ppm).sum()
    };
    let expected = |one: &AccountEvidence| u128::from(records(one.account)) * u128::from(one.worth.now_ppm);
    let mut most: Vec<&AccountEvidence> = outcome.evidence.iter().collect();
    most.sort_by_cached_key(|one| (std::cmp::Reverse(expected(one)), one.account));
    let mut table = Table::new("<>>>>");
    let head =
        [msg!("SHOW_COLUMN_NOW"), msg!("SHOW_COLUMN_BREAKS"), msg!("SHOW_COLUMN_DEVICES"), msg!("SHOW_COLUMN_CLAIMS")];
    table.row([String::new()].into_iter().chain(head.iter().map(|column| lang.say(column))));
    for one in most.into_iter().take(ACCOUNTS) {
        let worth = one.worth;
        let parts = [worth.now_ppm, worth.with_breaks_ppm, worth.with_devices_ppm, worth.with_claims_ppm];
        let parts = parts.map(|part| percent(part.into(), 1_000_000));
        table.row([bundle.account_label(one.account)].into_iter().chain(parts));
    }
    page.table(2, &table);
}

fn account(table: &mut Table, bundle: &Bundle, outcome: &CloseOutcome, at: AccountIx, records: u64, lang: Language) {
    let mut people: Vec<&PersonTotal> = outcome.totals.iter().filter(|total| total.account == Some(at)).collect();
    people.sort_by_key(|total| (std::cmp::Reverse(total.total_ppm), total.person));
    let label = bundle.account_label(at);
    let account = bundle.account(at);
    let heading = format!("{label}  {} · {}", account.platform, account.store);
    table.row([heading, count(records)]);
    for total in people.iter().take(PEOPLE) {
        let person = bundle.person(total.person);
        let interval = format!("{} – {}", decimal(total.low_ppm, 1), decimal(total.high_ppm, 1));
        let who = format!("  {} {}", person.name, person.employee_no);
        let certain = percent(total.certain_ppm, total.total_ppm);
        table.row([who, decimal(total.total_ppm, 1), interval, certain]);
    }
    if let Some(others) = people.get(PEOPLE..).filter(|others| !others.is_empty()) {
        let (others, total_ppm) = (others.len(), others.iter().map(|total| total.total_ppm).sum());
        let others = lang.say(&msg!("SHOW_OTHERS", others));
        table.row([format!("  {others}"), decimal(total_ppm, 1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_in_the_table_once_and_contributors_only_where_there_are_any() {
        let mut rungs: BTreeMap<String, u64> = [("tag", 3), ("team", 4)].map(|(name, n)| (name.to_owned(), n)).into();
        assert_eq!(shown(&rungs).len(), RUNGS.len() - SELDOM.len());
        rungs.insert("split".to_owned(), 1);
        let table = shown(&rungs);
        assert_eq!((table.len(), table.iter().map(|(_, n)| n).sum::<u64>()), (RUNGS.len() - SELDOM.len() + 1, 8));
        assert!(table.contains(&("split", 1)) && CERTAIN.contains(&"split"));
    }
}
