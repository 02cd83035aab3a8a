//! What crosses the border of a region: prepared by one, approved by another, released, taken in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tally_api::attendance::v1 as att;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_kernel::id::OrgUnitId;
use tally_performance::SERVICE;
use tally_store::orm::{ConnectionTrait as _, Database};
use tally_testkit::callers::{Approver, Caller, everything};
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::fake_peers::Closed;
use crate::fixture::{Fixture, NORTH, PeerFacts, TENANT, reason, record, units};

/// So many people, every other one of `north/a` and there on duty together.
fn team(people: u128) -> PeerFacts {
    let mut told = PeerFacts::of(people, 2);
    (1..=people).step_by(2).for_each(|p| on_duty(&mut told, p));
    told
}

fn on_duty(told: &mut PeerFacts, p: u128) {
    told.on_duty(1, p, att::DutyRule::Team, "2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z");
}

/// A published March in which the six people of `north/a` are credited together.
async fn published(fixture: &Fixture) -> String {
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z"), record("b", "2026-03-03T01:00:00Z")]).await;
    let cycle_id = fixture.march().await;
    fixture.close(&cycle_id).await;
    let ask = pb::PublishCycleRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    fixture.cycles().publish_cycle(fixture.admin.request(ask)).await.unwrap();
    cycle_id
}

fn report(cycle_id: &str) -> pb::PrepareTransferRequest {
    pb::PrepareTransferRequest {
        kind: pb::TransferKind::Report.into(),
        cycle_id: cycle_id.into(),
        from_region: "cn-north".into(),
        to_region: "cn-south".into(),
        purpose: "comparison of branches".into(),
        legal_basis: "works agreement 7".into(),
        ..Default::default()
    }
}

async fn prepare(
    fixture: &Fixture,
    ask: pb::PrepareTransferRequest,
) -> Result<Response<pb::PrepareTransferResponse>, Status> {
    prepare_as(fixture, &fixture.admin, ask).await
}

async fn prepare_as(
    fixture: &Fixture,
    by: &Caller,
    ask: pb::PrepareTransferRequest,
) -> Result<Response<pb::PrepareTransferResponse>, Status> {
    fixture.transfers().prepare_transfer(by.request(ask)).await
}

async fn approve(fixture: &Fixture, by: &Caller, id: &str) -> Result<Response<pb::ApproveTransferResponse>, Status> {
    let ask = pb::ApproveTransferRequest { transfer_id: id.into(), ..Default::default() };
    fixture.transfers().approve_transfer(by.request(ask)).await
}

async fn release(fixture: &Fixture, id: &str) -> Result<Response<pb::ReleaseTransferResponse>, Status> {
    let ask = pb::ReleaseTransferRequest { transfer_id: id.into(), ..Default::default() };
    fixture.transfers().release_transfer(fixture.admin.request(ask)).await
}

async fn import(fixture: &Fixture, file: &str) -> Result<Response<pb::ImportTransferResponse>, Status> {
    let ask = pb::ImportTransferRequest { file: file.into(), ..Default::default() };
    fixture.transfers().import_transfer(fixture.admin.request(ask)).await
}

/// Somebody else who may do everything too.
fn colleague(fixture: &Fixture) -> Caller {
    fixture.callers.person(TENANT, None, everything())
}

on_both!(a_report_is_prepared_by_one_approved_by_another_released_and_taken_in);
async fn a_report_is_prepared_by_one_approved_by_another_released_and_taken_in(on: Backend) {
    let fixture = Fixture::working(on, team(12)).await;
    let cycle_id = published(&fixture).await;
    let prepared = prepare(&fixture, report(&cycle_id)).await.unwrap().into_inner();
    let id = prepared.transfer.unwrap().transfer_id;
    assert_eq!(reason(release(&fixture, &id).await), "TRANSFER_NOT_APPROVED");
    assert_eq!(reason(approve(&fixture, &fixture.admin, &id).await), "FOUR_EYES_REQUIRED");
    approve(&fixture, &colleague(&fixture), &id).await.unwrap();
    let file = release(&fixture, &id).await.unwrap().into_inner().file;
    assert_eq!(release(&fixture, &id).await.unwrap().into_inner().file, file, "the same file again");
    assert!(!file.contains("E0001") && !file.contains(&crate::fixture::person(1).to_string()), "{file}");

    assert_eq!(reason(import(&fixture, &file).await), "REGION_KEY_UNKNOWN");
    std::fs::write(fixture.keys.path().join("cn-north.pub"), STANDARD.encode(fixture.public.bytes)).unwrap();
    let forged = file.replacen("\"people\":6", "\"people\":7", 1);
    assert_ne!(forged, file, "{file}");
    assert_eq!(reason(import(&fixture, &forged).await), "TRANSFER_SIGNATURE_WRONG");
    assert_eq!(import(&fixture, &file).await.unwrap().into_inner().items, 3);
    assert_eq!(reason(import(&fixture, &file).await), "TRANSFER_ALREADY_EXISTS");

    let ask = pb::ListCellsRequest { transfer_id: id.clone(), ..Default::default() };
    let cells = fixture.transfers().list_cells(fixture.admin.request(ask)).await.unwrap().into_inner().cells;
    let mut told: Vec<_> = cells.iter().map(|c| (c.name.as_str(), c.people, c.credited.as_str())).collect();
    told.sort();
    // As released, and as taken in; the team's name stays.
    let twice = ["", "", "Group", "Group", "north", "north"].map(|unit| (unit, 6, "2"));
    assert_eq!(told, twice);
    let team = units().into_iter().find(|unit| unit.path == "north/a").unwrap();
    let below = cells.iter().find(|cell| cell.name.is_empty()).unwrap();
    assert_eq!((&below.unit_id, &below.parent_id), (&team.unit_id, &team.parent_id));
    let register = fixture.transfers().list_transfers(fixture.admin.request(pb::ListTransfersRequest::default())).await;
    let register = register.unwrap().into_inner().transfers;
    assert_eq!((register.len(), register[0].stage()), (1, pb::TransferStage::Released));
    assert!(register[0].prepared_by != register[0].approved_by && !register[0].approved_by.is_empty());
}

