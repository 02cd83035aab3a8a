//! Corrections of pay on both databases: what waits, who pays it, and that nothing is lost and nothing paid twice.

mod fixture;
mod moved;
mod replayed;
mod traced;
mod year;

use jiff::SignedDuration;
use tally_access::{Owner, Permission};
use tally_app::RequestKey;
use tally_kernel::Locale;
use tally_kernel::id::{OrgUnitId, SettlementId};
use tally_kernel::page::Page;
use tally_store::Audit;
use tally_store::orm::prelude::*;
use tally_testkit::callers::Approver;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;

use self::fixture::{Fixture, TENANT, branch, number, person, told, unit};
use super::app as correcting;
use super::domain::{Filed, Stage};
use super::store::deltas::Asked;
use super::store::{adjustments, deltas};
use super::{rpc, store};
use crate::policy::{DraftCorrection, DraftSettlement, GetCorrection, ListDeltas};
use crate::settlement::app as settling;
use crate::statement::domain::{Belonged, Heading};
use crate::{SERVICE, migrations, statement};

const THREE: [(usize, i32); 3] = [(0, 50), (1, 30), (2, 20)];

/// Three people of branch 0, whose January is posted: 5,000, 3,000 and 2,000.
async fn january(db: &TestStore) -> (Fixture, SettlementId) {
    let fixture = Fixture::new(db, 3);
    fixture.score(0, &THREE);
    let posted = fixture.posted(&branch(0), 0, 10_000).await;
    assert_eq!(posted.sums.adjusted_minor, None);
    (fixture, posted.id)
}

fn differences(shown: &[correcting::DeltaShown]) -> Vec<(usize, i64, i64)> {
    let one = |shown: &correcting::DeltaShown| {
        let delta = &shown.kept.owed.delta;
        (number(delta.who.person), delta.old_minor, delta.new_minor)
    };
    shown.iter().map(one).collect()
}

on_both!(a_correction_is_looked_at_drafted_approved_and_taken_by_the_next_settlement_of_the_same_owner);
async fn a_correction_is_looked_at_drafted_approved_and_taken_by_the_next_settlement_of_the_same_owner(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    let refused = fixture.correct(first).await.unwrap_err();
    assert_eq!(refused.reason(), "NOTHING_TO_CORRECT");
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    let only_look = Fixture::wanted(first, true);
    let (seen, shown) = correcting::draft(&fixture.app, &fixture.preparer, &only_look).await.unwrap();
    assert!(seen.id.0.is_nil() && fixture.deltas(Asked::default()).await.is_empty(), "nothing is written");
    let differences_by_now = [(0, 5_000, 2_000), (2, 2_000, 5_000)];
    assert_eq!(differences(&shown), differences_by_now);
    let message = rpc::render::<DraftCorrection>(&fixture.preparer, seen).0;
    assert_eq!((message.pay_correction_id.as_str(), message.state), ("", 0));
    assert_eq!((message.more.unwrap().minor, message.less.unwrap().minor), (3_000, 3_000));

    let (filed, shown) = fixture.correct(first).await.unwrap();
    assert_eq!((differences(&shown), filed.number, filed.people), (differences_by_now.to_vec(), 1, 2));
    assert_eq!((filed.cards_version, shown[0].cards_version), (2, 2), "the cards were published a second time");
    let why = told(&shown[0].kept.owed.delta.why.explain());
    assert_eq!(why, "the score was put right from 50 to 20");
    let refused = fixture.correct(first).await.unwrap_err();
    assert_eq!(refused.reason(), "PAY_CORRECTION_WAITS");
    // Nobody takes what nobody approved.
    fixture.score(1, &THREE);
    let early = fixture.drafted(&branch(0), 1, 1_000).await;
    assert_eq!(early.sums.adjusted_minor, None);
    fixture.discard(early.id).await;
    let approved = fixture.approve(&filed).await;
    assert_eq!(approved.stage, Stage::Approved);

    let next = fixture.posted(&branch(0), 1, 10_000).await;
    assert_eq!((next.sums.adjusted_minor, next.sums.paid_minor, next.people), (Some(0), 10_000, 3));
    let amounts = fixture.amounts(next.id).await;
    assert_eq!(amounts[&0], (2_000, vec![(-3_000, 0)]), "5,000 of February less what was too much");
    assert_eq!((amounts[&1].clone(), amounts[&2].clone()), ((3_000, vec![]), (5_000, vec![(3_000, 0)])));
    let paid = fixture.statements(next.id).await;
    assert_eq!((paid[&2].adjustments[0].settlement, paid[&2].adjustments[0].reason.as_str()), (first, "late ratings"));
    let refused = fixture.correct(first).await.unwrap_err();
    assert_eq!(refused.reason(), "NOTHING_TO_CORRECT");
    fixture.score(2, &THREE);
    let after = fixture.posted(&branch(0), 2, 0).await;
    assert_eq!(after.sums.adjusted_minor, None, "nothing is paid twice");
    let as_it_was = fixture.amounts(first).await;
    assert_eq!(as_it_was[&0], (5_000, vec![]), "what was posted stays");
}

