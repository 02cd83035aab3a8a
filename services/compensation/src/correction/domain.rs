//! Putting money right after it was posted: pure functions.
//!
//! 1. What is posted stays. The pool is settled once more, with the scores as they are known now and the carry account as it was
//!    then: the same money, the same rule, the same rounding. The difference to what stands is everybody's delta ([`correct`]).
//! 2. A correction of a correction starts from the corrected settlement, so the deltas of a settlement sum to what the final
//!    scores give less what was posted.
//! 3. Deltas go into the next settlement in their currency of the unit that pays the person by then ([`next`]): money that is owed
//!    is paid whole, money that was too much is held back until nothing is left to pay. The rest waits and is shown. Somebody
//!    who left has no line in that settlement and gets a statement of deltas alone.

mod filed;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tally_access::Owner;
use tally_kernel::apportion::Carry;
use tally_kernel::id::{DeltaId, OrgUnitId, SettlementId};
use tally_kernel::{Currency, Message, Micro, msg};

pub(crate) use self::filed::{CorrectionError, Filed, Reckoned, Stage, Taken};
use crate::pool::domain::PoolRule;
use crate::settlement::domain::{Beyond, CarryBook, Claimant, Settlement, SettlementError, settle};
use crate::statement::domain::PersonLine;

/// What one person got of a settlement, and what the person would get of it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Whose.
    pub who: Claimant,
    /// Minor units as they stood.
    pub old_minor: i64,
    /// Minor units as they stand now.
    pub new_minor: i64,
    /// What made the difference.
    pub why: Why,
}

/// What made the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Another score.
    Score {
        /// As it was.
        old: Micro,
        /// As it is.
        new: Micro,
    },
    /// Another score that the amount went against: what the scores of the others did counted for more.
    Against {
        /// As it was.
        old: Micro,
        /// As it is.
        new: Micro,
        /// Of all others together, as they were.
        others_old: Micro,
        /// As they are.
        others_new: Micro,
    },
    /// A card that was not there before.
    Added(Micro),
    /// A card that is not there any more.
    Removed(Micro),
    /// The scores of others: the money is split among all.
    Others,
}

impl Delta {
    /// What is to be paid, or with a minus to be held back, in minor units.
    ///
    /// # Errors
    /// [`SettlementError::TooLarge`].
    pub fn difference(&self) -> Result<i64, SettlementError> {
        self.new_minor.checked_sub(self.old_minor).ok_or(SettlementError::TooLarge(Beyond::Pool))
    }
}

impl Why {
    /// In words.
    pub fn explain(self) -> Message {
        match self {
            Self::Score { old, new } => msg!("DELTA_SCORE", old, new),
            Self::Against { old, new, others_old, others_new } => {
                let rises = new > old;
                // The part of all scores: it went with the amount, unless tiers or a floor made something else of the scores.
                let product = |a: Micro, b: Micro| i128::from(a.millionths()) * i128::from(b.millionths());
                let (before, after) = (product(old, others_new), product(new, others_old));
                let by = match rises {
                    true if before > after => "rose",
                    false if before < after => "fell",
                    true => "less",
                    false => "more",
                };
                msg!("DELTA_AGAINST", by, old, new, others_old, others_new)
            }
            Self::Added(score) => msg!("DELTA_ADDED", score),
            Self::Removed(score) => msg!("DELTA_REMOVED", score),
            Self::Others => msg!("DELTA_OTHERS"),
        }
    }
}

/// A settlement put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// As it stands now; the next correction of it begins here.
    pub standing: Settlement,
    /// Everybody whose amount is another, by employee number.
    pub deltas: Vec<Delta>,
    /// What the owner's carry account moves by, in billionths of a minor unit; it sums to zero.
    pub carry: Carry<String>,
}

/// Settles what was posted once more. `standing` is the settlement as posted, or as corrected last; `carry_before` the account
/// that it was posted on.
///
/// # Errors
/// [`SettlementError`], as of settling.
pub fn correct(
    standing: &Settlement,
    rule: &PoolRule,
    carry_before: &CarryBook,
    scores: &[(Claimant, Micro)],
) -> Result<Corrected, SettlementError> {
    standing.check()?;
    let now = settle(standing.pool, rule, scores, carry_before)?;
    let by_number = |of: &Settlement| -> BTreeMap<String, PersonLine> {
        of.lines.iter().map(|line| (line.employee_no.clone(), line.clone())).collect()
    };
    let (before, after) = (by_number(standing), by_number(&now));
    let sums = (sum(&standing.lines)?, sum(&now.lines)?);
    let numbers: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let delta = |number| delta(before.get(number), after.get(number), sums).transpose();
    let deltas = numbers.into_iter().filter_map(delta).collect::<Result<_, _>>()?;
    let carry = difference(&standing.carry.balances, &now.carry.balances)?;
    Ok(Corrected { standing: now, deltas, carry })
}

