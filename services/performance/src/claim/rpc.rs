//! ClaimService: claims made, brought in, told and taken back.

use std::mem::take;

use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{fact_instant, open_stretch_ms, optional_instant, timestamp, timestamp_of_millis};
use tally_app::import::{self, Import, MAX_ROWS};
use tally_kernel::error::Violations;
use tally_kernel::id::ClaimId;
use tally_kernel::page::Page;
use tally_kernel::{Result, limits, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Command};
use super::domain::Claim;
use super::store::{Asked, End, Stored};
use crate::App;

/// Characters of a reason.
const REASON: usize = 500;

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::claim_service_server::ClaimService for Rpc {
    async fn make_claim(&self, req: Request<pb::MakeClaimRequest>) -> Result<Response<pb::MakeClaimResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let made = app::make_claim(&self.app, &ctx, read_make(req.into_inner())?).await?;
            Ok(pb::MakeClaimResponse { claim: Some(message(made)) })
        };
        reply.await.answer(&ctx)
    }

    async fn import_claims(
        &self,
        req: Request<pb::ImportClaimsRequest>,
    ) -> Result<Response<pb::ImportClaimsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let outcome = app::import_claims(&self.app, &ctx, read_import(req.into_inner())?).await?;
            Ok(pb::ImportClaimsResponse { result: Some(import::told(outcome, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_claims(
        &self,
        req: Request<pb::ListClaimsRequest>,
    ) -> Result<Response<pb::ListClaimsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (asked, page) = read_list(&req.into_inner())?;
            let (found, next_page_token) = app::list_claims(&self.app, &ctx, &asked, &page).await?;
            Ok(pb::ListClaimsResponse { claims: found.into_iter().map(message).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }

    async fn withdraw_claim(
        &self,
        req: Request<pb::WithdrawClaimRequest>,
    ) -> Result<Response<pb::WithdrawClaimResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let (request, id, reason) = read_withdraw(req.into_inner())?;
            let was = app::withdraw_claim(&self.app, &ctx, &request, id, &reason).await?;
            Ok(pb::WithdrawClaimResponse { claim: Some(message(was)) })
        };
        reply.await.answer(&ctx)
    }
}

fn read_make(mut asked: pb::MakeClaimRequest) -> Result<Command> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    named(&mut v, &asked.external_id, &asked.customer);
    let (external_id, customer) = (asked.external_id, asked.customer);
    v.finish(account.map(|account| Command { request, account, external_id, customer }))
}

fn read_import(mut asked: pb::ImportClaimsRequest) -> Result<Import<Claim>> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    Import::checked(request, asked.rows, MAX_ROWS, |row, v| {
        let account = v.parse("account_id", &row.account_id);
        let person = v.parse("person_id", &row.person_id);
        let at = fact_instant(v, "at", row.at);
        named(v, &row.external_id, &row.customer);
        let (external_id, customer) = (row.external_id, row.customer);
        Some(Claim { account: account?, person: person?, at_ms: at?.as_millisecond(), external_id, customer })
    })
}

/// What a claim may name: a record or a customer.
fn named(v: &mut Violations, external_id: &str, customer: &str) {
    if !external_id.is_empty() {
        v.id("external_id", external_id, limits::TEXT);
    }
    // A nickname that people chose, as records have it.
    if !customer.is_empty() {
        v.text("customer", customer, limits::TEXT);
    }
    if !external_id.is_empty() && !customer.is_empty() {
        v.push("customer", msg!("CLAIM_NAMES_BOTH"));
    }
}

fn read_list(asked: &pb::ListClaimsRequest) -> Result<(Asked, Page)> {
    let mut v = Violations::new();
    let account = v.parse("account_id", &asked.account_id);
    let span = open_stretch_ms(&mut v, asked.from, asked.to);
    let known_at = optional_instant(&mut v, "known_at", asked.known_at);
    let known = account.map(|account| Asked { account, span, known_at, withdrawn: asked.withdrawn });
    let page = Page::read(asked.page_size, &asked.page_token, format!("claims {known:?}").as_bytes());
    let page = v.take("page_token", page);
    v.finish(known.zip(page))
}

fn read_withdraw(mut asked: pb::WithdrawClaimRequest) -> Result<(RequestKey, ClaimId, String)> {
    let request = RequestKey::of(take(&mut asked.request_id), &asked);
    let mut v = Violations::new();
    let id = v.parse("claim_id", &asked.claim_id);
    v.text("reason", &asked.reason, REASON);
    v.finish(id.map(|id| (request, id, asked.reason)))
}

fn message(stored: Stored) -> pb::Claim {
    let claim = stored.placed.claim;
    let told = pb::Claim {
        claim_id: stored.id.to_string(),
        account_id: claim.account.to_string(),
        person_id: claim.person.to_string(),
        at: Some(timestamp_of_millis(claim.at_ms)),
        external_id: claim.external_id,
        customer: claim.customer,
        recorded_at: Some(timestamp(stored.recorded_at)),
        ..Default::default()
    };
    let Some(End { until, reason, by }) = stored.end else { return told };
    pb::Claim { until: Some(timestamp(until)), reason, ended_by: by.to_string(), ..told }
}