on_both!(a_second_correction_begins_where_the_first_ended);
async fn a_second_correction_begins_where_the_first_ended(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    let one = fixture.put_right(first).await.unwrap();
    fixture.score(0, &[(0, 40), (1, 20), (2, 40)]);
    let (two, shown) = fixture.correct(first).await.unwrap();
    assert_eq!(differences(&shown), [(0, 2_000, 4_000), (1, 3_000, 2_000), (2, 5_000, 4_000)]);
    assert!(two.number == 2 && two.inputs_digest != one.inputs_digest);
    fixture.approve(&two).await;
    fixture.score(1, &THREE);
    let next = fixture.posted(&branch(0), 1, 10_000).await;
    let amounts = fixture.amounts(next.id).await;
    assert_eq!(amounts[&0], (4_000, vec![(-3_000, 0), (2_000, 0)]), "the oldest first");
    assert_eq!((amounts[&1].0, amounts[&2].0), (2_000, 4_000));
    // Back to what was posted: the mirrored deltas.
    fixture.score(0, &THREE);
    let (_, shown) = fixture.correct(first).await.unwrap();
    assert_eq!(differences(&shown), [(0, 4_000, 5_000), (1, 2_000, 3_000), (2, 4_000, 2_000)]);
}

on_both!(what_cannot_be_held_back_waits_and_a_settlement_that_is_thrown_away_gives_back_what_it_held);
async fn what_cannot_be_held_back_waits_and_a_settlement_that_is_thrown_away_gives_back_what_it_held(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(1, 50), (2, 50)]);
    fixture.put_right(first).await.unwrap();
    fixture.score(1, &THREE);
    let drafted = fixture.drafted(&branch(0), 1, 1_000).await;
    assert_eq!(drafted.sums.adjusted_minor, Some(5_000 - 500), "0 gives back 500 of 5,000");
    let amounts = fixture.amounts(drafted.id).await;
    assert_eq!(amounts[&0], (0, vec![(-500, -4_500)]));
    // Another one of the same owner, drafted meanwhile, finds nothing.
    let beside = fixture.drafted(&branch(0), 1, 2_000).await;
    assert_eq!(beside.sums.adjusted_minor, None);
    fixture.discard(beside.id).await;
    fixture.discard(drafted.id).await;
    let held = fixture.deltas(Asked { person: Some(person(0)), ..Asked::default() }).await;
    assert!(held[0].adjustments.is_empty() && held[0].left_minor == Some(-5_000), "{held:?}");
    let again = fixture.posted(&branch(0), 1, 1_000).await;
    assert_eq!((again.sums.adjusted_minor, &again.inputs_digest), (Some(4_500), &drafted.inputs_digest));
    fixture.score(2, &THREE);
    let third = fixture.posted(&branch(0), 2, 10_000).await;
    assert_eq!(fixture.amounts(third.id).await[&0], (500, vec![(-4_500, 0)]), "5,000 less the rest");
    let shown = fixture.deltas(Asked { person: Some(person(0)), ..Asked::default() }).await;
    let taken: Vec<_> = shown[0].adjustments.iter().map(|one| (one.settlement, one.amounts.minor)).collect();
    assert_eq!((taken, shown[0].left_minor), (vec![(again.id, -500), (third.id, -4_500)], Some(0)));
}

