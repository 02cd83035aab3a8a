//! A settlement on file.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::four_eyes::Hands;
use tally_access::{Moment, Owner, Target};
use tally_kernel::id::{CycleId, PoolId, SettlementId};
use tally_kernel::money::Money;

use super::{CarryBook, Fund, Stage};
use crate::statement::domain::Heading;

/// A settlement on file: who did what to it, and its sums. Everybody's lines are with the statements.
#[derive(Clone, Debug)]
pub struct Filed {
    pub id: SettlementId,
    pub pool: PoolId,
    /// Whose the pool is.
    pub owner: Owner,
    pub cycle: CycleId,
    /// The last day of that; nothing of a settlement from before days were kept.
    pub last_day: Option<Date>,
    pub stage: Stage,
    pub sums: Sums,
    /// People with a statement.
    pub people: u32,
    /// Digest of amount, rule, scores and carry account, hex.
    pub inputs_digest: String,
    pub prepared: Hands,
    pub approved: Option<Hands>,
    pub posted: Option<Hands>,
    pub prepared_at: Timestamp,
    /// Nothing, too, of one that was approved before this was kept.
    pub approved_at: Option<Timestamp>,
    /// Nothing, too, of one that was posted before this was kept.
    pub posted_at: Option<Timestamp>,
}

/// The sums of a settlement, kept sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub pool: Money,
    /// What people get together, in minor units.
    pub paid_minor: i64,
    /// What is kept for funds.
    pub funds: Vec<Fund>,
    /// The carry account before.
    pub carry_before: CarryBook,
    /// The carry account after posting.
    pub carry_after: CarryBook,
    /// What statements pay beside the pool for amounts that were put right, or with a minus hold back, in minor units; nothing where
    /// none was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted_minor: Option<i64>,
    /// The version of the cards that the scores are of; nothing of a settlement from before it was kept, or where none says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards_version: Option<u32>,
}

impl Sums {
    /// What the funds get together, in minor units.
    pub fn team_fund_minor(&self) -> i64 {
        self.funds.iter().map(|fund| fund.minor).sum()
    }
}

impl Filed {
    /// What a call about it is decided on: whose it is, where that hung on the last day of its cycle.
    pub fn target(&self) -> Target {
        Target { moment: self.last_day.map(Moment::Day), ..self.owner.target() }
    }

    /// What its statements have in common.
    pub fn heading(&self) -> Heading {
        let (currency, prepared_at) = (self.sums.pool.currency, self.prepared_at);
        Heading { settlement: self.id, cycle: self.cycle, last_day: self.last_day, currency, prepared_at }
    }
}
