//! Which version of an observation counts: the one with the highest revision, in whatever order they come.

use std::collections::BTreeMap;

use tally_kernel::Micro;
use tally_kernel::import::{ImportOutcome, Problem};
use uuid::Uuid;

use super::{Placed, RowError};

/// What an observation says of its measure, subject and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub value: Micro,
    pub source: String,
}

/// An observation that is there, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: Uuid,
    /// Of its last version among all, from 1.
    pub ordinal: i32,
    pub revision: i64,
    pub content: Content,
    /// Why it was taken out; nothing while it counts.
    pub withdrawn: Option<String>,
}

/// What the store says of observations, by their key.
pub type There = BTreeMap<[u8; 32], Stored>;

/// What an import does to one observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was there before, whether it counted or not.
    pub was: Option<Stored>,
    /// New versions, the lowest first: the last counts.
    pub versions: Vec<Placed>,
}

/// What an import does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// Observations that are as they were under a higher revision.
    pub raised: Vec<(Uuid, i64)>,
}

/// Decides what becomes of each row. Rows of one observation go by their revision.
pub fn revise(rows: &[(u32, Placed)], there: There, outcome: &mut ImportOutcome) -> Plan {
    let course = |(key, stored)| (key, Course { there: Some(stored), ..Course::default() });
    let mut courses: BTreeMap<[u8; 32], Course> = there.into_iter().map(course).collect();
    let mut rows: Vec<([u8; 32], u32, &Placed)> = rows.iter().map(|(at, row)| (row.key(), *at, row)).collect();
    rows.sort_by_key(|(key, at, row)| (*key, row.said.revision, *at));
    for group in rows.chunk_by(|(a, _, x), (b, _, y)| (a, x.said.revision) == (b, y.said.revision)) {
        let Some((key, _, first)) = group.first() else { continue };
        let course = courses.entry(*key).or_default();
        let differ = group.iter().any(|(_, _, row)| row.content() != first.content());
        let disputed = differ && course.newest().is_none_or(|(revision, _)| revision < first.said.revision);
        for (_, at, row) in group {
            let taken = if disputed { Err(RowError::Contradicted(row.name())) } else { course.take(row) };
            match taken {
                Ok(Taken::Written) => outcome.written += 1,
                Ok(Taken::Revised) => outcome.revised += 1,
                Ok(Taken::Unchanged) => outcome.unchanged += 1,
                Err(wrong) => outcome.problems.push(Problem::new(*at, wrong.reason(), wrong.message())),
            }
        }
    }
    let mut plan = Plan::default();
    for Course { there, raised, versions } in courses.into_values() {
        plan.raised.extend(there.as_ref().zip(raised).map(|(stored, revision)| (stored.id, revision)));
        if !versions.is_empty() {
            plan.changes.push(Change { was: there, versions });
        }
    }
    plan
}

enum Taken {
    Written,
    Revised,
    Unchanged,
}

/// What becomes of one observation.
#[derive(Default)]
struct Course {
    there: Option<Stored>,
    /// The revision of what is there, where the same came with a higher one.
    raised: Option<i64>,
    versions: Vec<Placed>,
}

impl Course {
    /// What counts so far: its revision and what it says.
    fn newest(&self) -> Option<(i64, Content)> {
        if let Some(last) = self.versions.last() {
            return Some((last.said.revision, last.content()));
        }
        let stored = self.there.as_ref().filter(|stored| stored.withdrawn.is_none())?;
        Some((self.raised.unwrap_or(stored.revision), stored.content.clone()))
    }

    fn take(&mut self, row: &Placed) -> Result<Taken, RowError> {
        let sent = row.said.revision;
        let Some((revision, content)) = self.newest() else {
            return match &self.there {
                Some(Stored { revision, withdrawn: Some(why), .. }) if sent <= *revision => {
                    Err(RowError::Withdrawn(row.name(), why.clone()))
                }
                Some(_) | None => {
                    self.versions.push(row.clone());
                    Ok(Taken::Written)
                }
            };
        };
        if content == row.content() {
            // The number is kept, or a version between both would count after this one and not before it.
            match self.versions.last_mut() {
                Some(last) => last.said.revision = last.said.revision.max(sent),
                None if sent > revision => self.raised = Some(sent),
                None => {}
            }
            return Ok(Taken::Unchanged);
        }
        if sent < revision {
            return Err(RowError::Stale { name: row.name(), sent, there: revision });
        }
        if sent == revision {
            return Err(RowError::DifferentContent(row.name(), content, row.content()));
        }
        self.versions.push(row.clone());
        Ok(Taken::Revised)
    }
}

#[cfg(test)]
mod tests;