on_both!(a_correction_is_approved_by_other_eyes_and_only_while_it_is_drafted);
async fn a_correction_is_approved_by_other_eyes_and_only_while_it_is_drafted(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    let callers = &fixture.callers;
    let key = RequestKey::default();
    for (n, who) in (0..).zip(Approver::ALL) {
        fixture.score(0, &[(0, 20 + n), (1, 30), (2, 50)]);
        let everything = tally_testkit::callers::everything();
        let drafter = callers.person(TENANT, Some(person(70)), everything);
        let ctx = callers.context(&drafter);
        let (filed, _) = correcting::draft(&fixture.app, &ctx, &Fixture::wanted(first, false)).await.unwrap();
        let other = callers.context(&who.caller(callers, &drafter));
        let approved = correcting::approve(&fixture.app, &other, &key, filed.id).await;
        if who == Approver::SomebodyElse {
            assert!(approved.is_ok(), "{approved:?}");
            let again = correcting::withdraw(&fixture.app, &ctx, &key, filed.id).await.unwrap_err();
            assert_eq!(again.reason(), "PAY_CORRECTION_NOT_DRAFT");
            assert!(!tally_i18n::sentence(Locale::ZhCn, &again).is_empty());
            continue;
        }
        assert_eq!(approved.unwrap_err().reason(), "FOUR_EYES_REQUIRED", "{who:?}");
        let withdrawn = correcting::withdraw(&fixture.app, &ctx, &key, filed.id).await.unwrap();
        assert_eq!(withdrawn.stage, Stage::Withdrawn);
        let again = correcting::approve(&fixture.app, &fixture.approver, &key, filed.id).await.unwrap_err();
        assert_eq!(again.reason(), "PAY_CORRECTION_NOT_DRAFT");
    }
    let all = correcting::list(&fixture.app, &fixture.approver, Some(first), &page()).await.unwrap().0;
    assert_eq!(all.len(), Approver::ALL.len(), "what was thrown away stays listed");
    fixture.score(1, &THREE);
    let next = fixture.drafted(&branch(0), 1, 10_000).await;
    let taken: Vec<_> = fixture.statements(next.id).await.into_values().flat_map(|paid| paid.adjustments).collect();
    let approved = all.iter().find(|one| one.stage == Stage::Approved).unwrap().id;
    assert!(!taken.is_empty() && taken.iter().all(|one| approved == one.correction), "of the approved one alone");
    let refused = correcting::draft(&fixture.app, &fixture.preparer, &Fixture::wanted(next.id, false)).await;
    assert_eq!(refused.unwrap_err().reason(), "SETTLEMENT_NOT_POSTED");
}

on_both!(what_waits_is_listed_and_paid_by_a_pool_of_nothing_where_no_other_month_comes);
async fn what_waits_is_listed_and_paid_by_a_pool_of_nothing_where_no_other_month_comes(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    fixture.put_right(first).await.unwrap();
    let waiting = Asked { waiting: true, ..Asked::default() };
    let waits = async || {
        let shown = fixture.deltas(waiting).await;
        shown.iter().map(|one| (number(one.kept.owed.delta.who.person), one.left_minor)).collect::<Vec<_>>()
    };
    let mut both = waits().await;
    both.sort();
    assert_eq!(both, [(0, Some(-3_000)), (2, Some(3_000))]);
    let last = fixture.posted(&branch(0), 0, 0).await;
    let amounts = fixture.amounts(last.id).await;
    assert_eq!((amounts[&0].clone(), amounts[&2].clone()), ((0, vec![(0, -3_000)]), (3_000, vec![(3_000, 0)])));
    assert_eq!(waits().await, [(0, Some(-3_000))], "of nothing nothing is held back");
}

