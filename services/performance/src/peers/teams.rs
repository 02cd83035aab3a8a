//! Teams by the paths of one day: a unit that was moved or renamed stays the same team, whenever somebody came to it.

use std::collections::{BTreeMap, HashMap};
use std::iter::successors;
use std::sync::Arc;

use jiff::civil::Date;
use tally_app::trees::Trees;
use tally_engine::closing::facts::AccountFacts;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::DirectoryPerson;
use tally_kernel::time::Period;

/// An account with the path that its team has on a day, whatever it was called when the account was brought in.
pub(super) fn named(account: AccountFacts, trees: &Trees, day: Date) -> AccountFacts {
    AccountFacts { team_path: trees.team(account.unit, &account.team_path, day).unwrap_or_default(), ..account }
}

/// Of accounts whose team was closed within a period, the first days on which people are of it who were not before: those of the unit that its
/// people went to, as the rules of duty have it. Whose it is on the days before is asked of the last of them.
pub(super) fn joined(
    accounts: &[AccountFacts],
    people: &[&Arc<DirectoryPerson>],
    trees: &Trees,
    period: Period,
) -> BTreeMap<AccountId, BTreeMap<PersonId, Date>> {
    let mut by_team: HashMap<OrgUnitId, BTreeMap<PersonId, Date>> = HashMap::new();
    let mut joined = BTreeMap::new();
    for account in accounts {
        let Some(team) = trees.team_unit(account.unit, &account.team_path, period.to()) else { continue };
        if trees.goes_on_in(team, period.from()) != trees.goes_on_in(team, period.to()) {
            let of_team = by_team.entry(team).or_insert_with(|| joined_team(team, people, trees, period));
            joined.insert(account.id, of_team.clone());
        }
    }
    joined
}

fn joined_team(
    team: OrgUnitId,
    people: &[&Arc<DirectoryPerson>],
    trees: &Trees,
    period: Period,
) -> BTreeMap<PersonId, Date> {
    let days = successors(Some(period.from()), |day| day.tomorrow().ok()).take_while(|day| period.contains(*day));
    let mut firsts: Vec<(Date, Option<OrgUnitId>)> = days.map(|day| (day, trees.goes_on_in(team, day))).collect();
    firsts.dedup_by_key(|(_, unit)| *unit);
    let lasts = firsts.iter().skip(1).filter_map(|(next, _)| next.yesterday().ok()).chain([period.to()]);
    let stretches: Vec<(Date, Date)> = firsts.iter().map(|(first, _)| *first).zip(lasts).collect();
    let mut known: HashMap<(OrgUnitId, Date), bool> = HashMap::new();
    let mut is_of = |unit: OrgUnitId, day: Date| {
        *known.entry((unit, day)).or_insert_with(|| {
            let there = trees.goes_on_in(unit, day).unwrap_or(unit);
            let hung = trees.hung(there, day, Some(day));
            hung.iter().any(|hung| hung.below.contains(&team) || hung.closed.contains(&team))
        })
    };
    let joined = people.iter().filter_map(|person| {
        let mut first =
            stretches.iter().filter(|(_, last)| person.home(*last).is_some_and(|home| is_of(home.unit, *last)));
        first.next().filter(|(first, _)| *first > period.from()).map(|(first, _)| (person.id, *first))
    });
    joined.collect()
}

/// Paths of units on a day.
pub(super) struct Paths<'t> {
    trees: &'t Trees,
    day: Date,
    known: HashMap<OrgUnitId, Option<Arc<str>>>,
}

impl<'t> Paths<'t> {
    pub(super) fn of(trees: &'t Trees, day: Date) -> Self {
        Self { trees, day, known: HashMap::new() }
    }

