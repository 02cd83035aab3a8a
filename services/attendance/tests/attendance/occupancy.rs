//! Occupancy through the rpc: what was brought in decides who was on duty, whoever asks.

use tally_access::Permission;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::{DutyRule, HandoverKind, PunchKind};
use tally_api::common::v1::{Finding, Period};
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{NORTH, TestAttendance, account, first_violation, handover, person, punch, shift};

struct Answer {
    accounts: Vec<pb::AccountOccupancy>,
    findings: Vec<Finding>,
}

impl Answer {
    fn lines(&self, account_id: &str) -> Vec<String> {
        let rows = self.accounts.iter().filter(|a| a.account_id == account_id).flat_map(|a| &a.rows);
        let number = |id: &str| (1..=3).find(|n| person(*n).to_string() == id).map_or("?".into(), |n| format!("E{n}"));
        rows.map(|r| format!("{} {:?} {}", number(&r.person_id), r.rule(), r.evidence)).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.findings.iter().map(|f| format!("{} {}", f.kind, f.subject)).collect()
    }
}

fn march(account_ids: Vec<String>) -> pb::ListOccupancyRequest {
    let period = Some(Period { from: "2026-03-01".into(), to: "2026-03-31".into() });
    pb::ListOccupancyRequest { period, account_ids, policy: None, known_at: None }
}

async fn ask(attendance: &TestAttendance, caller: &Caller, question: pb::ListOccupancyRequest) -> Answer {
    let mut stream =
        attendance.occupancy().list_occupancy(caller.request(question)).await.expect("an answer").into_inner();
    let mut told = Answer { accounts: Vec::new(), findings: Vec::new() };
    while let Some(part) = stream.message().await.expect("an answer") {
        told.accounts.extend(part.accounts);
        told.findings.extend(part.findings);
    }
    told
}

on_both!(every_rule_shows_with_its_evidence);
async fn every_rule_shows_with_its_evidence(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let names = ["held", "rostered", "punched", "bare"];
    let teams = ["north/a", "north/a", "north/a", "south/b"];
    let accounts = names.iter().zip(teams).map(|(name, team)| account(name, team)).collect();
    let ids = attendance.with_accounts(accounts).await;
    attendance.hand_over(vec![handover(1, &ids[0], HandoverKind::Take, "2026-03-02T01:00:00Z")]).await;
    attendance.publish(vec![shift(2, &ids[1], "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z")]).await;
    let punches = [(PunchKind::In, "2026-03-02T01:05:00Z"), (PunchKind::Out, "2026-03-02T09:10:00Z")];
    attendance
        .punch(punches.iter().flat_map(|(kind, when)| [punch(1, *kind, when), punch(2, *kind, when)]).collect())
        .await;

    let told = ask(&attendance, &attendance.admin, march(vec![])).await;
    let order: Vec<_> = told.accounts.iter().map(|a| a.account_id.clone()).collect();
    assert_eq!(order, [ids[3].clone(), ids[0].clone(), ids[2].clone(), ids[1].clone()], "by key");
    let pair = "punch:E1@2026-03-02T01:05:00Z/2026-03-02T09:10:00Z";
    assert_eq!(told.lines(&ids[0])[0], "E1 Handover handover:E1@2026-03-02T01:00:00Z");
    let rostered = format!("E2 Roster shift:E2@2026-03-02T01:00:00Z/2026-03-02T09:00:00Z+{}", pair.replace("E1", "E2"));
    assert_eq!(told.lines(&ids[1]), [rostered]);
    assert_eq!(told.lines(&ids[2]), [format!("E1 Punch {pair}"), format!("E2 Punch {}", pair.replace("E1", "E2"))]);
    assert_eq!(told.lines(&ids[3]), ["E3 Team "]);
    assert_eq!(told.accounts[0].rows[0].rule(), DutyRule::Team);
    assert_eq!(told.kinds(), ["NO_DUTY_EVIDENCE JD/shop/bare", "MISSING_RELEASE JD/shop/held"]);
}

on_both!(a_hold_taken_months_ago_is_known_and_one_given_back_is_not);
async fn a_hold_taken_months_ago_is_known_and_one_given_back_is_not(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a"), account("b", "north/a")]).await;
    let rows = vec![
        handover(1, &ids[0], HandoverKind::Take, "2025-11-02T01:00:00Z"),
        handover(1, &ids[0], HandoverKind::Release, "2026-03-05T01:00:00Z"),
        handover(2, &ids[1], HandoverKind::Take, "2025-11-01T01:00:00Z"),
        handover(2, &ids[1], HandoverKind::Release, "2025-11-05T01:00:00Z"),
    ];
    attendance.hand_over(rows).await;
    let told = ask(&attendance, &attendance.admin, march(vec![])).await;
    assert_eq!(told.lines(&ids[0]), ["E1 Handover handover:E1@2025-11-02T01:00:00Z"]);
    assert_eq!(told.lines(&ids[1]), ["E1 Team ", "E2 Team "]);
    assert_eq!(told.kinds(), ["NO_DUTY_EVIDENCE JD/shop/b"]);
}

