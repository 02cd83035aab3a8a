//! What every domain error of identity means to a caller: the kind, the stable reason, the sentence. Every variant is
//! listed, so that a new one does not build until somebody has found its words.

mod access;
mod privacy;

use std::time::Duration;

use tally_kernel::{Error, Kind};

use crate::catalogue::domain::CatalogueError;
use crate::directory::domain::DirectoryError;
use crate::login::domain::LoginError;
use crate::org::domain::{MAX_DEPTH, OrgError};
use crate::person::domain::PersonError;
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
        match error {
            TenantError::InitialisedAlready => Self::new(
                FailedPrecondition,
                "INITIALISED_ALREADY",
                "this store holds a group already: sign in, start with an empty store, or bring an invitation",
            ),
            TenantError::InvitationInvalid => Self::new(
                PermissionDenied,
                "INVITATION_INVALID",
                "the invitation is not one of this stack, or not whole: ask its operator for another",
            ),
            TenantError::InvitationExpired => Self::new(
                FailedPrecondition,
                "INVITATION_EXPIRED",
                "the invitation's life is over: ask the operator for another",
            ),
            TenantError::InvitedAnother => {
                Self::new(FailedPrecondition, "INVITED_ANOTHER", "the invitation is for a group with another id")
            }
            TenantError::RegionThere(region) => {
                Self::new(AlreadyExists, "REGION_ALREADY_EXISTS", format!("the group has the region {region}"))
            }
            TenantError::SuspendedAlready => {
                Self::new(FailedPrecondition, "SUSPENDED_ALREADY", "the group is suspended already")
            }
            TenantError::SuspendedTooShort(from) => Self::new(
                FailedPrecondition,
                "SUSPENDED_TOO_SHORT",
                format!("a group is deleted 30 days after it was suspended, not before {from}"),
            ),
            TenantError::FourEyes(refusal) => refusal.into(),
            TenantError::NameDiffers => Self::new(
                InvalidArgument,
                "NAME_DIFFERS",
                "say the group's name letter for letter, so that it is the right one",
            ),
            TenantError::OnHold => Self::new(
                FailedPrecondition,
                "LEGAL_HOLD",
                "a legal hold stands: it must be lifted first, see ListHolds",
            ),
            TenantError::Deleted => Self::new(FailedPrecondition, "TENANT_DELETED", "the group was deleted"),
            TenantError::NotSuspended => Self::new(FailedPrecondition, "NOT_SUSPENDED", "the group is in use"),
        }
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::There => {
                Self::new(FailedPrecondition, "PSEUDONYM_ALREADY_EXISTS", "the person has another pseudonym: it stays")
            }
            DirectoryError::Taken => {
                Self::new(AlreadyExists, "PSEUDONYM_TAKEN", "somebody else here has this pseudonym: look whose it is")
            }
            DirectoryError::Older => Self::new(
                FailedPrecondition,
                "DIRECTORY_OLDER",
                "a newer directory of this region was taken in already",
            ),
        }
    }
}

