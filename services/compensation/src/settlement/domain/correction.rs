//! Corrections: a posted settlement stays as it is, and what changes comes as differences.
//!
//! With `W(basis)` the split of a basis (money, rule, scores) by Webster's method, the pool into its parts and every
//! part among people, a correction from one basis to another gives everybody `W(after) - W(before)`. So nothing changes
//! for anybody where nothing changed, the differences sum to exactly the difference of the pools, and since Webster is
//! monotone, a larger pool takes nothing from anybody. What was paid may have been rounded otherwise than `W(before)`;
//! where that would leave somebody with less than nothing (a person whose claim fell away), the person keeps zero, and
//! the units come from those who have most, one each in turn, the
//! smaller employee number first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_kernel::apportion;
use tally_kernel::id::PersonId;
use tally_kernel::{Currency, Message, Micro, Money, msg};

use super::{Claimant, Settlement, SettlementError, claimants, claims, too_large};
use crate::pool::domain::{PoolRule, Rule};
use crate::statement::domain::PersonLine;

/// What a settlement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The pool.
    pub amount: Money,
    /// How it is split.
    pub rule: PoolRule,
    /// Everybody's score.
    pub scores: Vec<(Claimant, Micro)>,
}

/// What everybody has by the posted settlement and the corrections posted since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Minor units, by employee number.
    pub people: Vec<(Claimant, i64)>,
    /// Minor units of all funds together.
    pub funds: i64,
}

fn who(line: &PersonLine) -> Claimant {
    Claimant { employee_no: line.employee_no.clone(), person: line.person }
}

impl From<&Settlement> for Paid {
    fn from(settlement: &Settlement) -> Self {
        Self {
            people: settlement.lines.iter().map(|line| (who(line), line.minor)).collect(),
            funds: settlement.team_fund_minor(),
        }
    }
}

/// A settlement of differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The difference of the pools.
    pub pool: Money,
    /// Everybody of either basis, by employee number; also who keeps the same.
    pub lines: Vec<Delta>,
    /// The difference of all funds together, in minor units.
    pub funds_delta: i64,
    /// What everybody has once this is posted: the start of the next correction.
    pub paid: Paid,
}

/// One person's difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Who.
    pub person: PersonId,
    /// The person's employee number.
    pub employee_no: String,
    /// Minor units paid so far.
    pub before: i64,
    /// What is added (or, negative, taken back).
    pub delta: i64,
    /// Minor units after it; never below zero.
    pub after: i64,
}

/// What posting `after` instead of `before` changes, given what was `paid` on `before`.
///
/// # Errors
/// [`SettlementError`]; `CurrencyMismatch` for bases of two currencies, `Broken` where `paid` is not the pool of
/// `before`.
pub fn correct(before: &Basis, after: &Basis, paid: &Paid) -> Result<Correction, SettlementError> {
    if before.amount.currency != after.amount.currency {
        return Err(SettlementError::CurrencyMismatch { pool: after.amount.currency, other: before.amount.currency });
    }
    let all: i128 = paid.people.iter().map(|(_, m)| i128::from(*m)).sum::<i128>() + i128::from(paid.funds);
    if all != i128::from(before.amount.minor) {
        return Err(SettlementError::Broken(format!("paid {all} is not the pool {}", before.amount.minor)));
    }
    let (old, new) = (webster(before)?, webster(after)?);
    // The funds are one claimant among the others: `None`, which sorts first.
    let mut have: BTreeMap<Option<Claimant>, (i64, i64)> = BTreeMap::new();
    let so_far = paid.people.iter().map(|(who, minor)| (Some(who.clone()), *minor)).chain([(None, paid.funds)]);
    so_far.for_each(|(id, minor)| have.entry(id).or_default().0 = minor);
    for id in old.keys().chain(new.keys()) {
        have.entry(id.clone()).or_default();
    }
    for (id, (so_far, total)) in &mut have {
        let share = |of: &BTreeMap<Option<Claimant>, i64>| of.get(id).copied().unwrap_or(0);
        *total = so_far.checked_add(share(&new) - share(&old)).ok_or(SettlementError::TooLarge)?;
    }
    lift_to_zero(&mut have);
    let line = |(id, (before, after)): (&Option<Claimant>, &(i64, i64))| {
        id.clone().map(|Claimant { employee_no, person }| Delta {
            person,
            employee_no,
            before: *before,
            delta: after - before,
            after: *after,
        })
    };
    let lines: Vec<Delta> = have.iter().filter_map(line).collect();
    let (funds_before, funds) = have.get(&None).copied().unwrap_or_default();
    let people = have.iter().filter_map(|(id, (_, after))| Some((id.clone()?, *after))).collect();
    let pool = after.amount.checked_sub(before.amount).map_err(|_| SettlementError::TooLarge)?;
    let correction = Correction { pool, lines, funds_delta: funds - funds_before, paid: Paid { people, funds } };
    correction.check()?;
    Ok(correction)
}

