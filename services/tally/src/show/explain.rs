//! Why one record was credited as it was, or why one person got what they got.

use anyhow::Result;
use tally_api::compensation::v1 as compensation;
use tally_api::performance::v1 as performance;
use tally_app::why::sentence;
use tally_bundle::{AccountIx, Bundle, PersonIx, Record};
use tally_kernel::msg;
use tally_kernel::time::{told_at, told_by, zone};

use crate::cli::Language;
use crate::close::{CloseOutcome, Crew};
use crate::said::told;

use super::text::{Page, Table, count, decimal, percent};
use super::words::rung;
use super::{scores, summary};

/// Records behind a statement that are named; the file has all.
const TRACED: u32 = 10;

/// Explains every record with this external id and the person with this employee number (or name); nothing where the
/// month knows neither.
pub async fn explain(
    crew: &Crew,
    bundle: &Bundle,
    outcome: &CloseOutcome,
    what: &str,
    lang: Language,
) -> Result<Option<String>> {
    let mut page = super::page();
    let mut found = false;
    for record in bundle.records.iter().filter(|record| bundle.text(record.external_id) == what) {
        explain_record(&mut page, crew, bundle, outcome, record, lang).await?;
        found = true;
    }
    for (at, person) in bundle.people.iter().enumerate() {
        if person.employee_no == what || person.name == what {
            explain_person(&mut page, crew, bundle, outcome, PersonIx(at as u32), lang).await?;
            found = true;
        }
    }
    Ok(found.then(|| page.finish().trim_end().to_owned()))
}

async fn explain_record(
    page: &mut Page,
    crew: &Crew,
    bundle: &Bundle,
    outcome: &CloseOutcome,
    record: &Record,
    lang: Language,
) -> Result<()> {
    let ask = performance::ExplainRecordRequest {
        cycle_id: outcome.cycle_id.clone(),
        account_id: outcome.ids.accounts[record.account.0 as usize].clone(),
        external_id: bundle.text(record.external_id).to_owned(),
        ..Default::default()
    };
    let channel = crew.auditor.at.performance.clone();
    let mut client = performance::attribution_service_client::AttributionServiceClient::new(channel);
    let reply = client.explain_record(crew.auditor.ask(ask)).await.map_err(told)?.into_inner();
    let credit = reply.credit.unwrap_or_default();
    let (id, account) = (bundle.text(record.external_id), bundle.account_label(record.account));
    page.heading(&lang.say(&msg!("SHOW_RECORD", id, account)));
    let clock = zone(&bundle.account(record.account).zone)?;
    let (start, end) = (told_at(record.started_at, &clock), told_at(record.ended_at, &clock));
    page.line(&format!("  {start} – {end}"));
    for line in &reply.lines {
        page.item(2, "- ", line);
    }
    if let Some(reason) = &reply.reason {
        let name =
            |id: &str| outcome.ids.person(id).map_or_else(|_| id.to_owned(), |at| bundle.person(at).name.clone());
        page.item(2, "- ", &lang.say(&sentence(reason, name)));
    }
    let mut table = Table::new("<>");
    // Where several were weighed, also those of whom nothing was left.
    for share in if reply.reason.is_some() { &reply.candidates } else { &credit.shares } {
        let person = bundle.person(outcome.ids.person(&share.person_id)?);
        let part = format!("{} %", decimal(u64::from(share.ppm) * 100, 4));
        table.row([format!("{} {}", person.name, person.employee_no), part]);
    }
    page.table(2, &table);
    if !credit.evidence.is_empty() {
        let (evidence, version) = (told_by(&credit.evidence, &clock), &credit.policy_version);
        page.say(2, &lang.say(&msg!("SHOW_EVIDENCE", evidence, version)));
    }
    Ok(())
}

async fn explain_person(
    page: &mut Page,
    crew: &Crew,
    bundle: &Bundle,
    outcome: &CloseOutcome,
    person: PersonIx,
    lang: Language,
) -> Result<()> {
    let who = bundle.person(person);
    page.heading(&format!("{} {}  {}", who.name, who.employee_no, who.home(bundle.period.to).org_unit));
    let totals: Vec<_> = outcome.totals.iter().filter(|total| total.person == person).collect();
    if totals.is_empty() {
        page.say(2, &lang.say(&msg!("SHOW_NOTHING_CREDITED")));
    } else {
        let mut table = Table::new("<>>>");
        let head = [
            msg!("SHOW_COLUMN_ACCOUNT"),
            msg!("SHOW_COLUMN_RECORDS"),
            msg!("SHOW_COLUMN_INTERVAL"),
            msg!("SHOW_COLUMN_CERTAIN"),
        ];
        table.row(head.iter().map(|column| lang.say(column)));
        for total in totals {
            let all = || lang.say(&msg!("SHOW_ALL_ACCOUNTS"));
            let account = total.account.map_or_else(all, |at| bundle.account_label(at));
            let interval = format!("{} – {}", decimal(total.low_ppm, 1), decimal(total.high_ppm, 1));
            table.row([account, decimal(total.total_ppm, 1), interval, percent(total.certain_ppm, total.total_ppm)]);
        }
        page.table(2, &table);
    }
    if let Some(card) = outcome.cards.iter().find(|(who, _)| *who == person) {
        page.heading(&lang.say(&msg!("SHOW_SCORE_STEPS")));
        scores::trace(page, bundle, card, lang);
    }
    if let Some((_, statement)) = outcome.statements.iter().find(|(who, _)| *who == person) {
        page.heading(&lang.say(&msg!("SHOW_STATEMENT")));
        summary::statement(page, bundle, person, statement, lang);
        traced(page, crew, bundle, outcome, person, lang).await?;
    }
    Ok(())
}

/// The first records behind a statement.
async fn traced(
    page: &mut Page,
    crew: &Crew,
    bundle: &Bundle,
    outcome: &CloseOutcome,
    person: PersonIx,
    lang: Language,
) -> Result<()> {
    let Some(settlement_id) = outcome.settlement_id.clone() else { return Ok(()) };
    let person_id = outcome.ids.people[person.0 as usize].clone();
    let ask = compensation::TraceStatementRequest { settlement_id, person_id, limit: TRACED, ..Default::default() };
    let channel = crew.auditor.at.compensation.clone();
    let mut client = compensation::statement_service_client::StatementServiceClient::new(channel);
    let reply = client.trace_statement(crew.auditor.ask(ask)).await.map_err(told)?.into_inner();
    let (shown, all) = (reply.records.len(), count(reply.total_records));
    page.heading(&lang.say(&msg!("SHOW_RECORDS_BEHIND", shown, all)));
    let mut table = Table::new("<<><");
    for record in &reply.records {
        let account: AccountIx = outcome.ids.account(&record.account_id)?;
        let part = format!("{} %", decimal(u64::from(record.ppm) * 100, 1));
        table.row([bundle.account_label(account), record.external_id.clone(), part, rung(&record.rung, lang)]);
    }
    page.table(2, &table);
    Ok(())
}
