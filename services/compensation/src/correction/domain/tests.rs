use proptest::prelude::*;
use tally_i18n::text;
use tally_kernel::id::PersonId;
use tally_kernel::{Locale, Money, Ppm};
use uuid::Uuid;

use super::*;
use crate::pool::domain::{Part, Rule, Tier};

const CNY: Currency = Currency::CNY;

fn claimant(n: usize) -> Claimant {
    Claimant { employee_no: format!("E{n:03}"), person: PersonId(Uuid::from_u128(n as u128)) }
}

fn settlement_id(n: u128) -> SettlementId {
    SettlementId(Uuid::from_u128(n))
}

fn rule() -> PoolRule {
    let tier = |name: &str, min, weight| Tier {
        name: name.to_owned(),
        min_score: Some(Micro::from_int(min)),
        quota: None,
        weight: Micro::from_int(weight),
    };
    let part = |share, rule| Part { share: Ppm::new(share).unwrap(), rule };
    let tiers = Rule::Tiers(vec![tier("a", 90, 3), tier("b", 60, 2), tier("c", 0, 1)]);
    let fund = Rule::TeamFund { name: "team".to_owned() };
    let proportional = Rule::Proportional { floor: Micro::ZERO };
    PoolRule { parts: vec![part(300_000, tiers), part(600_000, proportional), part(100_000, fund)], carry: true }
}

fn scores(of: &[(usize, i32)]) -> Vec<(Claimant, Micro)> {
    of.iter().map(|(n, score)| (claimant(*n), Micro::from_int(*score))).collect()
}

fn settled(minor: i64, of: &[(usize, i32)]) -> Settlement {
    settle(Money::new(minor, CNY), &rule(), &scores(of), &CarryBook::empty(CNY)).unwrap()
}

fn waiting_of(settlement: SettlementId, delta: Delta) -> Result<Outstanding, SettlementError> {
    Outstanding::new(DeltaId(settlement.0), (settlement, Owner::group()), CNY, delta)
}

fn outstanding(n: usize, old_minor: i64, new_minor: i64) -> Outstanding {
    let delta = Delta { who: claimant(n), old_minor, new_minor, why: Why::Others };
    waiting_of(settlement_id(1), delta).unwrap()
}

#[test]
fn people_of_other_units_are_put_right_in_the_published_cycle() {
    let outside = || SettlementError::Outside(vec![claimant(1).person]);
    let refused = tally_kernel::Error::from(CorrectionError::from(outside()));
    assert_eq!(refused.reason(), tally_kernel::Error::from(outside()).reason());
    for locale in [Locale::En, Locale::ZhCn] {
        let told = text(locale, refused.message());
        assert!(told.contains("CorrectCycle") && told.contains(&claimant(1).person.to_string()), "{told}");
    }
}

/// Employee number, amount, and of each delta what is settled and what is left.
type Shown = (String, i64, Vec<(i64, i64)>);

fn shown(next: &Next) -> Vec<Shown> {
    let one = |adjusted: &Adjusted| {
        let adjustments = adjusted.adjustments.iter().map(|a| (a.minor, a.left_minor)).collect();
        (adjusted.who.employee_no.clone(), adjusted.minor, adjustments)
    };
    next.people.iter().map(one).collect()
}

fn left(next: &Next) -> Vec<(String, i64)> {
    next.outstanding.iter().map(|one| (one.delta.who.employee_no.clone(), one.left_minor)).collect()
}

#[test]
fn a_correction_tells_everybody_the_old_and_the_new_amount_and_why() {
    let posted = settled(10_000, &[(1, 90), (2, 90), (3, 60)]);
    let empty = CarryBook::empty(CNY);
    let corrected = correct(&posted, &rule(), &empty, &scores(&[(1, 90), (2, 50), (4, 70)])).unwrap();
    let why = |n: usize| {
        let number = claimant(n).employee_no;
        let delta = corrected.deltas.iter().find(|delta| delta.who.employee_no == number).expect("a delta");
        (delta.why, text(Locale::En, &delta.why.explain()))
    };
    let said = [1, 2, 3, 4].map(why);
    let m = Micro::from_int;
    assert_eq!(
        said.clone().map(|(why, _)| why),
        [Why::Others, Why::Score { old: m(90), new: m(50) }, Why::Removed(m(60)), Why::Added(m(70))]
    );
    assert_eq!(said[1].1, "the score was put right from 90 to 50");
    assert!(said.iter().all(|(why, english)| text(Locale::ZhCn, &why.explain()) != *english));
    let sum: i64 = corrected.deltas.iter().map(|delta| delta.new_minor - delta.old_minor).sum();
    assert_eq!((sum, corrected.carry.sum()), (0, 0), "the pool is the same money");
    assert_eq!(corrected.standing.check(), Ok(()));
    let json = serde_json::to_string(&corrected.deltas).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Delta>>(&json).unwrap(), corrected.deltas);
}

