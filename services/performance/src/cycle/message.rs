//! Populations and versions of a result: from messages, and to messages.

use std::collections::BTreeSet;

use tally_api::performance::v1 as pb;
use tally_app::convert::{date_text, employment_kind, employment_kind_message, optional_date, optional_instant};
use tally_kernel::error::Violations;
use tally_kernel::id::PersonId;
use tally_kernel::{Result, msg};

use super::domain::Asked;
use super::domain::population::Population;

/// Which version of a result is asked for.
pub fn version(version: u32, known_at: Option<prost_types::Timestamp>) -> Result<Asked> {
    let mut v = Violations::new();
    let known_at = optional_instant(&mut v, "known_at", known_at);
    if version > 0 && known_at.is_some() {
        v.push("known_at", msg!("VERSION_TWICE"));
    }
    let asked = known_at.map_or(Asked::Newest, Asked::KnownAt);
    v.finish(Some(if version > 0 { Asked::Version(version) } else { asked }))
}

/// Who is in, as a request says it.
pub fn population_of(v: &mut Violations, path: &str, sent: pb::Population) -> Option<Population> {
    let unit_ids = sent.unit_ids.iter().filter_map(|id| v.parse(&format!("{path}.unit_ids"), id)).collect();
    let include = sent.include_person_ids.iter();
    let include = include.filter_map(|id| v.parse(&format!("{path}.include_person_ids"), id)).collect();
    let exclude = sent.exclude_person_ids.iter();
    let exclude = exclude.filter_map(|id| v.parse(&format!("{path}.exclude_person_ids"), id)).collect();
    let as_of = optional_date(v, &format!("{path}.as_of"), &sent.as_of);
    let (positions, grades) = (sent.positions.into_iter().collect(), sent.grades.into_iter().collect());
    let path = format!("{path}.employment_kinds");
    let mut kinds = BTreeSet::new();
    for sent in sent.employment_kinds {
        match employment_kind(v, &path, sent) {
            Some(kind) => _ = kinds.insert(kind),
            None if sent == 0 => v.push(&path, msg!("EMPLOYMENT_KIND_UNKNOWN", text = "EMPLOYMENT_KIND_UNSPECIFIED")),
            None => {}
        }
    }
    Some(Population { units: unit_ids, positions, grades, kinds, include, exclude, as_of })
}

/// Who is in, as an answer says it.
pub fn population_to(population: Population) -> pb::Population {
    let texts = |ids: BTreeSet<PersonId>| ids.into_iter().map(|id| id.to_string()).collect();
    pb::Population {
        unit_ids: population.units.into_iter().map(|id| id.to_string()).collect(),
        positions: population.positions.into_iter().collect(),
        grades: population.grades.into_iter().collect(),
        include_person_ids: texts(population.include),
        exclude_person_ids: texts(population.exclude),
        as_of: date_text(population.as_of),
        employment_kinds: population.kinds.into_iter().map(|kind| employment_kind_message(Some(kind)).into()).collect(),
    }
}
