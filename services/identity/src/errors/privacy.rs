//! What the errors of holds, retention and erasures mean to a caller.

use tally_kernel::{Error, Kind, msg};

use crate::erasure::domain::ErasureError;
use crate::hold::domain::HoldError;
use crate::retention::domain::RetentionError;

use Kind::{AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied};

impl From<HoldError> for Error {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::PersonUnknown(id) => Self::not_found("person", id),
            HoldError::Unknown(id) => Self::not_found("hold", id),
            HoldError::LiftedAlready => Self::of(FailedPrecondition, msg!("HOLD_LIFTED")),
        }
    }
}

impl From<RetentionError> for Error {
    fn from(error: RetentionError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        match error {
            RetentionError::KindUnknown(kind) => bad(msg!("RETENTION_KIND_UNKNOWN", kind)),
            RetentionError::OutOfBounds(min, max) => bad(msg!("RETENTION_OUT_OF_BOUNDS", min, max)),
        }
    }
}

impl From<ErasureError> for Error {
    fn from(error: ErasureError) -> Self {
        let not_now = |message| Self::of(FailedPrecondition, message);
        let denied = |message| Self::of(PermissionDenied, message);
        match error {
            ErasureError::PersonUnknown(id) => Self::not_found("person", id),
            ErasureError::Erased(id) => not_now(msg!("PERSON_ERASED", person_id = id)),
            ErasureError::Unknown(id) => Self::not_found("erasure", id),
            ErasureError::StillEmployed => not_now(msg!("STILL_EMPLOYED")),
            ErasureError::TooEarly(day) => not_now(msg!("RETENTION_RUNS", day)),
            ErasureError::OnHold => not_now(msg!("LEGAL_HOLD")),
            ErasureError::ThereAlready(id) => Self::of(AlreadyExists, msg!("ERASURE_ALREADY_EXISTS", id)),
            ErasureError::FourEyes(refusal) => refusal.into(),
            ErasureError::Oneself => denied(msg!("OWN_ERASURE")),
            ErasureError::CarriedOut => not_now(msg!("ERASED_ALREADY")),
            ErasureError::Dropped => not_now(msg!("ERASURE_DROPPED")),
            ErasureError::NotApproved => not_now(msg!("ERASURE_NOT_APPROVED")),
            ErasureError::NotAService => denied(msg!("NOT_A_SERVICE")),
        }
    }
}
