//! What every domain error of identity means to a caller: the kind, the stable reason, the sentence. Every variant is
//! listed, so that a new one does not build until somebody has found its words.

mod access;
mod privacy;

use std::time::Duration;

use tally_kernel::{Error, Kind, msg};

use crate::catalogue::domain::CatalogueError;
use crate::directory::domain::DirectoryError;
use crate::login::domain::LoginError;
use crate::org::domain::{MAX_DEPTH, OrgError};
use crate::person::domain::{MAX_TEXT, PersonError};
use crate::reporting::domain::ReportingError;
use crate::service_account::domain::AccountError;
use crate::session::domain::SessionError;
use crate::sso::domain::SsoError;
use crate::tenant::domain::TenantError;

use Kind::{
    AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable,
};

impl From<TenantError> for Error {
    fn from(error: TenantError) -> Self {
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            TenantError::InitialisedAlready => not_now(msg!("INITIALISED_ALREADY")),
            TenantError::InvitationUsed => not_now(msg!("INITIALISED_ALREADY.invited")),
            TenantError::InvitationInvalid => Self::of(PermissionDenied, msg!("INVITATION_INVALID")),
            TenantError::InvitationExpired => not_now(msg!("INVITATION_EXPIRED")),
            TenantError::InvitedAnother => not_now(msg!("INVITED_ANOTHER")),
            TenantError::RegionThere(region) => Self::of(AlreadyExists, msg!("REGION_ALREADY_EXISTS", region)),
            TenantError::SuspendedAlready => not_now(msg!("SUSPENDED_ALREADY")),
            TenantError::SuspendedTooShort(from) => not_now(msg!("SUSPENDED_TOO_SHORT", from)),
            TenantError::FourEyes(refusal) => refusal.into(),
            TenantError::NameDiffers => Self::of(InvalidArgument, msg!("NAME_DIFFERS")),
            TenantError::OnHold => not_now(msg!("LEGAL_HOLD")),
            TenantError::Deleted => not_now(msg!("TENANT_DELETED")),
            TenantError::NotSuspended => not_now(msg!("NOT_SUSPENDED")),
        }
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::There => Self::of(FailedPrecondition, msg!("PSEUDONYM_ALREADY_EXISTS")),
            DirectoryError::Taken => Self::of(AlreadyExists, msg!("PSEUDONYM_TAKEN")),
            DirectoryError::Older => Self::of(FailedPrecondition, msg!("DIRECTORY_OLDER")),
        }
    }
}

impl From<OrgError> for Error {
    fn from(error: OrgError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            OrgError::PathMalformed => bad(msg!("UNIT_PATH_MALFORMED")),
            OrgError::DateMalformed(text) => bad(msg!("DATE_MALFORMED.text", text)),
            OrgError::RegionMissing => bad(msg!("REGION_MISSING")),
            OrgError::RegionUnknown(region) => bad(msg!("REGION_UNKNOWN", region)),
            OrgError::RegionDiffers(region) => not_now(msg!("REGION_DIFFERS", region)),
            OrgError::KindDiffers(kind) => not_now(msg!("UNIT_DIFFERS", kind)),
            OrgError::KindIsRoots => bad(msg!("UNIT_KIND_IS_ROOTS")),
            OrgError::KindUnknown => bad(msg!("UNIT_KIND_UNKNOWN")),
            OrgError::BeginsLater(day) => not_now(msg!("UNIT_BEGINS_LATER", day)),
            OrgError::Closes { unit, last, into: None } => not_now(msg!("UNIT_CLOSES", unit, day = last)),
            OrgError::Closes { unit, last, into: Some(into) } => {
                not_now(msg!("UNIT_CLOSES.into", unit, day = last, into))
            }
            OrgError::HadName(name, day) => not_now(msg!("UNIT_HAD_NAME", name, day)),
            OrgError::UnitUnknown(unit) => Self::not_found("org unit", unit),
            OrgError::NameMalformed => bad(msg!("UNIT_NAME_MALFORMED")),
            OrgError::RootStays => not_now(msg!("ROOT_STAYS")),
            OrgError::Cycle => not_now(msg!("ORG_CYCLE")),
            OrgError::TooDeep => not_now(msg!("ORG_TOO_DEEP", max = MAX_DEPTH)),
            OrgError::RegionCrossed => not_now(msg!("REGION_CROSSED")),
            OrgError::NameTaken(name) => Self::of(AlreadyExists, msg!("UNIT_NAME_TAKEN", name)),
            OrgError::ChangePlanned(day) => not_now(msg!("UNIT_CHANGE_PLANNED", day)),
            OrgError::Backdated { from, first } => not_now(msg!("UNIT_CHANGE_BACKDATED", from, first)),
            OrgError::NothingChanges => not_now(msg!("NOTHING_CHANGES")),
            OrgError::HasChildren(name) => not_now(msg!("UNIT_HAS_CHILDREN", name)),
            OrgError::HasPeople(count) => not_now(msg!("UNIT_HAS_PEOPLE", count)),
            OrgError::MergedIntoItself => bad(msg!("MERGED_INTO_ITSELF")),
            OrgError::PeopleToNowhere => bad(msg!("PEOPLE_TO_NOWHERE")),
        }
    }
}

