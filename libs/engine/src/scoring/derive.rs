//! Measures that are computed from others, each of one person. Exact, but for what [`Derived`] says is rounded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tally_kernel::{Micro, micro};

use super::definition::{Definition, Derived, Of, Part, Value};
use super::{Dropped, Line, Measure, MeasureKind, Past, PersonInputs, RECORD, Sample, Scheme, mean};

/// People with samples of what the scheme derives, and without those that are too few to count.
pub(super) fn complete<'a>(scheme: &Scheme, inputs: &'a [PersonInputs]) -> Cow<'a, [PersonInputs]> {
    if scheme.measures.is_empty() {
        return Cow::Borrowed(inputs);
    }
    let (mut people, mut done) = (inputs.to_vec(), Done::default());
    for definition in &scheme.measures {
        one(scheme, definition, &mut people, &mut done);
    }
    Cow::Owned(people)
}

/// What a measure is of each of these people, rounded.
pub(super) fn values(scheme: &Scheme, inputs: &[PersonInputs], name: &str) -> Vec<Option<Micro>> {
    complete(scheme, inputs).iter().map(|person| From { scheme, person }.value(name)).collect()
}

/// The measures that trends of a scheme are of.
pub(super) fn trends(scheme: &Scheme) -> BTreeSet<&str> {
    let all = scheme.measures.iter();
    let trends = all.filter(|definition| matches!(definition.of, Of::Derived(Derived::Trend { .. })));
    trends.flat_map(Definition::parts).collect()
}

/// What later cycles may be told against: of a person what trends of the scheme are of.
pub(super) fn kept(scheme: &Scheme, person: &PersonInputs) -> BTreeMap<String, Micro> {
    let value = |name: &str| Some((name.to_owned(), From { scheme, person }.value(name)?));
    trends(scheme).into_iter().filter_map(value).collect()
}

/// Whether a measure is the same in two schemes, with all that it is computed from; of amounts in the same currency.
pub(super) fn is_same(one: &Scheme, other: &Scheme, name: &str) -> bool {
    let measure = Measure::from(name.to_owned());
    let reckons_alike = one.currency == other.currency;
    match (one.defined(&measure), other.defined(&measure)) {
        (None, None) => reckons_alike || measure != Measure::Amount,
        (Some(a), Some(b)) => {
            let counts = |one: &Definition| (one.min_count, one.from, one.to);
            let amounts = matches!(&a.of, Of::Record(of) if of.value == Some(Value::Amount));
            (reckons_alike || !amounts)
                && a.of == b.of
                && counts(a) == counts(b)
                && a.parts().into_iter().all(|part| is_same(one, other, part))
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// What the trends are of that a measure is computed from, or is one of.
pub(super) fn trends_under<'a>(scheme: &'a Scheme, measure: &Measure) -> BTreeSet<&'a str> {
    let (mut open, mut seen) = (Vec::from_iter(scheme.defined(measure)), BTreeSet::new());
    let mut under = BTreeSet::new();
    while let Some(one) = open.pop() {
        if let Of::Derived(Derived::Trend { of }) = &one.of {
            under.insert(of.as_str());
        }
        let parts = one.parts().into_iter().filter(|part| seen.insert(*part));
        open.extend(parts.filter_map(|part| scheme.defined(&Measure::from(part.to_owned()))));
    }
    under
}

/// Says on a line of a trend, or of what is computed from one, what of before it was held against, and that there was nothing.
pub(super) fn tell_past(scheme: &Scheme, person: &PersonInputs, line: &mut Line) {
    let Some(definition) = scheme.defined(&line.measure) else { return };
    for of in trends_under(scheme, &line.measure) {
        if let Some(found) = person.past.get(of) {
            line.past.insert(of.to_owned(), found.clone());
        }
    }
    if let (Of::Derived(Derived::Trend { of }), Some(Dropped::NobodyHasData | Dropped::NoDataOfPerson)) =
        (&definition.of, line.dropped)
        && (From { scheme, person }).value(of).is_some()
    {
        line.dropped = Some(Dropped::NoPast);
    }
}

/// The mean of the values of before; nothing where that is zero, since nothing is so many percent of it.
fn before(past: &[Past]) -> Option<Micro> {
    let sum: i128 = past.iter().map(|one| i128::from(one.value.millionths())).sum();
    let count = i128::try_from(past.len()).ok()?;
    Micro::ratio(sum, count * RECORD).filter(|mean| *mean != Micro::ZERO)
}

/// The definitions that are worked out.
#[derive(Default)]
struct Done<'a> {
    all: BTreeSet<&'a str>,
    /// Those of which somebody may have too few records: of these nothing is no zero.
    least: BTreeSet<&'a str>,
}

