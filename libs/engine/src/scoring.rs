//! Scoring: a pure function from a scheme and what people did to score cards with their whole trace.
//!
//! Every number is a [`Micro`]: each named step (value, small-sample value, target, points, weight, weighted points,
//! score) is rounded to six places half to even, and later steps use the rounded numbers, so anybody can check a card
//! with a pocket calculator. Inputs are exact integer sums, the order of people does not matter, and equal people get
//! equal points.
//!
//! The steps for one indicator of one person:
//! 1. *value*: a count, a percentage, a sum or a mean of the credited records, shares of records counted as parts;
//! 2. *small-sample rule*: with fewer than `m` measured records the missing ones are counted as average ones of the
//!    group, `(n * value + (m - n) * group) / m`. This is the posterior mean under a prior at the group's pooled value
//!    whose strength fades out at `m` records: two good ratings of two do not outrank 190 of 200, nothing jumps at
//!    `m`, and large samples stay as they are. Without any measured record the person counts as
//!    average; without any credited record there is nothing to fill up;
//! 3. *points* by the scheme's normalisation, within floor and cap;
//! 4. *weight*: an indicator that cannot be counted (nobody has data, the person has none and no small-sample rule
//!    helps, the target is not above zero, or somebody's number is beyond what is computed with) is dropped, and its
//!    weight is spread over the others in proportion, summing to exactly 100 again;
//! 5. *weighted points* `points * weight / 100`; the score is their sum and the collaboration points.
//!
//! Equal scores share a rank. A tie at the edge of a quota (grades, bands) goes to the better side.

mod bounds;
mod column;
mod curve;
pub mod definition;
mod derive;
mod difference;
mod error;
mod explain;
mod interval;
mod measure;
mod problem;
mod refine;
mod scheme;
mod sound;
mod supplied;
mod told;
mod trace;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tally_kernel::Micro;
use tally_kernel::apportion;
use tally_kernel::id::{OrgUnitId, PersonId};

pub use self::bounds::{Bounds, Extra, KpiBounds, Span};
use self::column::{Column, Curves, Measured, Values};
use self::curve::Curve;
pub use self::difference::difference;
use self::error::NotCounted;
pub use self::error::{Beyond, CardError};
pub use self::interval::wilson_90;
pub use self::measure::{Direction, Measure, MeasureKind};
pub use self::problem::{ProblemKind, SchemeProblem, invalid};
pub use self::refine::{check, violations};
pub use self::scheme::{Band, Grade, Kpi, Normalisation, Scheme, Target};
pub use self::sound::unsound;
pub use self::supplied::{SUPPLIED, copy_named, supplied};
pub use self::trace::{Basis, Collaboration, Dropped, Limit, Line, Next, Past, ScoreCard, SmallSample, TargetUsed};

/// Most collaboration points.
pub const COLLABORATION_CAP: Micro = Micro::from_int(5);
/// People with data that a team needs before its own median is a target.
pub const MIN_TEAM: usize = 3;
/// Millionths in one record.
const RECORD: i128 = 1_000_000;

/// Share-weighted sums over the records of a person that have one measure. Exact; parts of a month merge in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Sum of share (millionths) times value (millionths; yes is one, no is zero). JSON keeps it as text, since its
    /// numbers end at 64 bits.
    #[serde(with = "text")]
    pub sum: i128,
    /// Sum of shares (millionths of records) that have a value.
    pub ppm: u64,
}

mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(n: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(n)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Sample {
    /// Adds a record's share with a yes or no.
    pub fn add_flag(&mut self, share_ppm: u32, yes: bool) {
        self.add(share_ppm, if yes { Micro::ONE } else { Micro::ZERO });
    }

    /// Adds a record's share with a number. A month's sum stays far below the reach of 128 bits.
    pub fn add(&mut self, share_ppm: u32, value: Micro) {
        self.sum += i128::from(share_ppm) * i128::from(value.millionths());
        self.ppm += u64::from(share_ppm);
    }

    /// Adds another part of the month.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.ppm += other.ppm;
    }
}

/// What one person did in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonInputs {
    /// Who.
    pub person: PersonId,
    /// The person's org unit at the end of the period: the team of the team's median.
    pub unit: OrgUnitId,
    /// Credited millionths of records.
    pub credited_ppm: u64,
    /// Of these outside the person's own roster or team; nothing where rosters are not known.
    pub outside_ppm: Option<u64>,
    /// Samples by the name of their measure ([`Measure::name`]); credited records have none, and those of derived measures are
    /// worked out from the others.
    pub samples: BTreeMap<String, Sample>,
    /// The person's own values of before, by the name of their measure, the newest first: a trend is against their mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub past: BTreeMap<String, Vec<Past>>,
}

