//! `DirectoryService`: parse, call, render.

use std::sync::Arc;

use jiff::Timestamp;
use tally_access::Region;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::directory_service_server::DirectoryService;
use tally_app::RequestKey;
use tally_app::convert::instant;
use tally_kernel::error::{Violations, field};
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::app::{self, Assign};
use super::domain::Entry;
use crate::App;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl DirectoryService for Rpc {
    async fn assign_pseudonym(
        &self,
        req: Request<pb::AssignPseudonymRequest>,
    ) -> Result<Response<pb::AssignPseudonymResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::assign(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|given| pb::AssignPseudonymResponse { pseudonym: given.to_string() }).answer(&ctx)
    }

    async fn publish_directory(
        &self,
        req: Request<pb::PublishDirectoryRequest>,
    ) -> Result<Response<pb::PublishDirectoryResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::publish(&self.0, &ctx, &field("region", &req.into_inner().region)?).await };
        let message = |entries: Vec<Entry>| pb::PublishDirectoryResponse {
            entries: entries.into_iter().map(Into::into).collect(),
        };
        reply.await.map(message).answer(&ctx)
    }

    async fn import_directory(
        &self,
        req: Request<pb::ImportDirectoryRequest>,
    ) -> Result<Response<pb::ImportDirectoryResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (from, released_at, entries) = read_directory(&req.into_inner())?;
            app::import(&self.0, &ctx, &from, released_at, &entries).await
        };
        reply.await.map(|()| pb::ImportDirectoryResponse {}).answer(&ctx)
    }

    async fn locate_pseudonym(
        &self,
        req: Request<pb::LocatePseudonymRequest>,
    ) -> Result<Response<pb::LocatePseudonymResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (mut wrong, req) = (Violations::new(), req.into_inner());
            let asked = pseudonym(&mut wrong, "pseudonym", &req.pseudonym);
            let group = wrong.optional("tenant_id", &req.tenant_id);
            app::locate(&self.0, &ctx, group, wrong.finish(asked)?).await
        };
        reply.await.map(|regions| pb::LocatePseudonymResponse { regions }).answer(&ctx)
    }
}

fn pseudonym(wrong: &mut Violations, field: &str, text: &str) -> Option<Uuid> {
    let read = Uuid::parse_str(text).ok();
    if read.is_none() {
        wrong.push(field, msg!("ID_MALFORMED"));
    }
    read
}

impl TryFrom<pb::AssignPseudonymRequest> for Assign {
    type Error = Error;
    fn try_from(req: pb::AssignPseudonymRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        let brings = match req.pseudonym.as_str() {
            "" => Some(None),
            text => pseudonym(&mut wrong, "pseudonym", text).map(Some),
        };
        let (person, brings) = wrong.finish(person.zip(brings))?;
        Ok(Self { request, person, brings })
    }
}

fn read_directory(req: &pb::ImportDirectoryRequest) -> Result<(Region, Timestamp, Vec<Entry>), Error> {
    let mut wrong = Violations::new();
    let from = wrong.parse("region", &req.region);
    let released_at = instant(&mut wrong, "released_at", req.released_at);
    let mut entries = Vec::with_capacity(req.entries.len());
    for (index, entry) in req.entries.iter().enumerate() {
        let read = pseudonym(&mut wrong, &format!("entries[{index}].pseudonym"), &entry.pseudonym);
        entries.extend(read.map(|pseudonym| Entry { pseudonym, active: entry.active }));
    }
    let (from, released_at) = wrong.finish(from.zip(released_at))?;
    Ok((from, released_at, entries))
}

impl From<Entry> for pb::DirectoryEntry {
    fn from(entry: Entry) -> Self {
        Self { pseudonym: entry.pseudonym.to_string(), active: entry.active }
    }
}
