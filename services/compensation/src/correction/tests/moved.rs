//! Who pays what waits of somebody who moved or left, on both databases.

use std::collections::BTreeSet;

use jiff::civil::date;
use tally_access::Permission;
use tally_kernel::id::{CorrectionId, SettlementId};
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;

use super::fixture::{Fixture, TEAM, TENANT, branch, number, person, unit};
use super::{differences, january, page};
use crate::correction::app as correcting;
use crate::correction::rpc;
use crate::correction::store::deltas::Asked;
use crate::policy::ListDeltas;
use crate::{SERVICE, migrations};

on_both!(who_moved_is_paid_by_the_unit_of_now_and_who_left_gets_a_statement_of_adjustments_alone);
async fn who_moved_is_paid_by_the_unit_of_now_and_who_left_gets_a_statement_of_adjustments_alone(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    fixture.score(0, &[(0, 20), (1, 40), (2, 40)]);
    let put_right = fixture.put_right(first).await.unwrap().id;
    // 1 moves to the other branch in February, 2 has left and has no card any more.
    fixture.moves(1, 1, 1);
    who_pays_next_lists_what_waits(&fixture).await;
    who_has_the_person_lists_its_line(&fixture, put_right, false).await;
    fixture.score(1, &[(0, 90), (1, 90)]);
    let here = fixture.posted(&branch(0), 1, 10_000).await;
    let amounts = fixture.amounts(here.id).await;
    assert_eq!(amounts.len(), 2, "{amounts:?}");
    assert_eq!((amounts[&0].clone(), amounts[&2].clone()), ((7_000, vec![(-3_000, 0)]), (2_000, vec![(2_000, 0)])));
    let left = &fixture.statements(here.id).await[&2].statement;
    assert!(left.line.is_none() && left.unit == unit(0));
    let message = crate::statement::rpc::render::<crate::policy::GetStatement>(
        &fixture.approver,
        fixture.statements(here.id).await.remove(&2).unwrap(),
    );
    assert_eq!((message.0.amount.unwrap().minor, message.0.score.as_str(), message.0.equal_split), (2_000, "", None));
    assert_eq!(message.0.adjustments[0].why, "the score was put right from 20 to 40");
    let there = fixture.posted(&branch(1), 1, 5_000).await;
    assert_eq!(fixture.amounts(there.id).await[&1], (6_000, vec![(1_000, 0)]));
    who_has_the_person_lists_its_line(&fixture, put_right, true).await;
    // A settlement that has adjustments can be corrected in its turn: they are no part of its split.
    fixture.score(1, &[(0, 90), (2, 90), (1, 90)]);
    let (_, shown) = fixture.correct(here.id).await.unwrap();
    assert_eq!(differences(&shown), [(0, 10_000, 5_000), (2, 0, 5_000)]);
}

/// The branch that has the person finds the line however it asks, while it waits and once it is paid, and nothing of the others; no other
/// branch sees it. Of a day it is told what it had paid by then.
async fn who_has_the_person_lists_its_line(fixture: &Fixture, of: CorrectionId, is_paid: bool) {
    use Permission::{CardRead, SettlementRead, StatementRead, StatementReadPay};
    let payroll = [CardRead, SettlementRead, StatementRead, StatementReadPay];
    let now = Some(fixture.callers.clock.now());
    let plain = Asked::default();
    let asks = [
        plain,
        Asked { known_at: now, ..plain },
        Asked { person: Some(person(1)), ..plain },
        Asked { person: Some(person(1)), known_at: now, ..plain },
        Asked { correction: Some(of), ..plain },
    ];
    let list = async |n, permissions: &[Permission], asked: &Asked| {
        let ctx = fixture.callers.context(&fixture.callers.of_unit(TENANT, unit(n), permissions));
        let (found, _) = correcting::list_deltas(&fixture.app, &ctx, asked, &page()).await.unwrap();
        let who: Vec<_> = found.iter().map(|one| number(one.kept.owed.delta.who.person)).collect();
        (who, rpc::render_all::<ListDeltas>(&ctx, found).1.is_empty())
    };
    for asked in &asks {
        if is_paid || asked.known_at.is_none() {
            assert_eq!(list(1, &payroll, asked).await, (vec![1], true), "{asked:?}");
            assert_eq!(list(1, &[StatementRead], asked).await, (vec![1], false), "pay is masked: {asked:?}");
        } else {
            assert_eq!(list(1, &payroll, asked).await.0, Vec::<usize>::new(), "{asked:?}");
        }
        assert_eq!(list(TEAM, &payroll, asked).await.0, Vec::<usize>::new(), "{asked:?}");
    }
    for n in [0, 2] {
        let others = Asked { person: Some(person(n)), ..plain };
        assert_eq!(list(1, &payroll, &others).await.0, Vec::<usize>::new(), "{n}");
    }
    let long_ago = Asked { known_at: Some(jiff::Timestamp::UNIX_EPOCH), ..plain };
    assert_eq!(list(1, &payroll, &long_ago).await.0, Vec::<usize>::new());
    assert_eq!(list(0, &payroll, &plain).await.0.len(), 3, "whose settlement was put right sees all of it");
}

