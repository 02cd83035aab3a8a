//! Punches and hand-overs put right: asked for by one, approved by another, and what was known before stays known.

use jiff::SignedDuration;
use sea_orm::{ConnectionTrait as _, Database};
use tally_access::Permission::{
    self, CorrectionApprove, CorrectionRead, CorrectionRequest, HandoverRead, OccupancyRead, PunchRead,
};
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::CorrectionAction::{Add, Move, Void};
use tally_api::attendance::v1::{CorrectionState, FactState, HandoverKind, PunchKind};
use tally_api::common::v1::{Period, ReadEventsRequest};
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use tonic::{Response, Status};

use crate::fixture::{NORTH, SOUTH, TestAttendance, account, at, counts, handover, person, punch, reason, shift};

const ALL: [Permission; 6] =
    [CorrectionRequest, CorrectionApprove, CorrectionRead, PunchRead, HandoverRead, OccupancyRead];
const OUT: &str = "2026-03-02T01:00:30Z";

fn asked(action: pb::CorrectionAction) -> pb::CorrectPunchRequest {
    pb::CorrectPunchRequest { action: action.into(), reason: "the terminal was down".into(), ..Default::default() }
}

fn forgotten() -> pb::CorrectPunchRequest {
    let (person_id, kind) = (person(1).to_string(), PunchKind::Out.into());
    pb::CorrectPunchRequest { person_id, at: at(OUT), kind, evidence: "door log 7".into(), ..asked(Add) }
}

async fn correct(
    attendance: &TestAttendance,
    caller: &Caller,
    ask: pb::CorrectPunchRequest,
) -> Result<Response<pb::CorrectPunchResponse>, Status> {
    attendance.corrections().correct_punch(caller.request(ask)).await
}

async fn requested(attendance: &TestAttendance, caller: &Caller, ask: pb::CorrectPunchRequest) -> pb::Correction {
    correct(attendance, caller, ask).await.expect("an answer").into_inner().correction.expect("a correction")
}

async fn approve(
    attendance: &TestAttendance,
    caller: &Caller,
    id: &str,
) -> Result<Response<pb::ApproveCorrectionResponse>, Status> {
    let ask = pb::ApproveCorrectionRequest { correction_id: id.into(), ..Default::default() };
    attendance.corrections().approve_correction(caller.request(ask)).await
}

async fn approved(attendance: &TestAttendance, caller: &Caller, id: &str) -> pb::Correction {
    approve(attendance, caller, id).await.expect("an answer").into_inner().correction.expect("a correction")
}

async fn march(attendance: &TestAttendance, known_at: Option<&str>) -> Vec<pb::ListOccupancyResponse> {
    let period = Some(Period { from: "2026-03-01".into(), to: "2026-03-31".into() });
    let ask = pb::ListOccupancyRequest { period, known_at: known_at.and_then(at), ..Default::default() };
    let answer = attendance.occupancy().list_occupancy(attendance.admin.request(ask)).await;
    let mut stream = answer.expect("an answer").into_inner();
    let mut parts = Vec::new();
    while let Some(part) = stream.message().await.expect("an answer") {
        parts.push(part);
    }
    parts
}

fn evidence(parts: &[pb::ListOccupancyResponse]) -> Vec<String> {
    parts
        .iter()
        .flat_map(|p| &p.accounts)
        .flat_map(|a| &a.rows)
        .map(|row| row.evidence.clone())
        .filter(|words| !words.is_empty())
        .collect()
}

async fn punches(attendance: &TestAttendance, counting_only: bool, known_at: Option<&str>) -> Vec<pb::Punch> {
    let ask = pb::ListPunchesRequest {
        from: at("2026-03-01T00:00:00Z"),
        to: at("2026-03-03T00:00:00Z"),
        counting_only,
        known_at: known_at.and_then(at),
        ..Default::default()
    };
    attendance.punches().list_punches(attendance.admin.request(ask)).await.expect("an answer").into_inner().punches
}

