//! The one place where a total is split into whole units: money into minor units, a record into millionths.
//!
//! Everything is integer arithmetic on `u128` with overflow told and never wrapped, and depends on the weights and the
//! order of ids only. A negative total is the mirror image of the positive one: a claw-back takes exactly what the
//! payout would have given.
//!
//! - **Largest remainder** (payouts): everybody gets the whole part of the exact quota, and the units left over go to
//!   the largest remainders, equal ones to the smaller id. Within one unit of exact; not monotone in the total.
//! - **[`with_carry`]** (payouts that repeat): largest remainder where the order of the odd units counts what each
//!   person was left owed before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::msg;

/// What makes a split impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApportionError {
    /// Nobody to give anything to.
    #[error("nobody to split among")]
    Empty,
    /// All weights are zero, so nobody has a claim.
    #[error("all weights are zero, so there is no rule to split by")]
    NoWeight,
    /// The same id twice.
    #[error("an id is there twice")]
    DuplicateKey,
    /// The total times the weights does not fit 128 bits.
    #[error("the weights are too large for exact arithmetic: divide all of them by a common factor")]
    TooLarge,
}

impl From<ApportionError> for Error {
    fn from(e: ApportionError) -> Self {
        let message = match e {
            ApportionError::Empty => msg!("SPLIT_WITHOUT_PEOPLE"),
            ApportionError::NoWeight => msg!("SPLIT_WITHOUT_WEIGHT"),
            ApportionError::DuplicateKey => msg!("SPLIT_DUPLICATE_ID"),
            ApportionError::TooLarge => msg!("SPLIT_WEIGHTS_TOO_LARGE"),
        };
        Error::of(Kind::InvalidArgument, message)
    }
}

/// Largest remainder among ids; the answer is sorted by id, and the order of `weights` does not matter.
///
/// # Errors
/// [`ApportionError`].
pub fn split_by_id<K: Ord + Clone>(total: i64, weights: &[(K, u128)]) -> Result<Vec<(K, i64)>, ApportionError> {
    let sorted = sorted_by_id(weights)?;
    let plain: Vec<u128> = sorted.iter().map(|(_, w)| *w).collect();
    let parts = largest_remainder(total, &plain)?;
    Ok(sorted.into_iter().zip(parts).map(|((id, _), part)| (id.clone(), part)).collect())
}

/// Largest remainder; index stands for the order of ids.
///
/// # Errors
/// [`ApportionError`].
pub fn largest_remainder(total: i64, weights: &[u128]) -> Result<Vec<i64>, ApportionError> {
    let quotas = Quotas::of(total, weights)?;
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(quotas.remainders[i]), i));
    let mut parts = quotas.floors.clone();
    for &i in order.iter().take(quotas.left_over) {
        parts[i] += 1;
    }
    signed(total, &parts)
}

/// Which band each of `best_first` falls in, 0 being the best, where `quotas` says how much of the people each band
/// takes. The sizes are split by largest remainder, the better band first where remainders are equal. Equal values are
/// never torn apart: all of them are in the band of the first of them, so a tie can only make a better band larger.
///
/// # Errors
/// [`ApportionError`] where the quotas cannot be split by.
pub fn bands<V: PartialEq>(best_first: &[V], quotas: &[u128]) -> Result<Vec<usize>, ApportionError> {
    let people = i64::try_from(best_first.len()).map_err(|_| ApportionError::TooLarge)?;
    let sizes = largest_remainder(people, quotas)?;
    let by_place = sizes.iter().enumerate().flat_map(|(band, size)| (0..*size).map(move |_| band));
    let mut bands: Vec<usize> = by_place.collect();
    for i in 1..bands.len() {
        if best_first[i] == best_first[i - 1] {
            bands[i] = bands[i - 1];
        }
    }
    Ok(bands)
}

/// Units of a carry account in one unit of the total.
pub const CARRY_SCALE: i64 = 1_000_000_000;

