//! Which cycles a correction touches: those that rest on what is put right, and those whose trends are held against one that does.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use tally_access::{OpContext, Plan, Target};
use tally_app::units::Units;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::measured::Takes;
use tally_engine::scoring::{looks_back, trends};
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, CycleId, PersonId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Error, Result, msg};
use tally_store::ScopedTx;
use uuid::Uuid;

use super::domain::{meet, reads};
use crate::cycle::domain::{Asked, Cycle, State};
use crate::cycle::facts::Shown;
use crate::policy::ListTouchedCycles;
use crate::reach::from_below;
use crate::{App, card, cycle, run, scheme};

/// What a correction is of.
pub enum Touching {
    /// Records or duty on these accounts.
    Accounts(BTreeSet<AccountId>),
    /// A version of a scheme; 0 for all of them.
    Scheme(SchemeId, u32),
}

/// A cycle that is touched, by the version of its scheme that its newest result has.
pub struct TouchedCycle {
    pub of: Cycle,
    /// The accounts of those asked for that it rests on.
    pub accounts: BTreeSet<AccountId>,
    /// Touched cycles that its trends are held against.
    pub past: BTreeSet<CycleId>,
}

/// A page of the cycles on these days that rest on accounts or are scored by a scheme, and of those of later days whose trends are held against
/// them, newest first.
pub async fn touched_cycles(
    app: &App,
    ctx: &OpContext,
    touching: &Touching,
    days: (Option<Date>, Option<Date>),
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
    let mut seen = Vec::new();
    for of in cycle::facts::over(&tx, &plan, &card::facts::cycles(&tx, &plan).await?, (days.0, None)).await? {
        if of.corrects.is_none() {
            seen.push(Seen::read(&tx, of).await?);
        }
    }
    let mut touched = at_once(&tx, touching, places.as_ref(), &seen, days).await?;
    match (touching, &places, &reading) {
        (Touching::Accounts(asked), Some(places), _) => places.all_known(&plan, asked, &touched, days.1)?,
        (Touching::Scheme(id, version), _, Some(reading)) if touched.is_empty() => {
            let found = scheme::facts::find(&tx, reading, *id, *version).await?;
            found.ok_or_else(|| Error::not_found("scheme version", format_args!("{id}/{version}")))?;
        }
        (Touching::Accounts(_) | Touching::Scheme(..), _, _) => {}
    }
    let past = by_trends(&tx, &touched, &seen).await?;
    let told = |Seen { of, .. }: Seen| {
        let (accounts, past) = (touched.remove(&of.id), past.get(&of.id).cloned());
        let is_touched = accounts.is_some() || past.is_some();
        let (accounts, past) = (accounts.unwrap_or_default(), past.unwrap_or_default());
        is_touched.then_some(TouchedCycle { of, accounts, past })
    };
    let mut told: Vec<TouchedCycle> = seen.into_iter().filter_map(told).collect();
    told.sort_by_key(|one| std::cmp::Reverse(one.of.id));
    let after = page.after.as_ref().and_then(|after| after.parse::<CycleId>().ok());
    told.retain(|one| after.is_none_or(|after| one.of.id < after));
    told.truncate((page.size as usize).saturating_add(1));
    let next = page.cut(&mut told, |one| one.of.id.to_string());
    Ok((told, next))
}

/// A cycle that the caller sees.
struct Seen {
    /// By the version of its scheme that its newest result has.
    of: Cycle,
    /// That, where it has one.
    result: Option<Shown>,
}

impl Seen {
    async fn read(tx: &ScopedTx, of: Cycle) -> Result<Self> {
        match of.state {
            State::Reviewable | State::Published => {
                let shown = cycle::facts::shown(tx, of.id, Asked::Newest).await?;
                Ok(Self { of: Cycle { scheme_version: shown.cycle.scheme_version, ..of }, result: Some(shown) })
            }
            State::Open | State::Closing | State::Failed => Ok(Self { of, result: None }),
        }
    }
}

/// The cycles that rest on what is asked about, each with which of the accounts.
async fn at_once(
    tx: &ScopedTx,
    touching: &Touching,
    places: Option<&Places>,
    seen: &[Seen],
    (from, to): (Option<Date>, Option<Date>),
) -> Result<BTreeMap<CycleId, BTreeSet<AccountId>>> {
    // What a scheme looks back on lies before the cycle's days.
    let until = match touching {
        Touching::Accounts(_) => to.and_then(|to| to.checked_add(MOST_BACK.days()).ok()),
        Touching::Scheme(..) => to,
    };
    let (mut touched, mut schemes) = (BTreeMap::new(), Schemes::default());
    for Seen { of, result } in seen.iter().filter(|one| meet(one.of.period, None, until)) {
        let read = match result {
            Some(shown) => rests_on(tx, shown).await?,
            None => BTreeSet::new(),
        };
        let mine = places.map(|places| places.of_cycle(of, &read)).unwrap_or_default();
        let by = schemes.of(tx, of).await?;
        let is_touched = match *touching {
            Touching::Accounts(_) => {
                let zones = places.map(|places| places.zones(&mine)).transpose()?.unwrap_or_default();
                !mine.is_empty() && meet(reads(of.period, by.days_before, &zones)?, from, to)
            }
            Touching::Scheme(scheme, version) => by.rests_on(scheme, version) && meet(of.period, from, to),
        };
        if is_touched {
            touched.insert(of.id, mine);
        }
    }
    Ok(touched)
}