/// Who moved is paid by the other branch, which sees what waits, and the amounts; the first one waits for the others alone.
async fn who_pays_next_lists_what_waits(fixture: &Fixture) {
    let waiting = Asked { waiting: true, ..Asked::default() };
    for (n, people) in [(0, vec![0, 2]), (1, vec![1])] {
        use Permission::{CardRead, SettlementRead, StatementRead, StatementReadPay};
        let payroll = [CardRead, SettlementRead, StatementRead, StatementReadPay];
        let ctx = &fixture.callers.context(&fixture.callers.of_unit(TENANT, unit(n), &payroll));
        let (found, _) = correcting::list_deltas(&fixture.app, ctx, &waiting, &page()).await.unwrap();
        let mut who: Vec<_> = found.iter().map(|one| number(one.kept.owed.delta.who.person)).collect();
        who.sort_unstable();
        assert_eq!((who, rpc::render_all::<ListDeltas>(ctx, found).1), (people, Vec::new()), "branch {n}");
    }
    let all: Vec<_> = fixture.deltas(waiting).await.iter().map(|one| number(one.kept.owed.delta.who.person)).collect();
    assert_eq!(all.len(), 3, "the group sees all of it");
}

on_both!(who_pays_a_part_is_told_nothing_of_what_others_took);
async fn who_pays_a_part_is_told_nothing_of_what_others_took(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let (fixture, first) = january(&db).await;
    // 1 is to give back 3,000: 500 of it in February, 1,000 in March by the other branch.
    fixture.score(0, &[(0, 80), (2, 20)]);
    let of = fixture.put_right(first).await.unwrap().id;
    fixture.score(1, &[(0, 50), (1, 50)]);
    let here = fixture.posted(&branch(0), 1, 1_000).await.id;
    fixture.moves(1, 2, 1);
    fixture.callers.clock.advance(jiff::SignedDuration::from_hours(24 * 60));
    fixture.score(2, &[(1, 90)]);
    let there = fixture.posted(&branch(1), 2, 1_000).await.id;
    let of_person = Asked { person: Some(person(1)), ..Asked::default() };
    let told = async |n: usize, asked: Asked| {
        use Permission::{CardRead, SettlementRead, StatementRead, StatementReadPay};
        let payroll = [CardRead, SettlementRead, StatementRead, StatementReadPay];
        let ctx = &fixture.callers.context(&fixture.callers.of_unit(TENANT, unit(n), &payroll));
        let (found, _) = correcting::list_deltas(&fixture.app, ctx, &asked, &page()).await.unwrap();
        let taken = |one: &correcting::DeltaShown| -> Vec<_> {
            one.adjustments.iter().map(|one| (one.settlement, one.amounts.minor)).collect()
        };
        found.iter().map(|one| (taken(one), one.left_minor)).collect::<Vec<_>>()
    };
    let both = vec![(here, -500), (there, -1_000)];
    assert_eq!(told(0, of_person).await, [(both.clone(), Some(-1_500))]);
    let own = [(vec![(there, -1_000)], Some(-1_500))];
    let waits = Asked { waiting: true, ..of_person };
    for asked in [of_person, waits] {
        assert_eq!(told(1, asked).await, own, "{asked:?}");
    }
    // Back again: what the first branch takes of it by now is its own affair, while it is drafted and after.
    let before = fixture.callers.clock.now();
    fixture.moves(1, 3, 0);
    fixture.callers.clock.advance(jiff::SignedDuration::from_hours(24 * 31));
    fixture.score(3, &[(1, 90)]);
    let again = fixture.drafted(&branch(0), 3, 700).await.id;
    for is_posted in [false, true] {
        if is_posted {
            fixture.approve_and_post(again).await.unwrap();
        }
        let all = both.iter().copied().chain([(again, -700)]).collect();
        assert_eq!(told(0, of_person).await, [(all, Some(if is_posted { -800 } else { -1_500 }))]);
        let now = Some(fixture.callers.clock.now());
        let by_correction = Asked { correction: Some(of), ..of_person };
        let asks = [of_person, by_correction, Asked { known_at: now, ..of_person }];
        for asked in asks.into_iter().chain([Asked { known_at: Some(before), ..of_person }]) {
            assert_eq!(told(1, asked).await, own, "{asked:?}");
        }
        for asked in [waits, Asked { waiting: true, ..by_correction }] {
            assert_eq!(told(1, asked).await, [], "whether it waits is told to who pays the rest: {asked:?}");
        }
    }
    // Whoever has the person again is told what is left to pay, and what itself took alone.
    fixture.moves(1, 4, 1);
    fixture.callers.clock.advance(jiff::SignedDuration::from_hours(24 * 31));
    for asked in [of_person, waits] {
        assert_eq!(told(1, asked).await, [(vec![(there, -1_000)], Some(-800))], "{asked:?}");
    }
    fixture.score(4, &[(1, 90)]);
    let held = fixture.drafted(&branch(1), 4, 300).await.id;
    assert_eq!(told(1, of_person).await, [(vec![(there, -1_000), (held, -300)], Some(-800))]);
}

