//! Parses, calls, renders.

use std::mem::take;

use tally_api::compensation::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::{money, money_message};
use tally_kernel::error::{Violations, field};
use tally_kernel::id::PoolId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Micro, Ppm, Result, msg};
use tally_rpc::{Answer, context};
use tonic::{Request, Response, Status};

use super::app::{self, App, NewPool};
use super::domain::{Part, Pool, PoolRule, Rule, Tier};

pub struct Rpc {
    pub app: App,
}

#[tonic::async_trait]
impl pb::pool_service_server::PoolService for Rpc {
    async fn create_pool(
        &self,
        req: Request<pb::CreatePoolRequest>,
    ) -> Result<Response<pb::CreatePoolResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let pool = app::create(&self.app, &ctx, &request, asked.pool.unwrap_or_default().try_into()?).await?;
            Ok(pb::CreatePoolResponse { pool: Some(pool.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_pool(&self, req: Request<pb::GetPoolRequest>) -> Result<Response<pb::GetPoolResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let id: PoolId = field("pool_id", &req.into_inner().pool_id)?;
            Ok(pb::GetPoolResponse { pool: Some(app::get(&self.app, &ctx, id).await?.into()) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_pools(&self, req: Request<pb::ListPoolsRequest>) -> Result<Response<pb::ListPoolsResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let req = req.into_inner();
            let page = Page::read(req.page_size, &req.page_token, b"pools")?;
            let (pools, next_page_token) = app::list(&self.app, &ctx, &page).await?;
            Ok(pb::ListPoolsResponse { pools: pools.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

impl TryFrom<pb::Pool> for NewPool {
    type Error = Error;

    fn try_from(pool: pb::Pool) -> Result<Self> {
        let mut wrong = Violations::new();
        wrong.text("pool.name", &pool.name, 200);
        let unit = if pool.unit_id.is_empty() { None } else { wrong.parse("pool.unit_id", &pool.unit_id) };
        let cycle = wrong.parse("pool.cycle_id", &pool.cycle_id);
        let amount = money(&mut wrong, "pool.amount", pool.amount);
        let parts: Vec<_> = pool
            .parts
            .into_iter()
            .enumerate()
            .filter_map(|(at, part)| read_part(&mut wrong, &format!("pool.parts[{at}]"), part))
            .collect();
        let rule = PoolRule { parts, carry: pool.carry };
        wrong.finish(cycle.zip(amount).map(|(cycle, amount)| Self { name: pool.name, unit, cycle, amount, rule }))
    }
}

fn read_part(wrong: &mut Violations, path: &str, part: pb::PoolPart) -> Option<Part> {
    let share = ppm(wrong, &format!("{path}.share_ppm"), part.share_ppm);
    let rule = match part.rule {
        Some(pb::pool_part::Rule::Tiers(rule)) => {
            let tiers = rule.tiers.into_iter().enumerate();
            Rule::Tiers(tiers.filter_map(|(at, t)| read_tier(wrong, &format!("{path}.tiers.tiers[{at}]"), t)).collect())
        }
        Some(pb::pool_part::Rule::Proportional(rule)) => {
            let floor = if rule.floor.is_empty() {
                Some(Micro::ZERO)
            } else {
                wrong.parse(&format!("{path}.proportional.floor"), &rule.floor)
            };
            Rule::Proportional { floor: floor? }
        }
        Some(pb::pool_part::Rule::TeamFund(rule)) => Rule::TeamFund { name: rule.name },
        None => {
            wrong.push(format!("{path}.rule"), msg!("PART_RULE_MISSING"));
            return None;
        }
    };
    Some(Part { share: share?, rule })
}

fn read_tier(wrong: &mut Violations, path: &str, tier: pb::Tier) -> Option<Tier> {
    let min_score = match tier.min_score.as_str() {
        "" => None,
        text => Some(wrong.parse(&format!("{path}.min_score"), text)?),
    };
    let quota = match tier.quota_ppm {
        0 => None,
        some => Some(ppm(wrong, &format!("{path}.quota_ppm"), some)?),
    };
    let weight = wrong.parse(&format!("{path}.weight"), &tier.weight)?;
    Some(Tier { name: tier.name, min_score, quota, weight })
}

fn ppm(wrong: &mut Violations, path: &str, value: u32) -> Option<Ppm> {
    wrong.take(path, Ppm::new(value))
}

impl From<Pool> for pb::Pool {
    fn from(pool: Pool) -> Self {
        Self {
            pool_id: pool.id.to_string(),
            name: pool.name,
            cycle_id: pool.cycle.to_string(),
            amount: Some(money_message(pool.amount)),
            parts: pool.rule.parts.into_iter().map(part).collect(),
            carry: pool.rule.carry,
            unit_id: pool.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        }
    }
}

fn part(part: Part) -> pb::PoolPart {
    let rule = match part.rule {
        Rule::Tiers(tiers) => pb::pool_part::Rule::Tiers(pb::TierRule { tiers: tiers.into_iter().map(tier).collect() }),
        Rule::Proportional { floor } => {
            pb::pool_part::Rule::Proportional(pb::ProportionalRule { floor: floor.to_string() })
        }
        Rule::TeamFund { name } => pb::pool_part::Rule::TeamFund(pb::TeamFundRule { name }),
    };
    pb::PoolPart { share_ppm: part.share.get(), rule: Some(rule) }
}

fn tier(tier: Tier) -> pb::Tier {
    pb::Tier {
        name: tier.name,
        quota_ppm: tier.quota.map_or(0, Ppm::get),
        min_score: tier.min_score.map(|s| s.to_string()).unwrap_or_default(),
        weight: tier.weight.to_string(),
    }
}
