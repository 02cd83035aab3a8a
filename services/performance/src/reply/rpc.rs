//! ReplyService: messages in, messages out.

use std::mem::take;

use jiff::Timestamp;
use tally_access::{OpContext, Rpc as Called};
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{open_stretch_ms, optional_instant, timestamp, timestamp_of_millis};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_engine::attribution::Side;
use tally_kernel::error::Violations;
use tally_kernel::id::AccountId;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status, Streaming};

use super::app::{self, Told};
use super::domain::{MOST_AT_ONCE, Reply, Row, RowError};
use crate::policy::{ImportReplies, StreamReplies};
use crate::{App, parts};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::reply_service_server::ReplyService for Rpc {
    async fn import_replies(
        &self,
        req: Request<pb::ImportRepliesRequest>,
    ) -> Result<Response<pb::ImportRepliesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let outcome = self.import::<ImportReplies>(&ctx, request, asked.rows).await?;
            Ok(pb::ImportRepliesResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn stream_replies(
        &self,
        req: Request<Streaming<pb::StreamRepliesRequest>>,
    ) -> Result<Response<pb::StreamRepliesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let import = async |mut part: pb::StreamRepliesRequest| {
                let request = RequestKey::of(take(&mut part.request_id), &part);
                Ok((part.rows.len(), self.import::<StreamReplies>(&ctx, request, part.rows).await?))
            };
            let outcome = parts::imported(req.into_inner(), import).await?;
            Ok(pb::StreamRepliesResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_replies(
        &self,
        req: Request<pb::ListRepliesRequest>,
    ) -> Result<Response<pb::ListRepliesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let List { account, span, id, known_at, page } = read_list(req.into_inner())?;
            let asked = (account, span, Some(id.as_str()).filter(|id| !id.is_empty()));
            let (found, next_page_token) = app::list_replies(&self.app, &ctx, asked, known_at, &page).await?;
            Ok(pb::ListRepliesResponse { replies: found.into_iter().map(message).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

impl Rpc {
    async fn import<R: Called>(
        &self,
        ctx: &OpContext,
        request: RequestKey,
        rows: Vec<pb::RecordReplies>,
    ) -> Result<ImportOutcome> {
        let mut v = Violations::new();
        let count: usize = rows.iter().map(|row| row.replies.len()).sum();
        if count > MOST_AT_ONCE {
            v.push("rows", msg!("REPLIES_TOO_MANY.import", count, most = MOST_AT_ONCE));
        }
        let read = |index, sent| read_row(sent).map_err(|wrong: RowError| wrong.of(index));
        let import = Import::read(request, rows, MAX_ROWS, &mut v, read);
        app::import::<R>(&self.app, ctx, v.finish(import)?).await
    }
}

fn read_row(row: pb::RecordReplies) -> Result<Row, RowError> {
    let account: AccountId = row.account_id.parse().map_err(|_| RowError::BadAccount(row.account_id.clone()))?;
    let replies = row.replies.into_iter().map(read_reply).collect::<Result<_, _>>()?;
    Row { key: (account, row.external_id), replies }.check()
}

fn read_reply(sent: pb::Reply) -> Result<Reply, RowError> {
    let by = match sent.by() {
        pb::ReplySide::Unspecified => return Err(RowError::NoSide),
        pb::ReplySide::Agent => Side::Agent,
        pb::ReplySide::Customer => Side::Customer,
    };
    if sent.at.is_none() {
        return Err(RowError::NoTime);
    }
    let at = optional_instant(&mut Violations::new(), "at", sent.at).ok_or(RowError::Implausible)?;
    Ok(Reply { at_ms: at.as_millisecond(), by, device: sent.device })
}

struct List {
    account: AccountId,
    span: (i64, i64),
    id: String,
    known_at: Option<Timestamp>,
    page: Page,
}

fn read_list(asked: pb::ListRepliesRequest) -> Result<List> {
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    let span = open_stretch_ms(&mut v, asked.from, asked.to);
    let known_at = optional_instant(&mut v, "known_at", asked.known_at);
    let known = known_at.map(|at| format!(" known at {at}")).unwrap_or_default();
    let question = format!("replies {} {span:?} {}{known}", asked.account_id, asked.external_id);
    let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    let id = asked.external_id;
    v.finish(account.zip(page).map(|(account, page)| List { account, span, id, known_at, page }))
}

fn message(told: Told) -> pb::RecordReplies {
    let (account, external_id) = told.key;
    let reply = |Reply { at_ms, by, device }: Reply| {
        let by = match by {
            Side::Agent => pb::ReplySide::Agent,
            Side::Customer => pb::ReplySide::Customer,
        };
        pb::Reply { at: Some(timestamp_of_millis(at_ms)), by: by.into(), device }
    };
    pb::RecordReplies {
        account_id: account.to_string(),
        external_id,
        replies: told.replies.into_iter().map(reply).collect(),
        recorded_at: Some(timestamp(told.recorded_at)),
    }
}
