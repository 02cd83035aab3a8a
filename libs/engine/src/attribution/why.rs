//! What spoke for the person with the largest share of a record against the one with the second largest, or why nothing told them apart.
//!
//! It explains a credit and never makes one: it stands in no digest.

use serde::Serialize;

use super::watch::Candidate;

/// How long before a reply somebody had done something, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Seconds.
    pub seconds: u32,
    /// Whether it was a reply; else they had come on duty then, and had written nothing yet.
    pub wrote: bool,
}

/// How many of those that name their agent named somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// That named them.
    pub own: u16,
    /// For which they were on duty.
    pub of: u16,
}

/// What a reply was to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ReplyKind {
    /// The first of its dialogue.
    First,
    /// A message of the customer that was newer than the last reply.
    Message,
    /// No new message.
    Nothing,
}

/// One sign; `first` is of the person with the largest share, `second` of the one with the second largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Sign {
    /// How long ago each had written last, at the reply of the record at which that told them apart most.
    Hands {
        /// Of the one.
        first: Pause,
        /// Of the other.
        second: Pause,
    },
    /// The first had probably written the dialogue's last reply, so many seconds before.
    Thread {
        /// Seconds.
        seconds: u32,
    },
    /// Such replies are more often the first's.
    Profile {
        /// To what.
        kind: ReplyKind,
        /// How many seconds the customer (without a new message, the dialogue) had waited, where that is known.
        wait: Option<u32>,
    },
    /// It was written on the first's device, or at one of nobody at which the first had probably written before.
    Device {
        /// Whether the device is the first's.
        owned: bool,
    },
    /// The second was on duty at fewer of its replies.
    Duty {
        /// At how many the one was.
        first: u16,
        /// The other.
        second: u16,
        /// Of how many.
        replies: u16,
    },
    /// Of the records that name their agent more named the first, for the time on duty.
    Names {
        /// The one.
        first: Named,
        /// The other.
        second: Named,
        /// Whether those near in time are meant; else all of the account.
        near: bool,
    },
    /// None alone: all replies around it together.
    Together,
    /// Nothing was weighed: too few records with times of replies.
    TooFewReplies,
    /// Nothing was weighed: the clock of the replies has no seconds.
    ClockWithoutSeconds,
    /// Nothing was weighed: replies come too densely, and too few say whose they are.
    TooDense,
    /// Nothing was weighed: no times of replies, and too few names.
    NoReplyTimes,
}

/// The signs of the reply model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum SignKind {
    /// See [`Sign::Hands`].
    Hands,
    /// See [`Sign::Thread`].
    Thread,
    /// See [`Sign::Profile`].
    Profile,
    /// See [`Sign::Device`].
    Device,
}

impl SignKind {
    /// All, in the order in which sums over them stand.
    pub const ALL: [Self; 4] = [Self::Hands, Self::Thread, Self::Profile, Self::Device];
}

/// Why a record was credited as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Indexes of the people with the largest and the second largest share; nobody where nothing was weighed.
    pub people: Option<[u32; 2]>,
    /// What spoke for the first.
    pub sign: Sign,
    /// What spoke for the second all the same.
    pub against: Option<SignKind>,
}

/// The same of the record at a place of an account, people by rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub place: u32,
    pub why: Why,
}

impl Said {
    /// That nothing was weighed.
    pub fn nothing(place: usize, sign: Sign) -> Self {
        Self { place: place as u32, why: Why { people: None, sign, against: None } }
    }
}

/// The places of the largest and the second largest of some numbers, of equal ones the first.
pub(super) fn two_largest<T: PartialOrd + Copy>(numbers: &[T]) -> Option<[usize; 2]> {
    let largest = |but: Option<usize>| {
        let others = (0..numbers.len()).filter(|place| Some(*place) != but);
        others.reduce(|best, place| if numbers[place] > numbers[best] { place } else { best })
    };
    let first = largest(None)?;
    Some([first, largest(Some(first))?])
}

/// What is said of a record whose candidates have these shares: the people are those with the two largest, whatever rounding did.
pub(super) fn settled(why: Why, candidates: &[Candidate], ppm: &[u32]) -> Why {
    let Some([first, second]) = why.people else { return why };
    let share = |person| candidates.iter().position(|one| one.person == person).map(|place| ppm[place]);
    let Some([largest, next]) = two_largest(ppm) else { return Why { people: None, ..why } };
    if (share(first), share(second)) == (Some(ppm[largest]), Some(ppm[next])) {
        return why;
    }
    Why { people: Some([candidates[largest].person, candidates[next].person]), sign: Sign::Together, against: None }
}

/// Milliseconds as whole seconds, as far as they can be told.
pub(super) fn seconds(ms: i64) -> u32 {
    u32::try_from((ms / 1_000).max(0)).unwrap_or(u32::MAX - 1)
}
