//! The summary of a job: work, scores, money, and what somebody should look at.

use tally_api::common::v1::Money;
use tally_api::compensation::v1::Statement;

use crate::bundle::{Bundle, PersonIx, major};
use crate::cli::Language;
use crate::close::CloseOutcome;

use super::text::{Page, Table, count, percent};
use super::words::{finding, pick, step};
use super::{scores, work};

/// The whole summary.
pub(super) fn write(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    headline(page, bundle, outcome, lang);
    work::ladder(page, outcome, lang);
    work::accounts(page, bundle, outcome, lang);
    scores::write(page, bundle, outcome, lang);
    money(page, bundle, outcome, lang);
    findings(page, outcome, lang);
    timings(page, outcome, lang);
}

fn headline(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let summary = &outcome.summary;
    let (from, to) = (&summary.from, &summary.to);
    page.bold(&pick(lang, format!("{}, {from} to {to}", summary.group), format!("{}，{from} 至 {to}", summary.group)));
    let (records, accounts, people) = (count(summary.records), bundle.accounts.len(), bundle.people.len());
    page.line(&match lang {
        Language::En => format!("{records} service records on {accounts} accounts, {people} people"),
        Language::ZhCn => format!("{records} 条服务记录，{accounts} 个客服账号，{people} 人"),
    });
    if summary.rejected > 0 {
        let rejected = count(summary.rejected);
        page.bold(&match lang {
            Language::En => format!("{rejected} rows were rejected: rejected.csv says which, why, and what to change"),
            Language::ZhCn => format!("{rejected} 行被拒收：rejected.csv 写明是哪些、为什么、怎么改"),
        });
    }
}

fn money(page: &mut Page, bundle: &Bundle, outcome: &CloseOutcome, lang: Language) {
    let (summary, currency) = (&outcome.summary, &outcome.summary.currency);
    if let Some(refused) = &summary.not_settled {
        page.heading(pick(lang, "The pool was not split", "奖金池未结算"));
        page.say(2, &refused.told());
        let kept = pick(
            lang,
            "Credits, score cards and findings are complete; correct this and close the month again.",
            "归属、成绩单与提示均已完整写出；改正后重新结算即可。",
        );
        return page.say(2, kept);
    }
    let (Some(pool), Some(paid), Some(fund)) = (summary.pool_minor, summary.paid_minor, summary.team_fund_minor) else {
        page.heading(pick(lang, "No pool, no settlement", "没有奖金池，不结算"));
        let text = pick(
            lang,
            "Put a pool.yaml into the bundle to turn the scores into money.",
            "在文件夹中放入 pool.yaml，成绩才会变成奖金。",
        );
        return page.say(2, text);
    };
    page.heading(pick(lang, "The pool", "奖金池"));
    let amount = |minor: i64| format!("{} {currency}", major(minor, currency));
    let mut table = Table::new("<>>");
    let part = |minor: i64| percent(minor.unsigned_abs(), pool.unsigned_abs());
    let people = outcome.statements.len();
    table.row([pick(lang, "amount", "总额").to_owned(), amount(pool)]);
    table.row([pick(lang, format!("to {people} people"), format!("发给 {people} 人")), amount(paid), part(paid)]);
    table.row([pick(lang, "to the team fund", "团队基金").to_owned(), amount(fund), part(fund)]);
    page.table(2, &table);
    beside_equal(page, outcome, lang);
    page.heading(pick(lang, "Three statements, to the cent", "三张结算单，精确到分"));
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
    page.say(
        2,
        &match lang {
            Language::En => format!(
                "An equal split would have paid everybody about {equal}: {more} people get more than that (up to +{most}), \
                 {less} get less (down to {least})."
            ),
            Language::ZhCn => {
                format!("若平均分配，每人约 {equal}；按成绩分配后 {more} 人多得（最多 +{most}），{less} 人少得（最多 {least}）。")
            }
        },
    );
}

/// What one person got, every line with its reason.
pub(super) fn statement(page: &mut Page, bundle: &Bundle, person: PersonIx, statement: &Statement, lang: Language) {
    let who = bundle.person(person);
    let (total, equal) = (money_text(&statement.amount), money_text(&statement.equal_split));
    page.bold(&match lang {
        Language::En => format!("  {} {}: {total}  (equal split: {equal})", who.name, who.employee_no),
        Language::ZhCn => format!("  {} {}：{total}（平均分配为 {equal}）", who.name, who.employee_no),
    });
    for line in &statement.lines {
        page.item(4, &format!("{:>14}  ", money_text(&line.amount)), &line.note);
    }
}

/// An amount as people write it.
fn money_text(money: &Option<Money>) -> String {
    let none = || "-".to_owned();
    money.as_ref().map_or_else(none, |m| format!("{} {}", major(m.minor, &m.currency), m.currency))
}

fn findings(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    let mut kinds: Vec<(&String, &u64)> = outcome.summary.findings.iter().collect();
    if kinds.is_empty() {
        return;
    }
    page.heading(pick(lang, "Worth a look (findings.csv has each one)", "值得一看（findings.csv 逐条列出）"));
    kinds.sort_by_key(|(kind, times)| (std::cmp::Reverse(**times), *kind));
    let mut table = Table::new("><<");
    for (kind, times) in kinds {
        table.row([count(*times), kind.clone(), finding(kind, lang).unwrap_or_default().to_owned()]);
    }
    page.table(2, &table);
}

fn timings(page: &mut Page, outcome: &CloseOutcome, lang: Language) {
    page.heading(pick(lang, "How long it took, and the digest", "用时与摘要"));
    let mut steps: Vec<&(String, f64)> = outcome.timings.steps.iter().collect();
    steps.sort_by(|a, b| b.1.total_cmp(&a.1));
    let seconds = pick(lang, "s", "秒");
    let longest = steps.iter().take(4).map(|(name, took)| format!("{} {took:.1} {seconds}", step(name, lang)));
    let longest: Vec<String> = longest.collect();
    let (total, longest) = (outcome.timings.total, longest.join(pick(lang, "; ", "；")));
    page.say(2, &pick(lang, format!("{total:.1} s in all: {longest}"), format!("共 {total:.1} 秒：{longest}")));
    let same = pick(lang, "the same files give it on any day and machine", "同样的文件，任何时间、任何机器都得到它");
    page.line(&format!("  {}", outcome.summary.digest));
    page.say(2, same);
}
