//! A version of a scheme with what the service knows of it, and how a refinement stands to what it refines. Pure; what makes
//! a scheme sound, and what a standard allows, is in `tally_engine::scoring`.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_access::{Owner, Region};
use tally_engine::scoring::definition::Definition;
use tally_engine::scoring::{ProblemKind, SUPPLIED, Scheme, SchemeProblem, check, copy_named, supplied};
use tally_kernel::id::{OrgUnitId, SchemeId, TenantId};
use tally_kernel::msg;

use crate::measure::domain::Catalogued;
use crate::signed::domain::{FileError, Told};

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Shared by the versions.
    pub id: SchemeId,
    pub owner: Owner,
    pub scheme: Scheme,
    /// What it refines.
    pub parent: Option<Parent>,
    /// The region whose stack it is written in, where that is not this one.
    pub origin: Option<Region>,
    pub withdrawal: Option<Withdrawal>,
}

/// A version that another refines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub scheme: SchemeId,
    pub version: u32,
}

/// That a version, or all of a scheme, is out of use from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// 0: all of the scheme.
    pub version: u32,
    pub from: Date,
    pub reason: String,
    /// The version to be used in its place.
    pub superseded_by: Option<u32>,
}

/// A version to be written.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The unit that it is for; nothing for the group.
    pub unit: Option<OrgUnitId>,
    pub scheme: Scheme,
    /// What it refines; version 0 is the newest that is in use.
    pub parent: Option<Parent>,
}

/// What to use in place of a version that is out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// This one is named for it.
    Version(u32),
    /// None is named; there are others in use.
    Another,
    /// No version of the scheme is in use.
    Nothing,
}

/// Why something is not done to a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeError {
    /// It breaks rules of its own or of a standard.
    Unfit(Vec<SchemeProblem>),
    /// What it names as its parent belongs to the same unit, or to one that is not above.
    ParentNotAbove,
    /// What it names as its parent is out of use; what to take instead.
    ParentWithdrawn { name: String, from: Date, instead: Instead },
    /// Standards of which it refines none.
    Mandatory(Vec<String>),
    /// It is out of use for good.
    Withdrawn { name: String, from: Date },
    /// The version is out of use on a day of the period; what to take instead.
    VersionWithdrawn { name: String, version: u32, from: Date, instead: Instead },
    /// Nothing can be written over what another stack lays down.
    Imported(Region),
    /// Taken out of use before.
    WithdrawnAlready(Date),
    /// A version in place of itself, of all, or one that is out of use too.
    NotInstead(u32),
    /// A unit's scheme stays in its region.
    NotTheGroups,
    /// Other content under a version that is known here; version 0 is the end of all of it.
    Differs { name: String, version: u32 },
    /// A file of a stack that does not write the scheme.
    NotFrom(Region),
    /// Another scheme of the group has the name.
    NameTaken(String),
    /// It names measures of the catalogue that are out of use.
    Retired(Vec<String>),
}

/// How a refinement stands to what it refines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
pub enum Standing {
    /// It follows the newest version.
    UpToDate,
    /// It follows an earlier one and would fit the newest.
    BehindButFits,
    /// It does not fit the newest version, or the one that it follows is out of use.
    MustFollow,
    /// Every version of its parent is out of use.
    ParentWithdrawn,
}

/// A refinement, held against the newest version of what it refines.
#[derive(Clone, Debug)]
pub struct Refinement {
    /// Its newest version.
    pub version: Version,
    pub standing: Standing,
    /// What keeps it from refining the newest version of its parent.
    pub problems: Vec<SchemeProblem>,
    /// Since when what it follows is out of use.
    pub parent_withdrawn: Option<Date>,
}

impl Version {
    /// Whether it is out of use on this day.
    pub fn withdrawn_on(&self, day: Date) -> Option<&Withdrawal> {
        self.withdrawal.as_ref().filter(|withdrawal| withdrawal.from <= day)
    }
}

/// The withdrawal that holds for a version: of it or of all, whichever comes first.
pub fn withdrawal_of(version: u32, all: &[Withdrawal]) -> Option<Withdrawal> {
    let of = all.iter().filter(|withdrawal| [0, version].contains(&withdrawal.version));
    of.min_by_key(|withdrawal| (withdrawal.from, withdrawal.version == 0)).cloned()
}

