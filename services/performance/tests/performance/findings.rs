//! What is odd before anything is closed, whom it is told, and putting it right.

use tally_access::Permission;
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1 as common;
use tally_api::json;
use tally_api::performance::v1 as pb;
use tally_rpc::error_from;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, account, at, by, import, person, reason, record};

const CORRECTIONS: &str = "tally.attendance.v1.CorrectionService";

/// North has E0001 on its account 1 and E0003 on 3, all of a morning.
fn told() -> PeerFacts {
    let mut told = PeerFacts::of(3, 3);
    for n in [1, 3] {
        told.on_duty(n, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    }
    told
}

fn punch(n: u128) -> att::CorrectPunchRequest {
    att::CorrectPunchRequest {
        action: att::CorrectionAction::Add.into(),
        person_id: person(n).to_string(),
        at: at("2026-03-02T09:00:00Z"),
        kind: att::PunchKind::Out.into(),
        ..Default::default()
    }
}

fn argument(name: &str, value: &str) -> common::Argument {
    common::Argument { name: name.into(), value: value.into() }
}

/// E0001 has not punched out, which attendance says how to mend, and held an account together with E0003.
fn odd() -> Vec<common::Finding> {
    let request = json::request(CORRECTIONS, "CorrectPunch", &punch(1)).unwrap();
    let missing = common::Finding {
        kind: "MISSING_PUNCH".into(),
        subject: "E0001".into(),
        at: "2026-03-02T08:00:00+08:00".into(),
        message: "DUTY_LONE_IN".into(),
        arguments: vec![
            argument("number", "E0001"),
            argument("at", "2026-03-02T08:00:00+08:00"),
            argument("hours", "16"),
        ],
        person_id: person(1).to_string(),
        fix: Some(common::Fix { service: CORRECTIONS.into(), method: "CorrectPunch".into(), request }),
        ..Default::default()
    };
    let both = [("first", "E0001"), ("second", "E0003"), ("account", "JD/shop/a0001"), ("why", "exclusive")];
    let times = [("from", "2026-03-02T09:00:00+08:00"), ("until", "2026-03-02T10:00:00+08:00")];
    let overlap = common::Finding {
        kind: "OVERLAP".into(),
        subject: "JD/shop/a0001".into(),
        message: "DUTY_HELD_BY_TWO".into(),
        arguments: both.into_iter().chain(times).map(|(name, value)| argument(name, value)).collect(),
        person_id: person(1).to_string(),
        ..Default::default()
    };
    vec![missing, overlap]
}

async fn run_with(on: Backend, told: PeerFacts, records: Vec<pb::Record>) -> (Fixture, String) {
    let fixture = Fixture::working(on, told).await;
    fixture.import(1, records).await;
    fixture.import(3, vec![record("there", "2026-03-02T04:00:00Z")]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await;
    assert_eq!(run.state(), pb::AttributionRunState::Done, "{}", run.failure);
    (fixture, run.attribution_run_id)
}

async fn of_kind(fixture: &Fixture, run: &str, kind: &str) -> common::Finding {
    let ask = pb::ListFindingsRequest { attribution_run_id: run.into(), page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let of_kind = |f: &&common::Finding| f.kind == kind;
    found.iter().find(of_kind).unwrap_or_else(|| panic!("no {kind} in {found:?}")).clone()
}

async fn apply(
    fixture: &Fixture,
    by: &Caller,
    finding: &common::Finding,
) -> Result<tonic::Response<pb::ApplyFixResponse>, tonic::Status> {
    let ask = pb::ApplyFixRequest {
        request_id: "mend".into(),
        finding_id: finding.finding_id.clone(),
        reason: "the terminal was broken".into(),
    };
    fixture.findings().apply_fix(by.request(ask)).await
}

on_both!(
    what_is_odd_is_listed_before_a_cycle_is_closed_and_its_fix_goes_as_the_callers_own_call,
    flavor = "multi_thread"
);
async fn what_is_odd_is_listed_before_a_cycle_is_closed_and_its_fix_goes_as_the_callers_own_call(on: Backend) {
    let mut told = told();
    told.findings = odd();
    let (fixture, run) = run_with(on, told, vec![record("a", "2026-03-02T05:00:00Z")]).await;
    let missing = of_kind(&fixture, &run, "MISSING_PUNCH").await;
    assert_eq!((missing.fix.clone(), missing.person_id.clone()), (odd()[0].fix.clone(), person(1).to_string()));
    assert!(missing.advice.contains("CorrectPunch"), "{}", missing.advice);
    let overlap = of_kind(&fixture, &run, "OVERLAP").await;
    assert!(overlap.fix.is_none() && overlap.advice.contains("release"), "{overlap:?}");
    let (mine, other) = (fixture.agent(1, &[Permission::CreditRead]), fixture.agent(3, &[Permission::CreditRead]));
    assert_eq!(reason(apply(&fixture, &other, &missing).await), "NOT_FOUND", "of somebody else");
    assert_eq!(reason(apply(&fixture, &mine, &overlap).await), "FINDING_WITHOUT_FIX");
    let ask = pb::ApplyFixRequest { finding_id: missing.finding_id.clone(), ..Default::default() };
    assert_eq!(
        reason(fixture.findings().apply_fix(mine.request(ask)).await),
        "INVALID_REQUEST",
        "nothing without a reason"
    );
    assert!(fixture.asked().is_empty());
    let done = apply(&fixture, &mine, &missing).await.unwrap().into_inner();
    let sent = att::CorrectPunchRequest {
        request_id: "mend/fix".into(),
        reason: "the terminal was broken".into(),
        ..punch(1)
    };
    assert_eq!(fixture.asked(), std::slice::from_ref(&sent));
    let fix = done.fix.as_ref().unwrap();
    assert_eq!(json::read_request::<att::CorrectPunchRequest>(&fix.service, &fix.method, &fix.request).unwrap(), sent);
    assert!(done.answer.contains("CORRECTION_STATE_WAITING"), "{}", done.answer);
    assert_eq!(apply(&fixture, &mine, &missing).await.unwrap().into_inner(), done, "the same request, the same result");
    let (request_id, finding_id) = ("once more".to_owned(), missing.finding_id.clone());
    let ask = pb::ApplyFixRequest { request_id, finding_id, reason: "the terminal was broken".into() };
    let refused = error_from(fixture.findings().apply_fix(mine.request(ask)).await.unwrap_err());
    assert_eq!(refused.reason(), "NOTHING_CHANGES");
    let told = tally_i18n::text(tally_kernel::Locale::En, refused.message());
    assert!(told.contains("CloseCycle") && told.contains("what it finds"), "{told}");
}

on_both!(everybody_reads_what_is_odd_about_them_and_the_number_of_nobody_else, flavor = "multi_thread");
async fn everybody_reads_what_is_odd_about_them_and_the_number_of_nobody_else(on: Backend) {
    let mut told = told();
    told.findings = odd();
    let (fixture, run) = run_with(on, told, vec![record("a", "2026-03-02T05:00:00Z")]).await;
    let list = async |by: &Caller, n| {
        let ask = pb::ListPersonFindingsRequest { person_id: person(n).to_string(), ..Default::default() };
        fixture.findings().list_person_findings(by.request(ask)).await.unwrap().into_inner()
    };
    let mine = fixture.agent(1, &[Permission::CreditRead]);
    let own = list(&mine, 1).await;
    assert_eq!((own.findings.len(), own.attribution_run_id.as_str()), (2, run.as_str()));
    let told = own.findings.iter().map(|f| f.detail.as_str()).collect::<Vec<_>>().join(" ");
    assert!(told.contains("E0001") && told.contains("***") && !told.contains("E0003"), "{told}");
    assert!(own.findings.iter().flat_map(|f| &f.arguments).all(|arg| arg.value != "E0003"));
    let other = list(&mine, 3).await;
    assert_eq!((other.findings.len(), other.attribution_run_id.as_str()), (0, ""), "nothing of somebody else");
    let lead = list(&fixture.of_unit(NORTH, &[Permission::CreditRead]), 1).await;
    assert!(lead.findings.iter().any(|f| f.detail.contains("E0003")), "who reaches the account reads all of it");
    let ask =
        pb::ListFindingsRequest { attribution_run_id: run, person_id: person(1).to_string(), ..Default::default() };
    let by_run = fixture.attribution().list_findings(mine.request(ask)).await.unwrap().into_inner();
    assert_eq!(by_run.findings, own.findings, "by the run as well");
}

on_both!(
    a_record_that_names_somebody_who_served_elsewhere_moves_there_by_the_rights_of_who_asks,
    flavor = "multi_thread"
);
async fn a_record_that_names_somebody_who_served_elsewhere_moves_there_by_the_rights_of_who_asks(on: Backend) {
    let records = vec![by("E0003", "astray", "2026-03-02T05:00:00Z")];
    let (fixture, run) = run_with(on, told(), records).await;
    let astray = of_kind(&fixture, &run, "TAG_OFF_DUTY").await;
    let fix = astray.fix.clone().unwrap();
    let asked: pb::MoveRecordRequest = json::read_request(&fix.service, &fix.method, &fix.request).unwrap();
    let (from, to) = (import(1, vec![]), import(3, vec![]));
    let expected = pb::MoveRecordRequest {
        account_id: from.account_id,
        region: from.region,
        unit_id: from.unit_id,
        external_id: "astray".into(),
        to_account_id: to.account_id,
        to_region: to.region,
        to_unit_id: to.unit_id,
        ..Default::default()
    };
    assert_eq!(asked, expected);
    let reader = fixture.of_unit(NORTH, &[Permission::CreditRead]);
    assert_eq!(reason(apply(&fixture, &reader, &astray).await), "PERMISSION_DENIED", "who reads moves nothing");
    apply(&fixture, &fixture.admin, &astray).await.unwrap();
    let ask = pb::GetRecordRequest { account_id: account(3).to_string(), external_id: "astray".into(), known_at: None };
    fixture.records().get_record(fixture.admin.request(ask)).await.expect("on the account that it is of");
    apply(&fixture, &fixture.admin, &astray).await.expect("the same request, the same result");
}

on_both!(a_name_is_proposed_for_whoever_served_the_account_alone, flavor = "multi_thread");
async fn a_name_is_proposed_for_whoever_served_the_account_alone(on: Backend) {
    // E0001 was on duty for account 1, which E0003 is named on, too; E0003 alone for 3; nobody for 2, which E0002 is named on.
    let day = "2026-03-02T06:00:00Z";
    let fixture = Fixture::working(on, told()).await;
    fixture.import(1, vec![by("Mimi", "1", day), by("E0003", "2", day)]).await;
    fixture.import(2, vec![by("Kiki", "3", day), by("E0002", "4", day)]).await;
    fixture.import(3, vec![by("Lulu", "5", day)]).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let ask = pb::ListFindingsRequest { attribution_run_id: run, page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let proposed = |account: &str| {
        let of_account = |f: &&common::Finding| f.kind == "UNKNOWN_AGENT" && f.subject == account;
        let fix = found.iter().find(of_account).unwrap_or_else(|| panic!("{account} in {found:?}")).fix.as_ref()?;
        let asked: att::ImportAliasesRequest = json::read_request(&fix.service, &fix.method, &fix.request).unwrap();
        let row = asked.rows.into_iter().next().unwrap();
        Some((row.platform, row.alias, row.person_id, row.from))
    };
    let theirs = |alias: &str, n| Some(("JD".into(), alias.into(), person(n).to_string(), "2026-03-01".into()));
    assert_eq!(proposed("JD/shop/a0001"), None, "two served it");
    assert_eq!(proposed("JD/shop/a0002"), theirs("Kiki", 2), "who is named served it");
    assert_eq!(proposed("JD/shop/a0003"), theirs("Lulu", 3), "who was on duty served it");
}
