//! Shifts and aliases that are changed by whoever may write them, with what was there before.

use jiff::SignedDuration;
use tally_access::Permission::{CorrectionRead, RosterRead, RosterWrite};
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::{CorrectionState, FactState};
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use tonic::Response;

use crate::fixture::{NORTH, TestAttendance, account, at, counts, person, reason, shift};

async fn shifts(attendance: &TestAttendance, known_at: Option<&str>) -> Vec<(String, FactState, pb::Shift)> {
    let ask = pb::ListShiftsRequest {
        from: at("2026-03-01T00:00:00Z"),
        to: at("2026-03-31T00:00:00Z"),
        known_at: known_at.and_then(at),
        ..Default::default()
    };
    let page = attendance.rosters().list_shifts(attendance.admin.request(ask)).await.expect("an answer").into_inner();
    let state = |s: pb::Shift| (s.shift_id.clone(), s.standing.clone().unwrap_or_default().state(), s);
    page.shifts.into_iter().map(state).collect()
}

async fn change(attendance: &TestAttendance, ask: pb::ChangeShiftRequest) -> Result<pb::Correction, tonic::Status> {
    let answer = attendance.corrections().change_shift(attendance.admin.request(ask)).await;
    answer.map(|done| done.into_inner().correction.unwrap_or_default())
}

on_both!(a_changed_shift_stays_changed_and_a_cancelled_one_cancelled_whatever_file_comes_again);
async fn a_changed_shift_stays_changed_and_a_cancelled_one_cancelled_whatever_file_comes_again(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a"), account("b", "north/a")]).await;
    let file = vec![
        shift(1, &ids[0], "2026-03-03T01:00:00Z", "2026-03-03T09:00:00Z"),
        shift(2, &ids[0], "2026-03-04T01:00:00Z", "2026-03-04T09:00:00Z"),
    ];
    attendance.publish(file.clone()).await;
    let there = shifts(&attendance, None).await;
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    let later = pb::ChangeShiftRequest {
        shift_id: there[0].0.clone(),
        account_id: ids[1].clone(),
        end: at("2026-03-03T10:00:00Z"),
        ..Default::default()
    };
    let look = change(&attendance, pb::ChangeShiftRequest { validate_only: true, ..later.clone() }).await.unwrap();
    assert_eq!(shifts(&attendance, None).await, there, "only looked at");
    let changed = change(&attendance, later.clone()).await.unwrap();
    assert_eq!(look.touched, changed.touched);
    assert_eq!(
        (changed.state(), changed.notice_minutes, changed.late),
        (CorrectionState::Made, Some(24 * 60 - 1), false)
    );
    assert_eq!(changed.told_person_ids, [person(1).to_string()]);
    let touched = changed.touched.clone().unwrap_or_default();
    let accounts: std::collections::BTreeSet<_> = touched.accounts.into_iter().map(|a| a.account_id).collect();
    assert_eq!(accounts, ids.iter().cloned().collect(), "the one it leaves and the one it comes to");
    assert_eq!(reason(change(&attendance, later).await.map(Response::new)), "FACT_SUPERSEDED");
    let cancel = pb::CancelShiftRequest { shift_id: there[1].0.clone(), ..Default::default() };
    attendance.corrections().cancel_shift(attendance.admin.request(cancel)).await.unwrap();

    let now = shifts(&attendance, None).await;
    let mut states: Vec<_> = now.iter().map(|(_, state, _)| *state).collect();
    states.sort();
    assert_eq!(states, [FactState::Counts, FactState::Voided, FactState::Moved]);
    assert_eq!(shifts(&attendance, Some("2026-03-02T01:00:30Z")).await, there, "as it was known before");
    let again = attendance.publish(file.clone()).await.expect("a result");
    assert_eq!((again.put_right.clone(), counts(Some(again))), (vec![0, 1], (0, 2, vec![])));
    assert_eq!(shifts(&attendance, None).await, now, "the old file brings nothing back");
    let new_file = vec![
        shift(1, &ids[1], "2026-03-03T01:00:00Z", "2026-03-03T10:00:00Z"),
        shift(1, &ids[1], "2026-03-03T01:00:00Z", "2026-03-03T11:00:00Z"),
        shift(1, &ids[0], "2026-03-03T01:00:00Z", "2026-03-03T08:00:00Z"),
    ];
    let different = |index| (index, "ALREADY_DIFFERENT".to_owned());
    assert_eq!(counts(attendance.publish(new_file).await), (0, 1, vec![different(1), different(2)]));
    // A cancelled one is planned again by its id, at the same start, and no roster says so by accident.
    let other_end = vec![shift(2, &ids[0], "2026-03-04T01:00:00Z", "2026-03-04T08:00:00Z")];
    let refused = attendance.publish(other_end).await.expect("a result");
    assert!(refused.problems[0].message.contains(&there[1].0), "{refused:?}");
    let again =
        pb::ChangeShiftRequest { shift_id: there[1].0.clone(), end: at("2026-03-04T08:00:00Z"), ..Default::default() };
    let planned = change(&attendance, again.clone()).await.unwrap();
    assert_eq!((planned.action(), planned.state()), (pb::CorrectionAction::Add, CorrectionState::Made));
    assert_eq!(planned.told_person_ids, [person(2).to_string()], "who was told of a day off is told of the shift");
    let ask = pb::GetCorrectionRequest { correction_id: planned.correction_id.clone() };
    let kept = attendance.corrections().get_correction(attendance.admin.request(ask)).await.unwrap().into_inner();
    assert_eq!(kept.correction.unwrap_or_default().told_person_ids, planned.told_person_ids);
    let of_second = shifts(&attendance, None).await.into_iter().filter(|s| s.2.person_id == person(2).to_string());
    let of_second: Vec<_> = of_second.map(|(_, state, shift)| (state, shift.end)).collect();
    assert!(of_second.contains(&(FactState::Voided, at("2026-03-04T09:00:00Z"))), "{of_second:?}");
    assert!(
        of_second.contains(&(FactState::Counts, at("2026-03-04T08:00:00Z"))) && of_second.len() == 2,
        "{of_second:?}"
    );
    assert_eq!(reason(change(&attendance, again).await.map(Response::new)), "NOTHING_CHANGES", "it is planned");
}

