//! Rows of an import: what makes two the same, which are new, and what becomes of each.
//!
//! A row has a key and content. The same key with the same content is *unchanged*, with other content it is refused: an
//! import overwrites no fact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Message};

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Place of the row in the request, from 0.
    pub index: u32,
    /// UPPER_SNAKE.
    pub reason: String,
    /// What is wrong and what to change.
    pub message: Message,
}

impl Problem {
    /// A refused row.
    pub fn new(index: u32, reason: &str, message: Message) -> Self {
        Self { index, reason: reason.to_owned(), message }
    }

    /// A row that is refused with the reason of an error.
    fn of(index: u32, error: impl Into<Error>) -> Self {
        let error = error.into();
        Self { index, reason: error.message().reason().to_owned(), message: error.message().clone() }
    }
}

/// What became of the rows; kept as the result of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// Written now.
    pub written: u32,
    /// There already with the same content.
    pub unchanged: u32,
    /// Written as new versions of what was there. Results kept by earlier versions of the suite do not say.
    #[serde(default)]
    pub revised: u32,
    /// Refused.
    pub problems: Vec<Problem>,
    /// Of the unchanged, those that were put right since: they stay as they were put right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_right: Vec<u32>,
}

impl ImportOutcome {
    /// From counts and what is wrong with the refused rows.
    pub fn new<E: Into<Error>>(written: u32, unchanged: u32, refused: Vec<(u32, E)>) -> Self {
        let problems = refused.into_iter().map(|(index, error)| Problem::of(index, error)).collect();
        Self { written, unchanged, revised: 0, problems, put_right: Vec::new() }
    }

    /// Adds what came of a part that follows `before` rows of others.
    pub fn append(&mut self, part: Self, before: u32) {
        let Self { written, unchanged, revised, problems, put_right } = part;
        self.written = self.written.saturating_add(written);
        self.unchanged = self.unchanged.saturating_add(unchanged);
        self.revised = self.revised.saturating_add(revised);
        let moved = |index: u32| index.saturating_add(before);
        self.problems.extend(problems.into_iter().map(|problem| Problem { index: moved(problem.index), ..problem }));
        self.put_right.extend(put_right.into_iter().map(moved));
    }

    /// With the problems in the order of the rows.
    pub fn in_order(mut self) -> Self {
        self.problems.sort_by_key(|problem| problem.index);
        self
    }
}

/// Takes out the rows that something is wrong with, as `wrong` says; the others go on, in their order.
///
/// # Errors
/// What `wrong` says of no row in particular.
pub fn refuse<T>(
    rows: Vec<(u32, T)>,
    outcome: &mut ImportOutcome,
    wrong: impl Fn(u32, &T) -> Result<Option<Problem>, Error>,
) -> Result<Vec<(u32, T)>, Error> {
    let mut good = Vec::with_capacity(rows.len());
    for (index, row) in rows {
        match wrong(index, &row)? {
            Some(problem) => outcome.problems.push(problem),
            None => good.push((index, row)),
        }
    }
    Ok(good)
}

/// A row with what makes it the same row.
pub trait Keyed {
    /// What no two rows have in common.
    type Key: Ord;
    /// What a row says beside its key.
    type Content: PartialEq;
    /// The key of this row.
    fn key(&self) -> Self::Key;
    /// What it says of its key.
    fn content(&self) -> Self::Content;
    /// Why it is refused when another row with its key says something else, which is `other`: the stable reason, and the
    /// sentence.
    fn conflict(&self, other: &Self::Content) -> (&'static str, Message);
    /// Both, of a row that is there.
    fn known(&self) -> (Self::Key, Self::Content) {
        (self.key(), self.content())
    }
}

/// Sorts rows into those to write, in their order and with their place in the request, those that are there, and those that
/// contradict what is `there` or an earlier row.
pub fn reconcile<T: Keyed>(
    rows: Vec<(u32, T)>,
    there: impl IntoIterator<Item = (T::Key, T::Content)>,
    outcome: &mut ImportOutcome,
) -> Vec<(u32, T)> {
    let mut known: BTreeMap<T::Key, T::Content> = there.into_iter().collect();
    let mut fresh = Vec::with_capacity(rows.len());
    for (index, row) in rows {
        let (key, content) = row.known();
        match known.get(&key) {
            Some(there) if *there != content => {
                let (reason, message) = row.conflict(there);
                outcome.problems.push(Problem::new(index, reason, message));
            }
            Some(_) => outcome.unchanged += 1,
            None => {
                known.insert(key, content);
                outcome.written += 1;
                fresh.push((index, row));
            }
        }
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Row(&'static str, u32);

    impl Keyed for Row {
        type Key = &'static str;
        type Content = u32;
        fn key(&self) -> Self::Key {
            self.0
        }
        fn content(&self) -> u32 {
            self.1
        }
        fn conflict(&self, other: &u32) -> (&'static str, Message) {
            ("ALREADY_DIFFERENT", Message::told(format!("{} is there with the number {other}", self.0)))
        }
    }

    #[test]
    fn rows_are_written_once_and_contradictions_are_refused_wherever_they_stand() {
        let rows = [Row("a", 1), Row("b", 1), Row("b", 1), Row("b", 2), Row("c", 1), Row("d", 9)];
        let mut outcome = ImportOutcome::default();
        let fresh = reconcile((0..).zip(rows).collect(), [("a", 1), ("d", 1)], &mut outcome);
        assert_eq!(fresh, [(1, Row("b", 1)), (4, Row("c", 1))]);
        assert_eq!((outcome.written, outcome.unchanged), (2, 2));
        assert_eq!(outcome.problems.iter().map(|p| p.index).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(outcome.problems[0].message, Message::told("b is there with the number 1"));
    }

    #[test]
    fn rows_of_a_later_part_are_counted_on() {
        let problem = |index| Problem::new(index, "X", Message::told("wrong"));
        let part = |written, index| ImportOutcome {
            written,
            unchanged: 1,
            revised: 2,
            problems: vec![problem(index)],
            put_right: vec![index],
        };
        let mut all = ImportOutcome::default();
        all.append(part(3, 0), 0);
        all.append(part(4, 1), 5);
        assert_eq!((all.written, all.unchanged, all.revised), (7, 2, 4));
        assert_eq!(all.problems, [problem(0), problem(6)]);
        assert_eq!(all.put_right, [0, 6]);
    }
}
