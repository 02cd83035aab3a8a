//! People and their employments: dated facts that are never rewritten. What changes is written as a new fact beside the
//! old one, which is closed as "known until".
//!
//! An employment is one or several stretches of days with the same id: one for each unit, position, grade and kind. Beside the
//! home employment a person may hold posts: secondments and concurrent posts, each an employment of its own.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Moment, Region, Target};
use tally_kernel::dated::last_day;
use tally_kernel::id::{EmploymentId, LeaveId, OrgUnitId, PersonId};
use tally_kernel::person::{EmploymentKind, home_on};
use tally_kernel::{IdNumber, IdNumberError, time, unseen};
use uuid::Uuid;

use crate::catalogue::domain::{Catalogue, EntryKind};
use crate::org::domain::OrgTree;

pub use change::{Change, Changes, Terms, end, plan, reassign, rewritten};
pub use import::{Holders, ImportPlan, PersonRow, plan_import};

mod change;
mod import;

/// Characters of a name, a position, a grade, a number.
pub const MAX_TEXT: usize = tally_kernel::limits::TEXT;
/// Characters of the reason of a leave.
pub const MAX_REASON: usize = 500;

/// How a person is named in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Id(PersonId),
    /// By the group's own number.
    EmployeeNo(String),
}

/// A person with employments, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    /// The group's own number.
    pub employee_no: String,
    pub name: String,
    /// IANA zone.
    pub zone: String,
    /// Number of the identity document. Not part of the kept result of a request: it lives under the person's key alone.
    #[serde(skip)]
    pub id_number: Option<IdNumber>,
    /// The stretches of all employments, oldest first.
    pub employments: Vec<Employment>,
    /// Leaves of absence, oldest first.
    pub leaves: Vec<Leave>,
}

impl Person {
    /// Where the person belongs on a day: see [`home_on`].
    pub fn home(&self, day: Date) -> Option<&Employment> {
        home_on(self.employments.iter().filter(|e| e.post == Post::Home), day, |e| e.from)
    }

    /// The last day of all employments; nothing while one has no end.
    pub fn last_day(&self) -> Option<Date> {
        last_day(&self.employments)
    }
}

/// What an employment is beside the others of the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Post {
    /// The one that the person belongs to: at most one on a day. Pay is its matter.
    Home,
    /// A further post for some days, beside the home.
    Concurrent,
    /// Work at another unit for some days; the home stays.
    Secondment,
}

/// The event that a stretch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The first employment.
    Hire,
    /// A later one, after the person had left.
    Rehire,
    /// Another unit, position or kind.
    Transfer,
    /// A higher grade, or another one where the group has no ladder.
    Promotion,
    Secondment,
    ConcurrentPost,
    /// The unit was closed or merged.
    Reorganisation,
}

/// A stretch of an employment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employment {
    /// Id of this version of the fact.
    pub row: Uuid,
    /// The employment; its stretches and their versions share it.
    pub id: EmploymentId,
    /// What it is beside the others.
    pub post: Post,
    pub unit: OrgUnitId,
    /// Region of the unit.
    pub region: Region,
    pub position: String,
    pub grade: String,
    /// As what the person is employed, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EmploymentKind>,
    /// The event it begins with.
    pub reason: Reason,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

tally_kernel::dated!(Employment, Leave);

impl Employment {
    /// What a change of this employment is decided on: where its unit hangs today.
    pub fn target(&self, person: PersonId) -> Target {
        Target::person(self.region.clone(), Some(self.unit), person)
    }

    /// What a change of some of its days is decided on beside that: where its unit hung on them.
    pub fn targets(&self, person: PersonId, tree: &OrgTree, days: (Date, Date)) -> Vec<Target> {
        let on = |day| self.target(person).on(day);
        tree.turns(self.unit, days).into_iter().map(on).collect()
    }

    /// What reading it is decided on: where its unit hung on any of its days.
    pub fn read_target(&self, person: PersonId) -> Target {
        Target { moment: Some(Moment::Days(self.from, self.to)), ..self.target(person) }
    }
}

/// Days on which somebody is employed and away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// Id of this version of the fact.
    pub row: Uuid,
    /// The leave; its versions share it.
    pub id: LeaveId,
    /// The home unit on the first day.
    pub unit: OrgUnitId,
    pub region: Region,
    /// First day.
    pub from: Date,
    /// Last day, or not known yet.
    pub to: Option<Date>,
    /// Why. Not part of the kept result of a request: it lives under the person's key alone.
    #[serde(skip)]
    pub why: Option<Why>,
}

/// Why somebody is away.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// In a word, where it is said.
    pub kind: Option<LeaveKind>,
    /// In words, or empty.
    pub reason: String,
}

/// Says nothing: this may be about somebody's health.
impl fmt::Debug for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("why")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveKind {
    Sick,
    WorkInjury,
    /// A child is born.
    Maternity,
    /// A child is cared for.
    Parental,
    /// Somebody of the family is cared for.
    Care,
    /// Without pay, at the person's own wish.
    Unpaid,
    Other,
}

impl Leave {
    /// What a change of this leave is decided on: where its unit hangs today.
    pub fn target(&self, person: PersonId) -> Target {
        Target::person(self.region.clone(), Some(self.unit), person)
    }

    /// What reading it is decided on: where its unit hung on any of its days.
    pub fn read_target(&self, person: PersonId) -> Target {
        Target { moment: Some(Moment::Days(self.from, self.to)), ..self.target(person) }
    }
}

/// Who a person is, put right; what is empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rectification {
    /// The group's own number.
    pub employee_no: String,
    pub name: String,
    /// IANA zone.
    pub zone: String,
    /// Number of the identity document.
    pub id_number: Option<IdNumber>,
}

