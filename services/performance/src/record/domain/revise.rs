//! Which version of a record counts: the one with the highest revision, in whatever order they come.

use std::collections::BTreeMap;

use tally_kernel::import::{ImportOutcome, Problem};

use super::{Record, Row, RowError};

/// How a record went that does not count any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Nothing but a higher revision brings it back.
    Withdrawn,
    /// It is on another account, and its revisions belong there.
    Moved,
}

/// The version of a record that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub revision: i64,
    /// [`Record::content`].
    pub content: [u8; 32],
    pub started_ms: i64,
    /// Empty for a session.
    pub refers_to: String,
    /// All that it says, where a row says something else.
    pub record: Option<Box<Record>>,
}

/// What the store says of an external id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    Record(Stored),
    Gone {
        /// The last one that counted.
        revision: i64,
        /// When that began.
        started_ms: i64,
        how: Gone,
        /// As who took it out says.
        why: String,
    },
}

/// What an import does to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Versions that came with it and do not count: the lowest first.
    pub earlier: Vec<Row>,
    /// The one that counts now.
    pub row: Row,
    /// What was there before.
    pub was: Option<There>,
}

/// What an import does.
#[derive(Debug, Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// Records that are as they were under a higher revision.
    pub raised: Vec<(String, i64)>,
    /// When the records began whose days are others now.
    pub starts: Vec<i64>,
}

/// Decides what becomes of each row, given what is there of the external ids that rows have or refer to. Rows of one external id
/// go by their revision; sessions go before refunds, which may refer to one of them.
pub fn revise(mut rows: Vec<(u32, Row)>, there: BTreeMap<String, There>, outcome: &mut ImportOutcome) -> Plan {
    let course = |(id, there)| (id, Course { there: Some(there), ..Course::default() });
    let mut courses: BTreeMap<String, Course> = there.into_iter().map(course).collect();
    rows.sort_by(|(a, x), (b, y)| (place(x), a).cmp(&(place(y), b)));
    for group in rows.chunk_by(|(_, x), (_, y)| place(x) == place(y)) {
        let Some((_, first)) = group.first() else { continue };
        let target = target(&courses, first);
        let course = courses.entry(first.record.external_id.clone()).or_default();
        let disputed = group.iter().any(|(_, row)| row.content != first.content) && course.is_below(first.revision);
        for (index, row) in group {
            let taken = match &target {
                Err(wrong) => Err(wrong.clone()),
                Ok(()) if disputed => Err(RowError::Contradicted(row.record.external_id.clone())),
                Ok(()) => course.take(row),
            };
            match taken {
                Ok(Taken::Written) => outcome.written += 1,
                Ok(Taken::Revised) => outcome.revised += 1,
                Ok(Taken::Unchanged) => outcome.unchanged += 1,
                Err(wrong) => outcome.problems.push(Problem::new(*index, wrong.reason(), wrong.message())),
            }
        }
    }
    plan(courses)
}

fn place(row: &Row) -> (bool, &str, i64) {
    (row.record.is_refund(), &row.record.external_id, row.revision)
}

/// Whether what a row refers to is a session of the account.
fn target(courses: &BTreeMap<String, Course>, row: &Row) -> Result<(), RowError> {
    if !row.record.is_refund() {
        return Ok(());
    }
    let (id, other) = (&row.record.external_id, &row.record.refers_to);
    match courses.get(other).and_then(Course::newest) {
        None => Err(RowError::RefersToNothing(id.clone(), other.clone())),
        Some(newest) if !newest.refers_to.is_empty() => Err(RowError::RefersToRefund(id.clone(), other.clone())),
        Some(_) => Ok(()),
    }
}

fn plan(courses: BTreeMap<String, Course>) -> Plan {
    let mut plan = Plan::default();
    let start = |id: &str| courses.get(id).and_then(Course::newest).map(|newest| newest.started_ms);
    // What a refund changes is the day of the record that it refers to, and not its own.
    let counts = |refers_to: &str, started_ms| start(refers_to).unwrap_or(started_ms);
    for course in courses.values().filter(|course| !course.versions.is_empty()) {
        if let Some(There::Record(stored)) = &course.there {
            plan.starts.push(counts(&stored.refers_to, stored.started_ms));
        }
        plan.starts.extend(course.versions.iter().map(|row| counts(&row.record.refers_to, row.record.started_ms)));
    }
    for (id, mut course) in courses {
        plan.raised.extend(course.raised.map(|revision| (id, revision)));
        if let Some(row) = course.versions.pop() {
            plan.changes.push(Change { earlier: course.versions, row, was: course.there });
        }
    }
    plan
}

enum Taken {
    Written,
    Revised,
    Unchanged,
}

/// What becomes of one external id.
#[derive(Default)]
struct Course {
    there: Option<There>,
    /// The revision of what is there, where the same came with a higher one.
    raised: Option<i64>,
    /// New versions, the lowest first.
    versions: Vec<Row>,
}

/// What a row is held against.
struct Newest<'a> {
    revision: i64,
    content: [u8; 32],
    started_ms: i64,
    refers_to: &'a str,
    record: Option<&'a Record>,
}

impl Course {
    fn newest(&self) -> Option<Newest<'_>> {
        if let Some(Row { record, revision, content }) = self.versions.last() {
            let (revision, content, started_ms) = (*revision, *content, record.started_ms);
            return Some(Newest { revision, content, started_ms, refers_to: &record.refers_to, record: Some(record) });
        }
        let Some(There::Record(stored)) = &self.there else { return None };
        Some(Newest {
            revision: self.raised.unwrap_or(stored.revision),
            content: stored.content,
            started_ms: stored.started_ms,
            refers_to: &stored.refers_to,
            record: stored.record.as_deref(),
        })
    }

    /// Whether rows of this revision would be the newest: then nobody can say which of two that differ is right.
    fn is_below(&self, revision: i64) -> bool {
        self.newest().is_none_or(|newest| newest.revision < revision)
    }

    fn take(&mut self, row: &Row) -> Result<Taken, RowError> {
        let id = || row.record.external_id.clone();
        let Some(newest) = self.newest() else {
            match &self.there {
                Some(There::Gone { revision, how, why, .. }) if *how == Gone::Moved || row.revision <= *revision => {
                    return Err(RowError::Gone(id(), *how, why.clone()));
                }
                _ => self.versions.push(row.clone()),
            }
            return Ok(Taken::Written);
        };
        if newest.content == row.content {
            // The number is kept, or a version between both would count after this one and not before it.
            if row.revision > newest.revision {
                match self.versions.last_mut() {
                    Some(last) => last.revision = row.revision,
                    None => self.raised = Some(row.revision),
                }
            }
            return Ok(Taken::Unchanged);
        }
        if row.revision < newest.revision {
            return Err(RowError::Stale { id: id(), sent: row.revision, there: newest.revision });
        }
        if row.revision == newest.revision {
            let columns = newest.record.map(|there| row.record.differing(there)).unwrap_or_default();
            return Err(RowError::DifferentContent(id(), columns));
        }
        if row.record.refers_to != newest.refers_to {
            return Err(RowError::ReferenceFixed(id()));
        }
        self.versions.push(row.clone());
        Ok(Taken::Revised)
    }
}

#[cfg(test)]
mod tests;
