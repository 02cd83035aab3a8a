//! What a published cycle shows: read from the peers, made evidence by the profile.

use jiff::civil::Date;
use tally_kernel::id::{CycleId, PersonId, SchemeId};
use tally_kernel::micro::Micro;

/// A person's work on one account in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub person: PersonId,
    /// `platform/store/name`.
    pub account: String,
    pub platform: String,
    /// Credited millionths of records.
    pub ppm: u64,
}

/// The part of a score card that talent keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub person: PersonId,
    pub score: Micro,
    /// Points, where the scheme has them.
    pub collaboration: Option<Micro>,
}

#[derive(Clone, Debug)]
pub struct Published {
    pub cycle: CycleId,
    pub scheme: SchemeId,
    pub last_day: Date,
    pub cards: Vec<Card>,
    /// Of the people with a card: the run may have credited others, who are in cycles of their own.
    pub served: Vec<Served>,
}
