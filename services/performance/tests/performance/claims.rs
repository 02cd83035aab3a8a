//! Who said with a click that a dialogue is theirs.

use std::slice::from_ref;

use jiff::{SignedDuration, Timestamp};
use tally_access::Permission;
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::claim_service_client::ClaimServiceClient;
use tally_api::performance::v1::privacy_service_client::PrivacyServiceClient;
use tally_rpc::RpcChannel;
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::corrections::{LATER, asked, components, correct, publish};
use crate::fixture::{Fixture, NORTH, PeerFacts, account, at, cycle, import, person, problems, reason, record, scheme};
use crate::replay::replayed;

const T1: &str = "2026-03-02T01:00:10Z";
const OWN: &[Permission] = &[Permission::ClaimRecord, Permission::RecordRead];

/// Somebody's claim of a record on an account; of the next one where it has no name.
fn claim(a: u128, p: u128, at_text: &str, external_id: &str) -> pb::Claim {
    pb::Claim {
        account_id: account(a).to_string(),
        person_id: person(p).to_string(),
        at: at(at_text),
        external_id: external_id.into(),
        ..Default::default()
    }
}

fn of_customer(a: u128, p: u128, at_text: &str, customer: &str) -> pb::Claim {
    pb::Claim { customer: customer.into(), ..claim(a, p, at_text, "") }
}

fn all(a: u128) -> pb::ListClaimsRequest {
    pb::ListClaimsRequest { account_id: account(a).to_string(), ..Default::default() }
}

fn stamp(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

impl Fixture {
    fn claims(&self) -> ClaimServiceClient<RpcChannel> {
        ClaimServiceClient::new(self.channel.clone())
    }

    async fn claim_as(&self, caller: &Caller, rows: Vec<pb::Claim>) -> common::ImportResult {
        let ask = pb::ImportClaimsRequest { rows, ..Default::default() };
        self.claims().import_claims(caller.request(ask)).await.unwrap().into_inner().result.unwrap()
    }

    async fn claim(&self, rows: Vec<pb::Claim>) -> common::ImportResult {
        self.claim_as(&self.admin, rows).await
    }

    /// The claims on an account that a caller is told of.
    async fn claimed(&self, caller: &Caller, ask: pb::ListClaimsRequest) -> Vec<pb::Claim> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = pb::ListClaimsRequest { page_size: 2, page_token, ..ask.clone() };
            let page = self.claims().list_claims(caller.request(ask)).await.unwrap().into_inner();
            assert!(page.claims.len() <= 2);
            all.extend(page.claims);
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }

    async fn take_back(&self, caller: &Caller, claim_id: &str) -> Result<pb::Claim, String> {
        let ask = pb::WithdrawClaimRequest { claim_id: claim_id.into(), reason: "a slip".into(), ..Default::default() };
        let done = self.claims().withdraw_claim(caller.request(ask)).await;
        done.map(|done| done.into_inner().claim.unwrap()).map_err(|e| tally_rpc::error_from(e).reason().to_owned())
    }

    /// Findings about claims: kind, account, and the first words of what is told.
    async fn of_claims(&self, cycle_id: &str) -> Vec<(String, String, String)> {
        let ask = pb::ListFindingsRequest { cycle_id: cycle_id.into(), page_size: 100, ..Default::default() };
        let found = self.attribution().list_findings(self.admin.request(ask)).await.unwrap().into_inner().findings;
        let words = |detail: &str| detail.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let of_claims = found.into_iter().filter(|found| found.kind.starts_with("CLAIM"));
        of_claims.map(|found| (found.kind, found.subject, words(&found.detail))).collect()
    }

    /// By record the rung, and the last digit of who has it alone.
    async fn credited(&self, cycle_id: &str) -> Vec<(String, pb::Rung, String)> {
        let credits = self.credits(&self.admin, cycle_id).await;
        let whole = |credit: &pb::Credit| match &credit.shares[..] {
            [share] => share.person_id.chars().last().map(String::from).unwrap_or_default(),
            _ => String::new(),
        };
        credits.iter().map(|credit| (credit.external_id.clone(), credit.rung(), whole(credit))).collect()
    }
}

