use super::*;
use crate::person::domain::{Employment, Post, Reason};
use jiff::civil::date;
use tally_kernel::id::EmploymentId;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// Somebody employed in 2026.
fn person(n: u128) -> Person {
    let employment = Employment {
        row: Uuid::from_u128(n),
        id: EmploymentId(Uuid::from_u128(n)),
        post: Post::Home,
        unit: OrgUnitId(Uuid::from_u128(1)),
        region: "cn-north".parse().unwrap(),
        position: String::new(),
        grade: String::new(),
        kind: None,
        reason: Reason::Hire,
        from: day("2026-01-01"),
        to: Some(day("2026-12-31")),
    };
    let (employee_no, name, zone) = (format!("E{n}"), String::new(), String::new());
    Person { id: id(n), employee_no, name, zone, id_number: None, employments: vec![employment], leaves: vec![] }
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    next: u128,
}

impl Lines {
    fn take(&mut self, changes: Succession<Line>) {
        self.lines.retain(|line| !changes.closes.contains(&line.row));
        self.lines.extend(changes.writes);
    }

    fn set(
        &mut self,
        person_: u128,
        manager: u128,
        kind: LineKind,
        from: &str,
        to: &str,
    ) -> Result<(), ReportingError> {
        let to = if to.is_empty() { None } else { Some(day(to)) };
        let (new, mut next) = (NewLine { kind, from: day(from), to }, self.next);
        let changes = plan_set(&self.lines, &person(person_), &person(manager), new, || {
            next += 1;
            Uuid::from_u128(next)
        });
        self.next = next;
        changes.map(|changes| self.take(changes))
    }

    fn solid(&mut self, person: u128, manager: u128, from: &str) -> Result<(), ReportingError> {
        self.set(person, manager, LineKind::Solid, from, "")
    }

    fn manager(&self, person: u128, on: &str) -> Option<PersonId> {
        let mut there = self.lines.iter().filter(|l| l.person == id(person) && l.kind == LineKind::Solid);
        there.find(|line| line.covers(day(on))).map(|line| line.manager)
    }
}

#[test]
fn a_solid_line_takes_the_place_of_the_one_before() {
    let mut lines = Lines::default();
    lines.solid(1, 2, "2026-01-01").unwrap();
    lines.solid(1, 3, "2026-04-01").unwrap();
    assert_eq!((lines.manager(1, "2026-03-31"), lines.manager(1, "2026-04-01")), (Some(id(2)), Some(id(3))));
    assert_eq!(lines.solid(1, 4, "2026-02-01"), Err(ReportingError::ChangePlanned(day("2026-04-01"))));
    let there = lines.lines.iter().find(|line| line.manager == id(3)).unwrap().id;
    assert_eq!(lines.solid(1, 3, "2026-05-01"), Err(ReportingError::ThereAlready(there)));
}

#[test]
fn a_stand_in_gives_way_again() {
    let mut lines = Lines::default();
    lines.solid(1, 2, "2026-01-01").unwrap();
    lines.set(1, 3, LineKind::Solid, "2026-04-01", "2026-04-14").unwrap();
    let held = ["2026-03-31", "2026-04-01", "2026-04-14", "2026-04-15"].map(|on| lines.manager(1, on));
    assert_eq!(held, [Some(id(2)), Some(id(3)), Some(id(3)), Some(id(2))]);
}

#[test]
fn dotted_lines_are_several_and_no_two_the_same() {
    let mut lines = Lines::default();
    lines.set(1, 2, LineKind::Dotted, "2026-01-01", "2026-03-31").unwrap();
    lines.set(1, 3, LineKind::Dotted, "2026-01-01", "").unwrap();
    lines.set(1, 2, LineKind::Dotted, "2026-04-01", "").unwrap();
    let there = lines.lines[1].id;
    let again = lines.set(1, 3, LineKind::Dotted, "2026-06-01", "");
    assert_eq!(again, Err(ReportingError::ThereAlready(there)));
    assert_eq!(lines.set(1, 1, LineKind::Dotted, "2026-01-01", ""), Err(ReportingError::Cycle(day("2026-01-01"))));
}