fn states(punches: &[pb::Punch]) -> Vec<FactState> {
    punches.iter().map(|p| p.standing.as_ref().map(pb::Standing::state).unwrap_or_default()).collect()
}

/// A shift of E1 whose out was forgotten.
async fn world(on: Backend) -> (TestAttendance, String) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "north/a"), account("b", "south/b")]).await.remove(0);
    attendance.publish(vec![shift(1, &a, "2026-03-01T20:30:00Z", "2026-03-02T01:00:00Z")]).await;
    attendance.punch(vec![punch(1, PunchKind::In, "2026-03-01T20:35:00Z")]).await;
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    (attendance, a)
}

on_both!(a_forgotten_punch_counts_once_somebody_else_approved_it_and_what_was_known_before_stays);
async fn a_forgotten_punch_counts_once_somebody_else_approved_it_and_what_was_known_before_stays(on: Backend) {
    let (attendance, a) = world(on).await;
    let agent = attendance.agent(1, &ALL);
    let supervisor = attendance.of_unit(NORTH, &ALL);
    let before = march(&attendance, None).await;
    assert!(evidence(&before).is_empty(), "an in without an out covers nothing");

    let look = requested(&attendance, &agent, pb::CorrectPunchRequest { validate_only: true, ..forgotten() }).await;
    assert_eq!((look.correction_id.as_str(), look.state()), ("", CorrectionState::Unspecified));
    let asked = requested(&attendance, &agent, forgotten()).await;
    assert_eq!((asked.state(), asked.person_id.clone()), (CorrectionState::Waiting, person(1).to_string()));
    assert_eq!(look.touched, asked.touched);
    let touched = asked.touched.clone().unwrap_or_default();
    let account =
        pb::TouchedAccount { account_id: a, days: vec!["2026-03-02".into()], person_ids: vec![person(1).to_string()] };
    assert_eq!((touched.accounts, touched.from, touched.to), (vec![account], "2026-03-02".into(), "2026-03-02".into()));
    assert_eq!(march(&attendance, None).await, before, "nothing counts before it is approved");

    assert_eq!(reason(approve(&attendance, &agent, &asked.correction_id).await), "OWN_CORRECTION");
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    let done = approved(&attendance, &supervisor, &asked.correction_id).await;
    assert_eq!((done.state(), done.touched.clone()), (CorrectionState::Approved, asked.touched));
    let after = march(&attendance, None).await;
    let words = format!("+punch:E1@2026-03-01T20:35:00Z/{OUT}+correction:{}", asked.correction_id);
    assert!(evidence(&after)[0].ends_with(&words), "{:?}", evidence(&after));
    assert_eq!(march(&attendance, Some("2026-03-02T01:01:30Z")).await, before, "byte for byte");
    assert_eq!(march(&attendance, Some("2026-03-02T01:02:00Z")).await, after);
    let nothing = &march(&attendance, Some("2026-03-01T00:00:00Z")).await[0];
    assert_eq!(nothing.findings.len(), 2, "nothing was known of either account: {:?}", nothing.findings);
    let told = punches(&attendance, false, None).await;
    assert_eq!(states(&told), [FactState::Counts; 2]);
    assert_eq!(told[1].standing.clone().unwrap_or_default().correction_id, asked.correction_id);
    assert_eq!(punches(&attendance, false, Some("2026-03-02T01:01:30Z")).await.len(), 1);
    assert_eq!(reason(approve(&attendance, &supervisor, &asked.correction_id).await), "CORRECTION_NOT_WAITING");
    attendance.db.store.sequence_now().await.unwrap();
    assert!(attendance.db.store.verify_audit().await.unwrap().ok());
}

