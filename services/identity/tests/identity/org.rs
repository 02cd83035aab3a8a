//! The org tree over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered, person_row};

fn paths(units: &[pb::OrgUnit]) -> Vec<&str> {
    units.iter().map(|unit| unit.path.as_str()).collect()
}

on_both!(a_tree_is_imported_listed_in_pages_and_imported_again_without_a_change);
async fn a_tree_is_imported_listed_in_pages_and_imported_again_without_a_change(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let again = identity.import_units(&["North/Sales/A", "North/Sales/B"], "cn-north").await;
    assert_eq!((again.written, again.unchanged), (0, 2));
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = pb::ListOrgUnitsRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap();
        assert!(page.units.len() <= 2);
        seen.extend(page.units);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected = ["", "North", "North/Sales", "North/Sales/A", "North/Sales/B", "South", "South/Desk"];
    assert_eq!(paths(&seen), expected);
}

on_both!(rows_that_cannot_be_written_are_told_and_the_others_are_written);
async fn rows_that_cannot_be_written_are_told_and_the_others_are_written(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let done = identity.import_units(&["North/Support", "South/Support", "//"], "cn-north").await;
    assert_eq!((done.written, done.unchanged), (1, 0));
    let problems: Vec<_> = done.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
    assert_eq!(problems, [(1, "REGION_DIFFERS"), (2, "UNIT_PATH_MALFORMED")]);
}

on_both!(a_moved_unit_is_at_its_old_place_in_the_past);
async fn a_moved_unit_is_at_its_old_place_in_the_past(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let (b, north) = (identity.unit("North/Sales/B").await, identity.unit("North").await);
    let request = pb::MoveOrgUnitRequest {
        request_id: "move".into(),
        unit_id: b.unit_id.clone(),
        parent_id: north.unit_id,
        from: "2026-04-01".into(),
        ..Default::default()
    };
    let first = answered(identity.orgs().move_org_unit(identity.as_admin(request.clone())).await).unwrap();
    let again = answered(identity.orgs().move_org_unit(identity.as_admin(request)).await).unwrap();
    assert_eq!(first, again);
    assert_eq!(first.unit.unwrap().path, "North/B");
    for (as_of, path) in [("2026-03-31", "North/Sales/B"), ("2026-04-01", "North/B")] {
        let request = pb::ListOrgUnitsRequest { as_of: as_of.into(), page_size: 100, ..Default::default() };
        let units = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap().units;
        assert_eq!(units.iter().find(|u| u.unit_id == b.unit_id).unwrap().path, path);
    }
}

on_both!(a_branch_writes_its_own_subtree_and_nothing_else);
async fn a_branch_writes_its_own_subtree_and_nothing_else(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr.north", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let import = async |path: &str, region: &str| {
        let row = pb::OrgUnitRow { path: path.into(), region: region.into(), ..Default::default() };
        let request = pb::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
        answered(identity.orgs().import_org_units(hr.says(request)).await).map_err(|e| e.kind())
    };
    assert_eq!(import("North/Support", "").await.unwrap().result.unwrap().written, 1);
    assert_eq!(import("South/Support", "").await.unwrap_err(), Kind::PermissionDenied);
    assert_eq!(import("East", "cn-north").await.unwrap_err(), Kind::PermissionDenied, "a new branch is wider");
    let request = pb::ListOrgUnitsRequest { page_size: 100, ..Default::default() };
    let seen = answered(identity.orgs().list_org_units(hr.says(request)).await).unwrap().units;
    let expected = ["", "North", "North/Sales", "North/Sales/A", "North/Sales/B", "North/Support"];
    assert_eq!(paths(&seen), expected);
}

#[tokio::test]
async fn a_page_token_of_another_date_is_refused() {
    let identity = TestIdentity::with_company(Backend::Sqlite).await;
    let request = pb::ListOrgUnitsRequest { page_size: 2, ..Default::default() };
    let token = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap().next_page_token;
    let request =
        pb::ListOrgUnitsRequest { as_of: "2026-01-01".into(), page_size: 2, page_token: token, ..Default::default() };
    let error = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap_err();
    assert_eq!(error.violations()[0].field, "page_token");
}

