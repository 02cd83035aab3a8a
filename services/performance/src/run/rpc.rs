//! AttributionRunService: messages in, messages out.

use std::mem::take;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::{Locale, OpContext};
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{period, period_message, timestamp};
use tally_engine::policy::Policy;
use tally_i18n::text;
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{AttributionRun, NewRun, Scope, State, Summary};
use crate::App;
use crate::policies::{policy_of, policy_to};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

type Told = Pin<Box<dyn Stream<Item = Result<pb::WatchAttributionRunResponse, Status>> + Send>>;

#[tonic::async_trait]
impl pb::attribution_run_service_server::AttributionRunService for Rpc {
    type WatchAttributionRunStream = Told;

    async fn start_attribution_run(
        &self,
        req: Request<pb::StartAttributionRunRequest>,
    ) -> Result<Response<pb::StartAttributionRunResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let new = asked.run.unwrap_or_default().try_into()?;
            let run = app::start_run(&self.app, &ctx, &request, new).await?;
            Ok(pb::StartAttributionRunResponse { run: Some(message(run, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn watch_attribution_run(
        &self,
        req: Request<pb::WatchAttributionRunRequest>,
    ) -> Result<Response<Told>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let id = field("attribution_run_id", &req.into_inner().attribution_run_id)?;
            Ok(watched(app::watch_run(&self.app, &ctx, id).await?, &ctx))
        };
        reply.await.answer(&ctx)
    }

    async fn cancel_attribution_run(
        &self,
        req: Request<pb::CancelAttributionRunRequest>,
    ) -> Result<Response<pb::CancelAttributionRunResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let id = field("attribution_run_id", &asked.attribution_run_id)?;
            let run = app::cancel_run(&self.app, &ctx, &request, id).await?;
            Ok(pb::CancelAttributionRunResponse { run: Some(message(run, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_attribution_run(
        &self,
        req: Request<pb::GetAttributionRunRequest>,
    ) -> Result<Response<pb::GetAttributionRunResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let id = field("attribution_run_id", &req.into_inner().attribution_run_id)?;
            let run = app::get_run(&self.app, &ctx, id).await?;
            Ok(pb::GetAttributionRunResponse { run: Some(message(run, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_attribution_runs(
        &self,
        req: Request<pb::ListAttributionRunsRequest>,
    ) -> Result<Response<pb::ListAttributionRunsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"attribution runs")?;
            let (runs, next_page_token) = app::list_runs(&self.app, &ctx, &page).await?;
            let runs = runs.into_iter().map(|run| message(run, ctx.locale)).collect();
            Ok(pb::ListAttributionRunsResponse { runs, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn watched(runs: impl Stream<Item = Result<AttributionRun>> + Send + 'static, ctx: &OpContext) -> Told {
    let locale = ctx.locale;
    let told = move |run: Result<AttributionRun>| match run {
        Ok(run) => Ok(pb::WatchAttributionRunResponse { run: Some(message(run, locale)) }),
        Err(error) => Err(tally_rpc::status(error, locale)),
    };
    Box::pin(runs.map(told))
}

impl TryFrom<pb::AttributionRun> for NewRun {
    type Error = Error;
    fn try_from(sent: pb::AttributionRun) -> Result<Self> {
        let mut v = Violations::new();
        let unit = v.optional("run.unit_id", &sent.unit_id);
        let period = period(&mut v, "run.period", sent.period);
        let policy = sent.policy.map_or_else(|| Some(Policy::default()), |p| policy_of(&mut v, "run.policy", p));
        let accounts = sent.account_ids.iter().filter_map(|id| v.parse("run.account_ids", id)).collect();
        let units = sent.unit_ids.iter().filter_map(|id| v.parse("run.unit_ids", id)).collect();
        let scope = Scope { accounts, units };
        v.finish(period.zip(policy).map(|(period, policy)| Self { unit, period, policy, scope }))
    }
}

fn message(run: AttributionRun, locale: Locale) -> pb::AttributionRun {
    let state = match run.state {
        State::Running => pb::AttributionRunState::Running,
        State::Done => pb::AttributionRunState::Done,
        State::Failed => pb::AttributionRunState::Failed,
        State::Cancelled => pb::AttributionRunState::Cancelled,
    };
    pb::AttributionRun {
        attribution_run_id: run.id.to_string(),
        unit_id: run.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        period: Some(period_message(run.period)),
        policy: Some(policy_to(run.policy)),
        account_ids: run.scope.accounts.iter().map(ToString::to_string).collect(),
        unit_ids: run.scope.units.iter().map(ToString::to_string).collect(),
        state: state.into(),
        done: run.done,
        total: run.total,
        step: run.step.message().map(|m| text(locale, &m)).unwrap_or_default(),
        failure_reason: run.failure.as_ref().map(|f| f.reason().to_owned()).unwrap_or_default(),
        failure: run.failure.map(|f| text(locale, &f.message())).unwrap_or_default(),
        summary: run.summary.map(summary_to),
        started_at: Some(timestamp(run.started_at)),
        cycle_id: run.cycle.map(|cycle| cycle.to_string()).unwrap_or_default(),
        etag: run.version.to_string(),
    }
}

fn summary_to(summary: Summary) -> pb::AttributionSummary {
    pb::AttributionSummary {
        records: summary.records,
        credited: summary.records.saturating_sub(summary.unattributed),
        unattributed: summary.unattributed,
        rungs: summary.rungs.into_iter().map(|(rung, records)| pb::RungCount { rung, records }).collect(),
        mixed_untagged: summary.mixed_untagged,
        accounts: summary.accounts,
        people: summary.people,
        digest: summary.digest,
        tzdb: summary.tzdb,
    }
}
