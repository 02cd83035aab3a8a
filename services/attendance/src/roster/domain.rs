//! A stretch of planned duty.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_kernel::id::{AccountId, PersonId, ShiftId};
use tally_kernel::import::Keyed;
use tally_kernel::{Message, msg};

use crate::placed::About;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub person: PersonId,
    pub account: AccountId,
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
}

/// A shift that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredShift {
    pub id: ShiftId,
    pub shift: Shift,
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
    type Content = Timestamp;
    fn key(&self) -> Self::Key {
        (self.person, self.account, self.start)
    }
    fn content(&self) -> Self::Content {
        self.end
    }
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        ("ALREADY_DIFFERENT", msg!("SHIFT_DIFFERENT", start = self.start))
    }
}
