//! Bulk calls: written once, unchanged the second time, contradictions refused while the others go in.

use tally_access::Permission;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::{HandoverKind, PunchKind};
use tally_kernel::id::OrgUnitId;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{NORTH, SOUTH, TestAttendance, account, counts, handover, person, punch, reason, shift};

fn refused(rows: &[(u32, &str)]) -> Vec<(u32, String)> {
    rows.iter().map(|(index, reason)| (*index, (*reason).to_owned())).collect()
}

on_both!(sites_are_written_once_and_never_overwritten);
async fn sites_are_written_once_and_never_overwritten(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let site = |name: &str, zone: &str, cut_over: &str| pb::Site {
        name: name.into(),
        zone: zone.into(),
        cut_over: cut_over.into(),
        region: "cn-north".into(),
        ..Default::default()
    };
    let import = async |rows: Vec<pb::Site>| {
        let ask = pb::ImportSitesRequest { rows, ..Default::default() };
        counts(attendance.sites().import_sites(attendance.admin.request(ask)).await.unwrap().into_inner().result)
    };
    let first = vec![site("Beijing", "asia/shanghai", ""), site("Berlin", "Europe/Berlin", "05:30")];
    assert_eq!(import(first.clone()).await, (2, 0, vec![]));
    let mut second = first.clone();
    second[1].cut_over = "06:00".into();
    second.push(site("", "Mars/Olympus", "25:00"));
    let problems = refused(&[(1, "ALREADY_DIFFERENT"), (2, "ROW_INVALID")]);
    assert_eq!(import(second).await, (0, 1, problems));
    let ask = attendance.admin.request(pb::ListSitesRequest::default());
    let sites = attendance.sites().list_sites(ask).await.unwrap().into_inner().sites;
    let told: Vec<_> = sites.iter().map(|s| (s.name.as_str(), s.zone.as_str(), s.cut_over.as_str())).collect();
    assert_eq!(told, [("Beijing", "Asia/Shanghai", "04:00"), ("Berlin", "Europe/Berlin", "05:30")]);
}

on_both!(accounts_take_region_and_unit_from_their_team_and_get_later_phases);
async fn accounts_take_region_and_unit_from_their_team_and_get_later_phases(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    attendance.with_accounts(vec![account("a", "north/a"), account("b", "")]).await;
    let mut later = account("a", "north/a");
    later.phases.push(pb::Phase { from: "2026-03-10".into(), kind: pb::PhaseKind::Named.into(), capacity: 2 });
    let mut moved = account("b", "south/b");
    moved.exclusive = true;
    let hidden = pb::Account { store: "sh\u{200b}op".into(), ..account("b", "") };
    let elsewhere = pb::Account { unit_id: Uuid::nil().to_string(), ..account("c", "") };
    let split = pb::Account { region: "cn-south".into(), ..account("d", "north/a") };
    let rows = vec![later, moved, account("x/y", ""), elsewhere, split, account("b\u{202e}", ""), hidden];
    let ask = pb::ImportAccountsRequest { rows, ..Default::default() };
    let result =
        attendance.accounts().import_accounts(attendance.admin.request(ask)).await.unwrap().into_inner().result;
    let sentence = result.as_ref().and_then(|told| Some(told.problems.last()?.message.clone())).unwrap_or_default();
    assert_eq!(sentence, "store: it holds the character U+200B, which nobody sees: delete it");
    let [invalid, place] = ["ROW_INVALID", "PLACE_WRONG"];
    let wrong = [(1, "ALREADY_DIFFERENT"), (2, invalid), (3, place), (4, place), (5, invalid), (6, invalid)];
    assert_eq!(counts(result), (1, 0, refused(&wrong)));
    let ask = attendance.admin.request(pb::ListAccountsRequest::default());
    let accounts = attendance.accounts().list_accounts(ask).await.unwrap().into_inner().accounts;
    let told: Vec<_> = accounts.iter().map(|a| (a.key.as_str(), a.region.as_str(), a.unit_id.clone())).collect();
    let expected = [("JD/shop/a", "cn-north", NORTH.to_string()), ("JD/shop/b", "*", String::new())];
    assert_eq!(told, expected);
    let phases: Vec<_> = accounts[0].phases.iter().map(|p| (p.from.as_str(), p.kind())).collect();
    assert_eq!(phases, [("", pb::PhaseKind::Shared), ("2026-03-10", pb::PhaseKind::Named)]);
}

