//! `LoginService`: parse, call, render.

use std::sync::Arc;

use jiff::Timestamp;
use tally_access::{OpContext, Region, Target};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::login_service_server::LoginService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Change, Reset};
use crate::App;
use crate::policy::ListLogins;
use crate::session::domain::{Holder, Password, Principal};

/// Characters of a sign-in name that is looked for.
const MAX_LOGIN: usize = 200;
/// Characters of a request id.
const MAX_REQUEST_ID: usize = 128;

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

    async fn request_password_reset(
        &self,
        req: Request<pb::RequestPasswordResetRequest>,
    ) -> Result<Response<pb::RequestPasswordResetResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let req = req.into_inner();
        let once = RequestKey::of(req.request_id.clone(), &req);
        let reply = async {
            let mut wrong = Violations::new();
            wrong.text("login", &req.login, MAX_LOGIN);
            // A change looks at it, and for a name that nobody has there is none.
            if req.request_id.chars().count() > MAX_REQUEST_ID {
                wrong.push("request_id", msg!("TEXT_TOO_LONG", max = MAX_REQUEST_ID));
            }
            wrong.finish(Some(()))?;
            app::ask_reset(&self.0, &ctx, &once, &req.login).await
        };
        reply.await.map(|()| pb::RequestPasswordResetResponse {}).answer(&ctx)
    }

    async fn list_logins(
        &self,
        req: Request<pb::ListLoginsRequest>,
    ) -> Result<Response<pb::ListLoginsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let pb::ListLoginsRequest { page_size, page_token } = req.into_inner();
        let reply = async {
            let page = Page::read(page_size, &page_token, b"logins")?;
            app::list(&self.0, &ctx, &page).await
        };
        reply.await.map(|found| render_logins(&ctx, found)).answer(&ctx)
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

fn render_logins(
    ctx: &OpContext,
    (found, next_page_token): (Vec<(Principal, Region, Timestamp)>, String),
) -> pb::ListLoginsResponse {
    let mut masked = Vec::new();
    let render = |(principal, region, at): (Principal, Region, Timestamp)| {
        let target = Target { region: Some(region), person: principal.person(), unit: None, moment: None };
        let mut row = pb::Login {
            principal_id: principal.id.to_string(),
            kind: match principal.holder {
                Some(Holder::Person(_)) => pb::LoginKind::Person.into(),
                Some(Holder::User) => pb::LoginKind::User.into(),
                Some(Holder::Account) => pb::LoginKind::ServiceAccount.into(),
                None => pb::LoginKind::Unspecified.into(),
            },
            person_id: principal.person().map(|id| id.to_string()).unwrap_or_default(),
            login: principal.name,
            created_at: Some(timestamp(at)),
            one_time_until: principal.one_time_until.map(timestamp),
            reset_asked_at: principal.reset_asked_at.map(timestamp),
        };
        masked.push(tally_rpc::mask::<ListLogins, _>(ctx, "tally.identity.v1.Login", &mut row, &[target]));
        row
    };
    let logins = found.into_iter().map(render).collect();
    pb::ListLoginsResponse { logins, next_page_token, masked_fields: tally_rpc::masked_in("logins", masked) }
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
