//! FindingService: messages in, messages out.

use std::mem::take;

use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_kernel::Result;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::{FindingId, PersonId};
use tally_kernel::page::Page;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use crate::App;
use crate::findings::{finding, fix};
use crate::peers::fixes::Why;

/// Characters of a reason: as many as a correction takes.
const REASON: usize = 500;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::finding_service_server::FindingService for Rpc {
    async fn list_person_findings(
        &self,
        req: Request<pb::ListPersonFindingsRequest>,
    ) -> Result<Response<pb::ListPersonFindingsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (person, page) = about(&req.into_inner())?;
            let (found, next_page_token, run) = app::of_person(&self.app, &ctx, person, &page).await?;
            let findings = found.into_iter().map(|found| finding(found, ctx.locale)).collect();
            let attribution_run_id = run.map(|run| run.to_string()).unwrap_or_default();
            Ok(pb::ListPersonFindingsResponse { findings, next_page_token, attribution_run_id })
        };
        reply.await.answer(&ctx)
    }

    async fn get_finding(
        &self,
        req: Request<pb::GetFindingRequest>,
    ) -> Result<Response<pb::GetFindingResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let found = app::one(&self.app, &ctx, field("finding_id", &req.into_inner().finding_id)?).await?;
            Ok(pb::GetFindingResponse { finding: Some(finding(found, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn apply_fix(&self, req: Request<pb::ApplyFixRequest>) -> Result<Response<pb::ApplyFixResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (request, finding, why) = read(req.into_inner())?;
            let done = app::apply(&self.app, &ctx, &request, finding, &why).await?;
            Ok(pb::ApplyFixResponse { fix: Some(fix(done.fix)), answer: done.answer })
        };
        reply.await.answer(&ctx)
    }
}

fn about(asked: &pb::ListPersonFindingsRequest) -> Result<(PersonId, Page)> {
    let mut v = Violations::new();
    let person = v.parse("person_id", &asked.person_id);
    let question = format!("findings of {}", asked.person_id);
    let page = v.take("page_token", Page::read(asked.page_size, &asked.page_token, question.as_bytes()));
    v.finish(person.zip(page))
}

fn read(mut asked: pb::ApplyFixRequest) -> Result<(RequestKey, FindingId, Why)> {
    let id = take(&mut asked.request_id);
    let request = RequestKey::of(id.clone(), &asked);
    let mut v = Violations::new();
    let finding = v.parse("finding_id", &asked.finding_id);
    v.text("reason", &asked.reason, REASON);
    // The call that it comes to is another one, and has an id of its own.
    let request_id = if id.is_empty() { id } else { format!("{id}/fix") };
    let why = Why { request_id, reason: asked.reason };
    v.finish(finding.map(|finding| (request, finding, why)))
}