/// A scheme with the definitions that it names and does not bring: those of what it refines, then those of the catalogue that its owner
/// may name, then what everybody has. What a standard takes as a column stays one.
///
/// # Errors
/// [`SchemeError::Retired`] for what would be copied and is out of use; [`SchemeError::Unfit`] for a name of the catalogue that is none.
pub fn with_measures(above: &[Version], catalogue: &[Catalogued], mut scheme: Scheme) -> Result<Scheme, SchemeError> {
    let is_column = |name: &str| {
        let used = |scheme: &Scheme| {
            scheme.kpis.iter().any(|kpi| kpi.measure.name() == name && scheme.defined(&kpi.measure).is_none())
        };
        above.iter().any(|version| used(&version.scheme))
    };
    let inherited = above.iter().flat_map(|version| version.scheme.measures.iter().cloned());
    let of_catalogue = catalogue.iter().map(|one| one.definition.clone()).filter(|one| !is_column(&one.name));
    let sources: Vec<_> = inherited.chain(of_catalogue).chain(supplied()).collect();
    let names: Vec<String> = scheme.kpis.iter().map(|kpi| kpi.measure.name().to_owned()).collect();
    let brought = scheme.measures.len();
    copy_named(names, &mut scheme.measures, &sources);
    let unknown = misspelt(&scheme);
    if !unknown.is_empty() {
        return Err(SchemeError::Unfit(unknown));
    }
    let copied = &scheme.measures[brought..];
    let retired = catalogue.iter().filter(|one| one.retired.is_some() && copied.contains(&one.definition));
    let kept = |name: &str| above.iter().any(|version| version.scheme.measures.iter().any(|known| known.name == name));
    let retired: Vec<String> = retired.map(|one| one.name().to_owned()).filter(|name| !kept(name)).collect();
    if retired.is_empty() { Ok(scheme) } else { Err(SchemeError::Retired(retired)) }
}

/// Definitions of what is laid down elsewhere: of a name of the measures that everybody has, of which a scheme may bring a copy, or the one of
/// what it refines.
pub fn reserved(above: &[Version], scheme: &Scheme) -> Vec<SchemeProblem> {
    let laid_down: Vec<_> =
        above.iter().flat_map(|version| version.scheme.measures.clone()).chain(supplied()).collect();
    let own = scheme.measures.iter().enumerate().filter(|(_, own)| own.name.starts_with(SUPPLIED));
    let others = own.filter(|(_, own)| !laid_down.iter().any(|one| is_alike(one, own)));
    let problem = |(at, _)| {
        let (field, kind) = (format!("measures[{at}].name"), ProblemKind::Duplicate);
        SchemeProblem { field, kind, description: msg!("MEASURE_NAME_RESERVED", prefix = SUPPLIED) }
    };
    others.map(problem).collect()
}

/// Definitions of what a standard allows as indicators beside its own that are others than those of the catalogue where the standard is
/// written, with all that these are computed from. `brought` of them came with the scheme.
pub fn redefined(standard: &Version, catalogue: &[Catalogued], scheme: &Scheme, brought: usize) -> Vec<SchemeProblem> {
    let known: Vec<&Definition> = catalogue.iter().map(|one| &one.definition).collect();
    let extra = standard.scheme.bounds.as_ref().and_then(|bounds| bounds.extra.as_ref());
    let (mut open, mut found) = (extra.map(|extra| extra.measures.clone()).unwrap_or_default(), BTreeSet::new());
    while let Some(name) = open.pop() {
        let of_catalogue = known.iter().find(|one| one.name == name);
        if let Some(one) = of_catalogue.filter(|_| found.insert(name)) {
            open.extend(one.parts().into_iter().map(str::to_owned));
        }
    }
    let is_another = |own: &Definition| {
        let mut same = known.iter().filter(|one| found.contains(&own.name) && one.name == own.name);
        same.next().is_some_and(|one| !is_alike(one, own))
    };
    // Those of the standard's own are held against it with everything else.
    let of_standard = |own: &Definition| standard.scheme.measures.iter().any(|one| one.name == own.name);
    let others = scheme.measures.iter().enumerate().filter(|(_, own)| !of_standard(own) && is_another(own));
    let problem = |(at, own): (usize, &Definition)| {
        let field = if at < brought { format!("measures[{at}]") } else { "measures".to_owned() };
        let (measure, standard) = (&own.name, &standard.scheme.name);
        let description = msg!("REFINED_DEFINITION.extra", measure, standard);
        SchemeProblem { field, kind: ProblemKind::Refinement, description }
    };
    others.map(problem).collect()
}

/// Whether two definitions measure the same, whatever they are called in and whichever revision they are.
fn is_alike(one: &Definition, other: &Definition) -> bool {
    let bare = |of: &Definition| Definition { version: 0, unit: String::new(), standard_unit: false, ..of.clone() };
    bare(one) == bare(other)
}

