//! Whose days a change is about: a department with its team was North's until March, South's since, and goes to West with the next year.

use std::collections::BTreeSet;

use tally_access::Moment;

use super::*;

const TEAM: u128 = 8;
const DESK: u128 = 9;

fn moving() -> OrgTree {
    let branch = |n, name| state(n, Some(1), name, "cn-north", ALWAYS);
    let department = |row, above, from, to: Option<&str>| State {
        row: Uuid::from_u128(row),
        to: to.map(day),
        ..state(7, Some(above), "Department", "cn-north", from)
    };
    OrgTree::new([
        state(1, None, "Demo", "*", ALWAYS),
        branch(2, "North"),
        branch(3, "South"),
        branch(4, "West"),
        department(70, 2, ALWAYS, Some("2026-03-31")),
        department(71, 3, day("2026-04-01"), Some("2026-12-31")),
        department(72, 4, day("2027-01-01"), None),
        state(TEAM, Some(7), "Team", "cn-north", ALWAYS),
        state(DESK, Some(3), "Desk", "cn-north", ALWAYS),
    ])
}

/// Somebody of the team since the fifth of January, who was on leave until the tenth of March.
fn mover() -> Life {
    let mut life = Life { tree: moving(), ..Life::new() };
    life.person.employments[0].unit = unit(TEAM);
    life.goes("2026-03-01", "2026-03-10").unwrap();
    life
}

/// The branches that have the days of a change, as it is asked for on the last of November.
fn whose(life: &Life, changes: impl FnOnce(&Person, Facts<'_>) -> Result<Changes, PersonError>) -> Vec<String> {
    let facts = Facts { tree: &life.tree, catalogue: &life.catalogue, today: day("2026-11-30"), replays: false };
    let changes = changes(&life.person, facts).unwrap();
    let branch = |target: Target| {
        let Some(Moment::Day(day)) = target.moment else { panic!("{target:?}") };
        let path = life.tree.path(target.unit.unwrap(), day).unwrap();
        path.split('/').next().unwrap().to_owned()
    };
    rewritten(&life.person, &changes, facts).into_iter().map(branch).collect::<BTreeSet<_>>().into_iter().collect()
}

fn ids() -> impl FnMut() -> Uuid {
    let mut next = 1 << 100;
    move || {
        next += 1;
        Uuid::from_u128(next)
    }
}

#[test]
fn a_change_is_of_those_who_had_any_of_the_days_of_which_something_else_is_said() {
    let life = mover();
    let (employment, leave) = (life.home(), life.person.leaves[0].id);
    let grade = |from: &str| {
        let terms = Terms { grade: "P3".into(), ..Terms::default() };
        Change::Transfer { employment: None, terms, from: day(from) }
    };
    let away = |from: &str, to: &str| {
        let to = if to.is_empty() { None } else { Some(day(to)) };
        Change::Leave { from: day(from), to, why: None }
    };
    let post = |to: u128, from: &str, last: &str| {
        let terms = Terms { unit: Some(unit(to)), position: "trainer".into(), ..Terms::default() };
        Change::Post { post: Post::Concurrent, terms, from: day(from), to: Some(day(last)) }
    };
    let starts = |from: &str| Change::CorrectStart { employment, from: day(from) };
    let back = |last: &str| Change::EndLeave { leave, last_day: day(last) };
    let cases: &[(Change, &[&str])] = &[
        // The days until then are taken away, and those from then on stay.
        (starts("2026-02-10"), &["North"]),
        (starts("2025-12-01"), &["North"]),
        (back("2026-03-20"), &["North"]),
        (back("2026-04-05"), &["North", "South"]),
        (back("2026-03-05"), &["North"]),
        // From a day on which a version begins already.
        (grade("2026-01-05"), &["North", "South"]),
        (grade("2026-03-20"), &["North", "South"]),
        (grade("2026-05-01"), &["South"]),
        // The day after another leave.
        (away("2026-03-11", "2026-03-20"), &["North"]),
        (away("2026-05-01", "2026-05-10"), &["South"]),
        // The day after a leave or a post is not changed.
        (away("2026-12-20", "2026-12-31"), &["South"]),
        (post(TEAM, "2026-12-01", "2026-12-31"), &["South"]),
        (post(TEAM, "2026-03-01", "2026-03-31"), &["North"]),
        (away("2026-12-20", "2027-01-10"), &["South", "West"]),
        (away("2027-01-01", "2027-01-10"), &["West"]),
        // Without an end it is whose it is as it begins; who has the team next may say something else then.
        (away("2026-12-20", ""), &["South"]),
        (grade("2026-12-20"), &["South"]),
        // A post is of the home's branch and of its own.
        (post(DESK, "2026-03-01", "2026-03-31"), &["North", "South"]),
    ];
    for (change, branches) in cases {
        assert_eq!(whose(&life, |person, facts| plan(person, facts, change, ids())), *branches, "{change:?}");
    }
    for (last, branches) in
        [("2026-12-15", &["South"][..]), ("2026-03-15", &["North", "South"]), ("2027-01-15", &["West"])]
    {
        assert_eq!(whose(&life, |person, _| end(person, day(last), ids())), branches, "{last}");
    }
}

#[test]
fn a_first_day_put_off_to_the_day_of_the_move_takes_days_of_before_alone() {
    let mut life = mover();
    let (employment, leave) = (life.home(), life.person.leaves[0].id);
    life.does(&Change::EndLeave { leave, last_day: day("2026-02-28") }).unwrap();
    let start = Change::CorrectStart { employment, from: day("2026-04-01") };
    assert_eq!(whose(&life, |person, facts| plan(person, facts, &start, ids())), ["North"]);
}

#[test]
fn the_end_of_an_employment_is_no_day_of_whom_the_team_is_to_go_to() {
    let mut life = mover();
    life.ends("2027-06-30").unwrap();
    let sooner = |person: &Person, _: Facts<'_>| end(person, day("2026-12-15"), ids());
    assert_eq!(whose(&life, sooner), ["South"]);
    let nothing = |_: &Person, _: Facts<'_>| Ok(Changes::default());
    assert_eq!(whose(&life, nothing), [""; 0]);
    // Versions that say the same of the same days in other pieces.
    let again = |person: &Person, _: Facts<'_>| {
        let mut changes = Changes::default();
        let mut id = ids();
        changes.employments.turn(&person.employments[0], day("2026-02-10"), &person.employments[0], &mut id);
        Ok(changes)
    };
    assert_eq!(whose(&life, again), [""; 0]);
}

