//! The group's catalogues of positions and grades: dated entries. On days on which a catalogue holds nothing, every text
//! is a position or a grade; on others employments take theirs from it.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_kernel::dated::{Dated as _, Succession};
use tally_kernel::id::CatalogueEntryId;
use uuid::Uuid;

use crate::org::domain::ALWAYS;

/// Characters of a code or a title.
const MAX_TEXT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EntryKind {
    Position,
    /// A grade of the ladder.
    Grade,
}

/// A position or grade for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Id of this version of the fact.
    pub row: Uuid,
    /// The entry; its versions share it.
    pub id: CatalogueEntryId,
    pub kind: EntryKind,
    /// What employments name.
    pub code: String,
    /// What people read.
    pub title: String,
    /// Place on the ladder of grades: higher is more. 0 for a position.
    pub rank: u32,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

tally_kernel::dated!(Entry);

impl Entry {
    /// What a list is ordered by; unique on a day.
    pub fn key(&self) -> String {
        format!("{}/{:010}/{}", self.kind, self.rank, self.code)
    }
}

/// What can be wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogueError {
    /// Neither a position nor a grade.
    KindMissing,
    /// A text that must be there, or is too long.
    TextUnusable(&'static str),
    DateMalformed(&'static str),
    /// The last day lies before the first.
    DatesBackwards,
    /// Grades have a rank from 1 on, positions have none.
    RankUnusable,
    /// The code has an entry that begins later, on that day.
    ChangePlanned(Date),
}

/// The catalogues as they are known now.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    by_code: HashMap<(EntryKind, String), Vec<usize>>,
}

impl Catalogue {
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut catalogue = Self::default();
        for entry in entries {
            let at = catalogue.entries.len();
            catalogue.by_code.entry((entry.kind, entry.code.clone())).or_default().push(at);
            catalogue.entries.push(entry);
        }
        catalogue
    }

    /// Whether an employment may name this code on a day.
    pub fn allows(&self, kind: EntryKind, code: &str, day: Date) -> bool {
        self.of(kind, code).any(|entry| entry.covers(day))
            || !self.entries.iter().any(|e| e.kind == kind && e.covers(day))
    }

    /// A grade's place on the ladder on a day.
    pub fn rank(&self, grade: &str, day: Date) -> Option<u32> {
        self.of(EntryKind::Grade, grade).find(|entry| entry.covers(day)).map(|entry| entry.rank)
    }

    /// Entries that hold on a day, grades up the ladder before positions.
    pub fn as_of(&self, day: Date) -> Vec<Entry> {
        let mut entries: Vec<_> = self.entries.iter().filter(|entry| entry.covers(day)).cloned().collect();
        entries.sort_by_cached_key(Entry::key);
        entries
    }

    fn of(&self, kind: EntryKind, code: &str) -> impl Iterator<Item = &Entry> {
        let places = self.by_code.get(&(kind, code.to_owned())).into_iter().flatten();
        places.filter_map(|at| self.entries.get(*at))
    }
}

/// An entry to be written, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryRow {
    pub kind: Option<EntryKind>,
    /// What employments name.
    pub code: String,
    /// What people read; empty means the code.
    pub title: String,
    /// Place on the ladder of grades.
    pub rank: u32,
    /// First day, or empty for always.
    pub from: String,
    /// Last day, or empty.
    pub to: String,
}

/// What an import comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// What becomes of versions.
    pub change: Succession<Entry>,
    /// Rows that write something.
    pub written: u32,
    /// Rows that are there.
    pub unchanged: u32,
    pub problems: Vec<(u32, CatalogueError)>,
}

/// Decides what becomes of each row. A row says what holds from its first day on: an entry of the same code that began
/// earlier ends the day before, one that began on that day is corrected. `id` gives new ids.
pub fn plan_import(known: &Catalogue, rows: &[(u32, EntryRow)], mut id: impl FnMut() -> Uuid) -> ImportPlan {
    let mut plan = ImportPlan::default();
    let mut now: HashMap<(EntryKind, String), Vec<Entry>> = HashMap::new();
    for entry in &known.entries {
        now.entry((entry.kind, entry.code.clone())).or_default().push(entry.clone());
    }
    for (index, row) in rows {
        match parse(row, &mut id) {
            Err(problem) => plan.problems.push((*index, problem)),
            Ok(new) => match place(now.entry((new.kind, new.code.clone())).or_default(), new, &mut plan, &mut id) {
                Err(problem) => plan.problems.push((*index, problem)),
                Ok(false) => plan.unchanged += 1,
                Ok(true) => plan.written += 1,
            },
        }
    }
    plan
}

/// Puts an entry among those of its code; says whether anything is different then.
fn place(
    there: &mut Vec<Entry>,
    new: Entry,
    plan: &mut ImportPlan,
    id: &mut impl FnMut() -> Uuid,
) -> Result<bool, CatalogueError> {
    if let Some(later) = there.iter().find(|e| e.from > new.from && new.to.is_none_or(|last| e.from <= last)) {
        return Err(CatalogueError::ChangePlanned(later.from));
    }
    let Some(at) = there.iter().position(|e| e.covers(new.from)) else {
        plan.change.writes.push(new.clone());
        there.push(new);
        return Ok(true);
    };
    let old = there[at].clone();
    if (&old.title, old.rank, old.to) == (&new.title, new.rank, new.to) {
        return Ok(false);
    }
    there.remove(at);
    // What this very import wrote was never known: it is dropped, not closed.
    match plan.change.writes.iter().position(|e| e.row == old.row) {
        Some(own) => drop(plan.change.writes.remove(own)),
        None => plan.change.closes.push(old.row),
    }
    let before = old.days().before(new.from).map(|days| old.on(id(), days));
    let new = if before.is_none() { Entry { id: old.id, ..new } } else { new };
    for entry in before.into_iter().chain([new]) {
        plan.change.writes.push(entry.clone());
        there.push(entry);
    }
    Ok(true)
}

fn parse(row: &EntryRow, id: &mut impl FnMut() -> Uuid) -> Result<Entry, CatalogueError> {
    let kind = row.kind.ok_or(CatalogueError::KindMissing)?;
    let text = |field, text: &str| match text.trim() {
        text if (1..=MAX_TEXT).contains(&text.chars().count()) => Ok(text.to_owned()),
        _ => Err(CatalogueError::TextUnusable(field)),
    };
    let code = text("code", &row.code)?;
    let title = if row.title.trim().is_empty() { code.clone() } else { text("title", &row.title)? };
    if (kind == EntryKind::Grade) != (row.rank > 0) {
        return Err(CatalogueError::RankUnusable);
    }
    let day = |field, text: &str| text.trim().parse::<Date>().map_err(|_| CatalogueError::DateMalformed(field));
    let from = if row.from.trim().is_empty() { ALWAYS } else { day("valid_from", &row.from)? };
    let to = if row.to.trim().is_empty() { None } else { Some(day("valid_to", &row.to)?) };
    if to.is_some_and(|last| last < from) {
        return Err(CatalogueError::DatesBackwards);
    }
    Ok(Entry { row: id(), id: CatalogueEntryId(id()), kind, code, title, rank: row.rank, from, to })
}

#[cfg(test)]
mod tests;
