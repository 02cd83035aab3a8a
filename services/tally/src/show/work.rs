//! Who served what, and how sure we are.

use crate::bundle::{AccountIx, Bundle, PhaseKind};
use crate::cli::Language;
use crate::close::{CloseOutcome, PersonTotal};

use super::text::{Page, Table, bar, count, decimal, percent};
use super::words::{RUNGS, pick};

/// Accounts and people of each that the summary names; the files have all.
const ACCOUNTS: usize = 4;
const PEOPLE: usize = 4;

/// Records per rung, as a chart.
pub(super) fn ladder(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    page.heading(pick(lang, "Who served what, and how sure we are", "谁服务了哪些客户，有多大把握"));
    let summary = &outcome.summary;
    let of = |name: &str| summary.rungs.get(name).copied().unwrap_or(0);
    let mut table = Table::new("<>><");
    for (name, en, zh) in RUNGS {
        let records = of(name);
        let (share, bar) = (percent(records, summary.records), bar(records, summary.records, 40));
        table.row([pick(lang, en, zh).to_owned(), count(records), share, bar]);
    }
    page.table(2, &table);
    let certain = ["tag", "handover", "sole"].iter().map(|name| of(name)).sum();
    let (certain, rest) = (percent(certain, summary.records), count(summary.unattributed));
    page.say(
        2,
        &match lang {
            Language::En => format!("{certain} rest on a name or a single person; {rest} records are credited to nobody, each with its reason."),
            Language::ZhCn => format!("其中 {certain} 有实名或仅一人可能；{rest} 条无人认领，逐条写明原因。"),
        },
    );
}

/// The busiest accounts that several people share, each with the people who did most.
pub(super) fn accounts(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let mut records = vec![0_u64; bundle.accounts.len()];
    bundle.records.iter().for_each(|record| records[record.account.0 as usize] += 1);
    let shared = |at: &usize| bundle.accounts[*at].phases.iter().any(|phase| phase.kind != PhaseKind::Named);
    let mut busiest: Vec<usize> = (0..records.len()).filter(|at| shared(at) && records[*at] > 0).collect();
    busiest.sort_by_key(|at| std::cmp::Reverse(records[*at]));
    if busiest.is_empty() {
        return;
    }
    page.heading(pick(lang, "The busiest shared accounts (90 % intervals)", "最忙的公用账号（90 % 区间）"));
    let mut table = Table::new("<>>>");
    table.row(pick(lang, ["", "records", "90 % interval", "certain"], ["", "记录数", "90 % 区间", "确定"]));
    for at in busiest.iter().take(ACCOUNTS) {
        account(&mut table, bundle, outcome, AccountIx(*at as u32), records[*at], lang);
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
        table.row([pick(lang, format!("  {others} others"), format!("  其他 {others} 人")), decimal(total_ppm, 1)]);
    }
}
