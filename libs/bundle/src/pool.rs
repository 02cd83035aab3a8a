//! pool.yaml: the money and the rule that splits it. Without the file there is no settlement.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use tally_kernel::{Message, limits, msg};

use super::cell;
use super::diagnostics::Unusable;
use super::group::{self, Group, Period};
use super::model::BundlePerson;
use super::numbers::{Numbers, refuse_grouped};
use super::yaml::{Fields, LARGEST, micro};

/// Money to be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// In minor units; above 0.
    pub amount_minor: i64,
    /// ISO 4217 code; the group's.
    pub currency: String,
    /// Parts whose shares sum to exactly 100.
    pub rule: Vec<PoolPart>,
}

/// A part of the pool and how it is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolPart {
    /// Percent of the pool; above 0.
    pub share: Decimal,
    /// How this part is split.
    pub by: PoolRule,
    /// For `tiers`: from the best tier to the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// How a part of a pool is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolRule {
    /// Equal within a tier, by the tiers' weights.
    Tiers,
    /// In proportion to the score.
    Score,
    /// Kept for the team.
    TeamFund,
}

/// One tier: a quota of the people, or a least score; alike in all tiers of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// Such as `excellent`.
    pub name: String,
    /// Percent of the people, best first; those of a part sum to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_percent: Option<Decimal>,
    /// The least score; falling from tier to tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Decimal>,
    /// What one person of the tier weighs; not below 0, and not all 0.
    pub weight: Decimal,
}

/// The file's shape: the amount is a decimal in major units there.
impl Serialize for Pool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct File<'a> {
            amount: String,
            currency: &'a str,
            rule: &'a [PoolPart],
        }
        let amount = cell::major(self.amount_minor, &self.currency);
        File { amount, currency: &self.currency, rule: &self.rule }.serialize(serializer)
    }
}

/// The amount as it is written: YAML makes one of `1.000`, and sixteen of `0x10`.
#[derive(Deserialize)]
struct Written {
    amount: String,
}

/// Reads pool.yaml for a group that writes the numbers of its cells so, or to the letter; the period it names, if any, is apart.
pub(crate) fn read_pool(
    fields: &mut Fields<'_>,
    group: &Group,
    (numbers, literal): (Option<Numbers>, bool),
) -> Option<(Pool, Option<Period>)> {
    refuse_grouped(numbers, fields);
    let currency = group::currency(fields).unwrap_or_else(|| group.currency.clone());
    if currency != group.currency {
        fields.note("currency", msg!("POOL_CURRENCY", currency, group = group.currency));
    }
    let amount = if fields.has("amount") { fields.text("amount") } else { fields.missing("amount") };
    let amount =
        amount.map(|text| serde_norway::from_str(fields.source).map_or(text, |written: Written| written.amount));
    // One that may be grouped was refused with all such numbers of the file.
    let certain = amount.filter(|text| numbers.is_none_or(|numbers| numbers.ungrouped(text).is_none()));
    let amount_minor = certain.and_then(|text| match cell::money(&text, &currency, cell::Stands::InYaml) {
        Ok(0) => {
            fields.note("amount", msg!("POOL_ZERO"));
            None
        }
        Ok(minor) => Some(minor),
        Err(_) if text.starts_with('-') => {
            fields.note("amount", msg!("POOL_BELOW_0"));
            None
        }
        Err(wrong) => {
            fields.note("amount", msg!("SETTING_WRONG", reason = wrong.reason, cure = wrong.cure));
            None
        }
    });
    let period = group::period(fields);
    let by_score = || vec![PoolPart { share: Decimal::ONE_HUNDRED, by: PoolRule::Score, tiers: Vec::new() }];
    let rule = if fields.has("rule") {
        fields.list("rule").and_then(|parts| read_rule(fields, parts))
    } else {
        Some(by_score())
    };
    // A month that was closed with a pool that could not be split stays what it is.
    let problems = rule.as_ref().filter(|_| !literal).map_or_else(Vec::new, |rule| unsplittable(rule));
    problems.into_iter().for_each(|(path, problem)| fields.note(&path, problem));
    Some((Pool { amount_minor: amount_minor?, currency, rule: rule? }, period))
}

fn read_rule(fields: &Fields<'_>, parts: Vec<Fields<'_>>) -> Option<Vec<PoolPart>> {
    let count = parts.len();
    let rule: Vec<PoolPart> = parts.into_iter().filter_map(read_part).collect();
    let sum: Decimal = rule.iter().map(|p| p.share).sum();
    if rule.len() == count && sum != Decimal::ONE_HUNDRED {
        fields.note("rule", msg!("POOL_SHARES", sum = sum.normalize()));
    }
    (rule.len() == count).then_some(rule)
}

