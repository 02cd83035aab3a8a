//! `CatalogueService`: parse, call, render.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::catalogue_service_server::CatalogueService;
use tally_app::RequestKey;
use tally_app::convert::{date_text, optional_date, optional_instant};
use tally_kernel::Error;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Entry, EntryKind, EntryRow};
use crate::App;
use crate::render::{check_rows, import_result, question};

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl CatalogueService for Rpc {
    async fn import_catalogue(
        &self,
        req: Request<pb::ImportCatalogueRequest>,
    ) -> Result<Response<pb::ImportCatalogueResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::import(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply
            .await
            .map(|done| pb::ImportCatalogueResponse { result: Some(import_result(done, ctx.locale)) })
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

impl TryFrom<pb::ImportCatalogueRequest> for app::Import {
    type Error = Error;
    fn try_from(req: pb::ImportCatalogueRequest) -> Result<Self, Error> {
        check_rows(&req.rows)?;
        let request = RequestKey::of(req.request_id.clone(), &req);
        let row = |row: pb::CatalogueRow| EntryRow {
            kind: match row.kind() {
                pb::CatalogueKind::Unspecified => None,
                pb::CatalogueKind::Position => Some(EntryKind::Position),
                pb::CatalogueKind::Grade => Some(EntryKind::Grade),
            },
            code: row.code,
            title: row.title,
            rank: row.rank,
            from: row.valid_from,
            to: row.valid_to,
        };
        Ok(Self { request, rows: req.rows.into_iter().map(row).collect() })
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
