//! Settling: a pure function from money, a rule and scores to what everybody gets, to the last minor unit.
//!
//! 1. The pool is split into its parts by largest remainder (equal remainders to the earlier part).
//! 2. A part for people gives everybody a weight: of the tier, or the score above the floor.
//! 3. The part is split by these weights with `tally_kernel::apportion::with_carry`: everybody gets the exact amount
//!    rounded down or up. Where the rule carries, each person's account of earlier fractions decides who is next for an
//!    odd unit; the parts of one settlement use the account one after the other.
//! 4. Paid money and team funds together are the pool; this and every sum and rounding is checked before the result is
//!    returned, and again whenever it is read.
//!
//! What is posted never changes.

mod filed;
mod payable;
pub(crate) mod replay;
mod stage;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tally_access::four_eyes::FourEyesRequired;
use tally_kernel::apportion::{self, ApportionError, CarriedPart, Carry};
use tally_kernel::error::{Error, Kind};
use tally_kernel::id::{PersonId, PoolId};
use tally_kernel::{Currency, Message, Micro, Money, Ppm, msg};

pub(crate) use self::filed::{Filed, Sums};
pub(crate) use self::payable::{Scored, payable};
pub use self::stage::Stage;
use crate::pool::domain::{PoolError, PoolRule, Rule, Tier};
use crate::statement::domain::{PartLine, PersonLine, RuleKind};

/// What makes a settlement impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementError {
    /// The rule is not sound.
    Rule(PoolError),
    /// Nobody has a score.
    NoPeople,
    /// A person twice.
    PersonTwice(PersonId),
    /// People with a score who do not belong to the unit that pays.
    Outside(Vec<PersonId>),
    /// Less than nothing.
    NegativePool,
    /// No score above zero.
    ZeroScores,
    /// A part that nobody has a claim to.
    NoClaim {
        /// Which part, from 0.
        part: u32,
    },
    /// Money of two currencies.
    CurrencyMismatch {
        /// Of the pool.
        pool: Currency,
        /// Of the carry account.
        other: Currency,
    },
    /// A number beyond what is computed with.
    TooLarge(Beyond),
    /// Who prepared it wants to approve it, or who prepared or approved it wants to post it.
    FourEyes(FourEyesRequired),
    /// Not a draft any more.
    NotDraft(Stage),
    /// Not approved, or not any more.
    NotApproved(Stage),
    /// Posted.
    Posted,
    /// Another settlement of the pool is posted.
    PoolPaid(PoolId),
    /// Sums that do not agree: a fault of ours, or altered data.
    Broken(String),
}

/// What a number is of that is too large to compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The money, or what everybody gets of it.
    Pool,
    /// A part, by its place from 0.
    Part(u32),
    /// What somebody gets of a part.
    Person(u32, PersonId),
}

impl Beyond {
    fn message(self) -> Message {
        match self {
            Self::Pool => msg!("NUMBER_TOO_LARGE.pool"),
            Self::Part(part) => msg!("NUMBER_TOO_LARGE.part", place = part.saturating_add(1)),
            Self::Person(part, person) => msg!("NUMBER_TOO_LARGE.person", person, place = part.saturating_add(1)),
        }
    }
}

impl From<PoolError> for SettlementError {
    fn from(rule: PoolError) -> Self {
        Self::Rule(rule)
    }
}

impl From<FourEyesRequired> for SettlementError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

impl From<SettlementError> for Error {
    fn from(e: SettlementError) -> Self {
        let (kind, message) = match e {
            SettlementError::Rule(rule) => return rule.into(),
            SettlementError::FourEyes(refusal) => return refusal.into(),
            SettlementError::Broken(what) => {
                return Error::internal(format_args!("the settlement does not add up: {what}"));
            }
            SettlementError::CurrencyMismatch { pool, other } => {
                (Kind::InvalidArgument, msg!("CURRENCY_MISMATCH.pool", pool, other))
            }
            SettlementError::NoPeople => (Kind::FailedPrecondition, msg!("POOL_WITHOUT_PEOPLE")),
            SettlementError::PersonTwice(person) => (Kind::InvalidArgument, msg!("PERSON_TWICE", person)),
            SettlementError::Outside(people) => {
                (Kind::FailedPrecondition, msg!("PAY_OUTSIDE_UNIT", count = people.len(), people = first(&people)))
            }
            SettlementError::NegativePool => (Kind::InvalidArgument, msg!("POOL_NEGATIVE")),
            SettlementError::ZeroScores => (Kind::FailedPrecondition, msg!("ZERO_SCORES")),
            SettlementError::NoClaim { part } => {
                let message = msg!("PART_WITHOUT_CLAIM", part, place = part.saturating_add(1));
                (Kind::FailedPrecondition, message)
            }
            SettlementError::TooLarge(beyond) => (Kind::InvalidArgument, beyond.message()),
            SettlementError::NotDraft(stage) => (Kind::FailedPrecondition, msg!("SETTLEMENT_NOT_DRAFT", stage)),
            SettlementError::NotApproved(stage) => (Kind::FailedPrecondition, msg!("SETTLEMENT_NOT_APPROVED", stage)),
            SettlementError::Posted => (Kind::FailedPrecondition, msg!("SETTLEMENT_POSTED")),
            SettlementError::PoolPaid(pool) => (Kind::FailedPrecondition, msg!("POOL_PAID", pool)),
        };
        Error::of(kind, message)
    }
}