on_both!(a_punch_is_moved_and_voided_and_the_raw_one_stays_listed);
async fn a_punch_is_moved_and_voided_and_the_raw_one_stays_listed(on: Backend) {
    let (attendance, _) = world(on).await;
    let (supervisor, hr) = (attendance.of_unit(NORTH, &ALL), attendance.admin.clone());
    let raw = punches(&attendance, false, None).await.remove(0);
    let moved =
        pb::CorrectPunchRequest { punch_id: raw.punch_id.clone(), at: at("2026-03-01T20:25:00Z"), ..asked(Move) };
    let first = requested(&attendance, &supervisor, moved.clone()).await;
    assert_eq!(reason(correct(&attendance, &hr, moved.clone()).await), "CORRECTION_WAITS");
    let void = |punch_id: &str| pb::CorrectPunchRequest { punch_id: punch_id.into(), ..asked(Void) };
    assert_eq!(reason(correct(&attendance, &hr, void(&raw.punch_id)).await), "CORRECTION_WAITS");
    assert_eq!(reason(approve(&attendance, &supervisor, &first.correction_id).await), "FOUR_EYES_REQUIRED");
    approved(&attendance, &hr, &first.correction_id).await;
    let told = punches(&attendance, false, None).await;
    assert_eq!(states(&told), [FactState::Counts, FactState::Moved]);
    assert_eq!((told[1].at, told[1].punch_id.clone()), (raw.at, raw.punch_id.clone()), "as it was");
    assert_eq!(told[1].standing.clone().unwrap_or_default().superseded_by, first.correction_id);
    assert_eq!(reason(correct(&attendance, &hr, void(&raw.punch_id)).await), "FACT_SUPERSEDED");

    let second = requested(&attendance, &supervisor, void(&told[0].punch_id)).await;
    approved(&attendance, &hr, &second.correction_id).await;
    assert_eq!(states(&punches(&attendance, false, None).await), [FactState::Voided, FactState::Moved]);
    assert_eq!(punches(&attendance, true, None).await, []);
    let again = attendance.punch(vec![punch(1, PunchKind::In, "2026-03-01T20:35:00Z")]).await.expect("a result");
    assert_eq!((again.put_right.clone(), counts(Some(again))), (vec![0], (0, 1, vec![])), "no import brings it back");
    let other_way = attendance.punch(vec![punch(1, PunchKind::Out, "2026-03-01T20:35:00Z")]).await;
    assert_eq!(counts(other_way), (1, 0, vec![]), "what counts no more contradicts nothing");
    let same = pb::CorrectPunchRequest { person_id: person(1).to_string(), at: raw.at, kind: raw.kind, ..asked(Add) };
    assert_eq!(reason(correct(&attendance, &hr, same).await), "ALREADY_DIFFERENT");
}

on_both!(a_correction_is_withdrawn_by_who_asked_and_rejected_by_somebody_else);
async fn a_correction_is_withdrawn_by_who_asked_and_rejected_by_somebody_else(on: Backend) {
    let (attendance, _) = world(on).await;
    let (agent, supervisor) = (attendance.agent(1, &ALL), attendance.of_unit(NORTH, &ALL));
    let first = requested(&attendance, &agent, forgotten()).await;
    let withdraw = |id: &str| pb::WithdrawCorrectionRequest {
        correction_id: id.into(),
        reason: "found it".into(),
        ..Default::default()
    };
    let others = attendance.corrections().withdraw_correction(supervisor.request(withdraw(&first.correction_id))).await;
    assert_eq!(reason(others), "CORRECTION_OF_OTHERS");
    let ask = agent.request(withdraw(&first.correction_id));
    let ended = attendance.corrections().withdraw_correction(ask).await.unwrap().into_inner().correction;
    assert_eq!(ended.unwrap_or_default().state(), CorrectionState::Withdrawn);
    attendance.callers.clock.advance(SignedDuration::from_secs(1));
    let second = requested(&attendance, &agent, forgotten()).await;
    let reject = pb::RejectCorrectionRequest {
        correction_id: second.correction_id.clone(),
        reason: "the door log says otherwise".into(),
        ..Default::default()
    };
    let own = attendance.corrections().reject_correction(agent.request(reject.clone())).await;
    assert_eq!(reason(own), "OWN_CORRECTION");
    attendance.corrections().reject_correction(supervisor.request(reject)).await.unwrap();
    assert_eq!(reason(approve(&attendance, &supervisor, &second.correction_id).await), "CORRECTION_NOT_WAITING");

    let list = async |caller: &Caller, state: CorrectionState| {
        let ask = pb::ListCorrectionsRequest { state: state.into(), ..Default::default() };
        let page = attendance.corrections().list_corrections(caller.request(ask)).await.expect("an answer");
        page.into_inner().corrections.into_iter().map(|c| (c.state(), c.drop_reason)).collect::<Vec<_>>()
    };
    let rejected = (CorrectionState::Rejected, "the door log says otherwise".to_owned());
    let withdrawn = (CorrectionState::Withdrawn, "found it".to_owned());
    assert_eq!(list(&agent, CorrectionState::Unspecified).await, [rejected.clone(), withdrawn], "the person sees them");
    assert_eq!(list(&agent, CorrectionState::Rejected).await, [rejected]);
    let south = attendance.of_unit(SOUTH, &ALL);
    assert_eq!(list(&south, CorrectionState::Unspecified).await, []);
    let get = pb::GetCorrectionRequest { correction_id: second.correction_id };
    assert_eq!(reason(attendance.corrections().get_correction(south.request(get.clone())).await), "NOT_FOUND");
    let found = attendance.corrections().get_correction(agent.request(get)).await.unwrap().into_inner().correction;
    assert_eq!(found.unwrap_or_default().evidence, "door log 7");
}

