//! What one person got and why, in figures and as sentences. Every number of a sentence is one of the line's own; nothing is
//! rounded for show. Pure.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_access::{Moment, Region, Target};
use tally_kernel::apportion::CARRY_SCALE;
use tally_kernel::id::{CycleId, OrgUnitId, PersonId, SettlementId, StatementId};
use tally_kernel::message::Arg;
use tally_kernel::person::Employment;
use tally_kernel::{Currency, Message, Micro, Money, Ppm, msg};

/// What all statements of a settlement have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    pub settlement: SettlementId,
    pub cycle: CycleId,
    /// The last day of that; nothing of a settlement from before days were kept.
    pub last_day: Option<Date>,
    /// Of all amounts.
    pub currency: Currency,
    /// When the settlement was prepared.
    pub prepared_at: Timestamp,
}

/// Where somebody belongs on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belonged {
    pub region: Region,
    pub unit: OrgUnitId,
    /// The person's last day there, of whoever left before that: on that day it is asked who reaches what is kept of it.
    pub left: Option<Date>,
}

impl Belonged {
    /// Of somebody whose home on a day this is.
    pub fn of(home: &Employment, day: Date) -> Self {
        let left = Some(home.until(day)).filter(|until| *until < day);
        Self { region: home.region.clone(), unit: home.unit, left }
    }

    /// A unit itself.
    pub fn unit((region, unit): (Region, OrgUnitId)) -> Self {
        Self { region, unit, left: None }
    }

    /// The day of a row about a cycle that ends with this one.
    pub fn day(&self, last: Option<Date>) -> Option<Date> {
        self.left.or(last)
    }
}

/// What one person got and why.
#[derive(Clone, Debug)]
pub struct Statement {
    pub id: StatementId,
    pub settlement: SettlementId,
    pub cycle: CycleId,
    pub region: Region,
    pub unit: OrgUnitId,
    pub person: PersonId,
    /// The last day of the cycle, or of the person in the unit; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
    /// Of all its amounts.
    pub currency: Currency,
    /// Nothing for somebody who gets adjustments alone.
    pub line: Option<PersonLine>,
}

impl Statement {
    /// What reading it is decided on.
    pub fn target(&self) -> Target {
        let place = Target::person(self.region.clone(), Some(self.unit), self.person);
        Target { moment: self.last_day.map(Moment::Day), ..place }
    }
}

/// The line of a statement as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptLine {
    /// Nothing for somebody who gets adjustments alone.
    There(Option<Box<PersonLine>>),
    /// It does not open, or does not add up: not what was written.
    Unreadable,
}

/// What one person gets and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLine {
    pub person: PersonId,
    pub employee_no: String,
    pub score: Micro,
    /// Minor units in all.
    pub minor: i64,
    /// What an equal split of the money paid to people (the pool without funds) would have given, in minor units.
    pub equal_split_minor: i64,
    /// One line for each part that goes to people, in the parts' order.
    pub parts: Vec<PartLine>,
}

/// How a part was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RuleKind {
    Tiers,
    /// In proportion to the score above a floor.
    Proportional,
}

/// One amount of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLine {
    /// Which part, from 0.
    pub part: u32,
    pub rule: RuleKind,
    /// Its share of the pool.
    pub share: Ppm,
    /// Its money, in minor units.
    pub part_minor: i64,
    /// The person's amount, in minor units.
    pub minor: i64,
    /// The tier, where one is reached.
    pub tier: Option<String>,
    /// The floor, where the part is proportional.
    pub floor: Option<Micro>,
    pub weight: Micro,
    /// The sum of everybody's weights.
    pub weight_sum: Micro,
    /// The exact amount before rounding, `part_minor * weight / weight_sum` in minor units, to six places.
    pub exact: Micro,
    /// Odd units that the whole amounts of all left to give out in this part.
    pub odd_units: u32,
    /// Whether one of them came here.
    pub odd_unit: bool,
    /// What earlier settlements left the person owed, in billionths of a minor unit; nothing where the rule does not
    /// carry.
    pub carry_in: Option<i64>,
    /// The same after this part.
    pub carry_out: Option<i64>,
}

