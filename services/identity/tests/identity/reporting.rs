//! Reporting lines over the rpcs, and the scope that follows them.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ReportingLineKind, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, TestIdentity, answered, person_row};

/// E2 and E3 report to E1, E4 to E2; E5 to E1 by a dotted line, E6 to E5.
async fn with_lines(on: Backend) -> TestIdentity {
    let identity = TestIdentity::with_company(on).await;
    let rows = ["E1", "E2", "E3", "E4", "E5", "E6", "E7"].map(|number| person_row(number, "North/Sales/A"));
    identity.import_people(rows.into()).await;
    for (person, manager) in [("E2", "E1"), ("E3", "E1"), ("E4", "E2"), ("E6", "E5")] {
        identity.line(person, manager, ReportingLineKind::Solid).await.unwrap();
    }
    identity.line("E5", "E1", ReportingLineKind::Dotted).await.unwrap();
    identity
}

async fn people_of(identity: &TestIdentity, by: &Login) -> Vec<String> {
    let request = pb::ListPeopleRequest { page_size: 100, ..Default::default() };
    let people = answered(identity.people().list_people(by.says(request)).await).unwrap().people;
    people.into_iter().map(|person| person.employee_no).collect()
}

on_both!(a_supervisor_of_reports_sees_all_who_report_and_directly_those_of_the_matrix);
async fn a_supervisor_of_reports_sees_all_who_report_and_directly_those_of_the_matrix(on: Backend) {
    let identity = with_lines(on).await;
    let boss = identity.login("boss", "E1").await;
    identity.grant(&boss, "supervisor", ScopeKind::Reports, "").await;
    assert_eq!(people_of(&identity, &boss).await, ["E2", "E3", "E4", "E5"]);
    let rule = identity.rule(&boss, Permission::CardRead).await.unwrap();
    assert_eq!(rule.person_ids.len(), 4, "so other services see it");
    assert!(identity.rule(&boss, Permission::StatementReadPay).await.is_none(), "nobody's pay");
    let get = |id: String| pb::GetPersonRequest { person_id: id, ..Default::default() };
    let far = identity.person("E6").await.person_id;
    let error = answered(identity.people().get_person(boss.says(get(far))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

on_both!(the_scope_follows_the_lines_at_once);
async fn the_scope_follows_the_lines_at_once(on: Backend) {
    let identity = with_lines(on).await;
    let boss = identity.login("boss", "E1").await;
    identity.grant(&boss, "supervisor", ScopeKind::Reports, "").await;
    let line = identity.line("E7", "E4", ReportingLineKind::Solid).await.unwrap();
    assert_eq!(people_of(&identity, &boss).await, ["E2", "E3", "E4", "E5", "E7"]);
    let request =
        pb::EndReportingLineRequest { request_id: "end".into(), line_id: line.line_id, last_day: "2026-02-15".into() };
    let ended = answered(identity.lines().end_reporting_line(identity.as_admin(request.clone())).await).unwrap();
    assert_eq!(ended.line.as_ref().unwrap().to, "2026-02-15");
    assert_eq!(answered(identity.lines().end_reporting_line(identity.as_admin(request)).await).unwrap(), ended);
    assert_eq!(people_of(&identity, &boss).await, ["E2", "E3", "E4", "E5"]);
}

on_both!(a_cycle_and_a_stranger_are_refused);
async fn a_cycle_and_a_stranger_are_refused(on: Backend) {
    let identity = with_lines(on).await;
    let cycle = identity.line("E1", "E4", ReportingLineKind::Solid).await.unwrap_err();
    assert_eq!(cycle.reason(), "REPORTING_CYCLE");
    identity.import_people(vec![person_row("S1", "South/Desk")]).await;
    let across = identity.line("E7", "S1", ReportingLineKind::Solid).await.unwrap_err();
    assert_eq!(across.reason(), "REGION_CROSSED");
    let hr = identity.login("hr.north", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let request = pb::SetReportingLineRequest {
        person_id: identity.person("E7").await.person_id,
        manager_id: identity.person("S1").await.person_id,
        kind: ReportingLineKind::Solid.into(),
        from: "2026-02-01".into(),
        to: String::new(),
        ..Default::default()
    };
    let error = answered(identity.lines().set_reporting_line(hr.says(request)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "whom one may not know of is not there");
}

on_both!(lines_are_listed_for_a_day_as_they_were_known);
async fn lines_are_listed_for_a_day_as_they_were_known(on: Backend) {
    let identity = with_lines(on).await;
    let before = identity.now();
    identity.wait(60);
    let request = pb::SetReportingLineRequest {
        person_id: identity.person("E3").await.person_id,
        manager_id: identity.person("E2").await.person_id,
        kind: ReportingLineKind::Solid.into(),
        from: "2026-03-01".into(),
        to: String::new(),
        ..Default::default()
    };
    answered(identity.lines().set_reporting_line(identity.as_admin(request)).await).unwrap();
    let e2 = identity.person("E2").await.person_id;
    let to_e2 = async |as_of: &str, known_at| {
        let (mut token, mut count) = (String::new(), 0);
        loop {
            let request = pb::ListReportingLinesRequest {
                manager_id: e2.clone(),
                as_of: as_of.into(),
                known_at,
                page_size: 1,
                page_token: token,
                ..Default::default()
            };
            let page = answered(identity.lines().list_reporting_lines(identity.as_admin(request)).await).unwrap();
            count += page.lines.len();
            token = page.next_page_token;
            if token.is_empty() {
                return count;
            }
        }
    };
    assert_eq!(to_e2("", None).await, 2);
    assert_eq!(to_e2("2026-02-28", None).await, 1);
    assert_eq!(to_e2("", Some(before)).await, 1, "as it was known then");
    assert_eq!(to_e2("2026-01-31", None).await, 0);
}

on_both!(whoever_reaches_the_manager_and_all_reports_gives_the_role);
async fn whoever_reaches_the_manager_and_all_reports_gives_the_role(on: Backend) {
    let identity = with_lines(on).await;
    identity.import_people(vec![person_row("N1", "North/Sales/B")]).await;
    let (boss, hr) = (identity.login("boss", "E1").await, identity.login("hr", "").await);
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North/Sales/A").await.unit_id).await;
    let grant = identity.try_grant(&hr, &boss, "supervisor", ScopeKind::Reports, "").await.unwrap().grant.unwrap();
    identity.revoke(&hr, &grant).await.unwrap();
    identity.line("N1", "E4", ReportingLineKind::Solid).await.unwrap();
    let error = identity.try_grant(&hr, &boss, "supervisor", ScopeKind::Reports, "").await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied, "N1 is out of reach");
    let login = identity.login("somebody", "").await;
    let error = identity.try_grant(&identity.admin, &login, "supervisor", ScopeKind::Reports, "").await.unwrap_err();
    assert_eq!(error.reason(), "NO_PERSON");
}
