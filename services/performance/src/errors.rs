//! How the errors of this service's rooms become the suite's error: every variant is named, none falls through.

use tally_i18n::sentence;
use tally_kernel::{Error, Kind, Locale};

use crate::cycle::domain::{CycleError, Failure};
use crate::transfer::domain::TransferError;

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

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        let (kind, reason) = match &error {
            TransferError::Unknown(id) => return Error::not_found("transfer", id),
            TransferError::OriginMissing => (Kind::InvalidArgument, "REGION_MISSING"),
            TransferError::SameRegion(_) => (Kind::InvalidArgument, "REGION_SAME"),
            TransferError::RegionUnknown(_) => (Kind::InvalidArgument, "REGION_UNKNOWN"),
            TransferError::NotAMonth(_) => (Kind::FailedPrecondition, "REPORT_NOT_A_MONTH"),
            TransferError::NotPublished => (Kind::FailedPrecondition, "CYCLE_NOT_PUBLISHED"),
            TransferError::NothingToTell => (Kind::FailedPrecondition, "NOTHING_TO_TELL"),
            TransferError::TooLarge => (Kind::InvalidArgument, "NUMBER_TOO_LARGE"),
            TransferError::NotPrepared(_) => (Kind::FailedPrecondition, "TRANSFER_NOT_PREPARED"),
            TransferError::FourEyes(refusal) => return (*refusal).into(),
            TransferError::NotApproved => (Kind::FailedPrecondition, "TRANSFER_NOT_APPROVED"),
            TransferError::Dropped(_) => (Kind::FailedPrecondition, "TRANSFER_DROPPED"),
            TransferError::Released => (Kind::FailedPrecondition, "TRANSFER_RELEASED"),
            TransferError::Stale => (Kind::FailedPrecondition, "TRANSFER_STALE"),
            TransferError::Malformed => (Kind::InvalidArgument, "TRANSFER_MALFORMED"),
            TransferError::SignatureWrong(_) => (Kind::FailedPrecondition, "TRANSFER_SIGNATURE_WRONG"),
            TransferError::KeyUnknown(_) => (Kind::FailedPrecondition, "REGION_KEY_UNKNOWN"),
            TransferError::OtherGroup => (Kind::FailedPrecondition, "TRANSFER_OF_ANOTHER_GROUP"),
            TransferError::NotForHere(_) => (Kind::FailedPrecondition, "REGION_NOT_SERVED"),
            TransferError::ImportedAlready => (Kind::AlreadyExists, "TRANSFER_ALREADY_EXISTS"),
        };
        Error::new(kind, reason, error.to_string())
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
            Some(Failure::Refused { reason: error.reason().to_owned(), message: sentence(Locale::En, error) })
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
