//! A stretch of planned duty.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_kernel::error::Violations;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::import::Keyed;
use tally_kernel::{Message, limits, msg};

use crate::placed::About;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub person: PersonId,
    pub account: AccountId,
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
    /// At which seat, where rosters say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
}

/// A seat as rosters and devices name it; nothing for an empty one.
pub fn read_seat(v: &mut Violations, seat: &str) -> Option<String> {
    let seat = seat.trim();
    if seat.is_empty() {
        return None;
    }
    v.id("seat", seat, limits::TEXT);
    Some(seat.to_owned())
}

impl About for Shift {
    fn person(&self) -> PersonId {
        self.person
    }
    fn at(&self) -> Timestamp {
        self.start
    }
}

impl Keyed for Shift {
    type Key = (PersonId, AccountId, Timestamp);
    type Content = (Timestamp, Option<String>);
    fn key(&self) -> Self::Key {
        (self.person, self.account, self.start)
    }
    fn content(&self) -> Self::Content {
        (self.end, self.seat.clone())
    }
    fn conflict(&self, (end, _): &Self::Content) -> (&'static str, Message) {
        let why = match self.end == *end {
            true => msg!("SHIFT_DIFFERENT.seat", start = self.start),
            false => msg!("SHIFT_DIFFERENT", start = self.start),
        };
        ("ALREADY_DIFFERENT", why)
    }
}
