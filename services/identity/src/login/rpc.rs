//! `LoginService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::login_service_server::LoginService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Change, Reset};
use crate::App;
use crate::session::domain::Password;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl LoginService for Rpc {
    async fn change_password(
        &self,
        req: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::change(&self.0, &ctx, req.into_inner().try_into()?).await };
        reply.await.map(|()| pb::ChangePasswordResponse {}).answer(&ctx)
    }

    async fn reset_password(
        &self,
        req: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::reset(&self.0, &ctx, &req.into_inner().try_into()?).await };
        let reply = reply.await.map(|done| pb::ResetPasswordResponse {
            one_time_password: done.password,
            expires_at: Some(timestamp(done.expires_at)),
        });
        reply.answer(&ctx)
    }

    async fn enroll_totp(
        &self,
        req: Request<pb::EnrollTotpRequest>,
    ) -> Result<Response<pb::EnrollTotpResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let req = req.into_inner();
        let once = RequestKey::of(req.request_id.clone(), &req);
        let reply = app::enroll(&self.0, &ctx, &once).await;
        reply.map(|done| pb::EnrollTotpResponse { secret: done.secret, uri: done.uri }).answer(&ctx)
    }

    async fn confirm_totp(
        &self,
        req: Request<pb::ConfirmTotpRequest>,
    ) -> Result<Response<pb::ConfirmTotpResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let mut req = req.into_inner();
        let code = std::mem::take(&mut req.code);
        let once = RequestKey::of(req.request_id.clone(), &req);
        let reply = app::confirm(&self.0, &ctx, &once, &code).await;
        reply.map(|recovery_codes| pb::ConfirmTotpResponse { recovery_codes }).answer(&ctx)
    }

    async fn remove_totp(
        &self,
        req: Request<pb::RemoveTotpRequest>,
    ) -> Result<Response<pb::RemoveTotpResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let mut req = req.into_inner();
        let code = std::mem::take(&mut req.code);
        let once = RequestKey::of(req.request_id.clone(), &req);
        app::remove(&self.0, &ctx, &once, &code).await.map(|()| pb::RemoveTotpResponse {}).answer(&ctx)
    }
}

impl TryFrom<pb::ChangePasswordRequest> for Change {
    type Error = Error;
    fn try_from(mut req: pb::ChangePasswordRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        // The digest is kept: no password may be in it.
        let old = Password::typed(std::mem::take(&mut req.old_password));
        let new = wrong.take("new_password", Password::chosen(std::mem::take(&mut req.new_password)));
        let once = RequestKey::of(req.request_id.clone(), &req);
        Ok(Self { once, old, new: wrong.finish(new)? })
    }
}

impl TryFrom<pb::ResetPasswordRequest> for Reset {
    type Error = Error;
    fn try_from(req: pb::ResetPasswordRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let principal = wrong.parse("principal_id", &req.principal_id);
        let once = RequestKey::of(req.request_id.clone(), &req);
        Ok(Self { once, principal: wrong.finish(principal)?, remove_second_factor: req.remove_second_factor })
    }
}
