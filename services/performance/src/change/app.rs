//! What has changed since a cycle was worked out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Plan};
use tally_app::units::Units;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CycleId, PersonId};
use tally_kernel::time::zone;
use tally_store::ReadTx;

use super::domain::reckons::RateChange;
use super::domain::{Change, PersonChange, changes, reads};
use super::reckons;
use super::rests::Before;
use super::touched::{Schemes, rests_on, target};
use crate::cycle::domain::Asked;
use crate::policy::ListCycleChanges;
use crate::{App, card, cycle, observation, record, run, scheme};

pub use super::touched::{TouchedCycle, Touching, touched_cycles};

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
    /// What amounts are converted by otherwise.
    pub rates: Vec<RateChange>,
    /// Something of a period that begins before this day may be removed: what the result rests on is held against nothing there.
    pub removed_before: Option<Date>,
}

/// What has changed since a cycle's newest result was worked out.
pub async fn cycle_changes(app: &App, ctx: &OpContext, id: CycleId) -> Result<CycleChanges> {
    let plan = ctx.plan::<ListCycleChanges>()?;
    let (of, scheme, read, since, records, observations, days, before, past) = {
        let tx = app.store.read(ctx).await?;
        let also = card::facts::cycles(&tx, &plan).await?;
        let found = cycle::facts::find(&tx, &plan, id, &also).await?;
        let shown = cycle::facts::shown(&tx, found.id, Asked::Newest).await?;
        let since = run::facts::begun(&tx, shown.attribution().0).await?.unwrap_or(Timestamp::UNIX_EPOCH);
        let records = record::facts::changes_since(&tx, since).await?;
        let cycle = shown.cycle.clone();
        let scheme = scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?;
        let (measures, days) = (card::facts::observed_by_indicators(&scheme), (cycle.period.from(), cycle.period.to()));
        let observations = observation::facts::changed_since(&tx, &measures, days, shown.begun()).await?;
        let mut schemes = Schemes::default();
        let days = schemes.of(&tx, &cycle).await?.days_before;
        let before = Before::read(&tx, &shown, &scheme).await?;
        let past = past(&tx, (&plan, &also), card::facts::otherwise(&tx, &shown, &scheme).await?).await?;
        (cycle, scheme, rests_on(&tx, &shown).await?, since, records, observations, days, before, past)
    };
    let units = Units::of(&app.peers.identity, ctx, Some(of.period.to()));
    let removed_before = app.kept.removed(ctx, of.period, Some(&scheme), Some(since)).await?.map(|gone| gone.day);
    let now = before.now(app, ctx, &of, removed_before.is_none());
    let (duty, rates) = (app.peers.duty_changes(ctx, since), reckons::rates(app, ctx, (&of, &scheme), &before));
    let (mut now, duty, units, rates) = futures::try_join!(now, duty, units, rates)?;
    let mut mine = BTreeMap::new();
    for account in &now.accounts {
        let within = of.owner.unit().is_none_or(|above| account.unit.is_some_and(|unit| units.holds(above, unit)));
        if within || read.contains(&account.id) {
            mine.insert(account.id, zone(&account.zone)?);
        }
    }
    let days = reads(of.period, days, mine.values())?;
    let mut changes = changes((of.period, days), &mine, (&records, &duty), now.otherwise);
    let all = changes.len();
    let seen = now.accounts.iter().filter(|account| plan.covers(&target(account).on(of.period.to())));
    let seen: BTreeSet<AccountId> = seen.map(|account| account.id).collect();
    changes.retain(|account, _| seen.contains(account));
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let others = count(all - changes.len());
    let observations = count(observations.iter().filter(|one| before.rests_on(one, &now.units)).count());
    let reached = |person: &PersonId| now.homes.get(person).is_some_and(|home| plan.covers(home));
    for change in changes.values_mut() {
        change.otherwise.duty.values_mut().for_each(|people| people.retain(&reached));
    }
    for (person, changed) in past {
        now.people.entry(person).or_default().extend(changed);
    }
    let all_people = now.people.len();
    let told = |person: &PersonId| now.places.get(person).is_some_and(|there| there.iter().any(|at| plan.covers(at)));
    let people: Vec<_> = now.people.into_iter().filter(|(person, _)| told(person)).collect();
    let other_people = count(all_people - people.len());
    let accounts = changes.into_iter().collect();
    Ok(CycleChanges { accounts, others, observations, people, other_people, rates, removed_before })
}

/// Of whom what was before is otherwise: in which cycles, of those that the caller sees.
async fn past(
    tx: &ReadTx,
    (plan, also): (&Plan<ListCycleChanges>, &[CycleId]),
    otherwise: BTreeMap<PersonId, BTreeSet<CycleId>>,
) -> Result<BTreeMap<PersonId, BTreeSet<PersonChange>>> {
    if otherwise.is_empty() {
        return Ok(BTreeMap::new());
    }
    let seen = cycle::facts::seen_since(tx, plan, also, None).await?;
    let changed = otherwise.into_iter().map(|(person, cycles)| {
        let shown = cycles.intersection(&seen).copied().map(PersonChange::PastOf);
        (person, shown.chain([PersonChange::Past]).collect())
    });
    Ok(changed.collect())
}