impl From<OrgError> for Error {
    fn from(error: OrgError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        match error {
            OrgError::PathMalformed => {
                bad("UNIT_PATH_MALFORMED", "1 to 16 names joined by /, each 1 to 200 characters".to_owned())
            }
            OrgError::DateMalformed(text) => bad("DATE_MALFORMED", format!("{text:?} is not a date: write YYYY-MM-DD")),
            OrgError::RegionMissing => {
                bad("REGION_MISSING", "the group has several regions: name the branch's".to_owned())
            }
            OrgError::RegionUnknown(name) => bad("REGION_UNKNOWN", format!("the group has no region {name:?}")),
            OrgError::RegionDiffers(region) => {
                not_now("REGION_DIFFERS", format!("the branch is in {region}, and data do not move between regions"))
            }
            OrgError::KindDiffers(kind) => not_now("UNIT_DIFFERS", format!("the unit is there as a {}", kind.name())),
            OrgError::KindIsRoots => bad("UNIT_KIND_IS_ROOTS", "only the root is the group".to_owned()),
            OrgError::BeginsLater(day) => not_now(
                "UNIT_BEGINS_LATER",
                format!("the unit or one above it begins on {day}: name a date from then on"),
            ),
            OrgError::Closes(day) => not_now(
                "UNIT_CLOSES",
                format!("a unit that something would hang on closes with {day}: choose another, or other days"),
            ),
            OrgError::UnitUnknown(unit) => Self::not_found("org unit", unit),
            OrgError::NameMalformed => bad("UNIT_NAME_MALFORMED", "1 to 200 characters, without /".to_owned()),
            OrgError::RootStays => not_now("ROOT_STAYS", "the root is the group: it stays as it is".to_owned()),
            OrgError::Cycle => {
                not_now("ORG_CYCLE", "the new parent lies below the unit, now or by a planned move".to_owned())
            }
            OrgError::TooDeep => not_now(
                "ORG_TOO_DEEP",
                format!("the tree would be deeper than {MAX_DEPTH} names, now or by a planned move"),
            ),
            OrgError::RegionCrossed => not_now(
                "REGION_CROSSED",
                "the units are in different regions, and data do not move between regions".to_owned(),
            ),
            OrgError::NameTaken(name) => {
                Self::new(AlreadyExists, "UNIT_NAME_TAKEN", format!("the parent has a unit {name:?} on those days"))
            }
            OrgError::ChangePlanned(day) => {
                not_now("UNIT_CHANGE_PLANNED", format!("the unit has a change on {day}: name that day or a later one"))
            }
            OrgError::NothingChanges => not_now("NOTHING_CHANGES", "it is so already".to_owned()),
            OrgError::HasChildren(name) => not_now(
                "UNIT_HAS_CHILDREN",
                format!("{name:?} hangs below the unit then: move or close it first, or merge the unit"),
            ),
            OrgError::HasPeople(count) => not_now(
                "UNIT_HAS_PEOPLE",
                format!("{count} employments are in the unit then: say in move_people_to where they go"),
            ),
            OrgError::MergedIntoItself => bad(
                "MERGED_INTO_ITSELF",
                "name one or more units to merge, each once, and another one that stays".to_owned(),
            ),
            OrgError::PeopleToNowhere => bad(
                "PEOPLE_TO_NOWHERE",
                "the unit that people go to must be a branch or below and must not close that day".to_owned(),
            ),
        }
    }
}

impl From<PersonError> for Error {
    fn from(error: PersonError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        let there = |reason, text: String| Self::new(AlreadyExists, reason, text);
        let taken = |reason, text: &str| Self::new(AlreadyExists, reason, text);
        match error {
            PersonError::TextUnusable(field) => bad("TEXT_UNUSABLE", format!("{field}: 1 to 200 characters")),
            PersonError::DateMalformed(field) => bad("DATE_MALFORMED", format!("{field}: write YYYY-MM-DD")),
            PersonError::DatesBackwards => bad("DATES_BACKWARDS", "left_on lies before hired_on".to_owned()),
            PersonError::ZoneUnknown(zone) => {
                bad("ZONE_UNKNOWN", format!("{zone:?} is not an IANA zone such as Asia/Shanghai"))
            }
            PersonError::UnitUnknown(path) => bad("UNIT_UNKNOWN", format!("no unit {path:?}: import it first")),
            PersonError::UnitBeginsLater(path, day) => {
                bad("UNIT_BEGINS_LATER", format!("{path:?} begins on {day}, after hired_on"))
            }
            PersonError::UnitMissing(unit) => Self::not_found("org unit", unit),
            PersonError::UnitCloses(day) => bad("UNIT_CLOSES", format!("the unit closes with {day}: choose another")),
            PersonError::UnitHasNoRegion => {
                bad("UNIT_HAS_NO_REGION", "people belong to a branch or below, not to the group itself".to_owned())
            }
            PersonError::Differs(field) => {
                there("PERSON_DIFFERS", format!("this employee number is there with another {field}"))
            }
            PersonError::Overlaps(day) => there(
                "EMPLOYMENT_OVERLAPS",
                format!("the person's employment from {day} covers some of these days: end it first"),
            ),
            PersonError::NotEmployed(day) => not_now("NOT_EMPLOYED", format!("the person is not employed on {day}")),
            PersonError::EndsAlready(day) => not_now("ENDS_ALREADY", format!("the employment ends on {day} already")),
            PersonError::NotInCatalogue(field, code, day) => bad(
                "NOT_IN_CATALOGUE",
                format!("{field}: the group's catalogue has no {code:?} on {day}: import it first, or choose another"),
            ),
            PersonError::RegionCrossed => not_now(
                "REGION_CROSSED",
                "the unit is in another region, and data do not move between regions: end the employment here, and \
                 hire the person there under a number of that region"
                    .to_owned(),
            ),
            PersonError::ChangePlanned(day) => not_now(
                "EMPLOYMENT_CHANGE_PLANNED",
                format!("the employment has a change on {day}: name that day or a later one, or cancel the change"),
            ),
            PersonError::NothingChanges => not_now("NOTHING_CHANGES", "it is so already".to_owned()),
            PersonError::EmploymentMissing(id, _) => Self::not_found("employment", id),
            PersonError::HomeEnds => not_now(
                "HOME_ENDS",
                "this is the home employment, which EndEmployment ends with all beside it".to_owned(),
            ),
            PersonError::CutOff(day) => not_now(
                "START_TOO_LATE",
                format!("something of it, or beside it, is on {day}, before that first day: put that right first"),
            ),
            PersonError::OutlastsHome(day) => not_now(
                "OUTLASTS_HOME",
                format!("the home employment ends on {day}: posts and leaves end with it at the latest"),
            ),
            PersonError::OnLeave(day) => there(
                "LEAVE_OVERLAPS",
                format!("the person's leave from {day} covers some of these days: end it first"),
            ),
            PersonError::LeaveMissing(id) => Self::not_found("leave", id),
            PersonError::NumberTaken => taken("EMPLOYEE_NO_TAKEN", "somebody else has this employee number"),
            PersonError::IdNumberUnusable(why) => why.into(),
            PersonError::IdNumberTaken => taken("ID_NUMBER_TAKEN", "somebody else of this region has this number"),
            PersonError::NothingPlanned(day) => {
                not_now("NOTHING_PLANNED", format!("the employment has no change on {day} that could still be dropped"))
            }
        }
    }
}