/// Who has a claim. Sorts by employee number, which settles ties: ids are new in every store, numbers are the same, so
/// the same month splits to the same cents wherever it is computed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claimant {
    /// Employee number, unique in the group.
    pub employee_no: String,
    /// The person.
    pub person: PersonId,
}

/// What earlier settlements left everybody owed, in one currency. All pools of an owner that carry share the book of their
/// currency: a pool says nothing of a line of pools that it continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryBook {
    /// Of which currency.
    pub currency: Currency,
    /// Balances in billionths of a minor unit, by employee number.
    pub balances: Carry<String>,
}

impl CarryBook {
    /// A book in which nobody is owed anything.
    pub fn empty(currency: Currency) -> Self {
        Self { currency, balances: Carry::default() }
    }
}

/// A pool, split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The money.
    pub pool: Money,
    /// Everybody with a score, by employee number; also who gets nothing.
    pub lines: Vec<PersonLine>,
    /// What is kept for funds, by part.
    pub funds: Vec<Fund>,
    /// The carry account after this settlement; as it was where the rule does not carry.
    pub carry: CarryBook,
}

/// What is kept for a fund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fund {
    /// Which part, from 0.
    pub part: u32,
    /// Name of the fund.
    pub name: String,
    /// Minor units.
    pub minor: i64,
}

/// Splits a pool. The order of `scores` does not matter.
///
/// # Errors
/// [`SettlementError`].
pub fn settle(
    amount: Money,
    rule: &PoolRule,
    scores: &[(Claimant, Micro)],
    carry: &CarryBook,
) -> Result<Settlement, SettlementError> {
    let people = claimants(amount, rule, scores)?;
    if carry.currency != amount.currency {
        return Err(SettlementError::CurrencyMismatch { pool: amount.currency, other: carry.currency });
    }
    let shares: Vec<u128> = rule.parts.iter().map(|p| u128::from(p.share.get())).collect();
    let money = apportion::largest_remainder(amount.minor, &shares).map_err(|e| too_large(e, Beyond::Pool))?;
    let mut book = if rule.carry { carry.balances.clone() } else { Carry::default() };
    let mut parts: Vec<Vec<PartLine>> = vec![Vec::new(); people.len()];
    let mut funds = Vec::new();
    for ((index, part), part_minor) in (0..).zip(&rule.parts).zip(money) {
        if let Rule::TeamFund { name } = &part.rule {
            funds.push(Fund { part: index, name: name.clone(), minor: part_minor });
            continue;
        }
        let claims = claims(index, &part.rule, &people)?;
        let weights: Vec<(String, u128)> = people
            .iter()
            .zip(&claims)
            .map(|((who, _), c)| (who.employee_no.clone(), u128::from(c.weight.millionths().unsigned_abs())))
            .collect();
        let start = if rule.carry { book } else { Carry::default() };
        let (split, after) =
            apportion::with_carry(part_minor, &weights, &start).map_err(|e| too_large(e, Beyond::Part(index)))?;
        book = after;
        let odd_units = u32::try_from(split.iter().filter(|p| p.odd_unit).count());
        let odd_units = odd_units.map_err(|_| SettlementError::TooLarge(Beyond::Part(index)))?;
        let frame = Frame { part: index, share: part.share, part_minor, odd_units, carries: rule.carry };
        for ((carried, claim), lines) in split.into_iter().zip(claims).zip(&mut parts) {
            let line = part_line(&frame, &part.rule, carried, claim);
            lines.push(line.ok_or(SettlementError::TooLarge(Beyond::Pool))?);
        }
    }
    let lines = person_lines(people, parts)?;
    let carry =
        CarryBook { currency: amount.currency, balances: if rule.carry { book } else { carry.balances.clone() } };
    let settlement = Settlement { pool: amount, lines, funds, carry };
    settlement.check()?;
    Ok(settlement)
}