on_both!(the_answer_about_an_account_does_not_depend_on_who_asks_but_which_accounts_does);
async fn the_answer_about_an_account_does_not_depend_on_who_asks_but_which_accounts_does(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a"), account("b", "south/b")]).await;
    // Somebody of another team helps out: the supervisor of the team sees it, though not that person's punches.
    attendance.publish(vec![shift(3, &ids[0], "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z")]).await;
    attendance
        .punch(vec![punch(3, PunchKind::In, "2026-03-02T04:00:00Z"), punch(3, PunchKind::Out, "2026-03-02T05:00:00Z")])
        .await;
    let supervisor = attendance.of_unit(NORTH, &[Permission::OccupancyRead, Permission::PunchRead]);
    let (mine, all) =
        (ask(&attendance, &supervisor, march(vec![])).await, ask(&attendance, &attendance.admin, march(vec![])).await);
    assert_eq!(mine.accounts.len(), 1);
    assert_eq!(mine.lines(&ids[0]), all.lines(&ids[0]));
    assert!(mine.lines(&ids[0])[0].ends_with("+punch:E3@2026-03-02T04:00:00Z/2026-03-02T05:00:00Z"));
    assert_eq!(all.accounts.len(), 2);
    let other = attendance.occupancy().list_occupancy(supervisor.request(march(vec![ids[1].clone()]))).await;
    assert_eq!(tally_rpc::error_from(other.err().unwrap()).reason(), "NOT_FOUND");
    let agent = attendance.agent(1, &[Permission::PunchRead]);
    let refused = attendance.occupancy().list_occupancy(agent.request(march(vec![]))).await;
    assert_eq!(tally_rpc::error_from(refused.err().unwrap()).reason(), "PERMISSION_DENIED");
}

on_both!(whether_an_out_may_still_come_does_not_depend_on_which_accounts_are_asked);
async fn whether_an_out_may_still_come_does_not_depend_on_which_accounts_are_asked(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a"), account("b", "south/b")]).await;
    // The only one of the second account's team does not leave; somebody whom that account does not concern punches a day later.
    attendance
        .punch(vec![punch(3, PunchKind::In, "2026-03-02T01:00:00Z"), punch(1, PunchKind::In, "2026-03-03T01:00:00Z")])
        .await;
    let of_e3 = async |accounts: Vec<String>| {
        let told = ask(&attendance, &attendance.admin, march(accounts)).await;
        let found = told.findings.into_iter().filter(|f| f.subject == "E3").map(|f| f.message);
        found.collect::<Vec<_>>()
    };
    assert_eq!(of_e3(vec![ids[1].clone()]).await, ["DUTY_LONE_IN"]);
    assert_eq!(of_e3(vec![]).await, ["DUTY_LONE_IN"]);
}

on_both!(sites_of_the_zone_move_the_working_day_and_the_numbers_of_the_rules_can_be_given);
async fn sites_of_the_zone_move_the_working_day_and_the_numbers_of_the_rules_can_be_given(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let ids = attendance.with_accounts(vec![account("a", "north/a")]).await;
    attendance.publish(vec![shift(1, &ids[0], "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z")]).await;
    // 05:00 in Shanghai: of the same working day by the usual cut-over, of the day before by the site's.
    attendance
        .punch(vec![punch(1, PunchKind::In, "2026-03-01T21:00:00Z"), punch(1, PunchKind::Out, "2026-03-01T21:30:00Z")])
        .await;
    assert_eq!(ask(&attendance, &attendance.admin, march(vec![])).await.lines(&ids[0]), [""; 0]);
    let site = pb::Site {
        name: "Beijing".into(),
        zone: "Asia/Shanghai".into(),
        cut_over: "06:00".into(),
        region: "cn-north".into(),
        ..Default::default()
    };
    let rows = pb::ImportSitesRequest { rows: vec![site], ..Default::default() };
    attendance.sites().import_sites(attendance.admin.request(rows)).await.unwrap();
    let told = ask(&attendance, &attendance.admin, march(vec![])).await;
    assert_eq!(told.lines(&ids[0]).len(), 1);
    let mut question = march(ids.clone());
    question.policy =
        Some(pb::DutyPolicy { grace_minutes: Some(1), max_hours: 0, cut_over: String::new(), version: 0 });
    let told = ask(&attendance, &attendance.admin, question.clone()).await;
    let row = &told.accounts[0].rows[0];
    let seconds = row.end.unwrap_or_default().seconds - row.start.unwrap_or_default().seconds;
    assert_eq!(seconds, 8 * 3600 + 120);
    question.policy =
        Some(pb::DutyPolicy { grace_minutes: Some(1), max_hours: 0, cut_over: "04:00".into(), version: 0 });
    assert_eq!(ask(&attendance, &attendance.admin, question).await.lines(&ids[0]), [""; 0]);
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused() {
    let attendance = TestAttendance::on(Backend::Sqlite).await;
    let refused =
        attendance.occupancy().list_occupancy(attendance.admin.request(pb::ListOccupancyRequest::default())).await;
    let error = tally_rpc::error_from(refused.err().unwrap());
    assert_eq!(error.violations().len(), 2);
    let sites = pb::ListSitesRequest { page_size: 1, page_token: "tampered".into() };
    let refused = attendance.sites().list_sites(attendance.admin.request(sites)).await;
    assert_eq!(first_violation(refused), "PAGE_TOKEN_INVALID");
}
