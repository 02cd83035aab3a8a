//! Who may give whom which role where, and who may take it away.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_access::{
    Assignment, Decision, Permission, Region, Scope, ScopeKind, Target, View, conflict, decide, subtree,
};
use tally_kernel::dated::Days;
use tally_kernel::id::{GrantId, OrgUnitId, PersonId, PrincipalId};

use crate::org::domain::{OrgTree, UnitKind};
use crate::role::domain::Roles;

/// A role on a scope, given to a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub principal: PrincipalId,
    /// Role, scope, days.
    pub assignment: Assignment,
    /// Why it was given.
    pub reason: String,
    pub granted_by: PrincipalId,
    pub recorded_at: Timestamp,
}

/// A grant as commands and answers carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    pub id: GrantId,
    pub principal: PrincipalId,
    pub role: String,
    /// Kind of the scope.
    pub scope: String,
    /// What the scope names.
    pub scope_ref: String,
    /// First day.
    pub valid_from: Date,
    /// Last day, or no end.
    pub valid_to: Option<Date>,
    /// Why it was given.
    pub reason: String,
    pub granted_by: PrincipalId,
    /// Only with a second factor.
    pub second_factor: bool,
    /// Only at these hours; empty for all.
    pub hours: String,
}

impl From<&Grant> for GrantRecord {
    fn from(grant: &Grant) -> Self {
        Self {
            id: grant.id,
            principal: grant.principal,
            role: grant.assignment.role.clone(),
            scope: grant.assignment.scope.kind().to_string(),
            scope_ref: grant.assignment.scope.reference(),
            valid_from: grant.assignment.valid_from,
            valid_to: grant.assignment.valid_to,
            reason: grant.reason.clone(),
            granted_by: grant.granted_by,
            second_factor: grant.assignment.condition.second_factor,
            hours: grant.assignment.condition.hours.map(|hours| hours.to_string()).unwrap_or_default(),
        }
    }
}

/// What can be wrong with a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// No ready role has this name.
    RoleUnknown(String),
    /// The role is not given on such a scope.
    ScopeNotForRole(String, ScopeKind),
    /// No such unit today.
    UnitUnknown(OrgUnitId),
    /// The unit is not a legal entity.
    NotLegalEntity(OrgUnitId),
    /// The group has no such region.
    RegionUnknown(Region),
    /// The scope is about a person, and there is none behind the principal.
    NoPerson,
    /// The last day lies before the first.
    DatesBackwards,
    /// The principal would hold both of these.
    DutiesSeparated(Permission, Permission),
    /// The principal has this role there already.
    GrantedAlready(GrantId),
    /// The giver does not hold what is given.
    NotHeld(Permission),
    /// Nobody gives to himself what he does not hold.
    ToOneself,
    /// The principal is a service, or not there.
    PrincipalUnknown(PrincipalId),
    /// Nobody signs in by this name.
    LoginUnknown(String),
    GrantUnknown(GrantId),
    /// The grant is taken away already.
    RevokedAlready,
    /// Nobody could give roles any more.
    LastAdministrator,
}

/// The principal that is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub principal: PrincipalId,
    /// The person behind it with the place of its running employment, if there is one.
    pub person: Option<(PersonId, Region, Option<OrgUnitId>)>,
    /// What is decided on for each who reports to that person today.
    pub reports: Vec<Target>,
    pub grants: Vec<Grant>,
    pub delegated: Vec<Permission>,
}

