//! What this service refuses, and the one function that says so to callers.

use tally_kernel::{Error, Kind};

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
        let (kind, reason, message) = match refused {
            Refused::NoPerson => (
                Kind::FailedPrecondition,
                "NO_PERSON",
                "only people punch and hand over accounts: sign in with a login that belongs to a person",
            ),
            Refused::NeverEmployed => (
                Kind::FailedPrecondition,
                "NEVER_EMPLOYED",
                "you have no employment yet, so nobody can say where this belongs: ask your HR",
            ),
            Refused::PunchRepeated => {
                (Kind::AlreadyExists, "PUNCH_REPEATED", "this punch was recorded at this very instant already")
            }
            Refused::HandoverRepeated => {
                (Kind::AlreadyExists, "HANDOVER_REPEATED", "this hand-over was recorded at this very instant already")
            }
        };
        Error::new(kind, reason, message)
    }
}
