//! The errors of access itself: grants, questions, roles, delegations, emergencies.

use tally_kernel::{Error, Kind, msg};

use crate::access::domain::AccessError;
use crate::break_glass::domain::BreakGlassError;
use crate::check::domain::CheckError;
use crate::delegation::domain::DelegationError;
use crate::role::domain::RoleError;

use Kind::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

impl From<AccessError> for Error {
    fn from(error: AccessError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        let not_now = |message| Self::of(FailedPrecondition, message);
        let denied = |message| Self::of(PermissionDenied, message);
        match error {
            AccessError::RoleUnknown(role) => bad(msg!("ROLE_UNKNOWN", role)),
            AccessError::ScopeNotForRole(role, scope) => bad(msg!("SCOPE_NOT_FOR_ROLE", role, scope)),
            AccessError::UnitUnknown(unit) => Self::not_found("org unit", unit),
            AccessError::NotLegalEntity(unit) => bad(msg!("NOT_A_LEGAL_ENTITY", unit)),
            AccessError::RegionUnknown(region) => bad(msg!("REGION_UNKNOWN", region)),
            AccessError::NoPerson => not_now(msg!("NO_PERSON")),
            AccessError::DatesBackwards => bad(msg!("DATES_BACKWARDS", first = "valid_from", last = "valid_to")),
            AccessError::DutiesSeparated(a, b) => not_now(msg!("DUTIES_SEPARATED", a, b)),
            AccessError::GrantedAlready(id) => Self::of(AlreadyExists, msg!("GRANTED_ALREADY", id)),
            AccessError::NotHeld(permission) => denied(msg!("GRANT_NOT_HELD", permission)),
            AccessError::ToOneself => denied(msg!("GRANT_TO_ONESELF")),
            AccessError::PrincipalUnknown(id) => Self::not_found("principal", id),
            AccessError::LoginUnknown(login) => Self::not_found("login", login),
            AccessError::GrantUnknown(id) => Self::not_found("grant", id),
            AccessError::RevokedAlready => not_now(msg!("REVOKED_ALREADY")),
            AccessError::LastAdministrator => not_now(msg!("LAST_ADMINISTRATOR")),
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
        let bad = |message| Self::of(InvalidArgument, message);
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            RoleError::NameMalformed => bad(msg!("ROLE_NAME_MALFORMED")),
            RoleError::NameReserved => Self::of(AlreadyExists, msg!("ROLE_NAME_RESERVED")),
            RoleError::Empty => bad(msg!("ROLE_EMPTY")),
            RoleError::ForServices(permission) => bad(msg!("ROLE_FOR_SERVICES", permission)),
            RoleError::DutiesSeparated(a, b) => bad(msg!("DUTIES_SEPARATED.role", a, b)),
            RoleError::HolderSeparated(principal, a, b) => not_now(msg!("DUTIES_SEPARATED.holder", principal, a, b)),
            RoleError::Changed(version) => Self::of(Kind::Aborted, msg!("STALE")).with("version", version),
            RoleError::Unknown(name) => {
                let role: String = name.chars().take(64).collect();
                Self::of(NotFound, msg!("ROLE_UNKNOWN.own", role))
            }
            RoleError::InUse(count) => not_now(msg!("ROLE_IN_USE", count)),
            RoleError::ToOneself(permission) => Self::of(PermissionDenied, msg!("GRANT_TO_ONESELF.role", permission)),
            RoleError::LastAdministrator => not_now(msg!("LAST_ADMINISTRATOR")),
        }
    }
}

impl From<DelegationError> for Error {
    fn from(error: DelegationError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        let denied = |message| Self::of(PermissionDenied, message);
        match error {
            DelegationError::Nothing => bad(msg!("DELEGATION_EMPTY")),
            DelegationError::TimeBackwards => bad(msg!("DELEGATION_TIME")),
            DelegationError::TooLong => bad(msg!("DELEGATION_TOO_LONG")),
            DelegationError::ToOneself => bad(msg!("DELEGATION_TO_ONESELF")),
            DelegationError::NotDelegable(permission) => denied(msg!("PERMISSION_NOT_DELEGABLE", permission)),
            DelegationError::NotHeld(permission) => denied(msg!("GRANT_NOT_HELD", permission)),
            DelegationError::DutiesSeparated(a, b) => {
                Self::of(FailedPrecondition, msg!("DUTIES_SEPARATED.delegated", a, b))
            }
            DelegationError::PrincipalUnknown(id) => Self::not_found("principal", id),
            DelegationError::Unknown(id) => Self::not_found("delegation", id),
            DelegationError::EndedAlready => Self::of(FailedPrecondition, msg!("DELEGATION_ENDED")),
        }
    }
}

impl From<BreakGlassError> for Error {
    fn from(error: BreakGlassError) -> Self {
        let bad = |message| Self::of(InvalidArgument, message);
        let not_now = |message| Self::of(FailedPrecondition, message);
        match error {
            BreakGlassError::Nothing => bad(msg!("BREAK_GLASS_EMPTY")),
            BreakGlassError::NotOpened(permission) => {
                Self::of(PermissionDenied, msg!("PERMISSION_NOT_OPENED", permission))
            }
            BreakGlassError::ScopeUnusable => bad(msg!("BREAK_GLASS_SCOPE")),
            BreakGlassError::ReasonTooShort => bad(msg!("BREAK_GLASS_REASON")),
            BreakGlassError::TimeUnusable => bad(msg!("BREAK_GLASS_TIME")),
            BreakGlassError::OpenAlready(id) => not_now(msg!("BREAK_GLASS_OPEN", id)),
            BreakGlassError::Unknown(id) => Self::not_found("emergency", id),
            BreakGlassError::EndedAlready => not_now(msg!("BREAK_GLASS_ENDED")),
            BreakGlassError::StillOpen => not_now(msg!("BREAK_GLASS_OPEN.unreviewed")),
            BreakGlassError::FourEyes(refusal) => refusal.into(),
            BreakGlassError::ReviewedAlready => not_now(msg!("REVIEWED_ALREADY")),
        }
    }
}
