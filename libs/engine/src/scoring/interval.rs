//! How far a rate of few records can be trusted: Wilson's interval, for display beside the value. No score uses it.

use tally_kernel::{Micro, micro};

use super::Sample;

/// The normal quantile of a two-sided 90 % interval, and its square, in [`ONE`] parts.
const Z: i128 = 1_644_853_626_951;
const Z_SQUARED: i128 = 2_705_543_454_095;
/// Everything here counts in 10^-12 records, the unit of [`Sample::sum`].
const ONE: i128 = 1_000_000_000_000;

/// The 90 % interval of a rate in percent, rounded to six places; nothing without records. Shares of records are
/// counted as parts. With `k` of `n`: `(k + z^2/2 -+ z * sqrt(k * (n - k) / n + z^2/4)) / (n + z^2)`.
pub fn wilson_90(rate: &Sample) -> Option<(Micro, Micro)> {
    let n = i128::from(rate.ppm).checked_mul(1_000_000)?;
    let k = rate.sum.clamp(0, n);
    let spread = micro::div_half_even(k.checked_mul(n - k)?, n)?.checked_add(Z_SQUARED / 4)?;
    let root = i128::try_from(u128::try_from(spread.checked_mul(ONE)?).ok()?.isqrt()).ok()?;
    let half = micro::div_half_even(Z.checked_mul(root)?, ONE)?;
    let centre = k + Z_SQUARED / 2;
    let percent = |num: i128| Micro::ratio(100 * num, n + Z_SQUARED);
    let (low, high) = (percent(centre - half)?, percent(centre + half)?);
    Some((low.clamp(Micro::ZERO, Micro::HUNDRED), high.clamp(Micro::ZERO, Micro::HUNDRED)))
}
