//! What a result rests on, held against what the peers tell now: what closing the cycle again, or correcting it, would read otherwise, however
//! that came.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{Moment, OpContext, Target};
use tally_app::units::Units;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::snapshot::{Days, Frozen, FrozenAccount, FrozenPerson, snapshot};
use tally_kernel::Result;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::Employment;
use tally_store::ScopedTx;

use super::domain::PersonChange;
use super::domain::differs::{Otherwise, employed_otherwise, named, otherwise};
use crate::App;
use crate::cycle::domain::Cycle;
use crate::cycle::facts::Shown;
use crate::observation::domain::Subject;
use crate::record::domain::money::KeptRates;
use crate::{cycle, run};

/// What a result rests on.
pub(super) struct Before {
    frozen: Vec<Frozen>,
    days: Days,
    /// What amounts were converted by; nothing of a run from before that was kept.
    pub(super) money: Option<KeptRates>,
    /// Who was in, where that was settled.
    settled: BTreeSet<PersonId>,
}

/// What is otherwise now.
pub(super) struct Now {
    /// Every account that this stack holds.
    pub accounts: Vec<AccountFacts>,
    pub otherwise: BTreeMap<AccountId, Otherwise>,
    pub people: BTreeMap<PersonId, BTreeSet<PersonChange>>,
    /// Where people belong on the last day, or belonged.
    pub homes: BTreeMap<PersonId, Target>,
    /// Where people belonged by what the result rests on, and where they belong by now, each on its days of the period: who reads of them on
    /// any of these is told of them.
    pub places: BTreeMap<PersonId, Vec<Target>>,
}

impl Before {
    pub async fn read(tx: &ScopedTx, shown: &Shown) -> Result<Self> {
        let (of, mut frozen) = (shown.attribution().0, Vec::new());
        for component in 0..run::facts::components(tx, of).await? {
            frozen.push(run::facts::component(tx, of, component).await?);
        }
        let run = run::facts::load_if_there(tx, shown.attribution()).await?;
        let (days, money) = run.map(|run| (run.days, run.money)).unwrap_or_default();
        Ok(Self { frozen, days, money, settled: cycle::facts::population_of(tx, shown.run).await? })
    }

    /// The accounts that people of the cycle may be credited on; all of them where who was in was not settled.
    pub fn accounts(&self) -> impl Iterator<Item = &FrozenAccount> {
        let mine = |of: &&Frozen| self.settled.is_empty() || of.people.iter().any(|one| self.settled.contains(&one.id));
        self.frozen.iter().filter(mine).flat_map(|component| &component.accounts)
    }

    /// Whether an observation may be about the people of a cycle: of the group's every one.
    pub fn is_about(&self, of: &Cycle, (subject, unit): &(Subject, Option<OrgUnitId>), units: &Units) -> bool {
        let Some(above) = of.owner.unit() else { return true };
        let within = unit.is_some_and(|unit| units.holds(above, unit));
        match subject {
            Subject::Person(person) => within || self.settled.contains(person),
            Subject::Unit(_) => within,
            Subject::Account(id) => self.accounts().any(|account| account.id == *id),
            Subject::Store(name) => {
                self.accounts().any(|of| of.key.rsplit_once('/').is_some_and(|(store, _)| store == name))
            }
            // What nobody's unit runs is everybody's.
            Subject::Campaign(_) => within || unit.is_none(),
        }
    }

    /// Asks the peers, and says what is otherwise. Where not all is kept, what is gone would be told as otherwise: accounts and duty are
    /// not compared then.
    pub async fn now(&self, app: &App, ctx: &OpContext, of: &Cycle, kept: bool) -> Result<Now> {
        let facts = app.peers.facts(ctx, &app.directory, of.period, &of.policy);
        let people = app.directory.everybody(ctx);
        let (facts, everybody, population) = futures::try_join!(facts, people, cycle::population::of(app, ctx, of))?;
        let otherwise = if kept {
            let frozen = snapshot(&facts, of.period, (&of.policy, self.days), &named(&self.frozen))?.components;
            otherwise(&self.frozen, &frozen)?
        } else {
            BTreeMap::new()
        };
        let employed = |person| {
            let known = everybody.get(person).filter(|known| known.employed_in(of.period));
            known.and_then(|known| FrozenPerson::of(known, of.period))
        };
        let mut people: BTreeMap<PersonId, BTreeSet<PersonChange>> = BTreeMap::new();
        for person in employed_otherwise(&self.frozen, of.period, employed) {
            people.entry(person).or_default().insert(PersonChange::Employment);
        }
        if let Some(population) = population.filter(|_| !self.settled.is_empty()) {
            let is_in: BTreeSet<PersonId> = population.into_iter().map(|(person, _)| person).collect();
            for person in is_in.difference(&self.settled) {
                people.entry(*person).or_default().insert(PersonChange::CameIn);
            }
            for person in self.settled.difference(&is_in) {
                people.entry(*person).or_default().insert(PersonChange::WentOut);
            }
        }
        let (period, day) = (of.period, of.period.to());
        let was = self.frozen.iter().flat_map(|component| &component.people);
        let home = |was: &FrozenPerson| {
            (was.id, Target::person(was.region.clone(), Some(was.unit), was.id).on(was.until(day)))
        };
        let mut homes: BTreeMap<PersonId, Target> = was.map(home).collect();
        let mut places: BTreeMap<PersonId, Vec<Target>> =
            homes.iter().map(|(person, home)| (*person, vec![home.clone()])).collect();
        for known in everybody.iter() {
            let of = |home: &Employment| Target::person(home.region.clone(), Some(home.unit), known.id);
            let within = known.homes().filter(|home| home.touches(period)).map(|home| {
                let (first, last) = (home.from.max(period.from()), home.to.unwrap_or(day).min(day));
                Target { moment: Some(Moment::Days(first, Some(last))), ..of(home) }
            });
            if let Some(home) = known.home(day) {
                places.entry(known.id).or_default().extend(within.chain([of(home).on(home.until(day))]));
                homes.insert(known.id, of(home).on(home.until(day)));
            }
        }
        Ok(Now { otherwise, accounts: facts.accounts, people, homes, places })
    }
}
