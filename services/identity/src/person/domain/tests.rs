use std::collections::BTreeMap;

use tally_kernel::dated::Dated as _;
use tally_kernel::id::CatalogueEntryId;

use super::*;
use crate::catalogue::domain::Entry;
use crate::org::domain::{ALWAYS, State, UnitKind};

mod days;
mod diary;
mod imports;

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
        into: None,
    }
}

fn tree() -> OrgTree {
    OrgTree::new([
        state(1, None, "Demo", "*", ALWAYS),
        state(2, Some(1), "North", "cn-north", ALWAYS),
        state(3, Some(1), "South", "cn-south", day("2026-02-01")),
        state(4, Some(2), "Desk", "cn-north", ALWAYS),
        State { to: Some(day("2026-08-31")), ..state(5, Some(2), "Project", "cn-north", ALWAYS) },
    ])
}

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

/// Ladder P1, P2, P3 and the positions agent and lead.
fn catalogue() -> Catalogue {
    let entry = |n: u128, kind, code: &str, rank| Entry {
        row: Uuid::from_u128(n),
        id: CatalogueEntryId(Uuid::from_u128(n)),
        kind,
        code: code.into(),
        title: code.into(),
        rank,
        from: day("2026-03-01"),
        to: None,
    };
    Catalogue::new([
        entry(1, EntryKind::Grade, "P1", 1),
        entry(2, EntryKind::Grade, "P2", 2),
        entry(3, EntryKind::Grade, "P3", 3),
        entry(4, EntryKind::Position, "agent", 0),
        entry(5, EntryKind::Position, "lead", 0),
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
        id_number: String::new(),
        kind: String::new(),
    }
}

fn import(rows: &[PersonRow]) -> ImportPlan {
    import_into(&tree(), None, rows)
}

/// An import into a tree, with somebody who is there.
fn import_into(tree: &OrgTree, there: Option<&Person>, rows: &[PersonRow]) -> ImportPlan {
    let mut n = 0_u128;
    let facts = Facts { tree, catalogue: &Catalogue::default(), today: day("2026-03-02"), replays: false };
    let known = there.into_iter().map(|person| (person.employee_no.clone(), person.clone())).collect();
    let rows: Vec<_> = (0..).zip(rows.iter().cloned()).collect();
    plan_import(
        known,
        Holders::new(),
        facts,
        &rows,
        "Asia/Shanghai",
        |_| true,
        || {
            n += 1;
            Uuid::from_u128(n)
        },
    )
}

/// Somebody employed by North from 2026-01-05 on, and what becomes of that.
struct Life {
    person: Person,
    tree: OrgTree,
    catalogue: Catalogue,
    next: u128,
}

impl Life {
    fn new() -> Self {
        let plan = import(&[row("E1", "2026-01-05", "")]);
        let mut person = plan.people[0].clone();
        person.employments.push(plan.employments[0].2.clone());
        Self { person, tree: tree(), catalogue: Catalogue::default(), next: 1 << 90 }
    }

    fn home(&self) -> EmploymentId {
        self.person.employments[0].id
    }

    fn take(&mut self, changes: Changes) -> Changes {
        self.person.employments = changes.employments.apply(&self.person.employments).cloned().collect();
        self.person.employments.sort_by_key(|e| (e.from, e.row));
        self.person.leaves = changes.leaves.apply(&self.person.leaves).cloned().collect();
        changes
    }

    fn does(&mut self, change: &Change) -> Result<Changes, PersonError> {
        let mut next = self.next;
        let facts = Facts { tree: &self.tree, catalogue: &self.catalogue, today: day("2026-03-02"), replays: false };
        let changes = plan(&self.person, facts, change, || {
            next += 1;
            Uuid::from_u128(next)
        })?;
        self.next = next;
        Ok(self.take(changes))
    }

    fn ends(&mut self, last_day: &str) -> Result<Changes, PersonError> {
        let mut next = self.next;
        let changes = end(&self.person, day(last_day), || {
            next += 1;
            Uuid::from_u128(next)
        })?;
        self.next = next;
        Ok(self.take(changes))
    }

    fn transfers(&mut self, to: u128, grade: &str, from: &str) -> Result<Changes, PersonError> {
        let terms = Terms { unit: Some(unit(to)), position: String::new(), grade: grade.into(), kind: None };
        self.does(&Change::Transfer { employment: None, terms, from: day(from) })
    }

    fn posted(&mut self, post: Post, to: u128, position: &str, from: &str, last: &str) -> Result<Changes, PersonError> {
        let terms = Terms { unit: Some(unit(to)), position: position.into(), grade: String::new(), kind: None };
        let to = if last.is_empty() { None } else { Some(day(last)) };
        self.does(&Change::Post { post, terms, from: day(from), to })
    }

    fn goes(&mut self, from: &str, to: &str) -> Result<Changes, PersonError> {
        let to = if to.is_empty() { None } else { Some(day(to)) };
        self.does(&Change::Leave { from: day(from), to, why: None })
    }

    fn told(&self) -> Vec<String> {
        let told = |e: &Employment| {
            let unit = self.tree.at(e.unit, e.from).map(|unit| unit.name.clone()).unwrap_or_default();
            let to = e.to.map(|to| to.to_string()).unwrap_or_default();
            format!("{} {} {} {} {}..{to}", e.post, e.reason, unit, e.grade, e.from)
        };
        self.person.employments.iter().map(told).collect()
    }
}

#[test]
fn a_transfer_begins_another_stretch_of_the_same_employment() {
    let mut life = Life::new();
    let changes = life.transfers(4, "", "2026-04-01").unwrap();
    assert_eq!(changes.targets.len(), 2, "where the person was and where it goes");
    assert_eq!(life.told(), ["home hire North P2 2026-01-05..2026-03-31", "home transfer Desk P2 2026-04-01.."]);
    assert_eq!(life.person.employments[0].id, life.person.employments[1].id);
    assert_eq!(life.person.home(day("2026-03-31")).unwrap().unit, unit(2));
    assert_eq!(life.person.home(day("2027-01-01")).unwrap().unit, unit(4));
    assert_eq!(life.transfers(2, "", "2026-03-15"), Err(PersonError::ChangePlanned(day("2026-04-01"))));
    assert_eq!(life.transfers(4, "P2", "2026-05-01"), Err(PersonError::NothingChanges));
}

#[test]
fn a_transfer_from_the_first_day_on_replaces_what_was_said_and_stays_a_hire() {
    let mut life = Life::new();
    life.transfers(4, "P3", "2026-01-05").unwrap();
    assert_eq!(life.told(), ["home hire Desk P3 2026-01-05.."]);
}

#[test]
fn a_higher_grade_is_a_promotion_and_a_lower_one_is_not() {
    let mut life = Life { catalogue: catalogue(), ..Life::new() };
    life.transfers(2, "P3", "2026-04-01").unwrap();
    life.transfers(2, "P1", "2026-05-01").unwrap();
    let reasons: Vec<_> = life.person.employments.iter().map(|e| e.reason).collect();
    assert_eq!(reasons, [Reason::Hire, Reason::Promotion, Reason::Transfer]);
    let unknown = PersonError::NotInCatalogue("grade", "P9".into(), day("2026-06-01"));
    assert_eq!(life.transfers(2, "P9", "2026-06-01"), Err(unknown));
    let mut free = Life::new();
    free.transfers(2, "expert", "2026-04-01").unwrap();
    assert_eq!(free.person.employments[1].reason, Reason::Promotion, "without a ladder another grade is one");
}

#[test]
fn where_nobody_can_go_is_said() {
    let mut life = Life::new();
    assert_eq!(life.transfers(3, "", "2026-04-01"), Err(PersonError::RegionCrossed));
    assert_eq!(life.transfers(1, "", "2026-04-01"), Err(PersonError::UnitHasNoRegion));
    assert_eq!(life.transfers(77, "", "2026-04-01"), Err(PersonError::UnitMissing(unit(77))));
    assert_eq!(
        life.transfers(5, "", "2026-04-01"),
        Err(PersonError::UnitCloses("North/Project".into(), day("2026-08-31")))
    );
    assert_eq!(life.transfers(4, "", "2026-01-04"), Err(PersonError::NotEmployed(day("2026-01-04"))));
}

#[test]
fn a_secondment_leaves_the_home_where_it_is_and_there_is_one_at_a_time() {
    let mut life = Life::new();
    life.posted(Post::Secondment, 4, "", "2026-04-01", "2026-06-30").unwrap();
    assert_eq!(life.told()[1], "secondment secondment Desk P2 2026-04-01..2026-06-30");
    assert_eq!(life.person.home(day("2026-05-01")).unwrap().unit, unit(2));
    let clash = life.posted(Post::Secondment, 5, "", "2026-06-30", "2026-07-31");
    assert_eq!(clash, Err(PersonError::Overlaps(day("2026-04-01"))));
    let seconded = life.person.employments[1].id;
    let back = |last: &str| Change::EndPost { employment: seconded, last_day: day(last) };
    life.does(&back("2026-05-15")).unwrap();
    assert_eq!(life.told()[1], "secondment secondment Desk P2 2026-04-01..2026-05-15");
    assert_eq!(life.does(&back("2026-05-15")), Err(PersonError::EndsAlready(day("2026-05-15"))));
    let home = Change::EndPost { employment: life.home(), last_day: day("2026-05-15") };
    assert_eq!(life.does(&home), Err(PersonError::HomeEnds));
}

#[test]
fn concurrent_posts_are_several_but_not_the_same_twice() {
    let mut life = Life::new();
    life.posted(Post::Concurrent, 4, "trainer", "2026-04-01", "").unwrap();
    life.posted(Post::Concurrent, 4, "auditor", "2026-04-01", "").unwrap();
    let again = life.posted(Post::Concurrent, 4, "trainer", "2026-09-01", "");
    assert_eq!(again, Err(PersonError::Overlaps(day("2026-04-01"))));
    let backwards = life.posted(Post::Concurrent, 4, "cook", "2026-09-02", "2026-09-01");
    assert_eq!(backwards, Err(PersonError::DatesBackwards));
}

#[test]
fn posts_and_leaves_end_with_the_home_and_a_later_employment_stays() {
    let mut life = Life::new();
    life.posted(Post::Concurrent, 4, "trainer", "2026-04-01", "").unwrap();
    life.posted(Post::Secondment, 4, "", "2026-07-01", "2026-12-31").unwrap();
    life.transfers(4, "", "2026-08-01").unwrap();
    life.goes("2026-05-01", "").unwrap();
    life.ends("2026-06-15").unwrap();
    assert_eq!(
        life.told(),
        ["home hire North P2 2026-01-05..2026-06-15", "concurrent concurrent_post Desk P2 2026-04-01..2026-06-15"],
    );
    assert_eq!(life.person.leaves[0].to, Some(day("2026-06-15")));
    let later = Change::Rehire { terms: Terms::default(), from: day("2026-09-01"), to: None };
    life.does(&later).unwrap();
    life.ends("2026-05-31").unwrap();
    assert_eq!(life.told().last().unwrap(), "home rehire North P2 2026-09-01..");
    assert_eq!(life.does(&later), Err(PersonError::Overlaps(day("2026-09-01"))));
    let beyond = life.posted(Post::Concurrent, 4, "trainer", "2026-05-30", "2026-06-30");
    assert_eq!(beyond, Err(PersonError::OutlastsHome(day("2026-05-31"))));
}

#[test]
fn a_wrong_first_day_is_put_right_unless_it_cuts_something_off() {
    let mut life = Life::new();
    let home = life.person.employments[0].id;
    let right = |from: &str| Change::CorrectStart { employment: home, from: day(from) };
    assert_eq!(life.does(&right("2026-01-05")), Err(PersonError::NothingChanges));
    life.does(&right("2026-02-01")).unwrap();
    life.does(&right("2025-12-01")).unwrap();
    assert_eq!(life.told(), ["home hire North P2 2025-12-01.."]);
    life.posted(Post::Concurrent, 4, "trainer", "2026-03-10", "").unwrap();
    assert_eq!(life.does(&right("2026-03-11")), Err(PersonError::CutOff(day("2026-03-10"))));
    let post = life.person.employments.iter().find(|e| e.post != Post::Home).unwrap().id;
    let early = Change::CorrectStart { employment: post, from: day("2025-11-30") };
    assert_eq!(life.does(&early), Err(PersonError::NotEmployed(day("2025-11-30"))));
    life.transfers(4, "", "2026-08-01").unwrap();
    assert_eq!(life.does(&right("2026-08-02")), Err(PersonError::CutOff(day("2026-07-31"))));
    life.ends("2026-09-30").unwrap();
    let again = Change::Rehire { terms: Terms::default(), from: day("2026-11-01"), to: None };
    life.does(&again).unwrap();
    let second = life.person.home(day("2026-11-01")).unwrap().id;
    let clash = Change::CorrectStart { employment: second, from: day("2026-09-30") };
    assert!(matches!(life.does(&clash), Err(PersonError::Overlaps(_))));
    let free = Change::CorrectStart { employment: second, from: day("2026-10-01") };
    life.does(&free).unwrap();
    assert_eq!(life.told().last().unwrap(), "home rehire Desk P2 2026-10-01..");
    let nobody = Change::CorrectStart { employment: EmploymentId(Uuid::nil()), from: day("2026-10-01") };
    assert!(matches!(life.does(&nobody), Err(PersonError::EmploymentMissing(..))));
}

#[test]
fn who_is_on_leave_is_employed_and_comes_back() {
    let mut life = Life::new();
    life.goes("2026-04-01", "").unwrap();
    assert!(
        life.person.employments.iter().any(|e| e.covers(day("2026-05-01")))
            && life.person.leaves[0].covers(day("2026-05-01"))
    );
    assert_eq!(life.goes("2026-09-01", "2026-09-30"), Err(PersonError::OnLeave(day("2026-04-01"))));
    let leave = life.person.leaves[0].id;
    let back = |last: &str| Change::EndLeave { leave, last_day: day(last) };
    life.does(&back("2026-06-30")).unwrap();
    assert!(!life.person.leaves[0].covers(day("2026-07-01")));
    assert_eq!(life.does(&back("2026-06-30")), Err(PersonError::NothingChanges));
    life.goes("2026-09-01", "2026-09-30").unwrap();
    assert_eq!(life.does(&back("2026-09-01")), Err(PersonError::OnLeave(day("2026-09-01"))));
    life.does(&back("2026-03-31")).unwrap();
    assert_eq!(life.person.leaves.len(), 1, "a leave that ends before it begins was never there");
    assert_eq!(life.does(&back("2026-04-02")), Err(PersonError::LeaveMissing(leave)));
}

#[test]
fn what_is_planned_can_be_dropped_and_what_has_begun_cannot() {
    let mut life = Life::new();
    let home = life.home();
    let drop = |on: &str| Change::Cancel { employment: home, on: day(on) };
    life.transfers(4, "", "2026-02-01").unwrap();
    assert_eq!(life.does(&drop("2026-02-01")), Err(PersonError::NothingPlanned(day("2026-02-01"))));
    life.transfers(2, "P3", "2026-04-01").unwrap();
    assert_eq!(life.does(&drop("2026-04-02")), Err(PersonError::NothingPlanned(day("2026-04-02"))));
    life.does(&drop("2026-04-01")).unwrap();
    assert_eq!(life.told()[1], "home transfer Desk P2 2026-02-01..");
    life.ends("2026-06-30").unwrap();
    life.does(&drop("2026-07-01")).unwrap();
    assert_eq!(life.told()[1], "home transfer Desk P2 2026-02-01..", "the end is dropped");
    life.posted(Post::Secondment, 2, "", "2026-09-01", "2026-09-30").unwrap();
    let seconded = life.person.employments.last().unwrap().id;
    life.does(&Change::Cancel { employment: seconded, on: day("2026-09-01") }).unwrap();
    assert_eq!(life.told().len(), 2);
}

#[test]
fn a_hire_to_come_is_dropped_with_all_that_was_planned_beside_it() {
    let mut life = Life::new();
    life.ends("2026-03-31").unwrap();
    life.does(&Change::Rehire { terms: Terms::default(), from: day("2026-06-01"), to: None }).unwrap();
    life.posted(Post::Concurrent, 4, "trainer", "2026-07-01", "").unwrap();
    life.goes("2026-08-01", "2026-08-31").unwrap();
    let again = life.person.home(day("2026-06-01")).unwrap().id;
    assert_eq!(
        life.does(&Change::Cancel { employment: life.home(), on: day("2026-04-01") }),
        Err(PersonError::Overlaps(day("2026-06-01"))),
        "the end cannot be dropped while a later employment stands",
    );
    life.does(&Change::Cancel { employment: again, on: day("2026-06-01") }).unwrap();
    assert_eq!(life.told(), ["home hire North P2 2026-01-05..2026-03-31"]);
    assert!(life.person.leaves.is_empty());
}

#[test]
fn who_moves_because_a_unit_is_no_more_says_so_and_what_has_not_begun_just_begins_elsewhere() {
    let mut life = Life::new();
    life.transfers(4, "", "2026-05-01").unwrap();
    let (tree, catalogue) = (tree(), Catalogue::default());
    let facts = Facts { tree: &tree, catalogue: &catalogue, today: day("2026-03-02"), replays: false };
    let mut n = 1 << 100;
    let mut ids = || {
        n += 1;
        Uuid::from_u128(n)
    };
    let [old, planned] = [life.person.employments[0].clone(), life.person.employments[1].clone()];
    let id = life.person.id;
    let split = reassign(id, &old, facts, unit(4), day("2026-04-01"), &mut ids).unwrap();
    assert_eq!((split.employments.writes.len(), split.employments.writes[1].reason), (2, Reason::Reorganisation));
    let whole = reassign(id, &planned, facts, unit(2), day("2026-04-01"), &mut ids).unwrap();
    assert_eq!(
        (whole.employments.writes.len(), whole.employments.writes[0].from, whole.employments.writes[0].reason),
        (1, planned.from, Reason::Transfer)
    );
    let across = reassign(id, &old, facts, unit(3), day("2026-04-01"), &mut ids);
    assert_eq!(across, Err(PersonError::RegionCrossed));
}

#[test]
fn ending_writes_a_new_version_and_closes_the_old_one() {
    let mut life = Life::new();
    let first = life.person.employments[0].clone();
    let changes = life.ends("2026-03-15").unwrap();
    assert_eq!((changes.employments.closes, changes.employments.writes.len()), (vec![first.row], 1));
    assert_eq!(
        (changes.employments.writes[0].id, changes.employments.writes[0].to),
        (first.id, Some(day("2026-03-15")))
    );
    assert_eq!(life.ends("2026-03-15"), Err(PersonError::EndsAlready(day("2026-03-15"))));
    assert_eq!(life.ends("2026-03-16"), Err(PersonError::NotEmployed(day("2026-03-16"))));
    let earlier = life.ends("2026-02-01").unwrap();
    assert_eq!(earlier.employments.writes[0].to, Some(day("2026-02-01")), "an end can be brought forward");
}