impl From<PersonError> for Error {
    fn from(error: PersonError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        let not_now = |message| Self::of(FailedPrecondition, message);
        let there = |message| Self::of(AlreadyExists, message);
        match error {
            PersonError::TextUnusable(field) => bad(msg!("TEXT_UNUSABLE", field, max = MAX_TEXT)),
            PersonError::Unseen(field, character) => bad(msg!("ID_WITH_UNSEEN", field, character)),
            PersonError::DateMalformed(field) => bad(msg!("DATE_MALFORMED", field)),
            PersonError::DatesBackwards => bad(msg!("DATES_BACKWARDS", first = "hired_on", last = "left_on")),
            PersonError::ZoneUnknown(zone) => bad(msg!("ZONE_UNKNOWN", zone)),
            PersonError::KindUnknown(text) => bad(msg!("EMPLOYMENT_KIND_UNKNOWN", text)),
            PersonError::UnitUnknown(path) => bad(msg!("UNIT_UNKNOWN", path)),
            PersonError::UnitWas(path, day) => bad(msg!("UNIT_UNKNOWN.was", path, day)),
            PersonError::UnitBeginsLater(path, day) => bad(msg!("UNIT_BEGINS_LATER.hired_on", path, day)),
            PersonError::UnitMissing(unit) => Self::not_found("org unit", unit),
            PersonError::UnitCloses(unit, day) => bad(msg!("UNIT_CLOSES", unit, day)),
            PersonError::UnitHasNoRegion => bad(msg!("UNIT_HAS_NO_REGION")),
            PersonError::Differs(field) => there(msg!("PERSON_DIFFERS", field)),
            PersonError::Overlaps(day) => there(msg!("EMPLOYMENT_OVERLAPS", day)),
            PersonError::EarlierRefused => not_now(msg!("EARLIER_ROW_REFUSED")),
            PersonError::OutOfReach => Self::of(PermissionDenied, msg!("PERSON_OUT_OF_REACH")),
            PersonError::NotEmployed(day) => not_now(msg!("NOT_EMPLOYED", day)),
            PersonError::EndsAlready(day) => not_now(msg!("ENDS_ALREADY", day)),
            PersonError::NotInCatalogue(field, code, day) => bad(msg!("NOT_IN_CATALOGUE", field, code, day)),
            PersonError::RegionCrossed => not_now(msg!("REGION_CROSSED.person")),
            PersonError::ChangePlanned(day) => not_now(msg!("EMPLOYMENT_CHANGE_PLANNED", day)),
            PersonError::NothingChanges => not_now(msg!("NOTHING_CHANGES")),
            PersonError::EmploymentMissing(id, _) => Self::not_found("employment", id),
            PersonError::HomeEnds => not_now(msg!("HOME_ENDS")),
            PersonError::CutOff(day) => not_now(msg!("START_TOO_LATE", day)),
            PersonError::OutlastsHome(day) => not_now(msg!("OUTLASTS_HOME", day)),
            PersonError::OnLeave(day) => there(msg!("LEAVE_OVERLAPS", day)),
            PersonError::LeaveMissing(id) => Self::not_found("leave", id),
            PersonError::NumberTaken => there(msg!("EMPLOYEE_NO_TAKEN")),
            PersonError::IdNumberUnusable(why) => why.into(),
            PersonError::IdNumberTaken => there(msg!("ID_NUMBER_TAKEN")),
            PersonError::NothingPlanned(day) => not_now(msg!("NOTHING_PLANNED", day)),
        }
    }
}

