//! A standard and what may be made of it: a version of a scheme says what whoever refines it may change and how far, and a
//! refinement is held against every version above it.
//!
//! What a standard does not open is laid down. A value that is the standard's own always fits, so a copy does. Names and
//! units are words for people and free; indicators are told apart by their keys. What a refinement opens itself
//! cannot widen what stands above it, because whoever refines that again is held against both.

use std::collections::BTreeSet;

use tally_kernel::{Message, msg};

use super::bounds::{Bounds, Extra, KpiBounds, Span};
use super::definition::Definition;
use super::measure::Measure;
use super::problem::{ProblemKind, Problems, SchemeProblem};
use super::scheme::{Kpi, Scheme, Target, shown};

/// Everything that is wrong with a scheme, all at once: with itself, and with it as a refinement of these versions, the
/// nearest first.
pub fn check(standards: &[Scheme], refinement: &Scheme) -> Vec<SchemeProblem> {
    let own = refinement.validate(None).err().unwrap_or_default();
    own.into_iter().chain(standards.iter().flat_map(|standard| violations(standard, refinement))).collect()
}

/// Where a scheme leaves the bounds of a standard.
pub fn violations(standard: &Scheme, refinement: &Scheme) -> Vec<SchemeProblem> {
    let laid_down = Bounds::default();
    let bounds = standard.bounds.as_ref().unwrap_or(&laid_down);
    let mut found = Violations { standard: &standard.name, problems: Problems::default() };
    found.definitions(standard, refinement);
    for kpi in &standard.kpis {
        let optional = bounds.of(&kpi.key).is_some_and(|of| of.optional);
        if !optional && !refinement.kpis.iter().any(|own| own.key == kpi.key) {
            found.add("kpis", msg!("REFINED_LEFT_OUT", kpi = kpi.key, standard = standard.name));
        }
    }
    let mut extra = Vec::new();
    for (i, own) in refinement.kpis.iter().enumerate() {
        match standard.kpis.iter().find(|kpi| kpi.key == own.key) {
            Some(kpi) => found.kpi(&format!("kpis[{i}]"), (kpi, own), bounds.of(&own.key)),
            None => extra.push((i, own)),
        }
    }
    found.extra(&extra, bounds.extra.as_ref());
    if refinement.collaboration != standard.collaboration && !bounds.collaboration {
        found.fixed("collaboration");
    }
    if refinement.currency != standard.currency {
        found.fixed("currency");
    }
    if refinement.grades != standard.grades {
        found.fixed("grades");
    }
    found.problems.0
}

/// Whether a measure is this one, or computed from it in any way.
fn uses(scheme: &Scheme, measure: &Measure, name: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![measure.name()]);
    while let Some(next) = open.pop() {
        if next == name {
            return true;
        }
        if seen.insert(next) {
            let defined = scheme.measures.iter().find(|definition| definition.name == next);
            open.extend(defined.into_iter().flat_map(Definition::parts));
        }
    }
    false
}

struct Violations<'a> {
    /// Its name.
    standard: &'a str,
    problems: Problems,
}