/// What each id was left owed (positive) or has had too much (negative) by earlier splits, in billionths of one unit.
///
/// One account belongs to one currency and one line of splits (say, one pool that repeats every month). Whoever is not
/// part of a split keeps the entry unchanged. The sum over everybody never changes: an account that began empty sums
/// to zero for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Carry<K: Ord>(BTreeMap<K, i64>);

impl<K: Ord> Default for Carry<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Carry<K> {
    /// The balance of one id, in billionths; 0 for somebody unknown.
    pub fn of(&self, id: &K) -> i64 {
        self.0.get(id).copied().unwrap_or(0)
    }

    /// All balances that are not zero, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&K, i64)> {
        self.0.iter().map(|(id, balance)| (id, *balance))
    }

    /// The sum over everybody.
    pub fn sum(&self) -> i128 {
        self.0.values().map(|b| i128::from(*b)).sum()
    }
}

impl<K: Ord> FromIterator<(K, i64)> for Carry<K> {
    fn from_iter<I: IntoIterator<Item = (K, i64)>>(balances: I) -> Self {
        Self(balances.into_iter().filter(|(_, balance)| *balance != 0).collect())
    }
}

/// One id's part of a split with a carry account, with all that explains it. The exact quota of the (unsigned) total
/// is `floor + remainder / weight_sum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedPart<K> {
    /// Whose part.
    pub id: K,
    /// The part, with the sign of the total.
    pub amount: i64,
    /// The weight it was computed from.
    pub weight: u128,
    /// The sum of all weights.
    pub weight_sum: u128,
    /// The whole part of the quota.
    pub floor: u64,
    /// What the quota has beyond the whole part, in `1 / weight_sum`.
    pub remainder: u128,
    /// Whether one of the odd units came here.
    pub odd_unit: bool,
    /// Balance before, in billionths of one unit.
    pub carry_in: i64,
    /// Balance after.
    pub carry_out: i64,
}

/// Largest remainder with memory. Stated exactly, for a total that is not negative:
///
/// 1. `q = total * weight / sum` is each quota, `floor` its whole part, `r` its remainder (a fraction below 1), and
///    `L` the number of odd units: `total` minus all whole parts, which is the sum of all `r`.
/// 2. The `L` odd units go to the `L` ids with the largest `r + carry` among those with `r > 0`; equal ones to the
///    smaller id. So each part is the quota rounded down or up, whatever the carry is.
/// 3. `carry' = carry + r - (1 if an odd unit came here)`. The remainders are first written in billionths, themselves
///    apportioned by largest remainder so that they sum to exactly `L`: each is within a billionth of exact, and the
///    carries keep their sum exactly.
///
/// For a negative total the parts are those of the mirrored total with the mirrored carry. With an empty carry the
/// parts are exactly those of [`largest_remainder`]. Parts come sorted by id.
///
/// # Errors
/// [`ApportionError`].
pub fn with_carry<K: Ord + Clone>(
    total: i64,
    weights: &[(K, u128)],
    carry: &Carry<K>,
) -> Result<(Vec<CarriedPart<K>>, Carry<K>), ApportionError> {
    let sorted = sorted_by_id(weights)?;
    let plain: Vec<u128> = sorted.iter().map(|(_, w)| *w).collect();
    let quotas = Quotas::of(total, &plain)?;
    let sign = if total < 0 { -1 } else { 1 };
    let sum = i128::try_from(quotas.sum).map_err(|_| ApportionError::TooLarge)?;
    let mut claims = Vec::new();
    for (i, (id, _)) in sorted.iter().enumerate().filter(|(i, _)| quotas.remainders[*i] > 0) {
        // r / sum + carry / scale, times sum * scale.
        let remainder = i128::try_from(quotas.remainders[i]).ok().and_then(|r| r.checked_mul(CARRY_SCALE.into()));
        let owed = i128::from(carry.of(id)).checked_mul(sum).and_then(|c| c.checked_mul(sign));
        let claim = remainder.zip(owed).and_then(|(r, c)| r.checked_add(c)).ok_or(ApportionError::TooLarge)?;
        claims.push((std::cmp::Reverse(claim), i));
    }
    claims.sort_unstable();
    let mut odd = vec![false; sorted.len()];
    claims.iter().take(quotas.left_over).for_each(|(_, i)| odd[*i] = true);

    let billionths = if quotas.left_over == 0 {
        vec![0; sorted.len()]
    } else {
        let left_over = i64::try_from(quotas.left_over).map_err(|_| ApportionError::TooLarge)?;
        largest_remainder(left_over.checked_mul(CARRY_SCALE).ok_or(ApportionError::TooLarge)?, &quotas.remainders)?
    };
    let mut after = carry.clone();
    let mut parts = Vec::with_capacity(sorted.len());
    for (i, (id, weight)) in sorted.into_iter().enumerate() {
        let carry_in = carry.of(id);
        let change = billionths[i] - if odd[i] { CARRY_SCALE } else { 0 };
        let carry_out = carry_in.checked_add(change * sign as i64).ok_or(ApportionError::TooLarge)?;
        if carry_out == 0 {
            after.0.remove(id);
        } else {
            after.0.insert(id.clone(), carry_out);
        }
        let size = quotas.floors[i] + u128::from(odd[i]);
        parts.push(CarriedPart {
            id: id.clone(),
            amount: signed(total, &[size])?[0],
            weight: *weight,
            weight_sum: quotas.sum,
            floor: u64::try_from(quotas.floors[i]).map_err(|_| ApportionError::TooLarge)?,
            remainder: quotas.remainders[i],
            odd_unit: odd[i],
            carry_in,
            carry_out,
        });
    }
    Ok((parts, after))
}

