//! Which cycles a correction touches, and what has changed since a cycle was worked out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Target};
use tally_app::units::Units;
use tally_engine::closing::facts::AccountFacts;
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, CycleId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Error, Result, msg};
use tally_store::ScopedTx;

use super::domain::{Change, changes, meet};
use crate::cycle::domain::{Asked, Cycle, State};
use crate::cycle::facts::Shown;
use crate::policy::{ListCycleChanges, ListTouchedCycles};
use crate::reach::from_below;
use crate::{App, card, cycle, observation, record, run, scheme};

/// What a correction is of.
pub enum Touching {
    /// Records or duty on these accounts.
    Accounts(BTreeSet<AccountId>),
    /// A version of a scheme; 0 for all of them.
    Scheme(SchemeId, u32),
}

/// A cycle, by the version of its scheme that its newest result has, with the accounts of those asked for that it rests on.
pub type TouchedCycle = (Cycle, BTreeSet<AccountId>);

/// A page of the cycles on these days that rest on accounts or are scored by a scheme, newest first.
pub async fn touched_cycles(
    app: &App,
    ctx: &OpContext,
    touching: &Touching,
    (from, to): (Option<Date>, Option<Date>),
    page: &Page,
) -> Result<(Vec<TouchedCycle>, String)> {
    let plan = ctx.plan::<ListTouchedCycles>()?;
    let (places, reading) = match touching {
        Touching::Accounts(accounts) => (Some(Places::of(app, ctx, accounts).await?), None),
        Touching::Scheme(..) => {
            (None, Some(from_below(&app.peers.identity, ctx, ctx.plan::<ListTouchedCycles>()?).await?))
        }
    };
    let tx = app.store.read(ctx).await?;
    let also = card::facts::cycles(&tx, &plan).await?;
    let mut touched = Vec::new();
    for mut of in cycle::facts::over(&tx, &plan, &also, (from, to)).await? {
        if of.corrects.is_some() || !meet(of.period, from, to) {
            continue;
        }
        let read = match of.state {
            State::Reviewable | State::Published => {
                let shown = cycle::facts::shown(&tx, of.id, Asked::Newest).await?;
                of.scheme_version = shown.cycle.scheme_version;
                rests_on(&tx, &shown).await?
            }
            State::Open | State::Closing | State::Failed => BTreeSet::new(),
        };
        let mine = places.as_ref().map(|places| places.of_cycle(&of, &read)).unwrap_or_default();
        let is_touched = match *touching {
            Touching::Accounts(_) => !mine.is_empty(),
            Touching::Scheme(scheme, version) => of.scheme == scheme && [0, of.scheme_version].contains(&version),
        };
        if is_touched {
            touched.push((of, mine));
        }
    }
    match (touching, &places, &reading) {
        (Touching::Accounts(asked), Some(places), _) => {
            let named: BTreeSet<AccountId> = touched.iter().flat_map(|(_, mine)| mine).copied().collect();
            places.all_known(asked, |account| named.contains(&account.id) || plan.covers(&target(account)))?;
        }
        (Touching::Scheme(id, version), _, Some(reading)) if touched.is_empty() => {
            let found = scheme::facts::find(&tx, reading, *id, *version).await?;
            found.ok_or_else(|| Error::not_found("scheme version", format_args!("{id}/{version}")))?;
        }
        (Touching::Accounts(_) | Touching::Scheme(..), _, _) => {}
    }
    touched.sort_by_key(|(of, _)| std::cmp::Reverse(of.id));
    let after = page.after.as_ref().and_then(|after| after.parse::<CycleId>().ok());
    touched.retain(|(of, _)| after.is_none_or(|after| of.id < after));
    touched.truncate((page.size as usize).saturating_add(1));
    let next = page.cut(&mut touched, |(of, _)| of.id.to_string());
    Ok((touched, next))
}

/// The accounts that are asked about, and the units that they are of.
struct Places {
    accounts: Vec<AccountFacts>,
    units: Units,
}

impl Places {
    async fn of(app: &App, ctx: &OpContext, accounts: &BTreeSet<AccountId>) -> Result<Self> {
        let units = Units::of(&app.peers.identity, ctx, None);
        let (known, units) = futures::try_join!(app.peers.accounts(ctx), units)?;
        Ok(Self { accounts: known.into_iter().filter(|account| accounts.contains(&account.id)).collect(), units })
    }

