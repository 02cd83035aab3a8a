//! `tally.attendance.v1.HandoverService`.

use std::mem::take;

use jiff::Timestamp;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::handover_service_server::HandoverService;
use tally_app::RequestKey;
use tally_app::convert::{choice, fact_instant, optional_instant, stretch, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Command, Recorded};
use super::domain::{Handover, HandoverKind};
use crate::app::App;
use crate::placed::{Asked, Stored};
use crate::standing;

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl HandoverService for Rpc {
    async fn record_handover(
        &self,
        req: Request<pb::RecordHandoverRequest>,
    ) -> Result<Response<pb::RecordHandoverResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let done = app::record_handover(&self.0, &ctx, req.into_inner().try_into()?).await?;
            Ok(pb::RecordHandoverResponse { handover: Some(done.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn import_handovers(
        &self,
        req: Request<pb::ImportHandoversRequest>,
    ) -> Result<Response<pb::ImportHandoversResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_handovers(&self.0, &ctx, read_import(req.into_inner())?).await?;
            Ok(pb::ImportHandoversResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_handovers(
        &self,
        req: Request<pb::ListHandoversRequest>,
    ) -> Result<Response<pb::ListHandoversResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let counting_only = ask.counting_only;
            let (stretch, asked, page) = read_list(ask)?;
            let (found, next_page_token) = app::list_handovers(&self.0, &ctx, stretch, asked, &page).await?;
            Ok(pb::ListHandoversResponse { handovers: standing::told(found, counting_only), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn get_handover(
        &self,
        req: Request<pb::GetHandoverRequest>,
    ) -> Result<Response<pb::GetHandoverResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let found = app::get_handover(&self.0, &ctx, field("handover_id", &req.into_inner().handover_id)?).await?;
            Ok(pb::GetHandoverResponse { handover: Some(found.into()) })
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::RecordHandoverRequest> for Command {
    type Error = Error;
    fn try_from(mut request: pb::RecordHandoverRequest) -> Result<Self> {
        let mut v = Violations::new();
        let key = RequestKey::of(take(&mut request.request_id), &request);
        let account = v.parse("account_id", &request.account_id);
        let kind = kind(&mut v, request.kind());
        let command = account.zip(kind).map(|(account, kind)| Self { request: key, account, kind });
        v.finish(command)
    }
}

fn read_import(mut request: pb::ImportHandoversRequest) -> Result<Import<Handover>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, read)
}

fn read(row: pb::Handover, v: &mut Violations) -> Option<Handover> {
    let account = v.parse("account_id", &row.account_id);
    let person = v.parse("person_id", &row.person_id);
    let at = fact_instant(v, "at", row.at);
    let kind = kind(v, row.kind());
    Some(Handover { account: account?, person: person?, at: at?, kind: kind? })
}

fn kind(v: &mut Violations, kind: pb::HandoverKind) -> Option<HandoverKind> {
    let chosen = match kind {
        pb::HandoverKind::Take => Some(HandoverKind::Take),
        pb::HandoverKind::Release => Some(HandoverKind::Release),
        pb::HandoverKind::Unspecified => None,
    };
    choice(v, "kind", chosen, msg!("HANDOVER_KIND_EXPECTED"))
}

type Listed = ((Timestamp, Timestamp), Asked, Page);

fn read_list(ask: pb::ListHandoversRequest) -> Result<Listed> {
    let mut v = Violations::new();
    let within = stretch(&mut v, ask.from, ask.to);
    let asked = Asked {
        person: v.optional("person_id", &ask.person_id),
        account: v.optional("account_id", &ask.account_id),
        known: optional_instant(&mut v, "known_at", ask.known_at),
    };
    let (from, to) = v.finish(within)?;
    let page = Page::read(ask.page_size, &ask.page_token, format!("handovers {from} {to} {asked:?}").as_bytes())?;
    Ok(((from, to), asked, page))
}

impl From<Recorded> for pb::Handover {
    fn from(Recorded { id, account, person, at, took }: Recorded) -> Self {
        let kind = if took { HandoverKind::Take } else { HandoverKind::Release };
        let (handover_id, standing) = (id.to_string(), Some(standing::recorded()));
        Self { handover_id, standing, ..Handover { account, person, at, kind }.into() }
    }
}

impl From<Stored<Handover>> for pb::Handover {
    fn from(Stored { id, placed, standing }: Stored<Handover>) -> Self {
        Self { handover_id: id.to_string(), standing: Some(standing.into()), ..placed.fact.into() }
    }
}

impl From<Handover> for pb::Handover {
    fn from(handover: Handover) -> Self {
        let kind = match handover.kind {
            HandoverKind::Take => pb::HandoverKind::Take,
            HandoverKind::Release => pb::HandoverKind::Release,
        };
        Self {
            account_id: handover.account.to_string(),
            person_id: handover.person.to_string(),
            at: Some(timestamp(handover.at)),
            kind: kind.into(),
            ..Self::default()
        }
    }
}
