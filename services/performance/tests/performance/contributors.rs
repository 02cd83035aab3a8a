//! Records that several people worked on.

use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, PeerFacts, account, by, cycle, person, problems, reason};

use pb::ContributorRole::{self as Role, AfterSales, Closer, FirstAnswer};

fn told() -> PeerFacts {
    let mut told = PeerFacts::of(4, 1);
    for n in [1, 2] {
        told.on_duty(1, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    }
    told
}

fn shared(id: &str, named: &[(Role, &str)]) -> pb::Record {
    let contributor = |(role, agent): &(Role, &str)| pb::Contributor { role: (*role).into(), agent: (*agent).into() };
    pb::Record { contributors: named.iter().map(contributor).collect(), ..by("", id, "2026-03-02T05:00:00Z") }
}

fn split() -> pb::ContributorSplit {
    let version = "spring".to_owned();
    pb::ContributorSplit { version, first_answer_ppm: 300_000, closer_ppm: 500_000, after_sales_ppm: 200_000 }
}

fn run(split: Option<pb::ContributorSplit>) -> pb::AttributionRun {
    let policy = pb::AttributionPolicy { inference_off: true, split, ..Default::default() };
    pb::AttributionRun { policy: Some(policy), ..Default::default() }
}

async fn credit(fixture: &Fixture, run: &str, id: &str) -> (pb::Credit, String) {
    let ask = pb::ExplainRecordRequest {
        attribution_run_id: run.into(),
        account_id: account(1).to_string(),
        external_id: id.into(),
        ..Default::default()
    };
    let told = fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner();
    (told.credit.unwrap(), told.lines.join(" "))
}

async fn kinds(fixture: &Fixture, run: &str) -> Vec<(String, String)> {
    let ask = pb::ListFindingsRequest { attribution_run_id: run.into(), page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    found.into_iter().map(|f| (f.kind, f.detail)).collect()
}

fn parts(credit: &pb::Credit) -> Vec<(String, u32)> {
    credit.shares.iter().map(|share| (share.person_id.clone(), share.ppm)).collect()
}

on_both!(a_shared_record_is_credited_by_roles_and_explained_by_rule_and_version, flavor = "multi_thread");
async fn a_shared_record_is_credited_by_roles_and_explained_by_rule_and_version(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    let rows = vec![
        shared("whole", &[(FirstAnswer, "E0001"), (Closer, "E0002"), (AfterSales, "E0003")]),
        shared("two", &[(FirstAnswer, "E0001"), (Closer, "E0002")]),
        shared("odd", &[(Closer, "E0001"), (AfterSales, "Nobody")]),
    ];
    assert_eq!(fixture.import(1, rows).await.written, 3);
    let started = fixture.attribute(run(Some(split()))).await;
    assert_eq!(started.policy.as_ref().unwrap().split, Some(split()), "the rule is told with the run");
    let rungs: Vec<_> = started.summary.as_ref().unwrap().rungs.iter().filter(|rung| rung.records > 0).collect();
    assert_eq!((rungs.len(), rungs[0].rung.as_str(), rungs[0].records), (1, "split", 3), "{rungs:?}");
    let id = started.attribution_run_id;
    let (whole, lines) = credit(&fixture, &id, "whole").await;
    assert_eq!(whole.rung(), pb::Rung::Split);
    let expected = [(1, 300_000), (2, 500_000), (3, 200_000)].map(|(n, ppm)| (person(n).to_string(), ppm));
    assert_eq!((parts(&whole), whole.evidence.as_str()), (expected.to_vec(), "contributors"));
    assert!(["spring", "E0003", "50 %"].into_iter().all(|part| lines.contains(part)), "{lines}");
    let (two, _) = credit(&fixture, &id, "two").await;
    assert_eq!(parts(&two), [(1, 375_000), (2, 625_000)].map(|(n, ppm)| (person(n).to_string(), ppm)));
    let (odd, lines) = credit(&fixture, &id, "odd").await;
    assert_eq!(parts(&odd), [(person(1).to_string(), 1_000_000)]);
    assert!(lines.contains("Nobody"), "{lines}");
    let found = kinds(&fixture, &id).await;
    let told = |kind: &str, name: &str| found.iter().any(|(k, detail)| k == kind && detail.contains(name));
    assert!(told("CONTRIBUTOR_UNKNOWN", "Nobody") && told("CONTRIBUTOR_OFF_DUTY", "E0003"), "{found:?}");
    assert!(!found.iter().any(|(kind, _)| kind == "CONTRIBUTORS_NOT_SPLIT"), "{found:?}");
}

on_both!(without_a_rule_contributors_are_kept_told_and_count_for_nothing, flavor = "multi_thread");
async fn without_a_rule_contributors_are_kept_told_and_count_for_nothing(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    let named = [(FirstAnswer, "E0001"), (Closer, "E0002")];
    fixture.import(1, vec![shared("a", &named), by("", "b", "2026-03-02T06:00:00Z")]).await;
    let id = fixture.attribute(run(None)).await.attribution_run_id;
    let (one, lines) = credit(&fixture, &id, "a").await;
    let (other, _) = credit(&fixture, &id, "b").await;
    assert_eq!((one.rung(), parts(&one).len()), (other.rung(), parts(&other).len()), "as one that names nobody");
    assert!(lines.contains("no part"), "{lines}");
    let found = kinds(&fixture, &id).await;
    assert!(
        found.iter().any(|(kind, detail)| kind == "CONTRIBUTORS_NOT_SPLIT" && detail.starts_with('1')),
        "{found:?}"
    );
    let ask = pb::GetRecordRequest { account_id: account(1).to_string(), external_id: "a".into(), known_at: None };
    let kept = fixture.records().get_record(fixture.admin.request(ask)).await.unwrap().into_inner().record.unwrap();
    assert_eq!(kept.contributors, shared("a", &named).contributors);
}

on_both!(contributors_are_content_that_versions_keep_and_refusals_name, flavor = "multi_thread");
async fn contributors_are_content_that_versions_keep_and_refusals_name(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    let first = shared("a", &[(Closer, "E0001")]);
    assert_eq!(fixture.import(1, vec![first.clone()]).await.written, 1);
    let turned = shared("a", &[(Closer, "E0002")]);
    assert_eq!(problems(&fixture.import(1, vec![turned.clone()]).await), [(0, "DIFFERENT_CONTENT")]);
    let revised = pb::Record { revision: 1, ..turned.clone() };
    assert_eq!(fixture.import(1, vec![revised.clone()]).await.revised, 1);
    assert_eq!(fixture.import(1, vec![revised]).await.unchanged, 1);
    let ask = pb::ListRecordVersionsRequest {
        account_id: account(1).to_string(),
        external_id: "a".into(),
        ..Default::default()
    };
    let versions =
        fixture.records().list_record_versions(fixture.admin.request(ask)).await.unwrap().into_inner().versions;
    let named: Vec<_> = versions.iter().map(|v| v.record.as_ref().unwrap().contributors[0].agent.as_str()).collect();
    assert_eq!(named, ["E0002", "E0001"]);
    let id = fixture.attribute(run(Some(split()))).await.attribution_run_id;
    assert_eq!(parts(&credit(&fixture, &id, "a").await.0), [(person(2).to_string(), 1_000_000)]);
    let bad = [
        shared("b", &[(Role::Unspecified, "E0001")]),
        shared("c", &[(Closer, "")]),
        shared("d", &[(Closer, "E1;closer=E2")]),
        shared("e", &[(Closer, "E0001"), (Closer, "E0001")]),
        shared("f", &[(Closer, "E\u{200b}1")]),
    ];
    let refused = fixture.import(1, bad.to_vec()).await;
    let told: Vec<_> = problems(&refused).into_iter().map(|(_, reason)| reason).collect();
    let malformed = "CONTRIBUTORS_MALFORMED";
    assert_eq!(told, [malformed, malformed, malformed, malformed, "ID_WITH_UNSEEN"]);
    let cut = pb::ContributorSplit { closer_ppm: 499_999, ..split() };
    let run = pb::AttributionRun { period: cycle("").period, ..run(Some(cut)) };
    let start = pb::StartAttributionRunRequest { run: Some(run), ..Default::default() };
    assert_eq!(reason(fixture.runs().start_attribution_run(fixture.admin.request(start)).await), "INVALID_REQUEST");
}
