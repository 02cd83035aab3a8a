use proptest::prelude::*;
use tally_access::four_eyes::Hands;
use tally_i18n::text;
use tally_kernel::id::PrincipalId;
use tally_kernel::{Locale, Message};

use super::*;
use crate::pool::domain::Part;

const CNY: Currency = Currency::CNY;

fn en(message: &Message) -> String {
    text(Locale::En, message)
}

fn zh(message: &Message) -> String {
    text(Locale::ZhCn, message)
}

fn person(n: u128) -> PersonId {
    PersonId(format!("{n:032x}").parse().unwrap())
}

fn claimant(n: u128) -> Claimant {
    Claimant { employee_no: format!("E{n:03}"), person: person(1_000 - n) }
}

fn no(n: u128) -> String {
    claimant(n).employee_no
}

fn principal(n: u128) -> PrincipalId {
    PrincipalId(format!("{n:032x}").parse().unwrap())
}

fn m(text: &str) -> Micro {
    text.parse().unwrap()
}

fn cny(major: &str) -> Money {
    Money::parse_major(major, CNY).unwrap()
}

fn part(share: u32, rule: Rule) -> Part {
    Part { share: Ppm::new(share).unwrap(), rule }
}

fn rule(parts: Vec<Part>) -> PoolRule {
    PoolRule { parts, carry: false }
}

fn proportional(floor: &str) -> Rule {
    Rule::Proportional { floor: m(floor) }
}

fn fund() -> Rule {
    Rule::TeamFund { name: "team".to_owned() }
}

fn tiers(of: &[(&str, &str, i32)]) -> Rule {
    let tier = |(name, min, weight): &(&str, &str, i32)| Tier {
        name: (*name).to_owned(),
        min_score: Some(m(min)),
        quota: None,
        weight: Micro::from_int(*weight),
    };
    Rule::Tiers(of.iter().map(tier).collect())
}

fn scores(of: &[&str]) -> Vec<(Claimant, Micro)> {
    of.iter().zip(1..).map(|(s, n)| (claimant(n), m(s))).collect()
}

fn fresh(amount: Money, rule: &PoolRule, scores: &[(Claimant, Micro)]) -> Result<Settlement, SettlementError> {
    settle(amount, rule, scores, &CarryBook::empty(amount.currency))
}

fn minors(settlement: &Settlement) -> Vec<i64> {
    settlement.lines.iter().map(|l| l.minor).collect()
}

/// Half by tiers, four tenths in proportion, a tenth to the fund.
fn mix() -> PoolRule {
    rule(vec![
        part(500_000, tiers(&[("excellent-1", "95", 3), ("excellent-2", "85", 2), ("rest", "60", 1)])),
        part(400_000, proportional("0")),
        part(100_000, fund()),
    ])
}

#[test]
fn a_mix_is_split_to_the_cent_as_by_hand() {
    let settlement = fresh(cny("1000.00"), &mix(), &scores(&["96", "90", "84", "30"])).unwrap();
    // Tiers: 500 by 3, 2, 1, 0. Proportional: 400 by 96, 90, 84, 30 of 300.
    assert_eq!(minors(&settlement), [25_000 + 12_800, 16_667 + 12_000, 8_333 + 11_200, 4_000]);
    assert_eq!((settlement.paid_minor(), settlement.team_fund_minor()), (90_000, 10_000));
    assert_eq!(settlement.funds, [Fund { part: 2, name: "team".to_owned(), minor: 10_000 }]);
    assert_eq!(settlement.lines.iter().map(|l| l.equal_split_minor).collect::<Vec<_>>(), [22_500; 4]);
    let tier = |i: usize| settlement.lines[i].parts[0].tier.clone();
    assert_eq!([tier(0), tier(3)], [Some("excellent-1".to_owned()), None]);
    assert_eq!(settlement.check(), Ok(()));
}