/// Indicators of what begins as the names of the measures that everybody has and is none of them: no column is called so.
fn misspelt(scheme: &Scheme) -> Vec<SchemeProblem> {
    let kpis = scheme.kpis.iter().enumerate();
    let unknown = kpis.filter(|(_, kpi)| scheme.defined(&kpi.measure).is_none()).filter_map(|(at, kpi)| {
        let measure = kpi.measure.name();
        let (field, kind) = (format!("kpis[{at}].measure"), ProblemKind::UnknownMeasure);
        let description = msg!("MEASURE_PART_UNKNOWN", measure);
        measure.starts_with(SUPPLIED).then_some(SchemeProblem { field, kind, description })
    });
    unknown.collect()
}

/// # Errors
/// [`SchemeError::Unfit`] with everything that is wrong, if anything is.
pub fn fit(problems: Vec<SchemeProblem>) -> Result<(), SchemeError> {
    if problems.is_empty() { Ok(()) } else { Err(SchemeError::Unfit(problems)) }
}

/// Everything that is wrong with a scheme and with it as a refinement of all above it.
pub fn problems(above: &[Version], scheme: &Scheme) -> Vec<SchemeProblem> {
    let standards: Vec<Scheme> = above.iter().map(|version| version.scheme.clone()).collect();
    check(&standards, scheme)
}

/// How a refinement stands to the versions above it: `above` begins with the newest one of its parent that is in use, and
/// `followed` is the one that it names.
pub fn judge(version: Version, above: &[Version], followed: &Version, today: Date) -> Refinement {
    let parent_withdrawn = followed.withdrawn_on(today).map(|withdrawal| withdrawal.from);
    let Some(newest) = above.first() else {
        return Refinement { version, standing: Standing::ParentWithdrawn, problems: Vec::new(), parent_withdrawn };
    };
    let problems = problems(above, &version.scheme);
    let standing = if !problems.is_empty() || parent_withdrawn.is_some() {
        Standing::MustFollow
    } else if newest.scheme.version == followed.scheme.version {
        Standing::UpToDate
    } else {
        Standing::BehindButFits
    };
    Refinement { version, standing, problems, parent_withdrawn }
}

/// What a file tells of a scheme of the group: all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    pub format: String,
    pub tenant: TenantId,
    /// The region whose stack it is written in.
    pub from: Region,
    pub scheme: SchemeId,
    /// From the first to the newest.
    pub versions: Vec<Scheme>,
    /// By version.
    pub withdrawals: Vec<Withdrawal>,
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub newest: Version,
    pub from: Region,
    /// Versions that were new.
    pub written: u32,
    /// Versions that were there.
    pub unchanged: u32,
}

impl Told for Standard {
    const FORMAT: &'static str = "tally standard 1";

    fn format(&self) -> &str {
        &self.format
    }
    fn from(&self) -> &Region {
        &self.from
    }
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

impl Standard {
    /// What the scheme is called: its versions have one name.
    pub fn name(&self) -> &str {
        self.versions.first().map_or("", |scheme| scheme.name.as_str())
    }

    /// Whether it is a history that this suite could have written.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn sound(&self) -> Result<(), FileError> {
        let numbered = self.versions.iter().map(|scheme| scheme.version).eq(1..=self.newest());
        let sound = |scheme: &Scheme| scheme.name == self.name() && scheme.validate(None).is_ok();
        let known = |out: &Withdrawal| out.version.max(out.superseded_by.unwrap_or_default()) <= self.newest();
        let sound = self.versions.iter().all(sound) && self.withdrawals.iter().all(known);
        if numbered && !self.versions.is_empty() && sound { Ok(()) } else { Err(FileError::Malformed) }
    }

    fn newest(&self) -> u32 {
        self.versions.last().map_or(0, |scheme| scheme.version)
    }

