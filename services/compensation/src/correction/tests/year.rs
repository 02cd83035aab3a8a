//! Twelve months with corrections by chance, through the use cases and the database.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tally_app::RequestKey;
use tally_kernel::apportion::Carry;
use tally_kernel::id::SettlementId;
use tally_kernel::{Clock, Micro, Money};
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;

use super::fixture::{CNY, Fixture, branch, first_day, mixed, number, person};
use crate::correction::domain::moved;
use crate::correction::store::deltas::Asked;
use crate::settlement::app as settling;
use crate::settlement::domain::{CarryBook, Claimant, Filed, settle};
use crate::{SERVICE, migrations, settlement};

const PEOPLE: usize = 6;
const MONTHS: usize = 12;
/// Years by chance on each database.
const YEARS: usize = 2;

/// One month as it happens: where everybody belongs, what there is to split, and what is put right after it of this month or an
/// earlier one.
#[derive(Clone, Debug)]
struct Month {
    homes: Vec<usize>,
    scores: Vec<i32>,
    pools: Vec<i64>,
    corrections: Vec<(prop::sample::Index, usize, Option<i32>)>,
    /// Whether the settlements are drafted, thrown away and drafted again.
    in_two_goes: bool,
    /// Whether they are drafted once everybody is where the next month has them.
    late: bool,
}

fn month() -> impl Strategy<Value = Month> {
    let corrections = (any::<prop::sample::Index>(), 0..PEOPLE, prop::option::weighted(0.8, 0..120_i32));
    let homes = prop::collection::vec(0..2_usize, PEOPLE);
    let scores = prop::collection::vec(1..120_i32, PEOPLE);
    let pools = prop::collection::vec(0..100_000_i64, 2);
    let corrections = prop::collection::vec(corrections, 0..4);
    (homes, scores, pools, corrections, any::<bool>(), any::<bool>()).prop_map(
        |(homes, scores, pools, corrections, in_two_goes, late)| Month {
            homes,
            scores,
            pools,
            corrections,
            in_two_goes,
            late,
        },
    )
}

/// A settlement that was posted: of which branch and month.
type Posted = (usize, usize, SettlementId);