#[test]
fn nobody_is_the_manager_of_his_manager_on_any_day() {
    let mut lines = Lines::default();
    assert_eq!(lines.solid(1, 1, "2026-01-01"), Err(ReportingError::Cycle(day("2026-01-01"))));
    lines.solid(2, 3, "2026-01-01").unwrap();
    lines.solid(3, 4, "2026-01-01").unwrap();
    assert_eq!(lines.solid(4, 2, "2026-02-01"), Err(ReportingError::Cycle(day("2026-02-01"))));
    // From June on 3 reports to 1: a line of 1 to 2 that is fine today would be a cycle then.
    lines.solid(3, 1, "2026-06-01").unwrap();
    assert_eq!(lines.solid(1, 2, "2026-05-01"), Err(ReportingError::Cycle(day("2026-06-01"))));
    assert_eq!(lines.set(1, 2, LineKind::Solid, "2026-05-01", "2026-05-31"), Ok(()));
    assert_eq!(lines.set(4, 2, LineKind::Dotted, "2026-01-01", ""), Ok(()), "dotted lines may");
}

#[test]
fn both_must_be_employed_in_one_region() {
    let new = NewLine { kind: LineKind::Solid, from: day("2026-01-01"), to: None };
    let set = |person: &Person, manager: &Person, new| plan_set(&[], person, manager, new, || Uuid::from_u128(9)).err();
    let mut abroad = person(2);
    abroad.employments[0].region = "eu-west".parse().unwrap();
    assert_eq!(set(&person(1), &abroad, new), Some(ReportingError::RegionCrossed));
    let late = NewLine { from: day("2027-01-01"), ..new };
    assert_eq!(set(&person(1), &person(2), late), Some(ReportingError::NotEmployed(day("2027-01-01"))));
    let mut left = person(2);
    left.employments[0].from = day("2026-02-01");
    assert_eq!(set(&person(1), &left, new), Some(ReportingError::ManagerNotEmployed(day("2026-01-01"))));
    let backwards = NewLine { to: Some(day("2025-12-31")), ..new };
    assert_eq!(set(&person(1), &person(2), backwards), Some(ReportingError::DatesBackwards));
}

#[test]
fn a_line_ends_or_was_never_there() {
    let mut lines = Lines::default();
    lines.solid(1, 2, "2026-04-01").unwrap();
    let line = lines.lines[0].clone();
    let ended = plan_end(&line, day("2026-04-30"), || Uuid::from_u128(99)).unwrap();
    assert_eq!((ended.closes, ended.writes[0].to), (vec![line.row], Some(day("2026-04-30"))));
    assert!(plan_end(&line, day("2026-03-31"), || Uuid::from_u128(99)).unwrap().writes.is_empty());
    let over = plan_end(&ended.writes[0], day("2026-05-01"), || Uuid::from_u128(98));
    assert_eq!(over, Err(ReportingError::EndsAlready(day("2026-04-30"))));
}

proptest::proptest! {
    #[test]
    fn whatever_is_set_nobody_has_two_solid_lines_and_none_leads_back(steps in proptest::collection::vec((0..5_u128, 0..5_u128, 1..7_i8, 0..4_i8), 0..24)) {
        let mut lines = Lines::default();
        for (person, manager, month, months) in steps {
            let to = if months == 0 { String::new() } else { date(2026, (month + months).min(12), 1).to_string() };
            let _refused = lines.set(person, manager, LineKind::Solid, &date(2026, month, 1).to_string(), &to);
        }
        for month in 1..13 {
            for on in [date(2026, month, 1), date(2026, month, 2)] {
                for person in 0..5 {
                    let held = lines.lines.iter().filter(|l| l.person == id(person) && l.covers(on)).count();
                    proptest::prop_assert!(held <= 1, "{held} solid lines of {person} on {on}");
                    let (mut here, mut steps) = (person, 0);
                    while let Some(manager) = lines.manager(here, &on.to_string()) {
                        (here, steps) = (manager.0.as_u128(), steps + 1);
                        proptest::prop_assert!(steps < 6, "a cycle from {person} on {on}");
                    }
                }
            }
        }
    }
}
