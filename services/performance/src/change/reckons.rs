//! By what the amounts of a result are converted otherwise than they were.

use std::collections::BTreeSet;

use tally_access::OpContext;
use tally_engine::closing::measured::Takes;
use tally_engine::closing::snapshot::FrozenAccount;
use tally_engine::scoring::Scheme;
use tally_kernel::time::{Period, zone};
use tally_kernel::{Error, Result};
use tally_store::ReadTx;

use super::domain::reckons::{RateChange, Sold, reckoned_otherwise};
use super::rests::Before;
use crate::cycle::domain::Cycle;
use crate::{App, card, record};

/// The rates of now held against those that the run keeps, for the currencies and days of its sales.
///
/// # Errors
/// What identity or the store says.
pub(super) async fn rates(
    app: &App,
    ctx: &OpContext,
    (of, scheme): (&Cycle, &Scheme),
    before: &Before,
) -> Result<Vec<RateChange>> {
    let Some(was) = before.money.as_ref().filter(|_| card::facts::amounts_by_indicators(scheme)) else {
        return Ok(Vec::new());
    };
    let days = Period::new(was.first_day, of.period.to()).map_err(Error::internal)?;
    let is = app.peers.money(ctx, days, ctx.now()).await?;
    if is.rates == was.rates {
        return Ok(Vec::new());
    }
    let (tx, back) = (app.store.read(ctx).await?, Takes::of(scheme).before_ms());
    let mut sold = Sold::of(was.group);
    for account in before.accounts() {
        sell(&tx, account, back, &mut sold).await?;
    }
    Ok(reckoned_otherwise((was, &is), &sold, scheme.currency))
}

/// On which days an account has amounts in which currency. What is paid back is converted by the rate of the day of its sale.
async fn sell(tx: &ReadTx, account: &FrozenAccount, back: i64, sold: &mut Sold) -> Result<()> {
    let span = (account.from_ms - back, account.to_ms);
    let zone = zone(&account.zone)?;
    let mut days = BTreeSet::new();
    for sale in record::facts::sales(tx, account.id, span).await? {
        let day = sale.day(&zone)?;
        sold.add(sale.currency, [day]);
        days.insert(day);
    }
    for currency in record::facts::currencies_of_refunds(tx, account.id, span.0).await? {
        sold.add(currency, days.iter().copied());
    }
    Ok(())
}
