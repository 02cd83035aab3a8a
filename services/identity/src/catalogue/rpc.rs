//! `CatalogueService`: parse, call, render.

use std::mem::take;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::catalogue_service_server::CatalogueService;
use tally_app::RequestKey;
use tally_app::convert::{date_text, optional_date, optional_instant};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Entry, EntryKind, EntryRow};
use crate::App;
use crate::render::question;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl CatalogueService for Rpc {
    async fn import_catalogue(
        &self,
        req: Request<pb::ImportCatalogueRequest>,
    ) -> Result<Response<pb::ImportCatalogueResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut req = req.into_inner();
            let request = RequestKey::of(take(&mut req.request_id), &req);
            app::import(&self.0, &ctx, &Import::checked(request, req.rows, MAX_ROWS, |row, _| Some(row.into()))?).await
        };
        reply
            .await
            .map(|done| pb::ImportCatalogueResponse { result: Some(import::told(done, ctx.locale)) })
            .answer(&ctx)
    }

    async fn list_catalogue(
        &self,
        req: Request<pb::ListCatalogueRequest>,
    ) -> Result<Response<pb::ListCatalogueResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (as_of, known_at, page) = read_list(&req.into_inner())?;
            let (entries, next_page_token) = app::list(&self.0, &ctx, as_of, known_at, &page).await?;
            Ok(pb::ListCatalogueResponse { entries: entries.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListCatalogueRequest) -> Result<(Option<Date>, Option<Timestamp>, Page), Error> {
    let mut wrong = Violations::new();
    let as_of = optional_date(&mut wrong, "as_of", &req.as_of);
    let known_at = optional_instant(&mut wrong, "known_at", req.known_at);
    let asked = question(&[&req.as_of], known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &asked));
    Ok((as_of, known_at, wrong.finish(page)?))
}

impl From<pb::CatalogueRow> for EntryRow {
    fn from(row: pb::CatalogueRow) -> Self {
        let kind = match row.kind() {
            pb::CatalogueKind::Unspecified => None,
            pb::CatalogueKind::Position => Some(EntryKind::Position),
            pb::CatalogueKind::Grade => Some(EntryKind::Grade),
        };
        Self { kind, code: row.code, title: row.title, rank: row.rank, from: row.valid_from, to: row.valid_to }
    }
}

impl From<Entry> for pb::CatalogueEntry {
    fn from(entry: Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::Position => pb::CatalogueKind::Position,
            EntryKind::Grade => pb::CatalogueKind::Grade,
        };
        Self {
            entry_id: entry.id.to_string(),
            kind: kind.into(),
            code: entry.code,
            title: entry.title,
            rank: entry.rank,
            valid_from: entry.from.to_string(),
            valid_to: date_text(entry.to),
        }
    }
}
