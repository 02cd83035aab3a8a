//! The org tree over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;

use crate::house::{House, told};

fn paths(units: &[pb::OrgUnit]) -> Vec<&str> {
    units.iter().map(|unit| unit.path.as_str()).collect()
}

#[tokio::test]
async fn a_tree_is_imported_listed_in_pages_and_imported_again_without_a_change() {
    for house in House::with_company().await {
        let again = house.import_units(&["North/Sales/A", "North/Sales/B"], "cn-north").await;
        assert_eq!((again.written, again.unchanged), (0, 2), "{}", house.db.name);
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let request = pb::ListOrgUnitsRequest { as_of: String::new(), page_size: 2, page_token: token };
            let page = told(house.orgs().list_org_units(house.as_admin(request)).await).unwrap();
            assert!(page.units.len() <= 2);
            seen.extend(page.units);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let expected = ["", "North", "North/Sales", "North/Sales/A", "North/Sales/B", "South", "South/Desk"];
        assert_eq!(paths(&seen), expected, "{}", house.db.name);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_written_are_told_and_the_others_are_written() {
    for house in House::with_company().await {
        let done = house.import_units(&["North/Support", "South/Support", "//"], "cn-north").await;
        assert_eq!((done.written, done.unchanged), (1, 0));
        let problems: Vec<_> = done.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
        assert_eq!(problems, [(1, "REGION_DIFFERS"), (2, "UNIT_PATH_MALFORMED")], "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_moved_unit_is_at_its_old_place_in_the_past() {
    for house in House::with_company().await {
        let (b, north) = (house.unit("North/Sales/B").await, house.unit("North").await);
        let request = pb::MoveOrgUnitRequest {
            request_id: "move".into(),
            unit_id: b.unit_id.clone(),
            parent_id: north.unit_id,
            from: "2026-04-01".into(),
        };
        let first = told(house.orgs().move_org_unit(house.as_admin(request.clone())).await).unwrap();
        let again = told(house.orgs().move_org_unit(house.as_admin(request)).await).unwrap();
        assert_eq!(first, again, "{}", house.db.name);
        assert_eq!(first.unit.unwrap().path, "North/B");
        for (as_of, path) in [("2026-03-31", "North/Sales/B"), ("2026-04-01", "North/B")] {
            let request = pb::ListOrgUnitsRequest { as_of: as_of.into(), page_size: 100, page_token: String::new() };
            let units = told(house.orgs().list_org_units(house.as_admin(request)).await).unwrap().units;
            assert_eq!(units.iter().find(|u| u.unit_id == b.unit_id).unwrap().path, path, "{}", house.db.name);
        }
    }
}

#[tokio::test]
async fn a_branch_writes_its_own_subtree_and_nothing_else() {
    for house in House::with_company().await {
        let hr = house.login("hr.north", "").await;
        house.grant(&hr, "branch_hr", ScopeKind::Subtree, &house.unit("North").await.unit_id).await;
        let import = async |path: &str, region: &str| {
            let row = pb::OrgUnitRow { path: path.into(), region: region.into(), ..Default::default() };
            let request = pb::ImportOrgUnitsRequest { request_id: String::new(), rows: vec![row] };
            told(house.orgs().import_org_units(hr.says(request)).await).map_err(|e| e.kind())
        };
        assert_eq!(import("North/Support", "").await.unwrap().result.unwrap().written, 1);
        assert_eq!(import("South/Support", "").await.unwrap_err(), Kind::PermissionDenied, "{}", house.db.name);
        assert_eq!(import("East", "cn-north").await.unwrap_err(), Kind::PermissionDenied, "a new branch is wider");
        let request = pb::ListOrgUnitsRequest { page_size: 100, ..Default::default() };
        let seen = told(house.orgs().list_org_units(hr.says(request)).await).unwrap().units;
        let expected = ["", "North", "North/Sales", "North/Sales/A", "North/Sales/B", "North/Support"];
        assert_eq!(paths(&seen), expected, "{}", house.db.name);
    }
}

#[tokio::test]
async fn a_page_token_of_another_date_is_refused() {
    let house = House::with_company().await.remove(0);
    let request = pb::ListOrgUnitsRequest { page_size: 2, ..Default::default() };
    let token = told(house.orgs().list_org_units(house.as_admin(request)).await).unwrap().next_page_token;
    let request = pb::ListOrgUnitsRequest { as_of: "2026-01-01".into(), page_size: 2, page_token: token };
    let error = told(house.orgs().list_org_units(house.as_admin(request)).await).unwrap_err();
    assert_eq!(error.violations()[0].field, "page_token");
}
