//! From a value to points: one curve per indicator (and team, where the target is the team's median).

use tally_kernel::apportion;
use tally_kernel::{Micro, micro};

use super::error::NotCounted;
use super::{CardError, Direction, Kpi, Limit, Normalisation, TargetUsed};

/// A normalisation with the numbers of its group worked out. "Goodness" is the value, negated where less is better,
/// so that more is better everywhere but in the target's formula.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    floor: Micro,
    cap: Micro,
    direction: Direction,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Target(TargetUsed),
    MinMax {
        worst: i64,
        best: i64,
    },
    /// Goodness of everybody, worst first.
    Percentile(Vec<i64>),
    TScore {
        mean: i64,
        deviation: i64,
    },
    /// Goodness of everybody, best first, with the points of the place.
    Bands(Vec<(i64, Micro)>),
}

impl Curve {
    /// The target's curve; the target is above zero.
    pub(super) fn target(kpi: &Kpi, target: TargetUsed) -> Self {
        Self { floor: kpi.floor, cap: kpi.cap, direction: kpi.direction, shape: Shape::Target(target) }
    }

    /// A curve from the values of everybody who has one; there is at least one.
    pub(super) fn of_group(kpi: &Kpi, values: &[Micro]) -> Result<Self, NotCounted> {
        let no_group = || NotCounted::Fault(CardError::NoGroup(kpi.key.clone()));
        let mut goodness: Vec<i64> = values.iter().map(|v| goodness(kpi.direction, *v)).collect();
        goodness.sort_unstable();
        let (Some(worst), Some(best)) = (goodness.first().copied(), goodness.last().copied()) else {
            return Err(no_group());
        };
        let shape = match kpi.normalisation {
            Normalisation::MinMax => Shape::MinMax { worst, best },
            Normalisation::Percentile => Shape::Percentile(goodness),
            Normalisation::TScore => {
                let (mean, deviation) = moments(&goodness).ok_or(NotCounted::TooLarge(Vec::new()))?;
                Shape::TScore { mean, deviation }
            }
            Normalisation::ForcedDistribution => {
                goodness.reverse();
                let quotas: Vec<u128> = kpi.bands.iter().map(|b| u128::from(b.quota.get())).collect();
                let bands = apportion::bands(&goodness, &quotas).map_err(|_| NotCounted::TooLarge(Vec::new()))?;
                let points = |band: usize| kpi.bands.get(band).map_or(Micro::ZERO, |b| b.points);
                Shape::Bands(goodness.into_iter().zip(bands).map(|(g, band)| (g, points(band))).collect())
            }
            // `Column::curves` makes these from their target.
            Normalisation::TargetPiecewise => return Err(no_group()),
        };
        Ok(Self { floor: kpi.floor, cap: kpi.cap, direction: kpi.direction, shape })
    }

    /// The target, where there is one.
    pub(super) fn target_used(&self) -> Option<TargetUsed> {
        match self.shape {
            Shape::Target(target) => Some(target),
            Shape::MinMax { .. } | Shape::Percentile(_) | Shape::TScore { .. } | Shape::Bands(_) => None,
        }
    }

    /// Points of a value within floor and cap, and the limit that was met; nothing where they are too large.
    pub(super) fn points(&self, value: Micro) -> Option<(Micro, Option<Limit>)> {
        let points = self.free_points(value)?;
        Some(if points < self.floor {
            (self.floor, Some(Limit::Floor))
        } else if points > self.cap {
            (self.cap, Some(Limit::Cap))
        } else {
            (points, None)
        })
    }

    fn free_points(&self, value: Micro) -> Option<Micro> {
        let own = goodness(self.direction, value);
        match &self.shape {
            Shape::Target(target) => {
                // Beyond what is computed with it is beyond every floor and cap too, so that no target is too small.
                let (least, most) = (Micro::from_millionths(i64::MIN), Micro::from_millionths(i64::MAX));
                let beyond = if value < Micro::ZERO { least } else { most };
                let proportion = value.mul_div(Micro::HUNDRED, target.value).unwrap_or(beyond);
                Some(match self.direction {
                    Direction::Higher => proportion,
                    Direction::Lower => Micro::from_int(200).checked_sub(proportion).unwrap_or(most),
                })
            }
            Shape::MinMax { worst, best } if worst == best => Some(Micro::HUNDRED),
            Shape::MinMax { worst, best } => {
                let along = Micro::from_millionths(own.checked_sub(*worst)?);
                let (width, range) =
                    (Micro::from_millionths(best.checked_sub(*worst)?), self.cap.checked_sub(self.floor)?);
                self.floor.checked_add(range.mul_div(along, width)?)
            }
            Shape::Percentile(worst_first) => {
                let no_better = worst_first.partition_point(|g| *g <= own);
                Micro::ratio(100 * no_better as i128, worst_first.len() as i128)
            }
            Shape::TScore { deviation: 0, .. } => Some(Micro::from_int(50)),
            Shape::TScore { mean, deviation } => {
                let away = Micro::from_millionths(own.checked_sub(*mean)?);
                Micro::from_int(50).checked_add(Micro::from_int(10).mul_div(away, Micro::from_millionths(*deviation))?)
            }
            // The place of a value is the one right after everybody who is better.
            Shape::Bands(best_first) => {
                let better = best_first.partition_point(|(g, _)| *g > own);
                best_first.get(better).or(best_first.last()).map(|(_, points)| *points)
            }
        }
    }
}

fn goodness(direction: Direction, value: Micro) -> i64 {
    match direction {
        Direction::Higher => value.millionths(),
        Direction::Lower => value.millionths().saturating_neg(),
    }
}

/// Mean and standard deviation (of the whole group, not of a sample), in millionths, each rounded.
fn moments(values: &[i64]) -> Option<(i64, i64)> {
    let n = i128::try_from(values.len()).ok()?;
    let sum: i128 = values.iter().map(|v| i128::from(*v)).sum();
    let mean = i64::try_from(micro::div_half_even(sum, n)?).ok()?;
    let squares = values.iter().try_fold(0_i128, |sum, v| {
        let away = i128::from(*v) - i128::from(mean);
        sum.checked_add(away.checked_mul(away)?)
    })?;
    let variance = u128::try_from(micro::div_half_even(squares, n)?).ok()?;
    let root = variance.isqrt();
    // To the nearest: above root + 1/2 exactly when the variance exceeds root squared plus root.
    let rounded = if variance - root * root > root { root + 1 } else { root };
    Some((mean, i64::try_from(rounded).ok()?))
}
