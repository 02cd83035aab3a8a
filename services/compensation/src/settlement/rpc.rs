//! Parses, calls, renders.

use std::mem::take;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tally_access::{OpContext, Target};
use tally_api::compensation::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{money_message, timestamp};
use tally_i18n::text;
use tally_kernel::error::field;
use tally_kernel::id::SettlementId;
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Message, Result};
use tally_rpc::{Answer, context, mask, masked_in};
use tonic::{Request, Response, Status};

use super::app::replay::Told;
use super::app::{self, App};
use super::domain::replay::{Difference, Replayed};
use super::domain::{Filed, Stage};
use crate::policy::{
    ApproveSettlement, DiscardSettlement, DraftSettlement, GetSettlement, ListSettlements, PostSettlement,
    ReplaySettlement,
};

pub struct Rpc {
    pub app: App,
}

type Replaying = Pin<Box<dyn Stream<Item = Result<pb::ReplaySettlementResponse, Status>> + Send>>;

#[tonic::async_trait]
impl pb::settlement_service_server::SettlementService for Rpc {
    type ReplaySettlementStream = Replaying;

    async fn draft_settlement(
        &self,
        req: Request<pb::DraftSettlementRequest>,
    ) -> Result<Response<pb::DraftSettlementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::draft(&self.app, &ctx, &request, field("pool_id", &asked.pool_id)?).await?;
            let (settlement, masked_fields) = render::<DraftSettlement>(&ctx, filed);
            Ok(pb::DraftSettlementResponse { settlement: Some(settlement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn discard_settlement(
        &self,
        req: Request<pb::DiscardSettlementRequest>,
    ) -> Result<Response<pb::DiscardSettlementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::discard(&self.app, &ctx, &request, field("settlement_id", &asked.settlement_id)?).await?;
            let (settlement, masked_fields) = render::<DiscardSettlement>(&ctx, filed);
            Ok(pb::DiscardSettlementResponse { settlement: Some(settlement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn approve_settlement(
        &self,
        req: Request<pb::ApproveSettlementRequest>,
    ) -> Result<Response<pb::ApproveSettlementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::approve(&self.app, &ctx, &request, field("settlement_id", &asked.settlement_id)?).await?;
            let (settlement, masked_fields) = render::<ApproveSettlement>(&ctx, filed);
            Ok(pb::ApproveSettlementResponse { settlement: Some(settlement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn post_settlement(
        &self,
        req: Request<pb::PostSettlementRequest>,
    ) -> Result<Response<pb::PostSettlementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let filed = app::post(&self.app, &ctx, &request, field("settlement_id", &asked.settlement_id)?).await?;
            let (settlement, masked_fields) = render::<PostSettlement>(&ctx, filed);
            Ok(pb::PostSettlementResponse { settlement: Some(settlement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn get_settlement(
        &self,
        req: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let id: SettlementId = field("settlement_id", &req.get_ref().settlement_id)?;
            let (settlement, masked_fields) = render::<GetSettlement>(&ctx, app::get(&self.app, &ctx, id).await?);
            Ok(pb::GetSettlementResponse { settlement: Some(settlement), masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn list_settlements(
        &self,
        req: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<pb::ListSettlementsResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let page = Page::read(req.get_ref().page_size, &req.get_ref().page_token, b"settlements")?;
            let (filed, next_page_token) = app::list(&self.app, &ctx, &page).await?;
            let (settlements, masked_fields) = render_all(&ctx, filed);
            Ok(pb::ListSettlementsResponse { settlements, next_page_token, masked_fields })
        };
        reply.await.answer(&ctx)
    }

    async fn replay_settlement(
        &self,
        req: Request<pb::ReplaySettlementRequest>,
    ) -> Result<Response<Replaying>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let id = field("settlement_id", &req.into_inner().settlement_id)?;
            let (target, told) = app::replay::replay(&self.app, &ctx, id).await?;
            Ok(told_in(&ctx, target, told))
        };
        reply.await.answer(&ctx)
    }
}

fn told_in(ctx: &OpContext, target: Target, told: impl Stream<Item = Result<Told>> + Send + 'static) -> Replaying {
    let ctx = ctx.clone();
    Box::pin(told.map(move |told| match told {
        Ok(Told::Step(step, done, total)) => {
            Ok(pb::ReplaySettlementResponse { step: text(ctx.locale, &step), done, total, ..Default::default() })
        }
        Ok(Told::End(replayed)) => Ok(ended(&ctx, &target, *replayed)),
        Err(error) => Err(tally_rpc::status(error, ctx.locale)),
    }))
}

/// The last message, without what the caller may not read of the settlement.
fn ended(ctx: &OpContext, target: &Target, replayed: Replayed) -> pb::ReplaySettlementResponse {
    let Replayed { settlement, statements, digests, differences } = replayed;
    let told = |said: Option<Message>| said.map(|said| text(ctx.locale, &said)).unwrap_or_default();
    let difference = |one: Difference| pb::SettlementDifference {
        person_id: one.person.map(|person| person.to_string()).unwrap_or_default(),
        stored: told(one.stored),
        derived: told(one.derived),
        said: one.said.iter().map(|said| text(ctx.locale, said)).collect(),
    };
    let replay = pb::SettlementReplay {
        settlement_id: settlement.to_string(),
        same: differences.count == 0,
        statements,
        inputs_digest_then: digests.0,
        inputs_digest_now: digests.1,
        differing: differences.count,
        differences: differences.first.into_iter().map(difference).collect(),
    };
    let mut last = pb::ReplaySettlementResponse { replay: Some(replay), ..Default::default() };
    let name = "tally.compensation.v1.ReplaySettlementResponse";
    let masked_fields = mask::<ReplaySettlement, _>(ctx, name, &mut last, std::slice::from_ref(target));
    pb::ReplaySettlementResponse { masked_fields, ..last }
}

/// A settlement without what the caller may not read, and the names of what was cleared.
pub(crate) fn render<R: tally_access::Rpc>(ctx: &OpContext, filed: Filed) -> (pb::Settlement, Vec<String>) {
    let target = filed.target();
    let mut message = pb::Settlement::from(filed);
    let masked = mask::<R, _>(ctx, "tally.compensation.v1.Settlement", &mut message, &[target]);
    (message, masked)
}

pub(crate) fn render_all(ctx: &OpContext, filed: Vec<Filed>) -> (Vec<pb::Settlement>, Vec<String>) {
    let (settlements, masked): (_, Vec<_>) = filed.into_iter().map(|f| render::<ListSettlements>(ctx, f)).unzip();
    (settlements, masked_in("settlements", masked))
}

impl From<Filed> for pb::Settlement {
    fn from(filed: Filed) -> Self {
        let currency = filed.sums.pool.currency;
        let state = match filed.stage {
            Stage::Draft => pb::SettlementState::Draft,
            Stage::Approved => pb::SettlementState::Approved,
            Stage::Posted => pb::SettlementState::Posted,
            Stage::Discarded => pb::SettlementState::Discarded,
        };
        Self {
            settlement_id: filed.id.to_string(),
            pool_id: filed.pool.to_string(),
            cycle_id: filed.cycle.to_string(),
            state: state.into(),
            pool: Some(money_message(filed.sums.pool)),
            paid: Some(money_message(Money::new(filed.sums.paid_minor, currency))),
            team_fund: Some(money_message(Money::new(filed.sums.team_fund_minor(), currency))),
            people: filed.people,
            inputs_digest: filed.inputs_digest,
            prepared_by: filed.prepared.by.to_string(),
            approved_by: filed.approved.map(|hands| hands.by.to_string()).unwrap_or_default(),
            posted_by: filed.posted.map(|hands| hands.by.to_string()).unwrap_or_default(),
            prepared_at: Some(timestamp(filed.prepared_at)),
            unit_id: filed.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
            approved_at: filed.approved_at.map(timestamp),
            posted_at: filed.posted_at.map(timestamp),
            adjustments: filed.sums.adjusted_minor.map(|minor| money_message(Money::new(minor, currency))),
        }
    }
}
