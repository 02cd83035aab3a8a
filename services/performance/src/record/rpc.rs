//! RecordService: messages in, messages out.

use std::mem::take;

use jiff::Timestamp;
use rust_decimal::Decimal;
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{instant, open_stretch_ms, optional_instant, timestamp, timestamp_of_millis};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::contribution::{Contribution, Malformed, Role};
use tally_kernel::error::Violations;
use tally_kernel::id::AccountId;
use tally_kernel::import::Problem;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result, limits, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Changed, Imported, Mending, Told, Version, VersionEnd};
use super::domain::{Measure, MeasureValue, Record, Row, RowError, Source, Touched};
use super::store::version::Ended;
use crate::App;

/// Characters of a reason.
const REASON: usize = 500;

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
            let Imported { outcome, touched } = app::import_records(&self.app, &ctx, &of, import).await?;
            let touched = touched.into_iter().map(touched_message).collect();
            Ok(pb::ImportRecordsResponse { result: Some(import::told(outcome, ctx.locale)), touched })
        };
        reply.await.answer(&ctx)
    }

    async fn get_record(&self, req: Request<pb::GetRecordRequest>) -> Result<Response<pb::GetRecordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (account, id, known_at) = read_get(req.into_inner())?;
            let found = app::get_record(&self.app, &ctx, account, &id, known_at).await?;
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
            let List { account, span, known_at, page } = req.into_inner().try_into()?;
            let (records, next_page_token) = app::list_records(&self.app, &ctx, account, span, known_at, &page).await?;
            Ok(pb::ListRecordsResponse { records: records.into_iter().map(message).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_record_versions(
        &self,
        req: Request<pb::ListRecordVersionsRequest>,
    ) -> Result<Response<pb::ListRecordVersionsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (account, id, page) = read_versions(req.into_inner())?;
            let (versions, next_page_token) = app::list_versions(&self.app, &ctx, account, &id, &page).await?;
            let versions = versions.into_iter().map(version).collect();
            Ok(pb::ListRecordVersionsResponse { versions, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn move_record(
        &self,
        req: Request<pb::MoveRecordRequest>,
    ) -> Result<Response<pb::MoveRecordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (request, mending, to) = read_move(req.into_inner())?;
            let touched = app::move_record(&self.app, &ctx, &request, &mending, &to).await?;
            Ok(pb::MoveRecordResponse { touched: touched.into_iter().map(touched_message).collect() })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_record(
        &self,
        req: Request<pb::WithdrawRecordRequest>,
    ) -> Result<Response<pb::WithdrawRecordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (request, mending) = read_withdraw(req.into_inner())?;
            let touched = app::withdraw_record(&self.app, &ctx, &request, &mending).await?;
            Ok(pb::WithdrawRecordResponse { touched: touched.into_iter().map(touched_message).collect() })
        };
        reply.await.answer(&ctx)
    }

    async fn list_record_changes(
        &self,
        req: Request<pb::ListRecordChangesRequest>,
    ) -> Result<Response<pb::ListRecordChangesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (since, page) = read_changes(req.into_inner())?;
            let (changes, next_page_token) = app::list_changes(&self.app, &ctx, since, &page).await?;
            Ok(pb::ListRecordChangesResponse { changes: changes.into_iter().map(change).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

struct List {
    account: AccountId,
    span: (i64, i64),
    known_at: Option<Timestamp>,
    page: Page,
}

impl TryFrom<pb::ListRecordsRequest> for List {
    type Error = Error;
    fn try_from(asked: pb::ListRecordsRequest) -> Result<Self> {
        let mut v = Violations::new();
        let account: Option<AccountId> = v.parse("account_id", &asked.account_id);
        let span = open_stretch_ms(&mut v, asked.from, asked.to);
        let known_at = optional_instant(&mut v, "known_at", asked.known_at);
        let known = known_at.map(|at| format!(" known at {at}")).unwrap_or_default();
        let question = format!("records {} {span:?}{known}", asked.account_id);
        let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
        v.finish(account.zip(page).map(|(account, page)| Self { account, span, known_at, page }))
    }
}

fn read_get(asked: pb::GetRecordRequest) -> Result<(AccountId, String, Option<Timestamp>)> {
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    let known_at = optional_instant(&mut v, "known_at", asked.known_at);
    v.finish(account.map(|account| (account, asked.external_id, known_at)))
}

fn read_versions(asked: pb::ListRecordVersionsRequest) -> Result<(AccountId, String, Page)> {
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    let question = format!("versions {} {}", asked.account_id, asked.external_id);
    let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    v.finish(account.zip(page).map(|(account, page)| (account, asked.external_id, page)))
}

fn read_changes(asked: pb::ListRecordChangesRequest) -> Result<(Timestamp, Page)> {
    let mut v = Violations::new();
    let since = instant(&mut v, "since", asked.since);
    let question = format!("record changes {since:?}");
    let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    v.finish(since.zip(page))
}

fn read_move(mut asked: pb::MoveRecordRequest) -> Result<(RequestKey, Mending, Source)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let of = source(&mut v, "", (&asked.account_id, &asked.region, &asked.unit_id));
    let to = source(&mut v, "to_", (&asked.to_account_id, &asked.to_region, &asked.to_unit_id));
    if of.as_ref().zip(to.as_ref()).is_some_and(|(of, to)| of.account == to.account) {
        v.push("to_account_id", msg!("MOVED_TO_ITSELF"));
    }
    v.text("reason", &asked.reason, REASON);
    let mending = of.map(|of| Mending { of, external_id: asked.external_id, reason: asked.reason });
    v.finish(mending.zip(to).map(|(mending, to)| (request, mending, to)))
}

fn read_withdraw(mut asked: pb::WithdrawRecordRequest) -> Result<(RequestKey, Mending)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let of = source(&mut v, "", (&asked.account_id, &asked.region, &asked.unit_id));
    v.text("reason", &asked.reason, REASON);
    let mending = of.map(|of| Mending { of, external_id: asked.external_id, reason: asked.reason });
    v.finish(mending.map(|mending| (request, mending)))
}

/// An account with its place, from fields whose names begin so.
fn source(v: &mut Violations, begin: &str, (account, region, unit): (&str, &str, &str)) -> Option<Source> {
    let name = |field: &str| format!("{begin}{field}");
    let account = v.parse(&name("account_id"), account);
    let region = v.parse(&name("region"), region);
    let unit = v.optional(&name("unit_id"), unit);
    account.zip(region).map(|(account, region)| Source { account, region, unit })
}

fn read_import(mut asked: pb::ImportRecordsRequest, replays: bool) -> Result<(Source, Import<Row>)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let of = source(&mut v, "", (&asked.account_id, &asked.region, &asked.unit_id));
    let seen = |record: Record| if replays { Ok(record) } else { record.seen() };
    let row = |row: pb::Record| {
        let revision = revision(&row)?;
        Ok(Row::new(Record::try_from(row).and_then(Record::check).and_then(seen)?, revision))
    };
    let read = |index, sent| row(sent).map_err(|error: RowError| Problem::new(index, error.reason(), error.message()));
    let import = Import::read(request, asked.rows, MAX_ROWS, &mut v, read);
    v.finish(of.zip(import))
}

/// What tells this version of a record from others.
fn revision(row: &pb::Record) -> Result<i64, RowError> {
    let Some(at) = row.revised_at else {
        return i64::try_from(row.revision).map_err(|_| RowError::RevisionTooHigh(row.revision));
    };
    if row.revision != 0 {
        return Err(RowError::RevisionTwice);
    }
    let at = Timestamp::new(at.seconds, at.nanos).map_err(|_| RowError::NoTime("revised_at"))?;
    let plausible = limits::is_plausible(at) && at.as_millisecond() > 0;
    if plausible { Ok(at.as_millisecond()) } else { Err(RowError::Implausible("revised_at")) }
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
            currency: row.currency,
            refers_to: row.refers_to,
            contributors: row.contributors.into_iter().map(contribution).collect::<Result<_, _>>()?,
            device: row.device,
        })
    }
}

