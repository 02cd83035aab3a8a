//! `tally.attendance.v1.PunchService`.

use std::mem::take;

use jiff::Timestamp;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::punch_service_server::PunchService;
use tally_app::RequestKey;
use tally_app::convert::{choice, fact_instant, optional_instant, stretch, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_i18n::text;
use tally_kernel::error::Violations;
use tally_kernel::id::PersonId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Locale, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Command, Recorded};
use super::domain::{Judged, Punch, PunchKind, Verdict};
use crate::app::App;
use crate::placed::Stored;
use crate::standing;

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl PunchService for Rpc {
    async fn record_punch(
        &self,
        req: Request<pb::RecordPunchRequest>,
    ) -> Result<Response<pb::RecordPunchResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let done = app::record_punch(&self.0, &ctx, req.into_inner().try_into()?).await?;
            Ok(render(done, ctx.locale))
        };
        reply.await.answer(&ctx)
    }

    async fn import_punches(
        &self,
        req: Request<pb::ImportPunchesRequest>,
    ) -> Result<Response<pb::ImportPunchesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_punches(&self.0, &ctx, read_import(req.into_inner())?).await?;
            Ok(pb::ImportPunchesResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_punches(
        &self,
        req: Request<pb::ListPunchesRequest>,
    ) -> Result<Response<pb::ListPunchesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let counting_only = ask.counting_only;
            let (stretch, of, page) = read_list(ask)?;
            let (found, next_page_token) = app::list_punches(&self.0, &ctx, stretch, of, &page).await?;
            Ok(pb::ListPunchesResponse { punches: standing::told(found, counting_only), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::RecordPunchRequest> for Command {
    type Error = Error;
    fn try_from(mut request: pb::RecordPunchRequest) -> Result<Self> {
        let mut v = Violations::new();
        let key = RequestKey::of(take(&mut request.request_id), &request);
        let kind = kind(&mut v, request.kind());
        let device_at = optional_instant(&mut v, "device_at", request.device_at);
        let command = kind.map(|kind| Self { request: key, kind, device_at });
        v.finish(command)
    }
}

fn read_import(mut request: pb::ImportPunchesRequest) -> Result<Import<Punch>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, read)
}

fn read(row: pb::Punch, v: &mut Violations) -> Option<Punch> {
    let person = v.parse("person_id", &row.person_id);
    let at = fact_instant(v, "at", row.at);
    let kind = kind(v, row.kind());
    Some(Punch { person: person?, at: at?, kind: kind? })
}

fn kind(v: &mut Violations, kind: pb::PunchKind) -> Option<PunchKind> {
    let chosen = match kind {
        pb::PunchKind::In => Some(PunchKind::In),
        pb::PunchKind::Out => Some(PunchKind::Out),
        pb::PunchKind::Unspecified => None,
    };
    choice(v, "kind", chosen, msg!("PUNCH_KIND_EXPECTED"))
}

type Listed = ((Timestamp, Timestamp), (Option<PersonId>, Option<Timestamp>), Page);

fn read_list(ask: pb::ListPunchesRequest) -> Result<Listed> {
    let mut v = Violations::new();
    let asked = stretch(&mut v, ask.from, ask.to);
    let person = v.optional("person_id", &ask.person_id);
    let known = optional_instant(&mut v, "known_at", ask.known_at);
    let (from, to) = v.finish(asked)?;
    let question = format!("punches {from} {to} {} {known:?}", ask.person_id);
    Ok(((from, to), (person, known), Page::read(ask.page_size, &ask.page_token, question.as_bytes())?))
}

impl From<Stored<Judged>> for pb::Punch {
    fn from(Stored { id, placed, standing }: Stored<Judged>) -> Self {
        Self { punch_id: id.to_string(), standing: Some(standing.into()), ..placed.fact.into() }
    }
}

impl From<Judged> for pb::Punch {
    fn from(Judged { punch, verdict }: Judged) -> Self {
        let kind = match punch.kind {
            PunchKind::In => pb::PunchKind::In,
            PunchKind::Out => pb::PunchKind::Out,
        };
        let verdict = match verdict {
            Verdict::NotJudged => pb::PunchVerdict::Unspecified,
            Verdict::Accepted => pb::PunchVerdict::Accepted,
            Verdict::DoubleIn => pb::PunchVerdict::DoubleIn,
            Verdict::OutWithoutIn => pb::PunchVerdict::OutWithoutIn,
            Verdict::OffRoster => pb::PunchVerdict::OffRoster,
        };
        let (person_id, at) = (punch.person.to_string(), Some(timestamp(punch.at)));
        Self { person_id, at, kind: kind.into(), verdict: verdict.into(), ..Self::default() }
    }
}

fn render(done: Recorded, locale: Locale) -> pb::RecordPunchResponse {
    let Recorded { id, person, at, came, verdict, reasons } = done;
    let kind = if came { PunchKind::In } else { PunchKind::Out };
    let judged = Judged { punch: Punch { person, at, kind }, verdict };
    let reasons = reasons.into_iter().map(|reason| text(locale, &reason.message())).collect();
    let (punch_id, standing) = (id.to_string(), Some(standing::recorded()));
    pb::RecordPunchResponse { punch: Some(pb::Punch { punch_id, standing, ..judged.into() }), reasons }
}
