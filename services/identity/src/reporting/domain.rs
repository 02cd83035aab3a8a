//! Reporting lines: dated facts. A person has at most one solid line on a day, to the manager in charge, and any number of
//! dotted ones, to managers of a matrix. Solid lines never lead back to where they began.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Region, Target};
use tally_kernel::dated::{Dated as _, Days, Succession};
use tally_kernel::id::{OrgUnitId, PersonId, ReportingLineId};
use uuid::Uuid;

use crate::person::domain::Person;

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LineKind {
    /// The manager in charge.
    Solid,
    /// A further manager, of a matrix.
    Dotted,
}

/// A reporting line for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Id of this version of the fact.
    pub row: Uuid,
    /// The line; its versions share it.
    pub id: ReportingLineId,
    pub person: PersonId,
    /// To whom.
    pub manager: PersonId,
    pub kind: LineKind,
    /// Region of the person's home.
    pub region: Region,
    /// The person's home unit on the first day.
    pub unit: OrgUnitId,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

tally_kernel::dated!(Line);

impl Line {
    /// What a call about this line is decided on: it is about who reports.
    pub fn target(&self) -> Target {
        Target::person(self.region.clone(), Some(self.unit), self.person)
    }
}

/// What can be wrong with a reporting line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportingError {
    /// The last day lies before the first.
    DatesBackwards,
    /// The person is not employed on the first day.
    NotEmployed(Date),
    /// The manager is not employed on the first day.
    ManagerNotEmployed(Date),
    /// Manager and person are of different regions.
    RegionCrossed,
    /// The manager reports to the person, directly or by others, on that day.
    Cycle(Date),
    /// Another solid line of the person begins on that day.
    ChangePlanned(Date),
    /// The person reports to this manager on these days already.
    ThereAlready(ReportingLineId),
    LineMissing(ReportingLineId),
    /// The line ends on that day already.
    EndsAlready(Date),
}

/// A line to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLine {
    pub kind: LineKind,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

/// Decides a new line, which is the last that is written. `lines` are those of the person, and the solid ones of everybody
/// above the manager. A solid line takes the place of the one that holds, for its days: a stand-in's line gives way again
/// when it ends.
///
/// # Errors
/// See [`ReportingError`].
pub fn plan_set(
    lines: &[Line],
    person: &Person,
    manager: &Person,
    new: NewLine,
    mut id: impl FnMut() -> Uuid,
) -> Result<Succession<Line>, ReportingError> {
    let NewLine { kind, from, to } = new;
    if to.is_some_and(|last| last < from) {
        return Err(ReportingError::DatesBackwards);
    }
    let home = person.home(from).filter(|home| home.covers(from)).ok_or(ReportingError::NotEmployed(from))?;
    let above = manager.home(from).filter(|home| home.covers(from)).ok_or(ReportingError::ManagerNotEmployed(from))?;
    if home.region != above.region {
        return Err(ReportingError::RegionCrossed);
    }
    let own = lines.iter().filter(|line| line.person == person.id && line.kind == kind && line.overlaps(from, to));
    let mut changes = Succession::default();
    match kind {
        LineKind::Dotted => {
            if person.id == manager.id {
                return Err(ReportingError::Cycle(from));
            }
            if let Some(there) = own.into_iter().find(|line| line.manager == manager.id) {
                return Err(ReportingError::ThereAlready(there.id));
            }
        }
        LineKind::Solid => {
            for old in own {
                if old.from > from {
                    return Err(ReportingError::ChangePlanned(old.from));
                }
                if old.manager == manager.id {
                    return Err(ReportingError::ThereAlready(old.id));
                }
                changes.give_way(old, Days::new(from, to), &mut id);
            }
            no_cycle(lines, person.id, manager.id, from, to)?;
        }
    }
    changes.writes.push(Line {
        row: id(),
        id: ReportingLineId(id()),
        person: person.id,
        manager: manager.id,
        kind,
        region: home.region.clone(),
        unit: home.unit,
        from,
        to,
    });
    Ok(changes)
}

/// Whether the solid lines above the manager lead to the person on a day of the new line. They change only on the first
/// day of one of them.
fn no_cycle(
    lines: &[Line],
    person: PersonId,
    manager: PersonId,
    from: Date,
    to: Option<Date>,
) -> Result<(), ReportingError> {
    let solid = || lines.iter().filter(|line| line.kind == LineKind::Solid && line.person != person);
    let within = |day: &Date| *day > from && to.is_none_or(|last| *day <= last);
    let days: BTreeSet<Date> = solid().map(|line| line.from).filter(within).chain([from]).collect();
    for day in days {
        let (mut here, mut seen) = (Some(manager), BTreeSet::new());
        while let Some(at) = here.filter(|at| seen.insert(*at)) {
            if at == person {
                return Err(ReportingError::Cycle(day));
            }
            here = solid().find(|line| line.person == at && line.covers(day)).map(|line| line.manager);
        }
    }
    Ok(())
}

/// Decides the end of a line. One that ends before it begins was never there.
///
/// # Errors
/// [`ReportingError::EndsAlready`].
pub fn plan_end(line: &Line, last_day: Date, mut id: impl FnMut() -> Uuid) -> Result<Succession<Line>, ReportingError> {
    if line.to.is_some_and(|last| last <= last_day) {
        return Err(ReportingError::EndsAlready(line.to.unwrap_or(last_day)));
    }
    let mut change = Succession::default();
    change.end(line, last_day, &mut id);
    Ok(change)
}

#[cfg(test)]
mod tests;
