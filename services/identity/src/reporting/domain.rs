//! Reporting lines: dated facts. A person has at most one solid line on a day, to the manager in charge, and any number of
//! dotted ones, to managers of a matrix. Solid lines never lead back to where they began.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{Region, Target};
use tally_kernel::id::{OrgUnitId, PersonId, ReportingLineId};
use uuid::Uuid;

use crate::person::domain::Person;

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// The manager in charge.
    Solid,
    /// A further manager, of a matrix.
    Dotted,
}

impl LineKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Dotted => "dotted",
        }
    }

    /// The kind of a stored name.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Solid, Self::Dotted].into_iter().find(|kind| kind.name() == name)
    }
}

/// A reporting line for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Id of this version of the fact.
    pub row: Uuid,
    /// The line; its versions share it.
    pub id: ReportingLineId,
    /// Who reports.
    pub person: PersonId,
    /// To whom.
    pub manager: PersonId,
    /// What it means.
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

impl Line {
    /// What a call about this line is decided on: it is about who reports.
    pub fn target(&self) -> Target {
        Target::person(self.region.clone(), Some(self.unit), self.person)
    }

    /// Whether it holds on a day.
    pub fn covers(&self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|last| day <= last)
    }

    fn overlaps(&self, from: Date, to: Option<Date>) -> bool {
        to.is_none_or(|last| self.from <= last) && self.to.is_none_or(|last| from <= last)
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
    /// No such line.
    LineMissing(ReportingLineId),
    /// The line ends on that day already.
    EndsAlready(Date),
}

/// A line to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLine {
    /// What it means.
    pub kind: LineKind,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

/// What a change writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Versions that are known no longer.
    pub closes: Vec<Uuid>,
    /// Versions that are known from now on; of a new line it is the last.
    pub writes: Vec<Line>,
}

/// Decides a new line. `lines` are those of the person, and the solid ones of everybody above the manager. A solid line
/// takes the place of the one that holds, for its days: a stand-in's line gives way again when it ends.
///
/// # Errors
/// See [`ReportingError`].
pub fn plan_set(
    lines: &[Line],
    person: &Person,
    manager: &Person,
    new: NewLine,
    mut id: impl FnMut() -> Uuid,
) -> Result<Changes, ReportingError> {
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
    let mut changes = Changes::default();
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
                give_way(old, from, to, &mut changes, &mut id);
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

/// A line holds before `from` and after `to` only.
fn give_way(old: &Line, from: Date, to: Option<Date>, changes: &mut Changes, id: &mut impl FnMut() -> Uuid) {
    changes.closes.push(old.row);
    let before = from.yesterday().ok().filter(|last| old.from <= *last);
    changes.writes.extend(before.map(|last| Line { row: id(), to: Some(last), ..old.clone() }));
    let again = to.and_then(|last| last.tomorrow().ok()).filter(|day| old.to.is_none_or(|last| *day <= last));
    changes.writes.extend(again.map(|day| Line { row: id(), from: day, ..old.clone() }));
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
pub fn plan_end(line: &Line, last_day: Date, row: Uuid) -> Result<Changes, ReportingError> {
    if line.to.is_some_and(|last| last <= last_day) {
        return Err(ReportingError::EndsAlready(line.to.unwrap_or(last_day)));
    }
    let ended = (line.from <= last_day).then(|| Line { row, to: Some(last_day), ..line.clone() });
    Ok(Changes { closes: vec![line.row], writes: ended.into_iter().collect() })
}

#[cfg(test)]
mod tests;
