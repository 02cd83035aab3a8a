//! The use cases of settlements.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Target};
use tally_app::directory::{Directory, People};
use tally_app::four_eyes::Hands;
use tally_kernel::id::{CycleId, PersonId, PoolId, SettlementId};
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Micro, Result, msg};
use tally_store::{Audit, Store, UnitOfWork};

use super::domain::{self, CarryBook, Claimant, Fund, Settlement, SettlementError, Stage};
use super::store;
use crate::peers::{Peers, Scored};
use crate::policy::{
    ApproveSettlement, DiscardSettlement, DraftSettlement, GetSettlement, ListSettlements, PostSettlement,
};
use crate::pool::app::Pool;
use crate::{pool, statement};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    /// The service's store.
    pub store: Store,
    /// The services it reads from.
    pub peers: Peers,
    /// People and where they belong.
    pub directory: Directory,
}

/// A settlement on file: who did what to it, and its sums. Everybody's lines are with the statements.
#[derive(Clone, Debug)]
pub struct Filed {
    /// Its id.
    pub id: SettlementId,
    /// The pool.
    pub pool: PoolId,
    /// The cycle.
    pub cycle: CycleId,
    /// Where it stands.
    pub stage: Stage,
    /// The money.
    pub sums: Sums,
    /// People with a statement.
    pub people: u32,
    /// Digest of amount, rule, scores and carry account, hex.
    pub inputs_digest: String,
    /// Who prepared it.
    pub prepared: Hands,
    /// Who approved it.
    pub approved: Option<Hands>,
    /// Who posted it.
    pub posted: Option<Hands>,
    /// When it was prepared.
    pub prepared_at: Timestamp,
}

/// The sums of a settlement, kept sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The pool.
    pub pool: Money,
    /// What people get together, in minor units.
    pub paid_minor: i64,
    /// What is kept for funds.
    pub funds: Vec<Fund>,
    /// The carry account before.
    pub carry_before: CarryBook,
    /// The carry account after posting.
    pub carry_after: CarryBook,
}

impl Sums {
    /// What the funds get together, in minor units.
    pub fn team_fund_minor(&self) -> i64 {
        self.funds.iter().map(|fund| fund.minor).sum()
    }
}

/// A change of a settlement's state.
#[derive(Clone, Debug)]
pub struct Change {
    /// Same id, same result.
    pub request_id: String,
    /// Digest of the request's body.
    pub body: [u8; 32],
    /// The settlement, or the pool of a draft.
    pub id: uuid::Uuid,
}

/// Splits a pool by the scores of its published cycle.
pub async fn draft(app: &App, ctx: &OpContext, change: &Change) -> Result<Filed> {
    let permit = ctx.permit::<DraftSettlement>(&Target::tenant())?;
    let pool = pool::store::pool_of(&*app.store.read(ctx).await?, PoolId(change.id)).await?;
    let Scored { last_day, scores } = app.peers.scores(ctx, pool.cycle).await?;
    let people = app.directory.everybody(ctx).await?;
    let scores = claims(scores, &people)?;
    app.store
        .retry(ctx, || async {
            let mut work = app.store.unit(ctx, &permit).await?;
            if let Some(id) = work.replay::<SettlementId>(&change.request_id, &change.body).await? {
                return store::filed(&work, id).await;
            }
            let carry = store::carry_book(&work, pool.amount.currency).await?;
            let split = domain::settle(pool.amount, &pool.rule, &scores, &carry)?;
            let filed = file(ctx, Hands::of(ctx, &permit), &pool, &scores, carry, &split);
            store::insert(&work, &filed).await?;
            statement::store::insert_all(&work, ctx, &filed, &split.lines, (&people, last_day)).await?;
            let audit = Audit::new("compensation.settlement.draft", "settlement", filed.id)
                .after(&tally_store::digest(filed.inputs_digest.as_bytes()))
                .note("people", filed.people);
            work.commit(audit, filed.id).await?;
            Ok(filed)
        })
        .await
}

/// Everybody with a score, under the employee number that settles ties.
fn claims(scores: Vec<(PersonId, Micro)>, people: &People) -> Result<Vec<(Claimant, Micro)>> {
    let claim = |(person, score)| {
        let known = people
            .get(person)
            .ok_or_else(|| Error::internal(format!("a card of person {person}, whom identity does not know")))?;
        Ok((Claimant { employee_no: known.employee_no.clone(), person }, score))
    };
    scores.into_iter().map(claim).collect()
}

pub(crate) fn file(
    ctx: &OpContext,
    hands: Hands,
    pool: &Pool,
    scores: &[(Claimant, Micro)],
    carry_before: CarryBook,
    split: &Settlement,
) -> Filed {
    Filed {
        id: SettlementId(ctx.new_id()),
        pool: pool.id,
        cycle: pool.cycle,
        stage: Stage::Draft,
        people: u32::try_from(split.lines.len()).unwrap_or(u32::MAX),
        inputs_digest: inputs_digest(pool, scores, &carry_before),
        sums: Sums {
            pool: split.pool,
            paid_minor: split.paid_minor(),
            funds: split.funds.clone(),
            carry_before,
            carry_after: split.carry.clone(),
        },
        prepared: hands,
        approved: None,
        posted: None,
        prepared_at: ctx.now(),
    }
}

