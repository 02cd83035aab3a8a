//! Which cycles a correction touches: those that rest on what is put right, and those whose trends are held against one that does.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use tally_access::{OpContext, Plan, Target};
use tally_app::trees::Trees;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::measured::Takes;
use tally_engine::scoring::{Scheme, looks_back, trends};
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, CycleId, PersonId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Error, Result, msg};
use tally_store::ScopedTx;
use uuid::Uuid;

use super::domain::{meet, reads};
use crate::card::facts::Before;
use crate::cycle::domain::Cycle;
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
    let seen = cycle::facts::seen_since(&tx, &plan, &card::facts::cycles(&tx, &plan).await?, days.0).await?;
    let all = Newest::since(&tx, days.0).await?;
    let mut schemes = Schemes::default();
    let mut touched = at_once(&tx, touching, places.as_ref(), (&all, &mut schemes), days).await?;
    // What goes on from a cycle that the caller does not see is touched as well.
    let past = by_trends(&tx, &touched, (&all, &mut schemes)).await?;
    touched.retain(|id, _| seen.contains(id));
    match (touching, &places, &reading) {
        (Touching::Accounts(asked), Some(places), _) => places.all_known(&plan, asked, &touched, days.1)?,
        (Touching::Scheme(id, version), _, Some(reading)) if touched.is_empty() => {
            let found = scheme::facts::find(&tx, reading, *id, *version).await?;
            found.ok_or_else(|| Error::not_found("scheme version", format_args!("{id}/{version}")))?;
        }
        (Touching::Accounts(_) | Touching::Scheme(..), _, _) => {}
    }
    let told = |Newest { of, .. }: Newest| {
        let (accounts, past) = (touched.remove(&of.id), past.get(&of.id));
        let is_touched = accounts.is_some() || past.is_some();
        let past = past.into_iter().flatten().copied().filter(|id| seen.contains(id)).collect();
        (is_touched && seen.contains(&of.id)).then_some(TouchedCycle {
            of,
            accounts: accounts.unwrap_or_default(),
            past,
        })
    };
    let mut told: Vec<TouchedCycle> = all.into_iter().filter_map(told).collect();
    told.sort_by_key(|one| std::cmp::Reverse(one.of.id));
    let after = page.after.as_ref().and_then(|after| after.parse::<CycleId>().ok());
    told.retain(|one| after.is_none_or(|after| one.of.id < after));
    told.truncate((page.size as usize).saturating_add(1));
    let next = page.cut(&mut told, |one| one.of.id.to_string());
    Ok((told, next))
}

/// A cycle with what it came to by now.
struct Newest {
    /// By the version of its scheme that its newest result has.
    of: Cycle,
    /// That, where it has one.
    result: Option<Shown>,
}

impl Newest {
    /// Of every cycle that ends on a day or after it, whoever sees it.
    async fn since(tx: &ScopedTx, day: Option<Date>) -> Result<Vec<Self>> {
        let newest = |(of, result): (Cycle, Option<Shown>)| {
            let scheme_version = result.as_ref().map_or(of.scheme_version, |shown| shown.cycle.scheme_version);
            Self { of: Cycle { scheme_version, ..of }, result }
        };
        let all = cycle::facts::all_shown(tx, cycle::facts::since(tx, day).await?).await?;
        Ok(all.into_iter().map(newest).collect())
    }
}

