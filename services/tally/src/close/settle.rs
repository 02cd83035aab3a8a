//! Scheme and pool of a bundle in the suite's words, and the way from a cycle to posted statements. Three people take
//! part, as the suite demands: who prepares, who approves, who posts.

use anyhow::Result;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use tally_api::attendance::v1 as attendance;
use tally_api::common::v1 as common;
use tally_api::compensation::v1 as compensation;
use tally_api::performance::v1 as performance;
use tally_bundle::{Bundle, Inference, Pool, PoolPart, PoolRule, Tier, Unusable};
use tally_kernel::{Locale, msg};
use tally_performance::scheme_file::{self, Standard, Uncomputed};

use crate::close::Crew;
use crate::close::summary::{CLOCK_FORM, FIRST_FORM, FORM, NotSettled};
use crate::said::{Refusal, say, told};

/// Whether the suite computes what the scheme measures.
///
/// # Errors
/// [`Unusable`] where it does not.
pub fn computable(bundle: &Bundle) -> Result<(), Unusable> {
    scheme(bundle, FORM).map(drop)
}

/// The bundle's scheme.
///
/// # Errors
/// [`Unusable`] for a measure that the suite does not compute.
pub fn scheme(bundle: &Bundle, form: u32) -> Result<performance::Scheme, Unusable> {
    let currency = bundle.scheme.currency.as_ref().unwrap_or(&bundle.group.currency);
    let standard = Standard { currency, is_told: form > CLOCK_FORM };
    let read = scheme_file::scheme(&bundle.scheme, standard, !bundle.rosters.is_empty());
    read.map_err(|Uncomputed { kpi, at }| {
        let problem = msg!("SCHEME_MEASURES_UNCOMPUTED", kpi, path = format!("kpis[{at}]"));
        Unusable::new("MEASURE_UNKNOWN", "scheme.yaml", problem, msg!("MEASURE_UNKNOWN_CURE"))
    })
}

/// The bundle's policy of attribution. In the first form of a result folder a zero stood for the default.
pub fn policy(bundle: &Bundle, form: u32) -> performance::AttributionPolicy {
    let policy = &bundle.policy;
    let given = |number: u32| (number > 0 || form > FIRST_FORM).then_some(number);
    performance::AttributionPolicy {
        version: policy.version.to_string(),
        duty: Some(attendance::DutyPolicy {
            grace_minutes: given(policy.grace_minutes),
            max_hours: policy.handover_max_hours,
            cut_over: policy.cut_over.clone(),
            version: 0,
        }),
        session_window_seconds: policy.session_window_minutes * 60,
        inference_off: policy.inference == Inference::Off,
        min_ambiguous: given(policy.min_ambiguous),
        split: policy.split.as_ref().and_then(|split| {
            let [first_answer_ppm, closer_ppm, after_sales_ppm] = split.parts()?;
            let version = split.version.clone();
            Some(performance::ContributorSplit { version, first_answer_ppm, closer_ppm, after_sales_ppm })
        }),
    }
}

/// A posted settlement in figures.
#[derive(Clone, Debug)]
pub struct Settled {
    pub settlement_id: String,
    /// The pool, in minor units.
    pub pool_minor: i64,
    /// What people get together.
    pub paid_minor: i64,
    /// What the team's fund gets.
    pub team_fund_minor: i64,
}

/// What a step that failed leaves to be said: what was scored is on the disk already.
pub fn why(error: &anyhow::Error, locale: Locale) -> NotSettled {
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let unusable = error.chain().find_map(|cause| cause.downcast_ref::<Unusable>());
    let (reason, message) = match (refusal, unusable) {
        (Some(refusal), _) => (refusal.reason, refusal.told(locale)),
        (None, Some(unusable)) => (unusable.reason, unusable.told(locale)),
        (None, None) => ("FAILED", say(locale, error)),
    };
    NotSettled { reason: reason.to_owned(), message }
}

