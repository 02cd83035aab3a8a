//! `tally.attendance.v1.AliasService`.

use std::mem::take;

use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::alias_service_server::AliasService;
use tally_app::RequestKey;
use tally_app::convert::{date_text, optional_dates, optional_instant};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::Result;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::Alias;
use crate::app::{App, MAX_NAME};
use crate::placed::Stored;
use crate::standing;

#[derive(Debug)]
pub struct Rpc(pub App);

#[tonic::async_trait]
impl AliasService for Rpc {
    async fn import_aliases(
        &self,
        req: Request<pb::ImportAliasesRequest>,
    ) -> Result<Response<pb::ImportAliasesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_aliases(&self.0, &ctx, read_import(req.into_inner(), self.0.replays)?).await?;
            Ok(pb::ImportAliasesResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_aliases(
        &self,
        req: Request<pb::ListAliasesRequest>,
    ) -> Result<Response<pb::ListAliasesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let ask = req.into_inner();
            let mut v = Violations::new();
            let known = optional_instant(&mut v, "known_at", ask.known_at);
            v.finish(Some(()))?;
            let page = Page::read(ask.page_size, &ask.page_token, format!("aliases {known:?}").as_bytes())?;
            let (found, next_page_token) = app::list_aliases(&self.0, &ctx, known, &page).await?;
            Ok(pb::ListAliasesResponse { aliases: standing::told(found, ask.counting_only), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_import(mut request: pb::ImportAliasesRequest, replays: bool) -> Result<Import<Alias>> {
    let key = RequestKey::of(take(&mut request.request_id), &request);
    Import::checked(key, request.rows, MAX_ROWS, |row, v| read(row, v, replays))
}

fn read(row: pb::Alias, v: &mut Violations, replays: bool) -> Option<Alias> {
    if replays {
        v.text("platform", &row.platform, MAX_NAME);
        v.text("alias", &row.alias, MAX_NAME);
    } else {
        v.id("platform", &row.platform, MAX_NAME);
        v.name("alias", &row.alias, MAX_NAME);
    }
    let person = v.parse("person_id", &row.person_id);
    let (from, to) = optional_dates(v, &row.from, &row.to);
    let (platform, alias) = (row.platform.trim().to_owned(), row.alias.trim().to_owned());
    Some(Alias { platform, alias, person: person?, from, to })
}

impl From<Stored<Alias>> for pb::Alias {
    fn from(Stored { id, placed, standing }: Stored<Alias>) -> Self {
        Self { alias_id: id.to_string(), standing: Some(standing.into()), ..placed.fact.into() }
    }
}

impl From<Alias> for pb::Alias {
    fn from(Alias { platform, alias, person, from, to }: Alias) -> Self {
        let (from, to) = (date_text(from), date_text(to));
        Self { platform, alias, person_id: person.to_string(), from, to, ..Self::default() }
    }
}
