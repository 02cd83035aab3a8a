//! "As we knew it on": whatever is written later, an old question has its old answer. What was answered at the time is
//! the oracle.

use jiff::civil::date;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::identity::v1::{self as pb, Post};
use tally_kernel::Rng;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{TestIdentity, answered, person_row, transfer};

/// Random commands of a history.
const STEPS: usize = 40;

/// What is asked at every step.
#[derive(Debug, PartialEq)]
struct Answers {
    units: Vec<Vec<(String, String)>>,
    people: Vec<pb::Person>,
    employed_in_may: Vec<pb::Person>,
    lines: Vec<pb::ReportingLine>,
}

async fn ask(identity: &TestIdentity, numbers: &[&str], known_at: Option<prost_types::Timestamp>) -> Answers {
    let mut units = Vec::new();
    for as_of in ["2026-02-15", "2026-05-15", "2026-08-15"] {
        let request = pb::ListOrgUnitsRequest { as_of: as_of.into(), page_size: 100, known_at, ..Default::default() };
        let there = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap().units;
        units.push(there.into_iter().map(|unit| (unit.path, unit.unit_id)).collect());
    }
    let mut people = Vec::new();
    for number in numbers {
        let request = pb::GetPersonRequest { employee_no: (*number).into(), known_at, ..Default::default() };
        people.push(answered(identity.people().get_person(identity.as_admin(request)).await).unwrap().person.unwrap());
    }
    let period = tally_api::common::v1::Period { from: "2026-05-01".into(), to: "2026-05-31".into() };
    let request = pb::ListPeopleRequest { period: Some(period), page_size: 100, known_at, ..Default::default() };
    let employed_in_may = answered(identity.people().list_people(identity.as_admin(request)).await).unwrap().people;
    let request =
        pb::ListReportingLinesRequest { as_of: "2026-06-01".into(), page_size: 100, known_at, ..Default::default() };
    let mut lines = answered(identity.lines().list_reporting_lines(identity.as_admin(request)).await).unwrap().lines;
    lines.sort_by(|a, b| a.line_id.cmp(&b.line_id));
    Answers { units, people, employed_in_may, lines }
}

/// Does something or other; says whether it was allowed.
async fn step(
    identity: &TestIdentity,
    rng: &mut impl FnMut(usize) -> usize,
    numbers: &[&str],
    units: &[String],
) -> bool {
    let from = date(2026, 2 + i8::try_from(rng(8)).unwrap(), 1).to_string();
    let (unit, other) = (units[rng(units.len())].clone(), units[rng(units.len())].clone());
    let admin = &identity.admin;
    match rng(9) {
        0 => {
            let request =
                pb::MoveOrgUnitRequest { unit_id: unit, parent_id: other, from, backdated: true, ..Default::default() };
            answered(identity.orgs().move_org_unit(identity.as_admin(request)).await).is_ok()
        }
        1 => {
            let name = ["Blue", "Red", "Green"][rng(3)].to_owned();
            let request = pb::RenameOrgUnitRequest { unit_id: unit, name, from, ..Default::default() };
            answered(identity.orgs().rename_org_unit(identity.as_admin(request)).await).is_ok()
        }
        2 => {
            let unit_ids = vec![unit];
            let request =
                pb::MergeOrgUnitsRequest { unit_ids, into_id: other, from, backdated: true, ..Default::default() };
            answered(identity.orgs().merge_org_units(identity.as_admin(request)).await).is_ok()
        }
        3 => {
            let (person, manager) = (numbers[rng(numbers.len())], numbers[rng(numbers.len())]);
            identity.line(person, manager, pb::ReportingLineKind::Solid).await.is_ok()
        }
        what => {
            let person = identity.person(numbers[rng(numbers.len())]).await;
            let terms = Some(pb::Terms { unit_id: unit.clone(), ..Default::default() });
            let change = match what {
                4 => transfer(&unit, "", ["P1", "P2", "P3"][rng(3)], &from),
                5 => Change::Post(pb::NewPost { post: Post::Concurrent.into(), terms, from, to: String::new() }),
                6 => Change::Leave(pb::NewLeave { from: from.clone(), to: from, ..Default::default() }),
                what => {
                    let employment = &person.employments[rng(person.employments.len())];
                    let employment_id = employment.employment_id.clone();
                    if what == 7 {
                        Change::Cancel(pb::CancelPlan { employment_id, on: from })
                    } else {
                        Change::CorrectStart(pb::CorrectStart { employment_id, first_day: from })
                    }
                }
            };
            identity.change(admin, &person.person_id, change).await.is_ok()
        }
    }
}

on_both!(an_old_question_has_its_old_answer_whatever_was_written_since);
async fn an_old_question_has_its_old_answer_whatever_was_written_since(on: Backend) {
    let numbers = ["E1", "E2", "E3"];
    let identity = TestIdentity::with_company(on).await;
    identity.import_units(&["North/Service/C", "North/Service/D"], "").await;
    identity.import_people(numbers.map(|number| person_row(number, "North/Sales/A")).into()).await;
    let mut units = Vec::new();
    for path in ["North/Sales", "North/Sales/A", "North/Sales/B", "North/Service", "North/Service/C", "North"] {
        units.push(identity.unit(path).await.unit_id);
    }
    let source = Rng::seeded(11);
    let mut random = |below: usize| usize::from(source.bytes::<1>()[0]) % below;
    let (mut history, mut done) = (Vec::new(), 0);
    for _ in 0..STEPS {
        identity.wait(1);
        done += usize::from(step(&identity, &mut random, &numbers, &units).await);
        history.push((identity.now(), ask(&identity, &numbers, None).await));
    }
    assert!(done >= STEPS / 4, "{done} of {STEPS} commands were allowed: too few to show anything");
    for (at, then) in &history {
        assert_eq!(&ask(&identity, &numbers, Some(*at)).await, then, "as known at {at:?}");
    }
    let before = prost_types::Timestamp { seconds: history[0].0.seconds - 86_400, nanos: 0 };
    let request = pb::GetPersonRequest { employee_no: "E1".into(), known_at: Some(before), ..Default::default() };
    let error = answered(identity.people().get_person(identity.as_admin(request)).await).unwrap_err();
    assert_eq!(error.kind(), tally_kernel::error::Kind::NotFound, "nobody was known then");
}
