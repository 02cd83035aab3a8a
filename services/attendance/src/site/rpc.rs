//! `tally.attendance.v1.SiteService`.

use std::mem::take;

use tally_access::Region;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::site_service_server::SiteService;
use tally_app::RequestKey;
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::Result;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::time::{CUT_OVER, zone};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Site, StoredSite, cut_over, time_text};
use crate::app::{App, MAX_NAME};

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl SiteService for Rpc {
    async fn import_sites(
        &self,
        req: Request<pb::ImportSitesRequest>,
    ) -> Result<Response<pb::ImportSitesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_sites(&self.0, &ctx, read_import(req.into_inner())?).await?;
            Ok(pb::ImportSitesResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_sites(&self, req: Request<pb::ListSitesRequest>) -> Result<Response<pb::ListSitesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let page = Page::read(ask.page_size, &ask.page_token, b"sites")?;
            let (sites, next_page_token) = app::list_sites(&self.0, &ctx, &page).await?;
            Ok(pb::ListSitesResponse { sites: sites.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_import(mut request: pb::ImportSitesRequest) -> Result<Import<Site>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, read)
}

fn read(row: pb::Site, v: &mut Violations) -> Option<Site> {
    v.text("name", &row.name, MAX_NAME);
    let zone = v.take("zone", zone(&row.zone).map_err(Into::into));
    let end = if row.cut_over.is_empty() { Some(CUT_OVER) } else { v.take("cut_over", cut_over(&row.cut_over)) };
    let region = if row.region.is_empty() { Some(Region::global()) } else { v.parse("region", &row.region) };
    let zone = zone?.iana_name()?.to_owned();
    Some(Site { name: row.name.trim().to_owned(), zone, cut_over: end?, region: region? })
}

impl From<StoredSite> for pb::Site {
    fn from(StoredSite { id, site }: StoredSite) -> Self {
        Self {
            site_id: id.to_string(),
            name: site.name,
            zone: site.zone,
            cut_over: time_text(site.cut_over),
            region: site.region.to_string(),
        }
    }
}
