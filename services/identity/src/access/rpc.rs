//! `AccessService`: parse, call, render.

use std::sync::Arc;

use tally_access::{Assignment, Condition, View};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::access_service_server::AccessService;
use tally_app::RequestKey;
use tally_app::convert::{date, date_text, optional_date};
use tally_kernel::error::Violations;
use tally_kernel::id::{PrincipalId, SessionId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Given};
use super::domain::GrantRecord;
use crate::App;
use crate::render::{read_scope, scope_named};

/// How long a view is used without asking again.
const LEASE_MS: u32 = 1_000;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl AccessService for Rpc {
    async fn grant_role(&self, req: Request<pb::GrantRoleRequest>) -> Result<Response<pb::GrantRoleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::grant(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn revoke_grant(
        &self,
        req: Request<pb::RevokeGrantRequest>,
    ) -> Result<Response<pb::RevokeGrantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::revoke(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|consistency_token| pb::RevokeGrantResponse { consistency_token }).answer(&ctx)
    }

    async fn list_grants(
        &self,
        req: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (principal, page) = read_list(&req.into_inner())?;
            let (grants, next_page_token) = app::list(&self.0, &ctx, principal, &page).await?;
            Ok(pb::ListGrantsResponse { grants: grants.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn get_view(&self, req: Request<pb::GetViewRequest>) -> Result<Response<pb::GetViewResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (tenant, principal, session, known) = read_view(&req.into_inner())?;
            app::view(&self.0, &ctx, tenant, principal, session).await.map(|view| render_view(&view, known))
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListGrantsRequest) -> Result<(Option<PrincipalId>, Page), Error> {
    let mut wrong = Violations::new();
    let principal = match req.principal_id.as_str() {
        "" => None,
        id => wrong.parse("principal_id", id),
    };
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.principal_id.as_bytes()));
    Ok((principal, wrong.finish(page)?))
}

fn read_view(req: &pb::GetViewRequest) -> Result<(TenantId, PrincipalId, Option<SessionId>, u64), Error> {
    let mut wrong = Violations::new();
    let tenant = wrong.parse("tenant_id", &req.tenant_id);
    let principal = wrong.parse("principal_id", &req.principal_id);
    let session = wrong.optional("session_id", &req.session_id);
    let (tenant, principal) = wrong.finish(tenant.zip(principal))?;
    Ok((tenant, principal, session, req.known_revision))
}

fn render_view(view: &View, known: u64) -> pb::GetViewResponse {
    let (revision, unchanged) = (view.revision(), view.revision() == known);
    let written = if unchanged { pb::GetViewResponse::default() } else { tally_rpc::write_view(view) };
    pb::GetViewResponse { revision, unchanged, lease_ms: LEASE_MS, ..written }
}

impl TryFrom<pb::GrantRoleRequest> for app::Give {
    type Error = Error;
    fn try_from(req: pb::GrantRoleRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let grant = req.grant.unwrap_or_default();
        let to = match (grant.principal_id.as_str(), req.login.as_str()) {
            ("", login) if !login.is_empty() => wrong.parse("login", login).map(app::To::Login),
            (_, "") => wrong.parse("grant.principal_id", &grant.principal_id).map(app::To::Principal),
            (_, _) => {
                wrong.push("login", msg!("PRINCIPAL_OR_LOGIN"));
                None
            }
        };
        wrong.text("grant.role", &grant.role, 64);
        wrong.text("grant.reason", &grant.reason, 500);
        let scope = read_scope(&mut wrong, ["grant.scope", "grant.scope_ref"], grant.scope(), &grant.scope_ref);
        let valid_from = date(&mut wrong, "grant.valid_from", &grant.valid_from);
        let valid_to = optional_date(&mut wrong, "grant.valid_to", &grant.valid_to);
        let hours = match grant.hours.as_str() {
            "" => None,
            hours => wrong.parse("grant.hours", hours),
        };
        let condition = Condition { second_factor: grant.second_factor, hours };
        let assignment = scope.zip(valid_from);
        let assignment = assignment.map(|(scope, valid_from)| Assignment {
            role: grant.role,
            scope,
            valid_from,
            valid_to,
            condition,
        });
        let (to, assignment) = wrong.finish(to.zip(assignment))?;
        Ok(Self { request, to, assignment, reason: grant.reason })
    }
}

impl TryFrom<pb::RevokeGrantRequest> for app::Revoke {
    type Error = Error;
    fn try_from(req: pb::RevokeGrantRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("reason", &req.reason, 500);
        let grant = wrong.parse("grant_id", &req.grant_id);
        let grant = wrong.finish(grant)?;
        Ok(Self { request, grant, reason: req.reason })
    }
}

impl From<GrantRecord> for pb::Grant {
    fn from(grant: GrantRecord) -> Self {
        Self {
            grant_id: grant.id.to_string(),
            principal_id: grant.principal.to_string(),
            role: grant.role,
            scope: scope_named(&grant.scope).into(),
            scope_ref: grant.scope_ref,
            valid_from: grant.valid_from.to_string(),
            valid_to: date_text(grant.valid_to),
            reason: grant.reason,
            granted_by: grant.granted_by.to_string(),
            second_factor: grant.second_factor,
            hours: grant.hours,
        }
    }
}

impl From<Given> for pb::GrantRoleResponse {
    fn from(given: Given) -> Self {
        Self { grant: Some(given.grant.into()), consistency_token: given.consistency_token }
    }
}
