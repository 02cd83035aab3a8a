//! Schemes, what they lay down, and how refinements stand: from messages, and to messages.

use tally_api::performance::v1 as pb;
use tally_app::convert::{choice, date, date_text};
use tally_kernel::error::Violations;
use tally_kernel::id::SchemeId;
use tally_kernel::{Error, Locale, Micro, Region, Result, msg};

use super::domain::{Imported, NewVersion, Parent, Refinement, Standing, Version, Withdrawal};
use crate::definitions::{definition_of, definition_to};
use tally_engine::scoring::definition::Definition;
use tally_engine::scoring::{Bounds, Direction, Extra, Kpi, KpiBounds, Normalisation, Scheme, SchemeProblem, Span};

/// Most points where the scheme does not say.
const CAP: Micro = Micro::from_int(120);

/// A version to be written.
///
/// # Errors
/// `INVALID_REQUEST` with every field that cannot be read.
pub fn read(sent: pb::Scheme) -> Result<NewVersion> {
    let mut v = Violations::new();
    v.text("scheme.name", &sent.name, 200);
    let kpi = |(i, kpi)| kpi_of(&mut v, &format!("scheme.kpis[{i}]"), kpi);
    let kpis: Option<Vec<Kpi>> = sent.kpis.into_iter().enumerate().map(kpi).collect();
    let measure = |(i, measure)| definition_of(&mut v, &format!("scheme.measures[{i}]"), measure);
    let measures: Vec<Option<Definition>> = sent.measures.into_iter().enumerate().map(measure).collect();
    let measures: Option<Vec<Definition>> = measures.into_iter().collect();
    let unit = v.optional("scheme.unit_id", &sent.unit_id);
    let parent = sent.parent.and_then(|parent| {
        let scheme = v.parse("scheme.parent.scheme_id", &parent.scheme_id)?;
        Some(Parent { scheme, version: parent.version })
    });
    let bounds = sent.bounds.and_then(|bounds| bounds_of(&mut v, bounds, kpis.as_deref().unwrap_or_default()));
    let currency = match sent.currency.as_str() {
        "" => Some(None),
        code => v.take("scheme.currency", code.parse().map_err(Error::from)).map(Some),
    };
    let (name, collaboration) = (sent.name, sent.collaboration);
    let scheme = kpis.zip(measures).zip(currency).map(|((kpis, measures), currency)| {
        let (version, grades) = (1, vec![]);
        Scheme { name, version, kpis, collaboration, grades, bounds, currency, measures }
    });
    v.finish(scheme.map(|scheme| NewVersion { unit, scheme, parent }))
}

/// What is to be taken out of use.
///
/// # Errors
/// `INVALID_REQUEST` with every field that cannot be read.
pub fn read_withdrawal(sent: pb::WithdrawSchemeRequest) -> Result<(SchemeId, Withdrawal)> {
    let mut v = Violations::new();
    let id = v.parse("scheme_id", &sent.scheme_id);
    let out = sent.withdrawal.unwrap_or_default();
    let from = date(&mut v, "withdrawal.from", &out.from);
    v.text("withdrawal.reason", &out.reason, 500);
    let superseded_by = (out.superseded_by > 0).then_some(out.superseded_by);
    let (version, reason) = (out.version, out.reason);
    v.finish(id.zip(from).map(|(id, from)| (id, Withdrawal { version, from, reason, superseded_by })))
}

/// The scheme whose file is asked for, and the region that it leaves.
///
/// # Errors
/// `INVALID_REQUEST` with every field that cannot be read.
pub fn read_export(sent: &pb::ExportStandardRequest) -> Result<(SchemeId, Option<Region>)> {
    let mut v = Violations::new();
    let id = v.parse("scheme_id", &sent.scheme_id);
    let from = v.optional("from_region", &sent.from_region);
    v.finish(id.map(|id| (id, from)))
}

fn bounds_of(v: &mut Violations, sent: pb::SchemeBounds, own: &[Kpi]) -> Option<Bounds> {
    let kpi = |(i, kpi)| kpi_bounds_of(v, &format!("scheme.bounds.kpis[{i}]"), kpi, own);
    let kpis: Option<Vec<KpiBounds>> = sent.kpis.into_iter().enumerate().map(kpi).collect();
    let extra = match sent.extra {
        None => Some(None),
        Some(extra) => v
            .parse("scheme.bounds.extra.most_weight", &extra.most_weight)
            .map(|most| Some(Extra { most, measures: extra.measures })),
    };
    Some(Bounds { mandatory: sent.mandatory, kpis: kpis?, extra: extra?, collaboration: sent.collaboration })
}

