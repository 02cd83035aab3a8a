//! How a pool is split: parts of the money, each by its own rule.
//!
//! The parts' shares make exactly a whole. Nothing is assumed: a rule that leaves money without an owner is refused
//! here, or when it is settled, with what to change.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{Moment, Owner, Target};
use tally_kernel::error::{Error, Violation};
use tally_kernel::id::{CycleId, PoolId};
use tally_kernel::{Message, Micro, Money, Ppm, msg};

/// Largest weight of a tier.
pub const MAX_TIER_WEIGHT: Micro = Micro::from_int(tally_kernel::limits::TIER_WEIGHT);

/// Money to be split by a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) id: PoolId,
    /// Whose it is: the owner of its cycle or a unit below. It pays the people who belong to the owner.
    pub(crate) owner: Owner,
    /// Name for people to read.
    pub(crate) name: String,
    /// The cycle whose scores split it.
    pub(crate) cycle: CycleId,
    /// The last day of that; nothing of a pool from before days were kept.
    pub(crate) last_day: Option<Date>,
    pub(crate) amount: Money,
    /// How it is split.
    pub(crate) rule: PoolRule,
}

impl Pool {
    /// What a call about it is decided on: whose it is, where that hung on the last day of its cycle.
    pub(crate) fn target(&self) -> Target {
        Target { moment: self.last_day.map(Moment::Day), ..self.owner.target() }
    }
}

/// How a pool is split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolRule {
    /// The parts; their shares make exactly a whole.
    pub parts: Vec<Part>,
    /// Whether odd minor units are carried from one settlement to the next, so that they go round.
    #[serde(default)]
    pub carry: bool,
}

/// A part of a pool and its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Part of the pool.
    pub share: Ppm,
    /// How it is split.
    pub rule: Rule,
}

/// How a part is split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// By graded tiers, best first: each person of a tier has the tier's weight.
    Tiers(Vec<Tier>),
    /// In proportion to what the score has above the floor; who is at or below it gets nothing.
    Proportional {
        /// Score from which on points count.
        #[serde(default)]
        floor: Micro,
    },
    /// Kept for the team's fund.
    TeamFund {
        /// Name of the fund.
        name: String,
    },
}

/// A tier. Either all tiers of a rule have a lowest score, or all have a quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Name, such as `excellent-1`.
    pub name: String,
    /// Lowest score of the tier. Who is below the last tier has none and gets nothing.
    #[serde(default)]
    pub min_score: Option<Micro>,
    /// Part of the people, best first. Sizes by largest remainder; equal scores share the better tier.
    #[serde(default)]
    pub quota: Option<Ppm>,
    /// Weight of each person of the tier; never more than that of a better one.
    pub weight: Micro,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolError {
    /// All problems, by field.
    Rule(Vec<RuleProblem>),
}

/// One thing that is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// Path of the field in a pool of the contract, such as `parts[0].tiers.tiers[1].weight`.
    pub field: String,
    /// Stable kind.
    pub kind: ProblemKind,
    /// What is wrong and what to write instead.
    pub description: Message,
}

/// Kinds of problems of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// No parts, tiers or names.
    Missing,
    /// A name twice.
    Duplicate,
    /// Shares or quotas that do not make exactly a whole.
    DoesNotSum,
    /// A share of nothing.
    ZeroShare,
    /// Weights that are all zero, out of bounds, or larger for a worse tier.
    Weight,
    /// Tiers with neither or both of score and quota, or scores out of order.
    Thresholds,
}

impl From<PoolError> for Error {
    fn from(e: PoolError) -> Self {
        match e {
            PoolError::Rule(problems) => Error::invalid(
                problems
                    .into_iter()
                    .map(|p| Violation { field: format!("pool.{}", p.field), message: p.description })
                    .collect(),
            ),
        }
    }
}