on_both!(a_change_from_a_month_before_is_refused_unless_it_is_said_to_be_meant);
async fn a_change_from_a_month_before_is_refused_unless_it_is_said_to_be_meant(on: Backend) {
    // It is the second of March.
    let identity = TestIdentity::with_company(on).await;
    let (a, b) = (identity.unit("North/Sales/A").await.unit_id, identity.unit("North/Sales/B").await.unit_id);
    let (north, sales) = (identity.unit("North").await.unit_id, identity.unit("North/Sales").await.unit_id);
    let moves = async |from: &str, backdated| {
        let (unit_id, parent_id, from) = (b.clone(), north.clone(), from.to_owned());
        let request = pb::MoveOrgUnitRequest { unit_id, parent_id, from, backdated, ..Default::default() };
        answered(identity.orgs().move_org_unit(identity.as_admin(request)).await)
    };
    let closes = async |from: &str, backdated| {
        let (unit_id, from) = (a.clone(), from.to_owned());
        let request = pb::CloseOrgUnitRequest { unit_id, from, backdated, ..Default::default() };
        answered(identity.orgs().close_org_unit(identity.as_admin(request)).await)
    };
    let merges = async |from: &str, backdated| {
        let (unit_ids, into_id, from) = (vec![a.clone()], sales.clone(), from.to_owned());
        let request = pb::MergeOrgUnitsRequest { unit_ids, into_id, from, backdated, ..Default::default() };
        answered(identity.orgs().merge_org_units(identity.as_admin(request)).await)
    };
    let last = "2026-02-28";
    let refused = [
        moves(last, false).await.unwrap_err(),
        closes(last, false).await.unwrap_err(),
        merges(last, false).await.unwrap_err(),
    ];
    for refused in refused {
        assert_eq!((refused.kind(), refused.reason()), (Kind::FailedPrecondition, "UNIT_CHANGE_BACKDATED"));
        for locale in [tally_kernel::Locale::En, tally_kernel::Locale::ZhCn] {
            let told = tally_i18n::sentence(locale, &refused);
            assert!(told.contains("2026-03-01") && told.contains("backdated"), "{told}");
        }
    }
    assert_eq!(paths_on(&identity, "2026-03-02").await.len(), 7, "nothing is changed");
    moves("2026-03-01", false).await.unwrap();
    closes(last, true).await.unwrap();
    assert!(!paths_on(&identity, last).await.contains(&"North/Sales/A".to_owned()));
    let (unit_id, name, from) = (b.clone(), "Trade".to_owned(), last.to_owned());
    let planned = pb::RenameOrgUnitRequest { unit_id, name: name.clone(), from: from.clone(), ..Default::default() };
    let refused = answered(identity.orgs().rename_org_unit(identity.as_admin(planned)).await).unwrap_err();
    assert_eq!(refused.reason(), "UNIT_CHANGE_PLANNED");
    let renamed = pb::RenameOrgUnitRequest { unit_id: sales.clone(), name, from, ..Default::default() };
    answered(identity.orgs().rename_org_unit(identity.as_admin(renamed)).await).unwrap();
    assert_eq!(moves("2026-03-02", false).await.unwrap_err().reason(), "NOTHING_CHANGES");
    let told = identity.audited().await.into_iter().filter(|(_, entry)| entry.contains("backdated"));
    assert_eq!(told.map(|(action, _)| action).collect::<Vec<_>>(), ["identity.org.close"]);
}

