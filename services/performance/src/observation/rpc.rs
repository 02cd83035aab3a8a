//! ObservationService: messages in, messages out.

use std::mem::take;

use tally_access::{OpContext, Rpc as Called};
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::subject::Of;
use tally_app::RequestKey;
use tally_app::convert::{date_text, optional_date, optional_instant, timestamp};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::Violations;
use tally_kernel::id::ObservationId;
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status, Streaming};

use super::app;
use super::domain::{Placed, RowError, Said, Subject, SubjectKind, When, value};
use super::store::{Asked, End, Ended, Version};
use crate::policy::{ImportObservations, StreamObservations};
use crate::{App, parts};

/// Characters of a reason.
const REASON: usize = 500;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::observation_service_server::ObservationService for Rpc {
    async fn import_observations(
        &self,
        req: Request<pb::ImportObservationsRequest>,
    ) -> Result<Response<pb::ImportObservationsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let outcome = self.import::<ImportObservations>(&ctx, request, asked.rows).await?;
            Ok(pb::ImportObservationsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn stream_observations(
        &self,
        req: Request<Streaming<pb::StreamObservationsRequest>>,
    ) -> Result<Response<pb::StreamObservationsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let import = async |mut part: pb::StreamObservationsRequest| {
                let request = RequestKey::of(take(&mut part.request_id), &part);
                Ok((part.rows.len(), self.import::<StreamObservations>(&ctx, request, part.rows).await?))
            };
            let outcome = parts::imported(req.into_inner(), import).await?;
            Ok(pb::StreamObservationsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_observations(
        &self,
        req: Request<pb::ListObservationsRequest>,
    ) -> Result<Response<pb::ListObservationsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (asked, page) = read_list(&req.into_inner())?;
            let (found, next_page_token) = app::list_observations(&self.app, &ctx, &asked, &page).await?;
            let observations = found.into_iter().map(version).collect();
            Ok(pb::ListObservationsResponse { observations, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_observation(
        &self,
        req: Request<pb::WithdrawObservationRequest>,
    ) -> Result<Response<pb::WithdrawObservationResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (request, id, reason) = read_withdraw(req.into_inner())?;
            let was = app::withdraw_observation(&self.app, &ctx, &request, id, &reason).await?;
            Ok(pb::WithdrawObservationResponse { observation: Some(message(id, was)) })
        };
        reply.await.answer(&ctx)
    }
}

impl Rpc {
    async fn import<R: Called>(
        &self,
        ctx: &OpContext,
        request: RequestKey,
        rows: Vec<pb::Observation>,
    ) -> Result<ImportOutcome> {
        let mut v = Violations::new();
        let read = |index, sent| read_row(sent).map_err(|wrong| Problem::new(index, wrong.reason(), wrong.message()));
        let import = Import::read(request, rows, MAX_ROWS, &mut v, read);
        app::import::<R>(&self.app, ctx, v.finish(import)?).await
    }
}

fn read_row(row: pb::Observation) -> Result<Said, RowError> {
    let subject = match row.subject.and_then(|subject| subject.of) {
        None => return Err(RowError::NoSubject),
        Some(of) => read_subject(of)?,
    };
    let date = |field, text: &str| {
        let mut v = Violations::new();
        optional_date(&mut v, field, text).ok_or(RowError::BadDate(field))
    };
    let when = match (row.at, row.from.as_str(), row.to.as_str()) {
        (Some(at), "", "") => {
            let mut v = Violations::new();
            When::At(optional_instant(&mut v, "at", Some(at)).ok_or(RowError::Implausible("at"))?)
        }
        (None, from, "") if !from.is_empty() => When::Days(date("from", from)?, date("from", from)?),
        (None, from, to) if !from.is_empty() => When::Days(date("from", from)?, date("to", to)?),
        _ => return Err(RowError::NoTime),
    };
    let run_by = match row.unit_id.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| RowError::BadSubject(SubjectKind::Unit))?),
    };
    let revision = i64::try_from(row.revision).map_err(|_| RowError::RevisionTooHigh(row.revision))?;
    let (measure, source, value) = (row.measure, row.source, value(&row.value)?);
    Said { measure, subject, when, value, source, revision, run_by }.check()
}

fn read_subject(of: Of) -> Result<Subject, RowError> {
    let (kind, key) = match of {
        Of::PersonId(id) => (SubjectKind::Person, id),
        Of::UnitId(id) => (SubjectKind::Unit, id),
        Of::AccountId(id) => (SubjectKind::Account, id),
        Of::Store(name) => (SubjectKind::Store, name),
        Of::Campaign(name) => (SubjectKind::Campaign, name),
    };
    Subject::of(kind, &key).ok_or(RowError::BadSubject(kind))
}

fn read_list(asked: &pb::ListObservationsRequest) -> Result<(Asked, Page)> {
    let mut v = Violations::new();
    let measure = Some(asked.measure.clone()).filter(|measure| !measure.is_empty());
    let days = (optional_date(&mut v, "from", &asked.from), optional_date(&mut v, "to", &asked.to));
    let known_at = optional_instant(&mut v, "known_at", asked.known_at);
    let subject = match asked.subject.clone().and_then(|subject| subject.of) {
        None => None,
        Some(of) => {
            let read = read_subject(of);
            if read.is_err() {
                v.push("subject", msg!("ID_MALFORMED"));
            }
            read.ok()
        }
    };
    let known = Asked { measure, subject, days, known_at, versions: asked.versions };
    let question = format!("observations {known:?}");
    let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    v.finish(page.map(|page| (known, page)))
}

fn read_withdraw(mut asked: pb::WithdrawObservationRequest) -> Result<(RequestKey, ObservationId, String)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let id = v.parse("observation_id", &asked.observation_id);
    v.text("reason", &asked.reason, REASON);
    v.finish(id.map(|id| (request, id, asked.reason)))
}

fn message(id: ObservationId, placed: Placed) -> pb::Observation {
    let Said { measure, subject, when, value, source, revision, run_by: _ } = placed.said;
    let of = match subject {
        Subject::Person(id) => Of::PersonId(id.to_string()),
        Subject::Unit(id) => Of::UnitId(id.to_string()),
        Subject::Account(id) => Of::AccountId(id.to_string()),
        Subject::Store(name) => Of::Store(name),
        Subject::Campaign(name) => Of::Campaign(name),
    };
    let at = match when {
        When::At(at) => Some(timestamp(at)),
        When::Days(..) => None,
    };
    pb::Observation {
        observation_id: id.to_string(),
        measure,
        subject: Some(pb::Subject { of: Some(of) }),
        at,
        from: date_text(Some(placed.days.0)),
        to: date_text(Some(placed.days.1)),
        value: value.to_string(),
        source,
        revision: u64::try_from(revision).unwrap_or_default(),
        unit_id: placed.unit.map(|unit| unit.to_string()).unwrap_or_default(),
        region: placed.region.to_string(),
        ..Default::default()
    }
}

fn version(version: Version) -> pb::Observation {
    let recorded_at = Some(timestamp(version.recorded_at));
    let told = pb::Observation { recorded_at, ..message(version.id, version.placed) };
    let Some(End { until, ended, reason, by }) = version.end else { return told };
    let ended = match ended {
        Ended::Revised => pb::ObservationEnd::Revised,
        Ended::Withdrawn => pb::ObservationEnd::Withdrawn,
    };
    pb::Observation { until: Some(timestamp(until)), ended: ended.into(), reason, ended_by: by.to_string(), ..told }
}