/// What the suite would refuse of a rule, path and problem: percentages finer than it splits, numbers beyond what it
/// computes with, tiers of one name or out of order.
fn unsplittable(rule: &[PoolPart]) -> Vec<(String, Message)> {
    let mut found = Vec::new();
    let fine = |percent: Decimal| percent.normalize().scale() > 4;
    for (part, at) in rule.iter().zip(1..) {
        let path = format!("rule[{at}]");
        if fine(part.share) {
            found.push((format!("{path}.share"), msg!("POOL_PERCENT_TOO_FINE", percent = part.share)));
        }
        if !part.tiers.is_sorted_by(|a, b| a.weight >= b.weight) {
            found.push((format!("{path}.tiers"), msg!("POOL_TIERS_WEIGHTS_RISE")));
        }
        let mut names = BTreeSet::new();
        for (tier, at) in part.tiers.iter().zip(1..) {
            let path = format!("{path}.tiers[{at}]");
            if !names.insert(&tier.name) {
                found.push((format!("{path}.name"), msg!("POOL_TIER_NAME_TAKEN")));
            }
            if let Some(percent) = tier.top_percent.filter(|percent| fine(*percent)) {
                found.push((format!("{path}.top_percent"), msg!("POOL_PERCENT_TOO_FINE", percent)));
            }
            if let Some(number) = tier.at_least.filter(|score| micro(*score).is_none()) {
                let (least, most) = (-LARGEST, LARGEST);
                found.push((format!("{path}.at_least"), msg!("SETTING_NOT_BETWEEN", number, least, most)));
            }
        }
    }
    found
}

fn read_part(mut part: Fields<'_>) -> Option<PoolPart> {
    let share = if part.has("share") { part.decimal("share") } else { part.missing("share") };
    if share.is_some_and(|s| s <= Decimal::ZERO) {
        part.note("share", msg!("POOL_SHARE"));
    }
    let rules = [("tiers", PoolRule::Tiers), ("score", PoolRule::Score), ("team_fund", PoolRule::TeamFund)];
    let by = if part.has("by") { part.word("by", &rules) } else { part.missing("by") };
    let items = part.list("tiers");
    let tiers = match (by, items) {
        (Some(PoolRule::Tiers), Some(items)) => read_tiers(&part, items),
        (Some(PoolRule::Tiers), None) => part.missing("tiers"),
        (_, Some(_)) => {
            part.note("tiers", msg!("POOL_TIERS_ELSEWHERE"));
            None
        }
        (_, None) => Some(Vec::new()),
    };
    part.finish();
    Some(PoolPart { share: share?, by: by?, tiers: tiers? })
}

fn read_tiers(part: &Fields<'_>, items: Vec<Fields<'_>>) -> Option<Vec<Tier>> {
    let count = items.len();
    let tiers: Vec<Tier> = items.into_iter().filter_map(read_tier).collect();
    if tiers.len() < count {
        return None;
    }
    let quotas: Vec<Decimal> = tiers.iter().filter_map(|t| t.top_percent).collect();
    let scores: Vec<Decimal> = tiers.iter().filter_map(|t| t.at_least).collect();
    if count == 0 {
        part.note("tiers", msg!("SETTING_EMPTY"));
    } else if quotas.len() != count && scores.len() != count {
        part.note("tiers", msg!("POOL_TIERS_MIXED"));
    } else if quotas.len() == count && quotas.iter().sum::<Decimal>() != Decimal::ONE_HUNDRED {
        let sum: Decimal = quotas.iter().sum();
        part.note("tiers", msg!("POOL_TIERS_PERCENT", sum = sum.normalize()));
    } else if scores.len() == count && !scores.is_sorted_by(|a, b| a > b) {
        part.note("tiers", msg!("POOL_TIERS_RISE"));
    }
    if count > 0 && tiers.iter().all(|t| t.weight.is_zero()) {
        part.note("tiers", msg!("POOL_TIERS_WEIGHTLESS"));
    }
    Some(tiers)
}

fn read_tier(mut tier: Fields<'_>) -> Option<Tier> {
    let name = if tier.has("name") { tier.text("name") } else { tier.missing("name") };
    let (top_percent, at_least) = (tier.decimal("top_percent"), tier.decimal("at_least"));
    if top_percent.is_some() == at_least.is_some() {
        tier.note("top_percent", msg!("POOL_TIER_RULE"));
    }
    if top_percent.is_some_and(|p| p <= Decimal::ZERO) {
        tier.note("top_percent", msg!("SETTING_NOT_ABOVE_0"));
    }
    let weight = if tier.has("weight") { tier.decimal("weight") } else { tier.missing("weight") };
    if weight.is_some_and(|w| w < Decimal::ZERO) {
        tier.note("weight", msg!("SETTING_BELOW_0"));
    } else if weight.is_some_and(|w| w > Decimal::from(limits::TIER_WEIGHT)) {
        tier.note("weight", msg!("POOL_TIER_WEIGHT"));
    }
    tier.finish();
    Some(Tier { name: name?, top_percent, at_least, weight: weight? })
}

/// The pool fits the rest of the bundle.
pub(crate) fn check_pool(named: Option<Period>, period: Period, people: &[BundlePerson]) -> Result<(), Unusable> {
    let file = "pool.yaml";
    if let Some(named) = named
        && named != period
    {
        let Period { from: closed_from, to: closed_to } = period;
        let problem = msg!("OTHER_PERIOD", from = named.from, to = named.to, closed_from, closed_to);
        return Err(Unusable::new("OTHER_PERIOD", file, problem, msg!("OTHER_PERIOD_CURE")));
    }
    let employed = |p: &&BundlePerson| p.employments.iter().any(|e| e.holds(period.from, period.to));
    if people.iter().filter(employed).count() == 0 {
        let problem = msg!("POOL_IN_EMPTY_PERIOD", from = period.from, to = period.to);
        return Err(Unusable::new("POOL_WITHOUT_PEOPLE", file, problem, msg!("POOL_WITHOUT_PEOPLE_CURE")));
    }
    Ok(())
}