impl From<ReportingError> for Error {
    fn from(error: ReportingError) -> Self {
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        match error {
            ReportingError::DatesBackwards => {
                Self::new(InvalidArgument, "DATES_BACKWARDS", "the last day lies before the first")
            }
            ReportingError::NotEmployed(day) => not_now("NOT_EMPLOYED", format!("the person is not employed on {day}")),
            ReportingError::ManagerNotEmployed(day) => {
                not_now("MANAGER_NOT_EMPLOYED", format!("the manager is not employed on {day}: choose another"))
            }
            ReportingError::RegionCrossed => not_now(
                "REGION_CROSSED",
                "the manager belongs to another region, whose people may not read this one's data".to_owned(),
            ),
            ReportingError::Cycle(day) => not_now(
                "REPORTING_CYCLE",
                format!("on {day} the manager reports to this person, directly or through others"),
            ),
            ReportingError::ChangePlanned(day) => not_now(
                "LINE_CHANGE_PLANNED",
                format!("another solid line begins on {day}: end it, or name a last day before"),
            ),
            ReportingError::ThereAlready(id) => {
                Self::new(AlreadyExists, "LINE_THERE_ALREADY", format!("line {id} says so on some of these days"))
            }
            ReportingError::LineMissing(id) => Self::not_found("reporting line", id),
            ReportingError::EndsAlready(day) => not_now("ENDS_ALREADY", format!("the line ends on {day} already")),
        }
    }
}

