//! A posted settlement of a team is put right, since somebody was not of the team any more on the last day; and one of the group, since its
//! cycle was corrected.

use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::compensation::v1::correction_service_client::CorrectionServiceClient;
use tally_api::identity::v1 as identity;
use tally_rpc::RpcChannel;
use tally_suite::session::Session;
use tonic::Code;

use super::results::{Step, make, proportional, settle};
use crate::journey::Done;

/// A team of a branch, and who does what there.
pub struct Branch<'a> {
    pub preparer: &'a Session,
    pub approver: &'a Session,
    pub payer: &'a Session,
    /// Of another branch.
    pub stranger: &'a Session,
    /// The branch.
    pub unit_id: &'a str,
    /// Of the team.
    pub pool: compensation::Pool,
    /// Somebody of the team.
    pub person_id: &'a str,
}

fn client(who: &Session) -> CorrectionServiceClient<RpcChannel> {
    CorrectionServiceClient::new(who.at.compensation.clone())
}

async fn draft(
    of: &Branch<'_>,
    settlement_id: &str,
    validate_only: bool,
) -> Result<compensation::DraftCorrectionResponse, tonic::Status> {
    let ask = compensation::DraftCorrectionRequest {
        settlement_id: settlement_id.into(),
        reason: "a transfer that was told late".into(),
        validate_only,
        ..Default::default()
    };
    Ok(client(of.preparer).draft_correction(of.preparer.ask(ask)).await?.into_inner())
}

async fn moves(done: &Done, of: &Branch<'_>) {
    let hr = &done.crew.hr;
    let terms = identity::Terms { unit_id: of.unit_id.into(), ..Default::default() };
    let transfer = identity::Transfer { terms: Some(terms), from: "2026-03-31".into(), ..Default::default() };
    let change = Some(identity::change_employment_request::Change::Transfer(transfer));
    let ask = identity::ChangeEmploymentRequest { person_id: of.person_id.into(), change, ..Default::default() };
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    people.change_employment(hr.ask(ask)).await.expect("a transfer");
}

/// Looks, drafts, throws away, drafts again and approves.
async fn approved(of: &Branch<'_>, settlement_id: &str) -> compensation::PayCorrection {
    let seen = draft(of, settlement_id, true).await.expect("a look");
    let gone = seen.deltas.iter().find(|delta| delta.person_id == of.person_id).expect("who moved");
    assert!(gone.new.as_ref().is_some_and(|new| new.minor == 0) && gone.delta_id.is_empty());
    let drafted = async || draft(of, settlement_id, false).await.expect("a draft").correction.expect("a draft");
    let id = async || drafted().await.pay_correction_id;
    let ask = compensation::WithdrawCorrectionRequest { pay_correction_id: id().await, ..Default::default() };
    let gone = client(of.preparer).withdraw_correction(of.preparer.ask(ask)).await.expect("withdrawn").into_inner();
    assert_eq!(gone.correction.map(|one| one.state()), Some(compensation::PayCorrectionState::Withdrawn));
    let id = id().await;
    let ask = || compensation::ApproveCorrectionRequest { pay_correction_id: id.clone(), ..Default::default() };
    let refused = client(of.stranger).approve_correction(of.stranger.ask(ask())).await.expect_err("no right");
    assert!([Code::NotFound, Code::PermissionDenied].contains(&refused.code()), "{refused:?}");
    let done = client(of.approver).approve_correction(of.approver.ask(ask())).await.expect("approved").into_inner();
    let done = done.correction.expect("a correction");
    let ask = || compensation::GetCorrectionRequest { pay_correction_id: id.clone() };
    let again = client(of.payer).get_correction(of.payer.ask(ask())).await.expect("a correction").into_inner();
    assert_eq!(again.correction.as_ref(), Some(&done));
    let refused = client(of.stranger).get_correction(of.stranger.ask(ask())).await.expect_err("another branch's");
    assert_eq!(refused.code(), Code::NotFound);
    let ask = compensation::ListCorrectionsRequest { settlement_id: settlement_id.into(), ..Default::default() };
    let listed = client(of.payer).list_corrections(of.payer.ask(ask)).await.expect("corrections").into_inner();
    assert_eq!(listed.corrections.len(), 2, "what was thrown away stays listed");
    done
}

/// The next settlement of a branch, posted, and its statements.
async fn next(
    (preparer, approver, payer): (&Session, &Session, &Session),
    pool: compensation::Pool,
) -> (compensation::Settlement, Vec<compensation::Statement>) {
    let pool = make(preparer, pool).await.expect("a pool");
    let drafted = settle(preparer, Step::Draft(&pool.pool_id)).await.expect("a draft");
    let settlement_id = drafted.settlement_id.clone();
    settle(approver, Step::Approve(&settlement_id)).await.expect("approved");
    let posted = settle(payer, Step::Post(&settlement_id)).await.expect("posted");
    let ask = compensation::ListStatementsRequest { settlement_id, page_size: 1_000, ..Default::default() };
    let mut client = compensation::statement_service_client::StatementServiceClient::new(payer.at.compensation.clone());
    (posted, client.list_statements(payer.ask(ask)).await.expect("statements").into_inner().statements)
}

