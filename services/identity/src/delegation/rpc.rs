//! `DelegationService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::delegation_service_server::DelegationService;
use tally_app::RequestKey;
use tally_app::convert::{instant, optional_instant, timestamp};
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::id::PrincipalId;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Delegated};
use super::domain::Delegation;
use crate::App;
use crate::render::permissions;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl DelegationService for Rpc {
    async fn delegate(&self, req: Request<pb::DelegateRequest>) -> Result<Response<pb::DelegateResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::delegate(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn end_delegation(
        &self,
        req: Request<pb::EndDelegationRequest>,
    ) -> Result<Response<pb::EndDelegationResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|consistency_token| pb::EndDelegationResponse { consistency_token }).answer(&ctx)
    }

    async fn list_delegations(
        &self,
        req: Request<pb::ListDelegationsRequest>,
    ) -> Result<Response<pb::ListDelegationsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (of, page) = read_list(&req.into_inner())?;
            let (found, next_page_token) = app::list(&self.0, &ctx, of, &page).await?;
            let delegations = found.into_iter().map(Into::into).collect();
            Ok(pb::ListDelegationsResponse { delegations, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListDelegationsRequest) -> Result<(Option<PrincipalId>, Page), Error> {
    let mut wrong = Violations::new();
    let of = match req.principal_id.as_str() {
        "" => None,
        id => wrong.parse("principal_id", id),
    };
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.principal_id.as_bytes()));
    Ok((of, wrong.finish(page)?))
}

impl TryFrom<pb::DelegateRequest> for app::NewDelegation {
    type Error = Error;
    fn try_from(req: pb::DelegateRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let wanted = req.delegation.unwrap_or_default();
        let delegate = wrong.parse("delegation.delegate_id", &wanted.delegate_id);
        let delegated = permissions(&mut wrong, "delegation.permissions", &wanted.permissions);
        let from = optional_instant(&mut wrong, "delegation.from", wanted.from);
        let until = instant(&mut wrong, "delegation.until", wanted.until);
        wrong.text("delegation.reason", &wanted.reason, 500);
        let (delegate, (permissions, until)) = wrong.finish(delegate.zip(delegated.zip(until)))?;
        Ok(Self { request, delegate, permissions, from, until, reason: wanted.reason })
    }
}

impl TryFrom<pb::EndDelegationRequest> for app::End {
    type Error = Error;
    fn try_from(req: pb::EndDelegationRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let id = wrong.parse("delegation_id", &req.delegation_id);
        let id = wrong.finish(id)?;
        Ok(Self { request, id })
    }
}

impl From<Delegation> for pb::Delegation {
    fn from(delegation: Delegation) -> Self {
        Self {
            delegation_id: delegation.id.to_string(),
            delegator_id: delegation.delegator.to_string(),
            delegate_id: delegation.delegate.to_string(),
            permissions: delegation.permissions,
            from: Some(timestamp(delegation.from)),
            until: Some(timestamp(delegation.until)),
            reason: delegation.reason,
            ended_at: delegation.ended_at.map(timestamp),
        }
    }
}

impl From<Delegated> for pb::DelegateResponse {
    fn from(delegated: Delegated) -> Self {
        Self { delegation: Some(delegated.delegation.into()), consistency_token: delegated.consistency_token }
    }
}
