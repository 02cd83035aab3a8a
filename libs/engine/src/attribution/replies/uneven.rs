//! Who says of how much that it is theirs: where some name, click or sit at a known device far more than others, what says nothing is likelier theirs who say little.
//!
//! Everybody's rates are not known but where it is known whose all was. They are learnt beside the rest, and that feeds itself: where all say alike,
//! whoever is taken for somebody who says little would be given more of what says nothing. So there are two readings. The first takes what
//! is said for a draw that depends on nobody. Only where its counts speak clearly against that ([`Said::uneven`]) a second one follows,
//! in which the rates found so far count, round by round.

use super::habits::raised;
use super::traffic::Traffic;

/// Twice the log-likelihood ratio by which rates of their own must foretell what was said better than one for all: so much, and more for every person
/// beyond the first. On the forum, where all say alike, it is at most 9, 11, 15 and 18 with 2, 3, 5 and 8 people.
const LEAST_GAIN: (f64, f64) = (8.0, 4.0);
/// The least odds ratio of who says most and who says least.
const LEAST_ODDS: f64 = 3.0;
/// Observations' worth of the common rate in everybody's own.
const PRIOR: f64 = 10.0;
/// Nobody is so sure to say it that what says nothing cannot be theirs.
const LEAST_UNSAID: f64 = 0.001;

/// What of somebody's was said to be theirs, and all that is expected to be.
#[derive(Clone, Copy, Default)]
struct Part {
    said: f64,
    all: f64,
}

impl Part {
    /// The rate at which somebody says it, drawn to the common one.
    fn rate(self, common: f64) -> f64 {
        (self.said + PRIOR * common) / (self.all + PRIOR)
    }
}

/// In what some said what: names and clicks in records, and known devices in replies; by place among the people.
pub(super) struct Said([Vec<Part>; 2]);

impl Said {
    /// By the weights of all seats, on these days.
    pub fn of(traffic: &Traffic, weights: &[f64], days: &[bool]) -> Self {
        let mut parts = [0; 2].map(|_| vec![Part::default(); traffic.people.len()]);
        let days = traffic.days.iter().zip(days).filter(|(_, counts)| **counts);
        for step in days.flat_map(|(day, _)| &traffic.steps[day.steps.clone()]) {
            let seats = traffic.seats_of(step).iter().zip(&weights[step.first as usize..]);
            for (seat, weight) in seats {
                let [names, devices] = parts.each_mut().map(|parts| &mut parts[usize::from(seat.person)]);
                let in_record = weight * step.part;
                names.all += in_record;
                names.said += if step.only.is_some() { in_record } else { 0.0 };
                devices.all += weight;
                devices.said += if step.owner.is_some() { *weight } else { 0.0 };
            }
        }
        Self(parts)
    }

    /// Which of the two people say too unevenly for a draw that depends on nobody.
    pub fn uneven(&self) -> [bool; 2] {
        self.0.each_ref().map(|parts| {
            let common = common(parts);
            let gain: f64 = parts.iter().map(|part| 2.0 * gain(*part, common)).sum();
            let odds = parts.iter().map(|part| part.rate(common)).map(|rate| rate / (1.0 - rate));
            let (least, most) = odds.fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
            let others = parts.len().saturating_sub(1) as f64;
            0.0 < common && common < 1.0 && gain > LEAST_GAIN.0 + LEAST_GAIN.1 * others && most > least * LEAST_ODDS
        })
    }

    /// By person, what it is worth that a record names nobody, and a reply no device of somebody: the chance that they leave it unsaid, where
    /// they are uneven in that.
    pub fn unsaid(&self, uneven: [bool; 2]) -> Vec<[f64; 2]> {
        let commons = self.0.each_ref().map(|parts| common(parts));
        let unsaid = |person: usize| {
            std::array::from_fn(|kind| {
                let rate = self.0[kind][person].rate(commons[kind]);
                if uneven[kind] { (1.0 - rate).max(LEAST_UNSAID) } else { 1.0 }
            })
        };
        (0..self.0[0].len()).map(unsaid).collect()
    }

    /// The place of whoever says least, in what they are uneven in.
    pub fn least(&self, uneven: [bool; 2]) -> Option<usize> {
        let kind = uneven.iter().position(|uneven| *uneven)?;
        let common = common(&self.0[kind]);
        let rates = self.0[kind].iter().map(|part| part.rate(common)).enumerate();
        rates.reduce(|least, one| if one.1 < least.1 { one } else { least }).map(|(place, _)| place)
    }
}

/// What it is worth that neither the record nor the reply says whose it is. A record says it once, however many replies it has.
pub(super) fn worth([name, device]: [f64; 2], part: f64, has_device: bool) -> f64 {
    let of_name = if name < 1.0 { raised(name, part) } else { 1.0 };
    if has_device { of_name } else { of_name * device }
}

/// The rate of all together.
fn common(parts: &[Part]) -> f64 {
    let (said, all) = parts.iter().fold((0.0, 0.0), |(said, all), part| (said + part.said, all + part.all));
    if all > 0.0 { said / all } else { 0.0 }
}

/// By how much a rate of their own foretells what somebody said better than the common one, as a logarithm.
fn gain(part: Part, common: f64) -> f64 {
    let log = |count: f64, expected: f64| if count > 0.0 { count * libm::log(count / expected) } else { 0.0 };
    log(part.said, part.all * common) + log(part.all - part.said, part.all * (1.0 - common))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as some counts tell them, and devices of which there are none.
    fn said(names: &[(f64, f64)]) -> Said {
        let parts = |of: fn(f64) -> f64| names.iter().map(|&(said, all)| Part { said: of(said), all }).collect();
        Said([parts(|said| said), parts(|_| 0.0)])
    }

    #[test]
    fn rates_of_their_own_count_only_where_the_counts_speak_clearly_for_them() {
        for alike in [
            [(50.0, 100.0), (25.0, 50.0)],
            [(6.0, 100.0), (1.0, 50.0)],
            [(0.0, 90.0), (0.0, 60.0)],
            [(9.0, 9.0), (7.0, 7.0)],
        ] {
            assert_eq!(said(&alike).uneven(), [false; 2], "{alike:?}");
        }
        // Clear, but not far apart.
        assert_eq!(said(&[(500.0, 1_000.0), (300.0, 1_000.0)]).uneven(), [false; 2]);
        let apart = said(&[(80.0, 100.0), (10.0, 100.0)]);
        assert_eq!((apart.uneven(), apart.least([true, false])), ([true, false], Some(1)));
        let unsaid = apart.unsaid([true, false]);
        assert!(unsaid[0][0] < 0.25 && unsaid[1][0] > 0.85 && unsaid[0][1] == 1.0, "{unsaid:?}");
        assert_eq!(apart.unsaid([false; 2]), [[1.0; 2]; 2]);
        assert_eq!(apart.least([false; 2]), None);
    }

    #[test]
    fn a_record_leaves_it_unsaid_once_however_many_replies_it_has() {
        let replies: f64 = (0..4).map(|_| worth([0.2, 1.0], 0.25, false)).product();
        assert!((replies - 0.2).abs() < 1e-12, "{replies}");
        assert_eq!(worth([1.0, 0.5], 0.25, false), 0.5);
        assert_eq!(worth([1.0, 0.5], 0.25, true), 1.0);
    }
}