fn page() -> Page {
    Page::read(0, "", b"corrections").unwrap()
}

on_both!(a_correction_and_a_settlement_that_are_under_way_at_once_lose_nothing);
async fn a_correction_and_a_settlement_that_are_under_way_at_once_lose_nothing(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    fixture.score(1, &THREE);
    fixture.put_right(first).await.unwrap();
    // Two settlements of one owner are drafted at once: one of them takes what waits.
    let owner = branch(0);
    let (one, two) = tokio::join!(fixture.drafted(&owner, 1, 10_000), fixture.drafted(&owner, 1, 20_000));
    let taken = [one.sums.adjusted_minor, two.sums.adjusted_minor];
    assert!(taken == [Some(0), None] || taken == [None, Some(0)], "{taken:?}");
    // Two corrections at once: one of them waits, whatever the other says.
    fixture.score(0, &[(0, 30), (1, 30), (2, 40)]);
    let (a, b) = tokio::join!(fixture.correct(first), fixture.correct(first));
    let (good, bad): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_ok);
    let refused: Vec<_> = bad.into_iter().map(|refused| refused.unwrap_err().reason()).collect();
    assert_eq!((good.len(), refused), (1, vec!["PAY_CORRECTION_WAITS"]));
    let (filed, shown) = good.into_iter().next().unwrap().unwrap();
    assert_eq!(differences(&shown), [(0, 2_000, 3_000), (2, 5_000, 4_000)], "less what is held by a draft");
    // Approved while the settlements are drafted: it waits for the one after them.
    let (approved, posted) = tokio::join!(fixture.approve(&filed), fixture.approve_and_post(one.id));
    assert_eq!((approved.stage, posted.unwrap().id), (Stage::Approved, one.id));
    fixture.approve_and_post(two.id).await.unwrap();
    fixture.score(2, &THREE);
    let last = fixture.posted(&branch(0), 2, 10_000).await;
    let amounts = fixture.amounts(last.id).await;
    assert_eq!((amounts[&0].1.clone(), amounts[&2].1.clone()), (vec![(1_000, 0)], vec![(-1_000, 0)]));
    let shown = fixture.deltas(Asked::default()).await;
    let settled: i64 = shown.iter().flat_map(|one| &one.adjustments).map(|one| one.amounts.minor).sum();
    assert_eq!((settled, shown.iter().map(|one| one.left_minor.unwrap()).sum::<i64>()), (0, 0));
    assert!(shown.iter().all(|one| one.adjustments.len() == 1), "nothing is taken twice");
}

on_both!(a_moved_carry_account_is_seen_by_the_settlement_that_was_drafted_before);
async fn a_moved_carry_account_is_seen_by_the_settlement_that_was_drafted_before(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = Fixture::new(&db, 3);
    fixture.score(0, &[(0, 10), (1, 10), (2, 10)]);
    let first = fixture.posted(&branch(0), 0, 10_001).await;
    fixture.score(1, &[(0, 10), (1, 10), (2, 10)]);
    let drafted = fixture.drafted(&branch(0), 1, 10_001).await;
    fixture.score(0, &[(0, 10), (1, 10), (2, 20)]);
    fixture.put_right(first.id).await.unwrap();
    let refused = fixture.approve_and_post(drafted.id).await.unwrap_err();
    assert_eq!(refused.reason(), "CARRY_MOVED");
    fixture.discard(drafted.id).await;
    let again = fixture.posted(&branch(0), 1, 10_001).await;
    assert!(again.sums.adjusted_minor.is_some() && again.sums.carry_before != first.sums.carry_after);
}

