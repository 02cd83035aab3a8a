//! How the errors of this service's rooms become the suite's error: every variant is named, none falls through.

use tally_engine::scoring;
use tally_kernel::error::Violation;
use tally_kernel::{Error, Kind, msg};

use crate::cycle::domain::CycleError;
use crate::measure::domain::MeasureError;
use crate::run::domain::{Failure, RunError};
use crate::schedule::domain::ScheduleError;
use crate::scheme::domain::{Instead, SchemeError};
use crate::signed::domain::FileError;
use crate::transfer::domain::TransferError;

impl From<CycleError> for Error {
    fn from(error: CycleError) -> Self {
        let message = match error {
            CycleError::Closing => msg!("CYCLE_CLOSING"),
            CycleError::Published => msg!("CYCLE_PUBLISHED"),
            CycleError::NotClosing => msg!("CYCLE_NOT_CLOSING"),
            CycleError::NotReviewable => msg!("CYCLE_NOT_REVIEWABLE"),
            CycleError::NoResult => msg!("CYCLE_WITHOUT_RESULT"),
            CycleError::Empty => msg!("POPULATION_EMPTY"),
            CycleError::ForeignScheme => msg!("SCHEME_OF_ANOTHER_UNIT"),
            CycleError::NotPublished => msg!("CYCLE_NOT_PUBLISHED.correct"),
            CycleError::NoVersion => return Error::of(Kind::NotFound, msg!("RESULT_VERSION_UNKNOWN")),
            CycleError::ChangesNothing => msg!("CORRECTION_CHANGES_NOTHING"),
            CycleError::CorrectionUnderway(cycle) => msg!("CYCLE_CORRECTION_UNDERWAY", cycle),
            CycleError::Purged(day, kind) => msg!("PERIOD_PURGED.cycle", day, kind),
            CycleError::ClosesPurged(day, kind) => msg!("PERIOD_PURGED.close", day, kind),
        };
        Error::of(Kind::FailedPrecondition, message)
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        let message = match error {
            RunError::Rests => msg!("RUN_RESTS"),
            RunError::NotDone => msg!("RUN_NOT_DONE"),
            RunError::Differs => msg!("RUN_DIFFERS"),
            RunError::CoversPart => msg!("RUN_COVERS_PART"),
            RunError::Elsewhere { people, day, last, unit } if unit.is_empty() => {
                msg!("RUN_COVERS_PART.moved_group", people, day, last)
            }
            RunError::Elsewhere { people, day, last, unit } => msg!("RUN_COVERS_PART.moved", people, day, last, unit),
            RunError::Awaited => msg!("RUN_AWAITED"),
            RunError::WithoutRates => msg!("RUN_WITHOUT_RATES"),
            RunError::Outdated(account) => msg!("RUN_OUTDATED", account),
            RunError::Purged(day, kind) => msg!("PERIOD_PURGED.close", day, kind),
        };
        Error::of(Kind::FailedPrecondition, message)
    }
}

impl From<ScheduleError> for Error {
    fn from(error: ScheduleError) -> Self {
        let (kind, message) = match error {
            ScheduleError::RunCloses => (Kind::FailedPrecondition, msg!("SCHEDULE_RUN_CLOSES")),
            ScheduleError::RunEnded => (Kind::FailedPrecondition, msg!("SCHEDULE_RUN_ENDED")),
            ScheduleError::MonthThere => (Kind::AlreadyExists, msg!("SCHEDULE_MONTH_THERE")),
            ScheduleError::MonthNotOver => (Kind::FailedPrecondition, msg!("SCHEDULE_MONTH_NOT_OVER")),
            ScheduleError::Stale => (Kind::Aborted, msg!("STALE")),
            ScheduleError::There(schedule) => (Kind::AlreadyExists, msg!("SCHEDULE_THERE", schedule)),
            ScheduleError::MakerMayNot => (Kind::FailedPrecondition, msg!("SCHEDULE_MAKER_MAY_NOT")),
        };
        Error::of(kind, message)
    }
}

impl From<SchemeError> for Error {
    fn from(error: SchemeError) -> Self {
        let message = match error {
            SchemeError::Unfit(problems) => return scoring::invalid(&problems),
            SchemeError::ParentNotAbove => {
                let (field, message) = ("scheme.parent".to_owned(), msg!("SCHEME_PARENT_NOT_ABOVE"));
                return Error::invalid(vec![Violation { field, message }]);
            }
            SchemeError::ParentWithdrawn { name, from, instead } => match instead {
                Instead::Version(version) => msg!("SCHEME_WITHDRAWN.parent_for", name, from, version),
                Instead::Another => msg!("SCHEME_WITHDRAWN.parent", name, from),
                Instead::Nothing => msg!("SCHEME_WITHDRAWN.parent_none", name, from),
            },
            SchemeError::Mandatory(standards) => msg!("STANDARD_MANDATORY", standards = standards.join(", ")),
            SchemeError::Withdrawn { name, from } => msg!("SCHEME_WITHDRAWN", name, from),
            SchemeError::VersionWithdrawn { name, version, from, instead } => match instead {
                Instead::Version(instead) => msg!("SCHEME_WITHDRAWN.version_for", name, version, from, instead),
                Instead::Another => msg!("SCHEME_WITHDRAWN.version", name, version, from),
                Instead::Nothing => msg!("SCHEME_WITHDRAWN.version_none", name, version, from),
            },
            SchemeError::Imported(region) => msg!("SCHEME_IMPORTED", region),
            SchemeError::WithdrawnAlready(from) => {
                return Error::of(Kind::AlreadyExists, msg!("SCHEME_WITHDRAWN_ALREADY", from));
            }
            SchemeError::NotInstead(version) => {
                let (field, message) = ("withdrawal.superseded_by".to_owned(), msg!("SCHEME_NOT_INSTEAD", version));
                return Error::invalid(vec![Violation { field, message }]);
            }
            SchemeError::NotTheGroups => msg!("SCHEME_OF_A_UNIT"),
            SchemeError::Differs { name, version: 0 } => msg!("STANDARD_DIFFERS.withdrawal", name),
            SchemeError::Differs { name, version } => msg!("STANDARD_DIFFERS", name, version),
            SchemeError::NotFrom(region) => msg!("STANDARD_NOT_FROM", region),
            SchemeError::NameTaken(name) => return Error::of(Kind::AlreadyExists, msg!("SCHEME_NAME_TAKEN", name)),
            SchemeError::Retired(measures) => msg!("MEASURE_RETIRED", measures = measures.join(", ")),
        };
        Error::of(Kind::FailedPrecondition, message)
    }
}