/// People by employee number, after everything was refused that cannot be settled.
fn claimants(
    amount: Money,
    rule: &PoolRule,
    scores: &[(Claimant, Micro)],
) -> Result<Vec<(Claimant, Micro)>, SettlementError> {
    rule.validate()?;
    if amount.minor < 0 {
        return Err(SettlementError::NegativePool);
    }
    let mut people = scores.to_vec();
    people.sort_unstable();
    if people.is_empty() {
        return Err(SettlementError::NoPeople);
    }
    let mut seen = BTreeSet::new();
    let twice = |pair: &&[(Claimant, Micro)]| pair[0].0.employee_no == pair[1].0.employee_no;
    let same = people.windows(2).find(twice).map(|pair| pair[1].0.person);
    if let Some(person) = same.or(people.iter().map(|(who, _)| who.person).find(|person| !seen.insert(*person))) {
        return Err(SettlementError::PersonTwice(person));
    }
    let asks_scores = rule.parts.iter().any(|part| !matches!(part.rule, Rule::TeamFund { .. }));
    if asks_scores && people.iter().all(|(_, score)| *score <= Micro::ZERO) {
        return Err(SettlementError::ZeroScores);
    }
    Ok(people)
}

/// What a person brings to a part.
#[derive(Clone)]
struct Claim {
    weight: Micro,
    tier: Option<String>,
}

/// Everybody's weight in a part, in the order of people; at least one is above zero.
fn claims(part: u32, rule: &Rule, people: &[(Claimant, Micro)]) -> Result<Vec<Claim>, SettlementError> {
    let claims: Vec<Claim> = match rule {
        Rule::TeamFund { .. } => Vec::new(),
        Rule::Proportional { floor } => {
            let above = |score: Micro| score.checked_sub(*floor).map(|w| w.max(Micro::ZERO));
            let claim = |(who, score): &(Claimant, Micro)| {
                let weight = above(*score).ok_or(SettlementError::TooLarge(Beyond::Person(part, who.person)))?;
                Ok(Claim { weight, tier: None })
            };
            people.iter().map(claim).collect::<Result<_, SettlementError>>()?
        }
        Rule::Tiers(tiers) => {
            let tier_of = tiers_of(part, tiers, people)?;
            let claim = |tier: Option<usize>| match tier.and_then(|t| tiers.get(t)) {
                Some(tier) => Claim { weight: tier.weight, tier: Some(tier.name.clone()) },
                None => Claim { weight: Micro::ZERO, tier: None },
            };
            tier_of.into_iter().map(claim).collect()
        }
    };
    if claims.iter().all(|c| c.weight == Micro::ZERO) {
        return Err(SettlementError::NoClaim { part });
    }
    Ok(claims)
}

/// Everybody's tier, 0 being the best, in the order of people.
fn tiers_of(part: u32, tiers: &[Tier], people: &[(Claimant, Micro)]) -> Result<Vec<Option<usize>>, SettlementError> {
    let quotas: Vec<u128> = tiers.iter().filter_map(|t| t.quota).map(|q| u128::from(q.get())).collect();
    if quotas.is_empty() {
        let reached = |score: Micro| tiers.iter().position(|t| t.min_score.is_some_and(|min| score >= min));
        return Ok(people.iter().map(|(_, score)| reached(*score)).collect());
    }
    let mut best_first: Vec<usize> = (0..people.len()).collect();
    best_first.sort_by_key(|&i| (std::cmp::Reverse(people[i].1), i));
    let scores: Vec<Micro> = best_first.iter().map(|&i| people[i].1).collect();
    let bands = apportion::bands(&scores, &quotas).map_err(|e| too_large(e, Beyond::Part(part)))?;
    let mut tier_of = vec![None; people.len()];
    best_first.into_iter().zip(bands).for_each(|(i, band)| tier_of[i] = Some(band));
    Ok(tier_of)
}

/// What all lines of a part share.
struct Frame {
    part: u32,
    share: Ppm,
    part_minor: i64,
    odd_units: u32,
    carries: bool,
}

/// Nothing where a number is too large.
fn part_line(frame: &Frame, rule: &Rule, carried: CarriedPart<String>, claim: Claim) -> Option<PartLine> {
    let weight_sum = i64::try_from(carried.weight_sum).ok()?;
    // The quota in minor units: floor + remainder / weight_sum, rounded once.
    let whole = i128::from(carried.floor).checked_mul(i128::from(weight_sum))?;
    let exact = Micro::ratio(whole.checked_add(i128::try_from(carried.remainder).ok()?)?, i128::from(weight_sum))?;
    let (rule, floor) = match rule {
        Rule::Proportional { floor } => (RuleKind::Proportional, Some(*floor)),
        Rule::Tiers(_) | Rule::TeamFund { .. } => (RuleKind::Tiers, None),
    };
    Some(PartLine {
        part: frame.part,
        rule,
        share: frame.share,
        part_minor: frame.part_minor,
        minor: carried.amount,
        tier: claim.tier,
        floor,
        weight: claim.weight,
        weight_sum: Micro::from_millionths(weight_sum),
        exact,
        odd_units: frame.odd_units,
        odd_unit: carried.odd_unit,
        carry_in: frame.carries.then_some(carried.carry_in),
        carry_out: frame.carries.then_some(carried.carry_out),
    })
}

