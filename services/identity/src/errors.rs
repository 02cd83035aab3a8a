//! What every domain error of identity means to a caller: the kind, the stable reason, the sentence. Every variant is
//! listed, so that a new one does not build until somebody has found its words.

use tally_kernel::{Error, Kind};

use crate::access::domain::AccessError;
use crate::org::domain::OrgError;
use crate::person::domain::PersonError;
use crate::session::domain::SessionError;
use crate::tenant::domain::TenantError;

use Kind::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated};

impl From<TenantError> for Error {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::InitialisedAlready => Self::new(
                FailedPrecondition,
                "INITIALISED_ALREADY",
                "this store holds a group already: sign in, or start with an empty store",
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
            OrgError::UnitUnknown(unit) => Self::not_found("org unit", unit),
            OrgError::RootMoved => not_now("ROOT_MOVED", "the root stays where it is".to_owned()),
            OrgError::Cycle => {
                not_now("ORG_CYCLE", "the new parent lies below the unit, now or by a planned move".to_owned())
            }
            OrgError::RegionCrossed => not_now(
                "REGION_CROSSED",
                "the new parent is in another region, and data do not move between regions".to_owned(),
            ),
            OrgError::NameTaken(name) => {
                Self::new(AlreadyExists, "UNIT_NAME_TAKEN", format!("the new parent has a unit {name:?} on those days"))
            }
            OrgError::ChangePlanned(day) => not_now(
                "UNIT_CHANGE_PLANNED",
                format!("the unit has a change on {day}: move it from that day or later"),
            ),
        }
    }
}

impl From<PersonError> for Error {
    fn from(error: PersonError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
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
            PersonError::UnitHasNoRegion => {
                bad("UNIT_HAS_NO_REGION", "people belong to a branch or below, not to the group itself".to_owned())
            }
            PersonError::Differs(field) => Self::new(
                AlreadyExists,
                "PERSON_DIFFERS",
                format!("this employee number is there with another {field}"),
            ),
            PersonError::Overlaps(day) => Self::new(
                AlreadyExists,
                "EMPLOYMENT_OVERLAPS",
                format!("the person's employment from {day} covers some of these days: end it first"),
            ),
            PersonError::NotEmployed(day) => not_now("NOT_EMPLOYED", format!("the person is not employed on {day}")),
            PersonError::EndsAlready(day) => not_now("ENDS_ALREADY", format!("the employment ends on {day} already")),
        }
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused => Self::new(
                Unauthenticated,
                "SIGN_IN_REFUSED",
                "the name or the password is wrong; after five wrong passwords wait, up to 15 minutes",
            ),
            SessionError::LoginTaken => Self::new(AlreadyExists, "LOGIN_TAKEN", "somebody has this sign-in name"),
            SessionError::PersonHasLogin => {
                Self::new(AlreadyExists, "PERSON_HAS_LOGIN", "this person has a login: a person has one")
            }
        }
    }
}

impl From<AccessError> for Error {
    fn from(error: AccessError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        let denied = |reason, text: String| Self::new(PermissionDenied, reason, text);
        match error {
            AccessError::RoleUnknown(role) => bad("ROLE_UNKNOWN", format!("no role is called {role:?}")),
            AccessError::ScopeNotForRole(role, scope) => {
                bad("SCOPE_NOT_FOR_ROLE", format!("{role} is not given on the scope {scope}"))
            }
            AccessError::UnitUnknown(unit) => Self::not_found("org unit", unit),
            AccessError::NotLegalEntity(unit) => bad("NOT_A_LEGAL_ENTITY", format!("{unit} is not a legal entity")),
            AccessError::RegionUnknown(region) => bad("REGION_UNKNOWN", format!("the group has no region {region}")),
            AccessError::NoPerson => {
                not_now("NO_PERSON", "this login belongs to no person: name a unit or region".to_owned())
            }
            AccessError::NoReportingLines => {
                not_now("NO_REPORTING_LINES", "no reporting lines are recorded: name a unit instead".to_owned())
            }
            AccessError::DatesBackwards => bad("DATES_BACKWARDS", "valid_to lies before valid_from".to_owned()),
            AccessError::DutiesSeparated(a, b) => {
                not_now("DUTIES_SEPARATED", format!("nobody holds both {a} and {b}: give it to somebody else"))
            }
            AccessError::GrantedAlready(id) => {
                Self::new(AlreadyExists, "GRANTED_ALREADY", format!("grant {id} gives this on those days"))
            }
            AccessError::NotHeld(permission) => {
                denied("GRANT_NOT_HELD", format!("you do not hold {permission} there, so you cannot give it"))
            }
            AccessError::ToOneself => denied(
                "GRANT_TO_ONESELF",
                "nobody gives himself what he does not hold: ask another administrator".to_owned(),
            ),
            AccessError::PrincipalUnknown(id) => Self::not_found("principal", id),
            AccessError::GrantUnknown(id) => {
                Self::new(NotFound, "NOT_FOUND", format!("no grant {id} that you may see"))
            }
            AccessError::RevokedAlready => not_now("REVOKED_ALREADY", "the grant is taken away already".to_owned()),
            AccessError::LastAdministrator => not_now(
                "LAST_ADMINISTRATOR",
                "this is the last grant that lets somebody give roles: give group_admin to somebody else first"
                    .to_owned(),
            ),
        }
    }
}
