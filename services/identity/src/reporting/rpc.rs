//! `ReportingService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::reporting_service_server::ReportingService;
use tally_app::RequestKey;
use tally_app::convert::{date, date_text, optional_date, optional_instant};
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::{Error, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Line, LineKind, NewLine};
use crate::App;
use crate::render::question;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl ReportingService for Rpc {
    async fn set_reporting_line(
        &self,
        req: Request<pb::SetReportingLineRequest>,
    ) -> Result<Response<pb::SetReportingLineResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::set(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|line| pb::SetReportingLineResponse { line: Some(line.into()) }).answer(&ctx)
    }

    async fn end_reporting_line(
        &self,
        req: Request<pb::EndReportingLineRequest>,
    ) -> Result<Response<pb::EndReportingLineResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::end(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|line| pb::EndReportingLineResponse { line: Some(line.into()) }).answer(&ctx)
    }

    async fn list_reporting_lines(
        &self,
        req: Request<pb::ListReportingLinesRequest>,
    ) -> Result<Response<pb::ListReportingLinesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (asked, page) = read_list(&req.into_inner())?;
            let (lines, next_page_token) = app::list(&self.0, &ctx, &asked, &page).await?;
            Ok(pb::ListReportingLinesResponse { lines: lines.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read_list(req: &pb::ListReportingLinesRequest) -> Result<(app::Asked, Page), Error> {
    let mut wrong = Violations::new();
    let asked = app::Asked {
        person: wrong.optional("person_id", &req.person_id),
        manager: wrong.optional("manager_id", &req.manager_id),
        as_of: optional_date(&mut wrong, "as_of", &req.as_of),
        known_at: optional_instant(&mut wrong, "known_at", req.known_at),
    };
    let about = question(&[&req.person_id, &req.manager_id, &req.as_of], asked.known_at);
    let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, &about));
    Ok((asked, wrong.finish(page)?))
}

impl TryFrom<pb::SetReportingLineRequest> for app::Set {
    type Error = Error;
    fn try_from(req: pb::SetReportingLineRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let person = wrong.parse("person_id", &req.person_id);
        let manager = wrong.parse("manager_id", &req.manager_id);
        let kind = match req.kind() {
            pb::ReportingLineKind::Solid => Some(LineKind::Solid),
            pb::ReportingLineKind::Dotted => Some(LineKind::Dotted),
            pb::ReportingLineKind::Unspecified => {
                wrong.push("kind", msg!("LINE_KIND_MISSING"));
                None
            }
        };
        let from = date(&mut wrong, "from", &req.from);
        let to = optional_date(&mut wrong, "to", &req.to);
        let line = kind.zip(from).map(|(kind, from)| NewLine { kind, from, to });
        let ((person, manager), line) = wrong.finish(person.zip(manager).zip(line))?;
        Ok(Self { request, person, manager, line })
    }
}

impl TryFrom<pb::EndReportingLineRequest> for app::End {
    type Error = Error;
    fn try_from(req: pb::EndReportingLineRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        let line = wrong.parse("line_id", &req.line_id);
        let last_day = date(&mut wrong, "last_day", &req.last_day);
        let (line, last_day) = wrong.finish(line.zip(last_day))?;
        Ok(Self { request, line, last_day })
    }
}

impl From<Line> for pb::ReportingLine {
    fn from(line: Line) -> Self {
        let kind = match line.kind {
            LineKind::Solid => pb::ReportingLineKind::Solid,
            LineKind::Dotted => pb::ReportingLineKind::Dotted,
        };
        Self {
            line_id: line.id.to_string(),
            person_id: line.person.to_string(),
            manager_id: line.manager.to_string(),
            kind: kind.into(),
            from: line.from.to_string(),
            to: date_text(line.to),
        }
    }
}