on_both!(what_was_known_on_any_day_can_be_told);
async fn what_was_known_on_any_day_can_be_told(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    let now = || db.clock.now();
    let tick = || db.clock.advance(SignedDuration::from_hours(24));
    fixture.score(0, &[(1, 50), (2, 50)]);
    let (filed, _) = fixture.correct(first).await.unwrap();
    let drafted_at = now();
    tick();
    fixture.approve(&filed).await;
    let approved_at = now();
    tick();
    fixture.score(1, &THREE);
    let next = fixture.drafted(&branch(0), 1, 1_000).await;
    let held_at = now();
    tick();
    fixture.approve_and_post(next.id).await.unwrap();
    let posted_at = now();
    let known = async |at| {
        let asked = Asked { person: Some(person(0)), known_at: Some(at), ..Asked::default() };
        let shown = fixture.deltas(asked).await;
        let one = |shown: &correcting::DeltaShown| {
            let stages: Vec<_> = shown.adjustments.iter().map(|one| one.stage).collect();
            (shown.left_minor.unwrap(), stages)
        };
        shown.iter().map(one).collect::<Vec<_>>()
    };
    assert!(known(drafted_at).await.is_empty());
    assert_eq!(known(approved_at).await, [(-5_000, vec![])]);
    assert_eq!(known(held_at).await, [(-5_000, vec![adjustments::Stage::Held])]);
    assert_eq!(known(posted_at).await, [(-4_500, vec![adjustments::Stage::Settled])]);
    let of_correction = Asked { correction: Some(filed.id), ..Asked::default() };
    assert_eq!(fixture.deltas(of_correction).await.len(), 3);
}

on_both!(a_branch_corrects_its_own_and_a_stranger_finds_nothing);
async fn a_branch_corrects_its_own_and_a_stranger_finds_nothing(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    use Permission::{CardRead, PoolRead, SettlementApprove, SettlementPrepare, SettlementRead, StatementRead};
    let of = |unit: OrgUnitId, permissions: &[Permission]| {
        fixture.callers.context(&fixture.callers.of_unit(TENANT, unit, permissions))
    };
    let all = [CardRead, PoolRead, SettlementApprove, SettlementPrepare, SettlementRead, StatementRead];
    let (own, other, stranger) = (of(unit(0), &all), of(unit(0), &all), of(unit(1), &all));
    let (app, key, wanted) = (&fixture.app, RequestKey::default(), Fixture::wanted(first, false));
    let refused = correcting::draft(app, &stranger, &wanted).await.unwrap_err();
    assert_eq!(refused.reason(), "NOT_FOUND");
    let (filed, shown) = correcting::draft(app, &own, &wanted).await.unwrap();
    for refused in [
        correcting::get(app, &stranger, filed.id).await,
        correcting::approve(app, &stranger, &key, filed.id).await,
        correcting::withdraw(app, &stranger, &key, filed.id).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), "NOT_FOUND");
    }
    correcting::approve(app, &other, &key, filed.id).await.unwrap();
    assert!(correcting::list(app, &stranger, None, &page()).await.unwrap().0.is_empty());
    assert!(correcting::list_deltas(app, &stranger, &Asked::default(), &page()).await.unwrap().0.is_empty());
    let reader = of(unit(0), &[SettlementRead, StatementRead]);
    let (hidden, masked) =
        rpc::render::<GetCorrection>(&reader, correcting::get(app, &reader, filed.id).await.unwrap());
    assert_eq!((hidden.more, hidden.reason.as_str(), hidden.people), (None, "", 2));
    assert_eq!(masked, ["less", "more", "reason"]);
    let (deltas, masked) = rpc::render_all::<ListDeltas>(&reader, shown);
    assert!(deltas.iter().all(|one| one.old.is_none() && one.why.is_empty() && !one.person_id.is_empty()));
    assert_eq!(masked, ["deltas.new", "deltas.old", "deltas.reason", "deltas.why"]);
}