fn person_lines(people: Vec<(Claimant, Micro)>, parts: Vec<Vec<PartLine>>) -> Result<Vec<PersonLine>, SettlementError> {
    let total = |parts: &[PartLine]| parts.iter().map(|p| p.minor).sum::<i64>();
    let paid: i64 = parts.iter().map(|p| total(p)).sum();
    let equal = apportion::split_by_id(paid, &people.iter().map(|(who, _)| (&who.employee_no, 1)).collect::<Vec<_>>())
        .map_err(|e| too_large(e, Beyond::Pool))?;
    let mut lines = Vec::with_capacity(people.len());
    let equal: Vec<i64> = equal.into_iter().map(|(_, minor)| minor).collect();
    for (((who, score), parts), equal_split_minor) in people.into_iter().zip(parts).zip(equal) {
        let Claimant { employee_no, person } = who;
        lines.push(PersonLine { person, employee_no, score, minor: total(&parts), equal_split_minor, parts });
    }
    Ok(lines)
}

impl Settlement {
    /// What people get together, in minor units.
    pub fn paid_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.minor).sum()
    }

    /// What the funds get together, in minor units.
    pub fn team_fund_minor(&self) -> i64 {
        self.funds.iter().map(|fund| fund.minor).sum()
    }

    /// Checks everything that must hold of a settlement: before it is stored and whenever it is read.
    ///
    /// # Errors
    /// [`SettlementError::Broken`] with what does not agree.
    pub fn check(&self) -> Result<(), SettlementError> {
        let broken = |what: String| Err(SettlementError::Broken(what));
        let sum = |amounts: &mut dyn Iterator<Item = i64>| amounts.map(i128::from).sum::<i128>();
        let paid = sum(&mut self.lines.iter().map(|l| l.minor));
        let kept = sum(&mut self.funds.iter().map(|f| f.minor));
        if paid + kept != i128::from(self.pool.minor) {
            return broken(format!("paid {paid} and funds {kept} are not the pool {}", self.pool.minor));
        }
        if sum(&mut self.lines.iter().map(|l| l.equal_split_minor)) != paid {
            return broken("the equal split is not what was paid".to_owned());
        }
        if self.carry.currency != self.pool.currency || !self.lines.is_sorted_by(|a, b| a.employee_no < b.employee_no) {
            return broken("people are not in order, or currencies differ".to_owned());
        }
        let mut parts: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
        for line in &self.lines {
            if line.minor < 0 || sum(&mut line.parts.iter().map(|p| p.minor)) != i128::from(line.minor) {
                return broken(format!("the parts of person {} are not the amount", line.person));
            }
            for part in &line.parts {
                let (weight, all) = (i128::from(part.weight.millionths()), i128::from(part.weight_sum.millionths()));
                let exact = i128::from(part.part_minor).checked_mul(weight);
                let near = exact.zip(i128::from(part.minor).checked_mul(all)).is_some_and(|(e, m)| (e - m).abs() < all);
                if !near {
                    return broken(format!(
                        "part {} of person {} is not the exact amount rounded",
                        part.part, line.person
                    ));
                }
                let sums = parts.entry(part.part).or_default();
                *sums = (sums.0 + i128::from(part.minor), sums.1 + weight);
            }
        }
        for part in self.lines.iter().flat_map(|line| &line.parts) {
            let whole = (i128::from(part.part_minor), i128::from(part.weight_sum.millionths()));
            if parts.get(&part.part) != Some(&whole) {
                return broken(format!("part {} does not sum to its money and weights", part.part));
            }
        }
        Ok(())
    }
}

/// The first of them, as ids.
pub(crate) fn first(people: &[PersonId]) -> String {
    people.iter().take(10).map(PersonId::to_string).collect::<Vec<_>>().join(", ")
}

fn too_large(e: ApportionError, beyond: Beyond) -> SettlementError {
    match e {
        ApportionError::Empty => SettlementError::NoPeople,
        ApportionError::NoWeight => SettlementError::ZeroScores,
        ApportionError::DuplicateKey | ApportionError::TooLarge => SettlementError::TooLarge(beyond),
    }
}

#[cfg(test)]
mod tests;
