//! `BreakGlassService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::break_glass_service_server::BreakGlassService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Changed};
use super::domain::BreakGlass;
use crate::App;
use crate::render::{permissions, read_scope, scope_named};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl BreakGlassService for Rpc {
    async fn open_break_glass(
        &self,
        req: Request<pb::OpenBreakGlassRequest>,
    ) -> Result<Response<pb::OpenBreakGlassResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::open(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn end_break_glass(
        &self,
        req: Request<pb::EndBreakGlassRequest>,
    ) -> Result<Response<pb::EndBreakGlassResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn review_break_glass(
        &self,
        req: Request<pb::ReviewBreakGlassRequest>,
    ) -> Result<Response<pb::ReviewBreakGlassResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::review(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|found| pb::ReviewBreakGlassResponse { break_glass: Some(found.into()) }).answer(&ctx)
    }

    async fn list_break_glasses(
        &self,
        req: Request<pb::ListBreakGlassesRequest>,
    ) -> Result<Response<pb::ListBreakGlassesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let page = Page::read(req.page_size, &req.page_token, b"break_glasses")?;
            let (found, next_page_token) = app::list(&self.0, &ctx, &page).await?;
            let break_glasses = found.into_iter().map(Into::into).collect();
            Ok(pb::ListBreakGlassesResponse { break_glasses, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::OpenBreakGlassRequest> for app::Open {
    type Error = Error;
    fn try_from(mut req: pb::OpenBreakGlassRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        // The code is another one each time the same request comes again.
        let code = std::mem::take(&mut req.code);
        let request = RequestKey::of(req.request_id.clone(), &req);
        let opened = permissions(&mut wrong, "permissions", &req.permissions);
        let scope = read_scope(&mut wrong, ["scope", "scope_ref"], req.scope(), &req.scope_ref);
        wrong.text("reason", &req.reason, 500);
        wrong.text("ticket", &req.ticket, 100);
        let (permissions, scope) = wrong.finish(opened.zip(scope))?;
        let pb::OpenBreakGlassRequest { reason, ticket, minutes, .. } = req;
        Ok(Self { request, permissions, scope, reason, ticket, minutes, code })
    }
}

impl TryFrom<pb::EndBreakGlassRequest> for app::Change {
    type Error = Error;
    fn try_from(req: pb::EndBreakGlassRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let id = wrong.parse("break_glass_id", &req.break_glass_id);
        let id = wrong.finish(id)?;
        Ok(Self { request, id, finding: String::new() })
    }
}

impl TryFrom<pb::ReviewBreakGlassRequest> for app::Change {
    type Error = Error;
    fn try_from(req: pb::ReviewBreakGlassRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("finding", &req.finding, 500);
        let id = wrong.parse("break_glass_id", &req.break_glass_id);
        let id = wrong.finish(id)?;
        Ok(Self { request, id, finding: req.finding })
    }
}

impl From<BreakGlass> for pb::BreakGlass {
    fn from(found: BreakGlass) -> Self {
        let (reviewed_by, finding) = found.review.map(|(who, what)| (who.to_string(), what)).unwrap_or_default();
        Self {
            break_glass_id: found.id.to_string(),
            principal_id: found.principal.to_string(),
            permissions: found.permissions,
            scope: scope_named(&found.scope).into(),
            scope_ref: found.scope_ref,
            reason: found.reason,
            ticket: found.ticket,
            from: Some(timestamp(found.from)),
            until: Some(timestamp(found.until)),
            ended_at: found.ended_at.map(timestamp),
            reviewed_by,
            finding,
        }
    }
}

impl From<Changed> for pb::OpenBreakGlassResponse {
    fn from(changed: Changed) -> Self {
        Self { break_glass: Some(changed.emergency.into()), consistency_token: changed.consistency_token }
    }
}

impl From<Changed> for pb::EndBreakGlassResponse {
    fn from(changed: Changed) -> Self {
        Self { break_glass: Some(changed.emergency.into()), consistency_token: changed.consistency_token }
    }
}
