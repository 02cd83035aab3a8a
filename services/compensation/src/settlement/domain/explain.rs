//! A statement as sentences. Every number is one of the line's own; nothing is rounded for show.

use std::cmp::Ordering;

use tally_kernel::apportion::CARRY_SCALE;
use tally_kernel::message::Arg;
use tally_kernel::{Currency, Message, Micro, Money, msg};

use super::{Delta, PartLine, PersonLine, RuleKind};

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

impl Delta {
    /// The difference.
    pub fn explain(&self, currency: Currency) -> Message {
        let money = |minor| Money::new(minor, currency);
        match self.delta {
            0 => msg!("CORRECTION_NOTHING", amount = money(self.after)),
            delta => {
                let (before, after) = (money(self.before), money(self.after));
                msg!("CORRECTION", before, delta = money(delta), after)
            }
        }
    }
}

/// A balance in minor units with all nine digits that matter.
fn carried(billionths: i64) -> String {
    let (sign, abs, scale) =
        (if billionths < 0 { "-" } else { "" }, billionths.unsigned_abs(), CARRY_SCALE.unsigned_abs());
    let text = format!("{sign}{}.{:09}", abs / scale, abs % scale);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
