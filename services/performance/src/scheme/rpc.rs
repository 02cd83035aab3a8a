//! SchemeService: messages in, messages out.

use std::mem::take;

use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_kernel::Result;
use tally_kernel::error::field;
use tally_kernel::id::SchemeId;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::message::{imported_to, read, read_export, read_withdrawal, refinement_to, scheme_to};
use super::{app, standard, template};
use crate::App;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::scheme_service_server::SchemeService for Rpc {
    async fn create_scheme_version(
        &self,
        req: Request<pb::CreateSchemeVersionRequest>,
    ) -> Result<Response<pb::CreateSchemeVersionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let new = read(asked.scheme.unwrap_or_default())?;
            let written = app::create_version(&self.app, &ctx, &request, new).await?;
            Ok(pb::CreateSchemeVersionResponse { scheme: Some(scheme_to(written, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_scheme(&self, req: Request<pb::GetSchemeRequest>) -> Result<Response<pb::GetSchemeResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let id: SchemeId = field("scheme_id", &asked.scheme_id)?;
            let scheme = app::get_scheme(&self.app, &ctx, id, asked.version).await?;
            Ok(pb::GetSchemeResponse { scheme: Some(scheme_to(scheme, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_schemes(
        &self,
        req: Request<pb::ListSchemesRequest>,
    ) -> Result<Response<pb::ListSchemesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"schemes")?;
            let (schemes, next_page_token) = app::list_schemes(&self.app, &ctx, &page).await?;
            let schemes = schemes.into_iter().map(|version| scheme_to(version, ctx.locale)).collect();
            Ok(pb::ListSchemesResponse { schemes, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_scheme(
        &self,
        req: Request<pb::WithdrawSchemeRequest>,
    ) -> Result<Response<pb::WithdrawSchemeResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let withdrawal = read_withdrawal(asked)?;
            let scheme = app::withdraw(&self.app, &ctx, &request, withdrawal).await?;
            Ok(pb::WithdrawSchemeResponse { scheme: Some(scheme_to(scheme, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_refinements(
        &self,
        req: Request<pb::ListRefinementsRequest>,
    ) -> Result<Response<pb::ListRefinementsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"refinements")?;
            let id = field("scheme_id", &asked.scheme_id)?;
            let (found, next_page_token) = app::list_refinements(&self.app, &ctx, id, &page).await?;
            let refinements = found.into_iter().map(|one| refinement_to(one, ctx.locale)).collect();
            Ok(pb::ListRefinementsResponse { refinements, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn export_standard(
        &self,
        req: Request<pb::ExportStandardRequest>,
    ) -> Result<Response<pb::ExportStandardResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let file = standard::export(&self.app, &ctx, &request, read_export(&asked)?).await?;
            Ok(pb::ExportStandardResponse { file })
        };
        reply.await.answer(&ctx)
    }

    async fn list_scheme_templates(
        &self,
        req: Request<pb::ListSchemeTemplatesRequest>,
    ) -> Result<Response<pb::ListSchemeTemplatesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let currency = app::currency_of_templates(&self.app, &ctx).await?;
            let templates = template::all(currency.code(), ctx.locale)?;
            Ok(pb::ListSchemeTemplatesResponse { templates })
        };
        reply.await.answer(&ctx)
    }

    async fn import_standard(
        &self,
        req: Request<pb::ImportStandardRequest>,
    ) -> Result<Response<pb::ImportStandardResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let imported = standard::import(&self.app, &ctx, &request, &asked.file).await?;
            Ok(imported_to(imported, ctx.locale))
        };
        reply.await.answer(&ctx)
    }
}
