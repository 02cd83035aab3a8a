//! AttributionService: messages in, messages out.

use std::collections::BTreeMap;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::OpContext;
use tally_api::performance::v1 as pb;
use tally_app::convert::{optional_instant, timestamp_of_millis};
use tally_app::why::sentence;
use tally_kernel::error::{Violations, field, optional_field};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Locale, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Explained, ExportedCredit, Of, Told, TotalsPage};
use super::domain::Which;
use super::store::{Total, Totals};
use crate::App;
use crate::cycle::domain::Asked;
use crate::cycle::message::version;
use crate::findings::finding;
use crate::rungs::rung;
use tally_engine::attribution::{Pause, ReplyKind, Sign, SignKind, Worth};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

type Parts = Pin<Box<dyn Stream<Item = Result<pb::ExportCreditsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl pb::attribution_service_server::AttributionService for Rpc {
    type ExportCreditsStream = Parts;

    async fn export_credits(&self, req: Request<pb::ExportCreditsRequest>) -> Result<Response<Parts>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let which = which(&asked)?;
            let version = version(asked.result_version, asked.known_at)?;
            let of = of_version(&asked.cycle_id, version, &asked.attribution_run_id)?;
            let parts = app::export_credits(&self.app, &ctx, of, which).await?;
            Ok(exported(parts, &ctx))
        };
        reply.await.answer(&ctx)
    }

    async fn list_totals(
        &self,
        req: Request<pb::ListTotalsRequest>,
    ) -> Result<Response<pb::ListTotalsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let of = of(&asked.cycle_id, &asked.attribution_run_id)?;
            let which = totals(&asked)?;
            let question = format!("totals {of:?} {which:?}");
            let page = Page::read(asked.page_size, &asked.page_token, question.as_bytes())?;
            Ok(app::list_totals(&self.app, &ctx, of, which, &page).await?.into())
        };
        reply.await.answer(&ctx)
    }

    async fn explain_record(
        &self,
        req: Request<pb::ExplainRecordRequest>,
    ) -> Result<Response<pb::ExplainRecordResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let version = version(asked.result_version, asked.known_at)?;
            let of = of_version(&asked.cycle_id, version, &asked.attribution_run_id)?;
            let account = field("account_id", &asked.account_id)?;
            let explained = app::explain_record(&self.app, &ctx, of, account, &asked.external_id).await?;
            Ok(explained_in(ctx.locale, explained))
        };
        reply.await.answer(&ctx)
    }

    async fn list_findings(
        &self,
        req: Request<pb::ListFindingsRequest>,
    ) -> Result<Response<pb::ListFindingsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let of = of(&asked.cycle_id, &asked.attribution_run_id)?;
            let person = optional_field("person_id", &asked.person_id)?;
            let about = person.map(|person: PersonId| format!(" {person}")).unwrap_or_default();
            let page = Page::read(asked.page_size, &asked.page_token, format!("findings {of:?}{about}").as_bytes())?;
            let (findings, next_page_token) = app::list_findings(&self.app, &ctx, of, person, &page).await?;
            let findings = findings.into_iter().map(|found| finding(found, ctx.locale)).collect();
            Ok(pb::ListFindingsResponse { findings, next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

/// Which credits are asked for.
fn which(asked: &pb::ExportCreditsRequest) -> Result<Which> {
    let mut v = Violations::new();
    let which = Which {
        person: v.optional("person_id", &asked.person_id),
        account: v.optional("account_id", &asked.account_id),
        from: optional_instant(&mut v, "from", asked.from),
        to: optional_instant(&mut v, "to", asked.to),
    };
    v.finish(Some(which))
}

/// Which totals are asked for.
fn totals(asked: &pb::ListTotalsRequest) -> Result<Totals> {
    let mut v = Violations::new();
    let totals = Totals {
        person: v.optional("person_id", &asked.person_id),
        account: v.optional("account_id", &asked.account_id),
        sums_only: asked.sums_only,
    };
    v.finish(Some(totals))
}

/// What is asked about: a cycle, or a run where none is named.
fn of(cycle: &str, run: &str) -> Result<Of> {
    of_version(cycle, Asked::Newest, run)
}

/// The same; a run has one version alone.
fn of_version(cycle: &str, asked: Asked, run: &str) -> Result<Of> {
    match optional_field("attribution_run_id", run)? {
        None => Ok(Of::Cycle(field("cycle_id", cycle)?, asked)),
        Some(run) if cycle.is_empty() && asked == Asked::Newest => Ok(Of::Run(run)),
        Some(_) => {
            let mut v = Violations::new();
            v.push("attribution_run_id", msg!("CYCLE_OR_RUN"));
            v.finish(None)
        }
    }
}

fn exported(parts: impl Stream<Item = Result<Vec<ExportedCredit>>> + Send + 'static, ctx: &OpContext) -> Parts {
    let locale = ctx.locale;
    Box::pin(parts.map(move |part| match part {
        Ok(credits) => Ok(pb::ExportCreditsResponse { credits: credits.into_iter().map(Into::into).collect() }),
        Err(error) => Err(tally_rpc::status(error, locale)),
    }))
}

fn share((person, ppm): (PersonId, u32)) -> pb::Share {
    pb::Share { person_id: person.to_string(), ppm }
}

fn explained_in(locale: Locale, explained: Explained) -> pb::ExplainRecordResponse {
    pb::ExplainRecordResponse {
        credit: Some(explained.credit.into()),
        lines: explained.lines.iter().map(|line| tally_i18n::text(locale, line)).collect(),
        candidates: explained.candidates.into_iter().map(share).collect(),
        reason: explained.why.map(|told| reason(locale, &told)),
    }
}

/// What told people apart, with the sentence.
fn reason(locale: Locale, told: &Told) -> pb::Reason {
    let person = |(person, ppm): &(Option<(PersonId, String)>, u32)| {
        let person_id = person.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default();
        pb::ReasonPerson { person_id, ppm: *ppm, ..Default::default() }
    };
    let [mut first, mut second] = told.people.each_ref().map(person);
    let mut reason =
        pb::Reason { against: told.why.against.map_or(0, |kind| sign_of(kind).into()), ..Default::default() };
    let pause = |of: &mut pb::ReasonPerson, pause: Pause| (of.seconds, of.not_yet) = (pause.seconds, !pause.wrote);
    let counts = |of: &mut pb::ReasonPerson, count: u16, all: u16| (of.count, of.of) = (count.into(), all.into());
    let sign = match told.why.sign {
        Sign::Hands { first: one, second: other } => {
            pause(&mut first, one);
            pause(&mut second, other);
            pb::Sign::Hands
        }
        Sign::Thread { seconds } => {
            reason.seconds = Some(seconds);
            pb::Sign::Thread
        }
        Sign::Profile { kind, wait } => {
            reason.seconds = wait;
            reason.set_kind(match kind {
                ReplyKind::First => pb::ReplyKind::First,
                ReplyKind::Message => pb::ReplyKind::Message,
                ReplyKind::Nothing => pb::ReplyKind::Nothing,
            });
            pb::Sign::Profile
        }
        Sign::Device { owned } => {
            reason.owned = owned;
            pb::Sign::Device
        }
        Sign::Duty { first: one, second: other, replies } => {
            counts(&mut first, one, replies);
            counts(&mut second, other, replies);
            pb::Sign::Duty
        }
        Sign::Names { first: one, second: other, near } => {
            reason.near = near;
            counts(&mut first, one.own, one.of);
            counts(&mut second, other.own, other.of);
            pb::Sign::Names
        }
        Sign::Together => pb::Sign::Together,
        Sign::TooFewReplies => pb::Sign::TooFewReplies,
        Sign::TooDense => pb::Sign::TooDense,
        Sign::ClockWithoutSeconds => pb::Sign::ClockWithoutSeconds,
        Sign::NoReplyTimes => pb::Sign::NoReplyTimes,
    };
    reason.set_sign(sign);
    if told.why.people.is_some() {
        (reason.first, reason.second) = (Some(first), Some(second));
    }
    let numbers = told.people.iter().filter_map(|(person, _)| person.as_ref());
    let numbers: BTreeMap<String, &str> = numbers.map(|(id, no)| (id.to_string(), no.as_str())).collect();
    let number = |id: &str| numbers.get(id).copied().unwrap_or_default().to_owned();
    reason.sentence = tally_i18n::text(locale, &sentence(&reason, number));
    reason
}

fn sign_of(kind: SignKind) -> pb::Sign {
    match kind {
        SignKind::Hands => pb::Sign::Hands,
        SignKind::Thread => pb::Sign::Thread,
        SignKind::Profile => pb::Sign::Profile,
        SignKind::Device => pb::Sign::Device,
    }
}

impl From<ExportedCredit> for pb::Credit {
    fn from(credit: ExportedCredit) -> Self {
        Self {
            account_id: credit.account.to_string(),
            account_key: credit.account_key,
            external_id: credit.external_id,
            rung: rung(credit.rung).into(),
            shares: credit.shares.into_iter().map(share).collect(),
            reason: credit.reason,
            evidence: credit.evidence,
            policy_version: credit.policy_version,
            started_at: Some(timestamp_of_millis(credit.started_ms)),
            others_ppm: credit.others,
        }
    }
}

impl From<TotalsPage> for pb::ListTotalsResponse {
    fn from(page: TotalsPage) -> Self {
        let evidence = |(account, worth): (AccountId, Worth)| pb::EvidenceWorth {
            account_id: account.to_string(),
            now_ppm: worth.now_ppm,
            with_breaks_ppm: worth.breaks_ppm,
            with_devices_ppm: worth.devices_ppm,
            with_claims_ppm: worth.claims_ppm,
            idle_days: worth.idle_days,
            idle_people: worth.idle_people,
        };
        Self {
            totals: page.totals.into_iter().map(|total| keyed(total, &page.keys)).collect(),
            next_page_token: page.next,
            evidence: page.evidence.into_iter().map(evidence).collect(),
        }
    }
}

fn keyed(total: Total, keys: &BTreeMap<AccountId, String>) -> pb::Total {
    let [tagged_ppm, handover_ppm, sole_ppm, inferred_ppm, equal_ppm, team_ppm] = total.rungs;
    let [claimed_ppm, device_ppm, replies_ppm, tag_share_ppm] = total.later;
    pb::Total {
        person_id: total.person.to_string(),
        account_key: total.account.and_then(|id| keys.get(&id)).cloned().unwrap_or_default(),
        account_id: total.account.map(|a| a.to_string()).unwrap_or_default(),
        tagged_ppm,
        handover_ppm,
        sole_ppm,
        inferred_ppm,
        equal_ppm,
        team_ppm,
        claimed_ppm,
        device_ppm,
        replies_ppm,
        tag_share_ppm,
        total_ppm: total.total,
        low_ppm: total.low,
        high_ppm: total.high,
    }
}
