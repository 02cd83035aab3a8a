//! Reporting lines over the rpcs, and the scope that follows them.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ReportingLineKind, ScopeKind};
use tally_kernel::error::Kind;

use crate::house::{House, Login, person_row, told};

/// E2 and E3 report to E1, E4 to E2; E5 to E1 by a dotted line, E6 to E5.
async fn with_lines() -> Vec<House> {
    let houses = House::with_company().await;
    for house in &houses {
        let rows = ["E1", "E2", "E3", "E4", "E5", "E6", "E7"].map(|number| person_row(number, "North/Sales/A"));
        house.import_people(rows.into()).await;
        for (person, manager) in [("E2", "E1"), ("E3", "E1"), ("E4", "E2"), ("E6", "E5")] {
            house.line(person, manager, ReportingLineKind::Solid).await.unwrap();
        }
        house.line("E5", "E1", ReportingLineKind::Dotted).await.unwrap();
    }
    houses
}

async fn people_of(house: &House, by: &Login) -> Vec<String> {
    let request = pb::ListPeopleRequest { page_size: 100, ..Default::default() };
    let people = told(house.people().list_people(by.says(request)).await).unwrap().people;
    people.into_iter().map(|person| person.employee_no).collect()
}

#[tokio::test]
async fn a_supervisor_of_reports_sees_all_who_report_and_directly_those_of_the_matrix() {
    for house in with_lines().await {
        let boss = house.login("boss", "E1").await;
        house.grant(&boss, "supervisor", ScopeKind::Reports, "").await;
        assert_eq!(people_of(&house, &boss).await, ["E2", "E3", "E4", "E5"], "{}", house.db.name);
        let rule = house.rule(&boss, Permission::CardRead).await.unwrap();
        assert_eq!(rule.person_ids.len(), 4, "so other services see it: {}", house.db.name);
        assert!(house.rule(&boss, Permission::StatementReadPay).await.is_none(), "nobody's pay");
        let get = |id: String| pb::GetPersonRequest { person_id: id, ..Default::default() };
        let far = house.person("E6").await.person_id;
        let error = told(house.people().get_person(boss.says(get(far))).await).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
    }
}

#[tokio::test]
async fn the_scope_follows_the_lines_at_once() {
    for house in with_lines().await {
        let boss = house.login("boss", "E1").await;
        house.grant(&boss, "supervisor", ScopeKind::Reports, "").await;
        let line = house.line("E7", "E4", ReportingLineKind::Solid).await.unwrap();
        assert_eq!(people_of(&house, &boss).await, ["E2", "E3", "E4", "E5", "E7"], "{}", house.db.name);
        let request = pb::EndReportingLineRequest {
            request_id: "end".into(),
            line_id: line.line_id,
            last_day: "2026-02-15".into(),
        };
        let ended = told(house.lines().end_reporting_line(house.as_admin(request.clone())).await).unwrap();
        assert_eq!(ended.line.as_ref().unwrap().to, "2026-02-15");
        assert_eq!(told(house.lines().end_reporting_line(house.as_admin(request)).await).unwrap(), ended);
        assert_eq!(people_of(&house, &boss).await, ["E2", "E3", "E4", "E5"], "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_cycle_and_a_stranger_are_refused() {
    for house in with_lines().await {
        let cycle = house.line("E1", "E4", ReportingLineKind::Solid).await.unwrap_err();
        assert_eq!(cycle.reason(), "REPORTING_CYCLE", "{}", house.db.name);
        house.import_people(vec![person_row("S1", "South/Desk")]).await;
        let across = house.line("E7", "S1", ReportingLineKind::Solid).await.unwrap_err();
        assert_eq!(across.reason(), "REGION_CROSSED");
        let hr = house.login("hr.north", "").await;
        house.grant(&hr, "branch_hr", ScopeKind::Subtree, &house.unit("North").await.unit_id).await;
        let request = pb::SetReportingLineRequest {
            request_id: String::new(),
            person_id: house.person("E7").await.person_id,
            manager_id: house.person("S1").await.person_id,
            kind: ReportingLineKind::Solid.into(),
            from: "2026-02-01".into(),
            to: String::new(),
        };
        let error = told(house.lines().set_reporting_line(hr.says(request)).await).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound, "whom one may not know of is not there: {}", house.db.name);
    }
}

#[tokio::test]
async fn lines_are_listed_for_a_day_as_they_were_known() {
    for house in with_lines().await {
        let before = house.now();
        house.wait(60);
        let request = pb::SetReportingLineRequest {
            request_id: String::new(),
            person_id: house.person("E3").await.person_id,
            manager_id: house.person("E2").await.person_id,
            kind: ReportingLineKind::Solid.into(),
            from: "2026-03-01".into(),
            to: String::new(),
        };
        told(house.lines().set_reporting_line(house.as_admin(request)).await).unwrap();
        let e2 = house.person("E2").await.person_id;
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
                let page = told(house.lines().list_reporting_lines(house.as_admin(request)).await).unwrap();
                count += page.lines.len();
                token = page.next_page_token;
                if token.is_empty() {
                    return count;
                }
            }
        };
        assert_eq!(to_e2("", None).await, 2, "{}", house.db.name);
        assert_eq!(to_e2("2026-02-28", None).await, 1);
        assert_eq!(to_e2("", Some(before)).await, 1, "as it was known then: {}", house.db.name);
        assert_eq!(to_e2("2026-01-31", None).await, 0);
    }
}

#[tokio::test]
async fn whoever_reaches_the_manager_and_all_reports_gives_the_role() {
    for house in with_lines().await {
        house.import_people(vec![person_row("N1", "North/Sales/B")]).await;
        let (boss, hr) = (house.login("boss", "E1").await, house.login("hr", "").await);
        house.grant(&hr, "branch_hr", ScopeKind::Subtree, &house.unit("North/Sales/A").await.unit_id).await;
        let grant = house.try_grant(&hr, &boss, "supervisor", ScopeKind::Reports, "").await.unwrap().grant.unwrap();
        house.revoke(&hr, &grant).await.unwrap();
        house.line("N1", "E4", ReportingLineKind::Solid).await.unwrap();
        let error = house.try_grant(&hr, &boss, "supervisor", ScopeKind::Reports, "").await.unwrap_err();
        assert_eq!(error.kind(), Kind::PermissionDenied, "N1 is out of reach: {}", house.db.name);
        let login = house.login("somebody", "").await;
        let error = house.try_grant(&house.admin, &login, "supervisor", ScopeKind::Reports, "").await.unwrap_err();
        assert_eq!(error.reason(), "NO_PERSON");
    }
}
