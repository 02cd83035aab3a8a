//! CycleService: messages in, messages out.

use std::mem::take;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use prost::Message as _;
use tally_access::{Locale, OpContext};
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{period, period_message, timestamp};
use tally_engine::policy::Policy;
use tally_i18n::text;
use tally_kernel::error::{Violations, field, optional_field};
use tally_kernel::id::{CycleId, OrgUnitId};
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::domain::population::{Because, Population};
use super::domain::{Cycle, NewCycle, State, Summary};
use super::message::{population_of, population_to};
use super::population::Judged;
use super::{app, correct, population};
use crate::App;
use crate::policies::{policy_of, policy_to};

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
            let (id, from) =
                (field("cycle_id", &asked.cycle_id)?, optional_field("attribution_run_id", &asked.attribution_run_id)?);
            let cycle = app::close_cycle(&self.app, &ctx, &request, id, from).await?;
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

    async fn correct_cycle(
        &self,
        req: Request<pb::CorrectCycleRequest>,
    ) -> Result<Response<pb::CorrectCycleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let (id, version) = (correction(&asked)?, asked.scheme_version);
            let cycle = correct::correct_cycle(&self.app, &ctx, &request, id, asked.reason.trim(), version).await?;
            Ok(pb::CorrectCycleResponse { cycle: Some(message(cycle, ctx.locale)) })
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

    async fn preview_population(
        &self,
        req: Request<pb::PreviewPopulationRequest>,
    ) -> Result<Response<pb::PreviewPopulationResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let question = pb::PreviewPopulationRequest { page_token: String::new(), page_size: 0, ..asked.clone() };
            let page = Page::read(asked.page_size, &asked.page_token, &question.encode_to_vec())?;
            let (unit, period, said) = previewed(asked)?;
            let judged = population::preview(&self.app, &ctx, unit, period, &said).await?;
            members(judged, &page)
        };
        reply.await.answer(&ctx)
    }
}

fn correction(asked: &pb::CorrectCycleRequest) -> Result<CycleId> {
    let mut v = Violations::new();
    let id = v.parse("cycle_id", &asked.cycle_id);
    v.text("reason", &asked.reason, 500);
    v.finish(id)
}

fn previewed(asked: pb::PreviewPopulationRequest) -> Result<(Option<OrgUnitId>, Period, Population)> {
    let mut v = Violations::new();
    let unit = v.optional("unit_id", &asked.unit_id);
    let period = period(&mut v, "period", asked.period);
    let said = population_of(&mut v, "population", asked.population.unwrap_or_default());
    v.finish(period.zip(said).map(|(period, said)| (unit, period, said)))
}

/// A page of people who were judged, and how many there are in all.
fn members(judged: Vec<Judged>, page: &Page) -> Result<pb::PreviewPopulationResponse> {
    let count = |n: usize| u32::try_from(n).map_err(Error::internal);
    let included = count(judged.iter().filter(|(_, because, _)| because.is_in()).count())?;
    let left_out = count(judged.len())? - included;
    let member = |(person, because, home): &Judged| pb::PopulationMember {
        person_id: person.id.to_string(),
        unit_id: home.as_ref().map(|home| home.unit.to_string()).unwrap_or_default(),
        included: because.is_in(),
        reason: reason(*because).into(),
    };
    let after = |member: &pb::PopulationMember| page.after.as_ref().is_none_or(|after| member.person_id > *after);
    let mut members: Vec<_> =
        judged.iter().map(member).filter(after).take((page.size as usize).saturating_add(1)).collect();
    let next_page_token = page.cut(&mut members, |member| member.person_id.clone());
    Ok(pb::PreviewPopulationResponse { members, next_page_token, included, left_out })
}

fn reason(because: Because) -> pb::PopulationReason {
    match because {
        Because::Fits => pb::PopulationReason::Fits,
        Because::NamedIn => pb::PopulationReason::NamedIn,
        Because::NamedOut => pb::PopulationReason::NamedOut,
        Because::NotEmployed => pb::PopulationReason::NotEmployed,
        Because::OtherUnit => pb::PopulationReason::OtherUnit,
        Because::OtherPosition => pb::PopulationReason::OtherPosition,
        Because::OtherGrade => pb::PopulationReason::OtherGrade,
        Because::OtherKind => pb::PopulationReason::OtherEmploymentKind,
        Because::KindNotSaid => pb::PopulationReason::EmploymentKindNotSaid,
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
        let unit = v.optional("cycle.unit_id", &sent.unit_id);
        let policy = sent.policy.map_or_else(|| Some(Policy::default()), |p| policy_of(&mut v, "cycle.policy", p));
        let population = sent.population.and_then(|said| population_of(&mut v, "cycle.population", said));
        let scheme_version = sent.scheme_version;
        let both = period.zip(scheme).zip(policy);
        v.finish(both.map(|((period, scheme), policy)| Self {
            unit,
            name: sent.name,
            population,
            period,
            scheme,
            scheme_version,
            policy,
        }))
    }
}

impl From<State> for pb::CycleState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Closing => Self::Closing,
            State::Reviewable => Self::Reviewable,
            State::Published => Self::Published,
            State::Failed => Self::Failed,
        }
    }
}

fn message(cycle: Cycle, locale: Locale) -> pb::Cycle {
    pb::Cycle {
        cycle_id: cycle.id.to_string(),
        name: cycle.name,
        period: Some(period_message(cycle.period)),
        scheme_id: cycle.scheme.to_string(),
        scheme_version: cycle.scheme_version,
        policy: Some(policy_to(cycle.policy)),
        state: pb::CycleState::from(cycle.state).into(),
        done: cycle.done,
        total: cycle.total,
        step: cycle.step.message().map(|m| text(locale, &m)).unwrap_or_default(),
        failure_reason: cycle.failure.as_ref().map(|f| f.reason().to_owned()).unwrap_or_default(),
        failure: cycle.failure.map(|f| text(locale, &f.message())).unwrap_or_default(),
        summary: cycle.summary.map(summary_to),
        etag: cycle.version.to_string(),
        unit_id: cycle.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        population: cycle.population.map(population_to),
        attribution_run_id: cycle.attribution.map(|run| run.to_string()).unwrap_or_default(),
        corrects_id: cycle.corrects.as_ref().map(|corrects| corrects.cycle.to_string()).unwrap_or_default(),
        correction_reason: cycle.corrects.map(|corrects| corrects.reason).unwrap_or_default(),
        result_version: cycle.published.map_or(0, |published| published.version),
        published_at: cycle.published.map(|published| timestamp(published.at)),
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
        credited_ppm: summary.credited_ppm,
        outside_ppm: summary.outside_ppm,
        outside_people: summary.outside_people,
        corrected_people: summary.corrected.unwrap_or_default(),
    }
}
