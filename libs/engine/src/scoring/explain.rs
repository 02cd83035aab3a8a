//! A card as sentences, one a line: which ones, and with which digits. The digits are those of the trace.

use tally_kernel::message::Arg;
use tally_kernel::{Message, Micro, msg};

use super::definition::{Aggregation, Of, OfRecords};
use super::{Basis, Collaboration, Direction, Dropped, Limit, Line, MeasureKind, Next, Normalisation, Past, ScoreCard};

impl Line {
    /// What the line was worth, step by step.
    pub fn explain(&self) -> Message {
        let name = self.name();
        let name = match &self.of {
            Some(of) => msg!("CARD_DEFINED", name, what = of.explain()),
            None => name,
        };
        if let Some(dropped) = self.dropped {
            let why = match dropped {
                Dropped::NobodyHasData => "nobody",
                Dropped::NoDataOfPerson => "person",
                Dropped::NoPast => "past",
                Dropped::NoTarget => "target",
                Dropped::TooLarge => "too_large",
                Dropped::TooLargeElsewhere => "too_large_elsewhere",
            };
            return msg!("CARD_LINE_DROPPED", name, why, weight = self.scheme_weight);
        }
        let (Some(adjusted), Some(points)) = (self.adjusted, self.normalised) else {
            return msg!("CARD_LINE_NOT_SCORED", name);
        };
        let limit = match self.limit {
            Some(Limit::Cap) => "cap",
            Some(Limit::Floor) => "floor",
            None => "none",
        };
        msg!(
            "CARD_LINE",
            name,
            measured = self.measured(),
            filled = self.filled(adjusted),
            points = self.points(points),
            limit,
            weight = self.weight,
            spread = if self.weight == self.scheme_weight { "no" } else { "yes" },
            scheme_weight = self.scheme_weight,
            weighted = self.weighted,
        )
    }

    pub(super) fn name(&self) -> Message {
        msg!("CARD_MEASURE", measure = self.measure.name(), kpi = self.kpi)
    }

    pub(super) fn measured(&self) -> Message {
        match (self.raw, self.kind()) {
            (Some(raw), _) if !self.past.is_empty() => {
                let of = self.past.iter().map(|(measure, past)| told(measure, past)).collect();
                msg!("CARD_AGAINST", value = self.value(raw), past = Arg::List(of))
            }
            (Some(raw), MeasureKind::Count) => self.value(raw),
            (Some(raw), _) if self.of.as_ref().is_some_and(|of| !of.is_of_records()) => self.value(raw),
            (Some(raw), _) => msg!("CARD_MEASURED", value = self.value(raw), records = self.n),
            (None, _) => msg!("CARD_NOT_MEASURED"),
        }
    }

    /// What the small-sample rule did; empty where it did nothing.
    fn filled(&self, adjusted: Micro) -> Arg {
        let Some(rule) = self.small_sample else { return Arg::Text(String::new()) };
        let (group, adjusted) = (self.value(rule.group), self.value(adjusted));
        Arg::Message(msg!("CARD_SMALL_SAMPLE", below = rule.below, group, adjusted))
    }

    fn points(&self, points: Micro) -> Message {
        if let Some(target) = self.target {
            let (basis, people) = match target.basis {
                Basis::Scheme => ("scheme", 0),
                Basis::TeamMedian { people } => ("team", people),
                Basis::GroupMedian { people } => ("group", people),
            };
            return msg!("CARD_POINTS_BY_TARGET", target = self.value(target.value), basis, people, points);
        }
        let by = match self.normalisation {
            Normalisation::TargetPiecewise => "target",
            Normalisation::MinMax => "min_max",
            Normalisation::Percentile => "percentile",
            Normalisation::TScore => "t_score",
            Normalisation::ForcedDistribution => "band",
        };
        msg!("CARD_POINTS_BY_PLACE", by, points)
    }

    /// What the next improvement would be worth; nothing where none is possible.
    pub fn explain_next(&self) -> Option<Message> {
        let Next { step, gain } = self.next?;
        let kind = match (self.kind(), self.direction) {
            (MeasureKind::Rate, Direction::Higher) => "rate_more",
            (MeasureKind::Rate, Direction::Lower) => "rate_less",
            (MeasureKind::Count, Direction::Higher) if self.unit.is_empty() && self.of.is_none() => "records_more",
            (MeasureKind::Count, Direction::Lower) if self.unit.is_empty() && self.of.is_none() => "records_fewer",
            (_, Direction::Higher) => "more",
            (_, Direction::Lower) => "less",
        };
        let effect = match (gain == Micro::ZERO, self.limit) {
            (true, Some(Limit::Cap)) => "capped",
            (true, _) => "nothing",
            (false, _) => "points",
        };
        let change = msg!("CARD_CHANGE", kind, step, amount = self.value(step));
        Some(msg!("CARD_NEXT", change, effect, gain))
    }

    fn counts_customers(&self) -> bool {
        matches!(&self.of, Some(Of::Record(OfRecords { aggregation: Aggregation::Distinct, .. })))
    }

    /// A number with the indicator's unit.
    fn value(&self, value: Micro) -> Message {
        let kind = match self.kind() {
            _ if !self.unit.is_empty() && self.standard_unit => "standard",
            _ if !self.unit.is_empty() => "own",
            MeasureKind::Count if self.counts_customers() => "customers",
            MeasureKind::Count => "records",
            MeasureKind::Rate => "percent",
            MeasureKind::Sum | MeasureKind::Mean => "bare",
        };
        msg!("CARD_VALUE", value, kind, unit = self.unit)
    }
}

/// The values of a measure that a trend was held against.
fn told(measure: &str, past: &[Past]) -> Message {
    let one = |past: &Past| msg!("CARD_PAST_VALUE", value = past.value, from = past.from, to = past.to);
    msg!("CARD_PAST", measure, values = Arg::List(past.iter().map(one).collect()))
}

impl ScoreCard {
    /// The whole card in one sentence.
    pub fn explain(&self) -> Message {
        let none = || Arg::Text(String::new());
        let grade = self.grade.as_ref().map_or_else(none, |grade| Arg::Message(msg!("CARD_GRADE", grade)));
        let told = |Collaboration { outside, credited, points }: &Collaboration| {
            Arg::Message(msg!("CARD_COLLABORATION", points, outside, credited))
        };
        let collaboration = self.collaboration.as_ref().map_or_else(none, told);
        msg!("CARD_SUMMARY", score = self.score, rank = self.rank, of = self.of, grade, collaboration)
    }
}