on_both!(whom_a_unit_came_to_changes_nothing_in_the_days_before);
async fn whom_a_unit_came_to_changes_nothing_in_the_days_before(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_units(&["East/Hub"], "cn-north").await;
    let id = async |path: &str| identity.unit(path).await.unit_id;
    let (a, b, sales) = (id("North/Sales/A").await, id("North/Sales/B").await, id("North/Sales").await);
    let (east, hub) = (id("East").await, id("East/Hub").await);
    let hr = identity.login("hr.east", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &east).await;
    let moves = async |by: &Login, unit: &str, parent: &str, from: &str| {
        let (unit_id, parent_id, from) = (unit.to_owned(), parent.to_owned(), from.to_owned());
        let request = pb::MoveOrgUnitRequest { unit_id, parent_id, from, backdated: true, ..Default::default() };
        answered(identity.orgs().move_org_unit(by.says(request)).await).map_err(|refused| refused.kind())
    };
    moves(&identity.admin, &sales, &east, "2026-02-01").await.unwrap();

    // The teams have no change of their own on that day: nothing else stands in the way.
    let before = "2026-01-31".to_owned();
    let denied = Kind::PermissionDenied;
    assert_eq!(moves(&hr, &a, &hub, &before).await.unwrap_err(), denied);
    let (unit_id, from) = (a.clone(), before.clone());
    let request = pb::CloseOrgUnitRequest { unit_id, from, backdated: true, ..Default::default() };
    assert_eq!(answered(identity.orgs().close_org_unit(hr.says(request)).await).unwrap_err().kind(), denied);
    let (unit_ids, into_id, from) = (vec![a.clone()], hub.clone(), before.clone());
    let request = pb::MergeOrgUnitsRequest { unit_ids, into_id, from, backdated: true, ..Default::default() };
    assert_eq!(answered(identity.orgs().merge_org_units(hr.says(request)).await).unwrap_err().kind(), denied);
    let (unit_id, name) = (a.clone(), "C".to_owned());
    let request = pb::RenameOrgUnitRequest { unit_id, name, from: before, ..Default::default() };
    assert_eq!(answered(identity.orgs().rename_org_unit(hr.says(request)).await).unwrap_err().kind(), denied);

    let hires = async |rows: &[(&str, &str, &str)]| {
        let row = |(number, path, hired_on): &(&str, &str, &str)| pb::PersonRow {
            hired_on: (*hired_on).to_owned(),
            ..person_row(number, path)
        };
        let request = pb::ImportPeopleRequest { rows: rows.iter().map(row).collect(), ..Default::default() };
        answered(identity.people().import_people(hr.says(request)).await).map(|done| done.result.unwrap())
    };
    let (old, new) = (("E1", "North/Sales/A", "2026-01-31"), ("E2", "East/Sales/A", "2026-02-01"));
    let told = hires(&[old, new]).await.unwrap();
    let problems = told.problems.iter().map(|one| (one.index, one.reason.as_str())).collect::<Vec<_>>();
    assert_eq!((told.written, problems), (1, vec![(0, "PERSON_OUT_OF_REACH")]));
    assert!(told.problems[0].message.contains("have somebody send it who may"), "{told:?}");
    assert_eq!(identity.person("E2").await.employments[0].unit_path, "East/Sales/A");
    assert_eq!(hires(&[("E3", "North", "2026-02-01")]).await.unwrap_err().kind(), denied, "nothing is in reach");

    assert_eq!(moves(&hr, &b, &hub, "2026-02-01").await.unwrap().unit.unwrap().path, "East/Hub/B");
}

/// Closes a unit from April on.
async fn close(identity: &TestIdentity, path: &str, people_to: &str) -> Reply<pb::CloseOrgUnitResponse> {
    let move_people_to = if people_to.is_empty() { String::new() } else { identity.unit(people_to).await.unit_id };
    let request = pb::CloseOrgUnitRequest {
        unit_id: identity.unit(path).await.unit_id,
        from: "2026-04-01".into(),
        move_people_to,
        ..Default::default()
    };
    answered(identity.orgs().close_org_unit(identity.as_admin(request)).await)
}

async fn paths_on(identity: &TestIdentity, as_of: &str) -> Vec<String> {
    let request = pb::ListOrgUnitsRequest { as_of: as_of.into(), page_size: 100, ..Default::default() };
    let units = answered(identity.orgs().list_org_units(identity.as_admin(request)).await).unwrap().units;
    units.into_iter().map(|unit| unit.path).collect()
}