on_both!(a_shift_that_has_begun_is_changed_with_a_reason_and_marked_late);
async fn a_shift_that_has_begun_is_changed_with_a_reason_and_marked_late(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "north/a")]).await.remove(0);
    attendance.publish(vec![shift(1, &a, "2026-03-02T00:30:00Z", "2026-03-02T09:00:00Z")]).await;
    let shift_id = shifts(&attendance, None).await.remove(0).0;
    let ask = pb::ChangeShiftRequest { shift_id, person_id: person(2).to_string(), ..Default::default() };
    assert_eq!(reason(change(&attendance, ask.clone()).await.map(Response::new)), "LATE_CHANGE_UNEXPLAINED");
    let north = attendance.of_unit(NORTH, &[RosterWrite, RosterRead, CorrectionRead]);
    let explained = pb::ChangeShiftRequest { reason: "E1 fell ill".into(), ..ask.clone() };
    let answer = attendance.corrections().change_shift(north.request(explained)).await.unwrap();
    let changed = answer.into_inner().correction.unwrap_or_default();
    assert_eq!((changed.notice_minutes, changed.late), (Some(-30), true));
    assert_eq!(changed.told_person_ids, [person(1).to_string(), person(2).to_string()]);
    let new = shifts(&attendance, None).await.into_iter().find(|s| s.1 == FactState::Counts).unwrap();
    let backwards = pb::ChangeShiftRequest {
        shift_id: new.0.clone(),
        end: at("2026-03-02T00:00:00Z"),
        reason: "x".into(),
        ..Default::default()
    };
    assert_eq!(reason(change(&attendance, backwards).await.map(Response::new)), "INVALID_REQUEST");
    let same = pb::ChangeShiftRequest { shift_id: new.0, reason: "x".into(), ..Default::default() };
    assert_eq!(reason(change(&attendance, same).await.map(Response::new)), "NOTHING_CHANGES");
    let south = pb::ChangeShiftRequest { person_id: person(3).to_string(), reason: "x".into(), ..ask };
    let refused = attendance.corrections().change_shift(north.request(south)).await;
    assert_eq!(reason(refused), "FACT_SUPERSEDED");
}

