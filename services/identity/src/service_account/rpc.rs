//! `ServiceAccountService`: parse, call, render.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_access::Permission;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::service_account_service_server::ServiceAccountService;
use tally_app::RequestKey;
use tally_app::convert::{instant, timestamp};
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, MadeKey, NewKey, Traded};
use crate::App;
use crate::session::domain::{Principal, Session};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl ServiceAccountService for Rpc {
    async fn create_service_account(
        &self,
        req: Request<pb::CreateServiceAccountRequest>,
    ) -> Result<Response<pb::CreateServiceAccountResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let mut wrong = Violations::new();
            let name = wrong.parse("name", &req.name);
            let name = wrong.finish(name)?;
            app::create(&self.0, &ctx, &RequestKey::of(req.request_id.clone(), &req), &name).await
        };
        reply.await.map(|id| pb::CreateServiceAccountResponse { principal_id: id.to_string() }).answer(&ctx)
    }

    async fn list_service_accounts(
        &self,
        req: Request<pb::ListServiceAccountsRequest>,
    ) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let pb::ListServiceAccountsRequest { page_size, page_token } = req.into_inner();
            let page = Page::read(page_size, &page_token, b"service accounts")?;
            let (found, next_page_token) = app::list(&self.0, &ctx, &page).await?;
            let account = |(principal, at): (Principal, Timestamp)| pb::ServiceAccount {
                principal_id: principal.id.to_string(),
                name: principal.name,
                created_at: Some(timestamp(at)),
            };
            Ok(pb::ListServiceAccountsResponse { accounts: found.into_iter().map(account).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn create_api_key(
        &self,
        req: Request<pb::CreateApiKeyRequest>,
    ) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let wanted: NewKey = req.into_inner().try_into()?;
            app::create_key(&self.0, &ctx, &wanted).await.map(|made| render_made(made, wanted))
        };
        reply.await.answer(&ctx)
    }

    async fn list_api_keys(
        &self,
        req: Request<pb::ListApiKeysRequest>,
    ) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let mut wrong = Violations::new();
            let principal = wrong.optional("principal_id", &req.principal_id);
            let page = Page::read(req.page_size, &req.page_token, req.principal_id.as_bytes());
            let page = wrong.take("page_token", page);
            let (keys, next_page_token) = app::list_keys(&self.0, &ctx, principal, &wrong.finish(page)?).await?;
            Ok(pb::ListApiKeysResponse { keys: keys.into_iter().map(render).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn revoke_api_key(
        &self,
        req: Request<pb::RevokeApiKeyRequest>,
    ) -> Result<Response<pb::RevokeApiKeyResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let mut wrong = Violations::new();
            let id = wrong.parse("key_id", &req.key_id);
            let id = wrong.finish(id)?;
            app::revoke_key(&self.0, &ctx, &RequestKey::of(req.request_id.clone(), &req), id).await
        };
        reply.await.map(|()| pb::RevokeApiKeyResponse {}).answer(&ctx)
    }

    async fn exchange_api_key(
        &self,
        req: Request<pb::ExchangeApiKeyRequest>,
    ) -> Result<Response<pb::ExchangeApiKeyResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        app::exchange(&self.0, &ctx, &req.into_inner().api_key).await.map(Into::into).answer(&ctx)
    }
}

impl TryFrom<pb::CreateApiKeyRequest> for NewKey {
    type Error = Error;
    fn try_from(req: pb::CreateApiKeyRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let once = RequestKey::of(req.request_id.clone(), &req);
        let principal = wrong.parse("principal_id", &req.principal_id);
        wrong.text("name", &req.name, 200);
        let mut permissions = BTreeSet::new();
        for (index, name) in req.permissions.iter().enumerate() {
            permissions.extend(wrong.parse::<Permission>(&format!("permissions[{index}]"), name));
        }
        let expires_at = instant(&mut wrong, "expires_at", req.expires_at);
        let (principal, expires_at) = wrong.finish(principal.zip(expires_at))?;
        let permissions = (!permissions.is_empty()).then_some(permissions);
        Ok(Self { once, principal, name: req.name, permissions, expires_at })
    }
}

impl From<Traded> for pb::ExchangeApiKeyResponse {
    fn from(traded: Traded) -> Self {
        Self {
            access_token: traded.token,
            expires_at: Some(timestamp(traded.expires_at)),
            principal_id: traded.principal.to_string(),
        }
    }
}

fn render_made(made: MadeKey, wanted: NewKey) -> pb::CreateApiKeyResponse {
    let key = pb::ApiKey {
        key_id: made.id.to_string(),
        principal_id: wanted.principal.to_string(),
        name: wanted.name,
        permissions: names(wanted.permissions.as_ref()),
        created_at: Some(timestamp(made.created_at)),
        expires_at: Some(timestamp(wanted.expires_at)),
        last_used_on: day(made.created_at),
    };
    pb::CreateApiKeyResponse { api_key: made.text, key: Some(key) }
}

fn render(key: Session) -> pb::ApiKey {
    pb::ApiKey {
        key_id: key.id.to_string(),
        principal_id: key.principal.to_string(),
        permissions: names(key.permissions.as_ref()),
        created_at: Some(timestamp(key.created_at)),
        expires_at: Some(timestamp(key.expires_at)),
        last_used_on: day(key.used_at),
        name: key.client,
    }
}

fn names(permissions: Option<&BTreeSet<Permission>>) -> Vec<String> {
    permissions.into_iter().flatten().map(|permission| permission.name().to_owned()).collect()
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}