/// Digest of everything that determines the split, by employee number: the same inputs give the same digest in any store.
fn inputs_digest(pool: &Pool, scores: &[(Claimant, Micro)], carry: &CarryBook) -> String {
    let mut lines: Vec<String> = scores.iter().map(|(who, score)| format!("{}={score}", who.employee_no)).collect();
    lines.sort();
    let parts = (&pool.amount, &pool.rule, &carry.balances, lines);
    let text = serde_json::to_vec(&parts).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}

/// Throws a settlement away before it is posted.
pub async fn discard(app: &App, ctx: &OpContext, change: &Change) -> Result<Filed> {
    let permit = ctx.permit::<DiscardSettlement>(&Target::tenant())?;
    app.store
        .retry(ctx, || async {
            let work = app.store.unit(ctx, &permit).await?;
            let step = |filed: &Filed| Ok(Filed { stage: filed.stage.discard()?, ..filed.clone() });
            change_stage(work, change, "compensation.settlement.discard", step).await
        })
        .await
}

/// Approves a draft that somebody else prepared.
pub async fn approve(app: &App, ctx: &OpContext, change: &Change) -> Result<Filed> {
    let permit = ctx.permit::<ApproveSettlement>(&Target::tenant())?;
    let approver = Hands::of(ctx, &permit);
    app.store
        .retry(ctx, || async {
            let work = app.store.unit(ctx, &permit).await?;
            let step = |filed: &Filed| {
                let stage = filed.stage.approve(filed.prepared, approver)?;
                Ok(Filed { stage, approved: Some(approver), ..filed.clone() })
            };
            change_stage(work, change, "compensation.settlement.approve", step).await
        })
        .await
}

/// Posts an approved settlement, by a third pair of hands: everybody's lines are checked against the sums once more, and the carry account moves on.
pub async fn post(app: &App, ctx: &OpContext, change: &Change) -> Result<Filed> {
    let permit = ctx.permit::<PostSettlement>(&Target::tenant())?;
    let poster = Hands::of(ctx, &permit);
    app.store
        .retry(ctx, || async {
            let work = app.store.unit(ctx, &permit).await?;
            let id = SettlementId(change.id);
            let filed = store::filed(&work, id).await?;
            if filed.stage == Stage::Approved {
                move_carry_on(&work, ctx, &filed).await?;
            }
            let step = |filed: &Filed| {
                let stage = filed.stage.post(filed.prepared, filed.approved, poster)?;
                Ok(Filed { stage, posted: Some(poster), ..filed.clone() })
            };
            change_stage(work, change, "compensation.settlement.post", step).await
        })
        .await
}

/// Checks what is about to be posted, and writes the carry account if nobody else moved it since the draft.
async fn move_carry_on(work: &UnitOfWork, ctx: &OpContext, filed: &Filed) -> Result<()> {
    let lines = statement::store::lines_of(work, filed.id).await?;
    let split = Settlement {
        pool: filed.sums.pool,
        lines,
        funds: filed.sums.funds.clone(),
        carry: filed.sums.carry_after.clone(),
    };
    split.check()?;
    if filed.sums.carry_after == filed.sums.carry_before {
        return Ok(());
    }
    if store::carry_book(work, filed.sums.pool.currency).await? != filed.sums.carry_before {
        return Err(Error::of(Kind::FailedPrecondition, msg!("CARRY_MOVED")));
    }
    store::keep_carry_book(work, ctx, &filed.sums.carry_after).await
}

async fn change_stage(
    mut work: UnitOfWork,
    change: &Change,
    action: &'static str,
    step: impl Fn(&Filed) -> Result<Filed, SettlementError>,
) -> Result<Filed> {
    let id = SettlementId(change.id);
    if work.replay::<SettlementId>(&change.request_id, &change.body).await?.is_some() {
        return store::filed(&work, id).await;
    }
    let before = store::filed_for_update(&work, id).await?;
    let after = step(&before)?;
    store::keep_stage(&work, &after).await?;
    let audit = Audit::new(action, "settlement", id).note("from", before.stage).note("to", after.stage);
    let people = statement::store::people_of(&work, id).await?;
    work.commit(audit.about_all(people), id).await?;
    Ok(after)
}

/// One settlement.
pub async fn get(app: &App, ctx: &OpContext, id: SettlementId) -> Result<Filed> {
    let plan = ctx.plan::<GetSettlement>()?;
    store::filed_within(&app.store.read(ctx).await?, &plan, id).await
}

/// A page of settlements, newest first, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Filed>, String)> {
    let plan = ctx.plan::<ListSettlements>()?;
    store::page(&app.store.read(ctx).await?, &plan, page).await
}