/// The person as it is put right, and the names of the fields that are different.
///
/// # Errors
/// [`PersonError::TextUnusable`], [`PersonError::Unseen`], [`PersonError::ZoneUnknown`], [`PersonError::NothingChanges`].
pub fn rectify(person: &Person, right: &Rectification) -> Result<(Person, Vec<&'static str>), PersonError> {
    let (mut person, mut changed) = (person.clone(), Vec::new());
    let fields = [
        ("employee_no", &mut person.employee_no, &right.employee_no),
        ("name", &mut person.name, &right.name),
        ("zone", &mut person.zone, &right.zone),
    ];
    for (field, is, right) in fields {
        let right = right.trim();
        if right.is_empty() || right == is.as_str() {
            continue;
        }
        if right.chars().count() > MAX_TEXT {
            return Err(PersonError::TextUnusable(field));
        }
        if field == "employee_no" {
            seen(field, right)?;
        }
        right.clone_into(is);
        changed.push(field);
    }
    time::zone(&person.zone).map_err(|_| PersonError::ZoneUnknown(person.zone.chars().take(64).collect()))?;
    if right.id_number.is_some() && right.id_number != person.id_number {
        person.id_number.clone_from(&right.id_number);
        changed.push("id_number");
    }
    if changed.is_empty() { Err(PersonError::NothingChanges) } else { Ok((person, changed)) }
}

/// Refuses a number that looks like another and is none.
fn seen(field: &'static str, number: &str) -> Result<(), PersonError> {
    unseen::in_id(number).map_or(Ok(()), |character| Err(PersonError::Unseen(field, character)))
}

/// What employments are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub tree: &'a OrgTree,
    pub catalogue: &'a Catalogue,
    pub today: Date,
    /// Employee numbers with characters that nobody sees are taken, as they were.
    pub replays: bool,
}

impl Facts<'_> {
    /// The days that decide about what lasts as long as an employment: until today. Beyond a move that is planned it is the matter of whom
    /// the unit comes to.
    pub fn so_far(&self, from: Date, to: Option<Date>) -> (Date, Date) {
        (from, to.unwrap_or(Date::MAX).min(self.today.max(from)))
    }

    /// The region of a unit that holds people on all of these days.
    fn region_of(&self, unit: OrgUnitId, from: Date, to: Option<Date>) -> Result<&Region, PersonError> {
        let state = self.tree.at(unit, from).ok_or(PersonError::UnitMissing(unit))?;
        if state.region.is_global() {
            return Err(PersonError::UnitHasNoRegion);
        }
        match self.tree.closes(unit).filter(|last| to.is_none_or(|to| to > *last)) {
            Some(last) => {
                let path = self.tree.path(unit, last).unwrap_or_else(|| unit.to_string());
                Err(PersonError::UnitCloses(path, last))
            }
            None => Ok(&state.region),
        }
    }

    /// Whether the group's catalogues have a position and a grade on a day. Nothing said is nothing wrong.
    fn in_catalogue(&self, position: &str, grade: &str, day: Date) -> Result<(), PersonError> {
        for (kind, field, code) in [(EntryKind::Position, "position", position), (EntryKind::Grade, "grade", grade)] {
            if !code.is_empty() && !self.catalogue.allows(kind, code, day) {
                return Err(PersonError::NotInCatalogue(field, code.to_owned(), day));
            }
        }
        Ok(())
    }
}

/// What can be wrong with people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonError {
    /// A text that must be there, or is too long.
    TextUnusable(&'static str),
    /// A number with a character that nobody sees.
    Unseen(&'static str, String),
    DateMalformed(&'static str),
    /// The last day lies before the first.
    DatesBackwards,
    ZoneUnknown(String),
    /// No kind of employment has this name.
    KindUnknown(String),
    /// No unit has this path on the first day.
    UnitUnknown(String),
    /// A unit had this path on another day, and none has it on the first day.
    UnitWas(String, Date),
    /// The unit is there, but begins later than the employment.
    UnitBeginsLater(String, Date),
    /// No such unit on that day.
    UnitMissing(OrgUnitId),
    /// The unit, by its path, closes with that day, before the employment ends.
    UnitCloses(String, Date),
    /// Nobody is employed by the root: it belongs to no region.
    UnitHasNoRegion,
    /// The number is there with other content.
    Differs(&'static str),
    /// The person is employed already on some of these days.
    Overlaps(Date),
    /// An employment that this one goes on from was refused.
    EarlierRefused,
    /// The unit is not the caller's today, or was not on the days that are past.
    OutOfReach,
    /// The person is not employed on that day.
    NotEmployed(Date),
    /// The employment ends on that day or before.
    EndsAlready(Date),
    /// The position or grade is not in the group's catalogue on that day.
    NotInCatalogue(&'static str, String, Date),
    /// Data of a person do not move between regions.
    RegionCrossed,
    /// The employment has a planned change on that day.
    ChangePlanned(Date),
    /// Nothing would be different.
    NothingChanges,
    /// The person has no such employment on that day.
    EmploymentMissing(EmploymentId, Date),
    /// The home employment ends as a whole, not as a post.
    HomeEnds,
    /// A post or a leave lasts at most as long as the home employment.
    OutlastsHome(Date),
    /// The person is on leave on some of these days.
    OnLeave(Date),
    /// The person has no such leave on that day.
    LeaveMissing(LeaveId),
    /// Nothing is planned for that day.
    NothingPlanned(Date),
    /// A later first day would cut off what happened on that day.
    CutOff(Date),
    /// Somebody else has this number.
    NumberTaken,
    /// Not the number of an identity document.
    IdNumberUnusable(IdNumberError),
    /// Somebody else of the region has this identity number.
    IdNumberTaken,
}

#[cfg(test)]
mod tests;