fn kpi_bounds_of(v: &mut Violations, path: &str, sent: pb::KpiBounds, own: &[Kpi]) -> Option<KpiBounds> {
    let mut range = |field: &str, range: Option<pb::DecimalRange>| match range {
        None => Some(None),
        Some(range) => {
            let min = v.parse(&format!("{path}.{field}.min"), &range.min);
            let max = v.parse(&format!("{path}.{field}.max"), &range.max);
            min.zip(max).map(|(min, max)| Some(Span { min, max }))
        }
    };
    let (weight, target) = (range("weight", sent.weight), range("target", sent.target));
    let (floor, cap) = (range("floor", sent.floor), range("cap", sent.cap));
    let within = format!("{path}.weight_within");
    let weight = match (sent.weight_within.as_str(), weight?) {
        ("", weight) => weight,
        (_, Some(_)) => {
            v.push(within, msg!("WEIGHT_BOUND_TWICE"));
            return None;
        }
        (text, None) => {
            let by: Micro = v.parse(&within, text)?;
            if by < Micro::ZERO {
                v.push(within, msg!("WEIGHT_BOUND_BELOW_0"));
                return None;
            }
            let weight = own.iter().find(|kpi| kpi.key == sent.key).map_or(Micro::ZERO, |kpi| kpi.weight);
            let span = weight.checked_sub(by).zip(weight.checked_add(by)).map(|(min, max)| Span { min, max });
            Some(choice(v, &within, span, msg!("WEIGHT_BOUND_TOO_LARGE"))?)
        }
    };
    Some(KpiBounds {
        key: sent.key,
        weight,
        target: target?,
        floor: floor?,
        cap: cap?,
        small_sample: sent.small_sample.map(|range| Span { min: range.min, max: range.max }),
        normalisation: sent.normalisation,
        optional: sent.optional,
    })
}

fn kpi_of(v: &mut Violations, path: &str, sent: pb::Kpi) -> Option<Kpi> {
    // A number that this release does not know reads as unspecified, and is refused as if nothing was said.
    let direction = match sent.direction() {
        pb::Direction::Unspecified => None,
        pb::Direction::Higher => Some(Direction::Higher),
        pb::Direction::Lower => Some(Direction::Lower),
    };
    let direction = choice(v, &format!("{path}.direction"), direction, msg!("DIRECTION_EXPECTED"));
    let normalisation = match sent.normalisation() {
        pb::Normalisation::Unspecified => None,
        pb::Normalisation::TargetPiecewise => Some(Normalisation::TargetPiecewise),
        pb::Normalisation::MinMax => Some(Normalisation::MinMax),
        pb::Normalisation::Percentile => Some(Normalisation::Percentile),
        pb::Normalisation::TScore => Some(Normalisation::TScore),
    };
    let normalisation = choice(v, &format!("{path}.normalisation"), normalisation, msg!("NORMALISATION_EXPECTED"));
    let mut number = |field: &str, text: &str, missing: Micro| match text {
        "" => Some(missing),
        text => v.parse::<Micro>(&format!("{path}.{field}"), text),
    };
    let (weight, floor) = (number("weight", &sent.weight, Micro::ZERO), number("floor", &sent.floor, Micro::ZERO));
    let cap = number("cap", &sent.cap, CAP);
    let target = match sent.target.as_str() {
        "" => Some(None),
        text => v.parse(&format!("{path}.target"), text).map(Some),
    };
    Some(Kpi {
        measure: sent.measure.into(),
        key: sent.key,
        unit: sent.unit,
        standard_unit: sent.standard_unit,
        direction: direction?,
        target: target?,
        weight: weight?,
        normalisation: normalisation?,
        floor: floor?,
        cap: cap?,
        small_sample: sent.small_sample,
        bands: vec![],
    })
}

/// A version, what its measures are in a reader's language.
pub fn scheme_to(version: Version, locale: Locale) -> pb::Scheme {
    let scheme = version.scheme;
    let parent = |parent: Parent| pb::SchemeParent { scheme_id: parent.scheme.to_string(), version: parent.version };
    pb::Scheme {
        scheme_id: version.id.to_string(),
        name: scheme.name,
        version: scheme.version,
        kpis: scheme.kpis.into_iter().map(kpi_to).collect(),
        collaboration: scheme.collaboration,
        unit_id: version.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        bounds: scheme.bounds.map(bounds_to),
        parent: version.parent.map(parent),
        origin_region: version.origin.map(|origin| origin.to_string()).unwrap_or_default(),
        withdrawal: version.withdrawal.map(|out| pb::SchemeWithdrawal {
            version: out.version,
            from: out.from.to_string(),
            reason: out.reason,
            superseded_by: out.superseded_by.unwrap_or_default(),
        }),
        currency: scheme.currency.map(|currency| currency.to_string()).unwrap_or_default(),
        measures: scheme.measures.iter().map(|measure| definition_to(measure, locale)).collect(),
    }
}

