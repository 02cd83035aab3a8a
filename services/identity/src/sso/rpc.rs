//! `SsoService`: parse, call, render.

use std::sync::Arc;

use tally_access::Region;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::sso_service_server::SsoService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Error, Rng, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::app::{self, Finish};
use super::domain::Provider;
use crate::App;
use crate::session::app::SignedIn;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl SsoService for Rpc {
    async fn put_sso_provider(
        &self,
        req: Request<pb::PutSsoProviderRequest>,
    ) -> Result<Response<pb::PutSsoProviderResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (once, provider) = read(req.into_inner())?;
            app::put(&self.0, &ctx, &once, provider).await
        };
        reply.await.map(|id| pb::PutSsoProviderResponse { provider_id: id.to_string() }).answer(&ctx)
    }

    async fn list_sso_providers(
        &self,
        req: Request<pb::ListSsoProvidersRequest>,
    ) -> Result<Response<pb::ListSsoProvidersResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut wrong = Violations::new();
            let page = Page::read(req.get_ref().page_size, &req.get_ref().page_token, b"");
            let page = wrong.take("page_token", page);
            let (providers, next_page_token) = app::list(&self.0, &ctx, &wrong.finish(page)?).await?;
            let providers = providers.into_iter().map(Into::into).collect();
            Ok(pb::ListSsoProvidersResponse { providers, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn remove_sso_provider(
        &self,
        req: Request<pb::RemoveSsoProviderRequest>,
    ) -> Result<Response<pb::RemoveSsoProviderResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let mut wrong = Violations::new();
            let name = wrong.parse("name", &req.name);
            let name = wrong.finish(name)?;
            app::remove(&self.0, &ctx, &RequestKey::of(req.request_id.clone(), &req), &name).await
        };
        reply.await.map(|()| pb::RemoveSsoProviderResponse {}).answer(&ctx)
    }

    async fn start_sso(&self, req: Request<pb::StartSsoRequest>) -> Result<Response<pb::StartSsoResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = app::start(&self.0, &ctx, &req.into_inner().provider).await.map(|started| pb::StartSsoResponse {
            authorize_url: started.authorize_url,
            state: started.state,
            expires_at: Some(timestamp(started.expires_at)),
        });
        reply.answer(&ctx)
    }

    async fn finish_sso(&self, req: Request<pb::FinishSsoRequest>) -> Result<Response<pb::FinishSsoResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::finish(&self.0, &ctx, &req.into_inner().try_into()?).await.map(Into::into) };
        reply.await.answer(&ctx)
    }
}

fn read(mut req: pb::PutSsoProviderRequest) -> Result<(RequestKey, Provider), Error> {
    let mut wrong = Violations::new();
    // The digest is kept: no secret may be in it.
    let client_secret = Zeroizing::new(std::mem::take(&mut req.client_secret));
    let once = RequestKey::of(req.request_id.clone(), &req);
    let sent = req.provider.unwrap_or_default();
    let name = wrong.parse("provider.name", &sent.name);
    let issuer = wrong.parse("provider.issuer", &sent.issuer);
    let redirect_uri = wrong.parse("provider.redirect_uri", &sent.redirect_uri);
    wrong.text("provider.client_id", &sent.client_id, 200);
    wrong.text("provider.claim", &sent.claim, 64);
    if client_secret.chars().count() > 500 {
        wrong.push("client_secret", msg!("TEXT_TOO_LONG", max = 500));
    }
    let region = wrong.parse::<Region>("provider.region", &sent.region);
    let read = name.zip(issuer).zip(redirect_uri).zip(region);
    let (((name, issuer), redirect_uri), region) = wrong.finish(read)?;
    let (client_id, claim) = (sent.client_id, sent.claim);
    let state_key = Zeroizing::new(Rng::System.bytes());
    let provider =
        Provider { id: Uuid::nil(), name, issuer, client_id, client_secret, state_key, claim, redirect_uri, region };
    Ok((once, provider))
}

impl TryFrom<pb::FinishSsoRequest> for Finish {
    type Error = Error;
    fn try_from(req: pb::FinishSsoRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        wrong.text("code", &req.code, 4_096);
        if req.client.chars().count() > 200 {
            wrong.push("client", msg!("TEXT_TOO_LONG", max = 200));
        }
        wrong.finish(Some(Self { state: req.state, code: req.code, client: req.client }))
    }
}

impl From<Provider> for pb::SsoProvider {
    fn from(provider: Provider) -> Self {
        Self {
            provider_id: provider.id.to_string(),
            name: provider.name.as_str().to_owned(),
            issuer: provider.issuer.as_str().to_owned(),
            client_id: provider.client_id,
            claim: provider.claim,
            redirect_uri: provider.redirect_uri.as_str().to_owned(),
            region: provider.region.to_string(),
        }
    }
}

impl From<SignedIn> for pb::FinishSsoResponse {
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