on_both!(a_unit_closes_when_its_people_have_somewhere_to_go);
async fn a_unit_closes_when_its_people_have_somewhere_to_go(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/B")]).await;
    assert_eq!(close(&identity, "North/Sales", "").await.unwrap_err().reason(), "UNIT_HAS_CHILDREN");
    assert_eq!(close(&identity, "North/Sales/A", "").await.unwrap_err().reason(), "UNIT_HAS_PEOPLE");
    assert_eq!(close(&identity, "North/Sales/A", "").await.unwrap_err().kind(), Kind::FailedPrecondition);
    assert_eq!(close(&identity, "North/Sales/A", "South/Desk").await.unwrap_err().reason(), "REGION_CROSSED");
    assert_eq!(close(&identity, "North/Sales/A", "North/Sales/A").await.unwrap_err().reason(), "PEOPLE_TO_NOWHERE");
    let done = close(&identity, "North/Sales/A", "North/Sales/B").await.unwrap();
    let closed = done.unit.unwrap();
    assert_eq!((done.moved, closed.valid_to.as_str()), (1, "2026-03-31"));
    assert_eq!(closed.into_id, identity.unit("North/Sales/B").await.unit_id);
    let person = identity.person("E1").await;
    let told: Vec<_> = person.employments.iter().map(|e| (e.unit_path.as_str(), e.from.as_str(), e.reason())).collect();
    let expected = [
        ("North/Sales/A", "2026-01-05", pb::EmploymentReason::Hire),
        ("North/Sales/B", "2026-04-01", pb::EmploymentReason::Reorganisation),
    ];
    assert_eq!(told, expected);
    assert!(paths_on(&identity, "2026-03-31").await.contains(&"North/Sales/A".to_owned()));
    assert!(!paths_on(&identity, "2026-04-01").await.contains(&"North/Sales/A".to_owned()));
    let late = identity.import_people(vec![person_row("E3", "North/Sales/A")]).await;
    assert_eq!(late.problems[0].reason, "UNIT_CLOSES");
    // A unit that is named though it is gone is told as such, to whoever reached it, and as not there to anybody else.
    let a_id = closed.unit_id.clone();
    let merge = pb::MergeOrgUnitsRequest {
        unit_ids: vec![identity.unit("North/Sales/B").await.unit_id],
        into_id: a_id,
        from: "2026-05-01".into(),
        ..Default::default()
    };
    let refused = answered(identity.orgs().merge_org_units(identity.as_admin(merge)).await).unwrap_err();
    let told = tally_i18n::sentence(tally_kernel::Locale::En, &refused);
    assert_eq!(refused.reason(), "UNIT_CLOSES");
    assert!(told.contains("North/Sales/A closes with 2026-03-31, and its people go to North/Sales/B"), "{told}");
    // By its id it is told as it was last, with its last day; beside it what is there as it is, and nothing of what never was.
    let (a, b) = (closed, identity.unit("North/Sales/B").await);
    let unit_ids =
        vec![b.unit_id.clone(), a.unit_id.clone(), "0195d0a0-0000-7000-8000-000000000000".into(), a.unit_id.clone()];
    let named = pb::ListOrgUnitsRequest { as_of: "2026-05-01".into(), unit_ids, page_size: 1, ..Default::default() };
    let first = answered(identity.orgs().list_org_units(identity.as_admin(named.clone())).await).unwrap();
    let rest = pb::ListOrgUnitsRequest { page_token: first.next_page_token.clone(), ..named };
    let rest = answered(identity.orgs().list_org_units(identity.as_admin(rest)).await).unwrap();
    assert_eq!((first.units, rest.units, rest.next_page_token), (vec![a], vec![b], String::new()));
}