on_both!(what_waits_of_who_moved_is_taken_by_any_cycle_of_the_unit_of_now_and_by_none_of_the_old_one);
async fn what_waits_of_who_moved_is_taken_by_any_cycle_of_the_unit_of_now_and_by_none_of_the_old_one(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = Fixture::new(&db, 4);
    fixture.moves(3, 0, 1);
    let score = |scores: [i32; 3]| fixture.score(0, &[(0, scores[0]), (1, scores[1]), (2, scores[2]), (3, 50)]);
    score([50, 30, 20]);
    let first = fixture.posted(&branch(0), 0, 10_000).await.id;
    score([20, 40, 40]);
    fixture.put_right(first).await.unwrap();
    let taken = async |of: SettlementId| -> Vec<(usize, Vec<(i64, i64)>)> {
        let amounts = fixture.amounts(of).await.into_iter().map(|(n, (_, adjustments))| (n, adjustments));
        amounts.filter(|(_, adjustments)| !adjustments.is_empty()).collect()
    };
    // Both are of the first branch, by a cycle of January; 2 goes in April, and that is planned.
    fixture.moves(2, 3, 1);
    let early = fixture.drafted(&branch(0), 0, 0).await;
    assert_eq!(taken(early.id).await, [(0, vec![(0, -3_000)]), (1, vec![(1_000, 0)]), (2, vec![(2_000, 0)])]);
    // 1 has gone in March, and February is split in March.
    fixture.moves(1, 2, 1);
    fixture.score(1, &[(0, 50), (1, 30), (2, 20), (3, 50)]);
    let meanwhile = fixture.drafted(&branch(1), 0, 0).await;
    assert_eq!(meanwhile.sums.adjusted_minor, None, "it is held by a draft of before");
    fixture.discard(meanwhile.id).await;
    fixture.discard(early.id).await;
    // The old branch has a line for 1 in February, and pays what waits of the others.
    let old = fixture.posted(&branch(0), 1, 10_000).await;
    assert_eq!(taken(old.id).await, [(0, vec![(-3_000, 0)]), (2, vec![(2_000, 0)])]);
    assert_eq!(fixture.amounts(old.id).await[&1], (3_000, vec![]));
    // The new one had nobody but 3 in January.
    let there = fixture.drafted(&branch(1), 0, 0).await;
    assert_eq!(taken(there.id).await, [(1, vec![(1_000, 0)])]);
    let statement = &fixture.statements(there.id).await[&1].statement;
    assert!(statement.line.is_none() && statement.unit == unit(1), "a statement of the branch that pays it");
    // Back again before it is posted: it stays with whom took it, and what comes after it is for the first branch.
    fixture.moves(1, 2, 0);
    fixture.approve_and_post(there.id).await.unwrap();
    assert_eq!(fixture.amounts(there.id).await[&1], (1_000, vec![(1_000, 0)]));
    score([20, 60, 20]);
    fixture.put_right(first).await.unwrap();
    let other = fixture.posted(&branch(1), 0, 0).await;
    assert_eq!(other.sums.adjusted_minor, None);
    let home = fixture.posted(&branch(0), 0, 0).await;
    assert_eq!(taken(home.id).await, [(1, vec![(2_000, 0)]), (2, vec![(0, -2_000)])]);
}