fn nickname(n: u128, from: &str, to: &str) -> pb::Alias {
    pb::Alias {
        platform: "JD".into(),
        alias: "小红".into(),
        person_id: person(n).to_string(),
        from: from.into(),
        to: to.into(),
        ..Default::default()
    }
}

async fn aliases(attendance: &TestAttendance, counting_only: bool) -> Vec<pb::Alias> {
    let ask = pb::ListAliasesRequest { counting_only, ..Default::default() };
    attendance.aliases().list_aliases(attendance.admin.request(ask)).await.expect("an answer").into_inner().aliases
}

fn meanings(aliases: &[pb::Alias]) -> Vec<(String, String, String)> {
    aliases.iter().map(|a| (a.person_id.clone(), a.from.clone(), a.to.clone())).collect()
}

on_both!(an_alias_is_moved_from_a_day_on_and_ended_and_its_history_stays_listed);
async fn an_alias_is_moved_from_a_day_on_and_ended_and_its_history_stays_listed(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "north/a")]).await.remove(0);
    let import = async |rows: Vec<pb::Alias>| {
        let ask = pb::ImportAliasesRequest { rows, ..Default::default() };
        attendance.aliases().import_aliases(attendance.admin.request(ask)).await.unwrap().into_inner().result
    };
    import(vec![nickname(1, "2026-01-01", "")]).await;
    let first = aliases(&attendance, true).await.remove(0);
    let moved = pb::MoveAliasRequest {
        alias_id: first.alias_id.clone(),
        person_id: person(2).to_string(),
        from: "2026-03-10".into(),
        ..Default::default()
    };
    let answer = attendance.corrections().move_alias(attendance.admin.request(moved.clone())).await.unwrap();
    let touched = answer.into_inner().correction.unwrap_or_default().touched.unwrap_or_default();
    assert_eq!((touched.from.as_str(), touched.to.as_str()), ("2026-03-10", ""));
    assert_eq!(touched.accounts[0].account_id, a, "the records of its platform");
    let row = |n: u128, from: &str, to: &str| (person(n).to_string(), from.to_owned(), to.to_owned());
    let now = aliases(&attendance, true).await;
    assert_eq!(meanings(&now), [row(1, "2026-01-01", "2026-03-09"), row(2, "2026-03-10", "")]);
    assert_eq!(reason(attendance.corrections().move_alias(attendance.admin.request(moved)).await), "FACT_SUPERSEDED");

    let end = |alias_id: &str, to: &str| pb::EndAliasRequest {
        alias_id: alias_id.into(),
        to: to.into(),
        ..Default::default()
    };
    let outside = end(&now[1].alias_id, "2026-03-09");
    assert_eq!(reason(attendance.corrections().end_alias(attendance.admin.request(outside)).await), "INVALID_REQUEST");
    let ask = attendance.admin.request(end(&now[1].alias_id, "2026-04-30"));
    let ended = attendance.corrections().end_alias(ask).await.unwrap().into_inner().correction.unwrap_or_default();
    assert_eq!(ended.touched.unwrap_or_default().from, "2026-05-01");
    let last = aliases(&attendance, true).await;
    assert_eq!(meanings(&last), [row(1, "2026-01-01", "2026-03-09"), row(2, "2026-03-10", "2026-04-30")]);
    let all = aliases(&attendance, false).await;
    assert_eq!((all.len(), all.iter().filter(|a| a.alias_id == first.alias_id).count()), (4, 1));
    let again = import(vec![nickname(1, "2026-01-01", ""), nickname(3, "2026-05-01", "")]).await.unwrap_or_default();
    assert_eq!((again.put_right.clone(), counts(Some(again))), (vec![0], (1, 1, vec![])), "the days after are free");
    let known = pb::ListAliasesRequest { known_at: at("2026-03-01T00:00:00Z"), ..Default::default() };
    let before = attendance.aliases().list_aliases(attendance.admin.request(known)).await.unwrap().into_inner();
    assert_eq!(before.aliases, [], "nothing was known then");
}
