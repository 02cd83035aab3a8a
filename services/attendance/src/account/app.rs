//! Bringing in accounts and listing them.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{OpContext, Permit, Plan};
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::id::AccountId;
use tally_kernel::import::{ImportOutcome, Problem, refuse};
use tally_kernel::page::Page;
use tally_kernel::{Result, msg};
use tally_store::{ScopedTx, UnitOfWork};

use super::domain::{ShopAccount, StoredAccount, changes};
use super::store;
use crate::app::{App, Rows};
use crate::directory::Units;
use crate::policy::{ImportAccounts, ListAccounts};
use crate::{handover, roster};

/// Writes the accounts and phases that are new. Unit and region come from the team's unit where the row does not say, and are held against it
/// where the row does. A row about an account that is there is held against that. Rows out of the caller's reach are refused by themselves.
///
/// # Errors
/// `PERMISSION_DENIED` for whoever may write no account at all.
pub async fn import_accounts(app: &App, ctx: &OpContext, import: Import<ShopAccount>) -> Result<ImportOutcome> {
    ctx.plan::<ImportAccounts>()?;
    let said = |(_, account): &(u32, ShopAccount)| account.says_where().then_some(account.unit);
    let units = if import.rows.iter().any(|row| said(row).is_some()) {
        app.peers.units(ctx, import.rows.iter().filter_map(said).flatten()).await?
    } else {
        Units::default()
    };
    let keys = || import.rows.iter().map(|(_, account)| account.key()).collect();
    let there = { store::keyed(&*app.store.read(ctx).await?, keys()).await? };
    let permit = reached(ctx, &import, &there, &units)?.permit;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        // What is there by now decides what is written: the permit is asked for again.
        let there = store::keyed(&work, keys()).await?;
        let Reached { rows, mut outcome, .. } = reached(ctx, &import, &there, &units)?;
        store::write(&work, ctx, changes(rows, there, &mut outcome)).await?;
        let audit = bulk_audit("attendance.account.write", "accounts", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// Refuses the rows about accounts that were never brought in; `of` is what a row is about.
pub async fn without_unknown<T>(
    work: &UnitOfWork,
    rows: Rows<T>,
    of: impl Fn(&T) -> AccountId,
    outcome: &mut ImportOutcome,
) -> Result<Rows<T>> {
    let named = rows.iter().map(|(_, row)| of(&row.fact)).collect();
    let known = store::known(work, named).await?;
    refuse(rows, outcome, |index, row| {
        let id = Some(of(&row.fact)).filter(|id| !known.contains(id));
        Ok(id.map(|id| Problem::new(index, "ACCOUNT_UNKNOWN", msg!("ACCOUNT_UNKNOWN", id))))
    })
}

/// Rows that the caller reaches, the permit for all of them, and what became of the others.
struct Reached {
    rows: Vec<(u32, ShopAccount)>,
    permit: Permit<ImportAccounts>,
    outcome: ImportOutcome,
}

fn reached(ctx: &OpContext, import: &Import<ShopAccount>, there: &[StoredAccount], units: &Units) -> Result<Reached> {
    let there: BTreeMap<String, &ShopAccount> = there.iter().map(|a| (a.account.key(), &a.account)).collect();
    let (mut judged, mut outcome) = (Vec::new(), import.refused.clone());
    for (index, row) in &import.rows {
        // What a row says of unit and region is the caller's word: of an account that is there the account's own are what counts.
        let (target, placed) = match there.get(&row.key()) {
            Some(stored) => (stored.target(), row.clone().about(stored, units)),
            None => match row.clone().settled(units) {
                Ok(row) => (row.target(), Ok(row)),
                Err(why) => {
                    outcome.problems.push(Problem::new(*index, "PLACE_WRONG", why));
                    continue;
                }
            },
        };
        judged.push(((*index, row.key(), placed), target));
    }
    let (permit, within, beyond) = ctx.permit_those(judged)?;
    let mut rows = Vec::with_capacity(within.len());
    for (index, _, placed) in within {
        match placed {
            Ok(row) => rows.push((index, row)),
            Err((reason, why)) => outcome.problems.push(Problem::new(index, reason, why)),
        }
    }
    for (index, key, _) in beyond {
        outcome.problems.push(Problem::new(index, "ACCOUNT_OUT_OF_REACH", msg!("ACCOUNT_OUT_OF_REACH", key)));
    }
    Ok(Reached { rows, permit, outcome })
}

/// A page of accounts with their phases, and the token of the next. Of those that are reached by the people who serve them alone it is told
/// which they are.
pub async fn list_accounts(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<StoredAccount>, String)> {
    let plan = ctx.plan::<ListAccounts>()?;
    let tx = app.store.read(ctx).await?;
    let (accounts, next) = store::page(&tx, &plan, served(&tx, &plan).await?, page).await?;
    let told = |it: StoredAccount| if plan.covers(&it.account.target()) { it } else { it.named_alone() };
    Ok((accounts.into_iter().map(told).collect(), next))
}

/// The accounts that people within reach were rostered for, took or released.
async fn served(tx: &ScopedTx, plan: &Plan<ListAccounts>) -> Result<BTreeSet<AccountId>> {
    let people = &plan.reach().persons;
    if plan.reach().tenant || people.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut accounts = roster::facts::accounts_of(tx, people.iter().copied()).await?;
    accounts.extend(handover::facts::accounts_of(tx, people.iter().copied()).await?);
    Ok(accounts)
}
