//! Who says of how much that it is theirs: where some name, click or sit at a known device far more than others, what says nothing is likelier theirs who say little.
//!
//! Everybody's rates are not known but where it is known whose all was. They are learnt beside the rest, and that feeds itself: where all say alike,
//! whoever is taken for somebody who says little would be given more of what says nothing. So there are two readings. The first takes what
//! is said for a draw that depends on nobody. Only where its counts speak clearly against that ([`Said::uneven`]) a second one follows,
//! in which the rates found so far count, round by round.

use super::super::rates::{self, Part, common};
use super::habits::raised;
use super::traffic::Traffic;

/// Nobody is so sure to say it that what says nothing cannot be theirs.
const LEAST_UNSAID: f64 = 0.001;

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
        self.0.each_ref().map(|parts| rates::uneven(parts))
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
        rates::least(&self.0[kind])
    }
}

/// What it is worth that neither the record nor the reply says whose it is. A record says it once, however many replies it has.
pub(super) fn worth([name, device]: [f64; 2], part: f64, has_device: bool) -> f64 {
    let of_name = if name < 1.0 { raised(name, part) } else { 1.0 };
    if has_device { of_name } else { of_name * device }
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