/// What a measure is of each of these people, rounded; nothing of whom nothing is measured.
pub fn values(scheme: &Scheme, inputs: &[PersonInputs], measure: &str) -> Vec<Option<Micro>> {
    derive::values(scheme, inputs, measure)
}

/// The measures that the trends of a scheme are of.
pub fn trends(scheme: &Scheme) -> BTreeSet<&str> {
    derive::trends(scheme)
}

/// What the trends of a scheme are of that one of its indicators is computed from: of what cards name the values of before.
pub fn told_of_past(scheme: &Scheme) -> BTreeSet<&str> {
    scheme.kpis.iter().flat_map(|kpi| derive::trends_under(scheme, &kpi.measure)).collect()
}

/// Whether a measure is computed from what was before.
pub fn looks_back(scheme: &Scheme, measure: &str) -> bool {
    !derive::trends_under(scheme, &Measure::from(measure.to_owned())).is_empty()
}

/// Whether a measure is the same in two schemes, with all that it is computed from.
pub fn is_same(one: &Scheme, other: &Scheme, measure: &str) -> bool {
    derive::is_same(one, other, measure)
}

/// Scores everybody. Cards come by rank and person.
///
/// # Errors
/// [`CardError`].
pub fn score(scheme: &Scheme, inputs: &[PersonInputs]) -> Result<Vec<ScoreCard>, CardError> {
    scheme.validate(None).map_err(CardError::Scheme)?;
    let inputs = derive::complete(scheme, inputs);
    let people = sorted(scheme, &inputs)?;
    let mut lines: Vec<Vec<Line>> = vec![Vec::with_capacity(scheme.kpis.len()); people.len()];
    let mut curves = Vec::with_capacity(scheme.kpis.len());
    for kpi in &scheme.kpis {
        let kpi = &Measured { kpi, definition: scheme.defined(&kpi.measure) };
        let (of_each, by_person) = match counted(kpi, &people) {
            Err(NotCounted::TooLarge(whose)) => (left_out(kpi, &people, &whose), vec![None; people.len()]),
            Err(NotCounted::Fault(error)) => return Err(error),
            Ok(counted) => counted,
        };
        lines.iter_mut().zip(of_each).for_each(|(lines, line)| lines.push(line));
        curves.push(by_person);
    }
    let mut cards = Vec::with_capacity(people.len());
    for (i, (person, mut lines)) in people.into_iter().zip(lines).enumerate() {
        weigh(&mut lines, person)?;
        for ((line, kpi), by_person) in lines.iter_mut().zip(&scheme.kpis).zip(&curves) {
            line.next = next(line, kpi, by_person[i].as_deref());
            derive::tell_past(scheme, person, line);
        }
        cards.push(card(scheme, person, lines)?);
    }
    rank(scheme, &mut cards)?;
    Ok(cards)
}

/// An indicator's lines and curves.
fn counted(kpi: &Measured, people: &[&PersonInputs]) -> Result<(Vec<Line>, Curves), NotCounted> {
    let column = Column::of(kpi, people)?;
    let by_person = column.curves(kpi.kpi, people)?;
    let of_each = people.iter().zip(&column.values).zip(by_person.iter().map(Option::as_deref));
    let lines = of_each.map(|((person, values), curve)| {
        line(kpi, values, &column, curve).ok_or_else(|| NotCounted::TooLarge(vec![person.person]))
    });
    Ok((lines.collect::<Result<_, _>>()?, by_person))
}

/// The lines of an indicator with a number beyond what is computed with: it counts for nobody, since points and medians are
/// among all; what else was measured stands.
fn left_out(kpi: &Measured, people: &[&PersonInputs], whose: &[PersonId]) -> Vec<Line> {
    let line = |p: &&PersonInputs| {
        let dropped = if whose.contains(&p.person) { Dropped::TooLarge } else { Dropped::TooLargeElsewhere };
        Line { dropped: Some(dropped), ..unscored(kpi) }
    };
    people.iter().map(line).collect()
}