fn contribution(sent: pb::Contributor) -> Result<Contribution, RowError> {
    let role = match pb::ContributorRole::try_from(sent.role) {
        Ok(pb::ContributorRole::FirstAnswer) => Role::FirstAnswer,
        Ok(pb::ContributorRole::Closer) => Role::Closer,
        Ok(pb::ContributorRole::AfterSales) => Role::AfterSales,
        Ok(pb::ContributorRole::Unspecified) | Err(_) => {
            return Err(RowError::Contributors(Malformed::Role(sent.role.to_string())));
        }
    };
    Ok(Contribution { role, agent: sent.agent })
}

fn contributor(one: Contribution) -> pb::Contributor {
    let role = match one.role {
        Role::FirstAnswer => pb::ContributorRole::FirstAnswer,
        Role::Closer => pb::ContributorRole::Closer,
        Role::AfterSales => pb::ContributorRole::AfterSales,
    };
    pb::Contributor { role: role.into(), agent: one.agent }
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

fn touched_message(touched: Touched) -> pb::Touched {
    pb::Touched {
        account_id: touched.account.to_string(),
        records: touched.records,
        from: Some(timestamp_of_millis(touched.from_ms)),
        to: Some(timestamp_of_millis(touched.to_ms)),
    }
}

fn change(changed: Changed) -> pb::RecordChange {
    let touched = Some(touched_message(changed.touched));
    pb::RecordChange { recorded_at: Some(timestamp(changed.at)), what: changed.what, touched }
}

fn version(version: Version) -> pb::RecordVersion {
    let told = pb::RecordVersion {
        record: Some(message(version.told)),
        account_id: version.account.to_string(),
        recorded_at: Some(timestamp(version.recorded_at)),
        ..Default::default()
    };
    let Some(VersionEnd { until, ended, reason, by }) = version.end else { return told };
    let ended = match ended {
        Ended::Revised => pb::VersionEnd::Revised,
        Ended::Moved => pb::VersionEnd::Moved,
        Ended::Withdrawn => pb::VersionEnd::Withdrawn,
    };
    pb::RecordVersion { until: Some(timestamp(until)), ended: ended.into(), reason, ended_by: by.to_string(), ..told }
}

fn message(Told { id: record_id, revision, record }: Told) -> pb::Record {
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
        revision,
        revised_at: None,
        currency: record.currency,
        refers_to: record.refers_to,
        contributors: record.contributors.into_iter().map(contributor).collect(),
        device: record.device,
    }
}
