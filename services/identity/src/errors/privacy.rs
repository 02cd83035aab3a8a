//! What the errors of holds, retention and erasures mean to a caller.

use tally_kernel::{Error, Kind};

use crate::erasure::domain::ErasureError;
use crate::hold::domain::HoldError;
use crate::retention::domain::RetentionError;

use Kind::{AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied};

impl From<HoldError> for Error {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::PersonUnknown(id) => Self::not_found("person", id),
            HoldError::Unknown(id) => Self::not_found("hold", id),
            HoldError::LiftedAlready => Self::new(FailedPrecondition, "HOLD_LIFTED", "the hold was lifted already"),
        }
    }
}

impl From<RetentionError> for Error {
    fn from(error: RetentionError) -> Self {
        match error {
            RetentionError::KindUnknown(kind) => Self::new(
                InvalidArgument,
                "RETENTION_KIND_UNKNOWN",
                format!("{kind:?} is not a kind of data: ListRetention names them all"),
            ),
            RetentionError::OutOfBounds(least, most) => Self::new(
                InvalidArgument,
                "RETENTION_OUT_OF_BOUNDS",
                format!("this kind is kept for {least} to {most} months"),
            ),
        }
    }
}

impl From<ErasureError> for Error {
    fn from(error: ErasureError) -> Self {
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        let denied = |reason, text| Self::new(PermissionDenied, reason, text);
        match error {
            ErasureError::PersonUnknown(id) => Self::not_found("person", id),
            ErasureError::Erased(id) => {
                let text = "this person was erased: nothing can be written about them; who comes back is a new person";
                not_now("PERSON_ERASED", text.to_owned()).with("person_id", id)
            }
            ErasureError::Unknown(id) => Self::not_found("erasure", id),
            ErasureError::StillEmployed => not_now(
                "STILL_EMPLOYED",
                "only somebody who has left can be erased: end the employment first".to_owned(),
            ),
            ErasureError::TooEarly(day) => not_now(
                "RETENTION_RUNS",
                format!("what the law wants kept about the person is kept until {day}: ask again after that day"),
            ),
            ErasureError::OnHold => not_now(
                "LEGAL_HOLD",
                "a legal hold covers the person: it must be lifted first, see ListHolds".to_owned(),
            ),
            ErasureError::ThereAlready(id) => {
                Self::new(AlreadyExists, "ERASURE_ALREADY_EXISTS", format!("erasure {id} is there for this person"))
            }
            ErasureError::FourEyes(refusal) => refusal.into(),
            ErasureError::Oneself => denied("OWN_ERASURE", "nobody approves the own erasure: somebody else must"),
            ErasureError::CarriedOut => not_now("ERASED_ALREADY", "the erasure was approved already".to_owned()),
            ErasureError::Dropped => {
                not_now("ERASURE_DROPPED", "the request was withdrawn or rejected: ask for the erasure anew".to_owned())
            }
            ErasureError::NotApproved => not_now("ERASURE_NOT_APPROVED", "nobody has approved it yet".to_owned()),
            ErasureError::NotAService => {
                denied("NOT_A_SERVICE", "only a service that holds something of people reports on an erasure")
            }
        }
    }
}
