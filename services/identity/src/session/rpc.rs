//! `SessionService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::session_service_server::SessionService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::Violations;
use tally_kernel::id::{PrincipalId, SessionId};
use tally_kernel::page::Page;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, SignedIn};
use super::domain::{self, Password, RefreshToken};
use crate::App;

/// Characters of what a caller calls itself.
const MAX_CLIENT: usize = 200;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl SessionService for Rpc {
    async fn sign_in(&self, req: Request<pb::SignInRequest>) -> Result<Response<pb::SignInResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::sign_in(&self.0, &ctx, req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn refresh_session(
        &self,
        req: Request<pb::RefreshSessionRequest>,
    ) -> Result<Response<pb::RefreshSessionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::refresh(&self.0, &ctx, req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }

    async fn list_sessions(
        &self,
        req: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (principal, page) = read_list(&req.into_inner())?;
            let (sessions, next_page_token) = app::list(&self.0, &ctx, principal, &page).await?;
            let sessions = sessions.into_iter().map(|session| render(session, ctx.session)).collect();
            Ok(pb::ListSessionsResponse { sessions, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn end_session(
        &self,
        req: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let request = RequestKey::of(req.request_id.clone(), &req);
            let mut wrong = Violations::new();
            let id = wrong.parse("session_id", &req.session_id);
            app::end(&self.0, &ctx, &request, wrong.finish(id)?).await
        };
        reply.await.map(|()| pb::EndSessionResponse {}).answer(&ctx)
    }

    async fn end_all_sessions(
        &self,
        req: Request<pb::EndAllSessionsRequest>,
    ) -> Result<Response<pb::EndAllSessionsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let request = RequestKey::of(req.request_id.clone(), &req);
            let mut wrong = Violations::new();
            let principal = wrong.optional("principal_id", &req.principal_id);
            app::end_all(&self.0, &ctx, &request, wrong.finish(Some(principal))?).await
        };
        let ended = reply.await.map(|ended| u32::try_from(ended).unwrap_or(u32::MAX));
        ended.map(|ended| pb::EndAllSessionsResponse { ended }).answer(&ctx)
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
        let reply = reply.await.map(|made| {
            let (one_time_password, expires_at) = made.one_time.unzip();
            let expires_at = expires_at.map(timestamp);
            let one_time_password = one_time_password.unwrap_or_default();
            pb::CreateLoginResponse { principal_id: made.id.to_string(), one_time_password, expires_at }
        });
        reply.answer(&ctx)
    }
}

fn read_list(req: &pb::ListSessionsRequest) -> Result<(Option<PrincipalId>, Page), Error> {
    let mut wrong = Violations::new();
    let principal = wrong.optional("principal_id", &req.principal_id);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.principal_id.as_bytes()));
    Ok((principal, wrong.finish(page)?))
}

impl TryFrom<pb::SignInRequest> for app::Attempt {
    type Error = Error;
    fn try_from(req: pb::SignInRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let new_password = match req.new_password.as_str() {
            "" => None,
            _ => wrong.take("new_password", Password::chosen(req.new_password)),
        };
        if req.client.chars().count() > MAX_CLIENT {
            wrong.push("client", msg!("TEXT_TOO_LONG", max = MAX_CLIENT));
        }
        let (password, code) = (Password::typed(req.password), req.code);
        wrong.finish(Some(Self { login: req.login, password, code, new_password, client: req.client }))
    }
}

impl TryFrom<pb::RefreshSessionRequest> for app::Refresh {
    type Error = Error;
    fn try_from(req: pb::RefreshSessionRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        wrong.text("request_id", &req.request_id, 128);
        // The digest of a token that nobody guesses tells nothing of it.
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.finish(Some(Self { request, token: RefreshToken::read(&req.refresh_token) }))
    }
}

fn render(session: domain::Session, current: Option<SessionId>) -> pb::Session {
    pb::Session {
        session_id: session.id.to_string(),
        principal_id: session.principal.to_string(),
        method: session.method.to_string(),
        client: session.client,
        created_at: Some(timestamp(session.created_at)),
        used_at: Some(timestamp(session.used_at)),
        expires_at: Some(timestamp(session.expires_at)),
        current: current == Some(session.id),
    }
}

impl TryFrom<pb::CreateLoginRequest> for app::NewLogin {
    type Error = Error;
    fn try_from(mut req: pb::CreateLoginRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        // The digest is kept: a password must not be in it.
        let password = std::mem::take(&mut req.password);
        let request = RequestKey::of(req.request_id.clone(), &req);
        let login = wrong.parse("login", &req.login);
        let password = match password.as_str() {
            "" => Some(None),
            _ => wrong.take("password", Password::chosen(password)).map(Some),
        };
        let person = match req.person_id.as_str() {
            "" => None,
            id => wrong.parse("person_id", id),
        };
        let (login, password) = wrong.finish(login.zip(password))?;
        Ok(Self { request, login, password, person })
    }
}

impl From<SignedIn> for pb::SignInResponse {
    fn from(done: SignedIn) -> Self {
        Self {
            access_token: done.token,
            expires_at: Some(timestamp(done.expires_at)),
            principal_id: done.principal.to_string(),
            refresh_token: done.refresh_token,
            session_expires_at: Some(timestamp(done.session_expires_at)),
            session_id: done.session.to_string(),
        }
    }
}

impl From<SignedIn> for pb::RefreshSessionResponse {
    fn from(done: SignedIn) -> Self {
        Self {
            access_token: done.token,
            expires_at: Some(timestamp(done.expires_at)),
            principal_id: done.principal.to_string(),
            refresh_token: done.refresh_token,
            session_expires_at: Some(timestamp(done.session_expires_at)),
            session_id: done.session.to_string(),
        }
    }
}
