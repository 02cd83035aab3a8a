//! Who says of how much that it is theirs, by a name, a click or a known device, and whether that differs too much between people for a draw
//! that depends on nobody.

use std::collections::BTreeMap;

use super::Rung;
use super::canon::Canon;
use super::findings::FindingKind;
use super::ladder::AccountVerdicts;

/// Twice the log-likelihood ratio by which rates of their own must foretell what was said better than one for all: so much, and more for every person
/// beyond the first. On the forum, where all say alike, it is at most 9, 11, 15 and 18 with 2, 3, 5 and 8 people.
const LEAST_GAIN: (f64, f64) = (8.0, 4.0);
/// The least odds ratio of who says most and who says least.
const LEAST_ODDS: f64 = 3.0;
/// Observations' worth of the common rate in everybody's own.
const PRIOR: f64 = 10.0;

/// What of somebody's was said to be theirs, and all that is expected to be.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    pub said: f64,
    pub all: f64,
}

impl Part {
    /// The rate at which somebody says it, drawn to the common one.
    pub fn rate(self, common: f64) -> f64 {
        (self.said + PRIOR * common) / (self.all + PRIOR)
    }
}

/// Whether people say it too unevenly for a draw that depends on nobody.
pub(super) fn uneven(parts: &[Part]) -> bool {
    let common = common(parts);
    let gain: f64 = parts.iter().map(|part| 2.0 * gain(*part, common)).sum();
    let odds = parts.iter().map(|part| part.rate(common)).map(|rate| rate / (1.0 - rate));
    let (least, most) = odds.fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
    let others = parts.len().saturating_sub(1) as f64;
    0.0 < common && common < 1.0 && gain > LEAST_GAIN.0 + LEAST_GAIN.1 * others && most > least * LEAST_ODDS
}

/// The place of whoever says least.
pub(super) fn least(parts: &[Part]) -> Option<usize> {
    let common = common(parts);
    let rates = parts.iter().map(|part| part.rate(common)).enumerate();
    rates.reduce(|least, one| if one.1 < least.1 { one } else { least }).map(|(place, _)| place)
}

/// The rate of all together.
pub(super) fn common(parts: &[Part]) -> f64 {
    let (said, all) = parts.iter().fold((0.0, 0.0), |(said, all), part| (said + part.said, all + part.all));
    if all > 0.0 { said / all } else { 0.0 }
}

/// By how much a rate of their own foretells what somebody said better than the common one, as a logarithm.
fn gain(part: Part, common: f64) -> f64 {
    let log = |count: f64, expected: f64| if count > 0.0 { count * libm::log(count / expected) } else { 0.0 };
    log(part.said, part.all * common) + log(part.all - part.said, part.all * (1.0 - common))
}

/// Tells of accounts on which nothing weighed the records that nobody claimed, and some people claim, or write at known devices, far more than
/// others: the rest is shared equally, and that is wrong where those work as much who say little. Nothing tells whether they do.
pub(super) fn tell(canon: &Canon<'_>, accounts: &mut [AccountVerdicts]) {
    if !canon.input.policy.inference || canon.input.policy.rules < 3 {
        return;
    }
    for account in accounts {
        let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
        let mut open = Vec::new();
        for (place, verdict) in account.verdicts.iter().enumerate() {
            let candidates = &account.candidates[verdict.first as usize..][..verdict.len as usize];
            let said = matches!(verdict.rung, Rung::Claimed | Rung::Device);
            if !said && !verdict.several {
                continue;
            }
            for candidate in candidates {
                let part = parts.entry(candidate.person).or_default();
                part.all += 1.0 / candidates.len() as f64;
                part.said += if said { 1.0 } else { 0.0 };
            }
            if verdict.several {
                open.push(place);
            }
        }
        let (people, parts): (Vec<u32>, Vec<Part>) = parts.into_iter().unzip();
        if let Some(least) = least(&parts).filter(|_| uneven(&parts)) {
            for place in open {
                account.tally.note(FindingKind::EvidenceUneven, Some(people[least]), None, account.base + place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_far_less_of_theirs_is_found_and_chance_is_not() {
        let parts = |of: &[(f64, f64)]| of.iter().map(|&(said, all)| Part { said, all }).collect::<Vec<_>>();
        assert!(!uneven(&parts(&[(50.0, 100.0), (25.0, 50.0), (20.0, 50.0)])));
        assert!(!uneven(&parts(&[])) && least(&[]).is_none());
        let apart = parts(&[(80.0, 100.0), (10.0, 100.0)]);
        assert!(uneven(&apart));
        assert_eq!(least(&apart), Some(1));
    }
}