on_both!(who_left_a_team_before_it_went_to_another_branch_is_paid_by_the_one_that_had_it);
async fn who_left_a_team_before_it_went_to_another_branch_is_paid_by_the_one_that_had_it(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = Fixture::new(&db, 3);
    fixture.moves(1, 0, 1);
    // 2 was of the team of the first branch and left on the fifth of March, before its people went to the second one.
    fixture.moves(2, 0, TEAM);
    fixture.leaves(2, date(2026, 3, 5));
    fixture.score(0, &[(0, 50), (2, 50)]);
    fixture.score(2, &[(0, 50), (1, 50), (2, 50)]);
    let [january, march] =
        [fixture.posted(&branch(0), 0, 10_000).await.id, fixture.posted(&branch(0), 2, 10_000).await.id];
    let there = fixture.posted(&branch(1), 2, 10_000).await.id;
    assert_eq!(fixture.amounts(march).await, [(0, (5_000, vec![])), (2, (5_000, vec![]))].into());
    assert_eq!(fixture.amounts(there).await, [(1, (10_000, vec![]))].into(), "and nobody twice");
    let paid = &fixture.statements(march).await[&2].statement;
    assert_eq!((paid.unit, paid.last_day), (unit(TEAM), Some(date(2026, 3, 5))), "read by whoever had the person then");
    fixture.score(0, &[(0, 20), (2, 80)]);
    fixture.score(2, &[(0, 30), (1, 50), (2, 70)]);
    fixture.put_right(january).await.unwrap();
    fixture.callers.clock.advance(jiff::SignedDuration::from_hours(1));
    fixture.put_right(march).await.unwrap();
    assert_eq!(fixture.correct(there).await.unwrap_err().reason(), "NOTHING_TO_CORRECT");
    let later = jiff::SignedDuration::from_hours(24 * 31);
    fixture.callers.clock.advance(later);
    let waiting = fixture.deltas(Asked { waiting: true, ..Asked::default() }).await;
    assert_eq!(waiting.len(), 4);
    assert!(waiting.iter().all(|one| one.payers.is_empty()), "nobody moved: {waiting:?}");
    let days = waiting.iter().filter(|one| number(one.kept.owed.delta.who.person) == 2).map(|one| one.kept.last_day);
    assert_eq!(days.collect::<BTreeSet<_>>(), [date(2026, 1, 31), date(2026, 3, 5)].map(Some).into());
    // The month after; the second branch pays first, and nothing of it.
    fixture.score(3, &[(0, 50), (1, 50)]);
    let second = fixture.posted(&branch(1), 3, 10_000).await;
    assert_eq!(fixture.amounts(second.id).await, [(1, (10_000, vec![]))].into());
    let first = fixture.posted(&branch(0), 3, 10_000).await;
    let amounts = fixture.amounts(first.id).await;
    let owed = vec![(3_000, 0), (2_000, 0)];
    assert_eq!(amounts, [(0, (5_000, vec![(-3_000, 0), (-2_000, 0)])), (2, (5_000, owed))].into());
    let left = &fixture.statements(first.id).await[&2].statement;
    assert!(
        left.line.is_none() && left.unit == unit(0),
        "whoever reads the branch that pays reads it, and nobody of the other"
    );
}
