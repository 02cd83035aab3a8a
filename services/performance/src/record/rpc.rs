//! RecordService: messages in, messages out.

use std::mem::take;

use jiff::Timestamp;
use rust_decimal::Decimal;
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{optional_instant, timestamp_of_millis};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::{Violations, field};
use tally_kernel::id::AccountId;
use tally_kernel::import::Problem;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Measure, MeasureValue, Record, Row, RowError, Source};
use crate::App;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::record_service_server::RecordService for Rpc {
    async fn import_records(
        &self,
        req: Request<pb::ImportRecordsRequest>,
    ) -> Result<Response<pb::ImportRecordsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (of, import) = read_import(req.into_inner(), self.app.replays)?;
            let outcome = app::import_records(&self.app, &ctx, &of, import).await?;
            Ok(pb::ImportRecordsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_record(&self, req: Request<pb::GetRecordRequest>) -> Result<Response<pb::GetRecordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let found =
                app::get_record(&self.app, &ctx, field("account_id", &asked.account_id)?, &asked.external_id).await?;
            Ok(pb::GetRecordResponse { record: Some(message(found)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_records(
        &self,
        req: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let List { account, span, page } = req.into_inner().try_into()?;
            let (records, next_page_token) = app::list_records(&self.app, &ctx, account, span, &page).await?;
            Ok(pb::ListRecordsResponse { records: records.into_iter().map(message).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

struct List {
    account: AccountId,
    span: (i64, i64),
    page: Page,
}

impl TryFrom<pb::ListRecordsRequest> for List {
    type Error = Error;
    fn try_from(asked: pb::ListRecordsRequest) -> Result<Self> {
        let mut v = Violations::new();
        let account: Option<AccountId> = v.parse("account_id", &asked.account_id);
        let mut bound = |field: &str, at: Option<prost_types::Timestamp>, open: i64| {
            optional_instant(&mut v, field, at).map_or(open, Timestamp::as_millisecond)
        };
        let span = (bound("from", asked.from, i64::MIN), bound("to", asked.to, i64::MAX));
        let question = format!("records {} {span:?}", asked.account_id);
        let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
        v.finish(account.zip(page).map(|(account, page)| Self { account, span, page }))
    }
}

fn read_import(mut asked: pb::ImportRecordsRequest, replays: bool) -> Result<(Source, Import<Row>)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    let region = v.parse("region", &asked.region);
    let unit = v.optional("unit_id", &asked.unit_id);
    let seen = |record: Record| if replays { Ok(record) } else { record.seen() };
    let read = |index, row| match Record::try_from(row).and_then(Record::check).and_then(seen) {
        Ok(record) => Ok(Row::from(record)),
        Err(error) => Err(Problem::new(index, error.reason(), error.message())),
    };
    let import = Import::read(request, asked.rows, MAX_ROWS, &mut v, read);
    let of = account.zip(region).map(|(account, region)| Source { account, region, unit });
    v.finish(of.zip(import))
}

impl TryFrom<pb::Record> for Record {
    type Error = RowError;
    fn try_from(row: pb::Record) -> Result<Self, RowError> {
        Ok(Self {
            started_ms: millis(row.started_at).ok_or(RowError::NoTime("started_at"))?,
            ended_ms: millis(row.ended_at).ok_or(RowError::NoTime("ended_at"))?,
            external_id: row.external_id,
            agent: row.agent,
            kind: row.kind,
            first_reply_ms: row.first_reply_ms,
            resolved: row.resolved,
            rating_milli: row.rating_milli,
            amount_minor: row.amount_minor,
            customer: row.customer,
            measures: row.measures.into_iter().map(measure).collect::<Result<_, _>>()?,
        })
    }
}

fn measure(sent: pb::Measure) -> Result<Measure, RowError> {
    let value = match (sent.number.as_str(), sent.text.as_str()) {
        ("", "") => return Err(RowError::BadMeasure(sent.name)),
        ("", _) => MeasureValue::Text(sent.text),
        (number, "") => match Decimal::from_str_exact(number) {
            Ok(number) => MeasureValue::Number(number.normalize()),
            Err(_) => return Err(RowError::BadMeasure(sent.name)),
        },
        (_, _) => return Err(RowError::BadMeasure(sent.name)),
    };
    Ok(Measure { name: sent.name, value })
}

/// Milliseconds since 1970, if it is an instant that can be computed with.
fn millis(at: Option<prost_types::Timestamp>) -> Option<i64> {
    let at = at?;
    Timestamp::new(at.seconds, at.nanos).ok().map(Timestamp::as_millisecond)
}

fn message((record_id, record): (String, Record)) -> pb::Record {
    let measure = |m: Measure| match m.value {
        MeasureValue::Number(number) => pb::Measure { name: m.name, number: number.to_string(), text: String::new() },
        MeasureValue::Text(text) => pb::Measure { name: m.name, number: String::new(), text },
    };
    pb::Record {
        record_id,
        external_id: record.external_id,
        started_at: Some(timestamp_of_millis(record.started_ms)),
        ended_at: Some(timestamp_of_millis(record.ended_ms)),
        agent: record.agent,
        kind: record.kind,
        first_reply_ms: record.first_reply_ms,
        resolved: record.resolved,
        rating_milli: record.rating_milli,
        amount_minor: record.amount_minor,
        customer: record.customer,
        measures: record.measures.into_iter().map(measure).collect(),
    }
}
