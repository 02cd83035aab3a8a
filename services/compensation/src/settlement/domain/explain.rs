//! A statement in words, in English and Chinese. Every number is one of the line's own; nothing is rounded for show.

use tally_kernel::apportion::CARRY_SCALE;
use tally_kernel::{Currency, Micro, Money};

use super::{Delta, PartLine, PersonLine, RuleKind};

impl PersonLine {
    /// The whole amount in one English sentence, beside what an equal split would have paid.
    pub fn explain_en(&self, currency: Currency) -> String {
        let (paid, equal, difference) = self.beside_equal(currency);
        let than = match self.minor.cmp(&self.equal_split_minor) {
            std::cmp::Ordering::Less => format!("{difference} less than"),
            std::cmp::Ordering::Equal => "the same as".to_owned(),
            std::cmp::Ordering::Greater => format!("{difference} more than"),
        };
        format!("{paid} for a score of {}: {than} the {equal} that an equal split would have paid.", self.score)
    }

    /// The whole amount in one Chinese sentence, beside what an equal split would have paid.
    pub fn explain_zh(&self, currency: Currency) -> String {
        let (paid, equal, difference) = self.beside_equal(currency);
        let than = match self.minor.cmp(&self.equal_split_minor) {
            std::cmp::Ordering::Less => format!("少 {difference}"),
            std::cmp::Ordering::Equal => "相同".to_owned(),
            std::cmp::Ordering::Greater => format!("多 {difference}"),
        };
        format!("得分 {}，发放 {paid}；若平均分配为 {equal}，{than}。", self.score)
    }

    fn beside_equal(&self, currency: Currency) -> (Money, Money, Money) {
        let money = |minor| Money::new(minor, currency);
        let difference = (self.minor - self.equal_split_minor).abs();
        (money(self.minor), money(self.equal_split_minor), money(difference))
    }
}

impl PartLine {
    /// The amount in one English sentence: tier, weight, share of the sum, rounding, carry.
    pub fn explain_en(&self, currency: Currency) -> String {
        let money = |minor| Money::new(minor, currency);
        let part = money(self.part_minor);
        let head = format!("Part {} ({} of the pool, {part})", self.part + 1, self.share);
        let claim = match (self.rule, &self.tier, self.floor) {
            (RuleKind::Tiers, None, _) => {
                return format!("{head}, by tiers: the score reaches no tier, so {}.", money(self.minor));
            }
            (RuleKind::Tiers, Some(tier), _) if self.weight == Micro::ZERO => {
                return format!("{head}, by tiers: tier {tier} has no weight, so {}.", money(self.minor));
            }
            (RuleKind::Tiers, Some(tier), _) => format!("by tiers: tier {tier} weighs {}", self.weight),
            (RuleKind::Proportional, _, floor) if self.weight == Micro::ZERO => {
                let floor = floor.unwrap_or_default();
                return format!(
                    "{head}, in proportion to the score: it is not above {floor}, so {}.",
                    money(self.minor)
                );
            }
            (RuleKind::Proportional, _, Some(floor)) if floor != Micro::ZERO => {
                format!("in proportion to the score above {floor}: {} points", self.weight)
            }
            (RuleKind::Proportional, _, _) => format!("in proportion to the score: {} points", self.weight),
        };
        let mut text = format!(
            "{head}, {claim} of {} in all; {} × {} / {}",
            self.weight_sum,
            part.major(),
            self.weight,
            self.weight_sum
        );
        let whole = money(self.whole());
        match self.fraction() {
            None => text += &format!(" = {whole} exactly"),
            Some(fraction) => {
                let smallest = money(1);
                text += &format!(" = {whole} and {fraction} of {smallest}");
                text += &match self.odd_unit {
                    true => format!("; one of the {} odd units of {smallest} came here", self.odd_units),
                    false => format!("; none of the {} odd units of {smallest} came here", self.odd_units),
                };
            }
        }
        if let (Some(before), Some(after)) = (self.carry_in, self.carry_out) {
            text += &format!("; carried from before {}, carried on {}", carried(before), carried(after));
        }
        format!("{text}; so {}.", money(self.minor))
    }

    /// The amount in one Chinese sentence: tier, weight, share of the sum, rounding, carry.
    pub fn explain_zh(&self, currency: Currency) -> String {
        let money = |minor| Money::new(minor, currency);
        let part = money(self.part_minor);
        let head = format!("第 {} 部分（奖金池的 {}，{part}）", self.part + 1, self.share);
        let claim = match (self.rule, &self.tier, self.floor) {
            (RuleKind::Tiers, None, _) => {
                return format!("{head}按等级分配：得分未达任何等级，计 {}。", money(self.minor));
            }
            (RuleKind::Tiers, Some(tier), _) if self.weight == Micro::ZERO => {
                return format!("{head}按等级分配：等级 {tier} 权重为零，计 {}。", money(self.minor));
            }
            (RuleKind::Tiers, Some(tier), _) => format!("按等级分配：等级 {tier}，权重 {}", self.weight),
            (RuleKind::Proportional, _, floor) if self.weight == Micro::ZERO => {
                let floor = floor.unwrap_or_default();
                return format!("{head}按得分比例分配：得分不高于 {floor}，计 {}。", money(self.minor));
            }
            (RuleKind::Proportional, _, Some(floor)) if floor != Micro::ZERO => {
                format!("按超过 {floor} 的得分比例分配：{} 分", self.weight)
            }
            (RuleKind::Proportional, _, _) => format!("按得分比例分配：{} 分", self.weight),
        };
        let mut text = format!(
            "{head}{claim}，总和 {}；{} × {} / {}",
            self.weight_sum,
            part.major(),
            self.weight,
            self.weight_sum
        );
        let whole = money(self.whole());
        match self.fraction() {
            None => text += &format!(" 恰为 {whole}"),
            Some(fraction) => {
                let smallest = money(1);
                text += &format!(" = {whole} 又 {smallest} 的 {fraction}");
                text += &match self.odd_unit {
                    true => format!("；{} 个零头（每个 {smallest}）中分得 1 个", self.odd_units),
                    false => format!("；{} 个零头（每个 {smallest}）中未分得", self.odd_units),
                };
            }
        }
        if let (Some(before), Some(after)) = (self.carry_in, self.carry_out) {
            text += &format!("；上期结转 {}，转入下期 {}", carried(before), carried(after));
        }
        format!("{text}；计 {}。", money(self.minor))
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
    /// The difference in one English sentence.
    pub fn explain_en(&self, currency: Currency) -> String {
        let money = |minor| Money::new(minor, currency);
        match self.delta {
            0 => format!("Nothing changes: {} as paid.", money(self.after)),
            delta => format!(
                "{} paid so far and {} by this correction make {}.",
                money(self.before),
                money(delta),
                money(self.after)
            ),
        }
    }

    /// The difference in one Chinese sentence.
    pub fn explain_zh(&self, currency: Currency) -> String {
        let money = |minor| Money::new(minor, currency);
        match self.delta {
            0 => format!("无变化：已发放 {}。", money(self.after)),
            delta => format!("已发放 {}，本次更正 {}，合计 {}。", money(self.before), money(delta), money(self.after)),
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
