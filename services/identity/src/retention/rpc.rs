//! `RetentionService`: parse, call, render.

use std::sync::Arc;

use tally_api::common::v1 as common;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::retention_service_server::RetentionService;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_kernel::error::Violations;
use tally_kernel::{Error, Locale};
use tally_privacy::Kind;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::Retention;
use crate::App;

pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl RetentionService for Rpc {
    async fn set_retention(
        &self,
        req: Request<pb::SetRetentionRequest>,
    ) -> Result<Response<pb::SetRetentionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async { app::set(&self.0, &ctx, &req.into_inner().try_into()?).await };
        reply.await.map(|set| pb::SetRetentionResponse { retention: Some(message(set, ctx.locale)) }).answer(&ctx)
    }

    async fn list_retention(
        &self,
        req: Request<pb::ListRetentionRequest>,
    ) -> Result<Response<pb::ListRetentionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let schedule = app::list(&self.0, &ctx).await;
        let told = |one| message(one, ctx.locale);
        let reply = schedule.map(|all| pb::ListRetentionResponse { schedule: all.into_iter().map(told).collect() });
        reply.answer(&ctx)
    }

    async fn run_retention(
        &self,
        req: Request<common::RunRetentionRequest>,
    ) -> Result<Response<common::RunRetentionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let ran = app::run(&self.0, &ctx).await;
        ran.map(|ran| common::RunRetentionResponse { taken: ran.taken, more: ran.more }).answer(&ctx)
    }
}

impl TryFrom<pb::SetRetentionRequest> for app::Set {
    type Error = Error;
    fn try_from(req: pb::SetRetentionRequest) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let request = RequestKey::of(req.request_id.clone(), &req);
        wrong.text("reason", &req.reason, 500);
        let pb::SetRetentionRequest { kind, months, reason, .. } = req;
        wrong.finish(Some(Self { request, kind, months, reason }))
    }
}

fn message((kind, one): (&'static Kind, Retention), locale: Locale) -> pb::Retention {
    pb::Retention {
        kind: one.kind,
        months: one.months,
        default_months: kind.months,
        least_months: kind.least,
        most_months: kind.most,
        counted_from: tally_i18n::text(locale, &kind.counted_from),
        legal_reason: tally_i18n::text(locale, &kind.reason),
        set_reason: one.set_reason,
        removed_before: one.raised.map(|raised| timestamp(raised.removed_before)),
        raised_at: one.raised.map(|raised| timestamp(raised.at)),
    }
}
