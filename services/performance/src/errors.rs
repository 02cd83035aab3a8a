//! How the errors of this service's rooms become the suite's error: every variant is named, none falls through.

use tally_kernel::{Error, Kind};

use crate::cycle::domain::{CycleError, Failure};

impl From<CycleError> for Error {
    fn from(error: CycleError) -> Self {
        let reason = match error {
            CycleError::Closing => "CYCLE_CLOSING",
            CycleError::Published => "CYCLE_PUBLISHED",
            CycleError::NotClosing => "CYCLE_NOT_CLOSING",
            CycleError::NotReviewable => "CYCLE_NOT_REVIEWABLE",
            CycleError::NoResult => "CYCLE_WITHOUT_RESULT",
        };
        Error::new(Kind::FailedPrecondition, reason, error.to_string())
    }
}

/// What a cycle tells of an error that ended its run; `None` where trying again may help.
pub fn failure_of(error: &Error) -> Option<Failure> {
    match error.kind() {
        Kind::InvalidArgument
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::FailedPrecondition
        | Kind::PermissionDenied => {
            Some(Failure::Refused { reason: error.reason().to_owned(), message: error.message().to_owned() })
        }
        Kind::Aborted
        | Kind::Unauthenticated
        | Kind::ResourceExhausted
        | Kind::Unavailable
        | Kind::DeadlineExceeded
        | Kind::Cancelled
        | Kind::Internal => None,
    }
}