async fn pay(fixture: &Fixture, clock: &Clock, (at, months): (usize, &[Month]), leaves: &[usize]) -> Vec<Posted> {
    let (month, here) = (&months[at], |n: &usize| leaves[*n] >= at);
    for n in (0..PEOPLE).filter(here) {
        fixture.moves(n, at, month.homes[n]);
    }
    if let Some(next) = months.get(at + 1).filter(|_| month.late) {
        for n in (0..PEOPLE).filter(|n| leaves[*n] > at) {
            fixture.moves(n, at + 1, next.homes[n]);
        }
        let then = first_day(at + 1).at(12, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        clock.advance(then.duration_since(clock.now()).max(SignedDuration::ZERO));
    }
    fixture.score(at, &(0..PEOPLE).filter(here).map(|n| (n, month.scores[n])).collect::<Vec<_>>());
    let mut posted = Vec::new();
    for unit in 0..2 {
        if !(0..PEOPLE).filter(here).any(|n| month.homes[n] == unit) {
            continue;
        }
        let pool = fixture.pool(&branch(unit), at, month.pools[unit], mixed()).await;
        let key = RequestKey::default();
        let mut drafted = settling::draft(&fixture.app, &fixture.preparer, &key, pool).await.unwrap();
        if month.in_two_goes {
            fixture.discard(drafted.id).await;
            drafted = settling::draft(&fixture.app, &fixture.preparer, &key, pool).await.unwrap();
        }
        let id = fixture.approve_and_post(drafted.id).await.unwrap().id;
        let by_now = |n: usize| fixture.told.lock().unwrap().homes[&n].last().map(|(_, home)| *home);
        for (n, (_, adjustments)) in fixture.amounts(id).await {
            assert!(adjustments.is_empty() || by_now(n) == Some(unit), "{n} is paid by the unit of now");
        }
        posted.push((unit, at, id));
    }
    posted
}

/// The cards of the month of a posted settlement say something else about one person; both branches' settlements of the month are
/// put right.
async fn put_right(fixture: &Fixture, month: usize, who: usize, score: Option<i32>, posted: &[Posted]) {
    if let Some(cards) = fixture.told.lock().unwrap().cards.get_mut(&month) {
        match score {
            Some(score) => drop(cards.insert(who, score)),
            None => drop(cards.remove(&who)),
        }
    }
    for (_, _, id) in posted.iter().filter(|(_, of, _)| *of == month) {
        fixture.put_right(*id).await;
    }
}

/// What the cards of now give for a posted settlement, as they were accepted last: a correction that is refused (nobody left, no score
/// above zero) leaves what stood.
async fn finally(fixture: &Fixture, posted: &Posted) -> (Filed, BTreeMap<usize, i64>, Carry<String>) {
    let tx = fixture.store().read(&fixture.approver).await.unwrap();
    let filed = settlement::facts::filed(&tx, posted.2).await.unwrap();
    let told = fixture.told.lock().unwrap().clone();
    let home = |n: usize| told.homes[&n].iter().rfind(|(from, _)| *from <= posted.1).map(|(_, home)| *home);
    let cards = told.cards[&posted.1].iter().filter(|(n, _)| home(**n) == Some(posted.0));
    let scores: Vec<_> = cards
        .map(|(n, score)| (Claimant { employee_no: format!("E{n:03}"), person: person(*n) }, Micro::from_int(*score)))
        .collect();
    let Ok(split) = settle(filed.sums.pool, &mixed(), &scores, &filed.sums.carry_before) else {
        return standing(fixture, filed).await;
    };
    let lines = split.lines.iter().map(|line| (number(line.person), line.minor)).collect();
    (filed, lines, split.carry.balances)
}

async fn standing(fixture: &Fixture, filed: Filed) -> (Filed, BTreeMap<usize, i64>, Carry<String>) {
    let tx = fixture.store().read(&fixture.approver).await.unwrap();
    let corrections = crate::correction::store::of_settlement(&tx, filed.id).await.unwrap();
    let (lines, carry) = match corrections.into_iter().next_back() {
        Some(last) => (last.reckoned.standing.lines, last.reckoned.standing.carry.balances),
        None => {
            (crate::statement::facts::lines_of(&tx, filed.id).await.unwrap(), filed.sums.carry_after.balances.clone())
        }
    };
    let lines = lines.into_iter().map(|line| (number(line.person), line.minor)).collect();
    (filed, lines, carry)
}

async fn year(fixture: &Fixture, clock: &Clock, months: &[Month], leaves: &[usize]) {
    let mut posted: Vec<Posted> = Vec::new();
    for (at, month) in months.iter().enumerate() {
        posted.extend(pay(fixture, clock, (at, months), leaves).await);
        for (which, who, score) in month.corrections.iter().filter(|_| !posted.is_empty()) {
            let of = posted[which.index(posted.len())].1;
            put_right(fixture, of, *who, *score, &posted).await;
        }
    }
    let mut paid: BTreeMap<usize, i64> = BTreeMap::new();
    let mut given: BTreeMap<usize, i64> = BTreeMap::new();
    let mut books = [CarryBook::empty(CNY), CarryBook::empty(CNY)];
    for one in &posted {
        for (n, (amount, _)) in fixture.amounts(one.2).await {
            assert!(amount >= 0, "a statement below zero");
            *paid.entry(n).or_default() += amount;
        }
        let (filed, lines, carry) = finally(fixture, one).await;
        lines.into_iter().for_each(|(n, minor)| *given.entry(n).or_default() += minor);
        let before = filed.sums.carry_before.balances.iter().map(|(number, balance)| (number.clone(), -balance));
        books[one.0] = moved(&books[one.0], &before.collect()).unwrap();
        books[one.0] = moved(&books[one.0], &carry).unwrap();
    }
    let mut waits: BTreeMap<usize, i64> = BTreeMap::new();
    for delta in fixture.deltas(Asked::default()).await {
        *waits.entry(number(delta.kept.owed.delta.who.person)).or_default() += delta.left_minor.unwrap();
        assert_eq!(delta.left_minor, Some(delta.kept.owed.left_minor), "what is kept is what is told");
    }
    for n in 0..PEOPLE {
        let of = |amounts: &BTreeMap<usize, i64>| amounts.get(&n).copied().unwrap_or_default();
        assert_eq!(of(&paid) + of(&waits), of(&given), "what was paid and what waits, of {n}");
    }
    let tx = fixture.store().read(&fixture.approver).await.unwrap();
    for (unit, book) in books.iter().enumerate() {
        let kept = settlement::facts::carry_book(&tx, &branch(unit), CNY).await.unwrap();
        assert_eq!(
            (&kept, book.balances.sum()),
            (book, 0),
            "the account of {unit} is the sum of what the final facts carry"
        );
    }
    assert!(Money::new(paid.values().sum(), CNY).minor > 0, "something was paid");
}

on_both!(what_was_paid_and_what_waits_is_what_the_final_facts_give_to_the_minor_unit);
async fn what_was_paid_and_what_waits_is_what_the_final_facts_give_to_the_minor_unit(on: Backend) {
    let mut by_chance = TestRunner::deterministic();
    let strategy = (prop::collection::vec(month(), MONTHS), prop::collection::vec(0..2 * MONTHS, PEOPLE));
    for _ in 0..YEARS {
        let (months, leaves) = strategy.new_tree(&mut by_chance).unwrap().current();
        let db = TestStore::on(on, SERVICE, migrations).await;
        Box::pin(year(&Fixture::new(&db, PEOPLE), &db.clock, &months, &leaves)).await;
    }
}
