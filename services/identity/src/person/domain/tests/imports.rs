//! What becomes of the rows of an import.

use super::*;

fn problem(row: PersonRow) -> PersonError {
    let mut plan = import(&[row]);
    assert_eq!(plan.written, 0);
    plan.problems.remove(0).1
}

#[test]
fn a_person_comes_with_an_employment_and_the_groups_zone() {
    let plan = import(&[row("E1", "2026-01-05", "")]);
    assert_eq!((plan.written, plan.people.len(), plan.employments.len()), (1, 1, 1));
    assert_eq!(plan.people[0].zone, "Asia/Shanghai");
    let (person, number, employment) = &plan.employments[0];
    assert_eq!((*person, number.as_str()), (plan.people[0].id, "E1"));
    assert_eq!(employment.region.as_str(), "cn-north");
    let (tree, catalogue) = (tree(), Catalogue::default());
    let facts = Facts { tree: &tree, catalogue: &catalogue, today: day("2026-03-02"), replays: false };
    let targets: Vec<_> = plan.targets(facts).collect();
    assert_eq!(targets, [employment.target(*person), employment.target(*person).on(day("2026-01-05"))]);
}

#[test]
fn the_same_row_twice_is_written_once_and_other_content_is_a_problem() {
    let base = row("E1", "2026-01-05", "");
    let other = |change: fn(&mut PersonRow)| {
        let mut row = base.clone();
        change(&mut row);
        row
    };
    let rows = [
        base.clone(),
        base.clone(),
        other(|r| r.name = "Wang".into()),
        other(|r| r.zone = "Europe/Berlin".into()),
        other(|r| r.grade = "P9".into()),
        other(|r| r.position = "lead".into()),
        other(|r| r.left_on = "2026-06-30".into()),
    ];
    let plan = import(&rows);
    assert_eq!((plan.written, plan.unchanged), (1, 1));
    let fields: Vec<_> = plan.problems.into_iter().map(|(_, error)| error).collect();
    assert_eq!(fields, ["name", "zone", "grade", "position", "left_on"].map(PersonError::Differs));
}

#[test]
fn somebody_who_comes_back_gets_a_second_employment_and_two_at_once_are_refused() {
    let rows = [row("E1", "2025-01-01", "2025-06-30"), row("E1", "2026-01-05", ""), row("E1", "2026-02-01", "")];
    let plan = import(&rows);
    assert_eq!((plan.people.len(), plan.employments.len()), (1, 2));
    assert_eq!(plan.problems, [(2, PersonError::Overlaps(day("2026-01-05")))]);
}

#[test]
fn a_row_waits_for_an_earlier_one_of_its_number_that_was_refused_wherever_they_stand() {
    let lost = PersonRow { unit_path: "Nowhere".into(), ..row("E1", "2025-01-01", "2025-06-30") };
    let unread = row("E2", "soon", "2025-06-30");
    let unknown = || PersonError::UnitUnknown("Nowhere".into());
    let plan = import(&[
        row("E1", "2026-01-05", ""),
        lost.clone(),
        row("E1", "2025-07-01", "2025-12-31"),
        unread,
        row("E2", "2026-01-05", ""),
        row("E3", "2026-01-05", ""),
    ]);
    let waits = PersonError::EarlierRefused;
    let unread = PersonError::DateMalformed("hired_on");
    let expected = [(0, waits.clone()), (1, unknown()), (2, waits.clone()), (3, unread), (4, waits)];
    assert_eq!((plan.problems, plan.written), (expected.to_vec(), 1));
    assert_eq!(plan.people.iter().map(|p| p.employee_no.as_str()).collect::<Vec<_>>(), ["E3"]);
    let after = import(&[
        row("E1", "2024-01-01", "2024-12-31"),
        PersonRow { hired_on: "2026-06-01".into(), left_on: String::new(), ..lost },
    ]);
    assert_eq!((after.written, after.problems), (1, vec![(1, unknown())]), "what is before it does not wait");
}

#[test]
fn the_first_employment_is_the_hire_whatever_the_order_of_the_rows() {
    let plan = import(&[row("E1", "2026-01-05", ""), row("E1", "2025-01-01", "2025-06-30")]);
    let reasons: Vec<_> = plan.employments.iter().map(|(_, _, e)| (e.from.to_string(), e.reason)).collect();
    assert_eq!(reasons, [("2025-01-01".to_owned(), Reason::Hire), ("2026-01-05".to_owned(), Reason::Rehire)]);
}

