//! The parts of a component that belong together by what is known of who worked there. Pure.
//!
//! Whoever is at work counts as on duty for an account that names no team, where nobody is rostered on it or took it over. So such an account
//! joins everybody of the group to one component, and all of that is attributed together, for whomever it is asked. But it is no reason
//! why a unit could not ask for it: nothing tells that people of one branch served accounts of another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tally_engine::closing::facts::DutyRule;
use tally_engine::closing::snapshot::{Frozen, FrozenAccount, FrozenDuty, FrozenPerson};
use tally_kernel::id::{AccountId, OrgUnitId};

use super::Scope;

/// What is whose on the last day of a run.
#[derive(Clone, Copy)]
pub struct Whose<'f> {
    /// Whether a unit is another one or above it.
    pub holds: &'f (dyn Fn(OrgUnitId, OrgUnitId) -> bool + Sync),
    /// The unit that somebody counts in.
    pub unit_of: &'f (dyn Fn(&FrozenPerson) -> OrgUnitId + Sync),
}

/// Accounts of a component, each with the places of those who took part in serving it.
pub struct Part<'a> {
    pub component: &'a Frozen,
    pub accounts: Vec<(&'a FrozenAccount, BTreeSet<u32>)>,
}

impl<'a> Part<'a> {
    /// Those who took part.
    pub fn people(&self) -> impl Iterator<Item = &'a FrozenPerson> {
        let places: BTreeSet<u32> = self.accounts.iter().flat_map(|(_, people)| people).copied().collect();
        let people = &self.component.people;
        places.into_iter().filter_map(|place| people.get(place as usize))
    }

    /// The units that its accounts and people are of.
    pub fn units(&self, whose: Whose<'_>) -> impl Iterator<Item = OrgUnitId> {
        let people = self.people().map(move |person| (whose.unit_of)(person));
        self.accounts.iter().filter_map(|(account, _)| account.unit).chain(people)
    }

    fn is_of(&self, scope: &Scope, whose: Whose<'_>) -> bool {
        let mine = |unit: OrgUnitId| scope.units.iter().any(|above| (whose.holds)(*above, unit));
        self.accounts.iter().any(|(account, _)| scope.accounts.contains(&account.id)) || self.units(whose).any(mine)
    }
}

/// The parts of components that a run is about; `teamless` are the accounts that name no team.
pub fn parts<'a>(
    components: &'a [Frozen],
    scope: &Scope,
    teamless: &BTreeSet<AccountId>,
    whose: Whose<'_>,
) -> Vec<Part<'a>> {
    let of_component = |component| split(component, teamless);
    components.iter().flat_map(of_component).filter(|part| part.is_of(scope, whose)).collect()
}

/// Those who took part in serving an account in its period: duty is known for a day on either side of it, where somebody may be who came to
/// the account when the period was over, or was there before it.
fn took_part(account: &FrozenAccount, teamless: &BTreeSet<AccountId>) -> BTreeSet<u32> {
    let presumed = |rule| teamless.contains(&account.id) && matches!(rule, DutyRule::Punch | DutyRule::Team);
    let within = |duty: &&FrozenDuty| duty.start_ms < account.to_ms && account.from_ms < duty.end_ms;
    let on_duty = account.duty.iter().filter(within).filter(|duty| !presumed(duty.rule)).map(|duty| duty.person);
    on_duty.chain(account.agents.values().flatten().map(|meaning| meaning.person)).collect()
}

/// Accounts that are joined by those who took part, directly or through others.
fn split<'a>(component: &'a Frozen, teamless: &BTreeSet<AccountId>) -> Vec<Part<'a>> {
    let mut parts: BTreeMap<usize, Part<'a>> = BTreeMap::new();
    let mut part_of: HashMap<u32, usize> = HashMap::new();
    for (place, account) in component.accounts.iter().enumerate() {
        let people = took_part(account, teamless);
        let joined: BTreeSet<usize> = people.iter().filter_map(|person| part_of.get(person).copied()).collect();
        let mut accounts: Vec<_> =
            joined.iter().filter_map(|at| parts.remove(at)).flat_map(|part| part.accounts).collect();
        accounts.push((account, people));
        for person in accounts.iter().flat_map(|(_, people)| people) {
            part_of.insert(*person, place);
        }
        parts.insert(place, Part { component, accounts });
    }
    parts.into_values().collect()
}