on_both!(nobody_corrects_out_of_reach_or_what_imports_refuse);
async fn nobody_corrects_out_of_reach_or_what_imports_refuse(on: Backend) {
    let (attendance, _) = world(on).await;
    let agent = attendance.agent(2, &ALL);
    assert_eq!(reason(correct(&attendance, &agent, forgotten()).await), "PERMISSION_DENIED");
    let admin = attendance.admin.clone();
    let twice = pb::CorrectPunchRequest { at: at("2026-03-01T20:35:00Z"), ..forgotten() };
    assert_eq!(reason(correct(&attendance, &admin, twice.clone()).await), "ALREADY_DIFFERENT");
    let same = pb::CorrectPunchRequest { kind: PunchKind::In.into(), ..twice };
    assert_eq!(reason(correct(&attendance, &admin, same).await), "NOTHING_CHANGES");
    let nobody = pb::CorrectPunchRequest { person_id: person(9).to_string(), ..forgotten() };
    assert_eq!(reason(correct(&attendance, &admin, nobody).await), "PERSON_UNKNOWN");
    let unknown = pb::CorrectPunchRequest { punch_id: person(9).to_string(), ..asked(Void) };
    assert_eq!(reason(correct(&attendance, &admin, unknown).await), "NOT_FOUND");
    // A clock may be a little ahead; what has not happened is no fact yet, also where it was to be looked at alone.
    let (soon, later) = ("2026-03-02T01:02:59Z", "2026-03-02T01:03:01Z");
    let of = |when| pb::CorrectPunchRequest { at: at(when), validate_only: true, ..forgotten() };
    assert_eq!(requested(&attendance, &admin, of(soon)).await.state(), CorrectionState::Unspecified);
    let refused = tally_rpc::error_from(correct(&attendance, &admin, of(later)).await.unwrap_err());
    assert_eq!(refused.reason(), "FACT_IN_FUTURE");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("2026-03-02T09:03:01+08:00"),
        "{refused:?}"
    );
    let raw = punches(&attendance, false, None).await.remove(0).punch_id;
    let moved = pb::CorrectPunchRequest { punch_id: raw, at: at("2030-01-01T00:00:00Z"), ..asked(Move) };
    assert_eq!(reason(correct(&attendance, &admin, moved).await), "FACT_IN_FUTURE");
    let silent = pb::CorrectPunchRequest { reason: " ".into(), at: None, ..forgotten() };
    let error = tally_rpc::error_from(correct(&attendance, &admin, silent).await.unwrap_err());
    assert_eq!(error.violations().iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["reason", "at"]);
    // What came in meanwhile is not brought a second time.
    let waiting = requested(&attendance, &attendance.agent(1, &ALL), forgotten()).await;
    attendance.punch(vec![punch(1, PunchKind::Out, OUT)]).await;
    assert_eq!(reason(approve(&attendance, &admin, &waiting.correction_id).await), "NOTHING_CHANGES");
}

