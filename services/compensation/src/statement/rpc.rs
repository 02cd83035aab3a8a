//! Parses, calls, renders, and clears what the caller may not read, by the data class of each field.

use tally_access::OpContext;
use tally_api::compensation::v1 as pb;
use tally_app::convert::money_message;
use tally_i18n::text;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::money::Money;
use tally_kernel::page::{self, Page};
use tally_kernel::{Currency, Result};
use tally_rpc::{Answer, context, mask, masked_in};
use tonic::{Request, Response, Status};

use super::app::{self, App, Paid};
use crate::correction::facts::Shown;
use crate::peers::Credited;
use crate::policy::{GetStatement, ListPersonStatements, ListStatements};

/// Records that are told of a statement where nobody says how many.
const TRACED: u32 = 100;

pub struct Rpc {
    pub app: App,
}

#[tonic::async_trait]
impl pb::statement_service_server::StatementService for Rpc {
    async fn get_statement(
        &self,
        req: Request<pb::GetStatementRequest>,
    ) -> Result<Response<pb::GetStatementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (settlement, person) = whose(&req.get_ref().settlement_id, &req.get_ref().person_id)?;
            let found = app::get(&self.app, &ctx, settlement, person).await?;
            let (statement, masked_fields) = render::<GetStatement>(&ctx, found);
            Ok(pb::GetStatementResponse { statement: Some(statement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn list_statements(
        &self,
        req: Request<pb::ListStatementsRequest>,
    ) -> Result<Response<pb::ListStatementsResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let ask = req.get_ref();
            let page = Page::read(ask.page_size, &ask.page_token, ask.settlement_id.as_bytes())?;
            let (found, token) = app::list(&self.app, &ctx, field("settlement_id", &ask.settlement_id)?, &page).await?;
            Ok(listed(&ctx, found, token))
        };
        reply.await.answer(&ctx)
    }

    async fn list_person_statements(
        &self,
        req: Request<pb::ListPersonStatementsRequest>,
    ) -> Result<Response<pb::ListPersonStatementsResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (person, page) = of_person(req.get_ref())?;
            let (found, next_page_token) = app::list_of_person(&self.app, &ctx, person, &page).await?;
            let shown = found.into_iter().map(|paid| render::<ListPersonStatements>(&ctx, paid));
            let (statements, masked): (_, Vec<_>) = shown.unzip();
            let masked_fields = masked_in("statements", masked);
            Ok(pb::ListPersonStatementsResponse { statements, next_page_token, masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn trace_statement(
        &self,
        req: Request<pb::TraceStatementRequest>,
    ) -> Result<Response<pb::TraceStatementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (settlement, person, page, first) = traced_from(req.get_ref())?;
            let some = first..first.saturating_add(page.size as usize).saturating_add(1);
            let (records, total_records) = app::trace(&self.app, &ctx, settlement, person, some).await?;
            let mut records: Vec<_> = records.into_iter().map(traced).collect();
            let next_page_token = page.cut(&mut records, |_| first.saturating_add(page.size as usize).to_string());
            Ok(pb::TraceStatementResponse { records, total_records, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn whose(settlement: &str, person: &str) -> Result<(SettlementId, PersonId)> {
    let mut wrong = Violations::new();
    let settlement = wrong.parse("settlement_id", settlement);
    let person = wrong.parse("person_id", person);
    wrong.finish(settlement.zip(person))
}

fn of_person(ask: &pb::ListPersonStatementsRequest) -> Result<(PersonId, Page)> {
    let mut wrong = Violations::new();
    let person = wrong.parse("person_id", &ask.person_id);
    let question = format!("statements of {}", ask.person_id);
    let page = wrong.take("page_token", Page::read(ask.page_size, &ask.page_token, question.as_bytes()));
    wrong.finish(person.zip(page))
}

/// Whose records are asked for, and how many of them were told before.
fn traced_from(ask: &pb::TraceStatementRequest) -> Result<(SettlementId, PersonId, Page, usize)> {
    let (settlement, person) = whose(&ask.settlement_id, &ask.person_id)?;
    let size = if ask.limit == 0 { TRACED } else { ask.limit };
    let page = Page::read(size, &ask.page_token, format!("records {settlement} {person}").as_bytes())?;
    let told = page.after.as_deref().map(|told| told.parse().map_err(|_| page::token_invalid())).transpose()?;
    Ok((settlement, person, page, told.unwrap_or_default()))
}

fn listed(ctx: &OpContext, found: Vec<Paid>, next_page_token: String) -> pb::ListStatementsResponse {
    let (statements, masked): (_, Vec<_>) = found.into_iter().map(|s| render::<ListStatements>(ctx, s)).unzip();
    pb::ListStatementsResponse { statements, next_page_token, masked_fields: masked_in("statements", masked) }
}

/// A statement without what the caller may not read, and the names of what was cleared.
pub(crate) fn render<R: tally_access::Rpc>(ctx: &OpContext, paid: Paid) -> (pb::Statement, Vec<String>) {
    let Paid { statement, whole, adjustments } = paid;
    let (targets, currency) = ([statement.target(), whole], statement.currency);
    let money = |minor| Some(money_message(Money::new(minor, currency)));
    let line = statement.line.as_ref();
    let lines = line.into_iter().flat_map(|line| &line.parts).map(|part| pb::StatementLine {
        part: part.part,
        rule: part.rule.to_string(),
        amount: money(part.minor),
        tier: part.tier.clone().unwrap_or_default(),
        weight: part.weight.to_string(),
        weight_sum: part.weight_sum.to_string(),
        exact: part.exact.to_string(),
        note: text(ctx.locale, &part.explain(currency)),
    });
    let adjusted: i64 = adjustments.iter().map(|adjustment| adjustment.minor).sum();
    let mut message = pb::Statement {
        statement_id: statement.id.to_string(),
        settlement_id: statement.settlement.to_string(),
        person_id: statement.person.to_string(),
        amount: money(line.map_or(0, |line| line.minor) + adjusted),
        score: line.map(|line| line.score.to_string()).unwrap_or_default(),
        equal_split: line.and_then(|line| money(line.equal_split_minor)),
        lines: lines.collect(),
        cycle_id: statement.cycle.to_string(),
        adjustments: adjustments.into_iter().map(|shown| adjustment(ctx, shown, currency)).collect(),
    };
    let masked = mask::<R, _>(ctx, "tally.compensation.v1.Statement", &mut message, &targets);
    (message, masked)
}

fn adjustment(ctx: &OpContext, shown: Shown, currency: Currency) -> pb::StatementAdjustment {
    let money = |minor| Some(money_message(Money::new(minor, currency)));
    pb::StatementAdjustment {
        pay_correction_id: shown.correction.to_string(),
        settlement_id: shown.settlement.to_string(),
        cycle_id: shown.cycle.to_string(),
        old: money(shown.delta.old_minor),
        new: money(shown.delta.new_minor),
        amount: money(shown.minor),
        left: money(shown.left_minor),
        why: text(ctx.locale, &shown.delta.why.explain()),
        reason: shown.reason,
        cards_version: shown.cards_version,
    }
}

fn traced(record: Credited) -> pb::TracedRecord {
    pb::TracedRecord {
        account_id: record.account,
        external_id: record.external_id,
        ppm: record.ppm,
        rung: record.rung.to_owned(),
        account_key: record.account_key,
    }
}
