use super::*;
use crate::org::domain::{ALWAYS, State, UnitKind};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn state(n: u128, parent: Option<u128>, name: &str, region: &str, from: Date) -> State {
    State {
        row: Uuid::from_u128(n),
        unit: OrgUnitId(Uuid::from_u128(n)),
        parent: parent.map(|n| OrgUnitId(Uuid::from_u128(n))),
        name: name.into(),
        kind: UnitKind::Branch,
        region: region.parse().unwrap(),
        from,
        to: None,
    }
}

fn tree() -> OrgTree {
    OrgTree::new([
        state(1, None, "Demo", "*", ALWAYS),
        state(2, Some(1), "North", "cn-north", ALWAYS),
        state(3, Some(1), "South", "cn-south", day("2026-02-01")),
    ])
}

fn row(number: &str, from: &str, to: &str) -> PersonRow {
    PersonRow {
        employee_no: number.into(),
        name: "Li Na".into(),
        unit_path: "North".into(),
        position: "agent".into(),
        grade: "P2".into(),
        hired_on: from.into(),
        left_on: to.into(),
        zone: String::new(),
    }
}

fn import(rows: &[PersonRow]) -> ImportPlan {
    let mut n = 0_u128;
    plan_import(BTreeMap::new(), &tree(), rows, "Asia/Shanghai", || {
        n += 1;
        Uuid::from_u128(n)
    })
}

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
    assert_eq!(plan.targets().next(), Some(employment.target(*person)));
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
fn each_unusable_row_says_what_to_change() {
    let base = || row("E1", "2026-01-05", "");
    assert_eq!(problem(PersonRow { employee_no: " ".into(), ..base() }), PersonError::TextUnusable("employee_no"));
    assert_eq!(problem(PersonRow { name: "x".repeat(201), ..base() }), PersonError::TextUnusable("name"));
    assert_eq!(problem(PersonRow { grade: "x".repeat(201), ..base() }), PersonError::TextUnusable("grade"));
    assert_eq!(problem(row("E1", "5.1.2026", "")), PersonError::DateMalformed("hired_on"));
    assert_eq!(problem(row("E1", "2026-01-05", "soon")), PersonError::DateMalformed("left_on"));
    assert_eq!(problem(row("E1", "2026-01-05", "2026-01-04")), PersonError::DatesBackwards);
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
fn ending_writes_a_new_version_and_closes_the_old_one() {
    let employment = import(&[row("E1", "2026-01-05", "")]).employments.remove(0).2;
    let version = Uuid::from_u128(99);
    let (closes, ended) = end(std::slice::from_ref(&employment), day("2026-03-15"), version).unwrap();
    assert_eq!((closes, ended.row, ended.id), (employment.row, version, employment.id));
    assert_eq!(ended.to, Some(day("2026-03-15")));
    assert_eq!(
        end(std::slice::from_ref(&ended), day("2026-03-15"), version),
        Err(PersonError::EndsAlready(day("2026-03-15")))
    );
    assert_eq!(
        end(std::slice::from_ref(&ended), day("2026-03-16"), version),
        Err(PersonError::NotEmployed(day("2026-03-16")))
    );
    let earlier = end(&[ended], day("2026-02-01"), version).unwrap().1;
    assert_eq!(earlier.to, Some(day("2026-02-01")), "an end can be brought forward");
}
