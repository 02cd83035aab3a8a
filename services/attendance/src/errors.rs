//! What this service refuses, and the one function that says so to callers.

use tally_kernel::{Error, Kind, msg};

/// Why a call for oneself was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The caller is a login without a person, or a service.
    NoPerson,
    /// The person has never been employed.
    NeverEmployed,
    /// The same punch at the same instant.
    PunchRepeated,
    /// The same hand-over at the same instant.
    HandoverRepeated,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoPerson => Error::of(Kind::FailedPrecondition, msg!("NO_PERSON.punching")),
            Refused::NeverEmployed => Error::of(Kind::FailedPrecondition, msg!("NEVER_EMPLOYED")),
            Refused::PunchRepeated => Error::of(Kind::AlreadyExists, msg!("PUNCH_REPEATED")),
            Refused::HandoverRepeated => Error::of(Kind::AlreadyExists, msg!("HANDOVER_REPEATED")),
        }
    }
}
