//! What the bulk calls of every room have in common: rows that are written, rows that are there already, and rows that
//! are refused while the others go in.
//!
//! A row has a natural key and content. The same key with the same content is *unchanged*, with other content it is
//! refused: facts are never overwritten by an import.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use tally_app::RequestKey;
use tally_kernel::{Message, msg};

/// Rows of one call at most.
pub const MAX_ROWS: usize = 5_000;

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
    pub fn new(index: u32, reason: &str, message: Message) -> Self {
        Self { index, reason: reason.to_owned(), message }
    }

    /// A row about a person whom the group does not know.
    pub fn unknown_person(index: u32, id: impl std::fmt::Display) -> Self {
        Self::new(index, "PERSON_UNKNOWN", msg!("PERSON_UNKNOWN", id))
    }

    /// A row about an account that was never brought in.
    pub fn unknown_account(index: u32, id: impl std::fmt::Display) -> Self {
        Self::new(index, "ACCOUNT_UNKNOWN", msg!("ACCOUNT_UNKNOWN", id))
    }
}

/// What became of the rows; kept as the result of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOutcome {
    pub written: u32,
    /// There already with the same content.
    pub unchanged: u32,
    /// Refused, by index.
    pub problems: Vec<Problem>,
}

/// A bulk request after parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T> {
    pub request: RequestKey,
    /// Rows that could be read, with their place in the request.
    pub rows: Vec<(u32, T)>,
    /// Rows that could not.
    pub problems: Vec<Problem>,
}

/// A row with what makes it the same row.
pub trait Keyed {
    type Key: Ord + Clone;
    /// The key of this row.
    fn key(&self) -> Self::Key;
    /// Whether both say the same about their common key.
    fn same(&self, other: &Self) -> bool;
    /// Why it is refused when another row with its key says something else: in what.
    fn conflict(&self, other: &Self) -> Message;
}

/// Sorts rows into those to write (with their place in the request), those that are there, and those that contradict what
/// is there or an earlier row.
pub fn reconcile<T: Keyed>(rows: Vec<(u32, T)>, existing: Vec<T>, outcome: &mut ImportOutcome) -> Vec<(u32, T)> {
    let mut known: BTreeMap<T::Key, Known<T>> =
        existing.into_iter().map(|row| (row.key(), Known::Stored(row))).collect();
    let mut fresh: Vec<(u32, T)> = Vec::new();
    for (index, row) in rows {
        match known.entry(row.key()) {
            Entry::Vacant(free) => {
                free.insert(Known::Fresh(fresh.len()));
                fresh.push((index, row));
                outcome.written += 1;
            }
            Entry::Occupied(there) => {
                let other = match there.get() {
                    Known::Stored(stored) => stored,
                    Known::Fresh(place) => &fresh[*place].1,
                };
                if row.same(other) {
                    outcome.unchanged += 1;
                } else {
                    outcome.problems.push(Problem::new(index, "ALREADY_DIFFERENT", row.conflict(other)));
                }
            }
        }
    }
    fresh
}

enum Known<T> {
    Stored(T),
    Fresh(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Row(&'static str, u32);

    impl Keyed for Row {
        type Key = &'static str;
        fn key(&self) -> Self::Key {
            self.0
        }
        fn same(&self, other: &Self) -> bool {
            self.1 == other.1
        }
        fn conflict(&self, other: &Self) -> Message {
            Message::told(format!("{} is there with the number {}", self.0, other.1))
        }
    }

    #[test]
    fn rows_are_written_once_and_contradictions_are_refused_wherever_they_stand() {
        let rows = [Row("a", 1), Row("b", 1), Row("b", 1), Row("b", 2), Row("c", 1), Row("d", 9)];
        let rows = (0..).zip(rows).collect();
        let mut outcome = ImportOutcome::default();
        let fresh = reconcile(rows, vec![Row("a", 1), Row("d", 1)], &mut outcome);
        assert_eq!(fresh, [(1, Row("b", 1)), (4, Row("c", 1))]);
        assert_eq!((outcome.written, outcome.unchanged), (2, 2));
        let refused: Vec<u32> = outcome.problems.iter().map(|p| p.index).collect();
        assert_eq!(refused, [3, 5]);
        assert_eq!(outcome.problems[0].message, Message::told("b is there with the number 1"));
    }
}