/// People by id, each once, with sums that make sense.
fn sorted<'a>(scheme: &Scheme, inputs: &'a [PersonInputs]) -> Result<Vec<&'a PersonInputs>, CardError> {
    let mut people: Vec<&PersonInputs> = inputs.iter().collect();
    people.sort_by_key(|p| p.person);
    if people.is_empty() {
        return Err(CardError::NoPeople);
    }
    if let Some(pair) = people.windows(2).find(|pair| pair[0].person == pair[1].person) {
        return Err(CardError::DuplicatePerson(pair[0].person));
    }
    for p in &people {
        let impossible = |measure: &str| CardError::Impossible { person: p.person, measure: measure.to_owned() };
        if p.outside_ppm.is_some_and(|outside| outside > p.credited_ppm) {
            return Err(impossible("credited_records"));
        }
        for (name, sample) in &p.samples {
            let measure = Measure::from(name.clone());
            let (of_records, rate) = match scheme.defined(&measure) {
                Some(definition) => (definition.of.is_of_records(), definition.of.is_part_of_whole()),
                None => (true, measure.kind() == MeasureKind::Rate),
            };
            let within = (0..=i128::from(sample.ppm) * RECORD).contains(&sample.sum);
            let too_many = of_records && sample.ppm > p.credited_ppm;
            if too_many || (rate && !within) || (sample.ppm == 0 && sample.sum != 0) {
                return Err(impossible(name));
            }
        }
    }
    Ok(people)
}

/// Nothing where a number is too large.
fn line(kpi: &Measured, values: &Values, column: &Column, curve: Option<&Curve>) -> Option<Line> {
    let points = match (curve, values.adjusted) {
        (Some(curve), Some(value)) => Some(curve.points(value)?),
        _ => None,
    };
    let dropped = match points {
        Some(_) => None,
        None if !column.somebody_has_data => Some(Dropped::NobodyHasData),
        None if values.adjusted.is_none() => Some(Dropped::NoDataOfPerson),
        None => Some(Dropped::NoTarget),
    };
    Some(Line {
        n: records(values.n_ppm)?,
        raw: values.raw,
        adjusted: values.adjusted,
        small_sample: values.small_sample,
        target: curve.and_then(Curve::target_used),
        normalised: points.map(|(points, _)| points),
        limit: points.and_then(|(_, limit)| limit),
        dropped,
        ..unscored(kpi)
    })
}

/// A line of an indicator before anything is known.
fn unscored(measured: &Measured) -> Line {
    let Measured { kpi, definition } = measured;
    let own = definition.filter(|_| kpi.unit.is_empty());
    Line {
        kpi: kpi.key.clone(),
        measure: kpi.measure.clone(),
        of: definition.map(|definition| definition.of.clone()),
        unit: own.map_or(&kpi.unit, |definition| &definition.unit).clone(),
        standard_unit: own.map_or(kpi.standard_unit, |definition| definition.standard_unit),
        direction: kpi.direction,
        normalisation: kpi.normalisation,
        n: Micro::ZERO,
        raw: None,
        past: BTreeMap::new(),
        adjusted: None,
        small_sample: None,
        target: None,
        normalised: None,
        limit: None,
        scheme_weight: kpi.weight,
        weight: Micro::ZERO,
        weighted: Micro::ZERO,
        dropped: None,
        next: None,
    }
}

/// Spreads 100 over the indicators that count, in proportion to the scheme's weights, and weighs the points.
fn weigh(lines: &mut [Line], person: &PersonInputs) -> Result<(), CardError> {
    let live: Vec<(String, u128)> = lines
        .iter()
        .filter(|line| line.dropped.is_none())
        .map(|line| (line.kpi.clone(), u128::from(line.scheme_weight.millionths().unsigned_abs())))
        .collect();
    if live.is_empty() {
        return Ok(());
    }
    let too_large = |_| CardError::TooLarge(Beyond::Score(person.person));
    let spread = apportion::split_by_id(scheme::WEIGHT_SUM.millionths(), &live).map_err(too_large)?;
    let spread: BTreeMap<String, i64> = spread.into_iter().collect();
    for line in lines.iter_mut() {
        line.weight = Micro::from_millionths(spread.get(&line.kpi).copied().unwrap_or(0));
        let points = line.normalised.unwrap_or_default();
        let weighted = points.mul_div(line.weight, Micro::HUNDRED);
        line.weighted = weighted.ok_or(CardError::TooLarge(Beyond::Score(person.person)))?;
    }
    Ok(())
}

