//! Lists: pages, stretches of time, and that nobody sees more than their grants reach.

use tally_access::Permission;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::{HandoverKind, PunchKind};
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{NORTH, TestAttendance, account, at, first_violation, handover, person, punch, reason, shift};

async fn punches(attendance: &TestAttendance, caller: &Caller, person_id: &str) -> Vec<(String, i64)> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = pb::ListPunchesRequest {
            from: at("2026-03-02T00:00:00Z"),
            to: at("2026-03-03T00:00:00Z"),
            person_id: person_id.into(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = attendance.punches().list_punches(caller.request(ask)).await.expect("an answer").into_inner();
        assert!(page.punches.len() <= 2);
        all.extend(page.punches.into_iter().map(|p| (p.person_id, p.at.unwrap_or_default().seconds)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

on_both!(everybody_sees_the_punches_that_their_grants_reach);
async fn everybody_sees_the_punches_that_their_grants_reach(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let mut rows =
        vec![punch(3, PunchKind::In, "2026-03-02T00:00:00Z"), punch(3, PunchKind::In, "2026-03-03T00:00:00Z")];
    for (n, hour) in [(1, 1), (2, 1), (1, 9), (2, 10)] {
        let kind = if hour == 1 { PunchKind::In } else { PunchKind::Out };
        rows.push(punch(n, kind, &format!("2026-03-02T{hour:02}:00:00Z")));
    }
    attendance.punch(rows).await;
    let people = |seen: &[(String, i64)]| {
        let mut people: Vec<_> = seen.iter().map(|(who, _)| who.clone()).collect();
        people.sort();
        people.dedup();
        people
    };
    let all = punches(&attendance, &attendance.admin, "").await;
    assert_eq!(all.len(), 5, "the end is not included");
    assert!(all.is_sorted_by_key(|(_, at)| *at));
    let supervisor = attendance.of_unit(NORTH, &[Permission::PunchRead]);
    let seen = punches(&attendance, &supervisor, "").await;
    assert_eq!((seen.len(), people(&seen)), (4, vec![person(1).to_string(), person(2).to_string()]));
    let agent = attendance.agent(2, &[Permission::PunchRead]);
    assert_eq!(people(&punches(&attendance, &agent, "").await), [person(2).to_string()]);
    assert_eq!(punches(&attendance, &agent, &person(1).to_string()).await, []);
    let stranger = attendance.agent(2, &[Permission::SiteRead]);
    let ask = pb::ListPunchesRequest {
        from: at("2026-03-02T00:00:00Z"),
        to: at("2026-03-03T00:00:00Z"),
        ..Default::default()
    };
    assert_eq!(reason(attendance.punches().list_punches(stranger.request(ask)).await), "PERMISSION_DENIED");
}

on_both!(shifts_that_touch_the_stretch_are_listed_also_those_that_began_before);
async fn shifts_that_touch_the_stretch_are_listed_also_those_that_began_before(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "")]).await.remove(0);
    let night = shift(1, &a, "2026-03-01T14:00:00Z", "2026-03-01T22:00:00Z");
    let day = shift(3, &a, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z");
    attendance.publish(vec![day, night]).await;
    let list = async |caller: &Caller, from: &str, to: &str| -> Vec<String> {
        let ask = pb::ListShiftsRequest { from: at(from), to: at(to), ..Default::default() };
        let page = attendance.rosters().list_shifts(caller.request(ask)).await.unwrap().into_inner();
        page.shifts.into_iter().map(|s| s.person_id).collect()
    };
    let both = [person(1).to_string(), person(3).to_string()];
    assert_eq!(list(&attendance.admin, "2026-03-01T21:00:00Z", "2026-03-02T02:00:00Z").await, both);
    assert_eq!(list(&attendance.admin, "2026-03-01T22:00:00Z", "2026-03-02T02:00:00Z").await, both[1..]);
    assert_eq!(list(&attendance.admin, "2026-03-01T22:00:00Z", "2026-03-02T01:00:00Z").await, [""; 0]);
    let supervisor = attendance.of_unit(NORTH, &[Permission::RosterRead]);
    assert_eq!(list(&supervisor, "2026-03-01T21:00:00Z", "2026-03-02T02:00:00Z").await, both[..1]);
}

on_both!(hand_overs_are_listed_by_account_and_a_token_of_another_list_is_refused);
async fn hand_overs_are_listed_by_account_and_a_token_of_another_list_is_refused(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", ""), account("b", "")]).await;
    let rows = (0..5).map(|n| {
        let kind = if n % 2 == 0 { HandoverKind::Take } else { HandoverKind::Release };
        handover(1, &ids[n / 4], kind, &format!("2026-03-02T0{n}:00:00Z"))
    });
    attendance.hand_over(rows.collect()).await;
    let ask = |account_id: &str, page_token: &str| pb::ListHandoversRequest {
        from: at("2026-03-02T00:00:00Z"),
        to: at("2026-03-03T00:00:00Z"),
        account_id: account_id.into(),
        page_size: 3,
        page_token: page_token.into(),
        ..Default::default()
    };
    let first =
        attendance.handovers().list_handovers(attendance.admin.request(ask(&ids[0], ""))).await.unwrap().into_inner();
    assert_eq!(first.handovers.len(), 3);
    let token = first.next_page_token;
    let second = attendance.handovers().list_handovers(attendance.admin.request(ask(&ids[0], &token))).await.unwrap();
    assert_eq!((second.get_ref().handovers.len(), second.get_ref().next_page_token.as_str()), (1, ""));
    let mixed = attendance.handovers().list_handovers(attendance.admin.request(ask(&ids[1], &token))).await;
    assert_eq!(first_violation(mixed), "PAGE_TOKEN_INVALID");
    let backwards = pb::ListHandoversRequest {
        from: at("2026-03-03T00:00:00Z"),
        to: at("2026-03-02T00:00:00Z"),
        ..Default::default()
    };
    assert_eq!(
        reason(attendance.handovers().list_handovers(attendance.admin.request(backwards)).await),
        "INVALID_REQUEST"
    );
}

on_both!(duty_is_listed_by_person_and_account_and_read_by_id);
async fn duty_is_listed_by_person_and_account_and_read_by_id(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", ""), account("b", "")]).await;
    let rows = [(1, 0), (1, 1), (3, 0)]
        .map(|(n, of)| shift(n, &ids[of], &format!("2026-03-02T0{n}:0{of}:00Z"), "2026-03-02T09:00:00Z"));
    attendance.publish(rows.to_vec()).await;
    let rows = [(1, 0), (1, 1), (3, 0)]
        .map(|(n, of)| handover(n, &ids[of], HandoverKind::Take, &format!("2026-03-02T0{n}:0{of}:00Z")));
    attendance.hand_over(rows.to_vec()).await;
    let within = || (at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z"));
    let shifts = async |person_id: String, account_id: &str| {
        let ((from, to), account_id) = (within(), account_id.to_owned());
        let ask = pb::ListShiftsRequest { from, to, person_id, account_id, ..Default::default() };
        attendance.rosters().list_shifts(attendance.admin.request(ask)).await.unwrap().into_inner().shifts
    };
    let handovers = async |person_id: String, account_id: &str| {
        let ((from, to), account_id) = (within(), account_id.to_owned());
        let ask = pb::ListHandoversRequest { from, to, person_id, account_id, ..Default::default() };
        attendance.handovers().list_handovers(attendance.admin.request(ask)).await.unwrap().into_inner().handovers
    };
    for (n, of, count) in [(1, "", 2), (3, "", 1), (1, ids[0].as_str(), 1), (3, ids[1].as_str(), 0)] {
        let planned = shifts(person(n).to_string(), of).await;
        let taken = handovers(person(n).to_string(), of).await;
        assert_eq!((planned.len(), taken.len()), (count, count), "{n} {of}");
    }
    assert_eq!(shifts(String::new(), &ids[0]).await.len(), 2);
    let (planned, taken) = (shifts(String::new(), "").await, handovers(String::new(), "").await);
    let of_another = attendance.agent(2, &[Permission::RosterRead, Permission::HandoverRead]);
    for shift in &planned {
        let ask = || pb::GetShiftRequest { shift_id: shift.shift_id.clone() };
        let told = attendance.rosters().get_shift(attendance.admin.request(ask())).await.unwrap().into_inner().shift;
        assert_eq!(told.as_ref(), Some(shift));
        assert_eq!(reason(attendance.rosters().get_shift(of_another.request(ask())).await), "NOT_FOUND");
    }
    for handover in &taken {
        let ask = || pb::GetHandoverRequest { handover_id: handover.handover_id.clone() };
        let told = attendance.handovers().get_handover(attendance.admin.request(ask())).await.unwrap().into_inner();
        assert_eq!(told.handover.as_ref(), Some(handover));
        assert_eq!(reason(attendance.handovers().get_handover(of_another.request(ask())).await), "NOT_FOUND");
    }
}

on_both!(whoever_serves_an_account_is_told_which_it_is_and_no_more);
async fn whoever_serves_an_account_is_told_which_it_is_and_no_more(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let rows = ["a", "b", "c", "d"].map(|name| account(name, ""));
    let ids = attendance.with_accounts(rows.to_vec()).await;
    attendance.publish(vec![shift(1, &ids[0], "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z")]).await;
    let take = |n, of: usize| handover(n, &ids[of], HandoverKind::Take, "2026-03-02T01:00:00Z");
    attendance.hand_over(vec![take(1, 2), take(3, 3)]).await;
    let seen = async |caller: &Caller| {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = pb::ListAccountsRequest { page_size: 1, page_token };
            let page = attendance.accounts().list_accounts(caller.request(ask)).await.unwrap().into_inner();
            all.extend(page.accounts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return all;
            }
        }
    };
    let own = seen(&attendance.agent(1, &[Permission::AccountRead])).await;
    let names: Vec<_> = own.iter().map(|it| (it.account_id.as_str(), it.name.as_str(), it.platform.as_str())).collect();
    assert_eq!(names, [(ids[0].as_str(), "a", "JD"), (ids[2].as_str(), "c", "JD")]);
    assert!(own.iter().all(|it| it.phases.is_empty() && it.team_path.is_empty() && it.unit_id.is_empty()), "{own:?}");
    assert!(own.iter().all(|it| it.key == format!("JD/shop/{}", it.name) && it.zone == "Asia/Shanghai"));
    assert!(seen(&attendance.agent(2, &[Permission::AccountRead])).await.is_empty(), "who serves none");
    let all = seen(&attendance.admin).await;
    assert!(all.len() == 4 && all.iter().all(|it| it.phases.len() == 1), "{all:?}");
}
