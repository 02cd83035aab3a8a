//! ScheduleService: messages in, messages out.

use std::mem::take;

use jiff::civil::Time;
use tally_access::Locale;
use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{date, period_message, timestamp};
use tally_engine::policy::Policy;
use tally_i18n::text;
use tally_kernel::error::Violations;
use tally_kernel::page::Page;
use tally_kernel::time::{Period, zone};
use tally_kernel::{Error, Kind, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::app;
use super::domain::{Line, MOST_DELAY, Run, Said, Schedule, State, Timing};
use crate::App;
use crate::cycle::domain::Cycle;
use crate::cycle::message::{population_of, population_to};
use crate::policies::{policy_of, policy_to};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::schedule_service_server::ScheduleService for Rpc {
    async fn create_schedule(
        &self,
        req: Request<pb::CreateScheduleRequest>,
    ) -> Result<Response<pb::CreateScheduleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let said = asked.schedule.unwrap_or_default().try_into()?;
            let written = app::create(&self.app, &ctx, &request, said).await?;
            Ok(pb::CreateScheduleResponse { schedule: Some(message(written, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn update_schedule(
        &self,
        req: Request<pb::UpdateScheduleRequest>,
    ) -> Result<Response<pb::UpdateScheduleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let sent = asked.schedule.unwrap_or_default();
            let (id, etag) = (id_of("schedule.schedule_id", &sent.schedule_id)?, sent.etag.clone());
            let written = app::update(&self.app, &ctx, &request, (id, &etag), sent.try_into()?).await?;
            Ok(pb::UpdateScheduleResponse { schedule: Some(message(written, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn delete_schedule(
        &self,
        req: Request<pb::DeleteScheduleRequest>,
    ) -> Result<Response<pb::DeleteScheduleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            app::delete(&self.app, &ctx, &request, id_of("schedule_id", &asked.schedule_id)?).await?;
            Ok(pb::DeleteScheduleResponse {})
        };
        reply.await.answer(&ctx)
    }

    async fn get_schedule(
        &self,
        req: Request<pb::GetScheduleRequest>,
    ) -> Result<Response<pb::GetScheduleResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let found = app::get(&self.app, &ctx, id_of("schedule_id", &req.into_inner().schedule_id)?).await?;
            Ok(pb::GetScheduleResponse { schedule: Some(message(found, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_schedules(
        &self,
        req: Request<pb::ListSchedulesRequest>,
    ) -> Result<Response<pb::ListSchedulesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"schedules")?;
            let (schedules, next_page_token) = app::list(&self.app, &ctx, &page).await?;
            let schedules = schedules.into_iter().map(|schedule| message(schedule, ctx.locale)).collect();
            Ok(pb::ListSchedulesResponse { schedules, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn list_schedule_runs(
        &self,
        req: Request<pb::ListScheduleRunsRequest>,
    ) -> Result<Response<pb::ListScheduleRunsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let id = id_of("schedule_id", &asked.schedule_id)?;
            let page = Page::read(asked.page_size, &asked.page_token, asked.schedule_id.as_bytes())?;
            let (runs, next_page_token) = app::list_runs(&self.app, &ctx, id, &page).await?;
            let runs = runs.into_iter().map(|(run, cycle)| run_message(run, cycle, ctx.locale)).collect();
            Ok(pb::ListScheduleRunsResponse { runs, next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn begin_schedule_run(
        &self,
        req: Request<pb::BeginScheduleRunRequest>,
    ) -> Result<Response<pb::BeginScheduleRunResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let (id, month) = read_begin(&asked)?;
            let run = app::begin_run(&self.app, &ctx, &request, id, month).await?;
            Ok(pb::BeginScheduleRunResponse { run: Some(run_message(run, None, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn stop_schedule_run(
        &self,
        req: Request<pb::StopScheduleRunRequest>,
    ) -> Result<Response<pb::StopScheduleRunResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let run = app::stop(&self.app, &ctx, &request, id_of("schedule_run_id", &asked.schedule_run_id)?).await?;
            Ok(pb::StopScheduleRunResponse { run: Some(run_message(run, None, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }
}

fn uuid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Error::of(Kind::InvalidArgument, msg!("ID_MALFORMED")))
}

fn id_of(field: &str, text: &str) -> Result<Uuid> {
    let mut v = Violations::new();
    let id = v.take(field, uuid(text));
    v.finish(id)
}

/// The month of YYYY-MM.
fn month_from(text: &str) -> Result<Period> {
    let first = date(&mut Violations::new(), "month", &format!("{text}-01"));
    first.map(Period::month_of).ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("DATE_EXPECTED.month")))
}

fn read_begin(sent: &pb::BeginScheduleRunRequest) -> Result<(Uuid, Period)> {
    let mut v = Violations::new();
    let id = v.take("schedule_id", uuid(&sent.schedule_id));
    let month = v.take("month", month_from(&sent.month));
    v.finish(id.zip(month))
}

impl TryFrom<pb::Schedule> for Said {
    type Error = Error;
    fn try_from(sent: pb::Schedule) -> Result<Self> {
        let mut v = Violations::new();
        v.text("schedule.name", &sent.name, 200);
        let unit = v.optional("schedule.unit_id", &sent.unit_id);
        let scheme = v.parse("schedule.scheme_id", &sent.scheme_id);
        let policy = sent.policy.map_or_else(|| Some(Policy::default()), |p| policy_of(&mut v, "schedule.policy", p));
        let population = sent.population.and_then(|said| population_of(&mut v, "schedule.population", said));
        if population.as_ref().is_some_and(|population| population.as_of.is_some()) {
            v.push("schedule.population.as_of", msg!("SCHEDULE_AS_OF"));
        }
        v.take("schedule.zone", zone(&sent.zone).map_err(Error::from));
        let day = i8::try_from(sent.day).ok().filter(|day| (1..=31).contains(day));
        if day.is_none() {
            v.push("schedule.day", msg!("SCHEDULE_DAY", day = sent.day));
        }
        let time = Time::strptime("%H:%M", &sent.time).ok();
        if time.is_none() {
            v.push("schedule.time", msg!("TIME_OF_DAY_MALFORMED", text = sent.time));
        }
        if sent.delay_minutes > MOST_DELAY {
            v.push("schedule.delay_minutes", msg!("SCHEDULE_DELAY", most = MOST_DELAY));
        } else if (sent.delay_minutes > 0) != sent.dry_first {
            v.push("schedule.delay_minutes", msg!("SCHEDULE_DELAY.dry", most = MOST_DELAY));
        }
        let (name, zone, scheme_version) = (sent.name, sent.zone, sent.scheme_version);
        let (dry_first, delay_minutes, run_from_above) = (sent.dry_first, sent.delay_minutes, sent.run_from_above);
        let all = scheme.zip(policy).zip(day.zip(time)).map(|((scheme, policy), (day, time))| {
            let timing = Timing { zone, day, time };
            Self {
                unit,
                name,
                scheme,
                scheme_version,
                population,
                policy,
                timing,
                dry_first,
                delay_minutes,
                run_from_above,
            }
        });
        v.finish(all)
    }
}

fn message(schedule: Schedule, locale: Locale) -> pb::Schedule {
    let Said { name, scheme, scheme_version, population, policy, timing, dry_first, delay_minutes, .. } = schedule.said;
    let run_from_above = schedule.said.run_from_above;
    pb::Schedule {
        schedule_id: schedule.id.to_string(),
        unit_id: schedule.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        name,
        scheme_id: scheme.to_string(),
        scheme_version,
        population: population.map(population_to),
        policy: Some(policy_to(policy)),
        zone: timing.zone,
        day: timing.day.unsigned_abs().into(),
        time: timing.time.strftime("%H:%M").to_string(),
        dry_first,
        delay_minutes,
        next_at: Some(timestamp(schedule.next_at)),
        next_period: Some(period_message(schedule.next)),
        principal_id: schedule.maker.to_string(),
        failure_reason: schedule.failure.as_ref().map(|failure| failure.reason().to_owned()).unwrap_or_default(),
        failure: schedule.failure.map(|failure| text(locale, &failure.message())).unwrap_or_default(),
        etag: schedule.version.to_string(),
        run_from_above,
    }
}

/// A run; how far its cycle is, where there is one.
fn run_message(run: Run, cycle: Option<Cycle>, locale: Locale) -> pb::ScheduleRun {
    let state = match run.state {
        State::Looking => pb::ScheduleRunState::Looking,
        State::Waiting => pb::ScheduleRunState::Waiting,
        State::Closing => pb::ScheduleRunState::Closing,
        State::Done => pb::ScheduleRunState::Done,
        State::Failed => pb::ScheduleRunState::Failed,
        State::Stopped => pb::ScheduleRunState::Stopped,
    };
    let line = |line: Line| pb::ScheduleRunLine { at: Some(timestamp(line.at)), text: text(locale, &line.said) };
    let (done, total) = cycle.map_or((0, 0), |cycle| (cycle.done, cycle.total));
    pb::ScheduleRun {
        schedule_run_id: run.id.to_string(),
        schedule_id: run.schedule.to_string(),
        name: run.name,
        period: Some(period_message(run.period)),
        state: state.into(),
        due_at: Some(timestamp(run.due_at)),
        next_at: run.next_at.map(timestamp),
        cycle_id: run.cycle.map(|cycle| cycle.to_string()).unwrap_or_default(),
        done,
        total,
        log: run.log.into_iter().map(line).collect(),
        failure_reason: run.failure.as_ref().map(|failure| failure.reason().to_owned()).unwrap_or_default(),
        failure: run.failure.map(|failure| text(locale, &failure.message())).unwrap_or_default(),
    }
}