/// What one step better would be worth, if anything: the same steps once more with the better value. Nothing where that is
/// beyond what is computed with.
fn next(line: &Line, kpi: &Kpi, curve: Option<&Curve>) -> Option<Next> {
    let (Some(curve), Some(raw), Some(adjusted), None) = (curve, line.raw, line.adjusted, line.dropped) else {
        return None;
    };
    let lower = kpi.direction == Direction::Lower;
    let step = match line.kind() {
        MeasureKind::Count if !lower => Micro::ONE,
        MeasureKind::Rate if !lower => Micro::ONE.min(Micro::HUNDRED.checked_sub(raw).unwrap_or_default()),
        MeasureKind::Count | MeasureKind::Rate => Micro::ONE.min(raw),
        MeasureKind::Sum | MeasureKind::Mean => match line.target {
            Some(target) => target.value.mul_div(Micro::ONE, Micro::HUNDRED)?,
            None => Micro::ONE,
        },
    };
    if step <= Micro::ZERO {
        return None;
    }
    // Below the small-sample number the records measured so far move the value by their part only.
    let moved = match line.small_sample {
        Some(rule) => Micro::ratio(i128::from(rule.below), 1).and_then(|below| step.mul_div(line.n, below)),
        None => Some(step),
    };
    let better = moved.and_then(|m| if lower { adjusted.checked_sub(m) } else { adjusted.checked_add(m) });
    let (points, _) = curve.points(better?)?;
    let gain = points.mul_div(line.weight, Micro::HUNDRED)?.checked_sub(line.weighted)?;
    Some(Next { step, gain: gain.max(Micro::ZERO) })
}

fn card(scheme: &Scheme, person: &PersonInputs, lines: Vec<Line>) -> Result<ScoreCard, CardError> {
    let too_large = || CardError::TooLarge(Beyond::Score(person.person));
    let collaboration = match person.outside_ppm {
        Some(outside) if scheme.collaboration => {
            let share = Micro::ratio(100 * i128::from(outside), i128::from(person.credited_ppm)).unwrap_or_default();
            Some(Collaboration {
                outside: records(outside).ok_or_else(too_large)?,
                credited: records(person.credited_ppm).ok_or_else(too_large)?,
                points: share.min(COLLABORATION_CAP),
            })
        }
        _ => None,
    };
    let extra = collaboration.as_ref().map_or(Micro::ZERO, |c| c.points);
    let sum = lines.iter().try_fold(extra, |sum, line| sum.checked_add(line.weighted));
    Ok(ScoreCard {
        person: person.person,
        unit: person.unit,
        score: sum.ok_or_else(too_large)?,
        rank: 0,
        of: 0,
        grade: None,
        collaboration,
        lines,
        credited_ppm: person.credited_ppm,
        outside_ppm: person.outside_ppm,
        kept: derive::kept(scheme, person),
    })
}

/// Sorts by score and person, gives ranks, and grades where the scheme has them.
fn rank(scheme: &Scheme, cards: &mut [ScoreCard]) -> Result<(), CardError> {
    cards.sort_by_key(|card| (std::cmp::Reverse(card.score), card.person));
    let of = count(cards.len());
    let mut place = (1, None);
    for (i, card) in cards.iter_mut().enumerate() {
        if place.1 != Some(card.score) {
            place = (count(i + 1), Some(card.score));
        }
        (card.rank, card.of) = (place.0, of);
    }
    let quotas: Vec<u128> = scheme.grades.iter().filter_map(|g| g.quota).map(|q| u128::from(q.get())).collect();
    if quotas.is_empty() {
        for card in cards.iter_mut() {
            let reached = |grade: &&Grade| grade.min_score.is_some_and(|min| card.score >= min);
            card.grade = scheme.grades.iter().find(reached).map(|grade| grade.name.clone());
        }
    } else {
        let scores: Vec<Micro> = cards.iter().map(|card| card.score).collect();
        let bands = apportion::bands(&scores, &quotas).map_err(|_| CardError::TooLarge(Beyond::Grades))?;
        for (card, band) in cards.iter_mut().zip(bands) {
            card.grade = scheme.grades.get(band).map(|grade| grade.name.clone());
        }
    }
    Ok(())
}

/// The mean of a sample, nothing without records.
fn mean(factor: i128, sample: &Sample) -> Option<Micro> {
    Micro::ratio(factor * sample.sum, i128::from(sample.ppm) * RECORD)
}

/// Millionths of records as a number of records.
fn records(ppm: u64) -> Option<Micro> {
    i64::try_from(ppm).ok().map(Micro::from_millionths)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Keys of samples that a scheme reads; anything else need not be summed.
pub fn measures_of(scheme: &Scheme) -> BTreeSet<&str> {
    scheme.kpis.iter().map(|kpi| kpi.measure.name()).collect()
}

#[cfg(test)]
mod tests;
