//! A version of a scheme with what the service knows of it, and how a refinement stands to what it refines. Pure; what makes
//! a scheme sound, and what a standard allows, is in `tally_engine::scoring`.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_access::{Owner, Region};
use tally_engine::scoring::{Scheme, SchemeProblem, check};
use tally_kernel::id::{OrgUnitId, SchemeId};

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

/// Why something is not done to a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeError {
    /// It breaks rules of its own or of a standard.
    Unfit(Vec<SchemeProblem>),
    /// What it names as its parent belongs to the same unit, or to one that is not above.
    ParentNotAbove,
    /// What it names as its parent is out of use; the version to take instead, if there is one.
    ParentWithdrawn { name: String, from: Date, instead: Option<u32> },
    /// Standards of which it refines none.
    Mandatory(Vec<String>),
    /// It is out of use for good.
    Withdrawn { name: String, from: Date },
    /// The version is out of use on a day of the period; the version to take instead, if there is one.
    VersionWithdrawn { name: String, version: u32, from: Date, instead: Option<u32> },
    /// Nothing can be written over what another stack lays down.
    Imported(Region),
    /// Taken out of use before.
    WithdrawnAlready(Date),
    /// A version in place of itself, of all, or one that is out of use too.
    NotInstead(u32),
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

/// Holds a scheme against all above it, the nearest first.
///
/// # Errors
/// [`SchemeError::Unfit`] with everything that is wrong.
pub fn fits(above: &[Version], scheme: &Scheme) -> Result<(), SchemeError> {
    let problems = problems(above, scheme);
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
