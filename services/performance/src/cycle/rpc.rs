//! CycleService: messages in, messages out.

use std::mem::take;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use jiff::civil::Time;
use tally_access::{Locale, OpContext};
use tally_api::attendance::v1::DutyPolicy;
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{period, period_message};
use tally_i18n::text;
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Cycle, NewCycle, State, Summary};
use crate::App;
use tally_engine::policy::{Policy, VERSIONS};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::cycle_service_server::CycleService for Rpc {
    type WatchCycleStream = Pin<Box<dyn Stream<Item = Result<pb::WatchCycleResponse, Status>> + Send>>;

    async fn create_cycle(
        &self,
        req: Request<pb::CreateCycleRequest>,
    ) -> Result<Response<pb::CreateCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let new = asked.cycle.unwrap_or_default().try_into()?;
            let cycle = app::create_cycle(&self.app, &ctx, &request, new).await?;
            Ok(pb::CreateCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn close_cycle(
        &self,
        req: Request<pb::CloseCycleRequest>,
    ) -> Result<Response<pb::CloseCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let cycle = app::close_cycle(&self.app, &ctx, &request, field("cycle_id", &asked.cycle_id)?).await?;
            Ok(pb::CloseCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn watch_cycle(
        &self,
        req: Request<pb::WatchCycleRequest>,
    ) -> Result<Response<Self::WatchCycleStream>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let cycles = app::watch_cycle(&self.app, &ctx, field("cycle_id", &req.into_inner().cycle_id)?).await?;
            Ok(watched(cycles, &ctx))
        };
        reply.await.answer(&ctx)
    }

    async fn cancel_cycle(
        &self,
        req: Request<pb::CancelCycleRequest>,
    ) -> Result<Response<pb::CancelCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let cycle = app::cancel_cycle(&self.app, &ctx, &request, field("cycle_id", &asked.cycle_id)?).await?;
            Ok(pb::CancelCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn publish_cycle(
        &self,
        req: Request<pb::PublishCycleRequest>,
    ) -> Result<Response<pb::PublishCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let cycle = app::publish_cycle(&self.app, &ctx, &request, field("cycle_id", &asked.cycle_id)?).await?;
            Ok(pb::PublishCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_cycle(&self, req: Request<pb::GetCycleRequest>) -> Result<Response<pb::GetCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let cycle = app::get_cycle(&self.app, &ctx, field("cycle_id", &req.into_inner().cycle_id)?).await?;
            Ok(pb::GetCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_cycles(
        &self,
        req: Request<pb::ListCyclesRequest>,
    ) -> Result<Response<pb::ListCyclesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"cycles")?;
            let (cycles, next_page_token) = app::list_cycles(&self.app, &ctx, &page).await?;
            let cycles = cycles.into_iter().map(|cycle| message(cycle, ctx.locale)).collect();
            Ok(pb::ListCyclesResponse { cycles, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn watched(
    cycles: impl Stream<Item = Result<Cycle>> + Send + 'static,
    ctx: &OpContext,
) -> Pin<Box<dyn Stream<Item = Result<pb::WatchCycleResponse, Status>> + Send>> {
    let locale = ctx.locale;
    let told = move |cycle: Result<Cycle>| match cycle {
        Ok(cycle) => Ok(pb::WatchCycleResponse { cycle: Some(message(cycle, locale)) }),
        Err(error) => Err(tally_rpc::status(error, locale)),
    };
    Box::pin(cycles.map(told))
}

impl TryFrom<pb::Cycle> for NewCycle {
    type Error = Error;
    fn try_from(sent: pb::Cycle) -> Result<Self> {
        let mut v = Violations::new();
        v.text("cycle.name", &sent.name, 200);
        let period = period(&mut v, "cycle.period", sent.period);
        let scheme = v.parse("cycle.scheme_id", &sent.scheme_id);
        let policy = sent.policy.map_or_else(|| Some(Policy::default()), |policy| policy_of(&mut v, policy));
        let scheme_version = sent.scheme_version;
        let both = period.zip(scheme).zip(policy);
        v.finish(both.map(|((period, scheme), policy)| Self {
            name: sent.name,
            period,
            scheme,
            scheme_version,
            policy,
        }))
    }
}

/// What is not said is the default; a session window of 0 merges nothing.
fn policy_of(v: &mut Violations, sent: pb::AttributionPolicy) -> Option<Policy> {
    let (default, duty) = (Policy::default(), sent.duty.unwrap_or_default());
    let cut_over: Time = match duty.cut_over.as_str() {
        "" => default.cut_over,
        text => match Time::strptime("%H:%M", text) {
            Ok(time) => time,
            Err(_) => {
                v.push("cycle.policy.duty.cut_over", msg!("TIME_OF_DAY_MALFORMED", text));
                return None;
            }
        },
    };
    let version = if sent.version.is_empty() { default.version } else { sent.version };
    if !VERSIONS.contains(&version.as_str()) {
        v.push("cycle.policy.version", msg!("RULES_VERSION_UNKNOWN", version));
        return None;
    }
    let policy = Policy {
        version,
        grace_minutes: duty.grace_minutes.unwrap_or(default.grace_minutes),
        max_hours: if duty.max_hours == 0 { default.max_hours } else { duty.max_hours },
        cut_over,
        session_window_seconds: sent.session_window_seconds,
        inference_off: sent.inference_off,
        min_ambiguous: sent.min_ambiguous.unwrap_or(default.min_ambiguous),
    };
    if ![0, policy.rules()].contains(&duty.version) {
        v.push("cycle.policy.duty.version", msg!("RULES_VERSION_DIFFERS", version = policy.rules()));
        return None;
    }
    Some(policy)
}

fn message(cycle: Cycle, locale: Locale) -> pb::Cycle {
    let state = match cycle.state {
        State::Open => pb::CycleState::Open,
        State::Closing => pb::CycleState::Closing,
        State::Reviewable => pb::CycleState::Reviewable,
        State::Published => pb::CycleState::Published,
        State::Failed => pb::CycleState::Failed,
    };
    pb::Cycle {
        cycle_id: cycle.id.to_string(),
        name: cycle.name,
        period: Some(period_message(cycle.period)),
        scheme_id: cycle.scheme.to_string(),
        scheme_version: cycle.scheme_version,
        policy: Some(policy_to(cycle.policy)),
        state: state.into(),
        done: cycle.done,
        total: cycle.total,
        step: cycle.step.message().map(|m| text(locale, &m)).unwrap_or_default(),
        failure_reason: cycle.failure.as_ref().map(|f| f.reason().to_owned()).unwrap_or_default(),
        failure: cycle.failure.map(|f| text(locale, &f.message())).unwrap_or_default(),
        summary: cycle.summary.map(summary_to),
        etag: cycle.version.to_string(),
    }
}

fn policy_to(policy: Policy) -> pb::AttributionPolicy {
    pb::AttributionPolicy {
        duty: Some(DutyPolicy {
            version: policy.rules(),
            grace_minutes: Some(policy.grace_minutes),
            max_hours: policy.max_hours,
            cut_over: policy.cut_over.strftime("%H:%M").to_string(),
        }),
        version: policy.version,
        session_window_seconds: policy.session_window_seconds,
        inference_off: policy.inference_off,
        min_ambiguous: Some(policy.min_ambiguous),
    }
}

fn summary_to(summary: Summary) -> pb::CycleSummary {
    pb::CycleSummary {
        records: summary.records,
        credited: summary.credited,
        unattributed: summary.unattributed,
        people: summary.people,
        digest: summary.digest,
        tzdb: summary.tzdb,
        rungs: summary.rungs.into_iter().map(|(rung, records)| pb::RungCount { rung, records }).collect(),
        mixed_untagged: summary.mixed_untagged,
    }
}
