//! `HoldService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::hold_service_server::HoldService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::Hold;
use crate::App;

pub(crate) struct Rpc(pub(crate) Arc<App>);

/// Characters of a reason.
const REASON: usize = 500;

#[tonic::async_trait]
impl HoldService for Rpc {
    async fn set_hold(&self, req: Request<pb::SetHoldRequest>) -> Result<Response<pb::SetHoldResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::set(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|hold| pb::SetHoldResponse { hold: Some(hold.into()) }).answer(&ctx)
    }

    async fn lift_hold(&self, req: Request<pb::LiftHoldRequest>) -> Result<Response<pb::LiftHoldResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::lift(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|hold| pb::LiftHoldResponse { hold: Some(hold.into()) }).answer(&ctx)
    }

    async fn list_holds(&self, req: Request<pb::ListHoldsRequest>) -> Result<Response<pb::ListHoldsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let pb::ListHoldsRequest { standing, page_size, page_token } = req.into_inner();
            let page = Page::read(page_size, &page_token, &[standing.into()])?;
            let (found, next_page_token) = app::list(&self.0, &ctx, standing, &page).await?;
            Ok(pb::ListHoldsResponse { holds: found.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::SetHoldRequest> for app::Set {
    type Error = Error;
    fn try_from(req: pb::SetHoldRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.optional("person_id", &req.person_id);
        wrong.text("reason", &req.reason, REASON);
        wrong.finish(Some(Self { request, person, reason: req.reason }))
    }
}

impl TryFrom<pb::LiftHoldRequest> for app::Lift {
    type Error = Error;
    fn try_from(req: pb::LiftHoldRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let id = wrong.parse("hold_id", &req.hold_id);
        wrong.text("reason", &req.reason, REASON);
        let id = wrong.finish(id)?;
        Ok(Self { request, id, reason: req.reason })
    }
}

impl From<Hold> for pb::Hold {
    fn from(hold: Hold) -> Self {
        let (lifted_by, lifted_at, lift_reason) = match hold.lifted {
            Some((by, at, reason)) => (by.to_string(), Some(timestamp(at)), reason),
            None => (String::new(), None, String::new()),
        };
        Self {
            hold_id: hold.id.to_string(),
            person_id: hold.person.map(|person| person.to_string()).unwrap_or_default(),
            reason: hold.reason,
            set_by: hold.set_by.to_string(),
            set_at: Some(timestamp(hold.set_at)),
            lifted_by,
            lifted_at,
            lift_reason,
        }
    }
}
