//! What a message of a record is, and which messages of an import are new. How they are kept says `packed`. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use tally_engine::attribution::Side;
use tally_kernel::id::AccountId;
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::{Message as Words, limits, msg, unseen};
use uuid::Uuid;

use crate::record::domain::{KEPT_AS, Place};

mod packed;

pub use packed::{Messages, pack, unpack};

/// Messages of one import at most.
pub const MOST_AT_ONCE: usize = 100_000;

/// A message of a record: when, by which side, and at which device, if that is known. Never what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub by: Side,
    /// Empty where nobody says.
    pub device: String,
}

/// What tells a record: its account and the platform's own id.
pub type Key = (AccountId, String);

/// Messages of a record as they are sent, in their order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: Key,
    pub replies: Vec<Reply>,
}

impl Row {
    /// Puts the messages in order, and refuses what no record can have.
    ///
    /// # Errors
    /// The first [`RowError`].
    pub fn check(mut self) -> Result<Self, RowError> {
        if self.key.1.is_empty() {
            return Err(RowError::NoExternalId);
        }
        let long = |text: &str| text.len() > limits::TEXT && text.chars().count() > limits::TEXT;
        if long(&self.key.1) {
            return Err(RowError::TooLong("external_id"));
        }
        for reply in &self.replies {
            if long(&reply.device) {
                return Err(RowError::TooLong("device"));
            }
            if let Some(character) = unseen::in_id(&reply.device) {
                return Err(RowError::Unseen("device", character));
            }
            let at = Timestamp::from_millisecond(reply.at_ms).ok();
            if !at.is_some_and(limits::is_plausible) {
                return Err(RowError::Implausible);
            }
        }
        self.replies.sort_unstable();
        self.replies.dedup();
        match self.replies.len() {
            0 => Err(RowError::Nothing(self.key.1)),
            count if count > limits::REPLIES_PER_RECORD => Err(RowError::TooMany(self.key.1, count)),
            _ => Ok(self),
        }
    }

    /// When the first of them was written, milliseconds since 1970.
    pub fn first_ms(&self) -> Option<i64> {
        self.replies.first().map(|reply| reply.at_ms)
    }
}

/// Why a row was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    /// An account's id that is none.
    BadAccount(String),
    NoExternalId,
    /// No message: the record's id.
    Nothing(String),
    NoTime,
    Implausible,
    NoSide,
    TooLong(&'static str),
    Unseen(&'static str, String),
    /// More messages than a record has: its id, and how many they would be.
    TooMany(String, usize),
    /// The record is not there, or beyond reach.
    Unknown(String),
    /// The record is not there, and what is of its time is kept no more: its id, the day before which that is so.
    Purged(String, Date),
}

impl RowError {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BadAccount(_) | Self::Unknown(_) => "REPLY_RECORD_UNKNOWN",
            Self::NoExternalId => "EXTERNAL_ID_MISSING",
            Self::Nothing(_) => "REPLIES_MISSING",
            Self::NoTime => "TIME_MALFORMED",
            Self::Implausible => "RECORD_TIME_IMPLAUSIBLE",
            Self::NoSide => "REPLY_SIDE_MISSING",
            Self::TooLong(_) => "TEXT_TOO_LONG",
            Self::Unseen(..) => "ID_WITH_UNSEEN",
            Self::TooMany(..) => "REPLIES_TOO_MANY",
            Self::Purged(..) => "PERIOD_PURGED",
        }
    }

    /// What is wrong and what to change.
    pub fn message(&self) -> Words {
        match self {
            Self::BadAccount(account) => msg!("REPLY_RECORD_UNKNOWN.account", account),
            Self::NoExternalId => msg!("EXTERNAL_ID_MISSING"),
            Self::Nothing(id) => msg!("REPLIES_MISSING", id),
            Self::NoTime => msg!("RECORD_TIME_MISSING", field = "at"),
            Self::Implausible => {
                let (first, last) = (limits::YEARS.start(), limits::YEARS.end());
                msg!("RECORD_TIME_IMPLAUSIBLE", field = "at", first, last)
            }
            Self::NoSide => msg!("REPLY_SIDE_MISSING"),
            Self::TooLong(field) => msg!("RECORD_TEXT_TOO_LONG", field, max = limits::TEXT),
            Self::Unseen(field, character) => msg!("ID_WITH_UNSEEN", field, character),
            Self::TooMany(id, count) => msg!("REPLIES_TOO_MANY", id, count, most = limits::REPLIES_PER_RECORD),
            Self::Unknown(id) => msg!("REPLY_RECORD_UNKNOWN", id),
            Self::Purged(id, day) => msg!("PERIOD_PURGED.named", name = id, day, kind = KEPT_AS),
        }
    }

    /// As the problem of a row.
    pub fn of(&self, index: u32) -> Problem {
        Problem::new(index, self.reason(), self.message())
    }
}

/// The messages of a record as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Of this version among those of the record, from 1.
    pub ordinal: i32,
    pub replies: Vec<Reply>,
}

/// The messages of a record as they are from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub place: Place,
    /// The version that counts no more.
    pub was: Option<i32>,
    pub replies: Vec<Reply>,
}

/// All messages of both, each once and in order. Both are in order.
pub fn union(mut there: Vec<Reply>, sent: impl IntoIterator<Item = Reply>) -> Vec<Reply> {
    there.extend(sent);
    // Two sorted pieces are merged.
    there.sort();
    there.dedup();
    there
}

/// Decides what becomes of each row: messages that are there are left alone, others come to them.
pub fn extend(
    rows: Vec<(u32, Place, Row)>,
    mut there: BTreeMap<Uuid, Stored>,
    outcome: &mut ImportOutcome,
) -> Vec<Change> {
    let mut changes: BTreeMap<Uuid, Change> = BTreeMap::new();
    for (index, place, row) in rows {
        let before = match changes.get(&place.record) {
            Some(change) => change.replies.as_slice(),
            None => there.get(&place.record).map_or(&[][..], |stored| &stored.replies),
        };
        let (count, is_first) = (before.len(), before.is_empty());
        let new: Vec<Reply> = row.replies.into_iter().filter(|reply| before.binary_search(reply).is_err()).collect();
        if new.is_empty() {
            outcome.unchanged += 1;
            continue;
        }
        if count + new.len() > limits::REPLIES_PER_RECORD {
            outcome.problems.push(RowError::TooMany(row.key.1, count + new.len()).of(index));
            continue;
        }
        if is_first {
            outcome.written += 1;
        } else {
            outcome.revised += 1;
        }
        let change = changes.entry(place.record).or_insert_with(|| {
            let (was, replies) =
                there.remove(&place.record).map_or((None, Vec::new()), |was| (Some(was.ordinal), was.replies));
            Change { place, was, replies }
        });
        change.replies = union(std::mem::take(&mut change.replies), new);
    }
    changes.into_values().collect()
}

#[cfg(test)]
mod tests;
