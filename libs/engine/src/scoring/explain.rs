//! A card in words, in English and Chinese, one sentence a line. The digits are those of the trace.

use tally_kernel::Micro;

use super::{
    Basis, Collaboration, Direction, Dropped, Limit, Line, Measure, MeasureKind, Next, Normalisation, ScoreCard,
};

impl Line {
    /// The line in one English sentence.
    pub fn explain_en(&self) -> String {
        let name = self.name_en();
        let reason = match self.dropped {
            Some(Dropped::NobodyHasData) => Some("nobody has data in the period, so it is dropped for everybody"),
            Some(Dropped::NoDataOfPerson) => Some("there is no data of this person, so it is dropped here"),
            Some(Dropped::NoTarget) => Some("the median that would be its target is not above zero, so it is dropped"),
            None => None,
        };
        if let Some(reason) = reason {
            return format!(
                "{name}: {reason}, and its weight of {} is spread over the other indicators in proportion.",
                self.scheme_weight
            );
        }
        let (Some(adjusted), Some(points)) = (self.adjusted, self.normalised) else {
            return format!("{name}: not scored.");
        };
        let unit = self.unit_en();
        let mut text = match (self.raw, self.measure.kind()) {
            (Some(raw), MeasureKind::Count) => format!("{name}: {raw}{unit}"),
            (Some(raw), _) => format!("{name}: {raw}{unit} on {} records", self.n),
            (None, _) => format!("{name}: not measured"),
        };
        if let Some(rule) = self.small_sample {
            text += &format!(
                "; below {} records the missing ones count as average ({}{unit}), which gives {adjusted}{unit}",
                rule.below, rule.group
            );
        }
        text += &match self.target {
            Some(target) => format!(
                "; against the target of {}{unit} ({}) that is {points} points",
                target.value,
                basis_en(target.basis)
            ),
            None => format!("; {} makes that {points} points", self.normalisation_en()),
        };
        text += match self.limit {
            Some(Limit::Cap) => " (the cap)",
            Some(Limit::Floor) => " (the floor)",
            None => "",
        };
        text += &format!("; times weight {} %", self.weight);
        if self.weight != self.scheme_weight {
            text += &format!(" ({} in the scheme, and a part of what dropped indicators left)", self.scheme_weight);
        }
        format!("{text} gives {}.", self.weighted)
    }

    /// The line in one Chinese sentence.
    pub fn explain_zh(&self) -> String {
        let name = self.name_zh();
        let reason = match self.dropped {
            Some(Dropped::NobodyHasData) => Some("本周期无人有数据，对所有人剔除"),
            Some(Dropped::NoDataOfPerson) => Some("本人没有数据，在此剔除"),
            Some(Dropped::NoTarget) => Some("作为目标的中位数不大于零，予以剔除"),
            None => None,
        };
        if let Some(reason) = reason {
            return format!("{name}：{reason}，其权重 {} 按比例分摊到其他指标。", self.scheme_weight);
        }
        let (Some(adjusted), Some(points)) = (self.adjusted, self.normalised) else {
            return format!("{name}：未评分。");
        };
        let unit = self.unit_zh();
        let mut text = match (self.raw, self.measure.kind()) {
            (Some(raw), MeasureKind::Count) => format!("{name}：{raw}{unit}"),
            (Some(raw), _) => format!("{name}：{} 条记录中为 {raw}{unit}", self.n),
            (None, _) => format!("{name}：未测得"),
        };
        if let Some(rule) = self.small_sample {
            text += &format!(
                "；不足 {} 条，缺少部分按平均水平（{}{unit}）计入，得 {adjusted}{unit}",
                rule.below, rule.group
            );
        }
        text += &match self.target {
            Some(target) => format!("；对照目标 {}{unit}（{}）得 {points} 分", target.value, basis_zh(target.basis)),
            None => format!("；{}得 {points} 分", self.normalisation_zh()),
        };
        text += match self.limit {
            Some(Limit::Cap) => "（封顶）",
            Some(Limit::Floor) => "（保底）",
            None => "",
        };
        text += &format!("；乘以权重 {} %", self.weight);
        if self.weight != self.scheme_weight {
            text += &format!("（方案权重 {}，含剔除指标分摊的部分）", self.scheme_weight);
        }
        format!("{text}，计 {} 分。", self.weighted)
    }

    /// What the next improvement would be worth, in English; empty where none is possible.
    pub fn next_en(&self) -> String {
        let Some(Next { step, gain }) = self.next else { return String::new() };
        let change = match (self.measure.kind(), self.direction) {
            (MeasureKind::Rate, Direction::Higher) => format!("{step} percentage point more"),
            (MeasureKind::Rate, Direction::Lower) => format!("{step} percentage point less"),
            (MeasureKind::Count, Direction::Higher) if self.unit.is_empty() => format!("{step} more credited record"),
            (MeasureKind::Count, Direction::Lower) if self.unit.is_empty() => format!("{step} fewer credited record"),
            (_, Direction::Higher) => format!("{step}{} more", self.unit_en()),
            (_, Direction::Lower) => format!("{step}{} less", self.unit_en()),
        };
        match (gain == Micro::ZERO, self.limit) {
            (true, Some(Limit::Cap)) => format!("{change} would add nothing: the cap is reached."),
            (true, _) => format!("{change} alone would add nothing."),
            (false, _) => format!("{change} would add {gain} points."),
        }
    }

