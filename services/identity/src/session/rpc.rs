//! `SessionService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::session_service_server::SessionService;
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, SignedIn};
use super::domain::Password;
use crate::App;
use crate::render::{digest, timestamp};

/// The server.
pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl SessionService for Rpc {
    async fn sign_in(&self, req: Request<pb::SignInRequest>) -> Result<Response<pb::SignInResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        app::sign_in(&self.0, &ctx, req.into_inner().into()).await.map(Into::into).answer(&ctx)
    }

    async fn get_jwks(&self, req: Request<pb::GetJwksRequest>) -> Result<Response<pb::GetJwksResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        app::jwks(&self.0).map(|jwks_json| pb::GetJwksResponse { jwks_json }).answer(&ctx)
    }

    async fn create_login(
        &self,
        req: Request<pb::CreateLoginRequest>,
    ) -> Result<Response<pb::CreateLoginResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::create_login(&self.0, &ctx, req.into_inner().try_into()?).await };
        reply.await.map(|id| pb::CreateLoginResponse { principal_id: id.to_string() }).answer(&ctx)
    }
}

impl From<pb::SignInRequest> for app::Attempt {
    fn from(req: pb::SignInRequest) -> Self {
        Self { login: req.login, password: Password::typed(req.password) }
    }
}

impl TryFrom<pb::CreateLoginRequest> for app::NewLogin {
    type Error = Error;
    fn try_from(mut req: pb::CreateLoginRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        // The digest is kept: a password must not be in it.
        let password = std::mem::take(&mut req.password);
        let body = digest(&req);
        let login = wrong.parse("login", &req.login);
        let password = wrong.take("password", Password::chosen(password));
        let person = match req.person_id.as_str() {
            "" => None,
            id => wrong.parse("person_id", id),
        };
        let (login, password) = wrong.finish(login.zip(password))?;
        Ok(Self { request_id: req.request_id, body, login, password, person })
    }
}

impl From<SignedIn> for pb::SignInResponse {
    fn from(done: SignedIn) -> Self {
        Self {
            access_token: done.token,
            expires_at: Some(timestamp(done.expires_at)),
            principal_id: done.principal.to_string(),
        }
    }
}
