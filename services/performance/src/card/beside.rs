//! What a scheme measures beside the records that people are credited with: what was observed, and what teams have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::OpContext;
use tally_app::directory::People;
use tally_app::units::Units;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::observed::{PUNCTUALITY, Seen, TURNOVER, punctual, sample};
use tally_engine::scoring::definition::{Definition, Of, OfObservations, Rolled, Subject as About};
use tally_engine::scoring::{Measure, PersonInputs, Sample, Scheme, values};
use tally_engine::team::{self, Has, OnDays, Team};
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::DirectoryPerson;
use tally_kernel::time::Period;
use tally_kernel::{Micro, Result};
use tally_store::ScopedTx;
use uuid::Uuid;

use super::past::PastOf;
use crate::App;
use crate::credit::facts::shares_of_accounts;
use crate::observation::domain::Subject;
use crate::observation::facts::counting_in;

/// Whether a scheme measures something that is not of records, so that people without credited records can have it.
pub fn reads_more(scheme: &Scheme) -> bool {
    scheme.measures.iter().any(|definition| matches!(definition.of, Of::Observation(_) | Of::Team(_)))
}

/// What the peers tell, asked before any transaction.
pub struct Around {
    people: Arc<People>,
    period: Period,
    days: Vec<Date>,
    /// Org trees of the days, where teams are rolled up.
    trees: Vec<Units>,
    accounts: Vec<AccountFacts>,
    /// Whether somebody was in time for a shift, by the day of its beginning.
    punctual: HashMap<PersonId, Vec<(Date, i64, bool)>>,
}

/// Asks what a scheme needs to know of people, teams and duty; nothing for one that measures records alone.
///
/// # Errors
/// What the peers say.
pub async fn ask(
    app: &App,
    ctx: &OpContext,
    period: Period,
    scheme: &Scheme,
    people: &Arc<People>,
) -> Result<Option<Around>> {
    if !reads_more(scheme) {
        return Ok(None);
    }
    let (days, mut trees) = (team::days(period), Vec::new());
    if scheme.measures.iter().any(|definition| matches!(definition.of, Of::Team(_))) {
        for day in &days {
            trees.push(Units::of(&app.peers.identity, ctx, Some(*day)).await?);
        }
    }
    let of_accounts = |definition: &Definition| matches!(&definition.of, Of::Observation(of) if matches!(of.subject, About::Account | About::Store));
    let accounts = if scheme.measures.iter().any(of_accounts) { app.peers.accounts(ctx).await? } else { Vec::new() };
    let mut around = Around { people: Arc::clone(people), period, days, trees, accounts, punctual: HashMap::new() };
    if scheme.measures.iter().any(|definition| definition.name == PUNCTUALITY) {
        for (person, (shifts, punches)) in app.peers.comings(ctx, period).await? {
            let Some(known) = people.get(person) else { continue };
            let day = |ms| Timestamp::from_millisecond(ms).map(|at| known.zone.to_datetime(at).date());
            let found = punctual(&shifts, &punches).into_iter();
            let found = found.filter_map(|(start, in_time)| Some((day(start).ok()?, start, in_time)));
            around.punctual.insert(person, found.collect());
        }
    }
    Ok(Some(around))
}

impl Around {
    /// The teams of some people; none where the scheme rolls nothing up.
    pub fn teams(&self, leaders: impl IntoIterator<Item = PersonId>) -> BTreeMap<PersonId, Team> {
        let above = |day: Date, unit: OrgUnitId| {
            let tree = self.place(day).and_then(|place| self.trees.get(place));
            tree.map(|tree| tree.chain(unit).map(|above| above.id).collect()).unwrap_or_default()
        };
        let employed = |person: &&DirectoryPerson| person.employed_in(self.period);
        let everybody: Vec<&DirectoryPerson> = self.people.iter().map(Arc::as_ref).filter(employed).collect();
        team::teams(self.period, leaders, &everybody, above)
    }

    fn place(&self, day: Date) -> Option<usize> {
        self.days.binary_search(&day).ok()
    }
}

/// An observation that counts in the period.
#[derive(Clone, Debug)]
struct Observation {
    days: (Date, Date),
    ended_ms: i64,
    value: Micro,
    /// Of a campaign, who runs it.
    run_by: Option<OrgUnitId>,
}

