//! The use cases of pools.

use tally_access::{OpContext, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{CycleId, PoolId};
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, Store};

use super::domain::{Pool, PoolRule};
use super::store;
use crate::policy::{CreatePool, GetPool, ListPools};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    pub store: Store,
}

/// A wish to make a pool.
#[derive(Clone, Debug)]
pub struct NewPool {
    /// Name for people to read.
    pub name: String,
    /// The cycle whose scores split it.
    pub cycle: CycleId,
    pub amount: Money,
    /// How it is split.
    pub rule: PoolRule,
}

/// Makes a pool. Its id alone is kept as the result of the request: the amount is nobody's to read there.
pub async fn create(app: &App, ctx: &OpContext, request: &RequestKey, new: NewPool) -> Result<Pool> {
    let permit = ctx.permit::<CreatePool>(&Target::tenant())?;
    new.rule.validate()?;
    if new.amount.minor < 0 {
        return Err(Error::of(Kind::InvalidArgument, msg!("POOL_NEGATIVE")));
    }
    let id = mutate(&app.store, ctx, &permit, request, async |work| {
        let pool = Pool {
            id: PoolId(ctx.new_id()),
            name: new.name.clone(),
            cycle: new.cycle,
            amount: new.amount,
            rule: new.rule.clone(),
        };
        store::insert(&work, ctx, &pool).await?;
        Ok((work, Audit::new("compensation.pool.create", "pool", pool.id), pool.id))
    });
    let id = id.await?;
    store::pool_of(&*app.store.read(ctx).await?, id).await
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