    /// Refuses what is asked about and the caller knows nothing of, whether it is there or not.
    fn all_known(&self, asked: &BTreeSet<AccountId>, knows: impl Fn(&AccountFacts) -> bool) -> Result<()> {
        let known: BTreeSet<AccountId> = self.accounts.iter().filter(|of| knows(of)).map(|of| of.id).collect();
        let mut v = Violations::new();
        for account in asked.difference(&known) {
            v.push("account_ids", msg!("ACCOUNT_UNKNOWN_HERE", account));
        }
        v.finish(Some(()))
    }

    /// Those that a cycle rests on, or lie within whose it is.
    fn of_cycle(&self, of: &Cycle, read: &BTreeSet<AccountId>) -> BTreeSet<AccountId> {
        let within = |account: &&AccountFacts| match of.owner.unit() {
            None => true,
            Some(above) => account.unit.is_some_and(|unit| self.units.holds(above, unit)),
        };
        let mine = self.accounts.iter().filter(|account| read.contains(&account.id) || within(account));
        mine.map(|account| account.id).collect()
    }
}

/// What knowing of an account is decided on.
fn target(account: &AccountFacts) -> Target {
    Target { region: Some(account.region.clone()), unit: account.unit, person: None }
}

/// The accounts that a cycle's newest result was worked out from.
async fn rests_on(tx: &ScopedTx, shown: &Shown) -> Result<BTreeSet<AccountId>> {
    let accounts = run::facts::accounts(tx, shown.attribution().0).await?;
    Ok(accounts.into_iter().map(|account| AccountId(account.account_id)).collect())
}

/// What changed on an account.
pub type Changed = (AccountId, Change);

/// What has changed since a cycle's newest result was worked out.
pub struct CycleChanges {
    /// By account.
    pub accounts: Vec<Changed>,
    /// Accounts that the caller does not reach.
    pub others: u32,
    /// Observations that the cycle's scheme reads.
    pub observations: u32,
}

/// What has changed since a cycle's newest result was worked out.
pub async fn cycle_changes(app: &App, ctx: &OpContext, id: CycleId) -> Result<CycleChanges> {
    let plan = ctx.plan::<ListCycleChanges>()?;
    let (of, read, since, records, observations) = {
        let tx = app.store.read(ctx).await?;
        let found = cycle::facts::find(&tx, &plan, id, &card::facts::cycles(&tx, &plan).await?).await?;
        let shown = cycle::facts::shown(&tx, found.id, Asked::Newest).await?;
        let since = run::facts::begun(&tx, shown.attribution().0).await?.unwrap_or(Timestamp::UNIX_EPOCH);
        let records = record::facts::changes_since(&tx, since).await?;
        let cycle = shown.cycle.clone();
        let measures = card::facts::observed(&scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?);
        let days = (cycle.period.from(), cycle.period.to());
        let observations = observation::facts::changed_since(&tx, &measures, days, shown.begun()).await?;
        (cycle, rests_on(&tx, &shown).await?, since, records, observations)
    };
    let units = Units::of(&app.peers.identity, ctx, Some(of.period.to()));
    let (accounts, duty, units) =
        futures::try_join!(app.peers.accounts(ctx), app.peers.duty_changes(ctx, since), units)?;
    let mut mine = BTreeMap::new();
    for account in &accounts {
        let within = of.owner.unit().is_none_or(|above| account.unit.is_some_and(|unit| units.holds(above, unit)));
        if within || read.contains(&account.id) {
            mine.insert(account.id, zone(&account.zone)?);
        }
    }
    let mut changes = changes(of.period, &mine, &records, &duty);
    let all = changes.len();
    let seen = accounts.iter().filter(|account| plan.covers(&target(account)));
    let seen: BTreeSet<AccountId> = seen.map(|account| account.id).collect();
    changes.retain(|account, _| seen.contains(account));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (others, observations) = (count(all - changes.len()), count(observations));
    Ok(CycleChanges { accounts: changes.into_iter().collect(), others, observations })
}
