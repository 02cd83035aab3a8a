//! Bringing in accounts and listing them.

use tally_access::OpContext;
use tally_app::import::Import;
use tally_app::mutate;
use tally_kernel::Result;
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::page::Page;
use tally_store::UnitOfWork;

use super::domain::{ShopAccount, StoredAccount, changes};
use super::store;
use crate::app::{App, bulk_audit};
use crate::directory::Units;
use crate::policy::{ImportAccounts, ListAccounts};

/// Writes the accounts and phases that are new. Unit and region come from the team's unit where the row does not say, and
/// are held against it where the row does.
pub async fn import_accounts(app: &App, ctx: &OpContext, import: Import<ShopAccount>) -> Result<ImportOutcome> {
    ctx.plan::<ImportAccounts>()?;
    let ask = import.rows.iter().any(|(_, account)| account.says_where());
    let units = if ask { app.peers.units(ctx).await? } else { Units::default() };
    let mut refused = import.refused;
    let mut rows = Vec::with_capacity(import.rows.len());
    for (index, mut account) in import.rows {
        match account.settle(&units) {
            Ok(()) => rows.push((index, account)),
            Err(why) => refused.problems.push(Problem::new(index, "PLACE_WRONG", why)),
        }
    }
    let permit = ctx.permit_all::<ImportAccounts>(rows.iter().map(|(_, account)| account.target()))?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let there = store::keyed(&work, rows.iter().map(|(_, account)| account.key()).collect()).await?;
        // What a row says of unit and region is the caller's word: the account that it adds to has to be within reach as well.
        ctx.permit_all::<ImportAccounts>(there.iter().map(|stored| stored.account.target()))?;
        store::write(&work, ctx, changes(rows.clone(), there, &mut outcome)).await?;
        let audit = bulk_audit("attendance.account.write", "accounts", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// A page of accounts with their phases, and the token of the next.
pub async fn list_accounts(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<StoredAccount>, String)> {
    let plan = ctx.plan::<ListAccounts>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}