on_both!(what_retention_removed_is_refused_with_the_date_unless_a_legal_hold_covers_the_person);
async fn what_retention_removed_is_refused_with_the_date_unless_a_legal_hold_covers_the_person(on: Backend) {
    let (attendance, a) = world(on).await;
    let old = || pb::CorrectPunchRequest { at: at("2024-02-01T09:00:00Z"), ..forgotten() };
    let refused = correct(&attendance, &attendance.admin, old()).await.unwrap_err();
    let error = tally_rpc::error_from(refused);
    assert_eq!(error.reason(), "PERIOD_PURGED");
    assert!(tally_i18n::sentence(tally_kernel::Locale::En, &error).contains("2024-03-03"), "{error:?}");
    // A fact that is gone is known by what the request says of it; where that is nothing, the words say what may be.
    let gone = pb::CorrectPunchRequest { punch_id: person(9).to_string(), at: None, ..asked(Move) };
    let moved = pb::CorrectPunchRequest { at: old().at, validate_only: true, ..gone.clone() };
    assert_eq!(reason(correct(&attendance, &attendance.admin, moved).await), "PERIOD_PURGED");
    let silent = pb::CorrectPunchRequest { kind: PunchKind::In.into(), ..gone };
    let error = tally_rpc::error_from(correct(&attendance, &attendance.admin, silent).await.unwrap_err());
    let told = tally_i18n::sentence(tally_kernel::Locale::En, &error);
    assert!(error.reason() == "NOT_FOUND" && told.contains("2024-03-03"), "{error:?}");
    let shift_gone = pb::ChangeShiftRequest {
        shift_id: person(9).to_string(),
        start: old().at,
        reason: "noted on paper".into(),
        ..Default::default()
    };
    let refused = attendance.corrections().change_shift(attendance.admin.request(shift_gone)).await;
    assert_eq!(reason(refused), "PERIOD_PURGED");
    attendance.heard.hold(person(1));
    let asked = requested(&attendance, &attendance.admin, old()).await;
    assert_eq!(asked.state(), CorrectionState::Waiting);
    attendance.heard.lift();
    imports_of_what_is_kept_no_more(&attendance, &a).await;
}