fn minor(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.minor)
}

/// Puts the settlement right after somebody moved, and pays the difference.
pub async fn journey(done: &Done, of: &Branch<'_>) {
    let (posted, before) = next((of.preparer, of.approver, of.payer), of.pool.clone()).await;
    assert!(before.len() > 1 && posted.adjustments.is_none(), "{posted:?}");
    let first = posted.settlement_id.as_str();
    let refused = draft(of, first, false).await.expect_err("nothing is different");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    moves(done, of).await;
    let correction = approved(of, first).await;
    let more = minor(correction.more.as_ref());
    assert!(more > 0 && more == minor(correction.less.as_ref()), "the pool is the same money: {correction:?}");

    let refused = make(of.preparer, of.pool.clone()).await.expect_err("the same once more");
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");
    let another = compensation::Pool { name: "once more".into(), ..of.pool.clone() };
    let (second, statements) = next((of.preparer, of.approver, of.payer), another).await;
    assert_eq!(minor(second.adjustments.as_ref()), more, "who moved is not paid here any more");
    let shown: i64 = statements.iter().flat_map(|one| &one.adjustments).map(|one| minor(one.amount.as_ref())).sum();
    let paid: i64 = statements.iter().map(|one| minor(one.amount.as_ref())).sum();
    assert_eq!((shown, paid), (more, minor(second.paid.as_ref()) + more));
    let told = statements.iter().flat_map(|one| &one.adjustments).next().expect("an adjustment");
    assert_eq!((told.reason.as_str(), told.settlement_id.as_str()), ("a transfer that was told late", first));

    let (pay_correction_id, person_id) = (correction.pay_correction_id.clone(), of.person_id.into());
    let ask = compensation::ListDeltasRequest { pay_correction_id, person_id, ..Default::default() };
    let who = &done.crew.auditor;
    let waits = client(who).list_deltas(who.ask(ask)).await.expect("deltas").into_inner().deltas;
    assert_eq!(waits.iter().map(|one| minor(one.left.as_ref())).collect::<Vec<_>>(), [-minor(waits[0].old.as_ref())]);
    let before = prost_types::Timestamp { seconds: 1_000_000_000, nanos: 0 };
    let ask = compensation::ListDeltasRequest {
        pay_correction_id: correction.pay_correction_id.clone(),
        known_at: Some(before),
        ..Default::default()
    };
    let known = client(who).list_deltas(who.ask(ask)).await.expect("deltas").into_inner().deltas;
    assert!(known.is_empty(), "nobody knew it then");
}

/// The cycle that the group was paid by has a newer version: the next settlement pays or holds back the difference, with what was and what is.
pub async fn of_the_group(done: &Done) {
    let (preparer, approver, payer) = (&done.crew.preparer, &done.crew.approver, &done.crew.payer);
    let reason = "the ratings of a week came late";
    let ask = compensation::DraftCorrectionRequest {
        settlement_id: done.outcome.settlement_id.clone().expect("a settlement"),
        reason: reason.into(),
        ..Default::default()
    };
    let drafted = client(preparer).draft_correction(preparer.ask(ask)).await.expect("a draft").into_inner();
    let correction = drafted.correction.expect("a draft");
    assert_eq!((correction.cards_version, drafted.deltas.is_empty()), (2, false), "by the newer cards");
    let ask = compensation::ApproveCorrectionRequest {
        pay_correction_id: correction.pay_correction_id,
        ..Default::default()
    };
    client(approver).approve_correction(approver.ask(ask)).await.expect("approved");
    let as_much = done.outcome.summary.pool_minor.expect("a pool");
    let pool = proportional("the month after the correction", &done.outcome.cycle_id, as_much);
    let (posted, statements) = next((preparer, approver, payer), pool).await;
    assert!(posted.adjustments.is_some());
    for delta in &drafted.deltas {
        let statement = statements.iter().find(|one| one.person_id == delta.person_id).expect("a statement");
        let [told] = &statement.adjustments[..] else { panic!("one adjustment: {statement:?}") };
        assert_eq!((&told.old, &told.new, &told.why), (&delta.old, &delta.new, &delta.why));
        assert!(!told.why.is_empty() && told.reason == reason, "{told:?}");
        let difference = minor(told.new.as_ref()) - minor(told.old.as_ref());
        assert_eq!((minor(told.amount.as_ref()), minor(told.left.as_ref())), (difference, 0));
    }
    let ask = compensation::ListDeltasRequest { waiting_only: true, ..Default::default() };
    let who = &done.crew.auditor;
    assert!(client(who).list_deltas(who.ask(ask)).await.expect("deltas").into_inner().deltas.is_empty());
}