impl Receiver {
    /// What a call about the principal is decided on: the person, or the group where there is none.
    pub fn target(&self) -> Target {
        match self.person.clone() {
            Some((person, region, unit)) => Target::person(region, unit, person),
            None => Target::tenant(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Giver<'a> {
    pub principal: PrincipalId,
    /// What it may do.
    pub view: &'a View,
}

/// What a grant is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub tree: &'a OrgTree,
    pub regions: &'a [Region],
    /// The roles that can be given.
    pub roles: &'a Roles,
    /// The day it is judged on.
    pub today: Date,
}

/// Whether what a scope names is there.
///
/// # Errors
/// When it is not.
pub fn named(scope: &Scope, facts: &Facts<'_>) -> Result<(), AccessError> {
    let at = |unit: OrgUnitId| facts.tree.at(unit, facts.today).ok_or(AccessError::UnitUnknown(unit));
    match scope {
        Scope::Unit(unit) | Scope::Subtree(unit) => at(*unit).map(drop),
        Scope::LegalEntity(unit) if at(*unit)?.kind != UnitKind::LegalEntity => Err(AccessError::NotLegalEntity(*unit)),
        Scope::Region(region) if !facts.regions.contains(region) => Err(AccessError::RegionUnknown(region.clone())),
        Scope::LegalEntity(_) | Scope::Region(_) | Scope::Own | Scope::Reports | Scope::Tenant => Ok(()),
    }
}

/// What somebody must reach to give or take away something on `scope`: every unit of a subtree, the region, the group,
/// the person, or the person and everybody who reports to it today. Whoever reports to it later does so by a line that
/// somebody wrote who may write about that person.
///
/// # Errors
/// When the scope names what is not there.
pub fn targets(scope: &Scope, receiver: &Receiver, facts: &Facts<'_>) -> Result<Vec<Target>, AccessError> {
    named(scope, facts)?;
    let at = |unit: OrgUnitId| facts.tree.at(unit, facts.today).ok_or(AccessError::UnitUnknown(unit));
    match scope {
        Scope::Own | Scope::Reports => {
            let (person, region, unit) = receiver.person.clone().ok_or(AccessError::NoPerson)?;
            let reports = receiver.reports.iter().filter(|_| *scope == Scope::Reports).cloned();
            Ok([Target::person(region, unit, person)].into_iter().chain(reports).collect())
        }
        Scope::Unit(unit) => Ok(vec![at(*unit)?.target()]),
        Scope::Subtree(unit) | Scope::LegalEntity(unit) => {
            let below = subtree(&facts.tree.facts(facts.today), *unit);
            below.into_iter().map(|unit| Ok(at(unit)?.target())).collect()
        }
        Scope::Region(region) => Ok(vec![Target::region(region.clone())]),
        Scope::Tenant => Ok(vec![Target::tenant()]),
    }
}

/// Judges a new grant; that the giver may give anything at all there is the permit's matter.
///
/// # Errors
/// See [`AccessError`].
pub fn judge(
    giver: Giver<'_>,
    receiver: &Receiver,
    wanted: &Assignment,
    targets: &[Target],
    facts: &Facts<'_>,
) -> Result<(), AccessError> {
    let permissions = role_for(wanted, facts.roles)?;
    if wanted.valid_to.is_some_and(|last| last < wanted.valid_from) {
        return Err(AccessError::DatesBackwards);
    }
    let held = receiver.grants.iter().filter(|g| g.assignment.valid_to.is_none_or(|last| last >= facts.today));
    for grant in held.clone() {
        let same = grant.assignment.role == wanted.role && grant.assignment.scope == wanted.scope;
        if same && overlap(&grant.assignment, wanted) {
            return Err(AccessError::GrantedAlready(grant.id));
        }
    }
    let held = held.filter_map(|g| facts.roles.find(&g.assignment.role)).flat_map(|(held, _)| held);
    if let Some((a, b)) = conflict(held.chain(permissions).chain(&receiver.delegated).copied()) {
        return Err(AccessError::DutiesSeparated(a, b));
    }
    authority(giver, receiver, permissions, &wanted.scope, targets)
}

/// What the wanted role gives, if it may be given on such a scope.
fn role_for<'a>(wanted: &Assignment, roles: &'a Roles) -> Result<&'a [Permission], AccessError> {
    let unknown = || AccessError::RoleUnknown(wanted.role.chars().take(64).collect());
    let (permissions, scopes) = roles.find(&wanted.role).ok_or_else(unknown)?;
    let kind = wanted.scope.kind();
    if scopes.contains(&kind) { Ok(permissions) } else { Err(AccessError::ScopeNotForRole(wanted.role.clone(), kind)) }
}

fn overlap(a: &Assignment, b: &Assignment) -> bool {
    Days::new(a.valid_from, a.valid_to).overlaps(Days::new(b.valid_from, b.valid_to))
}

