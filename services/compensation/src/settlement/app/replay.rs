//! Replaying a settlement: every statement derived again from what it was drafted from, and held against what is stored. Nothing is written but
//! who asked.

use std::collections::BTreeMap;

use futures::Stream;
use tally_access::{OpContext, Rpc as _, Target};
use tally_app::progress::{Tell, working};
use tally_app::units::Units;
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::{Error, Kind, Message, Result, msg};
use tally_store::{Audit, ScopedTx};

use super::{App, Known, Taking, claims, inputs_digest};
use crate::correction::domain::{Adjusted, next};
use crate::correction::facts::Now;
use crate::peers::Cards;
use crate::policy::ReplaySettlement;
use crate::pool::domain::Pool;
use crate::settlement::domain::replay::{Differences, Paid, Replayed, Stored};
use crate::settlement::domain::{Filed, Settlement, Sums, settle};
use crate::settlement::store;
use crate::statement::domain::KeptLine;
use crate::{SERVICE, correction, pool, statement};

/// Steps of a replay.
const STEPS: u32 = 3;

/// How far a replay is, or what came of it.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// What is done, and how many steps are.
    Step(Message, u32, u32),
    End(Box<Replayed>),
}

/// Replays a settlement, and what a call about it is decided on.
///
/// # Errors
/// `NOT_FOUND`, `PERMISSION_DENIED`.
pub(crate) async fn replay(
    app: &App,
    ctx: &OpContext,
    id: SettlementId,
) -> Result<(Target, impl Stream<Item = Result<Told>> + Send + use<>)> {
    ctx.plan::<ReplaySettlement>()?;
    let (target, people) = {
        let tx = app.store.read(ctx).await?;
        let target = store::target(&tx, id).await?.ok_or_else(|| Error::not_found("settlement", id))?;
        (target, statement::facts::people_of(&tx, id).await?)
    };
    ctx.permit_read::<ReplaySettlement>(&target, "settlement", id)?;
    let audit = Audit::new("compensation.settlement.replay", "settlement", id).about_all(people);
    app.store.audit_read(ctx, ReplaySettlement::METHOD, audit).await?;
    // As it was drafted: by the service, whoever asks for it.
    let (app, ctx) = (app.clone(), ctx.as_service(SERVICE));
    Ok((target, working(move |tell| async move { replayed(&app, &ctx, id, &tell).await })))
}

async fn replayed(app: &App, ctx: &OpContext, id: SettlementId, tell: &Tell<Told>) -> Result<Told> {
    tell.say(Told::Step(msg!("STEP_CARDS"), 0, STEPS));
    let filed = { store::filed(&*app.store.read(ctx).await?, id).await };
    let mut differences = Differences::default();
    let filed = match filed {
        Ok(filed) => filed,
        // The sums do not open, or do not add up.
        Err(altered) if altered.kind() == Kind::Internal => {
            differences.without(msg!("REPLAY_UNREADABLE"));
            let digests = Default::default();
            return Ok(Told::End(Box::new(Replayed { settlement: id, statements: 0, digests, differences })));
        }
        Err(error) => return Err(error),
    };
    let derived = match derive(app, ctx, &filed, tell).await {
        Ok(derived) => Some(derived),
        // What it was made of is not there any more as it was.
        Err(refused) if matches!(refused.kind(), Kind::FailedPrecondition | Kind::InvalidArgument) => {
            differences.without(refused.message().clone());
            None
        }
        Err(error) => return Err(error),
    };
    tell.say(Told::Step(msg!("STEP_STATEMENTS"), 2, STEPS));
    let stored = { stored(&*app.store.read(ctx).await?, id).await? };
    let statements = u32::try_from(stored.len()).map_err(Error::internal)?;
    let mut now = String::new();
    if let Some(Derived { sums, people, digest }) = derived {
        let count = u32::try_from(people.len()).map_err(Error::internal)?;
        differences.sums((&filed.sums, filed.people), (&sums, count));
        differences.statements(filed.sums.pool.currency, stored, &people);
        now = digest;
    }
    let digests = (filed.inputs_digest, now);
    Ok(Told::End(Box::new(Replayed { settlement: id, statements, digests, differences })))
}

/// What a settlement would be if it were drafted from what it was drafted from.
struct Derived {
    sums: Sums,
    people: Vec<(PersonId, Paid)>,
    /// Digest of the inputs, hex.
    digest: String,
}

async fn derive(app: &App, ctx: &OpContext, filed: &Filed, tell: &Tell<Told>) -> Result<Derived> {
    let pool = pool::facts::pool_of(&*app.store.read(ctx).await?, filed.pool).await?;
    let by = filed.sums.cards_version.map_or(Cards::KnownAt(filed.prepared_at), Cards::Version);
    let scored = app.peers.scores(ctx, pool.cycle, Some(by)).await?;
    let last_day = scored.cycle.last_day;
    let now = Now::of(&app.directory, ctx, Some(last_day));
    let (now, units) = futures::try_join!(now, Units::of(&app.peers.identity, ctx, Some(last_day)))?;
    let scores = claims(&pool, scored, &now.people, (&units, &now.trees))??;
    tell.say(Told::Step(msg!("STEP_SETTLEMENT"), 1, STEPS));
    let split = settle(pool.amount, &pool.rule, &scores, &filed.sums.carry_before)?;
    let known = Known { now: &now, last_day, cards_version: filed.sums.cards_version.unwrap_or(0) };
    let taking = { taken_again(&*app.store.read(ctx).await?, filed, &split, &known).await? };
    Ok(Derived {
        sums: sums(&pool, filed, &split, &taking)?,
        people: taking.people().iter().map(|one| (one.who.person, paid(one))).collect(),
        digest: inputs_digest(&pool, &scores, &filed.sums.carry_before, &taking)?,
    })
}

/// What it took of corrections, once more: of those that it took, as they stood before.
async fn taken_again(tx: &ScopedTx, filed: &Filed, split: &Settlement, known: &Known<'_>) -> Result<Taking> {
    let waiting = correction::facts::taken(tx, filed.id).await?;
    let outstanding = waiting.iter().map(|one| one.outstanding.clone()).collect();
    Ok(Taking::again(next(outstanding, split, |_| true)?, waiting, known))
}

fn sums(pool: &Pool, filed: &Filed, split: &Settlement, taking: &Taking) -> Result<Sums> {
    Ok(Sums {
        pool: pool.amount,
        paid_minor: split.paid_minor(),
        funds: split.funds.clone(),
        carry_before: filed.sums.carry_before.clone(),
        carry_after: split.carry.clone(),
        adjusted_minor: taking.adjusted_minor()?,
        cards_version: filed.sums.cards_version,
    })
}

fn paid(one: &Adjusted) -> Paid {
    let adjustments = one.adjustments.iter().map(|taken| (taken.of.id, (taken.minor, taken.left_minor))).collect();
    Paid { line: one.line.clone(), adjustments }
}

/// What is stored of everybody.
async fn stored(tx: &ScopedTx, id: SettlementId) -> Result<BTreeMap<PersonId, Stored>> {
    let mut taken = correction::facts::amounts(tx, id).await?;
    let lines = statement::facts::kept_lines(tx, id).await?;
    let stored = lines.into_iter().map(|(person, line)| {
        let adjustments = taken.remove(&person).unwrap_or_default();
        let stored = match line {
            KeptLine::There(line) => Stored::There(Box::new(Paid { line: line.map(|line| *line), adjustments })),
            KeptLine::Unreadable => Stored::Unreadable,
        };
        (person, stored)
    });
    Ok(stored.collect())
}