on_both!(who_signs_the_whole_sees_every_line_of_it_and_the_other_branch_its_own_person_alone);
async fn who_signs_the_whole_sees_every_line_of_it_and_the_other_branch_its_own_person_alone(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    // It is told late that 1 belongs to the other branch since January: nothing of the pool is for that person.
    fixture.moves(1, 0, 1);
    let (filed, shown) = fixture.correct(first).await.unwrap();
    assert_eq!(differences(&shown), [(0, 5_000, 7_143), (1, 3_000, 0), (2, 2_000, 2_857)]);
    use Permission::{CardRead, PoolRead, SettlementRead, StatementRead, StatementReadPay};
    let of = |unit: OrgUnitId, permissions: &[Permission]| {
        fixture.callers.context(&fixture.callers.of_unit(TENANT, unit, permissions))
    };
    let all = [CardRead, PoolRead, SettlementRead, StatementRead, StatementReadPay];
    let (here, there) = (of(unit(0), &all), of(unit(1), &all));
    let of_correction = Asked { correction: Some(filed.id), ..Asked::default() };
    let deltas = async |ctx: &tally_access::OpContext, asked: Asked| {
        let (found, _) = correcting::list_deltas(&fixture.app, ctx, &asked, &page()).await.unwrap();
        let mut people: Vec<_> = found.iter().map(|one| number(one.kept.owed.delta.who.person)).collect();
        people.sort_unstable();
        (people, rpc::render_all::<ListDeltas>(ctx, found).1)
    };
    let nothing = Vec::<String>::new();
    assert_eq!(deltas(&here, of_correction).await, (vec![0, 1, 2], nothing.clone()), "with every amount");
    assert_eq!(deltas(&there, of_correction).await, (vec![1], nothing.clone()));
    // Who reaches it and may not read pay sees that it is there.
    let hidden = deltas(&of(unit(0), &[SettlementRead, StatementRead]), of_correction).await;
    assert_eq!((hidden.0, hidden.1.contains(&"deltas.new".to_owned())), (vec![0, 1, 2], true));
    fixture.approve(&filed).await;
    assert_eq!(deltas(&there, Asked::default()).await.0, [1]);
    assert_eq!(deltas(&here, Asked::default()).await.0, [0, 2], "without a correction named whom they reach");
    // The statement of January is the branch's to read, and the next one, which takes the difference, the other's.
    fixture.score(1, &[(0, 50), (1, 50), (2, 50)]);
    let paid_there = fixture.posted(&branch(1), 1, 10_000).await;
    let room = statement::app::App { store: fixture.store().clone(), peers: fixture.app.peers.clone() };
    let statements = async |ctx: &tally_access::OpContext, settlement: SettlementId| {
        let (found, _) = statement::app::list(&room, ctx, settlement, &page()).await.unwrap();
        let rendered = found.into_iter().map(|paid| {
            let who = number(paid.statement.person);
            (who, statement::rpc::render::<crate::policy::ListStatements>(ctx, paid).1)
        });
        let mut seen: Vec<_> = rendered.collect();
        seen.sort();
        seen
    };
    assert_eq!(statements(&here, first).await, [0, 1, 2].map(|n| (n, nothing.clone())));
    assert_eq!(statements(&there, first).await, [], "what was paid while the person was of the branch");
    assert_eq!(statements(&there, paid_there.id).await, [(1, nothing.clone())]);
    assert_eq!(statements(&here, paid_there.id).await, []);
    assert!(statement::app::get(&room, &here, first, person(1)).await.is_ok());
    let refused = statement::app::get(&room, &there, first, person(1)).await.unwrap_err();
    assert_eq!(refused.reason(), "NOT_FOUND");
}