impl From<ReportingError> for Error {
    fn from(error: ReportingError) -> Self {
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            ReportingError::DatesBackwards => {
                Self::of(InvalidArgument, msg!("DATES_BACKWARDS", first = "from", last = "to"))
            }
            ReportingError::NotEmployed(day) => not_now(msg!("NOT_EMPLOYED", day)),
            ReportingError::ManagerNotEmployed(day) => not_now(msg!("MANAGER_NOT_EMPLOYED", day)),
            ReportingError::RegionCrossed => not_now(msg!("REGION_CROSSED.manager")),
            ReportingError::Cycle(day) => not_now(msg!("REPORTING_CYCLE", day)),
            ReportingError::ChangePlanned(day) => not_now(msg!("LINE_CHANGE_PLANNED", day)),
            ReportingError::ThereAlready(id) => Self::of(AlreadyExists, msg!("LINE_THERE_ALREADY", id)),
            ReportingError::LineMissing(id) => Self::not_found("reporting line", id),
            ReportingError::EndsAlready(day) => not_now(msg!("ENDS_ALREADY.line", day)),
        }
    }
}

impl From<CatalogueError> for Error {
    fn from(error: CatalogueError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        match error {
            CatalogueError::KindMissing => bad(msg!("KIND_MISSING")),
            CatalogueError::TextUnusable(field) => bad(msg!("TEXT_UNUSABLE", field, max = MAX_TEXT)),
            CatalogueError::DateMalformed(field) => bad(msg!("DATE_MALFORMED", field)),
            CatalogueError::DatesBackwards => bad(msg!("DATES_BACKWARDS", first = "valid_from", last = "valid_to")),
            CatalogueError::RankUnusable => bad(msg!("RANK_UNUSABLE")),
            CatalogueError::ChangePlanned(day) => Self::of(FailedPrecondition, msg!("ENTRY_CHANGE_PLANNED", day)),
        }
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        let refused = |message| Self::of(Unauthenticated, message);
        match error {
            SessionError::Refused => refused(msg!("SIGN_IN_REFUSED")),
            SessionError::SecondFactorNeeded => refused(msg!("SECOND_FACTOR_NEEDED")),
            SessionError::MustChange => refused(msg!("PASSWORD_MUST_CHANGE")),
            SessionError::NotEmployed => refused(msg!("EMPLOYMENT_ENDED")),
            SessionError::Weak(None) => Self::of(InvalidArgument, msg!("PASSWORD_WEAK")),
            SessionError::Weak(Some(why)) => Self::of(InvalidArgument, msg!("PASSWORD_WEAK.why", why)),
            SessionError::Ended => refused(msg!("SESSION_ENDED")),
            SessionError::RefreshRefused => refused(msg!("REFRESH_REFUSED")),
            SessionError::RefreshReused => refused(msg!("REFRESH_REUSED")),
            SessionError::LoginTaken => Self::of(AlreadyExists, msg!("LOGIN_TAKEN")),
            SessionError::PersonHasLogin => Self::of(AlreadyExists, msg!("PERSON_HAS_LOGIN")),
        }
    }
}

impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            LoginError::NoPassword => not_now(msg!("NO_PASSWORD")),
            LoginError::ResetOneself => not_now(msg!("RESET_ONESELF")),
            LoginError::HoldsMore(permission) => Self::of(PermissionDenied, msg!("LOGIN_HOLDS_MORE", permission)),
            LoginError::EnrolledAlready => not_now(msg!("SECOND_FACTOR_ALREADY_EXISTS")),
            LoginError::NotEnrolled => not_now(msg!("SECOND_FACTOR_MISSING")),
            LoginError::CodeWrong => Self::of(Unauthenticated, msg!("SECOND_FACTOR_WRONG")),
        }
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::KeyRefused => Self::of(Unauthenticated, msg!("API_KEY_REFUSED")),
            AccountError::NotAnAccount(id) => Self::not_found("service account", id),
            AccountError::TooManyKeys(max) => Self::of(FailedPrecondition, msg!("TOO_MANY_KEYS", max)),
            AccountError::LifeUnusable(days) => Self::of(InvalidArgument, msg!("KEY_LIFE_UNUSABLE", days)),
        }
    }
}

impl From<SsoError> for Error {
    fn from(error: SsoError) -> Self {
        let refused = |message| Self::of(Unauthenticated, message);
        match error {
            SsoError::ProviderUnknown => Self::of(NotFound, msg!("PROVIDER_UNKNOWN")),
            SsoError::NameTaken => Self::of(AlreadyExists, msg!("PROVIDER_NAME_TAKEN")),
            SsoError::ProviderAway => {
                Self::of(Unavailable, msg!("SSO_PROVIDER_AWAY")).retry_after(Duration::from_secs(5))
            }
            SsoError::StateRefused => refused(msg!("SSO_STATE_REFUSED")),
            SsoError::TokenRefused(why) => refused(msg!("SSO_REFUSED")).with_internal(why),
            SsoError::LoginUnknown => refused(msg!("SSO_LOGIN_UNKNOWN")),
        }
    }
}