impl From<MeasureError> for Error {
    fn from(error: MeasureError) -> Self {
        let message = match error {
            MeasureError::Unfit(problems) => {
                let path =
                    |field: &str| field.split_once("].").map_or_else(String::new, |(_, field)| format!(".{field}"));
                let violation = |problem: scoring::SchemeProblem| Violation {
                    field: format!("measure.definition{}", path(&problem.field)),
                    message: problem.description,
                };
                return Error::invalid(problems.into_iter().map(violation).collect());
            }
            MeasureError::NameTaken(name) => return Error::of(Kind::AlreadyExists, msg!("MEASURE_NAME_TAKEN", name)),
            MeasureError::NameFixed(name) => {
                let (field, message) = ("measure.definition.name".to_owned(), msg!("MEASURE_NAME_FIXED", name));
                return Error::invalid(vec![Violation { field, message }]);
            }
            MeasureError::Stale(revision) => {
                return Error::of(Kind::Aborted, msg!("STALE")).with("revision", revision);
            }
            MeasureError::RetiredAlready(name) => {
                return Error::of(Kind::AlreadyExists, msg!("MEASURE_RETIRED_ALREADY", name));
            }
            MeasureError::Needed { name, by } => msg!("MEASURE_NEEDED", name, by = by.join(", ")),
        };
        Error::of(Kind::FailedPrecondition, message)
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let (kind, message) = match error {
            FileError::OriginMissing => (Kind::InvalidArgument, msg!("REGION_MISSING.from")),
            FileError::OriginUnknown(region) => (Kind::InvalidArgument, msg!("REGION_UNKNOWN", region)),
            FileError::Malformed => (Kind::InvalidArgument, msg!("TRANSFER_MALFORMED")),
            FileError::SignatureWrong(region) => (Kind::FailedPrecondition, msg!("TRANSFER_SIGNATURE_WRONG", region)),
            FileError::KeyUnknown(region) => (Kind::FailedPrecondition, msg!("REGION_KEY_UNKNOWN", region)),
            FileError::OtherGroup => (Kind::FailedPrecondition, msg!("TRANSFER_OF_ANOTHER_GROUP")),
        };
        Error::of(kind, message)
    }
}

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        let (kind, message) = match error {
            TransferError::Unknown(id) => return Error::not_found("transfer", id),
            TransferError::FourEyes(refusal) => return refusal.into(),
            TransferError::NotPublished => (Kind::FailedPrecondition, msg!("CYCLE_NOT_PUBLISHED.report")),
            TransferError::NotForHere(region) => (Kind::FailedPrecondition, msg!("REGION_NOT_SERVED.file", region)),
            TransferError::SameRegion(region) => (Kind::InvalidArgument, msg!("REGION_SAME", region)),
            TransferError::RegionUnknown(region) => (Kind::InvalidArgument, msg!("REGION_UNKNOWN", region)),
            TransferError::NotAMonth(period) => {
                (Kind::FailedPrecondition, msg!("REPORT_NOT_A_MONTH", from = period.from(), to = period.to()))
            }
            TransferError::NothingToTell => (Kind::FailedPrecondition, msg!("NOTHING_TO_TELL")),
            TransferError::TooLarge(unit) => (Kind::InvalidArgument, msg!("NUMBER_TOO_LARGE.unit", unit)),
            TransferError::NotPrepared(stage) => (Kind::FailedPrecondition, msg!("TRANSFER_NOT_PREPARED", stage)),
            TransferError::NotApproved => (Kind::FailedPrecondition, msg!("TRANSFER_NOT_APPROVED")),
            TransferError::Dropped(stage) => (Kind::FailedPrecondition, msg!("TRANSFER_DROPPED", stage)),
            TransferError::Released => (Kind::FailedPrecondition, msg!("TRANSFER_RELEASED")),
            TransferError::Stale => (Kind::FailedPrecondition, msg!("TRANSFER_STALE")),
            TransferError::ImportedAlready => (Kind::AlreadyExists, msg!("TRANSFER_ALREADY_EXISTS")),
        };
        Error::of(kind, message)
    }
}

/// What a run or a cycle tells of an error that ended it; `None` where trying again may help.
pub fn failure_of(error: &Error) -> Option<Failure> {
    match error.kind() {
        Kind::InvalidArgument
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::FailedPrecondition
        | Kind::PermissionDenied => {
            Some(Failure::Refused { reason: error.reason().to_owned(), message: error.message().clone() })
        }
        Kind::Aborted
        | Kind::Unauthenticated
        | Kind::ResourceExhausted
        | Kind::Unavailable
        | Kind::DeadlineExceeded
        | Kind::Cancelled
        | Kind::Unimplemented
        | Kind::Internal => None,
    }
}