impl PersonLine {
    /// The whole amount, beside what an equal split would have paid.
    pub fn explain(&self, currency: Currency) -> Message {
        let money = |minor| Money::new(minor, currency);
        let than = match self.minor.cmp(&self.equal_split_minor) {
            Ordering::Less => "less",
            Ordering::Equal => "same",
            Ordering::Greater => "more",
        };
        let (paid, equal) = (money(self.minor), money(self.equal_split_minor));
        let difference = money((self.minor - self.equal_split_minor).abs());
        msg!("STATEMENT_AMOUNT", paid, score = self.score, than, difference, equal)
    }
}

impl PartLine {
    /// The amount: tier, weight, share of the sum, rounding, carry.
    pub fn explain(&self, currency: Currency) -> Message {
        let money = |minor| Money::new(minor, currency);
        let (number, share, part) = (self.part + 1, self.share, money(self.part_minor));
        let (floor, amount) = (self.floor.unwrap_or_default(), money(self.minor));
        let claim = match (self.rule, &self.tier) {
            (RuleKind::Tiers, None) => {
                return msg!("STATEMENT_WITHOUT_TIER", number, share, part, amount);
            }
            (RuleKind::Tiers, Some(tier)) if self.weight == Micro::ZERO => {
                return msg!("STATEMENT_TIER_WITHOUT_WEIGHT", number, share, part, tier = *tier, amount);
            }
            (RuleKind::Tiers, Some(tier)) => msg!("STATEMENT_BY_TIER", tier = *tier, weight = self.weight),
            (RuleKind::Proportional, _) if self.weight == Micro::ZERO => {
                return msg!("STATEMENT_NOT_ABOVE_FLOOR", number, share, part, floor, amount);
            }
            (RuleKind::Proportional, _) if floor != Micro::ZERO => {
                msg!("STATEMENT_ABOVE_FLOOR", floor, points = self.weight)
            }
            (RuleKind::Proportional, _) => msg!("STATEMENT_BY_SCORE", points = self.weight),
        };
        msg!(
            "STATEMENT_PART",
            number,
            share,
            part,
            claim,
            sum = self.weight_sum,
            major = part.major(),
            weight = self.weight,
            rounded = self.rounded(currency),
            carried = self.carried(),
            amount,
        )
    }

    fn rounded(&self, currency: Currency) -> Message {
        let money = |minor| Money::new(minor, currency);
        let (whole, smallest) = (money(self.whole()), money(1));
        let Some(fraction) = self.fraction() else { return msg!("STATEMENT_EXACT", whole) };
        let came = if self.odd_unit { "yes" } else { "no" };
        msg!("STATEMENT_ROUNDED", whole, fraction, smallest, came, units = self.odd_units)
    }

    /// What was carried over; empty where nothing is.
    fn carried(&self) -> Arg {
        match (self.carry_in, self.carry_out) {
            (Some(before), Some(after)) => {
                Arg::Message(msg!("STATEMENT_CARRIED", before = carried(before), after = carried(after)))
            }
            (None, _) | (_, None) => Arg::Text(String::new()),
        }
    }

    /// The exact amount's whole minor units.
    fn whole(&self) -> i64 {
        self.minor - i64::from(self.odd_unit)
    }

    /// What the exact amount has beyond them, to six places; nothing where it is whole.
    fn fraction(&self) -> Option<String> {
        let millionths = self.exact.millionths() - self.whole().checked_mul(Micro::ONE.millionths())?;
        let exact = i128::from(self.part_minor) * i128::from(self.weight.millionths())
            % i128::from(self.weight_sum.millionths());
        (exact != 0).then(|| Micro::from_millionths(millionths).to_string())
    }
}

/// A balance in minor units with all nine digits that matter.
fn carried(billionths: i64) -> String {
    let (sign, abs, scale) =
        (if billionths < 0 { "-" } else { "" }, billionths.unsigned_abs(), CARRY_SCALE.unsigned_abs());
    let text = format!("{sign}{}.{:09}", abs / scale, abs % scale);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