/// The cycles that rest on what is asked about, each with which of the accounts.
async fn at_once(
    tx: &ScopedTx,
    touching: &Touching,
    places: Option<&Places>,
    (all, schemes): (&[Newest], &mut Schemes),
    (from, to): (Option<Date>, Option<Date>),
) -> Result<BTreeMap<CycleId, BTreeSet<AccountId>>> {
    // What a scheme looks back on lies before the cycle's days.
    let until = match touching {
        Touching::Accounts(_) => to.and_then(|to| to.checked_add(MOST_BACK.days()).ok()),
        Touching::Scheme(..) => to,
    };
    let over = all.iter().filter(|one| meet(one.of.period, None, until));
    let read = match touching {
        Touching::Accounts(accounts) => {
            let runs = over.clone().filter_map(|one| Some(one.result.as_ref()?.attribution().0)).collect();
            run::facts::with_accounts(tx, runs, accounts).await?
        }
        Touching::Scheme(..) => HashMap::new(),
    };
    let (mut touched, nothing) = (BTreeMap::new(), BTreeSet::new());
    for Newest { of, result } in over {
        let read = result.as_ref().and_then(|shown| read.get(&shown.attribution().0)).unwrap_or(&nothing);
        let mine = places.map(|places| places.of_cycle(of, read)).unwrap_or_default();
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
    (all, schemes): (&[Newest], &mut Schemes),
) -> Result<BTreeMap<CycleId, BTreeSet<CycleId>>> {
    // The last day of the first that is touched, of each scheme: nothing before that is held against it.
    let mut first: BTreeMap<SchemeId, Date> = BTreeMap::new();
    for of in all.iter().map(|one| &one.of).filter(|of| touched.contains_key(&of.id)) {
        let last_day = of.period.to();
        first.entry(of.scheme).and_modify(|first| *first = last_day.min(*first)).or_insert(last_day);
    }
    let cycles: HashMap<CycleId, &Cycle> = all.iter().map(|one| (one.of.id, &one.of)).collect();
    let mut past = BTreeMap::<CycleId, BTreeSet<CycleId>>::new();
    for (scheme, ended) in first {
        let mut later = Vec::new();
        for one in all.iter().filter(|one| one.of.scheme == scheme && one.of.period.from() > ended) {
            if !trends(&schemes.of(tx, &one.of).await?.scheme).is_empty() {
                later.push(one);
            }
        }
        if later.is_empty() {
            continue;
        }
        later.sort_by_key(|one| (one.of.period, one.of.id));
        let (published, mut people) = (card::facts::Published::read(tx, scheme, None).await?, People::default());
        // None is held against one over the same days.
        for over in later.chunk_by(|one, next| one.of.period == next.of.period) {
            let mut held = Vec::new();
            for one in over {
                let by = &schemes.of(tx, &one.of).await?.scheme;
                let is_touched = |before: &Before| {
                    let by_trends = || before.names.iter().any(|name| looks_back(by, name));
                    touched.contains_key(&before.cycle) || past.contains_key(&before.cycle) && by_trends()
                };
                let before = published.before(&one.of, by)?.into_iter().filter(is_touched);
                held.extend(before.map(|before| (*one, before)));
            }
            people.read(tx, &held).await?;
            for (Newest { of, result }, before) in held {
                let shares = match (result, cycles.get(&before.cycle)) {
                    (Some(shown), _) => people.share([shown.run, before.run]),
                    // Who is in is not known before it is closed.
                    (None, Some(earlier)) => {
                        earlier.owner == of.owner || [*earlier, of].iter().any(|one| one.owner.unit().is_none())
                    }
                    (None, None) => false,
                };
                if shares {
                    past.entry(of.id).or_default().insert(before.cycle);
                }
            }
        }
    }
    Ok(past)
}

/// Who has a card in the results that are held against each other.
#[derive(Default)]
struct People(HashMap<Uuid, BTreeSet<PersonId>>);

impl People {
    /// Reads who had one in those of before, where that is not known, and which of them has one in the later ones.
    async fn read(&mut self, tx: &ScopedTx, held: &[(&Newest, Before)]) -> Result<()> {
        let runs: BTreeSet<Uuid> = held.iter().map(|(_, before)| before.run).collect();
        self.0.retain(|run, _| runs.contains(run));
        let missing: BTreeSet<Uuid> = runs.into_iter().filter(|run| !self.0.contains_key(run)).collect();
        if !missing.is_empty() {
            self.0.extend(card::facts::people_by_run(tx, missing, None).await?);
        }
        let later: BTreeSet<Uuid> = held.iter().filter_map(|(one, _)| Some(one.result.as_ref()?.run)).collect();
        if !later.is_empty() {
            let had = self.0.values().flatten().copied().collect();
            self.0.extend(card::facts::people_by_run(tx, later, Some(&had)).await?);
        }
        Ok(())
    }

    fn share(&self, [one, other]: [Uuid; 2]) -> bool {
        self.0.get(&one).zip(self.0.get(&other)).is_some_and(|(one, other)| !one.is_disjoint(other))
    }
}

/// More days than any measure looks back (`within_days`).
const MOST_BACK: i64 = 366;

/// What cycles are scored by, each version read once.
#[derive(Default)]
pub(super) struct Schemes(HashMap<(SchemeId, u32), By>);

/// A version of a scheme.
pub(super) struct By {
    scheme: Scheme,
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
        let versions = above.iter().map(|version| (version.id, version.scheme.version)).collect();
        let own = above.into_iter().next().ok_or_else(|| Error::not_found("scheme", cycle.scheme))?;
        let days_before = SignedDuration::from_millis(Takes::of(&own.scheme).before_ms()).as_hours() / 24;
        Ok(by.insert(By { scheme: own.scheme, versions, days_before }))
    }
}

impl By {
    /// Whether it is this version of a scheme, or any for 0, or refines it.
    fn rests_on(&self, scheme: SchemeId, version: u32) -> bool {
        self.versions.iter().any(|(id, number)| *id == scheme && [0, *number].contains(&version))
    }
}

/// The accounts that are asked about, and where their units hung on every day.
struct Places {
    accounts: Vec<AccountFacts>,
    trees: Arc<Trees>,
}

impl Places {
    async fn of(app: &App, ctx: &OpContext, accounts: &BTreeSet<AccountId>) -> Result<Self> {
        let people = app.directory.everybody(ctx);
        let (known, people) = futures::try_join!(app.peers.accounts(ctx), people)?;
        let trees = app.directory.trees(ctx, &people).await?;
        Ok(Self { accounts: known.into_iter().filter(|account| accounts.contains(&account.id)).collect(), trees })
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

    /// Those that a cycle rests on, or lay within whose it is on its last day.
    fn of_cycle(&self, of: &Cycle, read: &BTreeSet<AccountId>) -> BTreeSet<AccountId> {
        let within = |account: &&AccountFacts| match of.owner.unit() {
            None => true,
            Some(above) => account.unit.is_some_and(|unit| self.trees.holds(above, unit, of.period.to())),
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
