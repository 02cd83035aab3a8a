//! Parses, calls, renders, and clears what the caller may not read, by the data class of each field.

use tally_access::Locale;
use tally_api::classes::{DataClass, mask};
use tally_api::compensation::v1 as pb;
use tally_kernel::Result;
use tally_kernel::error::Violations;
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::money::Money;
use tally_kernel::page::{self, Page};
use tally_rpc::{Answer, context};
use tonic::{Request, Response, Status};

use super::app::{self, App, Shown};
use crate::peers::Credited;
use crate::wire;

/// The room's rpcs.
pub struct Rpc {
    /// The use cases.
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
            let shown = app::get(&self.app, &ctx, settlement, person).await?;
            let (statement, masked_fields) = render(shown, ctx.locale);
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
            let (shown, token) = app::list(&self.app, &ctx, ask.settlement_id.parse()?, &page).await?;
            Ok(listed(shown, token, ctx.locale))
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

fn listed(shown: Vec<Shown>, next_page_token: String, locale: Locale) -> pb::ListStatementsResponse {
    let mut masked_fields = Vec::new();
    let statements = shown.into_iter().map(|shown| {
        let (statement, masked) = render(shown, locale);
        masked_fields.extend(masked.into_iter().map(|path| format!("statements.{path}")));
        statement
    });
    let statements = statements.collect();
    masked_fields.sort();
    masked_fields.dedup();
    pb::ListStatementsResponse { statements, next_page_token, masked_fields }
}

fn render(shown: Shown, locale: Locale) -> (pb::Statement, Vec<String>) {
    let Shown { statement, pay, rating } = shown;
    let currency = statement.currency;
    let money = |minor| Some(wire::money(Money::new(minor, currency)));
    let lines = statement.line.parts.iter().map(|part| pb::StatementLine {
        part: part.part,
        rule: part.rule.name().to_owned(),
        amount: money(part.minor),
        tier: part.tier.clone().unwrap_or_default(),
        weight: part.weight.to_string(),
        weight_sum: part.weight_sum.to_string(),
        exact: part.exact.to_string(),
        note: match locale {
            Locale::En => part.explain_en(currency),
            Locale::ZhCn => part.explain_zh(currency),
        },
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
    let masked = mask("tally.compensation.v1.Statement", &mut message, |class| match class {
        DataClass::Salary => pay,
        DataClass::Rating => rating,
        DataClass::Public
        | DataClass::Internal
        | DataClass::Pii
        | DataClass::IdNumber
        | DataClass::Location
        | DataClass::Medical
        | DataClass::Unspecified => true,
    });
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