    /// What it tells that is not known here.
    ///
    /// # Errors
    /// [`SchemeError::Differs`] where something else is known under the same version.
    pub fn news(
        &self,
        versions: &[Scheme],
        withdrawals: &[Withdrawal],
    ) -> Result<(&[Scheme], Vec<&Withdrawal>), SchemeError> {
        for (told, known) in self.versions.iter().zip(versions) {
            if told != known {
                return Err(SchemeError::Differs { name: known.name.clone(), version: known.version });
            }
        }
        let mut news = Vec::new();
        for told in &self.withdrawals {
            match withdrawals.iter().find(|known| known.version == told.version) {
                None => news.push(told),
                Some(known) if known == told => {}
                Some(_) => {
                    let (name, version) = (self.name().to_owned(), told.version);
                    return Err(SchemeError::Differs { name, version });
                }
            }
        }
        Ok((self.versions.get(versions.len()..).unwrap_or_default(), news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn out(version: u32, from: &str) -> Withdrawal {
        Withdrawal { version, from: date(from), reason: "wrong".into(), superseded_by: None }
    }

    fn version(number: u32) -> Version {
        let scheme = Scheme { version: number, ..Scheme::standard() };
        let (id, owner) = (SchemeId(Uuid::from_u128(1)), Owner::group());
        Version { id, owner, scheme, parent: None, origin: None, withdrawal: None }
    }

    fn standard(versions: u32) -> Standard {
        Standard {
            format: Standard::FORMAT.into(),
            tenant: TenantId(Uuid::from_u128(2)),
            from: "cn-north".parse().unwrap(),
            scheme: SchemeId(Uuid::from_u128(1)),
            versions: (1..=versions).map(|number| version(number).scheme).collect(),
            withdrawals: vec![out(1, "2026-04-01")],
        }
    }

    #[test]
    fn what_ends_first_ends_a_version_and_all_of_a_scheme_ends_each() {
        let all = [out(2, "2026-05-01"), out(0, "2026-04-01"), out(3, "2026-03-01")];
        let from = |version| withdrawal_of(version, &all).map(|out| (out.version, out.from.to_string()));
        assert_eq!(from(1), Some((0, "2026-04-01".into())));
        assert_eq!(from(2), Some((0, "2026-04-01".into())));
        assert_eq!(from(3), Some((3, "2026-03-01".into())));
        assert_eq!(withdrawal_of(1, &all[..1]), None);
        let ended = Version { withdrawal: Some(out(1, "2026-04-01")), ..version(1) };
        assert!(ended.withdrawn_on(date("2026-04-01")).is_some() && ended.withdrawn_on(date("2026-03-31")).is_none());
    }

    #[test]
    fn a_refinement_is_judged_by_the_newest_version_in_use_and_by_the_one_it_follows() {
        let today = date("2026-04-02");
        let mut other = version(2);
        other.scheme.collaboration = false;
        let standing = |above: &[Version], followed: &Version| judge(version(7), above, followed, today).standing;
        assert_eq!(standing(&[version(2)], &version(2)), Standing::UpToDate);
        assert_eq!(standing(&[version(2)], &version(1)), Standing::BehindButFits);
        assert_eq!(standing(std::slice::from_ref(&other), &version(1)), Standing::MustFollow);
        let ended = Version { withdrawal: Some(out(1, "2026-04-01")), ..version(1) };
        assert_eq!(standing(&[version(2)], &ended), Standing::MustFollow);
        assert_eq!(standing(&[], &ended), Standing::ParentWithdrawn);
        assert_eq!(judge(version(7), &[], &ended, today).parent_withdrawn, Some(date("2026-04-01")));
    }

    #[test]
    fn a_file_tells_what_is_new_and_never_something_else() {
        let told = standard(3);
        assert_eq!(told.sound(), Ok(()));
        let here = standard(2);
        assert_eq!(told.news(&here.versions, &here.withdrawals).unwrap(), (&told.versions[2..], vec![]));
        assert_eq!(told.news(&[], &[]).unwrap(), (&told.versions[..], told.withdrawals.iter().collect()));
        assert_eq!(here.news(&told.versions, &told.withdrawals).unwrap().0, []);
        let mut differs = here.versions.clone();
        differs[1].collaboration = false;
        let name = "standard".to_owned();
        assert_eq!(told.news(&differs, &[]), Err(SchemeError::Differs { name: name.clone(), version: 2 }));
        assert_eq!(told.news(&[], &[out(1, "2026-04-02")]), Err(SchemeError::Differs { name, version: 1 }));
    }

    #[test]
    fn a_file_is_the_whole_history_of_one_scheme() {
        let mut gap = standard(3);
        gap.versions.remove(1);
        let mut renamed = standard(2);
        renamed.versions[1].name = "another".into();
        let mut unsound = standard(1);
        unsound.versions[0].kpis.clear();
        let mut beyond = standard(1);
        beyond.withdrawals.push(out(2, "2026-04-01"));
        for odd in [standard(0), gap, renamed, unsound, beyond] {
            assert_eq!(odd.sound(), Err(FileError::Malformed), "{odd:?}");
        }
    }
}