/// Whole parts and remainders (in `1 / sum`) of the exact quotas of the unsigned total.
struct Quotas {
    sum: u128,
    floors: Vec<u128>,
    remainders: Vec<u128>,
    left_over: usize,
}

impl Quotas {
    fn of(total: i64, weights: &[u128]) -> Result<Self, ApportionError> {
        let sum = sum_of(weights)?;
        let size = u128::from(total.unsigned_abs());
        size.checked_mul(sum).ok_or(ApportionError::TooLarge)?;
        let floors: Vec<u128> = weights.iter().map(|w| size * w / sum).collect();
        let remainders = weights.iter().map(|w| size * w % sum).collect();
        let left_over = usize::try_from(size - floors.iter().sum::<u128>()).map_err(|_| ApportionError::TooLarge)?;
        Ok(Self { sum, floors, remainders, left_over })
    }
}

fn sum_of(weights: &[u128]) -> Result<u128, ApportionError> {
    if weights.is_empty() {
        return Err(ApportionError::Empty);
    }
    let sum = weights.iter().try_fold(0_u128, |sum, w| sum.checked_add(*w)).ok_or(ApportionError::TooLarge)?;
    if sum == 0 { Err(ApportionError::NoWeight) } else { Ok(sum) }
}

fn sorted_by_id<K: Ord>(weights: &[(K, u128)]) -> Result<Vec<&(K, u128)>, ApportionError> {
    let mut sorted: Vec<_> = weights.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    if sorted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(ApportionError::DuplicateKey);
    }
    Ok(sorted)
}

/// The unsigned parts with the sign of the total.
fn signed(total: i64, parts: &[u128]) -> Result<Vec<i64>, ApportionError> {
    let part = |p: &u128| {
        let size = i128::try_from(*p).ok()?;
        i64::try_from(if total < 0 { -size } else { size }).ok()
    };
    parts.iter().map(|p| part(p).ok_or(ApportionError::TooLarge)).collect()
}

#[cfg(test)]
mod tests;