impl From<CatalogueError> for Error {
    fn from(error: CatalogueError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        match error {
            CatalogueError::KindMissing => bad("KIND_MISSING", "say whether it is a position or a grade".to_owned()),
            CatalogueError::TextUnusable(field) => bad("TEXT_UNUSABLE", format!("{field}: 1 to 200 characters")),
            CatalogueError::DateMalformed(field) => bad("DATE_MALFORMED", format!("{field}: write YYYY-MM-DD")),
            CatalogueError::DatesBackwards => bad("DATES_BACKWARDS", "valid_to lies before valid_from".to_owned()),
            CatalogueError::RankUnusable => {
                bad("RANK_UNUSABLE", "a grade has a rank from 1 on, a position has none".to_owned())
            }
            CatalogueError::ChangePlanned(day) => Self::new(
                FailedPrecondition,
                "ENTRY_CHANGE_PLANNED",
                format!("the code has an entry from {day} on: end before that day, or begin on it"),
            ),
        }
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused => Self::new(
                Unauthenticated,
                "SIGN_IN_REFUSED",
                "the name, the password or the code is wrong; after five wrong ones wait, up to 15 minutes",
            ),
            SessionError::SecondFactorNeeded => Self::new(
                Unauthenticated,
                "SECOND_FACTOR_NEEDED",
                "send the code that your authenticator shows, or a recovery code",
            ),
            SessionError::MustChange => Self::new(
                Unauthenticated,
                "PASSWORD_MUST_CHANGE",
                "this password was for one sign-in: send a new one along, as new_password",
            ),
            SessionError::NotEmployed => Self::new(
                Unauthenticated,
                "EMPLOYMENT_ENDED",
                "you are not employed today: ask those who keep the group's people",
            ),
            SessionError::Weak(why) => {
                let text = format!("too easy to guess: take four words that do not belong together. {why}");
                Self::new(InvalidArgument, "PASSWORD_WEAK", text.trim_end())
            }
            SessionError::Ended => Self::new(Unauthenticated, "SESSION_ENDED", "this session has ended: sign in again"),
            SessionError::RefreshRefused => {
                Self::new(Unauthenticated, "REFRESH_REFUSED", "no such session, or it has ended: sign in again")
            }
            SessionError::RefreshReused => Self::new(
                Unauthenticated,
                "REFRESH_REUSED",
                "this refresh token was used before, so its session was ended for safety: sign in again",
            ),
            SessionError::LoginTaken => Self::new(AlreadyExists, "LOGIN_TAKEN", "somebody has this sign-in name"),
            SessionError::PersonHasLogin => {
                Self::new(AlreadyExists, "PERSON_HAS_LOGIN", "this person has a login: a person has one")
            }
        }
    }
}

impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        let not_now = |reason, text: &str| Self::new(FailedPrecondition, reason, text);
        match error {
            LoginError::NoPassword => not_now("NO_PASSWORD", "this principal signs in without a password"),
            LoginError::ResetOneself => {
                not_now("RESET_ONESELF", "one's own password is changed with the old one: ChangePassword")
            }
            LoginError::HoldsMore(permission) => Self::new(
                PermissionDenied,
                "LOGIN_HOLDS_MORE",
                format!("it holds {permission}, which you could not give it: ask somebody who can"),
            )
            .with("permission", permission),
            LoginError::EnrolledAlready => {
                not_now("SECOND_FACTOR_ALREADY_EXISTS", "there is a second factor already: remove it first")
            }
            LoginError::NotEnrolled => {
                not_now("SECOND_FACTOR_MISSING", "there is no second factor: begin with EnrollTotp")
            }
            LoginError::CodeWrong => Self::new(
                Unauthenticated,
                "SECOND_FACTOR_WRONG",
                "the code is wrong, or was used: wait for the next one, and see that the clock is right",
            ),
        }
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::KeyRefused => {
                Self::new(Unauthenticated, "API_KEY_REFUSED", "no such key, or it has ended: make a new one")
            }
            AccountError::NotAnAccount(id) => Self::not_found("service account", id),
            AccountError::TooManyKeys(most) => Self::new(
                FailedPrecondition,
                "TOO_MANY_KEYS",
                format!("an account has at most {most} keys that live: revoke one first"),
            ),
            AccountError::LifeUnusable(days) => Self::new(
                InvalidArgument,
                "KEY_LIFE_UNUSABLE",
                format!("expires_at: an instant to come, at most {days} days away"),
            ),
        }
    }
}

impl From<SsoError> for Error {
    fn from(error: SsoError) -> Self {
        let refused = |reason, text: &str| Self::new(Unauthenticated, reason, text);
        match error {
            SsoError::ProviderUnknown => {
                Self::new(NotFound, "PROVIDER_UNKNOWN", "no provider of single sign-on has this name")
            }
            SsoError::NameTaken => Self::new(
                AlreadyExists,
                "PROVIDER_NAME_TAKEN",
                "another group has a provider of this name: take another",
            ),
            SsoError::ProviderAway => Self::new(
                Unavailable,
                "SSO_PROVIDER_AWAY",
                "the identity provider cannot be asked, or gives no sensible answer: try again in a moment",
            )
            .retry_after(Duration::from_secs(5)),
            SsoError::StateRefused => {
                refused("SSO_STATE_REFUSED", "this sign-in is over, or was begun elsewhere: begin again")
            }
            SsoError::TokenRefused(why) => {
                refused("SSO_REFUSED", "the identity provider's word was not taken: begin again").with_internal(why)
            }
            SsoError::LoginUnknown => refused(
                "SSO_LOGIN_UNKNOWN",
                "the identity provider knows you, and no login here is yours: ask an administrator for one",
            ),
        }
    }
}
