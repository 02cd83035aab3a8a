//! A standard and what may be made of it: a version of a scheme says what whoever refines it may change and how far, and a
//! refinement is held against every version above it.
//!
//! What a standard does not open is laid down. A value that is the standard's own always fits, so a copy does. Names and
//! units are words for people and free; indicators are told apart by their keys. What a refinement opens itself
//! cannot widen what stands above it, because whoever refines that again is held against both.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tally_kernel::{Message, Micro, msg};

use super::scheme::{Kpi, Measure, ProblemKind, Problems, Scheme, SchemeProblem, Target, WEIGHT_SUM, shown};

/// What a refinement may change of the version that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Whether units below may have no scheme that refines neither this one nor another that is mandatory.
    #[serde(default)]
    pub mandatory: bool,
    /// Indicators of which something may change.
    #[serde(default)]
    pub kpis: Vec<KpiBounds>,
    /// Indicators beside the standard's; none where nothing is said.
    #[serde(default)]
    pub extra: Option<Extra>,
    /// Whether collaboration points may be switched.
    #[serde(default)]
    pub collaboration: bool,
}

/// What may change of one indicator. Where nothing is said, the standard's value is laid down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KpiBounds {
    /// The indicator's key.
    pub key: String,
    /// How much it may count.
    #[serde(default)]
    pub weight: Option<Span>,
    /// Which numbers may be its target.
    #[serde(default)]
    pub target: Option<Span>,
    /// Which fewest points it may have.
    #[serde(default)]
    pub floor: Option<Span>,
    /// Which most points it may have.
    #[serde(default)]
    pub cap: Option<Span>,
    /// Which small-sample rules it may have.
    #[serde(default)]
    pub small_sample: Option<Span<u32>>,
    /// Whether another normalisation may be taken.
    #[serde(default)]
    pub normalisation: bool,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
}

/// From the least to the greatest, both among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span<T = Micro> {
    /// The least.
    pub min: T,
    /// The greatest.
    pub max: T,
}

/// Indicators that a refinement adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// What their weights sum to at most.
    pub most: Micro,
    /// What they may measure; anything where nothing is named.
    #[serde(default)]
    pub measures: Vec<Measure>,
}

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
    if refinement.grades != standard.grades {
        found.fixed("grades");
    }
    found.problems.0
}

impl Bounds {
    fn of(&self, key: &str) -> Option<&KpiBounds> {
        self.kpis.iter().find(|of| of.key == key)
    }
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
        let named: BTreeSet<&str> = allowed.measures.iter().map(Measure::name).collect();
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

impl<T: PartialOrd> Span<T> {
    fn holds(&self, value: T) -> bool {
        self.min <= value && value <= self.max
    }
}

/// What is wrong with the bounds that a scheme sets itself.
pub(super) fn validate(scheme: &Scheme, problems: &mut Problems) {
    let Some(bounds) = &scheme.bounds else { return };
    let mut keys = BTreeSet::new();
    for (i, of) in bounds.kpis.iter().enumerate() {
        let path = format!("bounds.kpis[{i}]");
        if !keys.insert(&of.key) {
            problems.add(format!("{path}.key"), ProblemKind::Duplicate, msg!("NAME_TWICE", name = of.key));
        }
        let Some(kpi) = scheme.kpis.iter().find(|kpi| kpi.key == of.key) else {
            problems.add(format!("{path}.key"), ProblemKind::Bounds, msg!("BOUNDS_OF_NOTHING", kpi = of.key));
            continue;
        };
        let mut span = |field: &str, own: Option<Micro>, span: Option<Span>| {
            span_of(problems, format!("{path}.{field}"), own, span);
        };
        span("weight", Some(kpi.weight), of.weight);
        let target = match kpi.target {
            Some(Target::Fixed(target)) => Some(target),
            Some(Target::TeamMedian) | None => None,
        };
        span("target", target, of.target);
        span("floor", Some(kpi.floor), of.floor);
        span("cap", Some(kpi.cap), of.cap);
        span_of(problems, format!("{path}.small_sample"), Some(kpi.small_sample), of.small_sample);
    }
    if let Some(extra) = &bounds.extra
        && (extra.most <= Micro::ZERO || extra.most >= WEIGHT_SUM)
    {
        problems.add("bounds.extra.most", ProblemKind::Bounds, msg!("BOUNDS_EXTRA", most = extra.most));
    }
}

fn span_of<T: Copy + PartialOrd + std::fmt::Display>(
    problems: &mut Problems,
    field: String,
    own: Option<T>,
    span: Option<Span<T>>,
) {
    let Some(span) = span else { return };
    let Span { min, max } = span;
    if min > max {
        problems.add(field, ProblemKind::Bounds, msg!("BOUNDS_BACKWARDS", min, max));
    } else if let Some(own) = own.filter(|own| !span.holds(*own)) {
        problems.add(field, ProblemKind::Bounds, msg!("BOUNDS_WITHOUT_OWN", own, min, max));
    }
}
