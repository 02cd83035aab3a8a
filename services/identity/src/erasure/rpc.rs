//! `ErasureService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::erasure_service_server::ErasureService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Erasure, Part};
use crate::App;
use crate::policy::{RejectErasure, WithdrawErasure};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl ErasureService for Rpc {
    async fn request_erasure(
        &self,
        req: Request<pb::RequestErasureRequest>,
    ) -> Result<Response<pb::RequestErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::request(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|erasure| pb::RequestErasureResponse { erasure: Some(erasure.into()) }).answer(&ctx)
    }

    async fn approve_erasure(
        &self,
        req: Request<pb::ApproveErasureRequest>,
    ) -> Result<Response<pb::ApproveErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::approve(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn withdraw_erasure(
        &self,
        req: Request<pb::WithdrawErasureRequest>,
    ) -> Result<Response<pb::WithdrawErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let wanted = read_drop(RequestKey::of(req.request_id.clone(), &req), &req.erasure_id, req.reason)?;
            app::drop::<WithdrawErasure>(&self.0, &ctx, "identity.erasure.withdraw", &wanted).await
        };
        reply.await.map(|erasure| pb::WithdrawErasureResponse { erasure: Some(erasure.into()) }).answer(&ctx)
    }

    async fn reject_erasure(
        &self,
        req: Request<pb::RejectErasureRequest>,
    ) -> Result<Response<pb::RejectErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let wanted = read_drop(RequestKey::of(req.request_id.clone(), &req), &req.erasure_id, req.reason)?;
            app::drop::<RejectErasure>(&self.0, &ctx, "identity.erasure.reject", &wanted).await
        };
        reply.await.map(|erasure| pb::RejectErasureResponse { erasure: Some(erasure.into()) }).answer(&ctx)
    }

    async fn get_erasure(
        &self,
        req: Request<pb::GetErasureRequest>,
    ) -> Result<Response<pb::GetErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (found, employee_no) = app::get(&self.0, &ctx, read_id(&req.into_inner().erasure_id)?).await?;
            Ok(pb::GetErasureResponse { erasure: Some(found.into()), employee_no })
        };
        reply.await.answer(&ctx)
    }

    async fn list_erasures(
        &self,
        req: Request<pb::ListErasuresRequest>,
    ) -> Result<Response<pb::ListErasuresResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let pb::ListErasuresRequest { page_size, page_token } = req.into_inner();
            let page = Page::read(page_size, &page_token, b"erasures")?;
            let (found, next_page_token) = app::list(&self.0, &ctx, &page).await?;
            Ok(pb::ListErasuresResponse { erasures: found.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn report_erasure(
        &self,
        req: Request<pb::ReportErasureRequest>,
    ) -> Result<Response<pb::ReportErasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let pb::ReportErasureRequest { erasure_id, rows } = req.into_inner();
            app::report(&self.0, &ctx, read_id(&erasure_id)?, rows).await
        };
        reply.await.map(|()| pb::ReportErasureResponse {}).answer(&ctx)
    }
}

fn read_id<T: std::str::FromStr<Err = Error>>(id: &str) -> Result<T, Error> {
    let mut wrong = Violations::new();
    let id = wrong.parse("erasure_id", id);
    wrong.finish(id)
}

fn read_drop(request: RequestKey, erasure_id: &str, reason: String) -> Result<app::Drop, Error> {
    let mut wrong = Violations::new();
    let id = wrong.parse("erasure_id", erasure_id);
    wrong.text("reason", &reason, 500);
    let id = wrong.finish(id)?;
    Ok(app::Drop { request, id, reason })
}

impl TryFrom<pb::RequestErasureRequest> for app::Request {
    type Error = Error;
    fn try_from(req: pb::RequestErasureRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        wrong.text("reason", &req.reason, 500);
        let person = wrong.finish(person)?;
        Ok(Self { request, person, reason: req.reason })
    }
}

impl TryFrom<pb::ApproveErasureRequest> for app::Approve {
    type Error = Error;
    fn try_from(req: pb::ApproveErasureRequest) -> Result<Self, Error> {
        let request = RequestKey::of(req.request_id.clone(), &req);
        Ok(Self { id: read_id(&req.erasure_id)?, request })
    }
}

impl From<app::Approved> for pb::ApproveErasureResponse {
    fn from(approved: app::Approved) -> Self {
        Self { erasure: Some(approved.erasure.into()), consistency_token: approved.consistency_token }
    }
}

impl From<Erasure> for pb::Erasure {
    fn from(erasure: Erasure) -> Self {
        let (approved_by, erased_at) = erasure.approved.unzip();
        Self {
            erasure_id: erasure.id.to_string(),
            person_id: erasure.person.to_string(),
            reason: erasure.reason,
            requested_by: erasure.requested.0.to_string(),
            requested_at: Some(timestamp(erasure.requested.1)),
            approved_by: approved_by.map(|by| by.to_string()).unwrap_or_default(),
            erased_at: erased_at.map(timestamp),
            parts: erasure.parts.into_iter().map(Into::into).collect(),
            completed_at: erasure.completed_at.map(timestamp),
            dropped_by: erasure.dropped.as_ref().map(|dropped| dropped.by.to_string()).unwrap_or_default(),
            dropped_at: erasure.dropped.as_ref().map(|dropped| timestamp(dropped.at)),
            drop_reason: erasure.dropped.map(|dropped| dropped.reason).unwrap_or_default(),
        }
    }
}

impl From<Part> for pb::ErasurePart {
    fn from(part: Part) -> Self {
        Self { service: part.service, done_at: part.done_at.map(timestamp), rows: part.rows }
    }
}
