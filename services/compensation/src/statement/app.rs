//! The use cases of statements. Seeing that somebody has one, reading its amounts, and reading the score in it are three
//! permissions; every read leaves an entry in the audit log.

use std::ops::Range;

use tally_access::{OpContext, Plan, Rpc, Target};
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, Store};

use super::domain::Statement;
use super::store;
use crate::correction::facts::Shown;
use crate::peers::{Cards, Credited, Peers};
use crate::policy::{GetStatement, ListPersonStatements, ListStatements, TraceStatement};
use crate::{correction, settlement};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    /// The services it reads from.
    pub peers: Peers,
}

/// A statement, and what it takes of amounts that were put right.
#[derive(Clone, Debug)]
pub struct Paid {
    pub statement: Statement,
    /// What reading the whole settlement is decided on: who reads that reads this.
    pub whole: Target,
    /// The oldest first.
    pub adjustments: Vec<Shown>,
}

/// Whoever reads the whole settlement reads each statement of it, also that of somebody who moved: nobody prepares, approves or
/// pays what he cannot see. With what that is decided on; nothing of a settlement that is not there.
async fn whole<R: Rpc>(tx: &ScopedTx, plan: Plan<R>, settlement: SettlementId) -> Result<Option<(Plan<R>, Target)>> {
    let whole = settlement::facts::target(tx, settlement).await?;
    Ok(whole.map(|whole| (plan.through(&whole), whole)))
}

/// One person's statement in a settlement.
pub async fn get(app: &App, ctx: &OpContext, settlement: SettlementId, person: PersonId) -> Result<Paid> {
    let plan = ctx.plan::<GetStatement>()?;
    let tx = app.store.read(ctx).await?;
    let unknown = || Error::not_found("statement of person", person);
    let (plan, whole) = whole(&tx, plan, settlement).await?.ok_or_else(unknown)?;
    let statement = store::one(&tx, &plan, settlement, person).await?.ok_or_else(unknown)?;
    let mut shown = correction::facts::shown(&tx, settlement, Some(person)).await?;
    Ok(Paid { adjustments: shown.remove(&person).unwrap_or_default(), whole, statement })
}

/// A page of the statements of a settlement, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, settlement: SettlementId, page: &Page) -> Result<(Vec<Paid>, String)> {
    let plan = ctx.plan::<ListStatements>()?;
    let tx = app.store.read(ctx).await?;
    let Some((plan, whole)) = whole(&tx, plan, settlement).await? else { return Ok((Vec::new(), String::new())) };
    let (found, token) = store::page(&tx, &plan, settlement, page).await?;
    let mut shown = correction::facts::shown(&tx, settlement, None).await?;
    let paid = found.into_iter().map(|statement| {
        let adjustments = shown.remove(&statement.person).unwrap_or_default();
        Paid { statement, whole: whole.clone(), adjustments }
    });
    Ok((paid.collect(), token))
}

/// A page of a person's statements, newest first, and the next page's token; none of a settlement that was thrown away.
pub async fn list_of_person(app: &App, ctx: &OpContext, person: PersonId, page: &Page) -> Result<(Vec<Paid>, String)> {
    let plan = ctx.plan::<ListPersonStatements>()?;
    let tx = app.store.read(ctx).await?;
    let mut of = settlement::facts::standing(&tx, store::settlements_of(&tx, person).await?).await?;
    let whole = of.iter().filter(|(_, target)| plan.covers(target)).map(|(id, _)| *id).collect();
    let (found, token) = store::page_of_person(&tx, &plan, (person, of.keys().copied().collect(), whole), page).await?;
    let mut paid = Vec::with_capacity(found.len());
    for statement in found {
        let Some(whole) = of.remove(&statement.settlement) else { continue };
        let mut shown = correction::facts::shown(&tx, statement.settlement, Some(person)).await?;
        paid.push(Paid { adjustments: shown.remove(&person).unwrap_or_default(), whole, statement });
    }
    Ok((paid, token))
}

/// Some of the records behind a statement, by the cards that it was drafted from, and how many there are. Asked of performance as the caller, who
/// sees there what he may see.
pub async fn trace(
    app: &App,
    ctx: &OpContext,
    settlement: SettlementId,
    person: PersonId,
    some: Range<usize>,
) -> Result<(Vec<Credited>, u64)> {
    let plan = ctx.plan::<TraceStatement>()?;
    let unknown = || Error::not_found("statement of person", person);
    let of = {
        let tx = app.store.read(ctx).await?;
        let (plan, _) = whole(&tx, plan, settlement).await?.ok_or_else(unknown)?;
        store::one(&tx, &plan, settlement, person).await?.ok_or_else(unknown)?;
        settlement::facts::filed(&tx, settlement).await?
    };
    let by = of.sums.cards_version.map_or(Cards::KnownAt(of.prepared_at), Cards::Version);
    app.peers.credits(ctx, (of.cycle, by), person, some).await
}
