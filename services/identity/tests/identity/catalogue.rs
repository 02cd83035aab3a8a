//! Positions and grades over the rpcs.

use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered, person_row, transfer};

fn grade(code: &str, rank: u32, from: &str) -> pb::CatalogueRow {
    pb::CatalogueRow {
        kind: pb::CatalogueKind::Grade.into(),
        code: code.into(),
        rank,
        valid_from: from.into(),
        ..Default::default()
    }
}

async fn import(
    identity: &TestIdentity,
    by: &Login,
    rows: Vec<pb::CatalogueRow>,
) -> Reply<tally_api::common::v1::ImportResult> {
    let request = pb::ImportCatalogueRequest { rows, ..Default::default() };
    answered(identity.catalogue().import_catalogue(by.says(request)).await).map(|reply| reply.result.expect("a result"))
}

on_both!(employments_take_their_grades_from_the_catalogue_from_its_first_day_on);
async fn employments_take_their_grades_from_the_catalogue_from_its_first_day_on(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let rows = vec![grade("P3", 3, "2026-03-01"), grade("P4", 4, "2026-03-01"), grade("", 1, "")];
    let done = import(&identity, &identity.admin, rows).await.unwrap();
    assert_eq!((done.written, done.problems[0].reason.as_str()), (2, "TEXT_UNUSABLE"));
    let early = identity.import_people(vec![person_row("E2", "North/Sales/A")]).await;
    assert_eq!(early.written, 1, "nothing held in January: {early:?}");
    let late = pb::PersonRow { hired_on: "2026-03-02".into(), ..person_row("E3", "North/Sales/A") };
    let late = identity.import_people(vec![late]).await;
    assert_eq!(late.problems[0].reason, "NOT_IN_CATALOGUE");
    let id = identity.person("E1").await.person_id;
    let error = identity.change(&identity.admin, &id, transfer("", "", "P9", "2026-04-01")).await.unwrap_err();
    assert_eq!(error.reason(), "NOT_IN_CATALOGUE");
    identity.change(&identity.admin, &id, transfer("", "", "P4", "2026-04-01")).await.unwrap();
    let person = identity.change(&identity.admin, &id, transfer("", "", "P3", "2026-05-01")).await.unwrap();
    let reasons: Vec<_> = person.employments.iter().map(pb::Employment::reason).collect();
    use pb::EmploymentReason::{Hire, Promotion, Transfer};
    assert_eq!(reasons, [Hire, Promotion, Transfer], "down the ladder is no promotion");
}

on_both!(everybody_reads_the_catalogue_in_pages_and_the_group_alone_writes_it);
async fn everybody_reads_the_catalogue_in_pages_and_the_group_alone_writes_it(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let rows = (1..=5).map(|rank| grade(&format!("P{rank}"), rank, "")).collect();
    import(&identity, &identity.admin, rows).await.unwrap();
    let before = identity.now();
    identity.wait(60);
    import(&identity, &identity.admin, vec![grade("P5", 9, "")]).await.unwrap();
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let error = import(&identity, &hr, vec![grade("P6", 6, "")]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = pb::ListCatalogueRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = answered(identity.catalogue().list_catalogue(hr.says(request)).await).unwrap();
        seen.extend(page.entries.into_iter().map(|entry| (entry.code, entry.rank)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let ladder = [("P1", 1), ("P2", 2), ("P3", 3), ("P4", 4), ("P5", 9)].map(|(code, rank)| (code.to_owned(), rank));
    assert_eq!(seen, ladder);
    let request = pb::ListCatalogueRequest { known_at: Some(before), ..Default::default() };
    let then = answered(identity.catalogue().list_catalogue(hr.says(request)).await).unwrap().entries;
    assert_eq!(then.last().map(|entry| entry.rank), Some(5), "as it was known then");
}