/// The first and the third person are on duty on the first account, which has records from hour to hour; nobody is on the third.
async fn desk(on: Backend) -> Fixture {
    let mut told = PeerFacts::of(4, 3);
    for n in [1, 3] {
        told.on_duty(1, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z");
    }
    told.on_duty(2, 4, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z");
    let fixture = Fixture::working(on, told).await;
    let of = |(id, hour): (&str, u32)| record(id, &format!("2026-03-02T{hour:02}:00:00Z"));
    let mut rows: Vec<_> = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)].map(of).into();
    rows[3].customer = "周".into();
    rows.push(record("april", "2026-04-01T01:00:00Z"));
    fixture.import(1, rows).await;
    fixture.import(2, vec![record("z", "2026-03-02T01:00:00Z")]).await;
    fixture
}

on_both!(a_month_is_replayed_by_the_claims_of_then, flavor = "multi_thread");
async fn a_month_is_replayed_by_the_claims_of_then(on: Backend) {
    let mut fixture = desk(on).await;
    fixture.claim(vec![claim(1, 1, T1, "a"), claim(1, 3, "2026-03-02T02:00:10Z", "b")]).await;
    let id = fixture.march().await;
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
    fixture.pass(LATER);
    let made = fixture.claimed(&fixture.admin, all(1)).await;
    fixture.take_back(&fixture.admin, &made[0].claim_id).await.unwrap();
    fixture.claim(vec![claim(1, 3, "2026-03-02T05:00:10Z", "e")]).await;
    let replay = replayed(&fixture, &id).await;
    assert!(replay.same && replay.digest_then == replay.digest_now, "{:?}", replay.differences);
    assert_ne!(
        fixture.close(&id).await.summary.unwrap().digest,
        replay.digest_then,
        "it is closed by the claims of now"
    );
}