#[test]
fn every_sentence_carries_the_exact_digits() {
    let settlement = fresh(cny("1000.00"), &mix(), &scores(&["96", "90", "84", "30"])).unwrap();
    let line = &settlement.lines[1];
    assert_eq!(
        en(&line.parts[0].explain(CNY)),
        "Part 1 (50 % of the pool, 500.00 CNY), by tiers: tier excellent-2 weighs 2 of 6 in all; 500.00 × 2 / 6 = 166.66 CNY and 0.666667 of \
         0.01 CNY; one of the 1 odd units of 0.01 CNY came here; so 166.67 CNY."
    );
    assert_eq!(
        en(&line.parts[1].explain(CNY)),
        "Part 2 (40 % of the pool, 400.00 CNY), in proportion to the score: 90 points of 300 in all; 400.00 × 90 / 300 = 120.00 CNY exactly; so \
         120.00 CNY."
    );
    assert_eq!(
        zh(&line.parts[0].explain(CNY)),
        "第 1 部分（奖金池的 50 %，500.00 CNY）按等级分配：等级 excellent-2，权重 2，总和 6；500.00 × 2 / 6 = 166.66 CNY 又 0.01 CNY 的 0.666667；1 个零头（每个 0.01 CNY）中分得 1 个；计 166.67 CNY。"
    );
    assert_eq!(
        en(&settlement.lines[3].parts[0].explain(CNY)),
        "Part 1 (50 % of the pool, 500.00 CNY), by tiers: the score reaches no tier, so 0.00 CNY."
    );
    assert_eq!(
        en(&line.explain(CNY)),
        "286.67 CNY for a score of 90: 61.67 CNY more than the 225.00 CNY that an equal split would have paid."
    );
    assert_eq!(
        zh(&settlement.lines[3].explain(CNY)),
        "得分 30，发放 40.00 CNY；若平均分配为 225.00 CNY，少 185.00 CNY。"
    );
}

#[test]
fn quotas_grade_by_place_and_a_tie_shares_the_better_tier() {
    let tier = |name: &str, quota, weight| Tier {
        name: name.to_owned(),
        min_score: None,
        quota: Some(Ppm::new(quota).unwrap()),
        weight: Micro::from_int(weight),
    };
    let rule = rule(vec![part(1_000_000, Rule::Tiers(vec![tier("a", 250_000, 3), tier("b", 750_000, 1)]))]);
    let settlement = fresh(cny("80.00"), &rule, &scores(&["50", "70", "90", "90"])).unwrap();
    assert_eq!(minors(&settlement), [1_000, 1_000, 3_000, 3_000]);
}

#[test]
fn ties_go_by_employee_number_and_a_number_or_person_with_two_scores_is_refused() {
    let plain = rule(vec![part(1_000_000, proportional("0"))]);
    // The ids run against the numbers here.
    let settlement = fresh(cny("1.00"), &plain, &scores(&["1", "1", "1"])).unwrap();
    assert_eq!(
        settlement.lines.iter().map(|l| (l.employee_no.as_str(), l.minor)).collect::<Vec<_>>(),
        [("E001", 34), ("E002", 33), ("E003", 33)]
    );
    let with = |employee_no: &str, n| (Claimant { employee_no: employee_no.to_owned(), person: person(n) }, m("1"));
    for pair in [[with("a", 1), with("a", 2)], [with("a", 2), with("b", 2)]] {
        assert_eq!(fresh(cny("1.00"), &plain, &pair), Err(SettlementError::PersonTwice(person(2))));
    }
}

#[test]
fn a_score_exactly_on_a_threshold_reaches_the_tier() {
    let rule = rule(vec![part(1_000_000, tiers(&[("a", "90", 2), ("b", "60", 1)]))]);
    let settlement = fresh(cny("30.00"), &rule, &scores(&["90", "89.999999", "59.999999"])).unwrap();
    assert_eq!(minors(&settlement), [2_000, 1_000, 0]);
}

#[test]
fn a_floor_counts_only_what_is_above_it() {
    let settlement =
        fresh(cny("90.00"), &rule(vec![part(1_000_000, proportional("60"))]), &scores(&["60", "70", "80", "12"]))
            .unwrap();
    assert_eq!(minors(&settlement), [0, 3_000, 6_000, 0]);
    assert!(en(&settlement.lines[0].parts[0].explain(CNY)).contains("it is not above 60, so 0.00 CNY"));
    assert!(zh(&settlement.lines[1].parts[0].explain(CNY)).contains("按超过 60 的得分比例分配：10 分，总和 30"));
}