    /// A person with the path that each unit has on the day, whatever it was called when the person came to it.
    pub(super) fn named(&mut self, person: &Arc<DirectoryPerson>) -> Arc<DirectoryPerson> {
        let Self { trees, day, known } = self;
        let mut person = Arc::clone(person);
        for at in 0..person.employments.len() {
            let told = &person.employments[at];
            let path = known.entry(told.unit).or_insert_with(|| trees.path(told.unit, *day).map(Arc::from));
            if let Some(path) = path.as_ref().filter(|path| **path != told.unit_path) {
                Arc::make_mut(&mut person).employments[at].unit_path = Arc::clone(path);
            }
        }
        person
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_app::trees::State;
    use tally_kernel::person::{Employment, Post};
    use uuid::Uuid;

    use super::*;

    const TEAM: OrgUnitId = OrgUnitId(Uuid::from_u128(3));

    /// Team 3 of the branch is called a, and b from the 20th of March on.
    fn trees() -> Trees {
        let id = |n| OrgUnitId(Uuid::from_u128(n));
        let state = |n: u128, parent: Option<u128>, name: &str, from| State {
            unit: id(n),
            parent: parent.map(id),
            name: name.into(),
            from,
            to: None,
            into: None,
        };
        let always = date(1900, 1, 1);
        Trees::new([
            state(1, None, "Group", always),
            state(2, Some(1), "north", always),
            state(3, Some(2), "a", always),
            state(3, Some(2), "b", date(2026, 3, 20)),
        ])
    }

    fn account(team_path: &str, unit: Option<OrgUnitId>) -> AccountFacts {
        AccountFacts {
            id: AccountId(Uuid::from_u128(7)),
            platform: "JD".into(),
            key: "JD/shop/a".into(),
            zone: "Asia/Shanghai".into(),
            team_path: team_path.into(),
            unit,
            region: "cn-north".parse().unwrap(),
            phases: vec![],
        }
    }

    fn somebody(came: Date, path: &str) -> Arc<DirectoryPerson> {
        let employment = Employment {
            post: Post::Home,
            from: came,
            to: None,
            unit: TEAM,
            unit_path: path.into(),
            region: "cn-north".parse().unwrap(),
            position: "agent".into(),
            grade: "P1".into(),
            kind: None,
        };
        let (id, zone) = (PersonId(Uuid::from_u128(9)), tally_kernel::time::zone("Asia/Shanghai").unwrap());
        Arc::new(DirectoryPerson { id, employee_no: "E9".into(), zone, employments: vec![employment] })
    }

    #[test]
    fn an_account_and_its_team_have_one_path_whenever_they_came() {
        let trees = trees();
        for (last, path) in [(date(2026, 3, 19), "north/a"), (date(2026, 3, 31), "north/b")] {
            let named = |team_path: &str, unit| named(account(team_path, unit), &trees, last).team_path;
            assert_eq!([named("north/a", Some(TEAM)), named("north/b", Some(TEAM)), named("north/a", None)], [path; 3]);
            assert_eq!([named("", Some(TEAM)), named("east/a", None)], ["", "east/a"], "everybody's, and nobody's");
            let mut paths = Paths::of(&trees, last);
            let path_of = |person: &Arc<DirectoryPerson>| person.employments[0].unit_path.to_string();
            let came =
                [(date(2026, 1, 1), "north/a"), (date(2026, 3, 25), "north/b")].map(|(day, path)| somebody(day, path));
            assert_eq!(came.each_ref().map(|person| path_of(&paths.named(person))), [path; 2]);
        }
        let stays = somebody(date(2026, 1, 1), "north/a");
        assert!(Arc::ptr_eq(&Paths::of(&trees, date(2026, 2, 28)).named(&stays), &stays), "nothing is made anew");
    }

    #[test]
    fn whoever_is_of_the_unit_that_a_closed_team_went_to_is_of_the_team_from_that_day_on() {
        // Team 3 goes to 4 on the 10th of March, and 4 to 5 on the 20th.
        let id = |n| OrgUnitId(Uuid::from_u128(n));
        let state = |n: u128, parent: Option<u128>, gone: Option<(Date, u128)>| State {
            unit: id(n),
            parent: parent.map(id),
            name: format!("{n}"),
            from: date(1900, 1, 1),
            to: gone.map(|(last, _)| last),
            into: gone.map(|(_, into)| id(into)),
        };
        let trees = Trees::new([
            state(1, None, None),
            state(3, Some(1), Some((date(2026, 3, 9), 4))),
            state(4, Some(1), Some((date(2026, 3, 19), 5))),
            state(5, Some(1), None),
            state(6, Some(1), None),
        ]);
        // By where they are of from when on; the last one left before the first closing.
        let homes: [&[(u128, Date)]; 6] = [
            &[(3, date(2020, 1, 1)), (4, date(2026, 3, 10)), (5, date(2026, 3, 20))],
            &[(4, date(2020, 1, 1)), (5, date(2026, 3, 20))],
            &[(5, date(2020, 1, 1))],
            &[(6, date(2020, 1, 1))],
            &[(6, date(2020, 1, 1)), (5, date(2026, 3, 25))],
            &[(3, date(2020, 1, 1))],
        ];
        let person = |(n, homes): (u128, &&[(u128, Date)])| {
            let mut person = Arc::unwrap_or_clone(somebody(date(2020, 1, 1), ""));
            let of = |(at, (unit, from)): (usize, &(u128, Date))| {
                let to = homes.get(at + 1).map(|(_, next)| next.yesterday().unwrap());
                Employment { unit: id(*unit), from: *from, to, ..person.employments[0].clone() }
            };
            person.employments = homes.iter().enumerate().map(of).collect();
            Arc::new(DirectoryPerson { id: PersonId(Uuid::from_u128(n)), ..person })
        };
        let mut people: Vec<_> = (1..).zip(&homes).map(person).collect();
        Arc::make_mut(&mut people[5]).employments[0].to = Some(date(2026, 3, 5));
        let people: Vec<_> = people.iter().collect();
        let accounts = [account("3", Some(TEAM))];
        let told = |month| {
            let period = Period::month_of(date(2026, month, 1));
            let joined = joined(&accounts, &people, &trees, period).remove(&accounts[0].id);
            joined.map(|joined| joined.into_iter().map(|(who, day)| (who.0.as_u128(), day)).collect::<Vec<_>>())
        };
        let (second, third) = (date(2026, 3, 10), date(2026, 3, 20));
        assert_eq!(told(3), Some(vec![(2, second), (3, third), (5, third)]));
        assert_eq!([told(2), told(4)], [None, None]);
    }
}
