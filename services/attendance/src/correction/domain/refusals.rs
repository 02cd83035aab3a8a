//! What a correction is refused with.

use jiff::civil::Date;
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;

use super::CorrectionError;
use crate::placed::Subject;

impl From<CorrectionError> for Error {
    fn from(error: CorrectionError) -> Self {
        let not_now = |message| Self::of(Kind::FailedPrecondition, message);
        let denied = |message| Self::of(Kind::PermissionDenied, message);
        match error {
            CorrectionError::Unknown(id) => Self::not_found("correction", id),
            CorrectionError::FactUnknown(subject, id, removed) => unknown(subject, id, removed),
            CorrectionError::Superseded(by) => not_now(msg!("FACT_SUPERSEDED", id = by)),
            CorrectionError::WaitsAlready(id) => Self::of(Kind::AlreadyExists, msg!("CORRECTION_WAITS", id)),
            CorrectionError::NotWaiting(stage) => not_now(msg!("CORRECTION_NOT_WAITING", stage)),
            CorrectionError::Outdated(by) => not_now(msg!("CORRECTION_OUTDATED", id = by)),
            CorrectionError::Gone => not_now(msg!("CORRECTION_OUTDATED.gone")),
            CorrectionError::Own => denied(msg!("OWN_CORRECTION")),
            CorrectionError::FourEyes(refusal) => refusal.into(),
            CorrectionError::NotYours => denied(msg!("CORRECTION_OF_OTHERS")),
            CorrectionError::Purged(day) => not_now(msg!("PERIOD_PURGED", day)),
            CorrectionError::ChangesNothing => not_now(msg!("NOTHING_CHANGES")),
            CorrectionError::Different(why) => Self::of(Kind::AlreadyExists, msg!("ALREADY_DIFFERENT", why)),
            CorrectionError::AliasOverlap => Self::of(Kind::AlreadyExists, msg!("ALIAS_OVERLAP")),
            CorrectionError::PersonUnknown(id) => not_now(msg!("PERSON_UNKNOWN", id)),
            CorrectionError::AccountUnknown(id) => not_now(msg!("ACCOUNT_UNKNOWN", id)),
            CorrectionError::NotYet(at, now) => not_now(msg!("FACT_IN_FUTURE", at, now)),
            CorrectionError::LateWithoutReason => not_now(msg!("LATE_CHANGE_UNEXPLAINED")),
        }
    }
}

fn unknown(subject: Subject, id: Uuid, removed: Option<Date>) -> Error {
    let missing = match subject {
        Subject::Punch => Error::not_found("punch", id),
        Subject::Handover => Error::not_found("handover", id),
        Subject::Shift => Error::not_found("shift", id),
        Subject::Alias => return Error::not_found("alias", id),
        Subject::Device => return Error::not_found("device", id),
    };
    let Some(day) = removed else { return missing };
    let message = missing.message();
    let told = Error::of(Kind::NotFound, msg!("NOT_FOUND.removed", missing = *message, day));
    told.with("resource", subject).with("id", id)
}
