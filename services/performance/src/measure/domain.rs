//! Measures of the catalogue: which of them an owner may name, and what keeps one from being changed. Pure; what makes a
//! definition sound is in `tally_engine::scoring`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::Owner;
use tally_engine::scoring::definition::Definition;
use tally_engine::scoring::{ProblemKind, SUPPLIED, SchemeProblem, copy_named, supplied, unsound};
use tally_kernel::id::{MeasureId, OrgUnitId};
use tally_kernel::msg;

/// A measure of the group or of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogued {
    pub id: MeasureId,
    pub owner: Owner,
    pub title: Title,
    /// Its version is the revision.
    pub definition: Definition,
    pub retired: Option<Retirement>,
}

/// What people call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    pub en: String,
    pub zh_cn: String,
}

/// That it is out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    pub reason: String,
    pub at: Timestamp,
}

/// A measure to be defined.
#[derive(Clone, Debug)]
pub struct NewMeasure {
    /// The unit that it is for; nothing for the group.
    pub unit: Option<OrgUnitId>,
    pub title: Title,
    pub definition: Definition,
}

/// A measure to be defined otherwise.
#[derive(Clone, Debug)]
pub struct Changed {
    pub id: MeasureId,
    /// The revision that the change was made from.
    pub from: u32,
    pub title: Title,
    pub definition: Definition,
}

/// Why something is not done to the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasureError {
    /// The definition breaks rules, with what it is computed from.
    Unfit(Vec<SchemeProblem>),
    /// The owner has one of this name.
    NameTaken(String),
    /// A name stays.
    NameFixed(String),
    /// Changed since it was read; the revision of now.
    Stale(u32),
    /// Out of use before.
    RetiredAlready(String),
    /// Others are computed from it that would not be sound any more.
    Needed { name: String, by: Vec<String> },
}

impl Catalogued {
    /// The number of its definition, from 1.
    pub fn revision(&self) -> u32 {
        self.definition.version
    }

    pub fn name(&self) -> &str {
        &self.definition.name
    }
}

/// What an owner may name of all measures: its own, then those of the units above, the nearest first, then the group's. Of each name
/// the first counts, also where it is retired. `chain` is the owner's unit with all above it.
pub fn nameable(all: &[Catalogued], chain: &[OrgUnitId]) -> Vec<Catalogued> {
    let place = |one: &Catalogued| match one.owner.unit() {
        None => Some(chain.len()),
        Some(unit) => chain.iter().position(|above| *above == unit),
    };
    let mut found: Vec<(usize, &Catalogued)> = all.iter().filter_map(|one| Some((place(one)?, one))).collect();
    found.sort_by_key(|(place, one)| (*place, one.name()));
    let mut nearest: Vec<Catalogued> = Vec::with_capacity(found.len());
    for (_, one) in found {
        if !nearest.iter().any(|known| known.name() == one.name()) {
            nearest.push(one.clone());
        }
    }
    nearest
}

/// Everything that is wrong with a definition whose owner may name these.
pub fn problems(definition: &Definition, nameable: &[Catalogued]) -> Vec<SchemeProblem> {
    let sources: Vec<Definition> = nameable
        .iter()
        .map(|one| one.definition.clone())
        .filter(|one| one.name != definition.name)
        .chain(supplied())
        .collect();
    let mut all = vec![definition.clone()];
    copy_named([], &mut all, &sources);
    let mut problems = unsound(&all, 0);
    if definition.name.starts_with(SUPPLIED) {
        let (field, kind) = ("measures[0].name".to_owned(), ProblemKind::Duplicate);
        problems.push(SchemeProblem { field, kind, description: msg!("MEASURE_NAME_RESERVED", prefix = SUPPLIED) });
    }
    for name in all.iter().flat_map(Definition::parts) {
        if let Some(retired) = nameable.iter().find(|one| one.name() == name && one.retired.is_some()) {
            let (field, kind) = ("measures[0].of".to_owned(), ProblemKind::Measure);
            let description = msg!("MEASURE_RETIRED", measures = retired.name());
            problems.push(SchemeProblem { field, kind, description });
        }
    }
    problems
}

/// The measures in use that are computed from one, directly or through others, by name: those that `breaks` says of that the change is
/// not for them.
pub fn needing(
    all: &[Catalogued],
    chain: impl Fn(&Owner) -> Vec<OrgUnitId>,
    of: &Catalogued,
    breaks: impl Fn(&Catalogued, &[Catalogued]) -> bool,
) -> Vec<String> {
    let users = all.iter().filter(|one| one.retired.is_none() && one.id != of.id && !one.definition.parts().is_empty());
    let meant = |one: &&Catalogued| {
        let nameable = nameable(all, &chain(&one.owner));
        rests_on(one, of, &nameable) && breaks(one, &nameable)
    };
    users.filter(meant).map(|one| one.name().to_owned()).collect()
}