#[test]
fn the_odd_cent_goes_round_with_a_carry_and_the_statement_says_so() {
    let rule = PoolRule { carry: true, ..rule(vec![part(1_000_000, proportional("0"))]) };
    let mut book = CarryBook::empty(CNY);
    let mut winners = Vec::new();
    for _ in 0..3 {
        let settlement = settle(cny("1.00"), &rule, &scores(&["80", "80", "80"]), &book).unwrap();
        winners.push(minors(&settlement));
        book = settlement.carry.clone();
        assert_eq!(book.balances.sum(), 0);
    }
    assert_eq!(winners, [[34, 33, 33], [33, 34, 33], [33, 33, 34]]);
    let settlement = settle(cny("1.00"), &rule, &scores(&["80", "80", "80"]), &book).unwrap();
    let text = en(&settlement.lines[0].parts[0].explain(CNY));
    assert!(
        text.contains(
            "one of the 1 odd units of 0.01 CNY came here; carried from before 0.000000002, carried on -0.666666664"
        ),
        "{text}"
    );
    let json = serde_json::to_string(&settlement).unwrap();
    assert_eq!(serde_json::from_str::<Settlement>(&json).unwrap(), settlement);
}

#[test]
fn without_carry_the_book_stays_as_it_was() {
    let book = CarryBook { currency: CNY, balances: [(no(1), -5), (no(2), 5)].into_iter().collect() };
    let settlement =
        settle(cny("1.00"), &rule(vec![part(1_000_000, proportional("0"))]), &scores(&["1", "1", "1"]), &book).unwrap();
    assert_eq!((minors(&settlement), &settlement.carry), (vec![34, 33, 33], &book));
    assert_eq!(settlement.lines[0].parts[0].carry_in, None);
}

#[test]
fn what_cannot_be_settled_says_why() {
    let plain = rule(vec![part(1_000_000, proportional("0"))]);
    let some = scores(&["80", "90"]);
    let refused = |amount, rule: &PoolRule, scores: &[_]| fresh(amount, rule, scores).unwrap_err();
    assert_eq!(refused(cny("1"), &plain, &[]), SettlementError::NoPeople);
    assert_eq!(refused(cny("1"), &plain, &scores(&["0", "0"])), SettlementError::ZeroScores);
    assert_eq!(refused(cny("-1"), &plain, &some), SettlementError::NegativePool);
    assert_eq!(
        refused(cny("1"), &plain, &[some[0].clone(), some[0].clone()]),
        SettlementError::PersonTwice(person(999))
    );
    assert_eq!(
        refused(cny("1"), &rule(vec![part(1_000_000, proportional("95"))]), &some),
        SettlementError::NoClaim { part: 0 }
    );
    let unreached = rule(vec![part(300_000, fund()), part(700_000, tiers(&[("a", "95", 2)]))]);
    assert_eq!(refused(cny("1"), &unreached, &some), SettlementError::NoClaim { part: 1 });
    assert!(matches!(refused(cny("1"), &rule(vec![part(999_999, fund())]), &some), SettlementError::Rule(_)));
    let dollars = CarryBook::empty(Currency::USD);
    assert_eq!(
        settle(cny("1"), &plain, &some, &dollars),
        Err(SettlementError::CurrencyMismatch { pool: CNY, other: Currency::USD })
    );
}

#[test]
fn a_pool_of_a_unit_below_pays_its_people_and_one_of_the_owner_refuses_people_of_others() {
    let one = |n, belongs| Scored { who: claimant(n), score: Micro::from_int(80), belongs };
    let all = vec![one(1, true), one(2, false), one(3, true), one(4, false)];
    let paid = payable(all.clone(), false).unwrap();
    assert_eq!(paid.iter().map(|(who, _)| who.clone()).collect::<Vec<_>>(), [claimant(1), claimant(3)]);
    let refused = payable(all.clone(), true).unwrap_err();
    assert_eq!(refused, SettlementError::Outside(vec![claimant(2).person, claimant(4).person]));
    let error = Error::from(refused);
    let told = en(error.message());
    assert!(told.starts_with("2 people have a card") && told.contains(&claimant(4).person.to_string()), "{told}");
    let own: Vec<_> = all.into_iter().filter(|one| one.belongs).collect();
    assert_eq!(payable(own.clone(), true).unwrap(), payable(own, false).unwrap());
    assert_eq!(payable(vec![one(2, false)], false).unwrap(), [], "nobody: settling refuses that");
}

