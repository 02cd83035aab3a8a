//! What a result rests on, held against what the peers tell now: what closing the cycle again, or correcting it, would read otherwise, however
//! that came.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{Moment, OpContext, Target};
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::snapshot::{Days, Frozen, FrozenAccount, FrozenPerson, snapshot};
use tally_engine::scoring::Scheme;
use tally_engine::scoring::definition::Of;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::Employment;
use tally_store::ScopedTx;

use super::domain::PersonChange;
use super::domain::differs::{Otherwise, employed_otherwise, named, named_devices, otherwise};
use crate::App;
use crate::cycle::domain::Cycle;
use crate::cycle::facts::Shown;
use crate::observation::domain::Subject;
use crate::record::domain::money::KeptRates;
use crate::{card, credit, cycle, run};

/// What a result rests on.
pub(super) struct Before {
    frozen: Vec<Frozen>,
    days: Days,
    /// What amounts were converted by; nothing of a run from before that was kept.
    pub(super) money: Option<KeptRates>,
    /// Who was in, where that was settled.
    settled: BTreeSet<PersonId>,
    /// Whom the cards are of, with the accounts that they are credited on; nothing where cards may be about anybody, since teams are measured.
    about: Option<(BTreeSet<PersonId>, BTreeSet<AccountId>)>,
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
    /// The units that whoever has a card belonged to on some day of the period.
    pub units: BTreeSet<OrgUnitId>,
}

impl Before {
    pub async fn read(tx: &ScopedTx, shown: &Shown, scheme: &Scheme) -> Result<Self> {
        let (of, mut frozen) = (shown.attribution().0, Vec::new());
        for component in 0..run::facts::components(tx, of).await? {
            frozen.push(run::facts::component(tx, of, component).await?);
        }
        let run = run::facts::load_if_there(tx, shown.attribution()).await?;
        let (days, money) = run.map(|run| (run.days, run.money)).unwrap_or_default();
        let about = match scheme.measures.iter().any(|definition| matches!(definition.of, Of::Team(_))) {
            true => None,
            false => {
                let people: BTreeSet<_> = card::facts::people_of(tx, [shown.run].into()).await?.into_iter().collect();
                let shares = credit::facts::shares_of_accounts(tx, of).await?.into_iter();
                let mine = shares.filter(|(_, person, _)| people.contains(person)).map(|(account, ..)| account);
                let accounts = mine.collect();
                Some((people, accounts))
            }
        };
        Ok(Self { frozen, days, money, settled: cycle::facts::population_of(tx, shown.run).await?, about })
    }

    /// The accounts that the cards are about.
    pub fn accounts(&self) -> impl Iterator<Item = &FrozenAccount> {
        let mine = |of: &&FrozenAccount| self.about.as_ref().is_none_or(|(_, accounts)| accounts.contains(&of.id));
        self.frozen.iter().flat_map(|component| &component.accounts).filter(mine)
    }

    /// Whether the cards may rest on an observation. `units` are those that anybody with a card belonged to on some day of the period.
    pub fn rests_on(&self, (subject, unit): &(Subject, Option<OrgUnitId>), units: &BTreeSet<OrgUnitId>) -> bool {
        let Some((people, _)) = &self.about else { return true };
        match subject {
            Subject::Person(person) => people.contains(person),
            Subject::Unit(unit) => units.contains(unit),
            Subject::Account(id) => self.accounts().any(|account| account.id == *id),
            Subject::Store(name) => {
                self.accounts().any(|of| of.key.rsplit_once('/').is_some_and(|(store, _)| store == name))
            }
            // What nobody's unit runs is everybody's.
            Subject::Campaign(_) => unit.is_none_or(|unit| units.contains(&unit)),
        }
    }

    /// Asks the peers, and says what is otherwise. Where not all is kept, what is gone would be told as otherwise: accounts and duty are
    /// not compared then.
    pub async fn now(&self, app: &App, ctx: &OpContext, of: &Cycle, kept: bool) -> Result<Now> {
        let facts = app.peers.facts(ctx, &app.directory, of.period, &of.policy);
        let people = app.directory.everybody(ctx);
        let (mut facts, everybody, population) =
            futures::try_join!(facts, people, cycle::population::of(app, ctx, of))?;
        let otherwise = if kept {
            facts.named_devices = named_devices(&self.frozen);
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
        let mut units = BTreeSet::new();
        for known in everybody.iter() {
            if self.about.as_ref().is_some_and(|(people, _)| people.contains(&known.id)) {
                units.extend(known.homes().filter(|home| home.touches(period)).map(|home| home.unit));
            }
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
        Ok(Now { otherwise, accounts: facts.accounts, people, homes, places, units })
    }
}
