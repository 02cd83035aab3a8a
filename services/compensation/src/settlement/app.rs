//! The use cases of settlements.

pub(crate) mod replay;
mod taking;

use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Rpc};
use tally_app::directory::{Directory, People};
use tally_app::trees::Trees;
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{PoolId, SettlementId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Micro, Result, msg};
use tally_store::{Audit, Store, UnitOfWork};

pub(crate) use self::taking::{Known, Taking};
use super::domain::{self, Beyond, CarryBook, Claimant, Filed, Settlement, SettlementError, Stage, Sums};
use super::store;
use crate::correction::facts::Now;
use crate::peers::{Peers, Scored};
use crate::policy::{
    ApproveSettlement, DiscardSettlement, DraftSettlement, GetSettlement, ListSettlements, PostSettlement,
};
use crate::pool::domain::Pool;
use crate::{correction, pool, statement};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    /// The services it reads from.
    pub peers: Peers,
    /// People and where they belong.
    pub directory: Directory,
}

/// Splits a pool by the scores of its published cycle. The settlement's id alone is kept as the result of the request, as
/// of every change of it: the sums are nobody's to read there.
pub async fn draft(app: &App, ctx: &OpContext, request: &RequestKey, pool: PoolId) -> Result<Filed> {
    ctx.plan::<DraftSettlement>()?;
    let pool = pool::facts::pool_of(&*app.store.read(ctx).await?, pool).await?;
    let permit = ctx.permit_read::<DraftSettlement>(&pool.target(), "pool", pool.id)?;
    let scored = app.peers.scores(ctx, pool.cycle, None).await?;
    let (last_day, cards_version) = (scored.cycle.last_day, scored.cards_version);
    let now = Now::of(&app.directory, ctx, Some(last_day));
    let (now, units) = futures::try_join!(now, Units::of(&app.peers.identity, ctx, Some(last_day)))?;
    let scores = claims(&pool, scored, &now.people, (&units, &now.trees))??;
    let known = Known { now: &now, last_day, cards_version };
    let id = mutate(&app.store, ctx, &permit, request, async |work| {
        correction::facts::lock(&work).await?;
        store::must_be_unpaid(&work, pool.id).await?;
        let carry = store::carry_book(&work, &pool.owner, pool.amount.currency).await?;
        let split = domain::settle(pool.amount, &pool.rule, &scores, &carry)?;
        let taking = Taking::of(&work, &pool, &split, &known).await?;
        let filed = file(ctx, Hands::of(ctx, &permit), &pool, &scores, carry, &split, &taking)?;
        store::insert(&work, &filed).await?;
        taking.write(&work, ctx, &filed.heading(), &known).await?;
        let audit = Audit::new("compensation.settlement.draft", "settlement", filed.id)
            .after(&tally_store::digest(filed.inputs_digest.as_bytes()))
            .note("people", filed.people);
        Ok((work, audit, filed.id))
    });
    let id = id.await?;
    store::filed(&*app.store.read(ctx).await?, id).await
}

/// Everybody with a score whom the pool pays, under the employee number that settles ties; or whom it cannot pay.
pub(crate) fn claims(
    pool: &Pool,
    scored: Scored,
    people: &People,
    (units, trees): (&Units, &Trees),
) -> Result<std::result::Result<Vec<(Claimant, Micro)>, SettlementError>> {
    let Scored { cycle, scores, .. } = scored;
    let claim = |(person, score)| {
        let known = people
            .get(person)
            .ok_or_else(|| Error::internal(format!("a card of person {person}, whom identity does not know")))?;
        let home = known.home(cycle.last_day).map(|home| trees.counted(home, cycle.last_day));
        let belongs = pool.owner.unit().is_none_or(|owner| home.is_some_and(|home| units.holds(owner, home)));
        Ok(domain::Scored { who: Claimant { employee_no: known.employee_no.clone(), person }, score, belongs })
    };
    let scored = scores.into_iter().map(claim).collect::<Result<Vec<_>>>()?;
    Ok(domain::payable(scored, pool.owner == units.owner(cycle.unit)?))
}

pub(crate) fn file(
    ctx: &OpContext,
    hands: Hands,
    pool: &Pool,
    scores: &[(Claimant, Micro)],
    carry_before: CarryBook,
    split: &Settlement,
    taking: &Taking,
) -> Result<Filed> {
    Ok(Filed {
        id: SettlementId(ctx.new_id()),
        pool: pool.id,
        owner: pool.owner.clone(),
        cycle: pool.cycle,
        last_day: pool.last_day,
        stage: Stage::Draft,
        people: u32::try_from(taking.people().len()).map_err(|_| SettlementError::TooLarge(Beyond::Pool))?,
        inputs_digest: inputs_digest(pool, scores, &carry_before, taking)?,
        sums: Sums {
            pool: split.pool,
            paid_minor: split.paid_minor(),
            funds: split.funds.clone(),
            carry_before,
            carry_after: split.carry.clone(),
            adjusted_minor: taking.adjusted_minor()?,
            cards_version: (taking.cards_version > 0).then_some(taking.cards_version),
        },
        prepared: hands,
        approved: None,
        posted: None,
        prepared_at: taking.at,
        approved_at: None,
        posted_at: None,
    })
}