#[test]
fn every_refusal_has_a_reason_of_its_own() {
    let errors = [
        SettlementError::NoPeople,
        SettlementError::PersonTwice(person(1)),
        SettlementError::Outside(vec![person(1)]),
        SettlementError::NegativePool,
        SettlementError::ZeroScores,
        SettlementError::NoClaim { part: 0 },
        SettlementError::CurrencyMismatch { pool: CNY, other: Currency::USD },
        SettlementError::TooLarge(Beyond::Pool),
        SettlementError::FourEyes(FourEyesRequired),
        SettlementError::NotDraft(Stage::Approved),
        SettlementError::NotApproved(Stage::Draft),
        SettlementError::Posted,
        SettlementError::Broken("secret sums".to_owned()),
    ];
    let reasons: std::collections::BTreeSet<_> = errors.iter().map(|e| Error::from(e.clone()).reason()).collect();
    assert_eq!(reasons.len(), errors.len());
    let beyond = [Beyond::Part(0), Beyond::Person(1, person(1))].map(SettlementError::TooLarge);
    for error in errors.iter().chain(&beyond) {
        let error = Error::from(error.clone());
        let (english, chinese) = (en(error.message()), zh(error.message()));
        assert!(english != chinese && !(english + &chinese).contains('_'), "{error:?}");
    }
    let broken = Error::from(errors[12].clone());
    assert!(broken.kind() == Kind::Internal && !broken.to_string().contains("secret"));
}

#[test]
fn a_fund_alone_pays_nobody_and_keeps_everything() {
    let settlement = fresh(cny("10.00"), &rule(vec![part(1_000_000, fund())]), &scores(&["80", "90"])).unwrap();
    assert_eq!((minors(&settlement), settlement.team_fund_minor()), (vec![0, 0], 1_000));
}

#[test]
fn altered_amounts_are_found_on_read() {
    let good = fresh(cny("1000.00"), &mix(), &scores(&["96", "90", "84", "30"])).unwrap();
    let broken = |change: fn(&mut Settlement)| {
        let mut copy = good.clone();
        change(&mut copy);
        matches!(copy.check(), Err(SettlementError::Broken(_)))
    };
    assert!(broken(|s| s.pool.minor += 1));
    assert!(broken(|s| s.funds[0].minor -= 1));
    assert!(broken(|s| s.lines[0].minor += 1));
    assert!(broken(|s| {
        // A cent moved from one person to another, consistently.
        (s.lines[0].minor, s.lines[1].minor) = (s.lines[0].minor + 1, s.lines[1].minor - 1);
        (s.lines[0].parts[0].minor, s.lines[1].parts[0].minor) =
            (s.lines[0].parts[0].minor + 1, s.lines[1].parts[0].minor - 1);
    }));
    assert!(broken(|s| s.lines[0].parts[1].weight = s.lines[1].parts[1].weight));
    assert!(broken(|s| s.lines.swap(0, 1)));
    assert!(broken(|s| s.lines[2].equal_split_minor += 1));
    assert!(broken(|s| {
        s.lines.pop();
    }));
}

fn hands(by: u128) -> Hands {
    Hands::own(principal(by), None)
}