/// Everybody's scores together.
fn sum(lines: &[PersonLine]) -> Result<Micro, SettlementError> {
    let sum = lines.iter().try_fold(Micro::ZERO, |sum, line| sum.checked_add(line.score));
    sum.ok_or(SettlementError::TooLarge(Beyond::Pool))
}

/// Nothing where the amount is the same. `sums` are everybody's scores together, before and after.
fn delta(
    before: Option<&PersonLine>,
    after: Option<&PersonLine>,
    sums: (Micro, Micro),
) -> Result<Option<Delta>, SettlementError> {
    let Some(line) = after.or(before) else { return Ok(None) };
    let minor = |line: Option<&PersonLine>| line.map_or(0, |line| line.minor);
    let (old_minor, new_minor) = (minor(before), minor(after));
    if old_minor == new_minor {
        return Ok(None);
    }
    let why = match (before.map(|before| before.score), after.map(|after| after.score)) {
        (Some(old), Some(new)) if old != new && (old < new) == (old_minor < new_minor) => Why::Score { old, new },
        (Some(old), Some(new)) if old != new => {
            let others = |sum: Micro, own| sum.checked_sub(own).ok_or(SettlementError::TooLarge(Beyond::Pool));
            Why::Against { old, new, others_old: others(sums.0, old)?, others_new: others(sums.1, new)? }
        }
        (Some(_), Some(_)) | (None, None) => Why::Others,
        (None, Some(after)) => Why::Added(after),
        (Some(before), None) => Why::Removed(before),
    };
    let who = Claimant { employee_no: line.employee_no.clone(), person: line.person };
    Ok(Some(Delta { who, old_minor, new_minor, why }))
}

/// What an account moves by from one state to another.
fn difference(from: &Carry<String>, to: &Carry<String>) -> Result<Carry<String>, SettlementError> {
    let numbers: BTreeSet<&String> = from.iter().chain(to.iter()).map(|(number, _)| number).collect();
    let moved = numbers.into_iter().map(|number| {
        let moved = to.of(number).checked_sub(from.of(number)).ok_or(SettlementError::TooLarge(Beyond::Pool))?;
        Ok((number.clone(), moved))
    });
    moved.collect::<Result<Vec<_>, _>>().map(Carry::from_iter)
}

/// An account after a correction, whatever was posted on it meanwhile.
///
/// # Errors
/// [`SettlementError::TooLarge`].
pub fn moved(book: &CarryBook, by: &Carry<String>) -> Result<CarryBook, SettlementError> {
    let numbers: BTreeSet<&String> = book.balances.iter().chain(by.iter()).map(|(number, _)| number).collect();
    let balances = numbers.into_iter().map(|number| {
        let after = book.balances.of(number).checked_add(by.of(number));
        Ok((number.clone(), after.ok_or(SettlementError::TooLarge(Beyond::Pool))?))
    });
    let balances = balances.collect::<Result<Vec<_>, SettlementError>>()?.into_iter().collect();
    Ok(CarryBook { currency: book.currency, balances })
}

/// A delta that is not settled yet, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// The delta.
    pub id: DeltaId,
    /// The settlement that was put right.
    pub settlement: SettlementId,
    /// Whose that settlement is.
    pub owner: Owner,
    /// Of the amounts.
    pub currency: Currency,
    /// The difference.
    pub delta: Delta,
    /// What is still to be paid, or with a minus to be held back, in minor units.
    pub left_minor: i64,
}

impl Outstanding {
    /// A delta of which nothing is settled.
    ///
    /// # Errors
    /// [`SettlementError::TooLarge`].
    pub fn new(
        id: DeltaId,
        (settlement, owner): (SettlementId, Owner),
        currency: Currency,
        delta: Delta,
    ) -> Result<Self, SettlementError> {
        let left_minor = delta.difference()?;
        Ok(Self { id, settlement, owner, currency, left_minor, delta })
    }

    /// Whether a settlement of `payer` takes it. Somebody who still belongs to the owner of the settlement that was put right, or
    /// belonged to it last, is paid by the next one of the same owner. Somebody who moved is paid by the unit that pays the person now,
    /// whatever cycle of its own it settles: by any that the person is below, or by the group where its settlement has a line for the
    /// person. `below` is where somebody belongs by now; nothing of whom identity does not know.
    pub fn is_paid_by(&self, payer: &Owner, below: Option<&Below>, has_line: bool) -> bool {
        let is = |owner: &Owner, test: fn(&Below, OrgUnitId) -> bool| match (owner.unit(), below) {
            (None, _) | (_, None) => true,
            (Some(unit), Some(below)) => test(below, unit),
        };
        if is(&self.owner, Below::is_or_was_of) {
            self.owner == *payer
        } else {
            is(payer, Below::is_of) && (payer.unit().is_some() || has_line)
        }
    }
}