on_both!(the_database_refuses_what_code_forgets);
async fn the_database_refuses_what_code_forgets(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    let (filed, _) = fixture.correct(first).await.unwrap();
    let permit = fixture.preparer.permit::<DraftSettlement>(&Owner::group().target()).unwrap();
    let unit = async || fixture.store().unit(&fixture.preparer, &permit).await.unwrap();
    // The same hands, a second draft, and a second correction of the same number.
    let own = Filed { stage: Stage::Approved, approved: Some(filed.drafted), ..filed.clone() };
    assert!(store::keep_stage(&unit().await, &own).await.is_err());
    let id = tally_kernel::id::CorrectionId(fixture.preparer.new_id());
    let second = Filed { id, number: 2, ..filed.clone() };
    assert_eq!(store::insert(&unit().await, &second).await.unwrap_err().reason(), "STORE_BUSY");
    let same = Filed { id, stage: Stage::Withdrawn, ..filed.clone() };
    assert_eq!(store::insert(&unit().await, &same).await.unwrap_err().reason(), "STORE_BUSY");
    fixture.approve(&filed).await;
    // One delta in two settlements that are not posted.
    let delta = fixture.deltas(Asked::default()).await.remove(0).kept;
    let amounts = adjustments::Amounts { minor: 1, left_minor: 2 };
    let work = unit().await;
    for (settlement, good) in [(first, true), (SettlementId(fixture.preparer.new_id()), false)] {
        let who = (person(0), Belonged::unit(delta.place.clone()));
        let (cycle, currency, prepared_at) = (delta.cycle, delta.currency, db.clock.now());
        let of = Heading { settlement, cycle, last_day: None, currency, prepared_at };
        let written = adjustments::insert(&work, &fixture.preparer, &of, (delta.id, amounts), who).await;
        assert_eq!(written.is_ok(), good);
        if !good {
            break;
        }
    }
    drop(work);
    let held = deltas::Kept { stage: deltas::Stage::Held, ..delta };
    assert!(deltas::keep(&unit().await, &held).await.is_err(), "held by nobody");
    let work = unit().await;
    work.commit(Audit::new("compensation.settlement.draft", "settlement", first), first).await.unwrap();
}

on_both!(a_settlement_whose_statements_are_kept_no_more_is_refused_with_the_day);
async fn a_settlement_whose_statements_are_kept_no_more_is_refused_with_the_day(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    let permit = fixture.preparer.permit::<DraftSettlement>(&Owner::group().target()).unwrap();
    let work = fixture.store().unit(&fixture.preparer, &permit).await.unwrap();
    let one = statement::store::Column::PersonId.eq(person(0).0);
    work.delete::<statement::store::Entity>().filter(one).exec().await.unwrap();
    work.commit(Audit::new("compensation.settlement.discard", "settlement", first), first).await.unwrap();
    let refused = fixture.correct(first).await.unwrap_err();
    assert_eq!(refused.reason(), "PERIOD_PURGED");
}

on_both!(a_settlement_with_adjustments_is_reckoned_again_from_what_is_on_file);
async fn a_settlement_with_adjustments_is_reckoned_again_from_what_is_on_file(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 30), (2, 50)]);
    let filed = fixture.put_right(first).await.unwrap();
    fixture.score(1, &THREE);
    let drafted = fixture.drafted(&branch(0), 1, 10_000).await;
    fixture.discard(drafted.id).await;
    // The same inputs give the same digest, whatever was drafted before; without what is taken it is another one.
    let pool = settling::draft(&fixture.app, &fixture.preparer, &RequestKey::default(), drafted.pool).await.unwrap();
    assert_eq!((&pool.inputs_digest, pool.sums == drafted.sums), (&drafted.inputs_digest, true));
    fixture.approve_and_post(pool.id).await.unwrap();
    let without = fixture.drafted(&branch(0), 1, 10_000).await;
    assert_ne!(without.inputs_digest, drafted.inputs_digest);
    let again = correcting::get(&fixture.app, &fixture.approver, filed.id).await.unwrap();
    assert_eq!((again.inputs_digest, again.reckoned == filed.reckoned), (filed.inputs_digest, true));
}
