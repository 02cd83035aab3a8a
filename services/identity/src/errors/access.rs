//! The errors of access itself: grants, questions, roles, delegations, emergencies.

use tally_kernel::{Error, Kind};

use crate::access::domain::AccessError;
use crate::break_glass::domain::BreakGlassError;
use crate::check::domain::CheckError;
use crate::delegation::domain::DelegationError;
use crate::role::domain::RoleError;

use Kind::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

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

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Principal(id) => Self::not_found("principal", id),
            CheckError::Unit(id) => Self::not_found("org unit", id),
            CheckError::Person(id) => Self::not_found("person", id),
        }
    }
}

impl From<RoleError> for Error {
    fn from(error: RoleError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        match error {
            RoleError::NameMalformed => bad("ROLE_NAME_MALFORMED", "2 to 64 of a-z, 0-9 and _".to_owned()),
            RoleError::NameReserved => {
                Self::new(AlreadyExists, "ROLE_NAME_RESERVED", "a ready role or a service has this name: take another")
            }
            RoleError::Empty => bad("ROLE_EMPTY", "name at least one permission and one scope".to_owned()),
            RoleError::ForServices(permission) => {
                bad("ROLE_FOR_SERVICES", format!("{permission} is for services of the suite alone"))
            }
            RoleError::DutiesSeparated(a, b) => {
                bad("DUTIES_SEPARATED", format!("no role gives both {a} and {b}: make two of it"))
            }
            RoleError::HolderSeparated(principal, a, b) => not_now(
                "DUTIES_SEPARATED",
                format!("{principal} has this role and would hold both {a} and {b}: take one of the grants away first"),
            ),
            RoleError::Changed(version) => Self::new(
                Kind::Aborted,
                "STALE",
                format!("the role is at version {version} now: read it again, then repeat your change"),
            ),
            RoleError::Unknown(name) => {
                let name: String = name.chars().take(64).collect();
                Self::new(NotFound, "ROLE_UNKNOWN", format!("the group has no role of its own called {name:?}"))
            }
            RoleError::InUse(grants) => {
                not_now("ROLE_IN_USE", format!("{grants} grants give this role: take them away first"))
            }
            RoleError::ToOneself(permission) => Self::new(
                PermissionDenied,
                "GRANT_TO_ONESELF",
                format!("you have this role and do not hold {permission}: ask another administrator"),
            ),
            RoleError::LastAdministrator => not_now(
                "LAST_ADMINISTRATOR",
                "nobody could give roles any more: give group_admin to somebody first".to_owned(),
            ),
        }
    }
}

impl From<DelegationError> for Error {
    fn from(error: DelegationError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let denied = |reason, text: String| Self::new(PermissionDenied, reason, text);
        match error {
            DelegationError::Nothing => bad("DELEGATION_EMPTY", "name at least one permission".to_owned()),
            DelegationError::TimeBackwards => {
                bad("DELEGATION_TIME", "it must end after it begins, and in the future".to_owned())
            }
            DelegationError::TooLong => {
                bad("DELEGATION_TOO_LONG", "at most 90 days: for longer let somebody give a role".to_owned())
            }
            DelegationError::ToOneself => bad("DELEGATION_TO_ONESELF", "name somebody else".to_owned()),
            DelegationError::NotLent(permission) => {
                denied("PERMISSION_NOT_LENT", format!("{permission} is never delegated"))
            }
            DelegationError::NotHeld(permission) => {
                denied("GRANT_NOT_HELD", format!("none of your own grants gives you {permission}"))
            }
            DelegationError::DutiesSeparated(a, b) => Self::new(
                FailedPrecondition,
                "DUTIES_SEPARATED",
                format!("nobody holds both {a} and {b}, not for a day: lend it to somebody else"),
            ),
            DelegationError::PrincipalUnknown(id) => Self::not_found("principal", id),
            DelegationError::Unknown(id) => Self::not_found("delegation", id),
            DelegationError::EndedAlready => {
                Self::new(FailedPrecondition, "DELEGATION_ENDED", "the delegation is over already")
            }
        }
    }
}

impl From<BreakGlassError> for Error {
    fn from(error: BreakGlassError) -> Self {
        let bad = |reason, text: String| Self::new(InvalidArgument, reason, text);
        let not_now = |reason, text: String| Self::new(FailedPrecondition, reason, text);
        match error {
            BreakGlassError::Nothing => bad("BREAK_GLASS_EMPTY", "name the permissions to open".to_owned()),
            BreakGlassError::NotOpened(permission) => Self::new(
                PermissionDenied,
                "PERMISSION_NOT_OPENED",
                format!("no emergency opens {permission}: rights over rights and separated duties stay where they are"),
            ),
            BreakGlassError::ScopeUnusable => {
                bad("BREAK_GLASS_SCOPE", "name a unit, a region or the group, not self or reports".to_owned())
            }
            BreakGlassError::ReasonTooShort => {
                bad("BREAK_GLASS_REASON", "say what happened in at least 20 characters".to_owned())
            }
            BreakGlassError::TimeUnusable => bad("BREAK_GLASS_TIME", "1 to 60 minutes".to_owned()),
            BreakGlassError::OpenAlready(id) => {
                not_now("BREAK_GLASS_OPEN", format!("your emergency {id} is open: end it first"))
            }
            BreakGlassError::Unknown(id) => Self::not_found("emergency", id),
            BreakGlassError::EndedAlready => not_now("BREAK_GLASS_ENDED", "the emergency is over already".to_owned()),
            BreakGlassError::StillOpen => {
                not_now("BREAK_GLASS_OPEN", "the emergency is still open: end it, then review it".to_owned())
            }
            BreakGlassError::FourEyes(refusal) => refusal.into(),
            BreakGlassError::ReviewedAlready => not_now("REVIEWED_ALREADY", "it is reviewed already".to_owned()),
        }
    }
}