on_both!(an_account_of_a_unit_out_of_reach_gets_no_phase_whatever_unit_the_row_names);
async fn an_account_of_a_unit_out_of_reach_gets_no_phase_whatever_unit_the_row_names(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let of_unit = |unit: OrgUnitId, name: &str| pb::Account { unit_id: unit.to_string(), ..account(name, "") };
    attendance.with_accounts(vec![of_unit(NORTH, "a"), account("b", "")]).await;
    let south = attendance.of_unit(SOUTH, &[Permission::AccountWrite]);
    let later = |mut row: pb::Account| {
        row.phases.push(pb::Phase { from: "2026-03-10".into(), kind: pb::PhaseKind::Named.into(), capacity: 9 });
        pb::ImportAccountsRequest { rows: vec![row], ..Default::default() }
    };
    let import = async |caller: &Caller, ask: pb::ImportAccountsRequest| {
        attendance.accounts().import_accounts(caller.request(ask)).await
    };
    for row in [of_unit(SOUTH, "a"), of_unit(SOUTH, "b"), of_unit(NORTH, "a")] {
        let answer = import(&south, later(row)).await.unwrap().into_inner().result;
        assert_eq!(counts(answer), (0, 0, refused(&[(0, "ACCOUNT_OUT_OF_REACH")])));
    }
    let nobody = attendance.of_unit(SOUTH, &[Permission::AccountRead]);
    assert_eq!(reason(import(&nobody, later(of_unit(SOUTH, "c"))).await), "PERMISSION_DENIED");
    // Among rows within reach too each is refused by itself, whether the account is there or new, and nothing is told of it.
    let rows = ["a", "b", "c"].map(|name| later(of_unit(SOUTH, name)).rows.remove(0));
    let rows = [rows.as_slice(), &[of_unit(NORTH, "a"), of_unit(NORTH, "d")]].concat();
    let answer = import(&south, pb::ImportAccountsRequest { rows, ..Default::default() }).await.unwrap();
    let told = answer.into_inner().result;
    let sentences = told.iter().flat_map(|told| &told.problems).map(|problem| problem.message.clone());
    let expected = ["a", "b", "a", "d"].map(|name| {
        format!("JD/shop/{name} is beyond what you may send: leave it out, or have somebody send it who may")
    });
    assert_eq!(sentences.collect::<Vec<_>>(), expected);
    let beyond = [0, 1, 3, 4].map(|row| (row, "ACCOUNT_OUT_OF_REACH"));
    assert_eq!(counts(told), (1, 0, refused(&beyond)));
    let answer = import(&attendance.admin, later(of_unit(SOUTH, "a"))).await.unwrap().into_inner().result;
    let sentence = answer.as_ref().map(|told| told.problems[0].message.clone()).unwrap_or_default();
    assert!(sentence.contains("in unit, region:"), "{sentence}");
    assert_eq!(counts(answer), (0, 0, refused(&[(0, "ALREADY_DIFFERENT")])));
    let north = attendance.of_unit(NORTH, &[Permission::AccountWrite]);
    let answer = import(&north, later(of_unit(NORTH, "a"))).await.unwrap().into_inner().result;
    assert_eq!(counts(answer), (1, 0, vec![]));
}

on_both!(shifts_of_unknown_people_and_accounts_are_refused_and_the_others_published);
async fn shifts_of_unknown_people_and_accounts_are_refused_and_the_others_published(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "north/a")]).await.remove(0);
    let nine_to_five = shift(1, &a, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z");
    let mut rows = vec![nine_to_five.clone(), nine_to_five.clone()];
    rows.push(shift(9, &a, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z"));
    rows.push(shift(1, &Uuid::nil().to_string(), "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z"));
    rows.push(shift(1, &a, "2026-03-02T09:00:00Z", "2026-03-02T01:00:00Z"));
    rows.push(shift(2, &a, "2026-03-02T01:00:00Z", "2026-03-04T01:00:00Z"));
    let mut other_end = nine_to_five.clone();
    other_end.end = crate::fixture::at("2026-03-02T10:00:00Z");
    rows.push(other_end);
    let problems = [
        (2, "PERSON_UNKNOWN"),
        (3, "ACCOUNT_UNKNOWN"),
        (4, "ROW_INVALID"),
        (5, "ROW_INVALID"),
        (6, "ALREADY_DIFFERENT"),
    ];
    assert_eq!(counts(attendance.publish(rows).await), (1, 1, refused(&problems)));
    assert_eq!(counts(attendance.publish(vec![nine_to_five]).await), (0, 1, vec![]));
}

on_both!(punches_and_hand_overs_are_written_once);
async fn punches_and_hand_overs_are_written_once(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "")]).await.remove(0);
    let punches = vec![
        punch(1, PunchKind::In, "2026-03-02T01:00:00Z"),
        punch(1, PunchKind::Out, "2026-03-02T09:00:00.250Z"),
        punch(9, PunchKind::In, "2026-03-02T01:00:00Z"),
        punch(1, PunchKind::Unspecified, "2026-03-02T01:00:00Z"),
    ];
    let problems = refused(&[(2, "PERSON_UNKNOWN"), (3, "ROW_INVALID")]);
    assert_eq!(counts(attendance.punch(punches.clone()).await), (2, 0, problems.clone()));
    assert_eq!(counts(attendance.punch(punches).await), (0, 2, problems));
    let handovers = vec![
        handover(1, &a, HandoverKind::Take, "2026-03-02T01:00:00Z"),
        handover(1, &a, HandoverKind::Release, "2026-03-02T02:00:00Z"),
        handover(2, &person(1).to_string(), HandoverKind::Take, "2026-03-02T02:00:00Z"),
        handover(2, "not an id", HandoverKind::Take, "2026-03-02T02:00:00Z"),
    ];
    let problems = refused(&[(2, "ACCOUNT_UNKNOWN"), (3, "ROW_INVALID")]);
    assert_eq!(counts(attendance.hand_over(handovers.clone()).await), (2, 0, problems.clone()));
    assert_eq!(counts(attendance.hand_over(handovers).await), (0, 2, problems));
}