    /// What the next improvement would be worth, in Chinese; empty where none is possible.
    pub fn next_zh(&self) -> String {
        let Some(Next { step, gain }) = self.next else { return String::new() };
        let change = match (self.measure.kind(), self.direction) {
            (MeasureKind::Rate, Direction::Higher) => format!("再提高 {step} 个百分点"),
            (MeasureKind::Rate, Direction::Lower) => format!("再降低 {step} 个百分点"),
            (_, Direction::Higher) => format!("再增加 {step}{}", self.unit_zh()),
            (_, Direction::Lower) => format!("再减少 {step}{}", self.unit_zh()),
        };
        match (gain == Micro::ZERO, self.limit) {
            (true, Some(Limit::Cap)) => format!("{change}不再加分：已封顶。"),
            (true, _) => format!("仅{change}不加分。"),
            (false, _) => format!("{change}可加 {gain} 分。"),
        }
    }

    fn name_en(&self) -> &str {
        match &self.measure {
            Measure::CreditedRecords => "Credited records",
            Measure::FirstReplyWithin30s => "First reply within 30 s",
            Measure::Resolved => "Resolved",
            Measure::RatingAtLeast4 => "Rating at least 4 of 5",
            Measure::Amount => "Sales amount",
            Measure::Custom(_) => &self.kpi,
        }
    }

    fn name_zh(&self) -> &str {
        match &self.measure {
            Measure::CreditedRecords => "归属记录数",
            Measure::FirstReplyWithin30s => "30 秒首响率",
            Measure::Resolved => "解决率",
            Measure::RatingAtLeast4 => "好评率（4 分及以上）",
            Measure::Amount => "销售额",
            Measure::Custom(_) => &self.kpi,
        }
    }

    fn unit_en(&self) -> String {
        match self.measure.kind() {
            _ if !self.unit.is_empty() => format!(" {}", self.unit),
            MeasureKind::Count => " records".to_owned(),
            MeasureKind::Rate => " %".to_owned(),
            MeasureKind::Sum | MeasureKind::Mean => String::new(),
        }
    }

    fn unit_zh(&self) -> String {
        match self.measure.kind() {
            _ if !self.unit.is_empty() => format!(" {}", self.unit),
            MeasureKind::Count => " 条".to_owned(),
            MeasureKind::Rate => " %".to_owned(),
            MeasureKind::Sum | MeasureKind::Mean => String::new(),
        }
    }

    fn normalisation_en(&self) -> &'static str {
        match self.normalisation {
            Normalisation::TargetPiecewise => "the target",
            Normalisation::MinMax => "the place between the worst and the best of the group",
            Normalisation::Percentile => "the percentage of the group that is no better",
            Normalisation::TScore => "the distance from the group's mean in standard deviations",
            Normalisation::ForcedDistribution => "the band of the place in the group",
        }
    }

    fn normalisation_zh(&self) -> &'static str {
        match self.normalisation {
            Normalisation::TargetPiecewise => "按目标",
            Normalisation::MinMax => "按在全组最差与最好之间的位置",
            Normalisation::Percentile => "按全组不优于本人的百分比",
            Normalisation::TScore => "按与全组均值相差的标准差数",
            Normalisation::ForcedDistribution => "按名次所在的分布档",
        }
    }
}

impl ScoreCard {
    /// The whole card in one English sentence.
    pub fn explain_en(&self) -> String {
        let mut text = format!("Score {}, rank {} of {}", self.score, self.rank, self.of);
        if let Some(grade) = &self.grade {
            text += &format!(", grade {grade}");
        }
        if let Some(Collaboration { outside, credited, points }) = &self.collaboration {
            text += &format!(
                "; {points} of it for collaboration: {outside} of {credited} records were outside the own roster or team"
            );
        }
        text + "."
    }

    /// The whole card in one Chinese sentence.
    pub fn explain_zh(&self) -> String {
        let mut text = format!("总分 {}，第 {} 名（共 {} 人）", self.score, self.rank, self.of);
        if let Some(grade) = &self.grade {
            text += &format!("，等级 {grade}");
        }
        if let Some(Collaboration { outside, credited, points }) = &self.collaboration {
            text += &format!("；其中协作 {points} 分：{credited} 条记录中有 {outside} 条在本人排班或团队之外");
        }
        text + "。"
    }
}

fn basis_en(basis: Basis) -> String {
    match basis {
        Basis::Scheme => "set by the scheme".to_owned(),
        Basis::TeamMedian { people } => format!("median of the {people} people of the team"),
        Basis::GroupMedian { people } => format!("median of all {people} people, the team being too small"),
    }
}

fn basis_zh(basis: Basis) -> String {
    match basis {
        Basis::Scheme => "方案规定".to_owned(),
        Basis::TeamMedian { people } => format!("本团队 {people} 人的中位数"),
        Basis::GroupMedian { people } => format!("团队人数过少，取全部 {people} 人的中位数"),
    }
}
