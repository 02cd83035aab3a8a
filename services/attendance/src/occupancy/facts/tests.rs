use jiff::civil::date;
use tally_app::trees::State;
use tally_kernel::person::{Employment as Told, Post};
use uuid::Uuid;

use super::*;
use crate::account::domain::ShopAccount;

fn id(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

fn state(n: u128, parent: Option<u128>, name: &str, from: Date) -> State {
    State { unit: id(n), parent: parent.map(id), name: name.into(), from, to: None, into: None }
}

/// The branches north 2 and south 3. Team 4 of north with its desk 5; on the 11th of March the team is renamed from a to b, on the 21st
/// the desk goes to south.
fn trees() -> Trees {
    let always = date(1900, 1, 1);
    Trees::new([
        state(1, None, "Group", always),
        state(2, Some(1), "north", always),
        state(3, Some(1), "south", always),
        state(4, Some(2), "a", always),
        state(4, Some(2), "b", date(2026, 3, 11)),
        state(5, Some(4), "desk", always),
        state(5, Some(3), "desk", date(2026, 3, 21)),
    ])
}

fn of_unit(n: u128, path: &str, from: Date) -> DirectoryPerson {
    let told = Told {
        post: Post::Home,
        from,
        to: None,
        unit: id(n),
        unit_path: path.into(),
        region: "cn-north".parse().unwrap(),
        position: "agent".into(),
        grade: "P1".into(),
        kind: None,
    };
    let zone = zone("Asia/Shanghai").unwrap();
    DirectoryPerson { id: PersonId(Uuid::from_u128(9)), employee_no: "E9".into(), zone, employments: vec![told] }
}

fn account(team_path: &str, unit: Option<u128>) -> ShopAccount {
    ShopAccount {
        platform: "JD".into(),
        store: "shop".into(),
        name: "a".into(),
        zone: "Asia/Shanghai".into(),
        team_path: team_path.into(),
        unit: unit.map(id),
        region: None,
        exclusive: false,
        phases: vec![],
    }
}

/// The days of March on which somebody may serve an account as one of its team.
fn serves(person: &DirectoryPerson, account: &ShopAccount) -> Vec<i8> {
    serves_in(&trees(), person, account)
}

fn serves_in(trees: &Trees, person: &DirectoryPerson, account: &ShopAccount) -> Vec<i8> {
    let mut teams = Teams::new(trees, (date(2026, 2, 15), date(2026, 3, 31)));
    let (team, person) = (teams.of(account).0, teams.person(person));
    let on =
        |day: &Date, e: &Employment| e.from <= *day && e.to.is_none_or(|to| *day <= to) && e.is_of(team.as_deref());
    let days = (1..=31).map(|day| date(2026, 3, day));
    days.filter(|day| person.employments.iter().any(|e| on(day, e))).map(Date::day).collect()
}

#[test]
fn a_team_that_is_renamed_stays_one_team() {
    let whole: Vec<i8> = (1..=31).collect();
    let (early, late) = (of_unit(4, "north/a", date(2020, 1, 1)), of_unit(4, "north/b", date(2026, 3, 15)));
    for account in
        [account("north/a", Some(4)), account("north/b", Some(4)), account("north/a", None), account("", None)]
    {
        assert_eq!(serves(&early, &account), whole, "{}", account.team_path);
        assert_eq!(serves(&late, &account), whole[14..], "{}", account.team_path);
    }
    assert_eq!(serves(&late, &account("north/c", None)), [0; 0], "of a unit that never was");
}

#[test]
fn who_goes_elsewhere_with_the_own_unit_served_until_then() {
    let desk = of_unit(5, "north/a/desk", date(2020, 1, 1));
    let until: Vec<i8> = (1..=20).collect();
    assert_eq!(serves(&desk, &account("north/a", Some(4))), until);
    assert_eq!(serves(&desk, &account("north", Some(2))), until);
    assert_eq!(serves(&desk, &account("south", Some(3))), (21..=31).collect::<Vec<_>>());
    assert_eq!(serves(&desk, &account("north/a/desk", Some(5))).len(), 31);
}

#[test]
fn a_closed_teams_accounts_are_served_by_the_unit_that_its_people_went_to_from_that_day_on() {
    // Team 4 of north is closed on the 11th into 6, which has the desk 7 and is of south from the 21st on; then the path is another team's.
    let always = date(1900, 1, 1);
    let to = |day| Some(date(2026, 3, day));
    let trees = Trees::new([
        state(1, None, "Group", always),
        state(2, Some(1), "north", always),
        state(3, Some(1), "south", always),
        State { to: to(10), into: Some(id(6)), ..state(4, Some(2), "a", always) },
        State { to: to(20), ..state(6, Some(2), "c", always) },
        state(6, Some(3), "c", date(2026, 3, 21)),
        state(7, Some(6), "desk", always),
        state(8, Some(2), "a", date(2026, 3, 16)),
    ]);
    let of = |n, path: &str| of_unit(n, path, date(2020, 1, 1));
    let serves = |person: &DirectoryPerson, account: &ShopAccount| serves_in(&trees, person, account);
    let until = |mut person: DirectoryPerson, day| {
        person.employments[0].to = to(day);
        person
    };
    let (closed, stays) = (account("north/a", Some(4)), account("north/c", Some(6)));
    let (first, rest): (Vec<i8>, Vec<i8>) = ((1..=10).collect(), (11..=31).collect());
    assert_eq!(serves(&until(of(4, "north/a"), 10), &closed), first);
    for person in [of(6, "north/c"), of(7, "north/c/desk")] {
        assert_eq!(serves(&person, &closed), rest);
    }
    // Who went along, by another employment from the day on.
    let mut along = until(of(4, "north/a"), 10);
    along.employments.extend(of_unit(6, "north/c", date(2026, 3, 11)).employments);
    assert_eq!(serves(&along, &closed).len(), 31);
    // The other unit's own accounts are its own before, and the later team of the old path is another one.
    assert_eq!((serves(&along, &stays), serves(&of(6, "north/c"), &stays).len()), (rest, 31));
    assert_eq!(serves(&of_unit(8, "north/a", date(2026, 3, 16)), &closed), [0; 0]);
    let branches = [account("north", Some(2)), account("south", Some(3))];
    assert_eq!(branches.map(|branch| serves(&along, &branch).len()), [20, 11]);
    let teams = Teams::new(&trees, (date(2026, 2, 15), date(2026, 3, 31)));
    assert_eq!([teams.of(&closed).1.as_deref(), teams.of(&stays).1.as_deref()], [Some("south/c"), None]);
    // By the days before the closing it is as it was.
    let before = Teams::new(&trees, (date(2026, 1, 15), date(2026, 2, 28)));
    assert_eq!(before.of(&closed), (Some("north/a".to_owned()), None));
}

#[test]
fn where_nothing_was_moved_an_employment_is_as_it_was_told() {
    let trees = trees();
    let mut teams = Teams::new(&trees, (date(2026, 1, 15), date(2026, 2, 28)));
    let close = date(2026, 2, 28);
    for (unit, path) in [(5, "north/a/desk"), (2, "north"), (99, "east/x")] {
        let mut told = of_unit(unit, path, date(2020, 1, 1));
        told.employments[0].to = Some(close);
        let employments = teams.person(&told).employments;
        assert_eq!(employments.len(), 1, "{path}");
        let (mut units, mut expected) = (employments[0].units.to_vec(), paths(path).to_vec());
        units.sort();
        expected.sort();
        assert_eq!((units, employments[0].from, employments[0].to), (expected, date(2020, 1, 1), Some(close)));
    }
}

#[test]
fn closings_of_years_cut_no_employment_of_days_that_nobody_asks_about() {
    let always = date(2020, 1, 1);
    let closed = (100..150_u128).map(|n| {
        let day = always.saturating_add(Span::new().weeks(i64::try_from(n).unwrap() - 100));
        State { to: Some(day), into: Some(id(4)), ..state(n, Some(2), "gone", always) }
    });
    let in_march = State { to: Some(date(2026, 3, 9)), into: Some(id(4)), ..state(6, Some(2), "c", always) };
    let there = [state(1, None, "Group", always), state(2, Some(1), "north", always), state(4, Some(2), "a", always)];
    let trees = Trees::new(there.into_iter().chain(closed).chain([in_march]));
    let days = (first_read(date(2026, 3, 1)), date(2026, 3, 31));
    let employments = Teams::new(&trees, days).person(&of_unit(4, "north/a", always)).employments;
    let spans: Vec<_> = employments.iter().map(|e| (e.from, e.to)).collect();
    assert_eq!(spans, [(always, Some(date(2026, 3, 9))), (date(2026, 3, 10), None)]);
    assert!(employments[0].is_of(Some(format!("/{}", id(120)).as_str())), "it goes on for all of before");
}