on_both!(a_punch_that_contradicts_another_of_its_instant_is_refused);
async fn a_punch_that_contradicts_another_of_its_instant_is_refused(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let came = punch(1, PunchKind::In, "2026-03-02T01:00:00Z");
    let twins = |at: &str| [PunchKind::In, PunchKind::Out].map(|kind| punch(2, kind, at));
    assert_eq!(counts(attendance.punch(vec![came.clone()]).await), (1, 0, vec![]));
    let mut rows = vec![came, punch(1, PunchKind::Out, "2026-03-02T01:00:00Z")];
    // Another's at the same instant is no contradiction; two of one person are, and none of them is taken.
    rows.push(punch(3, PunchKind::Out, "2026-03-02T01:00:00Z"));
    rows.extend(twins("2026-03-02T01:00:00Z"));
    let problems = [(1, "ALREADY_DIFFERENT"), (3, "ALREADY_DIFFERENT"), (4, "ALREADY_DIFFERENT")];
    let told = attendance.punch(rows).await.expect("a result");
    assert!(told.problems[0].message.contains("(kind)"), "{}", told.problems[0].message);
    assert_eq!(counts(Some(told)), (1, 1, refused(&problems)));
    let centuries = punch(1, PunchKind::In, "0001-01-01T01:00:00Z");
    assert_eq!(counts(attendance.punch(vec![centuries]).await), (0, 0, refused(&[(0, "ROW_INVALID")])));
}

on_both!(a_hand_over_that_contradicts_another_of_its_instant_is_refused);
async fn a_hand_over_that_contradicts_another_of_its_instant_is_refused(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let alone = pb::Account { exclusive: true, ..account("a", "") };
    let mut ids = attendance.with_accounts(vec![alone, account("b", "")]).await;
    let (several, one) = (ids.remove(1), ids.remove(0));
    const AT: &str = "2026-03-02T01:00:00Z";
    use HandoverKind::{Release, Take};
    let first = vec![handover(1, &one, Release, AT), handover(2, &one, Take, AT), handover(1, &several, Take, AT)];
    assert_eq!(counts(attendance.hand_over(first.clone()).await), (3, 0, vec![]), "one releases, another takes");
    let second = vec![
        handover(2, &one, Take, AT),
        handover(3, &one, Take, AT),
        handover(2, &one, Release, AT),
        handover(2, &several, Take, AT),
        handover(1, &several, Release, AT),
        handover(1, &one, Take, "2026-03-02T02:00:00Z"),
        handover(3, &one, Take, "2026-03-02T02:00:00Z"),
    ];
    let told = attendance.hand_over(second).await.expect("a result");
    assert!(told.problems[0].message.contains("(employee_no)"), "{}", told.problems[0].message);
    let problems = [1, 2, 4, 5, 6].map(|index| (index, "ALREADY_DIFFERENT"));
    assert_eq!(counts(Some(told)), (1, 1, refused(&problems)), "several may take what several hold");
    assert_eq!(counts(attendance.hand_over(first).await), (0, 3, vec![]));
}

