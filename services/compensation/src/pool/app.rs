//! The use cases of pools.

use tally_access::{OpContext, Target};
use tally_kernel::id::{CycleId, PoolId};
use tally_kernel::money::Money;
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Audit, Store};

use super::domain::PoolRule;
use super::store;
use crate::policy::{CreatePool, GetPool, ListPools};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    /// The service's store.
    pub store: Store,
}

/// Money to be split by a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its id.
    pub id: PoolId,
    /// Name for people to read.
    pub name: String,
    /// The cycle whose scores split it.
    pub cycle: CycleId,
    /// The money.
    pub amount: Money,
    /// How it is split.
    pub rule: PoolRule,
}

/// A wish to make a pool.
#[derive(Clone, Debug)]
pub struct NewPool {
    /// Same id, same result.
    pub request_id: String,
    /// Digest of the request's body.
    pub body: [u8; 32],
    /// Name for people to read.
    pub name: String,
    /// The cycle whose scores split it.
    pub cycle: CycleId,
    /// The money.
    pub amount: Money,
    /// How it is split.
    pub rule: PoolRule,
}

/// Makes a pool.
pub async fn create(app: &App, ctx: &OpContext, new: NewPool) -> Result<Pool> {
    let permit = ctx.permit::<CreatePool>(&Target::tenant())?;
    new.rule.validate()?;
    if new.amount.minor < 0 {
        return Err(Error::of(Kind::InvalidArgument, msg!("POOL_NEGATIVE")));
    }
    app.store
        .retry(ctx, || async {
            let mut work = app.store.unit(ctx, &permit).await?;
            if let Some(id) = work.replay::<PoolId>(&new.request_id, &new.body).await? {
                return store::pool_of(&work, id).await;
            }
            let pool = Pool {
                id: PoolId(ctx.new_id()),
                name: new.name.clone(),
                cycle: new.cycle,
                amount: new.amount,
                rule: new.rule.clone(),
            };
            store::insert(&mut work, ctx, &pool).await?;
            work.commit(Audit::new("compensation.pool.create", "pool", pool.id), pool.id).await?;
            Ok(pool)
        })
        .await
}

/// One pool.
pub async fn get(app: &App, ctx: &OpContext, id: PoolId) -> Result<Pool> {
    let plan = ctx.plan::<GetPool>()?;
    store::pool(&app.store.read(ctx).await?, &plan, id).await
}

/// A page of pools, newest first, and the next page's token.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Pool>, String)> {
    let plan = ctx.plan::<ListPools>()?;
    store::page(&app.store.read(ctx).await?, &plan, page).await
}