/// Makes the pool and drafts as one person, approves as another, posts as a third.
pub async fn settle(crew: &Crew, cycle_id: &str, pool: &Pool) -> Result<Settled> {
    let Crew { preparer, approver, payer, .. } = crew;
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let pool = wire_pool(pool, cycle_id)?;
    let ask = compensation::CreatePoolRequest { pool: Some(pool), ..Default::default() };
    let pool = pools.create_pool(preparer.ask(ask)).await.map_err(told)?.into_inner().pool.unwrap_or_default();

    let channel = preparer.at.compensation.clone();
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let ask = compensation::DraftSettlementRequest { pool_id: pool.pool_id, ..Default::default() };
    let draft =
        client.draft_settlement(preparer.ask(ask)).await.map_err(told)?.into_inner().settlement.unwrap_or_default();
    let settlement_id = draft.settlement_id;
    let ask = compensation::ApproveSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
    client.approve_settlement(approver.ask(ask)).await.map_err(told)?;
    let ask = compensation::PostSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
    let posted =
        client.post_settlement(payer.ask(ask)).await.map_err(told)?.into_inner().settlement.unwrap_or_default();
    let minor = |money: Option<common::Money>| money.map_or(0, |m| m.minor);
    Ok(Settled {
        settlement_id,
        pool_minor: minor(posted.pool),
        paid_minor: minor(posted.paid),
        team_fund_minor: minor(posted.team_fund),
    })
}

fn wire_pool(pool: &Pool, cycle_id: &str) -> Result<compensation::Pool, Unusable> {
    Ok(compensation::Pool {
        pool_id: String::new(),
        name: "pool.yaml".to_owned(),
        cycle_id: cycle_id.to_owned(),
        amount: Some(common::Money { currency: pool.currency.clone(), minor: pool.amount_minor }),
        parts: pool.rule.iter().map(part).collect::<Result<_, _>>()?,
        carry: false,
        unit_id: String::new(),
    })
}

fn part(part: &PoolPart) -> Result<compensation::PoolPart, Unusable> {
    let rule = match part.by {
        PoolRule::Tiers => {
            let tiers = part.tiers.iter().map(tier).collect::<Result<_, _>>()?;
            compensation::pool_part::Rule::Tiers(compensation::TierRule { tiers })
        }
        PoolRule::Score => {
            compensation::pool_part::Rule::Proportional(compensation::ProportionalRule { floor: String::new() })
        }
        PoolRule::TeamFund => {
            compensation::pool_part::Rule::TeamFund(compensation::TeamFundRule { name: "team".to_owned() })
        }
    };
    Ok(compensation::PoolPart { share_ppm: percent_to_ppm(part.share)?, rule: Some(rule) })
}

fn tier(tier: &Tier) -> Result<compensation::Tier, Unusable> {
    Ok(compensation::Tier {
        name: tier.name.clone(),
        quota_ppm: tier.top_percent.map(percent_to_ppm).transpose()?.unwrap_or(0),
        min_score: tier.at_least.map(|d| d.normalize().to_string()).unwrap_or_default(),
        weight: tier.weight.normalize().to_string(),
    })
}

fn percent_to_ppm(percent: Decimal) -> Result<u32, Unusable> {
    let ppm = percent * Decimal::from(10_000);
    let whole = if ppm.fract().is_zero() { ppm.to_u32() } else { None };
    whole.ok_or_else(|| {
        let (problem, cure) = (msg!("POOL_SHARE_TOO_FINE", percent), msg!("POOL_SHARE_TOO_FINE_CURE"));
        Unusable::new("INVALID_SETTINGS", "pool.yaml", problem, cure)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exact_in_millionths_or_refused() {
        assert_eq!(percent_to_ppm("12.5".parse().unwrap()).unwrap(), 125_000);
        assert!(percent_to_ppm("33.33333".parse().unwrap()).is_err());
    }
}