#[test]
fn three_people_prepare_approve_and_post_and_posted_is_final() {
    let [preparer, approver, poster] = [1, 2, 3].map(hands);
    assert_eq!(Stage::Draft.approve(preparer, preparer), Err(SettlementError::FourEyes(FourEyesRequired)));
    let approved = Stage::Draft.approve(preparer, approver).unwrap();
    for same in [preparer, approver] {
        assert_eq!(approved.post(preparer, Some(approver), same), Err(SettlementError::FourEyes(FourEyesRequired)));
    }
    assert_eq!(
        approved.post(preparer, None, poster),
        Err(SettlementError::FourEyes(FourEyesRequired)),
        "nobody knows who approved"
    );
    let posted = approved.post(preparer, Some(approver), poster).unwrap();
    assert_eq!(posted, Stage::Posted);
    let early = Stage::Draft.post(preparer, None, poster);
    assert_eq!(early, Err(SettlementError::NotApproved(Stage::Draft)));
    assert_eq!(approved.approve(preparer, approver), Err(SettlementError::NotDraft(Stage::Approved)));
    assert_eq!(approved.must_be_draft(), Err(SettlementError::NotDraft(Stage::Approved)));
    for refused in [
        posted.post(preparer, Some(approver), poster).err(),
        posted.discard().err(),
        posted.approve(preparer, approver).err(),
        posted.must_be_draft().err(),
    ] {
        let error = refused.unwrap();
        assert_eq!(error, SettlementError::Posted);
        assert!(en(Error::from(error).message()).contains("draft a correction of it"));
    }
    assert_eq!(approved.discard(), Ok(Stage::Discarded));
    assert_eq!(Stage::Discarded.discard(), Err(SettlementError::NotDraft(Stage::Discarded)));
}

#[test]
fn who_delegates_the_right_has_a_hand_in_it() {
    let [preparer, other] = [1, 2].map(hands);
    let delegated = Hands { delegated_by: Some(preparer.by), ..other };
    assert_eq!(Stage::Draft.approve(preparer, delegated), Err(SettlementError::FourEyes(FourEyesRequired)));
    assert_eq!(Stage::Draft.approve(delegated, preparer), Err(SettlementError::FourEyes(FourEyesRequired)));
    let third = Hands { delegated_by: Some(principal(4)), ..hands(3) };
    assert_eq!(Stage::Draft.approve(delegated, third), Ok(Stage::Approved));
    let fifth = Hands { delegated_by: Some(principal(4)), ..hands(5) };
    assert_eq!(Stage::Approved.post(delegated, Some(third), fifth), Err(SettlementError::FourEyes(FourEyesRequired)));
}

fn any_scores() -> impl Strategy<Value = Vec<(Claimant, Micro)>> {
    prop::collection::vec(0..125_000_000_i64, 1..15)
        .prop_map(|s| s.into_iter().zip(1..).map(|(s, n)| (claimant(n), Micro::from_millionths(s))).collect())
}

fn any_rule() -> impl Strategy<Value = PoolRule> {
    (1..999_998_u32, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(first, rest, carry)| {
        let left = 1_000_000 - first;
        let second = 1 + u32::try_from(rest.index(left as usize - 1)).unwrap();
        let parts = vec![
            part(first, tiers(&[("a", "90", 7), ("b", "60", 3), ("c", "0", 1)])),
            part(second, proportional("0")),
            part(left - second, fund()),
        ];
        PoolRule { parts, carry }
    })
}

proptest! {
    #[test]
    fn what_is_paid_and_kept_is_the_pool_whatever_the_order(
        pool in 0..10_000_000_000_i64, rule in any_rule(), scores in any_scores(), turn in any::<prop::sample::Index>(),
    ) {
        prop_assume!(scores.iter().any(|(_, s)| *s > Micro::ZERO));
        let settlement = fresh(Money::new(pool, CNY), &rule, &scores).unwrap();
        prop_assert_eq!(settlement.paid_minor() + settlement.team_fund_minor(), pool);
        for (a, b) in settlement.lines.iter().zip(settlement.lines.iter().skip(1)) {
            // A higher score never gets less, but for the odd unit of each part.
            let (low, high) = if a.score <= b.score { (a, b) } else { (b, a) };
            prop_assert!(low.minor <= high.minor + 2);
        }
        let mut turned = scores.clone();
        turned.rotate_left(turn.index(scores.len()));
        prop_assert_eq!(fresh(Money::new(pool, CNY), &rule, &turned).unwrap(), settlement);
    }
}

#[test]
fn the_stored_words_of_stages_and_the_words_of_rules_are_these() {
    tally_testkit::words([
        (Stage::Draft, "draft"),
        (Stage::Approved, "approved"),
        (Stage::Posted, "posted"),
        (Stage::Discarded, "discarded"),
    ]);
    assert_eq!([RuleKind::Tiers, RuleKind::Proportional].map(|rule| rule.to_string()), ["tiers", "proportional"]);
}
