//! Counting records by account and agent before they are read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Condition, Expr};
use tally_engine::closing::snapshot::AgentCount;
use tally_kernel::id::AccountId;
use tally_kernel::{Currency, Error, Result};
use tally_store::{ScopedTx, among, number_from_db, word_from_db};

use super::super::domain::{Counted, Devices, Spans};
use super::{Column, Entity, change, contributors_of};

/// Records of a period by account and agent, each account's by its own days, and the calls since an instant that changed some of those
/// around it; with devices if asked. What `before` counted of accounts that were not changed since is not counted again; which ones were is told
/// too.
pub async fn counted(
    tx: &ScopedTx,
    spans: &Spans,
    since: Timestamp,
    before: Option<Counted>,
    with_devices: bool,
) -> Result<(Counted, Option<BTreeSet<AccountId>>)> {
    // First: what comes in between is counted, and has changed for whoever asks next.
    let calls = change::calls_since(tx, since, spans.around()).await?;
    let Some(before) = before else {
        let devices = if with_devices { devices(tx, spans, None).await? } else { Devices::new() };
        return Ok((Counted { since, calls, counts: counts(tx, spans).await?, devices }, None));
    };
    let changed = before.changed(&change::calls_since(tx, before.since, spans.around()).await?);
    let mut counts: BTreeMap<_, _> = before.counts.into_iter().map(keyed).collect();
    let mut named = before.devices;
    counts.retain(|(account, _), _| !changed.contains(account));
    named.retain(|account, _| !changed.contains(account));
    if !changed.is_empty() {
        counts.extend(count(tx, spans, Some(&changed)).await?);
        if with_devices {
            named.extend(devices(tx, spans, Some(&changed)).await?);
        }
    }
    let counts = counts.into_iter().map(told).collect();
    Ok((Counted { since, calls, counts, devices: named }, Some(changed)))
}

/// Records of a period by account and agent; none of a contributor whom no record names as its agent.
pub async fn counts(tx: &ScopedTx, spans: &Spans) -> Result<Vec<AgentCount>> {
    Ok(count(tx, spans, None).await?.into_iter().map(told).collect())
}

type Key = (AccountId, String);

fn keyed(count: AgentCount) -> (Key, u64) {
    ((count.account, count.agent), count.records)
}

fn told(((account, agent), records): (Key, u64)) -> AgentCount {
    AgentCount { account, agent, records }
}

/// What began in `from..to`.
fn these((from, to): (i64, i64)) -> Condition {
    Condition::all().add(Column::StartedMs.gte(from)).add(Column::StartedMs.lt(to))
}

/// Those of these accounts, or of all.
async fn count(tx: &ScopedTx, spans: &Spans, of: Option<&BTreeSet<AccountId>>) -> Result<BTreeMap<Key, u64>> {
    let mut counts = BTreeMap::new();
    for stretch in spans.stretches() {
        let mut these = these(stretch);
        if let Some(of) = of {
            these = these.add(among::<Entity>(tx, Column::AccountId, of.iter().map(|account| account.0)));
        }
        for (key, records) in
            count_of(tx, these).await?.into_iter().filter(|((account, _), _)| spans.hold(*account, stretch))
        {
            *counts.entry(key).or_insert(0) += records;
        }
    }
    Ok(counts)
}

/// The devices that sessions of a period name, by account; of these accounts, or of all.
pub async fn devices(tx: &ScopedTx, spans: &Spans, of: Option<&BTreeSet<AccountId>>) -> Result<Devices> {
    let mut named = Devices::new();
    for stretch in spans.stretches() {
        let these = these(stretch).add(Column::RefersTo.is_null()).add(Column::Device.is_not_null());
        let of = of.map(|of| among::<Entity>(tx, Column::AccountId, of.iter().map(|account| account.0)));
        let found = tx.select::<Entity>().filter(these.add_option(of)).rows::<(Uuid, Option<String>)>(|q| {
            let q = q.column(Column::AccountId).column(Column::Device);
            q.group_by(Column::AccountId).group_by(Column::Device)
        });
        for (account, device) in found.await? {
            let account = AccountId(account);
            named.entry(account).or_default().extend(device.filter(|_| spans.hold(account, stretch)));
        }
    }
    named.retain(|_, devices| !devices.is_empty());
    Ok(named)
}

