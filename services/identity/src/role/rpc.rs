//! `RoleService`: parse, call, render.

use std::sync::Arc;

use tally_access::Permission;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::role_service_server::RoleService;
use tally_app::RequestKey;
use tally_kernel::error::Violations;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Defined};
use super::domain::{OwnRole, RoleRecord};
use crate::App;
use crate::render::{permissions, scope_kind, scope_named};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl RoleService for Rpc {
    async fn define_role(
        &self,
        req: Request<pb::DefineRoleRequest>,
    ) -> Result<Response<pb::DefineRoleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::define(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn retire_role(
        &self,
        req: Request<pb::RetireRoleRequest>,
    ) -> Result<Response<pb::RetireRoleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::retire(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|consistency_token| pb::RetireRoleResponse { consistency_token }).answer(&ctx)
    }

    async fn list_roles(&self, req: Request<pb::ListRolesRequest>) -> Result<Response<pb::ListRolesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let roles = app::list(&self.0, &ctx).await;
        roles.map(|roles| pb::ListRolesResponse { roles: roles.into_iter().map(Into::into).collect() }).answer(&ctx)
    }
}

impl TryFrom<pb::DefineRoleRequest> for app::Define {
    type Error = Error;
    fn try_from(req: pb::DefineRoleRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let role = req.role.unwrap_or_default();
        wrong.text("reason", &req.reason, 500);
        wrong.text("role.description", &role.description, 500);
        let given: Option<Vec<Permission>> = permissions(&mut wrong, "role.permissions", &role.permissions);
        let mut scopes = Vec::new();
        for (at, scope) in role.scopes().enumerate() {
            match scope_kind(scope) {
                Some(kind) if !scopes.contains(&kind) => scopes.push(kind),
                Some(_) => {}
                None => wrong.push(format!("role.scopes[{at}]"), msg!("REACH_MISSING")),
            }
        }
        let permissions = wrong.finish(given)?;
        let role =
            OwnRole { name: role.name, description: role.description, permissions, scopes, version: role.version };
        Ok(Self { request, role, reason: req.reason })
    }
}

impl TryFrom<pb::RetireRoleRequest> for app::Retire {
    type Error = Error;
    fn try_from(req: pb::RetireRoleRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("name", &req.name, 64);
        wrong.finish(Some(()))?;
        Ok(Self { request, name: req.name })
    }
}

impl From<RoleRecord> for pb::Role {
    fn from(role: RoleRecord) -> Self {
        Self {
            name: role.name,
            description: role.description,
            permissions: role.permissions,
            scopes: role.scopes.iter().map(|name| scope_named(name).into()).collect(),
            ready: role.ready,
            version: role.version,
        }
    }
}

impl From<Defined> for pb::DefineRoleResponse {
    fn from(defined: Defined) -> Self {
        Self { role: Some(defined.role.into()), consistency_token: defined.consistency_token }
    }
}
