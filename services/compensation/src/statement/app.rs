//! The use cases of statements. Seeing that somebody has one, reading its amounts, and reading the score in it are three
//! permissions; every read leaves an entry in the audit log.

use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{PersonId, SettlementId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, Store};

use super::domain::Statement;
use super::store;
use crate::correction::facts::Shown;
use crate::peers::{Credited, Peers};
use crate::policy::{GetStatement, ListStatements, TraceStatement};
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
    /// The oldest first.
    pub adjustments: Vec<Shown>,
}

/// Whoever reads the whole settlement reads each statement of it, also that of somebody who moved: nobody prepares, approves or
/// pays what he cannot see.
async fn whole<R: Rpc>(tx: &ScopedTx, plan: Plan<R>, settlement: SettlementId) -> Result<Plan<R>> {
    let whole = settlement::facts::target(tx, settlement).await?;
    Ok(match &whole {
        Some(whole) => plan.through(whole),
        None => plan,
    })
}

/// One person's statement in a settlement.
pub async fn get(app: &App, ctx: &OpContext, settlement: SettlementId, person: PersonId) -> Result<Paid> {
    let plan = ctx.plan::<GetStatement>()?;
    let tx = app.store.read(ctx).await?;
    let plan = whole(&tx, plan, settlement).await?;
    let found = store::one(&tx, &plan, settlement, person).await?;
    let statement = found.ok_or_else(|| Error::not_found("statement of person", person))?;
    let mut shown = correction::facts::shown(&tx, settlement, Some(person)).await?;
    Ok(Paid { adjustments: shown.remove(&person).unwrap_or_default(), statement })
}

/// A page of the statements of a settlement, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, settlement: SettlementId, page: &Page) -> Result<(Vec<Paid>, String)> {
    let plan = ctx.plan::<ListStatements>()?;
    let tx = app.store.read(ctx).await?;
    let plan = whole(&tx, plan, settlement).await?;
    let (found, token) = store::page(&tx, &plan, settlement, page).await?;
    let mut shown = correction::facts::shown(&tx, settlement, None).await?;
    let paid = found.into_iter().map(|statement| {
        let adjustments = shown.remove(&statement.person).unwrap_or_default();
        Paid { statement, adjustments }
    });
    Ok((paid.collect(), token))
}

/// The records behind a statement: the first `limit`, and how many there are. Asked of performance as the caller, who
/// sees there what he may see.
pub async fn trace(
    app: &App,
    ctx: &OpContext,
    settlement: SettlementId,
    person: PersonId,
    limit: usize,
) -> Result<(Vec<Credited>, u64)> {
    let plan = ctx.plan::<TraceStatement>()?;
    let found = {
        let tx = app.store.read(ctx).await?;
        let plan = whole(&tx, plan, settlement).await?;
        store::one(&tx, &plan, settlement, person).await?
    };
    let statement = found.ok_or_else(|| Error::not_found("statement of person", person))?;
    app.peers.credits(ctx, statement.cycle, person, limit).await
}