/// Whether a measure whose owner may name these is computed from another one in the end.
fn rests_on(one: &Catalogued, of: &Catalogued, nameable: &[Catalogued]) -> bool {
    let (mut open, mut seen) = (one.definition.parts(), BTreeSet::new());
    while let Some(name) = open.pop() {
        match nameable.iter().find(|known| known.name() == name) {
            Some(known) if known.id == of.id => return true,
            Some(known) if seen.insert(known.id) => open.extend(known.definition.parts()),
            Some(_) | None => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use tally_engine::scoring::definition::{Aggregation, Derived, Of, OfRecords, Part};
    use uuid::Uuid;

    use super::*;

    fn unit(n: u128) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(n))
    }

    /// Of the branch 2 its team 3, and the branch 4: what stands above each.
    fn chain(owner: &Owner) -> Vec<OrgUnitId> {
        let above: &[u128] = match owner.unit().map(|unit| unit.0.as_u128()) {
            None => &[],
            Some(3) => &[3, 2, 1],
            Some(2) => &[2, 1],
            Some(_) => &[4, 1],
        };
        above.iter().map(|n| unit(*n)).collect()
    }

    fn one(n: u128, owner: Option<u128>, definition: Definition) -> Catalogued {
        let owner = owner.map_or_else(Owner::group, |n| Owner::of("cn-north".parse().unwrap(), unit(n)));
        let title = Title { en: "Calls".into(), zh_cn: "通话".into() };
        Catalogued { id: MeasureId(Uuid::from_u128(n)), owner, title, definition, retired: None }
    }

    fn count(name: &str, kinds: &[&str]) -> Definition {
        let mut definition = supplied().into_iter().find(|one| one.name == "supplied.presale_records").unwrap();
        definition.name = name.to_owned();
        if let Of::Record(OfRecords { kinds: of, aggregation: Aggregation::Count, .. }) = &mut definition.of {
            *of = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        }
        definition
    }

    fn sum(name: &str, of: &str) -> Definition {
        let part = Part { of: of.to_owned(), factor: tally_kernel::Micro::ONE };
        Definition { of: Of::Derived(Derived::Sum(vec![part])), ..count(name, &[]) }
    }

    #[test]
    fn the_nearest_measure_of_a_name_counts_and_none_of_another_branch() {
        let all = [
            one(1, None, count("calls", &["a"])),
            one(2, Some(2), count("calls", &["b"])),
            one(3, Some(4), count("other", &[])),
            one(4, None, count("visits", &[])),
        ];
        let of = |owner: Option<u128>| -> Vec<u128> {
            let owner = owner.map_or_else(Owner::group, |n| Owner::of("cn-north".parse().unwrap(), unit(n)));
            nameable(&all, &chain(&owner)).iter().map(|one| one.id.0.as_u128()).collect()
        };
        assert_eq!(of(None), [1, 4]);
        assert_eq!(of(Some(3)), [2, 4]);
        assert_eq!(of(Some(4)), [3, 1, 4]);
    }

    #[test]
    fn a_definition_is_held_against_all_that_it_is_computed_from() {
        let mut known = vec![one(1, None, count("calls", &[])), one(2, None, sum("twice", "calls"))];
        assert_eq!(problems(&sum("thrice", "twice"), &known), []);
        let fields = |definition: &Definition, known: &[Catalogued]| -> Vec<(String, String)> {
            let told = problems(definition, known).into_iter();
            told.map(|one| (one.field, one.description.id().to_owned())).collect()
        };
        let at = |field: &str, id: &str| (format!("measures[0].{field}"), id.to_owned());
        assert_eq!(fields(&sum("thrice", "visits"), &known), [at("of", "MEASURE_PART_UNKNOWN")]);
        assert!(fields(&sum("calls", "twice"), &known).contains(&at("of", "MEASURE_OF_ITSELF")));
        assert_eq!(fields(&count("supplied.orders", &[]), &known), [at("name", "MEASURE_NAME_RESERVED")]);
        assert_eq!(fields(&count("resolved", &[]), &known), [at("name", "MEASURE_BUILT_IN")]);
        known[0].retired = Some(Retirement { reason: "wrong".into(), at: Timestamp::UNIX_EPOCH });
        assert_eq!(fields(&sum("thrice", "twice"), &known), [at("of", "MEASURE_RETIRED")]);
    }

    #[test]
    fn who_needs_a_measure_is_told_where_it_is_the_one_that_is_meant() {
        let all = [
            one(1, None, count("calls", &[])),
            one(2, Some(2), count("calls", &["b"])),
            one(3, Some(3), sum("own", "calls")),
            one(4, Some(4), sum("other", "calls")),
        ];
        let needed = |of: usize| needing(&all, chain, &all[of], |_, _| true);
        assert_eq!((needed(0), needed(1)), (vec!["other".to_owned()], vec!["own".to_owned()]));
        assert_eq!(needing(&all, chain, &all[0], |_, _| false), Vec::<String>::new());
        let through = [all[0].clone(), one(5, None, sum("twice", "calls")), one(6, None, sum("thrice", "twice"))];
        assert_eq!(needing(&through, chain, &through[0], |_, _| true), ["twice", "thrice"], "also through others");
    }
}
