//! `TenantService`: parse, call, render.

use std::sync::Arc;

use tally_access::Region;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::tenant_service_server::TenantService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::Violations;
use tally_kernel::money::Currency;
use tally_kernel::{Error, msg, time};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::app::{Initialised, NewTenant};
use super::domain::{Change, Tenant};
use crate::policy::{AddRegion, DeleteTenant, ResumeTenant, SuspendTenant};
use crate::session::domain::Password;
use crate::{App, export};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl TenantService for Rpc {
    async fn init_tenant(
        &self,
        req: Request<pb::InitTenantRequest>,
    ) -> Result<Response<pb::InitTenantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::init(&self.0, &ctx, req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn add_region(&self, req: Request<pb::AddRegionRequest>) -> Result<Response<pb::AddRegionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<AddRegion>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|tenant| pb::AddRegionResponse { tenant: Some(tenant.into()) }).answer(&ctx)
    }

    async fn suspend_tenant(
        &self,
        req: Request<pb::SuspendTenantRequest>,
    ) -> Result<Response<pb::SuspendTenantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<SuspendTenant>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|tenant| pb::SuspendTenantResponse { tenant: Some(tenant.into()) }).answer(&ctx)
    }

    async fn resume_tenant(
        &self,
        req: Request<pb::ResumeTenantRequest>,
    ) -> Result<Response<pb::ResumeTenantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<ResumeTenant>(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|tenant| pb::ResumeTenantResponse { tenant: Some(tenant.into()) }).answer(&ctx)
    }

    async fn delete_tenant(
        &self,
        req: Request<pb::DeleteTenantRequest>,
    ) -> Result<Response<pb::DeleteTenantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change::<DeleteTenant>(&self.0, &ctx, &req.into_inner().into()).await };
        reply.await.map(|_| pb::DeleteTenantResponse {}).answer(&ctx)
    }

    type ExportTenantStream = tally_privacy::Pieces<pb::ExportTenantResponse>;

    async fn export_tenant(
        &self,
        req: Request<pb::ExportTenantRequest>,
    ) -> Result<Response<Self::ExportTenantStream>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let message = |piece| pb::ExportTenantResponse { piece: Some(piece) };
        let pieces = export::app::group(&self.0, &ctx).await;
        pieces.map(|pieces| tally_privacy::pieces(pieces, ctx.locale, message)).answer(&ctx)
    }

    async fn get_tenant(&self, req: Request<pb::GetTenantRequest>) -> Result<Response<pb::GetTenantResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::get(&self.0, &ctx).await.map(|t| pb::GetTenantResponse { tenant: Some(t.into()) }) };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::AddRegionRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::AddRegionRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let region = wrong.parse("region", &req.region);
        if region.as_ref().is_some_and(Region::is_global) {
            wrong.push("region", msg!("REGION_IS_GLOBAL"));
        }
        Ok(Self { request, change: Change::AddRegion(wrong.finish(region)?) })
    }
}

impl TryFrom<pb::SuspendTenantRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::SuspendTenantRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("reason", &req.reason, 500);
        let change = wrong.finish(Some(Change::Suspend(req.reason.trim().to_owned())))?;
        Ok(Self { request, change })
    }
}

impl TryFrom<pb::ResumeTenantRequest> for app::Wanted {
    type Error = Error;
    fn try_from(req: pb::ResumeTenantRequest) -> Result<Self, Error> {
        let request = RequestKey::of(req.request_id.clone(), &req);
        Ok(Self { request, change: Change::Resume })
    }
}

impl From<pb::DeleteTenantRequest> for app::Wanted {
    fn from(req: pb::DeleteTenantRequest) -> Self {
        let request = RequestKey::of(req.request_id.clone(), &req);
        Self { request, change: Change::Delete(req.name) }
    }
}

impl TryFrom<pb::InitTenantRequest> for NewTenant {
    type Error = Error;
    fn try_from(mut req: pb::InitTenantRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        // The digest is kept: a password must not be in it. A request may come again with another invitation.
        let password = std::mem::take(&mut req.admin_password);
        let invitation = Some(std::mem::take(&mut req.invitation)).filter(|text| !text.is_empty());
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("name", &req.name, 200);
        wrong.take("currency", req.currency.parse::<Currency>().map_err(Error::from));
        wrong.take("zone", time::zone(&req.zone).map_err(Error::from));
        let mut regions: Vec<Region> = Vec::new();
        for (index, name) in req.regions.iter().enumerate() {
            match name.parse::<Region>() {
                Ok(region) if !region.is_global() && !regions.contains(&region) => regions.push(region),
                _ => wrong.push(format!("regions[{index}]"), msg!("REGION_UNUSABLE")),
            }
        }
        if req.regions.is_empty() {
            wrong.push("regions", msg!("LIST_EMPTY"));
        }
        let id = match req.tenant_id.as_str() {
            "" => Some(None),
            id => wrong.parse("tenant_id", id).map(Some),
        };
        let login = wrong.parse("admin_login", &req.admin_login);
        let password = wrong.take("admin_password", Password::chosen(password));
        let new = id.zip(login.zip(password)).map(|(id, (admin_login, admin_password))| Self {
            request,
            id,
            invitation,
            name: req.name.trim().to_owned(),
            currency: req.currency,
            zone: req.zone,
            regions,
            admin_login,
            admin_password,
        });
        wrong.finish(new)
    }
}

impl From<Tenant> for pb::Tenant {
    fn from(tenant: Tenant) -> Self {
        let (suspended_at, suspended_reason) = match tenant.suspended {
            Some(since) => (Some(timestamp(since.at)), since.reason),
            None => (None, String::new()),
        };
        Self {
            suspended_at,
            suspended_reason,
            tenant_id: tenant.id.to_string(),
            name: tenant.name,
            currency: tenant.currency,
            zone: tenant.zone,
            regions: tenant.regions.iter().map(ToString::to_string).collect(),
            created_at: Some(timestamp(tenant.created_at)),
        }
    }
}

impl From<Initialised> for pb::InitTenantResponse {
    fn from(made: Initialised) -> Self {
        Self { tenant: Some(made.tenant.into()), admin_principal_id: made.admin.to_string() }
    }
}