#[test]
fn an_amount_that_goes_against_the_own_score_is_told_with_what_the_scores_of_the_others_did() {
    let told = |rule: &PoolRule, before: &[(usize, i32)], after: &[(usize, i32)]| {
        let empty = CarryBook::empty(CNY);
        let posted = settle(Money::new(10_000, CNY), rule, &scores(before), &empty).unwrap();
        let deltas = correct(&posted, rule, &empty, &scores(after)).unwrap().deltas;
        let delta = deltas.into_iter().find(|delta| delta.who == claimant(1)).expect("a delta");
        let json = serde_json::to_string(&delta).unwrap();
        assert_eq!(serde_json::from_str::<Delta>(&json).unwrap(), delta);
        let said = text(Locale::En, &delta.why.explain());
        assert_ne!(text(Locale::ZhCn, &delta.why.explain()), said);
        (delta.new_minor - delta.old_minor, said)
    };
    let points = PoolRule {
        parts: vec![Part { share: Ppm::new(1_000_000).unwrap(), rule: Rule::Proportional { floor: Micro::ZERO } }],
        carry: false,
    };
    let (down, up) = ([(1, 90), (2, 90), (3, 90)], [(1, 80), (2, 40), (3, 80)]);
    assert_eq!(
        told(&points, &down, &up),
        (666, "the own score was put right from 90 to 80, but those of the others fell more, together from 180 to 120: so the share of the pool grew".to_owned())
    );
    assert_eq!(
        told(&points, &up, &down),
        (-666, "the own score was put right from 80 to 90, but those of the others rose more, together from 120 to 180: so the share of the pool shrank".to_owned())
    );
    // By tiers a sum says nothing: one of the others fell into a lower tier, and another one rose within its own.
    let tiers = PoolRule {
        parts: vec![Part { share: Ppm::new(1_000_000).unwrap(), ..rule().parts.swap_remove(0) }],
        carry: false,
    };
    let (before, after) = ([(1, 95), (2, 90), (3, 60)], [(1, 94), (2, 89), (3, 89)]);
    assert_eq!(
        told(&tiers, &before, &after),
        (536, "the own score was put right from 95 to 94, and those of the others together from 150 to 178: by the rule of the pool the share of it grew all the same".to_owned())
    );
    assert!(told(&tiers, &after, &before).1.ends_with("the share of it shrank all the same"));
}

#[test]
fn the_same_scores_give_no_deltas_and_a_correction_taken_back_gives_the_mirrored_ones() {
    let first = [(1, 90), (2, 75), (3, 60)];
    let (posted, empty) = (settled(10_001, &first), CarryBook::empty(CNY));
    let same = correct(&posted, &rule(), &empty, &scores(&first)).unwrap();
    assert_eq!((same.deltas, same.carry, &same.standing), (vec![], Carry::default(), &posted));
    let other = correct(&posted, &rule(), &empty, &scores(&[(1, 10), (2, 75), (3, 60)])).unwrap();
    let back = correct(&other.standing, &rule(), &empty, &scores(&first)).unwrap();
    assert_eq!(back.standing, posted);
    let mirrored = |deltas: &[Delta]| -> Vec<_> { deltas.iter().map(|d| d.new_minor - d.old_minor).collect() };
    let negated: Vec<_> = mirrored(&other.deltas).iter().map(|minor| -minor).collect();
    assert_eq!(mirrored(&back.deltas), negated);
    let book = moved(&moved(&empty, &other.carry).unwrap(), &back.carry).unwrap();
    assert_eq!(book, empty, "the account is where it was");
}

