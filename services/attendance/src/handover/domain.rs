//! A take or release of an account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::import::Keyed;
use tally_kernel::{Message, msg};

use crate::placed::About;

/// Take or release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HandoverKind {
    /// Holds it from now on.
    Take,
    /// No longer holds it.
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    pub account: AccountId,
    pub person: PersonId,
    pub at: Timestamp,
    pub kind: HandoverKind,
}

impl About for Handover {
    fn person(&self) -> PersonId {
        self.person
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Keyed for Handover {
    type Key = (AccountId, PersonId, Timestamp, HandoverKind);
    type Content = ();
    fn key(&self) -> Self::Key {
        (self.account, self.person, self.at, self.kind)
    }
    fn content(&self) -> Self::Content {}
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        ("ALREADY_DIFFERENT", Message::default())
    }
}

impl Handover {
    /// In which columns another hand-over of the same account and instant says something else. That one releases what
    /// another takes is none; where several hold an account, neither is what several do at once.
    pub fn contradicts(&self, other: &Self, exclusive: bool) -> Option<Message> {
        match (self.person == other.person, self.kind == other.kind) {
            (true, false) => Some(msg!("HANDOVER_DIFFERENT.kind", at = self.at)),
            (false, true) if exclusive => Some(msg!("HANDOVER_DIFFERENT", at = self.at)),
            (true, true) | (false, true | false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_words_of_hand_overs_are_these() {
        tally_testkit::words([(HandoverKind::Take, "take"), (HandoverKind::Release, "release")]);
    }
}