async fn count_of(tx: &ScopedTx, these: Condition) -> Result<BTreeMap<Key, u64>> {
    let sessions = these.clone().add(Column::RefersTo.is_null());
    let by_agent = tx.select::<Entity>().filter(sessions).rows::<(Uuid, String, i64)>(|q| {
        q.column(Column::AccountId).column(Column::Agent).count().group_by(Column::AccountId).group_by(Column::Agent)
    });
    let mut counts = BTreeMap::new();
    for (account, agent, n) in by_agent.await? {
        counts.insert((AccountId(account), agent), number_from_db("a count of records", n)?);
    }
    let shared = these.add(Column::Contributors.is_not_null());
    let by_contributors = tx.select::<Entity>().filter(shared).rows::<(Uuid, Option<String>, i64)>(|q| {
        let q = q.column(Column::AccountId).column(Column::Contributors).count();
        q.group_by(Column::AccountId).group_by(Column::Contributors)
    });
    for (account, cell, _) in by_contributors.await? {
        for one in contributors_of(cell.as_deref())? {
            counts.entry((AccountId(account), one.agent)).or_insert(0);
        }
    }
    Ok(counts)
}

/// The first session of an account in each currency that has an amount, of those that began in `from..to`.
pub async fn first_sales(tx: &ScopedTx, account: AccountId, (from, to): (i64, i64)) -> Result<Vec<FirstSale>> {
    let span = Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)).and(Column::AccountId.eq(account.0));
    let sales = span.and(Column::RefersTo.is_null()).and(Column::AmountMinor.is_not_null());
    let found = tx.select::<Entity>().filter(sales).rows::<(Option<String>, i64)>(|q| {
        q.column(Column::Currency).expr(Column::StartedMs.min()).group_by(Column::Currency)
    });
    found.await?.into_iter().map(FirstSale::read).collect()
}

/// How long a stretch is in which [`sales`] tells apart no instants: no zone is off by a part of it.
const STRETCH_MS: i64 = 15 * 60_000;

/// In which currency there are sessions of an account with an amount when: the first of each quarter of an hour, of those that began in `from..to`.
pub async fn sales(tx: &ScopedTx, account: AccountId, (from, to): (i64, i64)) -> Result<Vec<FirstSale>> {
    let span = Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)).and(Column::AccountId.eq(account.0));
    let sales = span.and(Column::RefersTo.is_null()).and(Column::AmountMinor.is_not_null());
    let stretch = || Expr::col(Column::StartedMs).div(STRETCH_MS);
    let found = tx.select::<Entity>().filter(sales).rows::<(Option<String>, i64)>(|q| {
        q.column(Column::Currency).expr(Column::StartedMs.min()).group_by(Column::Currency).group_by(stretch())
    });
    found.await?.into_iter().map(FirstSale::read).collect()
}

/// The currencies of what was paid back of an account's sales, by rows that began from then on; nothing for the group's own.
pub async fn currencies_of_refunds(tx: &ScopedTx, account: AccountId, from: i64) -> Result<Vec<Option<Currency>>> {
    let refunds = Column::AccountId.eq(account.0).and(Column::StartedMs.gte(from)).and(Column::RefersTo.is_not_null());
    let found = tx.select::<Entity>().filter(refunds.and(Column::AmountMinor.is_not_null()));
    let found = found.rows::<Option<String>>(|q| q.column(Column::Currency).group_by(Column::Currency)).await?;
    found.into_iter().map(currency).collect()
}

fn currency(code: Option<String>) -> Result<Option<Currency>> {
    code.map(|code| word_from_db("a currency", &code)).transpose()
}

/// The first session with an amount in a currency; nothing for the group's own.
#[derive(Clone, Copy, Debug)]
pub struct FirstSale {
    pub currency: Option<Currency>,
    pub started_ms: i64,
}

impl FirstSale {
    fn read((code, started_ms): (Option<String>, i64)) -> Result<Self> {
        Ok(Self { currency: currency(code)?, started_ms })
    }

    /// The local day of it.
    ///
    /// # Errors
    /// None but for an instant that no record can have.
    pub fn day(&self, zone: &TimeZone) -> Result<Date> {
        let at = Timestamp::from_millisecond(self.started_ms).map_err(Error::internal)?;
        Ok(zone.to_datetime(at).date())
    }
}