#[test]
fn who_goes_on_the_next_day_is_transferred_and_who_comes_back_later_is_rehired() {
    let plan = import(&[
        row("E1", "2025-01-01", "2025-06-30"),
        PersonRow { grade: "P3".into(), ..row("E1", "2025-07-01", "2025-12-31") },
        row("E1", "2026-01-05", ""),
    ]);
    let of = |n: usize| &plan.employments[n].2;
    assert_eq!([0, 1, 2].map(|n| of(n).reason), [Reason::Hire, Reason::Transfer, Reason::Rehire]);
    assert!(of(0).id == of(1).id && of(1).id != of(2).id, "one employment goes on, and the other is a new one");
}

#[test]
fn who_goes_on_the_next_day_in_another_region_is_transferred_and_has_an_employment_there() {
    let there = PersonRow { unit_path: "South".into(), ..row("E1", "2026-03-16", "") };
    let plan = import(&[row("E1", "2025-01-01", "2026-03-15"), there]);
    let of = |n: usize| &plan.employments[n].2;
    assert_eq!([0, 1].map(|n| of(n).reason), [Reason::Hire, Reason::Transfer]);
    assert_ne!(of(0).id, of(1).id, "data of an employment do not move between regions");
}

#[test]
fn a_row_says_a_kind_or_says_nothing_of_it_and_never_another_one_than_is_there() {
    let said = |kind: &str| PersonRow { kind: kind.into(), ..row("E1", "2025-01-01", "2025-06-30") };
    let plan = import(&[said("agency"), said(""), said("agency"), said("intern"), said("Agency")]);
    assert_eq!(plan.employments[0].2.kind, Some(EmploymentKind::Agency));
    let expected = vec![(3, PersonError::Differs("employment_kind")), (4, PersonError::KindUnknown("Agency".into()))];
    assert_eq!((plan.written, plan.unchanged, plan.problems), (1, 2, expected));
}

#[test]
fn each_unusable_row_says_what_to_change() {
    let base = || row("E1", "2026-01-05", "");
    assert_eq!(problem(PersonRow { employee_no: " ".into(), ..base() }), PersonError::TextUnusable("employee_no"));
    let unseen = PersonError::Unseen("employee_no", "U+200B".into());
    assert_eq!(problem(PersonRow { employee_no: "E\u{200b}1".into(), ..base() }), unseen);
    assert_eq!(problem(PersonRow { name: "x".repeat(201), ..base() }), PersonError::TextUnusable("name"));
    assert_eq!(problem(PersonRow { grade: "x".repeat(201), ..base() }), PersonError::TextUnusable("grade"));
    assert_eq!(problem(row("E1", "5.1.2026", "")), PersonError::DateMalformed("hired_on"));
    assert_eq!(problem(row("E1", "2026-01-05", "soon")), PersonError::DateMalformed("left_on"));
    assert_eq!(problem(row("E1", "2026-01-05", "2026-01-04")), PersonError::DatesBackwards);
    let kind = PersonRow { kind: "Fulltime".into(), ..base() };
    assert_eq!(problem(kind), PersonError::KindUnknown("Fulltime".into()));
    assert_eq!(problem(PersonRow { zone: "Mars/Base".into(), ..base() }), PersonError::ZoneUnknown("Mars/Base".into()));
    assert_eq!(problem(PersonRow { unit_path: "Nort".into(), ..base() }), PersonError::UnitUnknown("Nort".into()));
    let later = PersonError::UnitBeginsLater("South".into(), day("2026-02-01"));
    assert_eq!(problem(PersonRow { unit_path: "South".into(), ..base() }), later);
}

#[test]
fn one_day_is_an_employment() {
    let plan = import(&[row("E1", "2026-01-05", "2026-01-05")]);
    assert_eq!(plan.written, 1);
    assert!(plan.employments[0].2.covers(day("2026-01-05")));
    assert!(!plan.employments[0].2.covers(day("2026-01-06")));
}

#[test]
fn an_employment_that_outlasts_its_unit_is_a_problem() {
    let project = |to: &str| PersonRow { unit_path: "North/Project".into(), ..row("E1", "2026-01-05", to) };
    assert_eq!(problem(project("")), PersonError::UnitCloses("North/Project".into(), day("2026-08-31")));
    assert_eq!(problem(project("2026-09-01")), PersonError::UnitCloses("North/Project".into(), day("2026-08-31")));
    assert_eq!(import(&[project("2026-08-31")]).written, 1);
}