impl Violations<'_> {
    fn add(&mut self, field: impl Into<String>, message: Message) {
        self.problems.add(field, ProblemKind::Refinement, message);
    }

    /// What the standard has is a word or a list.
    fn fixed(&mut self, field: impl Into<String>) {
        self.add(field, msg!("REFINED_FIXED", standard = self.standard));
    }

    /// What the standard's indicators measure is laid down with everything that it is computed from.
    fn definitions(&mut self, standard: &Scheme, refinement: &Scheme) {
        for definition in &standard.measures {
            let name = &definition.name;
            let own = refinement.measures.iter().position(|own| own.name == *name);
            let used = refinement.kpis.iter().any(|kpi| uses(standard, &kpi.measure, name));
            let (field, same) = match own {
                Some(i) => (format!("measures[{i}]"), refinement.measures[i] == *definition),
                None => ("measures".to_owned(), !used),
            };
            if !same {
                self.add(field, msg!("REFINED_DEFINITION", measure = name, standard = self.standard));
            }
        }
        for (i, own) in refinement.measures.iter().enumerate() {
            let (name, standards) = (&own.name, standard.measures.iter().any(|definition| definition.name == own.name));
            if !standards && standard.kpis.iter().any(|kpi| kpi.measure.name() == name) {
                let message = msg!("REFINED_DEFINITION.column", measure = name, standard = self.standard);
                self.add(format!("measures[{i}]"), message);
            }
        }
    }

    fn kpi(&mut self, path: &str, (standard, own): (&Kpi, &Kpi), bounds: Option<&KpiBounds>) {
        if own.measure != standard.measure {
            let (kpi, measure) = (&standard.key, standard.measure.name());
            self.add(format!("{path}.measure"), msg!("REFINED_MEASURE", kpi, measure, standard = self.standard));
        }
        if own.direction != standard.direction {
            self.fixed(format!("{path}.direction"));
        }
        if !bounds.is_some_and(|of| of.normalisation) {
            if own.normalisation != standard.normalisation {
                self.fixed(format!("{path}.normalisation"));
            } else if own.bands != standard.bands {
                self.fixed(format!("{path}.bands"));
            }
        }
        let mut number = |field: &str, own, standard, span: Option<Span>| {
            self.number(format!("{path}.{field}"), own, standard, span);
        };
        number("weight", own.weight, standard.weight, bounds.and_then(|of| of.weight));
        number("floor", own.floor, standard.floor, bounds.and_then(|of| of.floor));
        number("cap", own.cap, standard.cap, bounds.and_then(|of| of.cap));
        let span = bounds.and_then(|of| of.small_sample);
        self.number(format!("{path}.small_sample"), own.small_sample, standard.small_sample, span);
        self.target(format!("{path}.target"), own.target, standard.target, bounds.and_then(|of| of.target));
    }

    fn number<T: Copy + PartialOrd + std::fmt::Display>(
        &mut self,
        field: String,
        own: T,
        standard: T,
        span: Option<Span<T>>,
    ) {
        if own == standard || span.is_some_and(|span| span.holds(own)) {
            return;
        }
        let name = self.standard;
        self.add(
            field,
            match span {
                Some(Span { min, max }) => msg!("REFINED_BEYOND", value = own, min, max, standard = name),
                None => msg!("REFINED_FIXED.value", value = own, fixed = standard, standard = name),
            },
        );
    }

    fn target(&mut self, field: String, own: Option<Target>, standard: Option<Target>, span: Option<Span>) {
        let name = self.standard;
        match (own, standard, span) {
            _ if own == standard => {}
            (Some(Target::Fixed(own)), _, Some(Span { min, max })) => {
                if !(min..=max).contains(&own) {
                    self.add(field, msg!("REFINED_BEYOND", value = own, min, max, standard = name));
                }
            }
            (_, _, Some(Span { min, max })) => {
                self.add(field, msg!("REFINED_BEYOND.target", min, max, standard = name));
            }
            (Some(own), Some(fixed), None) => {
                self.add(field, msg!("REFINED_FIXED.value", value = own, fixed, standard = name));
            }
            (_, _, None) => self.fixed(field),
        }
    }

    fn extra(&mut self, extra: &[(usize, &Kpi)], allowed: Option<&Extra>) {
        let name = self.standard;
        let Some(allowed) = allowed else {
            for (i, own) in extra {
                self.add(format!("kpis[{i}].key"), msg!("REFINED_EXTRA", kpi = own.key, standard = name));
            }
            return;
        };
        let named: BTreeSet<&str> = allowed.measures.iter().map(String::as_str).collect();
        for (i, own) in extra.iter().filter(|(_, own)| !named.is_empty() && !named.contains(own.measure.name())) {
            let measures = named.iter().copied().collect::<Vec<_>>().join(", ");
            let measure = own.measure.name();
            let message = msg!("REFINED_EXTRA_MEASURE", measure, measures, standard = name);
            self.add(format!("kpis[{i}].measure"), message);
        }
        let sum: i128 = extra.iter().map(|(_, own)| i128::from(own.weight.millionths())).sum();
        if sum > i128::from(allowed.most.millionths()) {
            let (sum, most) = (shown(sum), allowed.most);
            self.add("kpis", msg!("REFINED_EXTRA_SHARE", sum, most, standard = name));
        }
    }
}
