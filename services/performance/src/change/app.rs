//! Which cycles a correction touches, and what has changed since a cycle was worked out.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tally_access::{OpContext, Target};
use tally_app::units::Units;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::measured::Takes;
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, CycleId, PersonId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::time::{Period, zone};
use tally_kernel::{Error, Result, msg};
use tally_store::ScopedTx;

use super::domain::{Change, PersonChange, changes, meet};
use super::rests::Before;
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
    let mut schemes = Schemes::default();
    // What a scheme looks back on lies before the cycle's days.
    let until = match (touching, to) {
        (Touching::Accounts(_), Some(to)) => to.checked_add(MOST_BACK.days()).ok(),
        (Touching::Accounts(_) | Touching::Scheme(..), _) => to,
    };
    for mut of in cycle::facts::over(&tx, &plan, &also, (from, until)).await? {
        if of.corrects.is_some() {
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
        let by = schemes.of(&tx, &of).await?;
        let is_touched = match *touching {
            Touching::Accounts(_) => !mine.is_empty() && meet(by.reads(of.period)?, from, to),
            Touching::Scheme(scheme, version) => by.rests_on(scheme, version) && meet(of.period, from, to),
        };
        if is_touched {
            touched.push((of, mine));
        }
    }
    match (touching, &places, &reading) {
        (Touching::Accounts(asked), Some(places), _) => {
            let known = |account: &AccountFacts| to.map_or(target(account), |to| target(account).on(to));
            let named: BTreeSet<AccountId> = touched.iter().flat_map(|(_, mine)| mine).copied().collect();
            places.all_known(asked, |account| named.contains(&account.id) || plan.covers(&known(account)))?;
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

/// More days than any measure looks back (`within_days`).
const MOST_BACK: i64 = 366;

/// What cycles are scored by, each version read once.
#[derive(Default)]
struct Schemes(HashMap<(SchemeId, u32), By>);

/// A version of a scheme.
struct By {
    /// The version, and those that it refines.
    versions: Vec<(SchemeId, u32)>,
    days_before: i64,
}

impl Schemes {
    async fn of(&mut self, tx: &ScopedTx, cycle: &Cycle) -> Result<&By> {
        let key = (cycle.scheme, cycle.scheme_version);
        let by = match self.0.entry(key) {
            Entry::Occupied(there) => return Ok(there.into_mut()),
            Entry::Vacant(missing) => missing,
        };
        let above = scheme::facts::with_above(tx, cycle.scheme, cycle.scheme_version).await?;
        let days_before = above
            .first()
            .map_or(0, |own| SignedDuration::from_millis(Takes::of(&own.scheme).before_ms()).as_hours() / 24);
        let versions = above.iter().map(|version| (version.id, version.scheme.version)).collect();
        Ok(by.insert(By { versions, days_before }))
    }
}

impl By {
    /// Whether it is this version of a scheme, or any for 0, or refines it.
    fn rests_on(&self, scheme: SchemeId, version: u32) -> bool {
        self.versions.iter().any(|(id, number)| *id == scheme && [0, *number].contains(&version))
    }

    /// The days whose records count for a cycle over a period.
    fn reads(&self, period: Period) -> Result<Period> {
        let from = period.from().checked_sub(self.days_before.days()).map_err(Error::internal)?;
        Period::new(from, period.to()).map_err(Error::internal)
    }
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
    Target { region: Some(account.region.clone()), unit: account.unit, ..Target::default() }
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
    /// What is otherwise about people.
    pub people: Vec<(PersonId, BTreeSet<PersonChange>)>,
    /// People whom the caller does not reach.
    pub other_people: u32,
}

/// What has changed since a cycle's newest result was worked out.
pub async fn cycle_changes(app: &App, ctx: &OpContext, id: CycleId) -> Result<CycleChanges> {
    let plan = ctx.plan::<ListCycleChanges>()?;
    let (of, read, since, records, observations, days, before) = {
        let tx = app.store.read(ctx).await?;
        let found = cycle::facts::find(&tx, &plan, id, &card::facts::cycles(&tx, &plan).await?).await?;
        let shown = cycle::facts::shown(&tx, found.id, Asked::Newest).await?;
        let since = run::facts::begun(&tx, shown.attribution().0).await?.unwrap_or(Timestamp::UNIX_EPOCH);
        let records = record::facts::changes_since(&tx, since).await?;
        let cycle = shown.cycle.clone();
        let scheme = scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?;
        let (measures, days) = (card::facts::observed(&scheme), (cycle.period.from(), cycle.period.to()));
        let observations = observation::facts::changed_since(&tx, &measures, days, shown.begun()).await?;
        let mut schemes = Schemes::default();
        let days = schemes.of(&tx, &cycle).await?.reads(cycle.period)?;
        let before = Before::read(&tx, &shown).await?;
        (cycle, rests_on(&tx, &shown).await?, since, records, observations, days, before)
    };
    let units = Units::of(&app.peers.identity, ctx, Some(of.period.to()));
    let now = before.now(app, ctx, &of);
    let (now, duty, units) = futures::try_join!(now, app.peers.duty_changes(ctx, since), units)?;
    let mut mine = BTreeMap::new();
    for account in &now.accounts {
        let within = of.owner.unit().is_none_or(|above| account.unit.is_some_and(|unit| units.holds(above, unit)));
        if within || read.contains(&account.id) {
            mine.insert(account.id, zone(&account.zone)?);
        }
    }
    let mut changes = changes((of.period, days), &mine, (&records, &duty), now.otherwise);
    let all = changes.len();
    let seen = now.accounts.iter().filter(|account| plan.covers(&target(account).on(of.period.to())));
    let seen: BTreeSet<AccountId> = seen.map(|account| account.id).collect();
    changes.retain(|account, _| seen.contains(account));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (others, observations) = (count(all - changes.len()), count(observations));
    let reached = |person: &PersonId| now.homes.get(person).is_some_and(|home| plan.covers(home));
    for change in changes.values_mut() {
        change.otherwise.duty.values_mut().for_each(|people| people.retain(&reached));
    }
    let all_people = now.people.len();
    let told = |person: &PersonId| now.places.get(person).is_some_and(|there| there.iter().any(|at| plan.covers(at)));
    let people: Vec<_> = now.people.into_iter().filter(|(person, _)| told(person)).collect();
    let other_people = count(all_people - people.len());
    Ok(CycleChanges { accounts: changes.into_iter().collect(), others, observations, people, other_people })
}