impl PoolRule {
    /// Checks the rule and tells everything that is wrong at once.
    ///
    /// # Errors
    /// [`PoolError::Rule`].
    pub fn validate(&self) -> Result<(), PoolError> {
        let mut problems = Problems(Vec::new());
        if self.parts.is_empty() {
            problems.add("parts", ProblemKind::Missing, msg!("POOL_WITHOUT_PARTS"));
        } else if !Ppm::make_whole(self.parts.iter().map(|p| p.share)) {
            let sum: u64 = self.parts.iter().map(|p| u64::from(p.share.get())).sum();
            problems.add("parts", ProblemKind::DoesNotSum, msg!("SHARES_NOT_WHOLE", sum));
        }
        for (i, part) in self.parts.iter().enumerate() {
            if part.share == Ppm::ZERO {
                problems.add(format!("parts[{i}].share"), ProblemKind::ZeroShare, msg!("PART_OF_NOTHING"));
            }
            match &part.rule {
                Rule::Tiers(tiers) => check_tiers(&format!("parts[{i}].tiers.tiers"), tiers, &mut problems),
                Rule::Proportional { .. } => {}
                Rule::TeamFund { name } => {
                    if name.trim().is_empty() {
                        problems.add(format!("parts[{i}].team_fund.name"), ProblemKind::Missing, msg!("TEXT_EMPTY"));
                    }
                }
            }
        }
        if problems.0.is_empty() { Ok(()) } else { Err(PoolError::Rule(problems.0)) }
    }
}

fn check_tiers(path: &str, tiers: &[Tier], problems: &mut Problems) {
    if tiers.is_empty() {
        problems.add(path, ProblemKind::Missing, msg!("PART_WITHOUT_TIERS"));
        return;
    }
    let scores: Vec<Micro> = tiers.iter().filter_map(|t| t.min_score).collect();
    let quotas: Vec<Ppm> = tiers.iter().filter_map(|t| t.quota).collect();
    match (scores.len(), quotas.len()) {
        (n, 0) if n == tiers.len() => {
            if !scores.is_sorted_by(|a, b| a > b) {
                problems.add(path, ProblemKind::Thresholds, msg!("TIERS_OUT_OF_ORDER"));
            }
        }
        (0, n) if n == tiers.len() => {
            if !Ppm::make_whole(quotas) {
                problems.add(path, ProblemKind::DoesNotSum, msg!("QUOTAS_NOT_WHOLE"));
            }
        }
        _ => problems.add(path, ProblemKind::Thresholds, msg!("TIERS_MIXED")),
    }
    if tiers.iter().all(|t| t.weight == Micro::ZERO) {
        problems.add(path, ProblemKind::Weight, msg!("TIERS_WITHOUT_WEIGHT"));
    } else if !tiers.is_sorted_by(|a, b| a.weight >= b.weight) {
        problems.add(path, ProblemKind::Weight, msg!("TIER_WEIGHTS_OUT_OF_ORDER"));
    }
    let mut names = BTreeSet::new();
    for (i, tier) in tiers.iter().enumerate() {
        if !(Micro::ZERO..=MAX_TIER_WEIGHT).contains(&tier.weight) {
            let wanted = msg!("NUMBER_FROM_TO", from = 0, to = MAX_TIER_WEIGHT);
            problems.add(format!("{path}[{i}].weight"), ProblemKind::Weight, wanted);
        }
        if tier.name.trim().is_empty() {
            problems.add(format!("{path}[{i}].name"), ProblemKind::Missing, msg!("TEXT_EMPTY"));
        } else if !names.insert(&tier.name) {
            problems.add(format!("{path}[{i}].name"), ProblemKind::Duplicate, msg!("NAME_TWICE", name = tier.name));
        }
    }
}

struct Problems(Vec<RuleProblem>);