#[test]
fn what_cannot_be_settled_now_or_was_altered_is_refused_as_in_settling() {
    let (posted, empty) = (settled(10_000, &[(1, 90), (2, 80)]), CarryBook::empty(CNY));
    assert_eq!(correct(&posted, &rule(), &empty, &[]), Err(SettlementError::NoPeople));
    assert_eq!(correct(&posted, &rule(), &empty, &scores(&[(1, 0)])), Err(SettlementError::ZeroScores));
    let mut altered = posted;
    altered.lines[0].minor += 1;
    assert!(matches!(correct(&altered, &rule(), &empty, &scores(&[(1, 90)])), Err(SettlementError::Broken(_))));
}

#[test]
fn a_statement_never_falls_below_zero_and_the_rest_waits_and_is_shown() {
    let next_month = settled(1_000, &[(1, 80), (2, 80)]);
    assert_eq!(next_month.lines.iter().map(|line| line.minor).collect::<Vec<_>>(), [450, 450]);
    let waiting =
        vec![outstanding(1, 900, 100), outstanding(1, 0, 50), outstanding(1, 30, 0), outstanding(2, 100, 300)];
    let after = next(waiting, &next_month, |_| true).unwrap();
    assert_eq!(
        shown(&after),
        [("E001".to_owned(), 0, vec![(-500, -300), (50, 0), (0, -30)]), ("E002".to_owned(), 650, vec![(200, 0)])]
    );
    assert_eq!(left(&after), [("E001".to_owned(), -300), ("E001".to_owned(), -30)], "the oldest first");
    let later = next(after.outstanding, &next_month, |_| true).unwrap();
    assert_eq!(shown(&later)[0], ("E001".to_owned(), 120, vec![(-300, 0), (-30, 0)]));
    assert_eq!(later.people[0].adjustments[0].of.delta.old_minor, 900, "it still tells what it was about");
    assert_eq!(later.outstanding, []);
}

#[test]
fn who_moved_is_paid_by_the_unit_of_now_and_who_left_has_a_statement_of_deltas_alone() {
    let settlement = settled(1_000, &[(1, 80), (2, 80)]);
    let dollars = Outstanding { currency: Currency::USD, ..outstanding(1, 0, 70) };
    let waiting = vec![outstanding(3, 0, 40), outstanding(9, 10, 25), outstanding(8, 25, 10), dollars.clone()];
    // 3 pays another unit, 8 and 9 left this one.
    let after = next(waiting.clone(), &settlement, |one| one.delta.who != claimant(3)).unwrap();
    assert_eq!(shown(&after)[2..], [("E008".to_owned(), 0, vec![(0, -15)]), ("E009".to_owned(), 15, vec![(15, 0)])]);
    assert!(after.people[2..].iter().all(|one| one.line.is_none()));
    assert_eq!(after.outstanding, [waiting[0].clone(), waiting[2].clone(), dollars]);
}

#[test]
fn a_delta_goes_to_the_owner_that_the_person_still_belongs_to_and_else_to_whoever_pays_the_person_now() {
    let unit = |n: u128| OrgUnitId(Uuid::from_u128(n));
    let owner = |n: u128| Owner::of("cn-north".parse().unwrap(), unit(n));
    // Below 10 the branch 2 holds the team 4, and the branch 3 the team 6; 9 is closed and holds nobody.
    let below = |units: &[u128]| units.iter().copied().map(unit).collect::<Vec<_>>();
    let (four, six): (Below, Below) =
        [[4, 2, 10], [6, 3, 10]].map(|units| Below { hung: below(&units), goes_on: None }).into();
    let of = |owner: Owner| Outstanding { owner, ..outstanding(1, 0, 5) };
    let paid =
        |one: &Outstanding, payer: &Owner, below: Option<&Below>, has_line| one.is_paid_by(payer, below, has_line);
    let branch = of(owner(2));
    let payers = [owner(2), owner(4), owner(3), owner(10), Owner::group()];
    for (payer, is) in payers.into_iter().zip([true, false, false, false, false]) {
        assert_eq!(paid(&branch, &payer, Some(&four), true), is, "still of the branch: {payer:?}");
        assert_eq!(paid(&branch, &payer, None, true), is, "of nobody any more: {payer:?}");
    }
    for (payer, has_line, is) in [
        (owner(2), false, false),
        (owner(2), true, false),
        (owner(3), false, true),
        (owner(6), false, true),
        (owner(4), true, false),
        (owner(10), false, true),
        (Owner::group(), false, false),
        (Owner::group(), true, true),
    ] {
        assert_eq!(paid(&branch, &payer, Some(&six), has_line), is, "moved: {payer:?}");
    }
    let group = of(Owner::group());
    assert!(paid(&group, &Owner::group(), Some(&six), false) && !paid(&group, &owner(3), Some(&six), true));
    assert!(paid(&of(owner(9)), &owner(2), Some(&four), false), "of a unit that is closed");
    // Of team 4 before it was closed and its people went to team 6: of both branches, and of what was neither's by the latter.
    let gone = Below { hung: four.hung, goes_on: Some(six.hung) };
    for (own, payers) in [(2, [true, false, false]), (3, [false, true, false]), (9, [false, true, true])] {
        let by = [owner(2), owner(3), owner(6)].map(|payer| paid(&of(owner(own)), &payer, Some(&gone), false));
        assert_eq!(by, payers, "of {own}");
    }
}

