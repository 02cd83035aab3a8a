//! The use cases of pools.

use jiff::civil::Date;
use tally_access::{OpContext, Owner};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{CycleId, OrgUnitId, PoolId};
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, Store, UnitOfWork};

use super::domain::{Pool, PoolRule};
use super::store;
use crate::peers::Peers;
use crate::policy::{CreatePool, GetPool, ListPools};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    /// The services it reads from.
    pub peers: Peers,
}

/// A wish to make a pool.
#[derive(Clone, Debug)]
pub struct NewPool {
    /// Name for people to read.
    pub name: String,
    /// Whose it is; nothing for the owner of the cycle.
    pub unit: Option<OrgUnitId>,
    /// The cycle whose scores split it.
    pub cycle: CycleId,
    pub amount: Money,
    /// How it is split.
    pub rule: PoolRule,
}

/// Makes a pool. Its id alone is kept as the result of the request: the amount is nobody's to read there.
pub async fn create(app: &App, ctx: &OpContext, request: &RequestKey, new: NewPool) -> Result<Pool> {
    // Who makes no pools at all is told so before anybody else is asked.
    ctx.plan::<CreatePool>()?;
    let (owner, last_day) = owner(app, ctx, &new).await?;
    let permit = ctx.permit::<CreatePool>(&owner.target().on(last_day))?;
    new.rule.validate()?;
    if new.amount.minor < 0 {
        return Err(Error::of(Kind::InvalidArgument, msg!("POOL_NEGATIVE")));
    }
    let id = mutate(&app.store, ctx, &permit, request, async |work| {
        // Paying the same twice by mistake is dearer than a second name.
        work.lock("pools", new.cycle.0).await?;
        if let Some(there) = same(&work, &owner, &new).await? {
            return Err(Error::of(Kind::AlreadyExists, msg!("POOL_THERE", pool = there)));
        }
        let pool = Pool {
            id: PoolId(ctx.new_id()),
            owner: owner.clone(),
            name: new.name.clone(),
            cycle: new.cycle,
            last_day: Some(last_day),
            amount: new.amount,
            rule: new.rule.clone(),
        };
        store::insert(&work, ctx, &pool).await?;
        Ok((work, Audit::new("compensation.pool.create", "pool", pool.id), pool.id))
    });
    let id = id.await?;
    store::pool_of(&*app.store.read(ctx).await?, id).await
}

/// A pool that says the same in every respect.
async fn same(work: &UnitOfWork, owner: &Owner, new: &NewPool) -> Result<Option<PoolId>> {
    let of_cycle = store::named(work, new.cycle, &new.name).await?;
    let same = |pool: &&Pool| (&pool.owner, pool.amount, &pool.rule) == (owner, new.amount, &new.rule);
    Ok(of_cycle.iter().find(same).map(|pool| pool.id))
}

/// Whose a pool will be: of the owner of its cycle or of a unit below, as of the cycle's last day.
async fn owner(app: &App, ctx: &OpContext, new: &NewPool) -> Result<(Owner, Date)> {
    let cycle = app.peers.cycle(ctx, new.cycle).await?;
    let units = Units::of(&app.peers.identity, ctx, Some(cycle.last_day)).await?;
    let owner = units.owner(new.unit.or(cycle.unit))?;
    let of_cycle = units.owner(cycle.unit)?;
    match (of_cycle.unit(), owner.unit()) {
        (None, _) => Ok((owner, cycle.last_day)),
        (Some(above), Some(unit)) if units.holds(above, unit) => Ok((owner, cycle.last_day)),
        (Some(_), _) => Err(Error::of(Kind::FailedPrecondition, msg!("POOL_OUTSIDE_CYCLE"))),
    }
}

pub async fn get(app: &App, ctx: &OpContext, id: PoolId) -> Result<Pool> {
    let plan = ctx.plan::<GetPool>()?;
    store::pool(&app.store.read(ctx).await?, &plan, id).await
}

/// A page of pools, newest first, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Pool>, String)> {
    let plan = ctx.plan::<ListPools>()?;
    store::page(&app.store.read(ctx).await?, &plan, page).await
}
