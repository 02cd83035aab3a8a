//! Parses, calls, renders, and clears what the caller may not read, by the data class of each field.

use std::mem::take;

use tally_access::OpContext;
use tally_api::compensation::v1 as pb;
use tally_api::compensation::v1::correction_service_server::CorrectionService;
use tally_app::RequestKey;
use tally_app::convert::{money_message, optional_instant, timestamp};
use tally_i18n::text;
use tally_kernel::error::{Violations, field, optional_field};
use tally_kernel::id::CorrectionId;
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Currency, Result, msg};
use tally_rpc::{Answer, context, mask, masked_in};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::app::{self, DeltaShown, Wanted};
use super::domain::{Filed, Stage};
use super::store::adjustments;
use super::store::deltas::Asked;
use crate::policy::{
    ApproveCorrection, DraftCorrection, GetCorrection, ListCorrections, ListDeltas, WithdrawCorrection,
};
use crate::settlement::app::App;

/// Characters of a reason.
const MAX_REASON: usize = 1_000;

pub struct Rpc {
    pub app: App,
}

#[tonic::async_trait]
impl CorrectionService for Rpc {
    async fn draft_correction(
        &self,
        req: Request<pb::DraftCorrectionRequest>,
    ) -> Result<Response<pb::DraftCorrectionResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (filed, deltas) = app::draft(&self.app, &ctx, &wanted(req.into_inner())?).await?;
            Ok(drafted(&ctx, filed, deltas))
        };
        reply.await.answer(&ctx)
    }

    async fn approve_correction(
        &self,
        req: Request<pb::ApproveCorrectionRequest>,
    ) -> Result<Response<pb::ApproveCorrectionResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::approve(&self.app, &ctx, &request, id(&asked.pay_correction_id)?).await?;
            let (correction, masked_fields) = render::<ApproveCorrection>(&ctx, filed);
            Ok(pb::ApproveCorrectionResponse { correction: Some(correction), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_correction(
        &self,
        req: Request<pb::WithdrawCorrectionRequest>,
    ) -> Result<Response<pb::WithdrawCorrectionResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::withdraw(&self.app, &ctx, &request, id(&asked.pay_correction_id)?).await?;
            let (correction, masked_fields) = render::<WithdrawCorrection>(&ctx, filed);
            Ok(pb::WithdrawCorrectionResponse { correction: Some(correction), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn get_correction(
        &self,
        req: Request<pb::GetCorrectionRequest>,
    ) -> Result<Response<pb::GetCorrectionResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let found = app::get(&self.app, &ctx, id(&req.get_ref().pay_correction_id)?).await?;
            let (correction, masked_fields) = render::<GetCorrection>(&ctx, found);
            Ok(pb::GetCorrectionResponse { correction: Some(correction), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn list_corrections(
        &self,
        req: Request<pb::ListCorrectionsRequest>,
    ) -> Result<Response<pb::ListCorrectionsResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let ask = req.get_ref();
            let question = format!("pay corrections {}", ask.settlement_id);
            let page = Page::read(ask.page_size, &ask.page_token, question.as_bytes())?;
            let settlement = optional_field("settlement_id", &ask.settlement_id)?;
            let (found, token) = app::list(&self.app, &ctx, settlement, &page).await?;
            Ok(listed(&ctx, found, token))
        };
        reply.await.answer(&ctx)
    }

    async fn list_deltas(
        &self,
        req: Request<pb::ListDeltasRequest>,
    ) -> Result<Response<pb::ListDeltasResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let (asked, page) = asked(req.get_ref())?;
            let (found, next_page_token) = app::list_deltas(&self.app, &ctx, &asked, &page).await?;
            let (deltas, masked_fields) = render_all::<ListDeltas>(&ctx, found);
            Ok(pb::ListDeltasResponse { deltas, next_page_token, masked_fields })
        };
        reply.await.answer(&ctx)
    }
}

fn id(text: &str) -> Result<CorrectionId> {
    field("pay_correction_id", text)
}

fn wanted(mut ask: pb::DraftCorrectionRequest) -> Result<Wanted> {
    let request = RequestKey::of(take(&mut ask.request_id), &ask);
    let mut wrong = Violations::new();
    let settlement = wrong.parse("settlement_id", &ask.settlement_id);
    let reason = ask.reason.trim();
    wrong.text("reason", reason, MAX_REASON);
    if reason.is_empty() {
        wrong.push("reason", msg!("CORRECTION_REASON_MISSING"));
    }
    let settlement = wrong.finish(settlement)?;
    Ok(Wanted { request, settlement, reason: reason.to_owned(), validate_only: ask.validate_only })
}

fn asked(ask: &pb::ListDeltasRequest) -> Result<(Asked, Page)> {
    let mut wrong = Violations::new();
    let correction = wrong.optional("pay_correction_id", &ask.pay_correction_id);
    let person = wrong.optional("person_id", &ask.person_id);
    let (known_at, waiting) = (optional_instant(&mut wrong, "known_at", ask.known_at), ask.waiting_only);
    if waiting && known_at.is_some() {
        wrong.push("waiting_only", msg!("DELTAS_WAIT_NOW"));
    }
    wrong.finish(Some(()))?;
    let question = format!("deltas {} {} {known_at:?} {waiting}", ask.pay_correction_id, ask.person_id);
    let page = Page::read(ask.page_size, &ask.page_token, question.as_bytes())?;
    Ok((Asked { correction, person, known_at, waiting }, page))
}

/// A draft with who gets another amount, without what the caller may not read.
fn drafted(ctx: &OpContext, filed: Filed, deltas: Vec<DeltaShown>) -> pb::DraftCorrectionResponse {
    let (correction, mut masked_fields) = render::<DraftCorrection>(ctx, filed);
    let (deltas, masked) = render_all::<DraftCorrection>(ctx, deltas);
    masked_fields.extend(masked);
    pb::DraftCorrectionResponse { correction: Some(correction), deltas, masked_fields }
}

fn listed(ctx: &OpContext, found: Vec<Filed>, next_page_token: String) -> pb::ListCorrectionsResponse {
    let (corrections, masked): (_, Vec<_>) = found.into_iter().map(|f| render::<ListCorrections>(ctx, f)).unzip();
    pb::ListCorrectionsResponse { corrections, next_page_token, masked_fields: masked_in("corrections", masked) }
}

/// A correction without what the caller may not read, and the names of what was cleared.
pub(crate) fn render<R: tally_access::Rpc>(ctx: &OpContext, filed: Filed) -> (pb::PayCorrection, Vec<String>) {
    let target = filed.target();
    let mut message = pb::PayCorrection::from(filed);
    let masked = mask::<R, _>(ctx, "tally.compensation.v1.PayCorrection", &mut message, &[target]);
    (message, masked)
}

/// Deltas without what the caller may not read, and the names of what was cleared.
pub(crate) fn render_all<R: tally_access::Rpc>(
    ctx: &OpContext,
    found: Vec<DeltaShown>,
) -> (Vec<pb::PayDelta>, Vec<String>) {
    let rendered = found.into_iter().map(|shown| {
        let targets: Vec<_> =
            [shown.kept.target(), shown.whole.clone()].into_iter().chain(shown.payers.iter().cloned()).collect();
        let mut message = delta(ctx, shown);
        let masked = mask::<R, _>(ctx, "tally.compensation.v1.PayDelta", &mut message, &targets);
        (message, masked)
    });
    let (deltas, masked): (_, Vec<_>) = rendered.unzip();
    (deltas, masked_in("deltas", masked))
}

fn delta(ctx: &OpContext, shown: DeltaShown) -> pb::PayDelta {
    let DeltaShown { kept, reason, cards_version, left_minor, adjustments, .. } = shown;
    let money = |minor| money_message(Money::new(minor, kept.currency));
    let delta = &kept.owed.delta;
    pb::PayDelta {
        delta_id: written(kept.id.0),
        pay_correction_id: written(kept.correction.0),
        settlement_id: kept.settlement.to_string(),
        cycle_id: kept.cycle.to_string(),
        person_id: delta.who.person.to_string(),
        old: Some(money(delta.old_minor)),
        new: Some(money(delta.new_minor)),
        why: text(ctx.locale, &delta.why.explain()),
        reason,
        cards_version,
        approved_at: kept.approved_at.map(timestamp),
        left: left_minor.map(money),
        adjustments: adjustments.into_iter().map(|one| adjustment(one, kept.currency)).collect(),
    }
}

fn adjustment(one: adjustments::Kept, currency: Currency) -> pb::Adjustment {
    let money = |minor| Some(money_message(Money::new(minor, currency)));
    let state = match one.stage {
        adjustments::Stage::Held => pb::AdjustmentState::Held,
        adjustments::Stage::Settled => pb::AdjustmentState::Settled,
        adjustments::Stage::Freed => pb::AdjustmentState::Unspecified,
    };
    pb::Adjustment {
        settlement_id: one.settlement.to_string(),
        amount: money(one.amounts.minor),
        left: money(one.amounts.left_minor),
        state: state.into(),
        since: Some(timestamp(one.ended.unwrap_or(one.since))),
    }
}

/// An id, and nothing of what is not written.
fn written(id: Uuid) -> String {
    if id.is_nil() { String::new() } else { id.to_string() }
}

impl From<Filed> for pb::PayCorrection {
    fn from(filed: Filed) -> Self {
        let money = |minor| Some(money_message(Money::new(minor, filed.reckoned.standing.pool.currency)));
        let state = match filed.stage {
            _ if filed.id.0.is_nil() => pb::PayCorrectionState::Unspecified,
            Stage::Draft => pb::PayCorrectionState::Draft,
            Stage::Approved => pb::PayCorrectionState::Approved,
            Stage::Withdrawn => pb::PayCorrectionState::Withdrawn,
        };
        let decided = filed.approved.or(filed.withdrawn);
        Self {
            pay_correction_id: written(filed.id.0),
            settlement_id: filed.settlement.to_string(),
            cycle_id: filed.cycle.to_string(),
            unit_id: filed.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
            state: state.into(),
            number: filed.number,
            people: filed.people,
            more: money(filed.reckoned.more_minor),
            less: money(filed.reckoned.less_minor),
            reason: filed.reckoned.reason,
            inputs_digest: filed.inputs_digest,
            drafted_by: filed.drafted.by.by.to_string(),
            approved_by: filed.approved.map(|taken| taken.by.by.to_string()).unwrap_or_default(),
            withdrawn_by: filed.withdrawn.map(|taken| taken.by.by.to_string()).unwrap_or_default(),
            drafted_at: Some(timestamp(filed.drafted.at)),
            decided_at: decided.map(|taken| timestamp(taken.at)),
            cards_version: filed.cards_version,
        }
    }
}
