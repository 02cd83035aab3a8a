//! Where somebody belongs: one answer in every service, and to whom the months of a team belong that moved.

mod moved;

use std::collections::BTreeSet;

use serde_json::Value;
use tally_api::attendance::v1 as attendance;
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::performance::v1 as performance;
use tally_testkit::eventually;

use crate::journey::{Done, main_job};
use crate::rooms::results::proportional;
use crate::stack::Stack;

/// 2026-03-15T02:03:04.567Z, when the sample has no punch.
const PUNCHED: prost_types::Timestamp = prost_types::Timestamp { seconds: 1_773_540_184, nanos: 567_000_000 };

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_second_post_nor_a_move_of_the_team_takes_away_what_is_of_march() {
    let mut stack = Stack::one_process(None).await;
    let done = main_job(&stack).await;
    let (_, card) = done.outcome.cards.first().expect("a best card");
    let home = hold_another_post(&done, &card.person_id).await;
    assert_eq!(home.unit_id, card.unit_id, "the card of before");
    punch(&done, &card.person_id).await;
    let cycle_id = another_cycle(&done).await;
    draft(&done, &cycle_id).await;
    for (what, rows) in [
        ("punches", punches(&done, &card.person_id).await),
        ("cards", of_cycle(cards(&done, &card.person_id).await, &cycle_id)),
        ("statements", of_cycle(statements(&done, &card.person_id).await, &cycle_id)),
        ("evidence", evidence(&done, &card.person_id, &cycle_id).await),
    ] {
        let of = |row: &Value| (text(row, "unit_id"), text(row, "region"));
        let told: BTreeSet<_> = rows.iter().map(of).collect();
        assert_eq!(told, [(home.unit_id.clone(), home.region.clone())].into(), "{what}: {rows:?}");
    }
    moved::journey(&done, &cycle_id).await;
    stack.stop().await;
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_default().to_owned()
}

fn of_cycle(mut rows: Vec<Value>, cycle_id: &str) -> Vec<Value> {
    rows.retain(|row| text(row, "cycle_id") == cycle_id);
    rows
}

/// Gives somebody a concurrent post in another unit of the region since March: the home that stays.
async fn hold_another_post(done: &Done, person_id: &str) -> identity::Employment {
    let hr = &done.crew.hr;
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let mut orgs = identity::org_service_client::OrgServiceClient::new(hr.at.identity.clone());
    let ask = identity::GetPersonRequest { person_id: person_id.to_owned(), ..Default::default() };
    let person = people.get_person(hr.ask(ask)).await.expect("a person").into_inner().person.expect("a person");
    let home = person.employments.into_iter().next().expect("a home");
    let ask = identity::ListOrgUnitsRequest { page_size: 1_000, ..Default::default() };
    let units = orgs.list_org_units(hr.ask(ask)).await.expect("units").into_inner().units;
    let other = units.into_iter().find(|unit| unit.region == home.region && unit.unit_id != home.unit_id);
    let post = identity::NewPost {
        post: identity::Post::Concurrent.into(),
        terms: Some(identity::Terms { unit_id: other.expect("another unit").unit_id, ..Default::default() }),
        from: "2026-03-01".into(),
        to: String::new(),
    };
    let (person_id, change) = (person_id.to_owned(), Some(Change::Post(post)));
    let ask = identity::ChangeEmploymentRequest { person_id, change, ..Default::default() };
    people.change_employment(hr.ask(ask)).await.expect("a second post");
    home
}

async fn punch(done: &Done, person_id: &str) {
    let hr = &done.crew.hr;
    let row = attendance::Punch {
        person_id: person_id.to_owned(),
        at: Some(PUNCHED),
        kind: attendance::PunchKind::In.into(),
        ..Default::default()
    };
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(hr.at.attendance.clone());
    let ask = attendance::ImportPunchesRequest { rows: vec![row], ..Default::default() };
    let done = punches.import_punches(hr.ask(ask)).await.expect("a punch").into_inner().result.expect("a result");
    assert_eq!((done.written, done.problems.len()), (1, 0), "{done:?}");
}

/// The month once more, published: its id.
async fn another_cycle(done: &Done) -> String {
    let hr = &done.crew.hr;
    let client = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let get = async |cycle_id: &str| {
        let ask = performance::GetCycleRequest { cycle_id: cycle_id.to_owned() };
        client.clone().get_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle")
    };
    let first = get(&done.outcome.cycle_id).await;
    let cycle = performance::Cycle {
        name: "once more".into(),
        period: first.period,
        scheme_id: first.scheme_id,
        scheme_version: first.scheme_version,
        policy: first.policy,
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
    let made = client.clone().create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle;
    let cycle_id = made.expect("a cycle").cycle_id;
    let ask = performance::CloseCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    client.clone().close_cycle(hr.ask(ask)).await.expect("closing");
    eventually("the cycle is closed", async || {
        (get(&cycle_id).await.state() == performance::CycleState::Reviewable).then_some(())
    })
    .await;
    let ask = performance::PublishCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    client.clone().publish_cycle(hr.ask(ask)).await.expect("a published cycle");
    cycle_id
}

async fn draft(done: &Done, cycle_id: &str) {
    let preparer = &done.crew.preparer;
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let pool = proportional("once more", cycle_id, 100_001);
    let ask = compensation::CreatePoolRequest { pool: Some(pool), ..Default::default() };
    let pool = pools.create_pool(preparer.ask(ask)).await.expect("a pool").into_inner().pool.expect("a pool");
    let channel = preparer.at.compensation.clone();
    let mut settlements = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let ask = compensation::DraftSettlementRequest { pool_id: pool.pool_id, ..Default::default() };
    settlements.draft_settlement(preparer.ask(ask)).await.expect("a draft");
}

/// A function that gives the rows of a table which a service holds about somebody.
macro_rules! rows {
    ($name:ident, $service:ident, $table:literal) => {
        async fn $name(done: &Done, person_id: &str) -> Vec<Value> {
            use tally_api::$service::v1 as pb;
            let auditor = &done.crew.auditor;
            let mut client = pb::privacy_service_client::PrivacyServiceClient::new(auditor.at.$service.clone());
            let ask = tally_api::common::v1::ExportPersonRequest { person_id: person_id.to_owned() };
            let mut stream = client.export_person(auditor.ask(ask)).await.expect("an export").into_inner();
            let mut rows = Vec::new();
            while let Some(told) = stream.message().await.expect("a part") {
                let part = told.part.expect("a table");
                if part.table == $table {
                    rows.extend(part.rows.iter().map(|row| serde_json::from_str(row).expect("a row")));
                }
            }
            rows
        }
    };
}

rows!(all_punches, attendance, "punches");
rows!(cards, performance, "cards");
rows!(statements, compensation, "statements");
rows!(all_evidence, talent, "evidence");

/// The one that was made here.
async fn punches(done: &Done, person_id: &str) -> Vec<Value> {
    let mut rows = all_punches(done, person_id).await;
    rows.retain(|row| row.to_string().contains("02:03:04.567"));
    rows
}

async fn evidence(done: &Done, person_id: &str, cycle_id: &str) -> Vec<Value> {
    eventually("talent's evidence", async || {
        let rows = of_cycle(all_evidence(done, person_id).await, cycle_id);
        (!rows.is_empty()).then_some(rows)
    })
    .await
}