on_both!(claims_credit_what_they_fit_and_what_they_do_not_is_told, flavor = "multi_thread");
async fn claims_credit_what_they_fit_and_what_they_do_not_is_told(on: Backend) {
    let mut fixture = desk(on).await;
    let rows = vec![
        claim(1, 1, T1, "a"),
        claim(1, 1, "2026-03-02T02:00:10Z", "b"),
        claim(1, 3, "2026-03-02T02:00:20Z", "b"),
        claim(1, 3, "2026-03-02T02:59:30Z", ""),
        of_customer(1, 3, "2026-03-02T04:03:00Z", "周"),
        claim(1, 2, "2026-03-02T05:00:10Z", "e"),
        claim(1, 1, "2026-03-02T06:00:10Z", "f"),
        claim(1, 1, "2026-03-02T07:00:00Z", "never"),
        of_customer(1, 1, "2026-03-02T07:01:00Z", "nobody"),
        // Of a record of another month: it is no claim of one that never came.
        claim(1, 1, "2026-03-02T07:02:00Z", "april"),
        // Made in another month.
        claim(1, 3, "2026-04-01T01:00:00Z", "e"),
        // Of an account without any record.
        claim(3, 1, T1, ""),
    ];
    let sent = fixture.claim(rows.clone()).await;
    assert_eq!((sent.written, sent.problems.len()), (12, 0), "{sent:?}");
    let sent = fixture.claim(rows).await;
    assert_eq!((sent.written, sent.unchanged, sent.problems.len()), (0, 12, 0), "{sent:?}");
    let slip =
        fixture.claimed(&fixture.admin, all(1)).await.into_iter().find(|claim| claim.external_id == "f").unwrap();
    fixture.take_back(&fixture.admin, &slip.claim_id).await.unwrap();
    let id = fixture.march().await;
    fixture.pass(SignedDuration::from_secs(1));
    let closed = fixture.close(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    use pb::Rung::{Claim, Equal, Sole};
    let expected = [
        ("a", Claim, "1"),
        ("b", Equal, ""),
        ("c", Claim, "3"),
        ("d", Claim, "3"),
        ("e", Equal, ""),
        ("f", Equal, ""),
        ("z", Sole, "4"),
    ];
    let told = fixture.credited(&id).await;
    let told: Vec<_> = told.iter().map(|(id, rung, who)| (id.as_str(), *rung, who.as_str())).collect();
    assert_eq!(told, expected);
    let explained = async |external_id: &str| {
        let (account_id, external_id) = (account(1).to_string(), external_id.to_owned());
        let ask = pb::ExplainRecordRequest { cycle_id: id.clone(), account_id, external_id, ..Default::default() };
        let told = fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner();
        told.lines[told.lines.len() - 2..].join(" ")
    };
    let of_a = explained("a").await;
    assert!(of_a.contains("a click: E0001") && of_a.ends_with("E0001 clicked at 2026-03-02 09:00:10."), "{of_a}");
    assert!(explained("c").await.ends_with("E0003 clicked at 2026-03-02 10:59:30."));
    assert!(!explained("b").await.contains("clicked at"));
    let ask = pb::ListFindingsRequest { cycle_id: id.clone(), page_size: 100, ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let mut of_claims: Vec<_> = found.iter().filter(|found| found.kind.starts_with("CLAIM")).collect();
    of_claims.sort_by_key(|found| (&found.kind, &found.subject, &found.detail));
    let told: Vec<_> = of_claims.iter().map(|found| (found.kind.as_str(), found.subject.as_str())).collect();
    let (desk, without) = ("JD/shop/a0001", "CLAIM_WITHOUT_RECORD");
    let kinds = [("CLAIMS_DIFFER", desk), ("CLAIM_OFF_DUTY", desk), (without, desk), (without, "JD/shop/a0003")];
    assert_eq!(told, kinds, "{of_claims:?}");
    let details: Vec<_> = of_claims.iter().map(|found| found.detail.as_str()).collect();
    let (click, before) = ("2026-03-02T10:00:20+08:00", "2026-03-02T10:00:10+08:00");
    let both = format!("E0003 claimed b at {click}, and E0001 had claimed it at {before}: neither claim decides");
    assert_eq!(details[0], both);
    let begins = ["E0002 claimed 1 dialogue ", "E0001 claimed 2 dialogues ", "E0001 claimed 1 dialogue "];
    assert!(details[1..].iter().zip(begins).all(|(detail, begin)| detail.starts_with(begin)), "{details:?}");
    // They are dated by the click.
    let dates: Vec<_> = of_claims.iter().map(|found| found.at.as_str()).collect();
    let expected = [click, "2026-03-02T13:00:10+08:00", "2026-03-02T15:00:00+08:00", "2026-03-02T09:00:10+08:00"];
    assert_eq!(dates, expected);
}

on_both!(a_version_that_knows_no_claims_says_of_each_account_how_many_it_does_not_read);
async fn a_version_that_knows_no_claims_says_of_each_account_how_many_it_does_not_read(on: Backend) {
    let fixture = desk(on).await;
    let april = claim(1, 3, "2026-04-01T01:00:00Z", "april");
    fixture.claim(vec![claim(1, 1, T1, "a"), claim(1, 3, T1, ""), april, claim(3, 1, T1, "")]).await;
    let policy = |version: &str| Some(pb::AttributionPolicy { version: version.into(), ..Default::default() });
    let unread = async |version: &str| {
        let run = fixture.attribute(pb::AttributionRun { policy: policy(version), ..Default::default() }).await;
        let attribution_run_id = run.attribution_run_id;
        let ask = pb::ListFindingsRequest { attribution_run_id, page_size: 100, ..Default::default() };
        let found =
            fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
        let unread = found.into_iter().filter(|found| found.kind == "EVIDENCE_NOT_READ");
        let mut unread: Vec<_> = unread.map(|found| (found.subject, found.detail)).collect();
        unread.sort_unstable();
        unread
    };
    let said = |account: &str, version: &str, claims: u8| {
        let detail = format!(
            "version {version} of the policy reads no claims, devices or times of messages. For the month the account has: claims, \
             {claims}; records with times of messages, 0; devices that records or messages name, 0"
        );
        (account.to_owned(), detail)
    };
    for version in ["1", "2"] {
        let expected = [said("JD/shop/a0001", version, 2), said("JD/shop/a0003", version, 1)];
        assert_eq!(unread(version).await, expected);
    }
    assert_eq!(unread("3").await, []);
}

on_both!(an_agent_claims_reads_and_takes_back_the_own_and_nothing_else);
async fn an_agent_claims_reads_and_takes_back_the_own_and_nothing_else(on: Backend) {
    let fixture = desk(on).await;
    let (one, three) = (fixture.agent(1, OWN), fixture.agent(3, OWN));
    let ask = |external_id: &str, customer: &str| pb::MakeClaimRequest {
        request_id: format!("{external_id}{customer}"),
        account_id: account(1).to_string(),
        external_id: external_id.into(),
        customer: customer.into(),
    };
    let make = async |caller: &Caller, ask: pb::MakeClaimRequest| {
        let made = fixture.claims().make_claim(caller.request(ask)).await;
        made.map(|made| made.into_inner().claim.unwrap()).map_err(|e| tally_rpc::error_from(e).reason().to_owned())
    };
    let made = make(&one, ask("a", "")).await.unwrap();
    let now = stamp(fixture.callers.clock.now());
    assert_eq!((&made.person_id, made.at, made.recorded_at), (&person(1).to_string(), now, now));
    fixture.callers.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(make(&one, ask("a", "")).await.unwrap(), made, "the same request");
    let other = make(&three, ask("", "周")).await.unwrap();
    assert_eq!(make(&one, ask("a", "周")).await.unwrap_err(), "INVALID_REQUEST", "one of both");
    assert_eq!(make(&one, ask(&"x".repeat(201), "")).await.unwrap_err(), "INVALID_REQUEST");
    let elsewhere = pb::MakeClaimRequest { account_id: account(9).to_string(), ..ask("x", "") };
    assert_eq!(make(&one, elsewhere).await.unwrap_err(), "NOT_FOUND");
    assert_eq!(make(&fixture.admin, ask("b", "")).await.unwrap_err(), "NO_PERSON", "nobody claims for a machine");
    let reads = fixture.agent(1, &[Permission::RecordRead]);
    assert_eq!(make(&reads, ask("b", "")).await.unwrap_err(), "PERMISSION_DENIED");
    let import = pb::ImportClaimsRequest { rows: vec![claim(1, 3, T1, "a")], ..Default::default() };
    assert_eq!(reason(fixture.claims().import_claims(one.request(import)).await), "PERMISSION_DENIED");
    // Each is told of the own.
    assert_eq!(fixture.claimed(&one, all(1)).await, from_ref(&made));
    assert_eq!(fixture.claimed(&three, all(1)).await, from_ref(&other));
    assert_eq!(fixture.claimed(&fixture.admin, all(1)).await, [made.clone(), other.clone()]);
    let later = pb::ListClaimsRequest { from: other.at, ..all(1) };
    assert_eq!(fixture.claimed(&fixture.admin, later).await, from_ref(&other));
    let earlier = pb::ListClaimsRequest { to: other.at, ..all(1) };
    assert_eq!(fixture.claimed(&fixture.admin, earlier).await, from_ref(&made));
    // And takes back the own, once.
    assert_eq!(fixture.take_back(&three, &made.claim_id).await.unwrap_err(), "NOT_FOUND");
    let before = fixture.callers.clock.now();
    fixture.callers.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(fixture.take_back(&one, &made.claim_id).await.unwrap(), made);
    assert_eq!(fixture.take_back(&one, &made.claim_id).await.unwrap_err(), "NOT_FOUND");
    assert!(fixture.claimed(&one, all(1)).await.is_empty());
    let then = pb::ListClaimsRequest { known_at: stamp(before), ..all(1) };
    assert_eq!(fixture.claimed(&one, then).await.len(), 1, "as it was known");
    let [was] = &fixture.claimed(&one, pb::ListClaimsRequest { withdrawn: true, ..all(1) }).await[..] else {
        panic!("one claim")
    };
    assert_eq!((was.until, was.reason.as_str()), (stamp(fixture.callers.clock.now()), "a slip"));
    assert_eq!(was.ended_by, one.actor.principal.to_string());
    // A feed that is sent again brings it not back.
    let sent = fixture.claim(vec![pb::Claim { at: made.at, ..claim(1, 1, T1, "a") }]).await;
    assert_eq!(problems(&sent), [(0, "CLAIM_WITHDRAWN")]);
    assert!(sent.problems[0].message.contains("a slip"), "{sent:?}");
}

on_both!(a_row_that_cannot_be_is_refused_by_itself_and_the_others_go_in_within_reach);
async fn a_row_that_cannot_be_is_refused_by_itself_and_the_others_go_in_within_reach(on: Backend) {
    let fixture = desk(on).await;
    let rows = vec![
        claim(1, 1, T1, "a"),
        claim(1, 1, T1, "a"),
        claim(9, 1, T1, "a"),
        claim(1, 9, T1, "a"),
        pb::Claim { account_id: "JD/shop/a".into(), ..claim(1, 1, T1, "a") },
        pb::Claim { person_id: "E0001".into(), at: None, ..claim(1, 1, T1, "a") },
        claim(1, 1, "1850-01-01T00:00:00Z", "a"),
        of_customer(1, 1, T1, &"x".repeat(201)),
        pb::Claim { customer: "周".into(), ..claim(1, 1, T1, "a") },
        claim(1, 3, T1, ""),
    ];
    let sent = fixture.claim(rows).await;
    assert_eq!((sent.written, sent.unchanged), (2, 1), "{sent:?}");
    let expected = [
        (2, "ACCOUNT_UNKNOWN"),
        (3, "PERSON_UNKNOWN"),
        (4, "ROW_INVALID"),
        (5, "ROW_INVALID"),
        (6, "ROW_INVALID"),
        (7, "ROW_INVALID"),
        (8, "ROW_INVALID"),
    ];
    assert_eq!(problems(&sent), expected, "{sent:?}");
    let both = &sent.problems[3].message;
    assert!(both.contains("person_id") && both.contains("at:"), "all that is wrong: {both}");
    let north = fixture.of_unit(NORTH, &[Permission::RecordImport, Permission::RecordRead]);
    let sent = fixture.claim_as(&north, vec![claim(2, 1, T1, "z"), claim(1, 3, T1, "b"), claim(1, 3, T1, "b")]).await;
    assert_eq!((sent.written, sent.unchanged, problems(&sent)), (1, 1, vec![(0, "CLAIM_OUT_OF_REACH")]));
    fixture.claim(vec![claim(2, 4, T1, "z")]).await;
    assert_eq!((fixture.claimed(&north, all(1)).await.len(), fixture.claimed(&north, all(2)).await.len()), (3, 0));
    let rows = vec![claim(1, 1, T1, "a"); 5_001];
    let ask = pb::ImportClaimsRequest { rows, ..Default::default() };
    assert_eq!(reason(fixture.claims().import_claims(fixture.admin.request(ask)).await), "INVALID_REQUEST");
}

on_both!(claims_that_came_or_went_since_are_a_change_and_what_they_touch_is_derived_anew, flavor = "multi_thread");
async fn claims_that_came_or_went_since_are_a_change_and_what_they_touch_is_derived_anew(on: Backend) {
    let mut fixture = desk(on).await;
    let id = fixture.march().await;
    fixture.pass(SignedDuration::from_secs(1));
    fixture.close(&id).await;
    publish(&fixture, &id).await.unwrap();
    fixture.pass(LATER);
    let changed = async |fixture: &Fixture| {
        let ask = pb::ListCycleChangesRequest { cycle_id: id.clone(), ..Default::default() };
        let told = fixture.changes().list_cycle_changes(fixture.admin.request(ask)).await.unwrap().into_inner();
        told.changes.iter().map(|change| change.records).sum::<u32>()
    };
    let since = stamp(fixture.callers.clock.now());
    fixture.claim(vec![claim(1, 1, "2026-04-01T01:00:10Z", "april")]).await;
    assert_eq!(changed(&fixture).await, 0, "of another month");
    fixture.claim(vec![claim(1, 1, T1, "a"), claim(1, 1, "2026-03-02T02:00:10Z", "b")]).await;
    assert_eq!(changed(&fixture).await, 2);
    fixture.pass(LATER);
    let correction = correct(&fixture, asked(&id, "the clicks came late")).await;
    assert_eq!(components(&fixture, &correction).await, ("2".into(), "1".into()), "the other account is taken over");
    let of = async |fixture: &Fixture, cycle: &str, n: usize| fixture.credited(cycle).await.swap_remove(n);
    assert_eq!(of(&fixture, &correction.cycle_id, 0).await, ("a".into(), pb::Rung::Claim, "1".into()));
    assert_eq!(of(&fixture, &correction.cycle_id, 1).await, ("b".into(), pb::Rung::Claim, "1".into()));
    publish(&fixture, &correction.cycle_id).await.unwrap();
    fixture.pass(LATER);
    assert_eq!(changed(&fixture).await, 0);
    let slip = fixture.claimed(&fixture.admin, all(1)).await.swap_remove(0);
    fixture.take_back(&fixture.admin, &slip.claim_id).await.unwrap();
    assert_eq!(changed(&fixture).await, 1);
    fixture.pass(LATER);
    let correction = correct(&fixture, asked(&id, "one was a slip")).await;
    assert_eq!(of(&fixture, &correction.cycle_id, 0).await, ("a".into(), pb::Rung::Equal, String::new()));
    assert_eq!(of(&fixture, &correction.cycle_id, 1).await, ("b".into(), pb::Rung::Claim, "1".into()));
    let ask = pb::ListRecordChangesRequest { since, ..Default::default() };
    let told = fixture.records().list_record_changes(fixture.admin.request(ask)).await.unwrap().into_inner().changes;
    let told: Vec<_> = told.into_iter().map(|change| (change.what, change.touched.unwrap().records)).collect();
    assert_eq!(told, [("claimed".to_owned(), 1), ("claimed".to_owned(), 2), ("claimed".to_owned(), 1)]);
}

on_both!(claims_are_told_and_removed_with_the_records_and_what_is_gone_is_not_brought_in_again);
async fn claims_are_told_and_removed_with_the_records_and_what_is_gone_is_not_brought_in_again(on: Backend) {
    let mut fixture = desk(on).await;
    fixture.claim(vec![claim(1, 1, T1, "a")]).await;
    let mut tables = PrivacyServiceClient::new(fixture.channel.clone());
    let ask = fixture.admin.request(common::ExportTenantRequest {});
    let mut parts = tables.export_tenant(ask).await.unwrap().into_inner();
    let mut told = String::new();
    while let Some(part) = parts.message().await.unwrap() {
        let piece = part.piece.filter(|piece| piece.table == "claims");
        told.extend(piece.map(|piece| String::from_utf8(piece.lines).unwrap()));
    }
    assert!(told.contains(r#""at_ms":1772413210000"#) && told.contains(r#""external_id":"a""#), "{told}");
    fixture.pass(SignedDuration::from_hours(24 * 1_130));
    assert_eq!(fixture.claim(vec![claim(1, 1, T1, "a")]).await.unchanged, 1, "what is there still is there");
    let ran = tables.run_retention(fixture.admin.request(common::RunRetentionRequest {})).await.unwrap().into_inner();
    let taken = ran.taken.iter().find(|taken| taken.table == "claims").map(|taken| taken.rows);
    assert_eq!(taken, Some(1), "{ran:?}");
    let told = fixture.claim(vec![claim(1, 1, T1, "a"), claim(1, 1, "2029-04-01T00:00:00Z", "b")]).await;
    assert_eq!((told.written, problems(&told)), (1, vec![(0, "PERIOD_PURGED")]));
}

on_both!(what_an_agent_claims_counts_once_they_are_on_duty_and_is_told_where_they_are_not, flavor = "multi_thread");
async fn what_an_agent_claims_counts_once_they_are_on_duty_and_is_told_where_they_are_not(on: Backend) {
    let mut told = PeerFacts::of(3, 1);
    for n in [1, 2] {
        told.on_duty(1, n, DutyRule::Roster, "2026-04-02T00:00:00Z", "2026-04-02T12:00:00Z");
    }
    told.on_duty(1, 3, DutyRule::Roster, "2026-04-03T00:00:00Z", "2026-04-03T12:00:00Z");
    let mut fixture = Fixture::working(on, told).await;
    let at_one = ["x", "y", "z"].map(|id| record(id, "2026-04-02T00:59:00Z"));
    fixture.import(1, at_one.into()).await;
    for (n, external_id) in [(1, "x"), (3, "y")] {
        let ask = pb::MakeClaimRequest {
            request_id: external_id.into(),
            account_id: account(1).to_string(),
            external_id: external_id.into(),
            ..Default::default()
        };
        let made = fixture.claims().make_claim(fixture.agent(n, OWN).request(ask)).await.unwrap().into_inner();
        assert_eq!(made.claim.unwrap().person_id, person(n).to_string(), "the claim is the caller's");
    }
    fixture.pass(SignedDuration::from_hours(24 * 40));
    let scheme_id = fixture.scheme(scheme()).await;
    let period = Some(common::Period { from: "2026-04-01".into(), to: "2026-04-30".into() });
    let id = fixture.make(pb::Cycle { period, ..cycle(&scheme_id) }).await.unwrap();
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
    use pb::Rung::{Claim, Equal};
    let expected = [("x", Claim, "1"), ("y", Equal, ""), ("z", Equal, "")];
    assert_eq!(fixture.credited(&id).await, expected.map(|(id, rung, who)| (id.into(), rung, who.into())));
    let off_duty = ("CLAIM_OFF_DUTY", "JD/shop/a0001", "E0003 claimed 1");
    assert_eq!(fixture.of_claims(&id).await, [off_duty].map(|(kind, of, how)| (kind.into(), of.into(), how.into())));
}

on_both!(a_claim_stays_on_its_account_when_the_record_moves_and_is_told_to_fit_none, flavor = "multi_thread");
async fn a_claim_stays_on_its_account_when_the_record_moves_and_is_told_to_fit_none(on: Backend) {
    let mut fixture = desk(on).await;
    fixture.claim(vec![claim(1, 1, T1, "a")]).await;
    let id = fixture.march().await;
    fixture.pass(SignedDuration::from_secs(1));
    fixture.close(&id).await;
    publish(&fixture, &id).await.unwrap();
    let rung = async |fixture: &Fixture, cycle: &str| {
        let all = fixture.credited(cycle).await;
        all.into_iter().find(|(id, ..)| id == "a").map(|(_, rung, who)| (rung, who))
    };
    assert_eq!(rung(&fixture, &id).await, Some((pb::Rung::Claim, "1".into())));
    assert_eq!(fixture.of_claims(&id).await, []);
    fixture.pass(LATER);
    let (here, there) = (import(1, Vec::new()), import(2, Vec::new()));
    let ask = pb::MoveRecordRequest {
        account_id: here.account_id,
        region: here.region,
        unit_id: here.unit_id,
        external_id: "a".into(),
        to_account_id: there.account_id,
        to_region: there.region,
        to_unit_id: there.unit_id,
        reason: "sent for the wrong shop".into(),
        ..Default::default()
    };
    fixture.records().move_record(fixture.admin.request(ask)).await.unwrap();
    let [stays] = &fixture.claimed(&fixture.admin, all(1)).await[..] else { panic!("one claim") };
    assert_eq!((stays.external_id.as_str(), &stays.person_id), ("a", &person(1).to_string()));
    assert!(fixture.claimed(&fixture.admin, all(2)).await.is_empty());
    fixture.pass(LATER);
    let moved = correct(&fixture, asked(&id, "it was the other shop")).await.cycle_id;
    assert_eq!(rung(&fixture, &moved).await, Some((pb::Rung::Sole, "4".into())), "whoever was on duty there");
    let without = ("CLAIM_WITHOUT_RECORD", "JD/shop/a0001", "E0001 claimed 1");
    assert_eq!(fixture.of_claims(&moved).await, [without].map(|(kind, of, how)| (kind.into(), of.into(), how.into())));
    publish(&fixture, &moved).await.unwrap();
    // Somebody who was on duty there may claim it there.
    fixture.pass(LATER);
    fixture.claim(vec![claim(2, 4, T1, "a")]).await;
    fixture.pass(LATER);
    let claimed = correct(&fixture, asked(&id, "it was claimed there")).await.cycle_id;
    assert_eq!(rung(&fixture, &claimed).await, Some((pb::Rung::Claim, "4".into())));
}

on_both!(claims_of_somebody_on_legal_hold_outlast_their_time);
async fn claims_of_somebody_on_legal_hold_outlast_their_time(on: Backend) {
    let mut fixture = desk(on).await;
    fixture.claim(vec![claim(1, 1, T1, "a"), claim(1, 3, T1, "b")]).await;
    let hold = idn::Hold { person_id: person(1).to_string(), reason: "case 7".into(), ..Default::default() };
    fixture.tell(|told| told.holds = vec![hold]);
    let mut tables = PrivacyServiceClient::new(fixture.channel.clone());
    let mut gone = async |fixture: &Fixture| {
        let ask = fixture.admin.request(common::RunRetentionRequest {});
        let ran = tables.run_retention(ask).await.unwrap().into_inner();
        ran.taken.iter().find(|taken| taken.table == "claims").map_or(0, |taken| taken.rows)
    };
    fixture.pass(SignedDuration::from_hours(24 * 300));
    assert_eq!(gone(&fixture).await, 0, "their time is not over");
    fixture.pass(SignedDuration::from_hours(24 * 830));
    assert_eq!(gone(&fixture).await, 1);
    let left = fixture.claimed(&fixture.admin, all(1)).await;
    assert_eq!(left.iter().map(|claim| claim.external_id.as_str()).collect::<Vec<_>>(), ["a"]);
    fixture.tell(|told| told.holds.clear());
    assert_eq!(gone(&fixture).await, 1, "lifted");
    assert!(fixture.claimed(&fixture.admin, all(1)).await.is_empty());
}