#[test]
fn rows_out_of_reach_are_refused_by_themselves_and_where_nothing_is_in_reach_the_call_is() {
    let (tree, catalogue) = (moving(), Catalogue::default());
    let facts = Facts { tree: &tree, catalogue: &catalogue, today: day("2026-11-30"), replays: false };
    // Of whom has the team today.
    let within = |target: &Target| {
        let on = match target.moment {
            Some(Moment::Day(day)) => day,
            _ => facts.today,
        };
        tree.path(target.unit.unwrap(), on).is_some_and(|path| path.starts_with("South"))
    };
    let import = |rows: &[PersonRow]| {
        let rows: Vec<_> = (0..).zip(rows.iter().cloned()).collect();
        plan_import(BTreeMap::new(), Holders::new(), facts, &rows, "Asia/Shanghai", within, ids())
    };
    let of =
        |path: &str, number: &str, from: &str, to: &str| PersonRow { unit_path: path.into(), ..row(number, from, to) };
    let (before, since) = ("North/Department/Team", "South/Department/Team");
    let beyond = |index| (index, PersonError::OutOfReach);
    let plan = import(&[
        of(before, "E1", "2026-03-20", ""),
        of(since, "E2", "2026-04-20", ""),
        of("North", "E3", "2026-04-20", ""),
        of(before, "E4", "2026-03-20", "2026-03-31"),
        of(since, "E4", "2026-04-01", ""),
    ]);
    assert_eq!(plan.problems, [beyond(0), beyond(2), beyond(3), (4, PersonError::EarlierRefused)]);
    assert_eq!((plan.written, plan.denied()), (1, None));
    assert!(plan.people.len() == 1 && plan.employments.iter().all(|(_, number, _)| number == "E2"));
    assert!(plan.targets(facts).all(|target| within(&target)), "the permit covers what is written");
    let late = import(&[of(before, "E1", "2026-03-20", "")]);
    assert_eq!((late.denied(), &late.problems[..]), (None, &[beyond(0)][..]), "the team is the caller's today");
    let nothing = import(&[of("North", "E3", "2026-04-20", "")]);
    assert_eq!(nothing.denied(), Some(&Target::unit("cn-north".parse().unwrap(), unit(2))));
}