/// The cycles whose trends are held against touched ones, on which of them: what somebody had there is otherwise once it is put right and
/// published. Where a trend is of something that looks back itself, what comes after them in its turn.
async fn by_trends(
    tx: &ScopedTx,
    touched: &BTreeMap<CycleId, BTreeSet<AccountId>>,
    seen: &[Seen],
) -> Result<BTreeMap<CycleId, BTreeSet<CycleId>>> {
    let schemes: BTreeSet<SchemeId> =
        seen.iter().filter(|one| touched.contains_key(&one.of.id)).map(|one| one.of.scheme).collect();
    let mut later: Vec<&Seen> = seen.iter().filter(|one| schemes.contains(&one.of.scheme)).collect();
    later.sort_by_key(|one| (one.of.period, one.of.id));
    let owners: HashMap<CycleId, &Cycle> = later.iter().map(|one| (one.of.id, &one.of)).collect();
    let (mut past, mut people) = (BTreeMap::<CycleId, BTreeSet<CycleId>>::new(), People::default());
    for Seen { of, result } in later {
        let by = scheme::facts::load(tx, of.scheme, of.scheme_version).await?;
        if trends(&by).is_empty() {
            continue;
        }
        for before in card::facts::before(tx, of, &by).await? {
            let by_trends =
                || past.contains_key(&before.cycle) && before.names.iter().any(|name| looks_back(&by, name));
            let Some(earlier) = owners.get(&before.cycle) else { continue };
            if !touched.contains_key(&before.cycle) && !by_trends() {
                continue;
            }
            let shares = match result {
                Some(shown) => people.share(tx, [shown.run, before.run]).await?,
                // Who is in is not known before it is closed.
                None => earlier.owner == of.owner || [earlier, &of].iter().any(|one| one.owner.unit().is_none()),
            };
            if shares {
                past.entry(of.id).or_default().insert(before.cycle);
            }
        }
    }
    Ok(past)
}

/// Who has a card in a result, each read once.
#[derive(Default)]
struct People(HashMap<Uuid, BTreeSet<PersonId>>);

impl People {
    async fn share(&mut self, tx: &ScopedTx, [one, other]: [Uuid; 2]) -> Result<bool> {
        for run in [one, other] {
            if let Entry::Vacant(missing) = self.0.entry(run) {
                missing.insert(card::facts::people_of(tx, [run].into()).await?.into_iter().collect());
            }
        }
        Ok(self.0.get(&one).zip(self.0.get(&other)).is_some_and(|(one, other)| !one.is_disjoint(other)))
    }
}

/// More days than any measure looks back (`within_days`).
const MOST_BACK: i64 = 366;

/// What cycles are scored by, each version read once.
#[derive(Default)]
pub(super) struct Schemes(HashMap<(SchemeId, u32), By>);

/// A version of a scheme.
pub(super) struct By {
    /// The version, and those that it refines.
    versions: Vec<(SchemeId, u32)>,
    /// Days of 24 hours before the cycle whose records are read.
    pub(super) days_before: i64,
}

impl Schemes {
    pub(super) async fn of(&mut self, tx: &ScopedTx, cycle: &Cycle) -> Result<&By> {
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
    fn all_known(
        &self,
        plan: &Plan<ListTouchedCycles>,
        asked: &BTreeSet<AccountId>,
        touched: &BTreeMap<CycleId, BTreeSet<AccountId>>,
        to: Option<Date>,
    ) -> Result<()> {
        let named: BTreeSet<&AccountId> = touched.values().flatten().collect();
        let reached = |of: &AccountFacts| to.map_or(target(of), |to| target(of).on(to));
        let knows = |of: &&AccountFacts| named.contains(&of.id) || plan.covers(&reached(of));
        let known: BTreeSet<AccountId> = self.accounts.iter().filter(knows).map(|of| of.id).collect();
        let mut v = Violations::new();
        for account in asked.difference(&known) {
            v.push("account_ids", msg!("ACCOUNT_UNKNOWN_HERE", account));
        }
        v.finish(Some(()))
    }

    fn zones(&self, of: &BTreeSet<AccountId>) -> Result<Vec<TimeZone>> {
        let these = self.accounts.iter().filter(|account| of.contains(&account.id));
        these.map(|account| Ok(zone(&account.zone)?)).collect()
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
pub(super) fn target(account: &AccountFacts) -> Target {
    Target { region: Some(account.region.clone()), unit: account.unit, ..Target::default() }
}

/// The accounts that a cycle's newest result was worked out from.
pub(super) async fn rests_on(tx: &ScopedTx, shown: &Shown) -> Result<BTreeSet<AccountId>> {
    let accounts = run::facts::accounts(tx, shown.attribution().0).await?;
    Ok(accounts.into_iter().map(|account| AccountId(account.account_id)).collect())
}