/// What came of an import, in a reader's language.
pub fn imported_to(imported: Imported, locale: Locale) -> pb::ImportStandardResponse {
    let Imported { newest, from, written, unchanged } = imported;
    let scheme = Some(scheme_to(newest, locale));
    pb::ImportStandardResponse { scheme, from_region: from.to_string(), written, unchanged }
}

/// A refinement, its problems in a reader's language.
pub fn refinement_to(refinement: Refinement, locale: Locale) -> pb::Refinement {
    let state = match refinement.standing {
        Standing::UpToDate => pb::RefinementState::UpToDate,
        Standing::BehindButFits => pb::RefinementState::BehindButFits,
        Standing::MustFollow => pb::RefinementState::MustFollow,
        Standing::ParentWithdrawn => pb::RefinementState::ParentWithdrawn,
    };
    let problem = |problem: SchemeProblem| pb::SchemeProblem {
        field: problem.field,
        description: tally_i18n::text(locale, &problem.description),
    };
    pb::Refinement {
        scheme: Some(scheme_to(refinement.version, locale)),
        state: state.into(),
        problems: refinement.problems.into_iter().map(problem).collect(),
        parent_withdrawn_from: date_text(refinement.parent_withdrawn),
    }
}

fn bounds_to(bounds: Bounds) -> pb::SchemeBounds {
    let kpi = |of: KpiBounds| pb::KpiBounds {
        key: of.key,
        weight: of.weight.map(range_to),
        weight_within: String::new(),
        target: of.target.map(range_to),
        floor: of.floor.map(range_to),
        cap: of.cap.map(range_to),
        small_sample: of.small_sample.map(|Span { min, max }| pb::CountRange { min, max }),
        normalisation: of.normalisation,
        optional: of.optional,
    };
    let extra = |extra: Extra| pb::ExtraKpis { most_weight: extra.most.to_string(), measures: extra.measures };
    pb::SchemeBounds {
        mandatory: bounds.mandatory,
        kpis: bounds.kpis.into_iter().map(kpi).collect(),
        extra: bounds.extra.map(extra),
        collaboration: bounds.collaboration,
    }
}

fn range_to(span: Span) -> pb::DecimalRange {
    pb::DecimalRange { min: span.min.to_string(), max: span.max.to_string() }
}

fn kpi_to(kpi: Kpi) -> pb::Kpi {
    let direction = match kpi.direction {
        Direction::Higher => pb::Direction::Higher,
        Direction::Lower => pb::Direction::Lower,
    };
    let normalisation = match kpi.normalisation {
        Normalisation::TargetPiecewise => pb::Normalisation::TargetPiecewise,
        Normalisation::MinMax => pb::Normalisation::MinMax,
        Normalisation::Percentile => pb::Normalisation::Percentile,
        Normalisation::TScore => pb::Normalisation::TScore,
        // No message can ask for it yet, so no stored scheme has it.
        Normalisation::ForcedDistribution => pb::Normalisation::Unspecified,
    };
    pb::Kpi {
        key: kpi.key,
        measure: kpi.measure.name().to_owned(),
        unit: kpi.unit,
        standard_unit: kpi.standard_unit,
        direction: direction.into(),
        target: kpi.target.map(|t| t.to_string()).unwrap_or_default(),
        weight: kpi.weight.to_string(),
        normalisation: normalisation.into(),
        floor: kpi.floor.to_string(),
        cap: kpi.cap.to_string(),
        small_sample: kpi.small_sample,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_without_a_way_or_with_one_that_nobody_knows_is_refused_by_its_field() {
        for (direction, normalisation) in [(0, 0), (9, 9)] {
            let kpi = pb::Kpi { key: "qa".into(), direction, normalisation, ..Default::default() };
            let error = read(pb::Scheme { name: "service".into(), kpis: vec![kpi], ..Default::default() }).unwrap_err();
            let fields: Vec<&str> = error.violations().iter().map(|wrong| wrong.field.as_str()).collect();
            assert_eq!(fields, ["scheme.kpis[0].direction", "scheme.kpis[0].normalisation"]);
        }
    }
}