on_both!(who_left_a_team_before_it_was_closed_is_of_the_unit_that_its_people_went_to);
async fn who_left_a_team_before_it_was_closed_is_of_the_unit_that_its_people_went_to(on: Backend) {
    // Six of the team go to their branch on the 10th, but for one who left on the fifth.
    let mut told = team(12);
    let branch = OrgUnitId(Uuid::from_u128(0xb3));
    told.closed = Some(Closed { unit: NORTH, from: jiff::civil::date(2026, 3, 10), into: Some(branch) });
    for employments in told.people.iter_mut().step_by(2).map(|person| &mut person.employments) {
        let [unit_id, unit_path, from] = [branch.to_string(), "north".into(), "2026-03-10".into()];
        employments.push(idn::Employment { unit_id, unit_path, from, ..employments[0].clone() });
        employments[0].to = "2026-03-09".into();
    }
    let left = &mut told.people[0].employments;
    left.truncate(1);
    left[0].to = "2026-03-05".into();
    let fixture = Fixture::working(on, told).await;
    let prepared = prepare(&fixture, report(&published(&fixture).await)).await.unwrap().into_inner();
    assert_eq!(prepared.withheld, []);
    let ask = pb::ListCellsRequest { transfer_id: prepared.transfer.unwrap().transfer_id, ..Default::default() };
    let cells = fixture.transfers().list_cells(fixture.admin.request(ask)).await.unwrap().into_inner().cells;
    let mut told: Vec<_> = cells.iter().map(|c| (c.name.as_str(), c.people, c.credited.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("Group", 6, "2"), ("north", 6, "2")]);
}

on_both!(a_transfer_is_approved_by_other_eyes_than_those_that_prepared_it);
async fn a_transfer_is_approved_by_other_eyes_than_those_that_prepared_it(on: Backend) {
    let fixture = Fixture::working(on, team(12)).await;
    let cycle_id = published(&fixture).await;
    for who in Approver::ALL {
        let preparer = fixture.callers.person(TENANT, Some(crate::fixture::person(1)), everything());
        let prepared = prepare_as(&fixture, &preparer, report(&cycle_id)).await.unwrap().into_inner();
        let id = prepared.transfer.unwrap().transfer_id;
        let answer = approve(&fixture, &who.caller(&fixture.callers, &preparer), &id).await;
        if who == Approver::SomebodyElse {
            assert!(answer.is_ok(), "{answer:?}");
        } else {
            assert_eq!(reason(answer), "FOUR_EYES_REQUIRED", "{who:?}");
        }
    }
}