/// Everybody's total by Webster's method, and under `None` that of the funds.
fn webster(basis: &Basis) -> Result<BTreeMap<Option<Claimant>, i64>, SettlementError> {
    let people = claimants(basis.amount, &basis.rule, &basis.scores)?;
    let shares: Vec<u128> = basis.rule.parts.iter().map(|p| u128::from(p.share.get())).collect();
    let money = apportion::webster(basis.amount.minor, &shares).map_err(too_large)?;
    let mut totals = BTreeMap::new();
    for ((index, part), minor) in (0..).zip(&basis.rule.parts).zip(money) {
        if matches!(part.rule, Rule::TeamFund { .. }) {
            *totals.entry(None).or_default() += minor;
            continue;
        }
        let claims = claims(index, &part.rule, &people)?;
        let weights: Vec<u128> = claims.iter().map(|c| u128::from(c.weight.millionths().unsigned_abs())).collect();
        let split = apportion::webster(minor, &weights).map_err(too_large)?;
        for ((who, _), minor) in people.iter().zip(split) {
            *totals.entry(Some(who.clone())).or_default() += minor;
        }
    }
    Ok(totals)
}

/// Nobody ends below zero: what that takes comes from those who have most, one unit each in turn.
fn lift_to_zero(have: &mut BTreeMap<Option<Claimant>, (i64, i64)>) {
    let mut missing = 0_i64;
    for (_, after) in have.values_mut().filter(|(_, after)| *after < 0) {
        missing -= *after;
        *after = 0;
    }
    while missing > 0 {
        let mut richest: Vec<(std::cmp::Reverse<i64>, Option<Claimant>)> = have
            .iter()
            .filter(|(_, (_, after))| *after > 0)
            .map(|(id, (_, after))| (std::cmp::Reverse(*after), id.clone()))
            .collect();
        richest.sort_unstable();
        if richest.is_empty() {
            return;
        }
        for (_, id) in richest {
            if missing == 0 {
                return;
            }
            if let Some((_, after)) = have.get_mut(&id) {
                *after -= 1;
                missing -= 1;
            }
        }
    }
}

impl Correction {
    /// Checks everything that must hold of a correction: before it is stored and whenever it is read.
    ///
    /// # Errors
    /// [`SettlementError::Broken`] with what does not agree.
    pub fn check(&self) -> Result<(), SettlementError> {
        let broken = |what: String| Err(SettlementError::Broken(what));
        let deltas: i128 = self.lines.iter().map(|l| i128::from(l.delta)).sum::<i128>() + i128::from(self.funds_delta);
        if deltas != i128::from(self.pool.minor) {
            return broken(format!("the deltas {deltas} are not the difference of the pools {}", self.pool.minor));
        }
        if !self.lines.is_sorted_by(|a, b| a.employee_no < b.employee_no) {
            return broken("people are not in order".to_owned());
        }
        if self.lines.len() != self.paid.people.len() {
            return broken("what is paid does not name the people of the lines".to_owned());
        }
        for (line, (who, minor)) in self.lines.iter().zip(&self.paid.people) {
            let kept = (who.person, &who.employee_no, *minor) == (line.person, &line.employee_no, line.after);
            if line.after < 0 || line.before.checked_add(line.delta) != Some(line.after) || !kept {
                return broken(format!("the delta of person {} does not lead from before to after", line.person));
            }
        }
        Ok(())
    }
}

impl Delta {
    /// As a sentence.
    pub fn explain(&self, currency: Currency) -> Message {
        let money = |minor| Money::new(minor, currency);
        match self.delta {
            0 => msg!("CORRECTION_NOTHING", amount = money(self.after)),
            delta => {
                let (before, after) = (money(self.before), money(self.after));
                msg!("CORRECTION", before, delta = money(delta), after)
            }
        }
    }
}