/// The units that somebody is below by now, or was last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The unit and those above it, as of the last day there of whoever left. One that was closed is below what it was below when it was.
    pub hung: Vec<OrgUnitId>,
    /// Of whoever left, and where the unit was closed and its people went to another one: the unit that counts by now, and those above it.
    pub goes_on: Option<Vec<OrgUnitId>>,
}

impl Below {
    /// Whether somebody is of a unit by now.
    pub fn is_of(&self, unit: OrgUnitId) -> bool {
        self.goes_on.as_ref().unwrap_or(&self.hung).contains(&unit)
    }

    /// Whether somebody is of a unit by now or was so last. Whoever left a team before it was closed was last of the branch that it hung
    /// under; the month in which it was closed was settled by the one that it went to.
    pub fn is_or_was_of(&self, unit: OrgUnitId) -> bool {
        self.is_of(unit) || self.hung.contains(&unit)
    }
}

/// A delta as a statement shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// What it is about, with what was left before.
    pub of: Outstanding,
    /// What this statement pays of it, or holds back with a minus, in minor units.
    pub minor: i64,
    /// What waits for the next one.
    pub left_minor: i64,
}

/// What one person gets of a settlement and of deltas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// Whose.
    pub who: Claimant,
    /// The line of the settlement; nothing for somebody whom it does not pay, such as who left.
    pub line: Option<PersonLine>,
    /// Deltas, the oldest first.
    pub adjustments: Vec<Adjustment>,
    /// All together in minor units; never below zero.
    pub minor: i64,
}

/// A settlement together with the deltas that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Everybody with a line or a delta, by employee number.
    pub people: Vec<Adjusted>,
    /// What waits: of other units, of other currencies, and what could not be held back; the oldest first.
    pub outstanding: Vec<Outstanding>,
}

/// Takes the deltas that a settlement pays. `outstanding` are all that wait, the oldest first; `pays` says which of them the
/// settlement is to pay ([`Outstanding::is_paid_by`]).
///
/// # Errors
/// [`SettlementError::TooLarge`].
pub fn next(
    outstanding: Vec<Outstanding>,
    settlement: &Settlement,
    pays: impl Fn(&Outstanding) -> bool,
) -> Result<Next, SettlementError> {
    let currency = settlement.pool.currency;
    let is_mine = |one: &Outstanding| one.currency == currency && pays(one);
    let (mine, mut waits): (Vec<_>, Vec<_>) = (0_usize..).zip(outstanding).partition(|(_, one)| is_mine(one));
    let mut people: BTreeMap<Claimant, Due> = BTreeMap::new();
    for line in &settlement.lines {
        let who = Claimant { employee_no: line.employee_no.clone(), person: line.person };
        people.entry(who).or_default().line = Some(line.clone());
    }
    for (place, one) in mine {
        people.entry(one.delta.who.clone()).or_default().deltas.push((place, one));
    }
    let mut adjusted = Vec::with_capacity(people.len());
    for (who, Due { line, deltas }) in people {
        let (minor, adjustments) = adjust(line.as_ref().map_or(0, |line| line.minor), deltas)?;
        let left = adjustments.iter().filter(|(_, adjustment)| adjustment.left_minor != 0);
        waits.extend(left.map(|(place, a)| (*place, Outstanding { left_minor: a.left_minor, ..a.of.clone() })));
        let adjustments = adjustments.into_iter().map(|(_, adjustment)| adjustment).collect();
        adjusted.push(Adjusted { who, line, adjustments, minor });
    }
    waits.sort_by_key(|(place, _)| *place);
    Ok(Next { people: adjusted, outstanding: waits.into_iter().map(|(_, one)| one).collect() })
}

/// What is due to one person: the line of the settlement, and deltas with their place among all.
#[derive(Default)]
struct Due {
    line: Option<PersonLine>,
    deltas: Vec<(usize, Outstanding)>,
}

/// One person's deltas against an amount: what is owed comes first, then the oldest of what was too much is held back from all
/// that there is.
fn adjust(minor: i64, deltas: Vec<(usize, Outstanding)>) -> Result<(i64, Vec<(usize, Adjustment)>), SettlementError> {
    let too_large = || SettlementError::TooLarge(Beyond::Pool);
    let mut owed = deltas.iter().map(|(_, one)| one.left_minor.max(0));
    let mut amount = owed.try_fold(minor, i64::checked_add).ok_or_else(too_large)?;
    let mut adjustments = Vec::with_capacity(deltas.len());
    for (place, of) in deltas {
        let taken = if of.left_minor > 0 { of.left_minor } else { of.left_minor.max(-amount) };
        amount += taken.min(0);
        adjustments.push((place, Adjustment { left_minor: of.left_minor - taken, of, minor: taken }));
    }
    Ok((amount, adjustments))
}

#[cfg(test)]
mod tests;