#[test]
fn numbers_too_large_are_named_and_nothing_wraps() {
    let settlement = settled(1_000, &[(1, 80)]);
    let huge = outstanding(1, 0, i64::MAX);
    assert_eq!(next(vec![huge], &settlement, |_| true), Err(SettlementError::TooLarge(Beyond::Pool)));
    let delta = Delta { who: claimant(1), old_minor: i64::MIN, new_minor: 1, why: Why::Others };
    assert_eq!(waiting_of(settlement_id(1), delta), Err(SettlementError::TooLarge(Beyond::Pool)));
    let book = CarryBook { currency: CNY, balances: [("E001".to_owned(), i64::MAX)].into_iter().collect() };
    let by = [("E001".to_owned(), 1)].into_iter().collect();
    assert_eq!(moved(&book, &by), Err(SettlementError::TooLarge(Beyond::Pool)));
}

const PEOPLE: usize = 6;
const MONTHS: usize = 12;

/// One month as it happens: where everybody belongs, from when on somebody is gone, what there is to split, and what is put right
/// after it of this month or an earlier one.
#[derive(Clone, Debug)]
struct Month {
    units: Vec<usize>,
    scores: Vec<i32>,
    pools: Vec<i64>,
    corrections: Vec<(prop::sample::Index, usize, Option<i32>)>,
}

fn month() -> impl Strategy<Value = Month> {
    let corrections = (any::<prop::sample::Index>(), 0..PEOPLE, prop::option::weighted(0.8, 0..120_i32));
    (
        prop::collection::vec(0..2_usize, PEOPLE),
        prop::collection::vec(1..120_i32, PEOPLE),
        prop::collection::vec(0..100_000_i64, 2),
        prop::collection::vec(corrections, 0..4),
    )
        .prop_map(|(units, scores, pools, corrections)| Month { units, scores, pools, corrections })
}

/// A settlement that was posted, and as it stands by now.
struct Posted {
    unit: usize,
    before: CarryBook,
    standing: Settlement,
    scores: BTreeMap<usize, i32>,
}

/// Two units that pay their people month by month, each with its own carry account.
struct World {
    books: Vec<CarryBook>,
    posted: Vec<Posted>,
    waiting: Vec<Outstanding>,
    paid: BTreeMap<Claimant, i64>,
}