/// Nobody gives what he does not hold there. Two exceptions: a grant on somebody's own person opens nothing about
/// anybody else, and who may give any role may do so, but not to himself.
fn authority(
    giver: Giver<'_>,
    receiver: &Receiver,
    permissions: &[Permission],
    scope: &Scope,
    targets: &[Target],
) -> Result<(), AccessError> {
    let holds =
        |permission: Permission| targets.iter().all(|target| decide(giver.view, permission, target) == Decision::Allow);
    let missing = permissions.iter().copied().find(|permission| !holds(*permission));
    let Some(missing) = missing else { return Ok(()) };
    let any = holds(Permission::GrantAny) || *scope == Scope::Own;
    match (any, receiver.principal == giver.principal) {
        (true, false) => Ok(()),
        (true, true) => Err(AccessError::ToOneself),
        (false, _) => Err(AccessError::NotHeld(missing)),
    }
}

/// Judges acting for somebody, by a new password or a new key: whoever does so must be allowed to give all that the
/// other holds, now or later.
///
/// # Errors
/// The first permission that could not be given.
pub fn may_stand_in(giver: Giver<'_>, other: &Receiver, facts: &Facts<'_>) -> Result<(), Permission> {
    let held = other.grants.iter().filter(|g| g.assignment.valid_to.is_none_or(|last| last >= facts.today));
    for grant in held {
        let Some((permissions, _)) = facts.roles.find(&grant.assignment.role) else { continue };
        let scope = &grant.assignment.scope;
        // A scope whose unit is gone today is the group's business.
        let targets = targets(scope, other, facts).unwrap_or_else(|_| vec![Target::tenant()]);
        match authority(giver, other, permissions, scope, &targets) {
            Ok(()) | Err(AccessError::ToOneself) => {}
            Err(AccessError::NotHeld(permission)) => return Err(permission),
            Err(_) => return Err(Permission::GrantAny),
        }
    }
    Ok(())
}

/// Whether a grant makes its principal an administrator of the group for good: one who may give any role, on the whole
/// group, at any hour, without an end.
pub fn makes_administrator(assignment: &Assignment, roles: &Roles, today: Date) -> bool {
    let gives = |permission| roles.find(&assignment.role).is_some_and(|(held, _)| held.contains(&permission));
    assignment.scope == Scope::Tenant
        && assignment.valid_from <= today
        && assignment.valid_to.is_none()
        && assignment.condition.hours.is_none()
        && gives(Permission::GrantWrite)
        && gives(Permission::GrantAny)
}

/// Whether one of these grants makes an administrator, with these roles.
pub fn any_administrator(grants: &[Grant], roles: &Roles, today: Date) -> bool {
    grants.iter().any(|grant| makes_administrator(&grant.assignment, roles, today))
}

/// Judges taking a grant away; `administrators` are the grants that make administrators now.
///
/// # Errors
/// [`AccessError::LastAdministrator`].
pub fn judge_revoke(grant: &Grant, administrators: &[GrantId]) -> Result<(), AccessError> {
    if administrators.contains(&grant.id) && administrators.len() == 1 {
        return Err(AccessError::LastAdministrator);
    }
    Ok(())
}

/// The revision a view carries: the group's revision of access facts and the day, because grants begin and end by days.
/// Later facts and later days give larger numbers.
pub fn view_revision(facts: u64, today: Date) -> u64 {
    let days = Date::constant(1970, 1, 1).until(today).map_or(0, |span| span.get_days());
    facts << 16 | u64::try_from(days).unwrap_or(0) & 0xffff
}

/// The group's revision of access facts that a view was compiled at.
pub fn facts_revision(of_view: u64) -> u64 {
    of_view >> 16
}

/// Where a grant's row belongs, so that lists show it to whoever gives roles there: the unit or person that the scope
/// names, the region, or the group.
pub fn place(scope: &Scope, targets: &[Target]) -> Target {
    let named = |unit: OrgUnitId| targets.iter().find(|target| target.unit == Some(unit)).cloned();
    match scope {
        Scope::Unit(unit) | Scope::Subtree(unit) | Scope::LegalEntity(unit) => named(*unit).unwrap_or_default(),
        Scope::Own | Scope::Reports | Scope::Region(_) | Scope::Tenant => targets.first().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
