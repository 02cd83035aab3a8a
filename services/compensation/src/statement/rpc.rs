//! Parses, calls, renders, and clears what the caller may not read, by the data class of each field.

use tally_access::OpContext;
use tally_api::compensation::v1 as pb;
use tally_app::convert::money_message;
use tally_i18n::text;
use tally_kernel::Result;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::money::Money;
use tally_kernel::page::{self, Page};
use tally_rpc::{Answer, context, mask, masked_in};
use tonic::{Request, Response, Status};

use super::app::{self, App};
use super::domain::Statement;
use crate::peers::Credited;
use crate::policy::{GetStatement, ListStatements};

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

    async fn trace_statement(
        &self,
        req: Request<pb::TraceStatementRequest>,
    ) -> Result<Response<pb::TraceStatementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (settlement, person) = whose(&req.get_ref().settlement_id, &req.get_ref().person_id)?;
            let limit = if req.get_ref().limit == 0 { 100 } else { req.get_ref().limit.min(page::MAX_SIZE) };
            let (records, total) = app::trace(&self.app, &ctx, settlement, person, limit as usize).await?;
            let records = records.into_iter().map(traced).collect();
            Ok(pb::TraceStatementResponse { records, total_records: total })
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

fn listed(ctx: &OpContext, found: Vec<Statement>, next_page_token: String) -> pb::ListStatementsResponse {
    let (statements, masked): (_, Vec<_>) = found.into_iter().map(|s| render::<ListStatements>(ctx, s)).unzip();
    pb::ListStatementsResponse { statements, next_page_token, masked_fields: masked_in("statements", masked) }
}

/// A statement without what the caller may not read, and the names of what was cleared.
pub(crate) fn render<R: tally_access::Rpc>(ctx: &OpContext, statement: Statement) -> (pb::Statement, Vec<String>) {
    let currency = statement.currency;
    let money = |minor| Some(money_message(Money::new(minor, currency)));
    let lines = statement.line.parts.iter().map(|part| pb::StatementLine {
        part: part.part,
        rule: part.rule.to_string(),
        amount: money(part.minor),
        tier: part.tier.clone().unwrap_or_default(),
        weight: part.weight.to_string(),
        weight_sum: part.weight_sum.to_string(),
        exact: part.exact.to_string(),
        note: text(ctx.locale, &part.explain(currency)),
    });
    let mut message = pb::Statement {
        statement_id: statement.id.to_string(),
        settlement_id: statement.settlement.to_string(),
        person_id: statement.line.person.to_string(),
        amount: money(statement.line.minor),
        score: statement.line.score.to_string(),
        equal_split: money(statement.line.equal_split_minor),
        lines: lines.collect(),
        cycle_id: statement.cycle.to_string(),
    };
    let masked = mask::<R, _>(ctx, "tally.compensation.v1.Statement", &mut message, &[statement.target()]);
    (message, masked)
}

fn traced(record: Credited) -> pb::TracedRecord {
    pb::TracedRecord {
        account_id: record.account,
        external_id: record.external_id,
        ppm: record.ppm,
        rung: record.rung.to_owned(),
    }
}