impl World {
    fn pay(&mut self, month: &Month, homes: &[usize], gone: &[bool]) {
        for unit in 0..2 {
            let here = (0..PEOPLE).filter(|n| homes[*n] == unit && !gone[*n]);
            let scores: BTreeMap<usize, i32> = here.map(|n| (n, month.scores[n])).collect();
            if scores.is_empty() {
                continue;
            }
            let before = self.books[unit].clone();
            let of: Vec<_> = scores.iter().map(|(n, score)| (*n, *score)).collect();
            let amount = Money::new(month.pools[unit], CNY);
            let standing = settle(amount, &rule(), &self::scores(&of), &before).unwrap();
            self.books[unit] = standing.carry.clone();
            let belongs = |one: &Outstanding| (0..PEOPLE).any(|n| claimant(n) == one.delta.who && homes[n] == unit);
            let next = next(std::mem::take(&mut self.waiting), &standing, belongs).unwrap();
            for one in next.people {
                let adjustments: i64 = one.adjustments.iter().map(|a| a.minor).sum();
                assert_eq!(one.line.map_or(0, |line| line.minor) + adjustments, one.minor);
                assert!(one.minor >= 0, "a statement below zero");
                *self.paid.entry(one.who).or_default() += one.minor;
            }
            self.waiting = next.outstanding;
            self.posted.push(Posted { unit, before, standing, scores });
        }
    }

    fn put_right(&mut self, which: prop::sample::Index, person: usize, score: Option<i32>) {
        let at = which.index(self.posted.len());
        let posted = &mut self.posted[at];
        let mut scores = posted.scores.clone();
        match score {
            Some(score) => drop(scores.insert(person, score)),
            None => drop(scores.remove(&person)),
        }
        let of: Vec<_> = scores.iter().map(|(n, score)| (*n, *score)).collect();
        match correct(&posted.standing, &rule(), &posted.before, &self::scores(&of)) {
            Ok(Corrected { standing, deltas, carry }) => {
                (posted.standing, posted.scores) = (standing, scores);
                self.books[posted.unit] = moved(&self.books[posted.unit], &carry).unwrap();
                let id = settlement_id(at as u128);
                self.waiting.extend(deltas.into_iter().map(|delta| waiting_of(id, delta).unwrap()));
            }
            Err(refused) => {
                assert!(matches!(refused, SettlementError::NoPeople | SettlementError::ZeroScores), "{refused:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_paid_and_what_waits_is_what_the_final_facts_give_to_the_minor_unit(
        months in prop::collection::vec(month(), MONTHS), leaves in prop::collection::vec(0..2 * MONTHS, PEOPLE),
    ) {
        let books = vec![CarryBook::empty(CNY); 2];
        let mut world = World { books, posted: vec![], waiting: vec![], paid: BTreeMap::new() };
        let mut homes = vec![0; PEOPLE];
        for (at, month) in months.iter().enumerate() {
            let gone: Vec<bool> = leaves.iter().map(|last| *last < at).collect();
            // Who is gone belongs where the person was last.
            (0..PEOPLE).filter(|n| !gone[*n]).for_each(|n| homes[n] = month.units[n]);
            world.pay(month, &homes, &gone);
            if !world.posted.is_empty() {
                month.corrections.iter().for_each(|(which, person, score)| world.put_right(*which, *person, *score));
            }
        }
        let mut given: BTreeMap<Claimant, i64> = BTreeMap::new();
        let mut carried = vec![BTreeMap::<String, i64>::new(); 2];
        for posted in &world.posted {
            let of: Vec<_> = posted.scores.iter().map(|(n, score)| (*n, *score)).collect();
            let last = settle(posted.standing.pool, &rule(), &scores(&of), &posted.before).unwrap();
            prop_assert_eq!(&last, &posted.standing, "what stands is what the final scores give");
            for line in last.lines {
                let who = Claimant { employee_no: line.employee_no, person: line.person };
                *given.entry(who).or_default() += line.minor;
            }
            for (number, billionths) in difference(&posted.before.balances, &last.carry.balances).unwrap().iter() {
                *carried[posted.unit].entry(number.clone()).or_default() += billionths;
            }
        }
        for n in 0..PEOPLE {
            let who = claimant(n);
            let of = |amounts: &BTreeMap<Claimant, i64>| amounts.get(&who).copied().unwrap_or_default();
            let waits = world.waiting.iter().filter(|one| one.delta.who == who).map(|one| one.left_minor);
            prop_assert_eq!(of(&world.paid) + waits.sum::<i64>(), of(&given), "{}", who.employee_no);
        }
        for (book, carried) in world.books.iter().zip(carried) {
            let carried: Carry<String> = carried.into_iter().collect();
            prop_assert_eq!(&book.balances, &carried, "each account is the sum of what the final facts carry");
            prop_assert_eq!(book.balances.sum(), 0);
        }
    }
}