/// Works out one definition for everybody, those that it is computed from first: a sound scheme has no circles.
fn one<'a>(scheme: &'a Scheme, definition: &'a Definition, people: &mut [PersonInputs], done: &mut Done<'a>) {
    if !done.all.insert(&definition.name) {
        return;
    }
    for part in definition.parts() {
        if let Some(part) = scheme.defined(&Measure::from(part.to_owned())) {
            one(scheme, part, people, done);
        }
    }
    // What nobody sends is no zero of everybody.
    let known = definition
        .parts()
        .into_iter()
        .all(|part| people.iter().any(|person| From { scheme, person }.sample(part).0.is_some()));
    let (name, few) = (&definition.name, i128::from(definition.min_count) * RECORD);
    let least: Vec<&str> = definition.parts().into_iter().filter(|part| done.least.contains(part)).collect();
    if few > 0 || !least.is_empty() {
        done.least.insert(name);
    }
    for person in people {
        let from = From { scheme, person };
        let too_few = || least.iter().any(|part| from.sample(part).0.is_none());
        let derived = match &definition.of {
            Of::Record(_) | Of::Observation(_) | Of::Team(_) => person.samples.get(name).copied(),
            Of::Derived(_) if too_few() => None,
            Of::Derived(Derived::Repeat { .. }) => person.samples.get(name).copied(),
            Of::Derived(_) if !known => None,
            Of::Derived(Derived::Ratio { of, per, .. }) => from.ratio(of, per),
            Of::Derived(Derived::Sum(parts)) => from.sum(parts),
            Of::Derived(Derived::Trend { of }) => from.trend(of),
        };
        match derived.filter(|sample| i128::from(sample.ppm) >= few) {
            Some(sample) => drop(person.samples.insert(name.clone(), sample)),
            None => drop(person.samples.remove(name)),
        }
    }
}

/// What derived measures are computed from.
struct From<'a> {
    scheme: &'a Scheme,
    person: &'a PersonInputs,
}

impl From<'_> {
    /// A measure's sample and kind.
    fn sample(&self, name: &str) -> (Option<Sample>, MeasureKind) {
        let (measure, credited) = (Measure::from(name.to_owned()), self.person.credited_ppm);
        let sample = match measure {
            Measure::CreditedRecords => Some(Sample { sum: i128::from(credited) * RECORD, ppm: credited }),
            _ => self.person.samples.get(name).copied(),
        };
        (sample.filter(|sample| sample.ppm > 0), self.scheme.kind(&measure))
    }

    /// A measure's value, rounded.
    fn value(&self, name: &str) -> Option<Micro> {
        let (sample, kind) = self.sample(name);
        match kind {
            MeasureKind::Rate => mean(100, &sample?),
            MeasureKind::Mean => mean(1, &sample?),
            MeasureKind::Count | MeasureKind::Sum => Micro::ratio(sample?.sum, RECORD * RECORD),
        }
    }

    /// A measure's total in 10^-12, exact where it adds up.
    fn total(&self, name: &str) -> Option<i128> {
        match self.sample(name) {
            (sample, MeasureKind::Count | MeasureKind::Sum) => sample.map(|sample| sample.sum),
            (_, MeasureKind::Rate | MeasureKind::Mean) => {
                self.value(name).map(|value| i128::from(value.millionths()) * RECORD)
            }
        }
    }

    fn ratio(&self, of: &str, per: &str) -> Option<Sample> {
        let per = micro::div_half_even(self.total(per)?, RECORD)?;
        let ppm = u64::try_from(per).ok().filter(|ppm| *ppm > 0)?;
        Some(Sample { sum: self.total(of).unwrap_or(0), ppm })
    }

    fn sum(&self, parts: &[Part]) -> Option<Sample> {
        let (mut sum, mut ppm) = (0_i128, 0);
        for Part { of, factor } in parts {
            let (sample, kind) = self.sample(of);
            let total = match self.total(of) {
                Some(total) => total,
                // Nothing of what adds up is zero of it; a mean or a rate of nothing is none.
                None if matches!(kind, MeasureKind::Count | MeasureKind::Sum) => 0,
                None => return None,
            };
            sum = sum.checked_add(total.checked_mul(factor.millionths().into())?)?;
            ppm = ppm.max(sample.map_or(0, |sample| sample.ppm));
        }
        (ppm > 0).then_some(Sample { sum: micro::div_half_even(sum, RECORD)?, ppm })
    }

    fn trend(&self, of: &str) -> Option<Sample> {
        let (now, past) = (self.value(of)?, before(self.person.past.get(of)?)?);
        let by = i128::from(now.millionths()) - i128::from(past.millionths());
        let percent = Micro::ratio(100 * by, i128::from(past.millionths()).abs())?;
        Some(Sample { sum: i128::from(percent.millionths()) * RECORD, ppm: 1_000_000 })
    }
}