/// Imports are refused row by row: whoever a hold covers is not, and what is there is judged as ever.
async fn imports_of_what_is_kept_no_more(attendance: &TestAttendance, a: &str) {
    let purged = |index: u32| (index, "PERIOD_PURGED".to_owned());
    let (old, kept) = ("2024-02-01T09:00:00Z", "2024-03-03T01:00:00Z");
    let punches = || vec![punch(1, PunchKind::In, old), punch(2, PunchKind::In, kept), punch(2, PunchKind::Out, old)];
    let answer = attendance.punch(punches()).await;
    let told = answer.as_ref().map(|told| told.problems[0].message.clone()).unwrap_or_default();
    assert!(told.contains("2024-03-03") && told.contains("attendance.duty"), "{told}");
    assert_eq!(counts(answer), (1, 0, vec![purged(0), purged(2)]));
    // A shift goes by its end.
    let begun = shift(2, a, "2024-03-01T23:00:00Z", "2024-03-02T09:00:00Z");
    let over = |person| shift(person, a, "2024-02-01T01:00:00Z", "2024-02-01T09:00:00Z");
    assert_eq!(counts(attendance.publish(vec![over(1), begun.clone()]).await), (1, 0, vec![purged(0)]));
    let takes = || {
        let take = |n, when| handover(n, a, HandoverKind::Take, when);
        vec![take(1, old), take(2, kept), take(2, "2024-02-02T09:00:00Z")]
    };
    assert_eq!(counts(attendance.hand_over(takes()).await), (1, 0, vec![purged(0), purged(2)]));
    // A nickname goes by its last day, and stays for all of the day in which the edge lies.
    let alias = |alias: &str, to: &str| pb::Alias {
        platform: "JD".into(),
        alias: alias.into(),
        person_id: person(1).to_string(),
        to: to.into(),
        ..Default::default()
    };
    let rows = vec![alias("over", "2024-03-01"), alias("kept", "2024-03-02"), alias("open", "")];
    let ask = pb::ImportAliasesRequest { rows, ..Default::default() };
    let answer = attendance.aliases().import_aliases(attendance.admin.request(ask)).await.unwrap().into_inner().result;
    let told = answer.as_ref().map(|told| told.problems[0].message.clone()).unwrap_or_default();
    assert!(told.contains("before 2024-03-02") && told.contains("attendance.aliases"), "{told}");
    assert_eq!(counts(answer), (2, 0, vec![purged(0)]));
    attendance.heard.hold(person(1));
    assert_eq!(counts(attendance.punch(punches()).await), (1, 1, vec![purged(2)]));
    assert_eq!(counts(attendance.publish(vec![over(1), begun, over(2)]).await), (1, 1, vec![purged(2)]));
    assert_eq!(counts(attendance.hand_over(takes()).await), (1, 1, vec![purged(2)]));
    attendance.heard.lift();
    assert_eq!(counts(attendance.punch(punches()).await), (0, 2, vec![purged(2)]));
    let longer = pb::Shift { end: at("2024-02-01T10:00:00Z"), ..over(1) };
    let different = (1, "ALREADY_DIFFERENT".to_owned());
    assert_eq!(counts(attendance.publish(vec![over(1), longer]).await), (0, 1, vec![different]));
}

on_both!(a_hand_over_is_added_moved_to_somebody_else_and_voided);
async fn a_hand_over_is_added_moved_to_somebody_else_and_voided(on: Backend) {
    let (attendance, a) = world(on).await;
    let (supervisor, hr) = (attendance.of_unit(NORTH, &ALL), attendance.admin.clone());
    attendance.hand_over(vec![handover(1, &a, HandoverKind::Take, "2026-03-01T01:00:00Z")]).await;
    let ask = |action: pb::CorrectionAction| pb::CorrectHandoverRequest {
        action: action.into(),
        reason: "noted on paper".into(),
        ..Default::default()
    };
    let correct = async |request: pb::CorrectHandoverRequest| {
        let answer = attendance.corrections().correct_handover(supervisor.request(request)).await;
        answer.map(|done| done.into_inner().correction.unwrap_or_default())
    };
    let release = pb::CorrectHandoverRequest {
        person_id: person(1).to_string(),
        account_id: a.clone(),
        at: at("2026-03-02T00:30:00Z"),
        kind: HandoverKind::Release.into(),
        ..ask(Add)
    };
    let added = correct(release).await.unwrap();
    let touched = added.touched.clone().unwrap_or_default();
    assert_eq!(
        (touched.from, touched.to),
        ("2026-03-01".into(), "2026-03-02".into()),
        "the hold no longer ends too soon"
    );
    approved(&attendance, &hr, &added.correction_id).await;
    let words = format!("handover:E1@2026-03-01T01:00:00Z+correction:{}", added.correction_id);
    assert_eq!(evidence(&march(&attendance, None).await)[0], words);

    let list = async || {
        let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        let request = pb::ListHandoversRequest { from, to, ..Default::default() };
        attendance.handovers().list_handovers(hr.request(request)).await.unwrap().into_inner().handovers
    };
    let take = list().await.remove(0);
    let to_other = pb::CorrectHandoverRequest {
        handover_id: take.handover_id.clone(),
        person_id: person(2).to_string(),
        ..ask(Move)
    };
    let moved = correct(to_other).await.unwrap();
    let concerned = attendance.agent(2, &ALL);
    assert_eq!(reason(approve(&attendance, &concerned, &moved.correction_id).await), "PERMISSION_DENIED");
    for n in [1, 2] {
        let own = attendance.agent(n, &[CorrectionRead]);
        let of = pb::ListCorrectionsRequest { person_id: person(n).to_string(), ..Default::default() };
        let seen = attendance.corrections().list_corrections(own.request(of)).await.unwrap().into_inner().corrections;
        assert!(seen.iter().any(|one| one.correction_id == moved.correction_id), "it is about {n} as well: {seen:?}");
        let get = pb::GetCorrectionRequest { correction_id: moved.correction_id.clone() };
        assert!(attendance.corrections().get_correction(own.request(get)).await.is_ok());
    }
    let third = attendance.agent(3, &[CorrectionRead]);
    let get = pb::GetCorrectionRequest { correction_id: moved.correction_id.clone() };
    assert_eq!(reason(attendance.corrections().get_correction(third.request(get)).await), "NOT_FOUND");
    approved(&attendance, &hr, &moved.correction_id).await;
    let told = list().await;
    let stands = told.iter().map(|h| (h.person_id.clone(), h.standing.clone().unwrap_or_default().state()));
    let (one, two) = (person(1).to_string(), person(2).to_string());
    let mut stands: Vec<_> = stands.collect();
    stands[..2].sort();
    let expected = [(one.clone(), FactState::Moved), (two.clone(), FactState::Counts), (one, FactState::Counts)];
    assert_eq!(stands, expected);
    assert_eq!(march(&attendance, None).await[0].accounts[0].rows[0].person_id, two);
    let away = pb::CorrectHandoverRequest { handover_id: told[2].handover_id.clone(), ..ask(Void) };
    let voided = correct(away).await.unwrap();
    approved(&attendance, &hr, &voided.correction_id).await;
    assert_eq!(list().await[2].standing.clone().unwrap_or_default().state(), FactState::Voided);
    let south = pb::CorrectHandoverRequest { handover_id: told[2].handover_id.clone(), ..ask(Void) };
    assert_eq!(reason(correct(south).await.map(Response::new)), "FACT_SUPERSEDED");
}