/// The desk of before, which is called Post since March, and somebody of the project, whom its closing brought to the desk.
fn after_a_reorganisation() -> (OrgTree, Person) {
    let desk = state(4, Some(2), "Desk", "cn-north", ALWAYS);
    let post = State { row: Uuid::from_u128(40), from: day("2026-03-01"), ..desk.clone() };
    let tree = OrgTree::new([
        state(1, None, "Demo", "*", ALWAYS),
        state(2, Some(1), "North", "cn-north", ALWAYS),
        State { to: Some(day("2026-02-28")), ..desk },
        State { name: "Post".into(), ..post },
        State { to: Some(day("2026-02-15")), ..state(5, Some(2), "Project", "cn-north", ALWAYS) },
    ]);
    let mut life = Life::new();
    let first = Employment { unit: unit(5), to: Some(day("2026-02-15")), ..life.person.employments.remove(0) };
    let next = Employment {
        row: Uuid::from_u128(41),
        unit: unit(4),
        reason: Reason::Reorganisation,
        from: day("2026-02-16"),
        to: None,
        ..first.clone()
    };
    life.person.employments = vec![first, next];
    (tree, life.person)
}

#[test]
fn a_unit_is_the_same_whatever_it_is_called_and_who_went_on_when_it_closed_is_there_as_sent() {
    let (tree, person) = after_a_reorganisation();
    let import = |rows: &[PersonRow]| import_into(&tree, Some(&person), rows);
    let of = |unit_path: &str, number: &str, from: &str, to: &str| PersonRow {
        unit_path: unit_path.into(),
        ..row(number, from, to)
    };
    let plan = import(&[
        of("North/Project", "E1", "2026-01-05", ""),
        of("North/Project", "E1", "2026-01-05", "2026-02-15"),
        of("North/Desk", "E1", "2026-02-16", ""),
        of("North/Post", "E1", "2026-02-16", ""),
        of("North/Project", "E1", "2026-01-05", "2026-02-20"),
        of("North/Desk", "E1", "2026-01-05", ""),
    ]);
    let differs = [PersonError::Differs("left_on"), PersonError::Differs("unit_path")];
    assert_eq!((plan.written, plan.unchanged), (0, 4), "{:?}", plan.problems);
    assert_eq!(plan.problems.into_iter().map(|(_, problem)| problem).collect::<Vec<_>>(), differs);

    let plan = import(&[
        of("North/Post", "E2", "2026-01-05", ""),
        of("North/Desk", "E3", "2026-03-01", ""),
        of("North/Project", "E4", "2026-01-05", ""),
    ]);
    assert_eq!(
        plan.employments.iter().map(|(_, number, e)| (number.as_str(), e.unit)).collect::<Vec<_>>(),
        [("E2", unit(4))]
    );
    let problems = [
        (1, PersonError::UnitWas("North/Desk".into(), day("2026-03-01"))),
        (2, PersonError::UnitCloses("North/Project".into(), day("2026-02-15"))),
    ];
    assert_eq!(plan.problems, problems);
}

#[test]
fn whoever_was_promoted_or_left_since_is_there_as_first_sent() {
    let mut life = Life::new();
    let first = life.person.employments[0].clone();
    life.transfers(4, "P9", "2026-03-01").unwrap();
    life.ends("2026-05-31").unwrap();
    let again = |left_on: &str| {
        let sent = row(&life.person.employee_no, &first.from.to_string(), left_on);
        let plan = import_into(&tree(), Some(&life.person), &[sent]);
        (plan.unchanged, plan.problems)
    };
    let differs = || vec![(0, PersonError::Differs("left_on"))];
    let told = ["", "2026-02-28", "2026-05-31", "2026-06-30"].map(again);
    assert_eq!(told, [(1, vec![]), (1, vec![]), (1, vec![]), (0, differs())]); // Two rows of one call are no history: one of them is wrong.
    let plan = import(&[row("E2", "2026-01-05", "2026-06-30"), row("E2", "2026-01-05", "")]);
    assert_eq!((plan.written, plan.problems), (1, vec![(1, PersonError::Differs("left_on"))]));
}
