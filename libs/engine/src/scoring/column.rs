//! One indicator of everybody: values, what the small-sample rule makes of them, and how they become points.

use std::collections::BTreeMap;
use std::rc::Rc;

use tally_kernel::id::OrgUnitId;
use tally_kernel::{Micro, micro};

use super::curve::Curve;
use super::definition::Definition;
use super::error::NotCounted;
use super::{
    Basis, Kpi, MIN_TEAM, MeasureKind, Normalisation, PersonInputs, RECORD, Sample, SmallSample, Target, TargetUsed,
    count, mean, records,
};

/// Of each person, in their order: how a value becomes points; nothing where the indicator cannot be counted.
pub(super) type Curves = Vec<Option<Rc<Curve>>>;

/// An indicator with what the scheme defines its measure to be.
pub(super) struct Measured<'a> {
    pub kpi: &'a Kpi,
    pub definition: Option<&'a Definition>,
}

impl Measured<'_> {
    pub fn kind(&self) -> MeasureKind {
        self.definition.map_or_else(|| self.kpi.measure.kind(), Definition::kind)
    }
}

/// One person's value of one indicator.
#[derive(Clone, Copy)]
pub(super) struct Values {
    pub n_ppm: u64,
    pub raw: Option<Micro>,
    pub adjusted: Option<Micro>,
    pub small_sample: Option<SmallSample>,
}

/// One indicator of everybody, in the order of people.
pub(super) struct Column {
    pub values: Vec<Values>,
    pub somebody_has_data: bool,
}

impl Column {
    pub fn of(measured: &Measured, people: &[&PersonInputs]) -> Result<Self, NotCounted> {
        let Measured { kpi, definition } = measured;
        let kind = measured.kind();
        // A rate is in percent.
        let factor = if kind == MeasureKind::Rate { 100 } else { 1 };
        let sample = |p: &PersonInputs| p.samples.get(kpi.measure.name()).copied().unwrap_or_default();
        let of_records = definition.is_none_or(|definition| definition.of.is_of_records());
        let mut pooled = Sample::default();
        people.iter().for_each(|p| pooled.merge(&sample(p)));
        let group = mean(factor, &pooled);
        let value = |p: &PersonInputs| {
            let s = sample(p);
            let (n_ppm, raw) = match kind {
                MeasureKind::Count if definition.is_none() => (p.credited_ppm, Some(records(p.credited_ppm)?)),
                MeasureKind::Count if s.ppm == 0 && definition.is_some_and(|of| !of.nothing_is_zero()) => (0, None),
                MeasureKind::Count => (s.ppm, Some(Micro::ratio(s.sum, RECORD * RECORD)?)),
                MeasureKind::Sum if s.ppm > 0 => (s.ppm, Some(Micro::ratio(s.sum, RECORD * RECORD)?)),
                MeasureKind::Sum => (0, None),
                MeasureKind::Rate | MeasureKind::Mean => (s.ppm, mean(factor, &s)),
            };
            let below = i128::from(kpi.small_sample) * RECORD;
            let missing = below - i128::from(n_ppm);
            let filled_up = missing > 0 && if of_records { p.credited_ppm > 0 } else { n_ppm > 0 };
            let small_sample = group.filter(|_| filled_up).map(|group| SmallSample { below: kpi.small_sample, group });
            let adjusted = match small_sample {
                Some(rule) => {
                    let filled = factor * s.sum + missing * i128::from(rule.group.millionths());
                    Some(Micro::ratio(filled, below * RECORD)?)
                }
                None => raw,
            };
            Some(Values { n_ppm, raw, adjusted, small_sample })
        };
        let values: Vec<Option<Values>> = people.iter().map(|p| value(p)).collect();
        let too_large =
            people.iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(p, _)| p.person).collect::<Vec<_>>();
        if !too_large.is_empty() {
            return Err(NotCounted::TooLarge(too_large));
        }
        let values = values.into_iter().flatten().collect();
        let somebody_has_data = match kind {
            MeasureKind::Count if definition.is_none() => people.iter().any(|p| p.credited_ppm > 0),
            MeasureKind::Count | MeasureKind::Rate | MeasureKind::Sum | MeasureKind::Mean => pooled.ppm > 0,
        };
        Ok(Self { values, somebody_has_data })
    }

    /// How each person's value becomes points; nothing where there is no usable target or no data at all.
    pub fn curves(&self, kpi: &Kpi, people: &[&PersonInputs]) -> Result<Curves, NotCounted> {
        if !self.somebody_has_data {
            return Ok(vec![None; people.len()]);
        }
        if kpi.normalisation != Normalisation::TargetPiecewise {
            let group: Vec<Micro> = self.values.iter().filter_map(|v| v.adjusted).collect();
            return Ok(vec![Some(Rc::new(Curve::of_group(kpi, &group)?)); people.len()]);
        }
        let target =
            |value, basis| (value > Micro::ZERO).then(|| Rc::new(Curve::target(kpi, TargetUsed { value, basis })));
        match kpi.target {
            Some(Target::Fixed(value)) => Ok(vec![target(value, Basis::Scheme); people.len()]),
            Some(Target::TeamMedian) | None => {
                let mut teams: BTreeMap<OrgUnitId, Vec<Micro>> = BTreeMap::new();
                let mut all = Vec::new();
                for (p, v) in people.iter().zip(&self.values).filter(|(_, v)| v.n_ppm > 0) {
                    teams.entry(p.unit).or_default().extend(v.adjusted);
                    all.extend(v.adjusted);
                }
                let everybody = Basis::GroupMedian { people: count(all.len()) };
                let of_all = median(&mut all).and_then(|m| target(m, everybody));
                let mut of_team = BTreeMap::new();
                for (unit, mut values) in teams.into_iter().filter(|(_, values)| values.len() >= MIN_TEAM) {
                    let basis = Basis::TeamMedian { people: count(values.len()) };
                    of_team.insert(unit, median(&mut values).and_then(|m| target(m, basis)));
                }
                Ok(people.iter().map(|p| of_team.get(&p.unit).unwrap_or(&of_all).clone()).collect())
            }
        }
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(values: &mut [Micro]) -> Option<Micro> {
    values.sort_unstable();
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    let sum = i128::from(lower.millionths()) + i128::from(upper.millionths());
    i64::try_from(micro::div_half_even(sum, 2)?).ok().map(Micro::from_millionths)
}