on_both!(an_alias_means_one_person_on_any_date);
async fn an_alias_means_one_person_on_any_date(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let alias = |n: u128, from: &str, to: &str| pb::Alias {
        platform: "JD".into(),
        alias: "小红".into(),
        person_id: person(n).to_string(),
        from: from.into(),
        to: to.into(),
        ..Default::default()
    };
    let import = async |rows: Vec<pb::Alias>| {
        let ask = pb::ImportAliasesRequest { rows, ..Default::default() };
        counts(attendance.aliases().import_aliases(attendance.admin.request(ask)).await.unwrap().into_inner().result)
    };
    let first = vec![alias(1, "", "2026-02-28"), alias(2, "2026-03-01", "")];
    assert_eq!(import(first.clone()).await, (2, 0, vec![]));
    assert_eq!(import(first).await, (0, 2, vec![]));
    let hidden = pb::Alias { alias: "小\u{feff}红".into(), ..alias(3, "", "") };
    let rows = [alias(3, "2026-03-01", ""), alias(3, "2026-06-01", ""), alias(9, "", ""), alias(3, "x", ""), hidden];
    let second = Vec::from(rows);
    let invalid = "ROW_INVALID";
    let problems = [(0, "ALREADY_DIFFERENT"), (1, "ALIAS_OVERLAP"), (2, "PERSON_UNKNOWN"), (3, invalid), (4, invalid)];
    assert_eq!(import(second).await, (0, 0, refused(&problems)));
    let ask = attendance.admin.request(pb::ListAliasesRequest::default());
    let told = attendance.aliases().list_aliases(ask).await.unwrap().into_inner().aliases;
    let told: Vec<_> = told.iter().map(|a| (a.person_id.clone(), a.from.as_str(), a.to.as_str())).collect();
    let expected = [(person(1).to_string(), "", "2026-02-28"), (person(2).to_string(), "2026-03-01", "")];
    assert_eq!(told, expected);
}

on_both!(the_same_request_gives_the_same_result_and_another_body_is_refused);
async fn the_same_request_gives_the_same_result_and_another_body_is_refused(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let rows = vec![punch(1, PunchKind::In, "2026-03-02T01:00:00Z")];
    let ask = pb::ImportPunchesRequest { request_id: "batch-1".into(), rows };
    for _ in 0..2 {
        let answer = attendance.punches().import_punches(attendance.admin.request(ask.clone())).await.unwrap();
        assert_eq!(counts(answer.into_inner().result), (1, 0, vec![]));
    }
    let mut other = ask;
    other.rows.push(punch(1, PunchKind::Out, "2026-03-02T09:00:00Z"));
    let answer = attendance.punches().import_punches(attendance.admin.request(other)).await;
    assert_eq!(reason(answer), "REQUEST_ID_REUSED");
    let ctx = attendance.callers.context(&attendance.admin);
    let tx = attendance.db.store.read(&ctx).await.unwrap();
    let log = tx.audit_log(10).await.unwrap();
    assert_eq!(log.len(), 1, "one change, one entry");
    assert_eq!(
        (log[0].1.action.as_str(), log[0].1.request_id.as_deref()),
        ("attendance.punch.import", Some("batch-1"))
    );
    assert!(log[0].1.notes.contains(r#""written":"1""#), "{}", log[0].1.notes);
}

on_both!(a_row_out_of_the_callers_reach_is_refused_by_itself_and_too_many_rows_are_refused_at_once);
async fn a_row_out_of_the_callers_reach_is_refused_by_itself_and_too_many_rows_are_refused_at_once(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let hr = attendance.of_unit(NORTH, &[Permission::PunchImport, Permission::PunchRead]);
    let import = async |rows| {
        let ask = pb::ImportPunchesRequest { rows, ..Default::default() };
        attendance.punches().import_punches(hr.request(ask)).await
    };
    let (own, other) =
        (punch(1, PunchKind::In, "2026-03-02T01:00:00Z"), punch(3, PunchKind::In, "2026-03-02T01:00:00Z"));
    let told = import(vec![other.clone(), own.clone(), other.clone()]).await.unwrap().into_inner().result;
    assert_eq!(counts(told), (1, 0, refused(&[0, 2].map(|row| (row, "FACT_OUT_OF_REACH")))));
    let told = import(vec![other]).await.unwrap().into_inner().result;
    assert_eq!(counts(told), (0, 0, refused(&[(0, "FACT_OUT_OF_REACH")])), "also where nothing is in reach");
    assert_eq!(reason(import(vec![own; 5_001]).await), "INVALID_REQUEST");
}

on_both!(an_import_in_chunks_reads_the_people_once_and_again_only_when_something_changed);
async fn an_import_in_chunks_reads_the_people_once_and_again_only_when_something_changed(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let chunk = async |day: u32| {
        let row = punch(1, PunchKind::In, &format!("2026-03-0{day}T01:00:00Z"));
        assert_eq!(counts(attendance.punch(vec![row]).await), (1, 0, vec![]));
        attendance.heard.pages()
    };
    attendance.heard.change();
    // Three people, one a page.
    assert_eq!([chunk(1).await, chunk(2).await, chunk(3).await], [3, 3, 3]);
    attendance.heard.change();
    assert_eq!([chunk(4).await, chunk(5).await], [6, 6]);
}
