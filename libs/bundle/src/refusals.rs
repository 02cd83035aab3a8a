//! Rows that a suite refused after they were read without complaint. The reading that leaves them out makes them rejected rows
//! like any other: what depends on them is rejected in turn, and what follows from several rows follows from the others.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_kernel::message::word;
use tally_kernel::{Message, msg};

use super::diagnostics::{Rejects, Wrong};
use super::model::{Observation, Rate};

/// What names rows, whatever the order in which they stand: people by number, accounts by platform/store/account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowName {
    /// Whatever is in an org unit or below it, by its path.
    Unit(String),
    /// All rows of a number.
    Person(String),
    /// All rows of an account.
    Account(String),
    /// Who, on which account, from when.
    Shift(String, String, Timestamp),
    /// Who and when.
    Punch(String, Timestamp),
    /// Of which account, when, by whom.
    Handover(String, Timestamp, String),
    /// On which platform, the nickname, and its first day.
    Alias(String, String, Option<Date>),
    /// Whose it is from its first day on; the number or the seat is empty.
    Device {
        /// Its name.
        device: String,
        /// Whose, by employee number.
        number: String,
        /// Of which seat.
        seat: String,
        /// Its first day.
        from: Option<Date>,
    },
    /// Of which account, and its external id.
    Record(String, String),
    /// All messages of a record: of which account, and its external id.
    Replies(String, String),
    /// On which account, when, by whom.
    Claim(String, Timestamp, String),
    /// All that it says.
    Observation(Observation),
    /// All that it says.
    Rate(Rate),
}

impl RowName {
    fn file(&self) -> &'static str {
        match self {
            Self::Unit(_) | Self::Person(_) => "people.csv",
            Self::Account(_) => "accounts.csv",
            Self::Shift(..) => "rosters.csv",
            Self::Punch(..) => "punches.csv",
            Self::Handover(..) => "handovers.csv",
            Self::Alias(..) => "aliases.csv",
            Self::Device { .. } => "devices.csv",
            Self::Record(..) => "records.csv",
            Self::Replies(..) => "replies.csv",
            Self::Claim(..) => "claims.csv",
            Self::Observation(_) => "observations.csv",
            Self::Rate(_) => "rates.csv",
        }
    }
}

/// Rows that a suite refused, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<RowName, Wrong>);

impl Refusals {
    /// Adds a row: what programs go by, what is wrong, and what to change.
    pub fn add(&mut self, row: RowName, code: &str, reason: Message, cure: Message) {
        let wrong = Wrong { code: word(code).unwrap_or_default(), ..Wrong::new(reason, cure) };
        self.0.entry(row).or_insert(wrong);
    }

    /// Adds all of these; tells whether any was new.
    pub fn add_all(&mut self, more: Self) -> bool {
        let before = self.0.len();
        more.0.into_iter().for_each(|(row, wrong)| _ = self.0.entry(row).or_insert(wrong));
        self.0.len() > before
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of them, as a sentence for all.
    pub fn told(&self) -> Message {
        let first = self.0.first_key_value();
        let first =
            first.map(|(row, wrong)| msg!("UNUSABLE", file = row.file(), problem = wrong.reason, cure = wrong.cure));
        first.unwrap_or_default()
    }

    pub(crate) fn of(&self, row: impl FnOnce() -> RowName) -> Option<&Wrong> {
        if self.is_empty() { None } else { self.0.get(&row()) }
    }

    /// Of an org unit or one above it.
    pub(crate) fn of_unit(&self, path: &str) -> Option<&Wrong> {
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        above.chain([path]).find_map(|path| self.of(|| RowName::Unit(path.to_owned())))
    }

    /// The rows that were not refused; the others are rejected, `why` says with what.
    pub(crate) fn keep<'w, T>(
        &'w self,
        mut rows: Vec<(T, u64)>,
        file: &'static str,
        rejects: &mut Rejects,
        mut why: impl FnMut(&T) -> Option<&'w Wrong>,
    ) -> Vec<(T, u64)> {
        rows.retain(|(row, line)| {
            let wrong = why(row);
            wrong.inspect(|wrong| rejects.push(file, *line, "", (*wrong).clone())).is_none()
        });
        rows
    }
}
