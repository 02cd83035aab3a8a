//! Bringing in service records.

use tally_access::Permission;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, import, problems, reason, record};

const T1: &str = "2026-03-02T01:00:00Z";
const T2: &str = "2026-03-02T02:00:00Z";

on_both!(the_same_records_again_change_nothing_and_other_content_is_refused_row_by_row);
async fn the_same_records_again_change_nothing_and_other_content_is_refused_row_by_row(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let first = fixture.import(1, vec![record("a", T1), record("b", T2)]).await;
    assert_eq!((first.written, first.unchanged), (2, 0));
    let mut other = record("b", T2);
    other.kind = "after-sales".into();
    let mut backwards = record("d", T2);
    backwards.ended_at = record("d", T1).started_at;
    let mut refund = record("e", T2);
    refund.amount_minor = Some(-100);
    let again = fixture.import(1, vec![record("c", T1), record("a", T1), other, backwards, refund]).await;
    assert_eq!((again.written, again.unchanged), (1, 1));
    let expected = [(2, "DIFFERENT_CONTENT"), (3, "INTERVAL_BACKWARDS"), (4, "AMOUNT_NEGATIVE")];
    assert_eq!(problems(&again), expected);
    let sentence = &again.problems[0].message;
    assert!(sentence.contains("kind: presale there, after-sales here"), "{sentence}");
}

on_both!(the_same_request_gives_the_first_answer_and_another_body_is_refused);
async fn the_same_request_gives_the_first_answer_and_another_body_is_refused(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let ask = |rows| pb::ImportRecordsRequest { request_id: "r1".into(), ..import(1, rows) };
    let send = async |rows| fixture.records().import_records(fixture.admin.request(ask(rows))).await;
    let first = send(vec![record("a", T1)]).await.unwrap().into_inner();
    assert_eq!(send(vec![record("a", T1)]).await.unwrap().into_inner(), first);
    assert_eq!(reason(send(vec![record("b", T1)]).await), "REQUEST_ID_REUSED");
}

on_both!(an_account_is_where_attendance_says_and_not_where_a_caller_says);
async fn an_account_is_where_attendance_says_and_not_where_a_caller_says(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let caller = fixture.of_unit(SOUTH, &[Permission::RecordImport]);
    let mut claimed = import(2, vec![record("a", T1)]);
    claimed.account_id = account(1).to_string();
    assert_eq!(reason(fixture.records().import_records(caller.request(claimed)).await), "ACCOUNT_ELSEWHERE");
    // Of an account that is out of reach nothing is told, not even whether it is there.
    for at in [1, 9] {
        let elsewhere = caller.request(import(at, vec![record("a", T1)]));
        let told = fixture.records().import_records(elsewhere).await.unwrap().into_inner().result.unwrap();
        assert_eq!((told.written, problems(&told)), (0, vec![(0, "RECORD_OUT_OF_REACH")]));
    }
    let nobody = fixture.of_unit(SOUTH, &[Permission::RecordRead]);
    let refused = fixture.records().import_records(nobody.request(import(1, vec![record("a", T1)]))).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    let unknown = fixture.records().import_records(fixture.admin.request(import(9, vec![]))).await;
    assert_eq!(reason(unknown), "NOT_FOUND");
}

on_both!(wrong_fields_are_told_all_at_once);
async fn wrong_fields_are_told_all_at_once(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let ask = pb::ImportRecordsRequest { account_id: "x".into(), region: "No Region".into(), ..Default::default() };
    let refused = fixture.records().import_records(fixture.admin.request(ask)).await.unwrap_err();
    let violations = tally_rpc::error_from(refused).violations().to_vec();
    let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["account_id", "region"]);
}

on_both!(records_are_read_back_as_they_were_by_start_and_only_by_those_who_reach_the_account);
async fn records_are_read_back_as_they_were_by_start_and_only_by_those_who_reach_the_account(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 2)).await;
    let mut rich = record("b", T1);
    rich.rating_milli = Some(4_500);
    rich.amount_minor = Some(12_345);
    rich.customer = "客户".into();
    let measure = |name: &str, number: &str, text: &str| pb::Measure {
        name: name.into(),
        number: number.into(),
        text: text.into(),
    };
    rich.measures = vec![measure("channel", "", "app"), measure("qa", "4.5", "")];
    fixture.import(1, vec![record("z", T2), rich.clone(), record("a", T1)]).await;
    let page = |size: u32, token: &str| pb::ListRecordsRequest {
        account_id: account(1).to_string(),
        page_size: size,
        page_token: token.into(),
        ..Default::default()
    };
    let list = async |ask| fixture.records().list_records(fixture.admin.request(ask)).await.unwrap().into_inner();
    let first = list(page(2, "")).await;
    let second = list(page(2, &first.next_page_token)).await;
    let ids = first.records.iter().chain(&second.records).map(|r| r.external_id.as_str()).collect::<Vec<_>>();
    assert_eq!((ids, second.next_page_token.as_str()), (vec!["a", "b", "z"], ""));
    let read = pb::Record { record_id: String::new(), ..first.records[1].clone() };
    assert_eq!(read, rich);
    let get = pb::GetRecordRequest { account_id: account(1).to_string(), external_id: "b".into(), known_at: None };
    let near = fixture.of_unit(NORTH, &[Permission::RecordRead]);
    assert!(fixture.records().get_record(near.request(get.clone())).await.is_ok());
    let far = fixture.of_unit(SOUTH, &[Permission::RecordRead]);
    assert_eq!(reason(fixture.records().get_record(far.request(get)).await), "NOT_FOUND");
    let nothing = fixture.records().list_records(far.request(page(0, ""))).await.unwrap().into_inner();
    assert_eq!(nothing.records, []);
}
