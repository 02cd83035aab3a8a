//! Teams by the paths of one day: a unit that was moved or renamed stays the same team, whenever somebody came to it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use tally_app::trees::Trees;
use tally_engine::closing::facts::AccountFacts;
use tally_kernel::id::OrgUnitId;
use tally_kernel::person::DirectoryPerson;

/// An account with the path that its team has on a day, whatever it was called when the account was brought in.
pub(super) fn named(account: AccountFacts, trees: &Trees, day: Date) -> AccountFacts {
    AccountFacts { team_path: trees.team(account.unit, &account.team_path, day).unwrap_or_default(), ..account }
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
    use tally_kernel::id::{AccountId, PersonId};
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
}