/// Digest of everything that determines the split, by employee number: the same inputs give the same digest in any store. What is
/// taken of corrections goes in where something is.
fn inputs_digest(pool: &Pool, scores: &[(Claimant, Micro)], carry: &CarryBook, taking: &Taking) -> Result<String> {
    let lines = told(scores);
    let taken = taking.told();
    let text = if taken.is_empty() {
        serde_json::to_vec(&(&pool.amount, &pool.rule, &carry.balances, lines))
    } else {
        serde_json::to_vec(&(&pool.amount, &pool.rule, &carry.balances, lines, taken))
    };
    let text = text.map_err(Error::internal)?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// Scores as a digest takes them, by employee number.
pub(crate) fn told(scores: &[(Claimant, Micro)]) -> Vec<String> {
    let mut lines: Vec<String> = scores.iter().map(|(who, score)| format!("{}={score}", who.employee_no)).collect();
    lines.sort();
    lines
}

/// Throws a settlement away before it is posted. What it took of corrections waits for the next one.
pub async fn discard(app: &App, ctx: &OpContext, request: &RequestKey, id: SettlementId) -> Result<Filed> {
    change::<DiscardSettlement>(app, ctx, request, id, "compensation.settlement.discard", |filed, _| {
        Ok(Filed { stage: filed.stage.discard()?, ..filed.clone() })
    })
    .await
}

/// Approves a draft that somebody else prepared.
pub async fn approve(app: &App, ctx: &OpContext, request: &RequestKey, id: SettlementId) -> Result<Filed> {
    change::<ApproveSettlement>(app, ctx, request, id, "compensation.settlement.approve", |filed, approver| {
        let stage = filed.stage.approve(filed.prepared, approver)?;
        Ok(Filed { stage, approved: Some(approver), ..filed.clone() })
    })
    .await
}

/// Posts an approved settlement, by a third pair of hands, of a pool that no other one paid: everybody's lines are checked
/// against the sums once more, and the carry account moves on.
pub async fn post(app: &App, ctx: &OpContext, request: &RequestKey, id: SettlementId) -> Result<Filed> {
    change::<PostSettlement>(app, ctx, request, id, "compensation.settlement.post", |filed, poster| {
        let stage = filed.stage.post(filed.prepared, filed.approved, poster)?;
        Ok(Filed { stage, posted: Some(poster), ..filed.clone() })
    })
    .await
}

/// Brings a settlement to another stage, by the hands that call.
async fn change<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    id: SettlementId,
    action: &'static str,
    step: fn(&Filed, Hands) -> Result<Filed, SettlementError>,
) -> Result<Filed> {
    ctx.plan::<R>()?;
    let target = store::filed(&*app.store.read(ctx).await?, id).await?.target();
    let permit = ctx.permit_read::<R>(&target, "settlement", id)?;
    let changed = mutate(&app.store, ctx, &permit, request, async |work| {
        correction::facts::lock(&work).await?;
        let before = store::filed_for_update(&work, id).await?;
        let mut after = step(&before, Hands::of(ctx, &permit))?;
        match after.stage {
            Stage::Posted => {
                after.posted_at = Some(ctx.now());
                store::must_be_unpaid(&work, before.pool).await?;
                move_carry_on(&work, ctx, &before).await?;
            }
            Stage::Discarded => correction::facts::free(&work, id, ctx.now()).await?,
            Stage::Approved => after.approved_at = Some(ctx.now()),
            Stage::Draft => {}
        }
        store::keep_stage(&work, &after).await?;
        let audit = Audit::new(action, "settlement", id).note("from", before.stage).note("to", after.stage);
        let people = statement::facts::people_of(&work, id).await?;
        Ok((work, audit.about_all(people), id))
    });
    let id = changed.await?;
    store::filed(&*app.store.read(ctx).await?, id).await
}

/// Checks what is about to be posted, and writes the carry account if nobody else moved it since the draft.
async fn move_carry_on(work: &UnitOfWork, ctx: &OpContext, filed: &Filed) -> Result<()> {
    let lines = statement::facts::lines_of(work, filed.id).await?;
    let split = Settlement {
        pool: filed.sums.pool,
        lines,
        funds: filed.sums.funds.clone(),
        carry: filed.sums.carry_after.clone(),
    };
    split.check()?;
    taking::settle(work, ctx, filed, &split).await?;
    if filed.sums.carry_after == filed.sums.carry_before {
        return Ok(());
    }
    if store::carry_book(work, &filed.owner, filed.sums.pool.currency).await? != filed.sums.carry_before {
        return Err(Error::of(Kind::FailedPrecondition, msg!("CARRY_MOVED")));
    }
    store::keep_carry_book(work, ctx, &filed.owner, &filed.sums.carry_after).await
}

pub async fn get(app: &App, ctx: &OpContext, id: SettlementId) -> Result<Filed> {
    let plan = ctx.plan::<GetSettlement>()?;
    store::filed_within(&app.store.read(ctx).await?, &plan, id).await
}

/// A page of settlements, newest first, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Filed>, String)> {
    let plan = ctx.plan::<ListSettlements>()?;
    store::page(&app.store.read(ctx).await?, &plan, page).await
}