on_both!(what_was_prepared_is_withdrawn_or_rejected_and_never_leaves);
async fn what_was_prepared_is_withdrawn_or_rejected_and_never_leaves(on: Backend) {
    let fixture = Fixture::working(on, team(12)).await;
    let cycle_id = published(&fixture).await;
    let another = async || {
        let prepared = prepare(&fixture, report(&cycle_id)).await.unwrap().into_inner();
        prepared.transfer.unwrap().transfer_id
    };
    let withdraw = async |transfer_id: &str, reason: &str| {
        let (transfer_id, reason) = (transfer_id.to_owned(), reason.to_owned());
        let ask = pb::WithdrawTransferRequest { request_id: "back".into(), transfer_id, reason };
        fixture.transfers().withdraw_transfer(fixture.admin.request(ask)).await
    };
    let first = another().await;
    assert_eq!(reason(withdraw(&first, " ").await), "INVALID_REQUEST");
    let told = withdraw(&first, "the wrong month").await.unwrap().into_inner().transfer.unwrap();
    assert_eq!((told.stage(), told.drop_reason.as_str()), (pb::TransferStage::Withdrawn, "the wrong month"));
    let again = withdraw(&first, "the wrong month").await.unwrap().into_inner().transfer.unwrap();
    assert_eq!(again, told, "the same request");
    assert_eq!(reason(approve(&fixture, &colleague(&fixture), &first).await), "TRANSFER_NOT_PREPARED");
    let second = another().await;
    approve(&fixture, &colleague(&fixture), &second).await.unwrap();
    let reject = async |transfer_id: &str| {
        let (transfer_id, reason) = (transfer_id.to_owned(), "no contract".to_owned());
        let ask = pb::RejectTransferRequest { transfer_id, reason, ..Default::default() };
        fixture.transfers().reject_transfer(colleague(&fixture).request(ask)).await
    };
    let told = reject(&second).await.unwrap().into_inner().transfer.unwrap();
    assert_eq!(told.stage(), pb::TransferStage::Rejected);
    assert_eq!(reason(release(&fixture, &second).await), "TRANSFER_DROPPED");
    // What never left stands in nobody's way.
    let third = another().await;
    approve(&fixture, &colleague(&fixture), &third).await.unwrap();
    release(&fixture, &third).await.unwrap();
    assert_eq!(reason(reject(&third).await), "TRANSFER_RELEASED");
}

on_both!(what_cannot_be_told_is_refused_with_what_to_do);
async fn what_cannot_be_told_is_refused_with_what_to_do(on: Backend) {
    let fixture = Fixture::working(on, team(8)).await;
    let cycle_id = fixture.march().await;
    let why = async |ask| reason(prepare(&fixture, ask).await);
    assert_eq!(why(report(&cycle_id)).await, "CYCLE_NOT_PUBLISHED");
    let cycle_id = published(&fixture).await;
    assert_eq!(why(report(&cycle_id)).await, "NOTHING_TO_TELL", "four people of cn-north");
    let asks = [
        (pb::PrepareTransferRequest { to_region: "cn-north".into(), ..report(&cycle_id) }, "REGION_SAME"),
        (pb::PrepareTransferRequest { to_region: "mars".into(), ..report(&cycle_id) }, "REGION_UNKNOWN"),
        (pb::PrepareTransferRequest { from_region: String::new(), ..report(&cycle_id) }, "REGION_MISSING"),
        (pb::PrepareTransferRequest { purpose: " ".into(), ..report(&cycle_id) }, "INVALID_REQUEST"),
    ];
    for (ask, expected) in asks {
        assert_eq!(why(ask).await, expected);
    }
}

on_both!(the_database_itself_keeps_preparer_and_approver_apart);
async fn the_database_itself_keeps_preparer_and_approver_apart(on: Backend) {
    let fixture = Fixture::working(on, team(12)).await;
    let cycle_id = published(&fixture).await;
    prepare(&fixture, report(&cycle_id)).await.unwrap();
    let db = Database::connect(&fixture.db.owner_url).await.unwrap();
    let table = if fixture.db.name == "postgres" { format!("{SERVICE}.transfers") } else { "transfers".to_owned() };
    let cells = table.replace("transfers", "report_cells");
    for (forbidden, rule) in [
        (format!("UPDATE {table} SET approved_by = prepared_by"), "approver_check"),
        (format!("UPDATE {table} SET released_at = recorded_at"), "approved_check"),
        (format!("UPDATE {cells} SET people = 4"), "people_check"),
    ] {
        let refused = db.execute_unprepared(&forbidden).await.unwrap_err().to_string();
        assert!(refused.contains(rule), "{refused}");
    }
}

on_both!(a_report_that_another_overtook_is_prepared_again);
async fn a_report_that_another_overtook_is_prepared_again(on: Backend) {
    let told = team(10);
    // A sixth person of the team comes to light after the first report was prepared.
    let late = PeerFacts::of(11, 2).people.remove(10);
    let fixture = Fixture::working(on, told).await;
    let first = published(&fixture).await;
    let early = prepare(&fixture, report(&first)).await.unwrap().into_inner().transfer.unwrap().transfer_id;
    fixture.tell(|told| {
        told.people.push(late.clone());
        on_duty(told, 11);
    });
    let again = fixture.march().await;
    fixture.close(&again).await;
    let ask = pb::PublishCycleRequest { cycle_id: again.clone(), ..Default::default() };
    fixture.cycles().publish_cycle(fixture.admin.request(ask)).await.unwrap();
    let later = prepare(&fixture, report(&again)).await.unwrap().into_inner().transfer.unwrap().transfer_id;
    for id in [&early, &later] {
        approve(&fixture, &colleague(&fixture), id).await.unwrap();
    }
    release(&fixture, &later).await.unwrap();
    assert_eq!(reason(release(&fixture, &early).await), "TRANSFER_STALE");
    let refused = prepare(&fixture, report(&first)).await;
    assert_eq!(reason(refused), "NOTHING_TO_TELL", "one person is the difference");
}