on_both!(what_was_put_right_is_told_to_whoever_reads_the_events);
async fn what_was_put_right_is_told_to_whoever_reads_the_events(on: Backend) {
    let (attendance, a) = world(on).await;
    let asked = requested(&attendance, &attendance.agent(1, &ALL), forgotten()).await;
    let events = async || {
        attendance.db.store.sequence_now().await.unwrap();
        let ask = attendance.admin.request(ReadEventsRequest::default());
        attendance.events().read_events(ask).await.expect("an answer").into_inner().events
    };
    assert_eq!(events().await, [], "a request tells nothing");
    approved(&attendance, &attendance.admin, &asked.correction_id).await;
    let [event] = &events().await[..] else { panic!("one event") };
    assert_eq!((event.kind.as_str(), &event.key), ("tally.attendance.v1.DutyCorrected", &asked.correction_id));
    for word in ["punch.add", a.as_str(), "2026-03-02", &person(1).to_string()] {
        assert!(event.payload.contains(word), "{word} in {}", event.payload);
    }
    assert!(!event.payload.contains("terminal"), "no reasons: {}", event.payload);
}

on_both!(what_code_forgets_about_four_eyes_the_database_refuses);
async fn what_code_forgets_about_four_eyes_the_database_refuses(on: Backend) {
    let (attendance, _) = world(on).await;
    requested(&attendance, &attendance.agent(1, &ALL), forgotten()).await;
    let db = Database::connect(&attendance.db.owner_url).await.unwrap();
    let table = if attendance.db.name == "postgres" { "attendance.corrections" } else { "corrections" };
    for (set, rule) in [
        ("approved_by = requested_by", "approver_check"),
        ("approved_by = id, approved_person = person_id, requested_person = NULL", "concerned_check"),
        ("stage = 'approved'", "approved_check"),
    ] {
        let refused = db.execute_unprepared(&format!("UPDATE {table} SET {set}")).await.unwrap_err().to_string();
        assert!(refused.contains(rule), "{refused}");
    }
}