impl Problems {
    fn add(&mut self, field: impl Into<String>, kind: ProblemKind, description: Message) {
        self.0.push(RuleProblem { field: field.into(), kind, description });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, min: Option<i32>, quota: Option<u32>, weight: i32) -> Tier {
        let quota = quota.map(|q| Ppm::new(q).unwrap());
        Tier { name: name.to_owned(), min_score: min.map(Micro::from_int), quota, weight: Micro::from_int(weight) }
    }

    fn part(share: u32, rule: Rule) -> Part {
        Part { share: Ppm::new(share).unwrap(), rule }
    }

    fn problems(parts: Vec<Part>) -> Vec<(String, ProblemKind)> {
        match (PoolRule { parts, carry: false }).validate() {
            Ok(()) => Vec::new(),
            Err(PoolError::Rule(problems)) => problems.into_iter().map(|p| (p.field, p.kind)).collect(),
        }
    }

    #[test]
    fn a_mix_of_rules_that_makes_a_whole_is_sound() {
        let tiers = vec![
            tier("excellent-1", Some(95), None, 3),
            tier("excellent-2", Some(85), None, 2),
            tier("rest", Some(0), None, 0),
        ];
        let quotas = vec![tier("top", None, Some(300_000), 2), tier("rest", None, Some(700_000), 1)];
        let mix = vec![
            part(500_000, Rule::Tiers(tiers)),
            part(200_000, Rule::Tiers(quotas)),
            part(200_000, Rule::Proportional { floor: Micro::ZERO }),
            part(100_000, Rule::TeamFund { name: "team".to_owned() }),
        ];
        assert_eq!(problems(mix.clone()), []);
        let rule = PoolRule { parts: mix, carry: true };
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<PoolRule>(&json).unwrap(), rule);
    }

    #[test]
    fn shares_that_do_not_sum_are_told_beside_everything_else() {
        let bad =
            vec![tier("a", Some(60), None, 1), tier("a", Some(80), None, 2_000_000), tier("", Some(10), None, -1)];
        let found = problems(vec![
            part(500_000, Rule::Tiers(bad)),
            part(0, Rule::Tiers(vec![tier("x", None, None, 0)])),
            part(499_999, Rule::TeamFund { name: " ".to_owned() }),
        ]);
        let expected = [
            ("parts", ProblemKind::DoesNotSum),
            ("parts[0].tiers.tiers", ProblemKind::Thresholds),
            ("parts[0].tiers.tiers", ProblemKind::Weight),
            ("parts[0].tiers.tiers[1].weight", ProblemKind::Weight),
            ("parts[0].tiers.tiers[1].name", ProblemKind::Duplicate),
            ("parts[0].tiers.tiers[2].weight", ProblemKind::Weight),
            ("parts[0].tiers.tiers[2].name", ProblemKind::Missing),
            ("parts[1].share", ProblemKind::ZeroShare),
            ("parts[1].tiers.tiers", ProblemKind::Thresholds),
            ("parts[1].tiers.tiers", ProblemKind::Weight),
            ("parts[2].team_fund.name", ProblemKind::Missing),
        ];
        assert_eq!(found, expected.map(|(field, kind)| (field.to_owned(), kind)));
    }

    #[test]
    fn a_rule_without_parts_or_with_quotas_that_do_not_sum_is_refused_with_the_field() {
        assert_eq!(problems(Vec::new()), [("parts".to_owned(), ProblemKind::Missing)]);
        let quotas = vec![tier("top", None, Some(300_000), 2), tier("rest", None, Some(600_000), 1)];
        assert_eq!(
            problems(vec![part(1_000_000, Rule::Tiers(quotas))]),
            [("parts[0].tiers.tiers".to_owned(), ProblemKind::DoesNotSum)]
        );
        let error = Error::from(PoolRule { parts: Vec::new(), carry: false }.validate().unwrap_err());
        assert_eq!((error.reason(), error.violations()[0].field.as_str()), ("INVALID_REQUEST", "pool.parts"));
    }
}