on_both!(of_several_days_every_state_of_a_unit_is_told);
async fn of_several_days_every_state_of_a_unit_is_told(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let (sales, a) = (identity.unit("North/Sales").await, identity.unit("North/Sales/A").await);
    let renamed = pb::RenameOrgUnitRequest {
        unit_id: sales.unit_id.clone(),
        name: "Trade".into(),
        from: "2026-04-01".into(),
        ..Default::default()
    };
    close(&identity, "North/Sales/A", "").await.unwrap();
    answered(identity.orgs().rename_org_unit(identity.as_admin(renamed)).await).unwrap();
    let of_sales = async |page_size: u32, as_of: &str, through: &str| {
        let mut told = Vec::new();
        let mut page_token = String::new();
        loop {
            let (as_of, through) = (as_of.to_owned(), through.to_owned());
            let ask = pb::ListOrgUnitsRequest { as_of, through, page_size, page_token, ..Default::default() };
            let page = answered(identity.orgs().list_org_units(identity.as_admin(ask)).await)?;
            let ours = page.units.into_iter().filter(|u| [&sales.unit_id, &a.unit_id].contains(&&u.unit_id));
            told.extend(ours.map(|unit| (unit.path, unit.name, unit.valid_from, unit.valid_to)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok::<_, tally_kernel::Error>(told);
            }
        }
    };
    let begins = sales.valid_from.as_str();
    let state = |path: &str, name: &str, from: &str, to: &str| [path, name, from, to].map(str::to_owned).into();
    let all: Vec<(String, String, String, String)> = vec![
        state("North/Sales", "Sales", begins, "2026-03-31"),
        state("North/Sales/A", "A", &a.valid_from, "2026-03-31"),
        state("North/Trade", "Trade", "2026-04-01", ""),
    ];
    for page_size in [1, 100] {
        assert_eq!(of_sales(page_size, "2026-03-01", "2026-04-30").await.unwrap(), all, "{page_size}");
    }
    assert_eq!(of_sales(100, "2026-04-01", "2026-04-01").await.unwrap(), all[2..]);
    assert_eq!(of_sales(100, "2026-03-01", "2026-03-31").await.unwrap(), all[..2]);
    for (as_of, through) in [("", "2026-04-01"), ("2026-04-02", "2026-04-01")] {
        assert_eq!(of_sales(100, as_of, through).await.unwrap_err().violations()[0].field, "through");
    }
    let both = pb::ListOrgUnitsRequest {
        as_of: "2026-04-01".into(),
        through: "2026-04-02".into(),
        unit_ids: vec![sales.unit_id.clone()],
        ..Default::default()
    };
    let refused = answered(identity.orgs().list_org_units(identity.as_admin(both)).await).unwrap_err();
    assert_eq!(refused.violations()[0].field, "through");
}

on_both!(units_merge_with_their_people_and_a_new_name_holds_from_its_day_on);
async fn units_merge_with_their_people_and_a_new_name_holds_from_its_day_on(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/B")]).await;
    let (a, b, sales) = (
        identity.unit("North/Sales/A").await,
        identity.unit("North/Sales/B").await,
        identity.unit("North/Sales").await,
    );
    let request = pb::MergeOrgUnitsRequest {
        request_id: "merge".into(),
        unit_ids: vec![a.unit_id.clone(), b.unit_id],
        into_id: sales.unit_id.clone(),
        from: "2026-04-01".into(),
        ..Default::default()
    };
    let merged = answered(identity.orgs().merge_org_units(identity.as_admin(request.clone())).await).unwrap();
    assert_eq!(merged.moved, 2);
    assert_eq!(answered(identity.orgs().merge_org_units(identity.as_admin(request)).await).unwrap(), merged);
    assert_eq!(identity.person("E2").await.employments[1].unit_path, "North/Sales");
    let request = pb::RenameOrgUnitRequest {
        unit_id: sales.unit_id,
        name: "Trade".into(),
        from: "2026-05-01".into(),
        ..Default::default()
    };
    let renamed = answered(identity.orgs().rename_org_unit(identity.as_admin(request)).await).unwrap().unit.unwrap();
    assert_eq!((renamed.path.as_str(), renamed.valid_from.as_str()), ("North/Trade", "2026-05-01"));
    assert_eq!(paths_on(&identity, "2026-04-30").await, ["", "North", "North/Sales", "South", "South/Desk"]);
    assert_eq!(paths_on(&identity, "2026-05-01").await, ["", "North", "North/Trade", "South", "South/Desk"]);
}

on_both!(what_is_of_a_closed_unit_is_told_where_its_people_went_from_that_day_on);
async fn what_is_of_a_closed_unit_is_told_where_its_people_went_from_that_day_on(on: Backend) {
    // It is the second of March.
    let identity = TestIdentity::with_company(on).await;
    identity.import_units(&["East/Hub"], "cn-north").await;
    let id = async |path: &str| identity.unit(path).await.unit_id;
    let (a, b, hub) = (id("North/Sales/A").await, id("North/Sales/B").await, id("East/Hub").await);
    identity.import_people(vec![person_row("E1", "North/Sales/B")]).await;
    let login = async |name: &str, role: &str, kind: ScopeKind, unit: &str| {
        let login = identity.login(name, "").await;
        identity.grant(&login, role, kind, &id(unit).await).await;
        login
    };
    let north = login("hr.north", "branch_hr", ScopeKind::Subtree, "North").await;
    let east = login("hr.east", "branch_hr", ScopeKind::Subtree, "East").await;
    let lead = login("lead.hub", "supervisor", ScopeKind::Unit, "East/Hub").await;
    let closes = async |unit_id: &str, move_people_to: &str, from: &str| {
        let [unit_id, move_people_to, from] = [unit_id, move_people_to, from].map(str::to_owned);
        let request = pb::CloseOrgUnitRequest { unit_id, move_people_to, from, ..Default::default() };
        answered(identity.orgs().close_org_unit(identity.as_admin(request)).await).unwrap().unit.unwrap()
    };
    let closed = closes(&b, &hub, "2026-03-02").await;
    assert_eq!((closed.path.as_str(), closed.into_id.as_str()), ("North/Sales/B", hub.as_str()));
    // Who somebody is goes along whole only to whoever reaches all of the days: neither branch, though one has the person now.
    let ask = pb::GetPersonRequest { employee_no: "E1".into(), ..Default::default() };
    let of = answered(identity.people().get_person(identity.as_admin(ask)).await).unwrap().person.unwrap().person_id;
    for (by, whole) in [(&identity.admin, true), (&north, false), (&east, false)] {
        let ask = pb::ExportPersonRequest { person_id: of.clone() };
        assert_eq!(identity.people().export_person(by.says(ask)).await.is_ok(), whole);
    }
    closes(&a, "", "2026-03-02").await;
    let list = async |by: &Login, as_of: &str, through: &str| {
        let (as_of, through) = (as_of.to_owned(), through.to_owned());
        let ask = pb::ListOrgUnitsRequest { as_of, through, page_size: 100, with_gone: true, ..Default::default() };
        answered(identity.orgs().list_org_units(by.says(ask)).await).unwrap()
    };
    for (by, before, after) in
        [(&identity.admin, true, true), (&north, true, false), (&east, false, true), (&lead, false, true)]
    {
        assert_eq!(list(by, "", "").await.gone.contains(&closed), after);
        assert_eq!(list(by, "2026-03-01", "").await.gone, [], "on its last day it is there");
        assert_eq!(list(by, "2026-03-01", "2026-03-01").await.units.contains(&closed), before);
        let through = list(by, "2026-03-01", "2026-03-02").await;
        assert_eq!((through.units.contains(&closed), through.gone), (true, vec![]), "of its days and those after");
    }
    let ask = pb::ListOrgUnitsRequest { page_size: 1, ..Default::default() };
    let without = answered(identity.orgs().list_org_units(identity.as_admin(ask.clone())).await).unwrap();
    assert_eq!(without.gone, [], "nobody asked for them");
    let ask = pb::ListOrgUnitsRequest { with_gone: true, ..ask };
    let first = answered(identity.orgs().list_org_units(identity.as_admin(ask.clone())).await).unwrap();
    let ask = pb::ListOrgUnitsRequest { page_token: first.next_page_token, ..ask };
    let second = answered(identity.orgs().list_org_units(identity.as_admin(ask)).await).unwrap();
    let told: Vec<_> = first.gone.iter().map(|unit| (unit.path.as_str(), unit.into_id.as_str())).collect();
    assert_eq!(told, [("North/Sales/A", ""), ("North/Sales/B", hub.as_str())], "with the first page");
    assert_eq!(second.gone, []);
}

on_both!(who_may_write_units_but_not_their_people_moves_nobody);
async fn who_may_write_units_but_not_their_people_moves_nobody(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let hr = identity.login("hr.team", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North/Sales/A").await.unit_id).await;
    let request = pb::CloseOrgUnitRequest {
        unit_id: identity.unit("North/Sales/A").await.unit_id,
        from: "2026-04-01".into(),
        move_people_to: identity.unit("North/Sales/B").await.unit_id,
        ..Default::default()
    };
    let error = answered(identity.orgs().close_org_unit(hr.says(request)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
    assert_eq!(identity.person("E1").await.employments.len(), 1);
}