/// What was observed of a measure, by its subject.
type BySubject = BTreeMap<Subject, Vec<Observation>>;

/// Everything that is known, in the transaction of scoring.
pub struct Beside<'a> {
    around: &'a Around,
    scheme: &'a Scheme,
    seen: HashMap<&'a str, BySubject>,
    /// Millionths of records that each is credited with, by account.
    credited: HashMap<PersonId, Vec<(AccountId, u64)>>,
    /// The same of everybody together.
    of_all: HashMap<AccountId, u64>,
}

impl<'a> Beside<'a> {
    /// Reads what was observed and who is credited where.
    ///
    /// # Errors
    /// What the store says.
    pub async fn read(tx: &ScopedTx, run: Uuid, scheme: &'a Scheme, around: &'a Around) -> Result<Self> {
        let observed = |definition: &'a Definition| match &definition.of {
            Of::Observation(_) => Some(definition.name.as_str()),
            Of::Record(_) | Of::Derived(_) | Of::Team(_) => None,
        };
        let names: BTreeSet<String> = scheme.measures.iter().filter_map(observed).map(str::to_owned).collect();
        let mut seen: HashMap<&str, BySubject> =
            scheme.measures.iter().filter_map(observed).map(|name| (name, BySubject::new())).collect();
        let period = (around.period.from(), around.period.to());
        for row in counting_in(tx, &names, period, None).await? {
            let Some(by_subject) = seen.get_mut(row.said.measure.as_str()) else { continue };
            let (days, ended_ms, value, run_by) = (row.days, row.ended_ms, row.said.value, row.said.run_by);
            by_subject.entry(row.said.subject).or_default().push(Observation { days, ended_ms, value, run_by });
        }
        let mut beside = Self { around, scheme, seen, credited: HashMap::new(), of_all: HashMap::new() };
        beside.observe();
        if !around.accounts.is_empty() {
            for (account, person, ppm) in shares_of_accounts(tx, run).await? {
                beside.credited.entry(person).or_default().push((account, ppm));
                *beside.of_all.entry(account).or_default() += ppm;
            }
        }
        Ok(beside)
    }

    /// What the suite observes by itself.
    fn observe(&mut self) {
        let around = self.around;
        let one = |day: Date, ended_ms, value| Observation { days: (day, day), ended_ms, value, run_by: None };
        if let Some(by_subject) = self.seen.get_mut(PUNCTUALITY) {
            for (person, found) in &around.punctual {
                let within = found.iter().filter(|(day, ..)| around.days.contains(day));
                let found = within.map(|(day, start, in_time)| {
                    one(*day, *start, if *in_time { Micro::HUNDRED } else { Micro::ZERO })
                });
                by_subject.insert(Subject::Person(*person), found.collect());
            }
        }
        if let Some(by_subject) = self.seen.get_mut(TURNOVER) {
            for person in around.people.iter() {
                let last = team::left(person, around.period).and_then(|place| around.days.get(place));
                if let Some(day) = last {
                    by_subject.insert(Subject::Person(person.id), vec![one(*day, 0, Micro::ONE)]);
                }
            }
        }
    }

    /// Adds to people what is measured of them beside records. `others` are people outside of the population who are credited with
    /// something: they may be in a team.
    pub fn complete(&self, people: &mut [PersonInputs], others: &[PersonInputs], past: &PastOf) {
        let observed = self.scheme.measures.iter().filter_map(|definition| match &definition.of {
            Of::Observation(of) => Some((definition, of)),
            Of::Record(_) | Of::Derived(_) | Of::Team(_) => None,
        });
        let observed: Vec<(&Definition, &OfObservations)> = observed.collect();
        let add = |person: &mut PersonInputs| {
            let units = self.units_of(person.person);
            for (definition, of) in &observed {
                let sample = self.observed(definition, of, person.person, &units);
                if sample.ppm > 0 {
                    person.samples.insert(definition.name.clone(), sample);
                }
            }
        };
        people.iter_mut().for_each(add);
        if !self.around.trees.is_empty() {
            let mut all: Vec<PersonInputs> = people.to_vec();
            all.extend(others.iter().cloned().map(|mut other| {
                add(&mut other);
                other
            }));
            self.roll_up(people, all, |bare| {
                bare.past = past.get(&bare.person).cloned().unwrap_or_default();
                add(bare);
            });
        }
    }

    /// Of each unit that somebody belongs to in the period the days.
    fn units_of(&self, person: PersonId) -> BTreeMap<OrgUnitId, OnDays> {
        let mut units: BTreeMap<OrgUnitId, OnDays> = BTreeMap::new();
        let Some(known) = self.around.people.get(person) else { return units };
        for (place, day) in self.around.days.iter().enumerate() {
            if let Some(unit) = team::unit_on(known, *day) {
                units.entry(unit).or_default().add(place);
            }
        }
        units
    }

    /// Of an observation about a unit the part of its days on which somebody was there.
    fn of_unit(&self, observation: &Observation, on: &OnDays) -> Option<Seen> {
        let (first, last) = (self.around.place(observation.days.0)?, self.around.place(observation.days.1)?);
        let there = (first..=last).filter(|day| on.has(*day)).count() as u64;
        let (part, whole) = (there * 1_000_000, (last - first + 1) as u64 * 1_000_000);
        Some(Seen { value: observation.value, ended_ms: observation.ended_ms, part, whole })
    }

    fn observed(
        &self,
        definition: &Definition,
        of: &OfObservations,
        person: PersonId,
        units: &BTreeMap<OrgUnitId, OnDays>,
    ) -> Sample {
        let Some(seen) = self.seen.get(definition.name.as_str()) else { return Sample::default() };
        let about = |subject: &Subject| seen.get(subject).into_iter().flatten().filter(|one| holds(definition, one));
        let own = |one: &Observation| Seen::own(one.value, one.ended_ms);
        let shared = |subject: &Subject, part: u64, whole: u64| {
            let shared = |one: &Observation| Seen { part, whole, ..own(one) };
            about(subject).map(shared).collect::<Vec<_>>()
        };
        let found: Vec<Seen> = match of.subject {
            About::Person => about(&Subject::Person(person)).map(own).collect(),
            About::Unit => {
                let of_unit = |(unit, on): (&OrgUnitId, &OnDays)| {
                    let subject = Subject::Unit(*unit);
                    about(&subject).filter_map(|one| self.of_unit(one, on)).collect::<Vec<_>>()
                };
                units.iter().flat_map(of_unit).collect()
            }
            About::Account => {
                let mine = self.credited.get(&person).into_iter().flatten();
                mine.flat_map(|(account, part)| shared(&Subject::Account(*account), *part, self.all_of(*account)))
                    .collect()
            }
            About::Store => {
                let mut stores: BTreeMap<String, (u64, u64)> = BTreeMap::new();
                for account in &self.around.accounts {
                    let Some((store, _)) = account.key.rsplit_once('/') else { continue };
                    let mine = self.credited.get(&person).into_iter().flatten();
                    let part: u64 = mine.filter(|(id, _)| *id == account.id).map(|(_, ppm)| ppm).sum();
                    let sum = stores.entry(store.to_owned()).or_default();
                    *sum = (sum.0 + part, sum.1 + self.all_of(account.id));
                }
                let of_store = |(store, (part, whole))| shared(&Subject::Store(store), part, whole);
                stores.into_iter().flat_map(of_store).collect()
            }
            About::Campaign => {
                let campaigns = seen.iter().filter(|(subject, _)| matches!(subject, Subject::Campaign(_)));
                let of_campaign = |one: &Observation| match one.run_by {
                    None => Some(own(one)),
                    Some(unit) => units.get(&unit).and_then(|on| self.of_unit(one, on)),
                };
                let counting = campaigns.flat_map(|(_, all)| all).filter(|one| holds(definition, one));
                counting.filter_map(of_campaign).collect()
            }
        };
        sample(of.aggregation, &found)
    }

    fn all_of(&self, account: AccountId) -> u64 {
        self.of_all.get(&account).copied().unwrap_or_default()
    }

    /// Adds what teams have, those definitions first that others are rolled up from. `all` are the people whom anything is known of.
    fn roll_up(&self, people: &mut [PersonInputs], mut all: Vec<PersonInputs>, add: impl Fn(&mut PersonInputs)) {
        let teams = self.around.teams(people.iter().map(|person| person.person));
        let known: BTreeSet<PersonId> = all.iter().map(|person| person.person).collect();
        let members: BTreeSet<PersonId> = teams.values().flat_map(|team| team.members.keys().copied()).collect();
        all.extend(members.difference(&known).map(|person| {
            let mut bare = nothing_of(*person);
            add(&mut bare);
            bare
        }));
        let mut waiting: Vec<&Definition> = self.scheme.measures.iter().collect();
        waiting.retain(|definition| matches!(definition.of, Of::Team(_)));
        while let Some(at) =
            waiting.iter().position(|one| waiting.iter().all(|other| !one.parts().contains(&other.name.as_str())))
        {
            let definition = waiting.remove(at);
            let samples = self.rolled(definition, &teams, &all);
            for person in people.iter_mut().chain(&mut all) {
                if let Some(sample) = samples.get(&person.person) {
                    person.samples.insert(definition.name.clone(), *sample);
                }
            }
        }
    }

    /// What a definition is of each team.
    fn rolled(
        &self,
        definition: &Definition,
        teams: &BTreeMap<PersonId, Team>,
        all: &[PersonInputs],
    ) -> BTreeMap<PersonId, Sample> {
        let Of::Team(of) = &definition.of else { return BTreeMap::new() };
        let by_days = self.scheme.measures.iter().find_map(|part| match &part.of {
            Of::Observation(how) if part.name == of.of && how.subject == About::Person => Some((part, how.aggregation)),
            _ => None,
        });
        let whole: HashMap<PersonId, Micro> = match by_days {
            Some(_) => HashMap::new(),
            None => {
                let values = all.iter().zip(values(self.scheme, all, &of.of));
                values.filter_map(|(person, value)| Some((person.person, value?))).collect()
            }
        };
        let seen = self.seen.get(of.of.as_str());
        // What nobody has is no zero of everybody.
        let nothing_is_zero = !whole.is_empty() && self.scheme.nothing_is_zero(&Measure::from(of.of.clone()));
        let has = |person: PersonId| match by_days {
            Some((part, how)) => {
                let own = seen.and_then(|seen| seen.get(&Subject::Person(person))).into_iter().flatten();
                let own = own.filter(|one| holds(part, one));
                Has::Days(how, own.filter_map(|one| Some((self.around.place(one.days.1)?, one.value))).collect())
            }
            None => match whole.get(&person) {
                Some(value) => Has::Whole(*value, self.employed(person)),
                None if nothing_is_zero => Has::Whole(Micro::ZERO, self.employed(person)),
                None => Has::Nothing,
            },
        };
        let left = |person| self.around.people.get(person).and_then(|known| team::left(known, self.around.period));
        let observed = seen.is_some_and(|seen| !seen.is_empty());
        let roll = |team: &Team| match of.of.as_str() {
            TURNOVER if of.aggregation == Rolled::Mean => team::turnover(team, left),
            _ => team::roll(team, (of.aggregation, of.test), observed, has),
        };
        teams.iter().map(|(leader, team)| (*leader, roll(team))).filter(|(_, sample)| sample.ppm > 0).collect()
    }

    fn employed(&self, person: PersonId) -> u32 {
        let known = self.around.people.get(person);
        let days = |known: &DirectoryPerson| {
            self.around.days.iter().filter(|day| team::unit_on(known, **day).is_some()).count()
        };
        known.map_or(0, |known| u32::try_from(days(known)).unwrap_or(u32::MAX))
    }
}

/// Whether an observation is of a day on which the definition holds.
fn holds(definition: &Definition, observation: &Observation) -> bool {
    let day = observation.days.1;
    definition.from.is_none_or(|from| from <= day) && definition.to.is_none_or(|to| day <= to)
}

/// Somebody of whom nothing is measured.
pub fn nothing_of(person: PersonId) -> PersonInputs {
    let (unit, samples, past) = (OrgUnitId(Uuid::nil()), BTreeMap::new(), BTreeMap::new());
    PersonInputs { person, unit, credited_ppm: 0, outside_ppm: None, samples, past }
}

#[cfg(test)]
mod tests;
