//! AttributionService: messages in, messages out.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::OpContext;
use tally_api::performance::v1 as pb;
use tally_app::convert::timestamp_of_millis;
use tally_kernel::error::{Violations, field, optional_field};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, ExportedCredit, Of, TotalsPage};
use super::store::Total;
use crate::App;
use crate::cycle::domain::Asked;
use crate::cycle::message::version;
use crate::findings::finding;
use tally_engine::attribution::{Rung, Worth};

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
            let person = optional_field("person_id", &asked.person_id)?;
            let version = version(asked.result_version, asked.known_at)?;
            let of = of_version(&asked.cycle_id, version, &asked.attribution_run_id)?;
            let parts = app::export_credits(&self.app, &ctx, of, person).await?;
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
            let page = Page::read(asked.page_size, &asked.page_token, format!("totals {of:?}").as_bytes())?;
            Ok(app::list_totals(&self.app, &ctx, of, &page).await?.into())
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
            let (credit, lines) = app::explain_record(&self.app, &ctx, of, account, &asked.external_id).await?;
            let lines = lines.iter().map(|line| tally_i18n::text(ctx.locale, line)).collect();
            Ok(pb::ExplainRecordResponse { credit: Some(credit.into()), lines })
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

fn rung(rung: Rung) -> pb::Rung {
    match rung {
        Rung::Tagged => pb::Rung::Tag,
        Rung::Handover => pb::Rung::Handover,
        Rung::Sole => pb::Rung::Sole,
        Rung::Inferred => pb::Rung::Inferred,
        Rung::Equal => pb::Rung::Equal,
        Rung::Team => pb::Rung::Team,
        Rung::Unattributed => pb::Rung::Unattributed,
        Rung::Split => pb::Rung::Split,
        Rung::Claimed => pb::Rung::Claim,
        Rung::Device => pb::Rung::Device,
        Rung::Replies => pb::Rung::Replies,
        Rung::TagShare => pb::Rung::TagShare,
    }
}

impl From<ExportedCredit> for pb::Credit {
    fn from(credit: ExportedCredit) -> Self {
        let share = |(person, ppm): (tally_kernel::id::PersonId, u32)| pb::Share { person_id: person.to_string(), ppm };
        Self {
            account_id: credit.account.to_string(),
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
            totals: page.totals.into_iter().map(Into::into).collect(),
            next_page_token: page.next,
            evidence: page.evidence.into_iter().map(evidence).collect(),
        }
    }
}

impl From<Total> for pb::Total {
    fn from(total: Total) -> Self {
        let [tagged_ppm, handover_ppm, sole_ppm, inferred_ppm, equal_ppm, team_ppm] = total.rungs;
        let [claimed_ppm, device_ppm, replies_ppm, tag_share_ppm] = total.later;
        Self {
            person_id: total.person.to_string(),
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
}
