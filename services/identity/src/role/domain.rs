//! What a role of the group's own may be, and what changing it must not do: outlaw the last administrator, give somebody
//! both of two separated duties, or give its author what he does not hold.

use serde::{Deserialize, Serialize};
use tally_access::roles::{self, RoleBook, SERVICES};
use tally_access::{Permission, ScopeKind, conflict};
use tally_kernel::id::PrincipalId;

/// A role as commands and answers carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Names of the permissions, in order.
    pub permissions: Vec<String>,
    /// Names of the scopes it may be given on.
    pub scopes: Vec<String>,
    /// Part of the program.
    pub ready: bool,
    /// Counts its changes, from 1; 0 for a ready one.
    pub version: u32,
}

/// A role of the group's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRole {
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it gives, in order.
    pub permissions: Vec<Permission>,
    /// The scopes it may be given on.
    pub scopes: Vec<ScopeKind>,
    /// Counts its changes, from 1.
    pub version: u32,
}

impl From<&OwnRole> for RoleRecord {
    fn from(role: &OwnRole) -> Self {
        Self {
            name: role.name.clone(),
            description: role.description.clone(),
            permissions: role.permissions.iter().map(|p| p.name().to_owned()).collect(),
            scopes: role.scopes.iter().map(|s| s.to_string()).collect(),
            ready: false,
            version: role.version,
        }
    }
}

/// What can be wrong with a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleError {
    /// Not 2 to 64 of a-z, 0-9 and _.
    NameMalformed,
    /// The name is that of a ready role or of a service's.
    NameReserved,
    /// No permission, or no scope.
    Empty,
    /// A permission that belongs to services alone.
    ForServices(Permission),
    /// The role would give both.
    DutiesSeparated(Permission, Permission),
    /// Somebody who has the role would hold both.
    HolderSeparated(PrincipalId, Permission, Permission),
    /// Somebody changed the role since it was read; this is the version now.
    Changed(u32),
    /// No such role of the group's own.
    Unknown(String),
    InUse(usize),
    /// The author would give himself what he does not hold.
    ToOneself(Permission),
    /// Nobody could give roles any more.
    LastAdministrator,
}

/// The roles that a group can give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    own: Vec<OwnRole>,
}

impl Roles {
    /// The ready roles and these.
    pub fn new(own: Vec<OwnRole>) -> Self {
        Self { own }
    }

    /// The group's own, by name.
    pub fn own(&self) -> &[OwnRole] {
        &self.own
    }

    /// What a role gives and on which scopes; nothing when there is no such role.
    pub fn find(&self, name: &str) -> Option<(&[Permission], &[ScopeKind])> {
        let own =
            || self.own.iter().find(|role| role.name == name).map(|r| (r.permissions.as_slice(), r.scopes.as_slice()));
        roles::find(name).map(|role| (role.permissions, role.scopes)).or_else(own)
    }

    /// Names of the roles that give a permission.
    pub fn giving(&self, permission: Permission) -> Vec<String> {
        let ready = roles::READY.iter().filter(|r| r.permissions.contains(&permission)).map(|r| r.name.to_owned());
        let own = self.own.iter().filter(|r| r.permissions.contains(&permission)).map(|r| r.name.clone());
        ready.chain(own).collect()
    }

    /// For compiling views.
    pub fn book(&self) -> RoleBook {
        RoleBook::with(self.own.iter().map(|role| (role.name.clone(), role.permissions.clone())))
    }

    /// The same roles with this one in the place of its older version.
    #[must_use]
    pub fn changed(&self, role: OwnRole) -> Self {
        let mut own: Vec<_> = self.own.iter().filter(|other| other.name != role.name).cloned().collect();
        own.push(role);
        Self { own }
    }
}

/// Who has a role, and all that one holds through grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHolder {
    pub principal: PrincipalId,
    /// Names of the roles of the grants that run or begin some day.
    pub roles: Vec<String>,
    pub delegated: Vec<Permission>,
}

/// What a change of a role is judged by.
pub struct Judged<'a> {
    /// The roles as they are.
    pub roles: &'a Roles,
    /// Everybody who has the role.
    pub holders: &'a [RoleHolder],
    /// Whether the group would still have an administrator with these roles.
    pub administrators: &'a dyn Fn(&Roles) -> bool,
    /// Who changes it.
    pub author: PrincipalId,
    /// What the author may do on the whole group.
    pub may: &'a dyn Fn(Permission) -> bool,
}

/// Judges a new or changed role: the version it becomes.
///
/// # Errors
/// See [`RoleError`].
pub fn judge(wanted: &OwnRole, by: &Judged<'_>) -> Result<OwnRole, RoleError> {
    named(&wanted.name)?;
    if wanted.permissions.is_empty() || wanted.scopes.is_empty() {
        return Err(RoleError::Empty);
    }
    if wanted.permissions.contains(&Permission::ViewRead) {
        return Err(RoleError::ForServices(Permission::ViewRead));
    }
    if let Some((a, b)) = conflict(wanted.permissions.iter().copied()) {
        return Err(RoleError::DutiesSeparated(a, b));
    }
    let before = by.roles.own.iter().find(|role| role.name == wanted.name);
    let version = before.map_or(0, |role| role.version);
    if version != wanted.version {
        return Err(RoleError::Changed(version));
    }
    let after = by.roles.changed(wanted.clone());
    for holder in by.holders {
        separate(holder, &after)?;
    }
    let added = |p: &&Permission| before.is_none_or(|role| !role.permissions.contains(*p));
    let own = by.holders.iter().any(|holder| holder.principal == by.author);
    if let Some(missing) = wanted.permissions.iter().filter(added).find(|p| own && !(by.may)(**p)) {
        return Err(RoleError::ToOneself(*missing));
    }
    if !(by.administrators)(&after) {
        return Err(RoleError::LastAdministrator);
    }
    Ok(OwnRole { version: version + 1, ..wanted.clone() })
}

fn named(name: &str) -> Result<(), RoleError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !(2..=64).contains(&name.len()) || !name.chars().all(plain) {
        return Err(RoleError::NameMalformed);
    }
    if roles::find(name).is_some() || SERVICES.iter().any(|role| role.name == name) {
        return Err(RoleError::NameReserved);
    }
    Ok(())
}

fn separate(holder: &RoleHolder, roles: &Roles) -> Result<(), RoleError> {
    let held = holder.roles.iter().filter_map(|name| roles.find(name)).flat_map(|(permissions, _)| permissions);
    match conflict(held.chain(&holder.delegated).copied()) {
        Some((a, b)) => Err(RoleError::HolderSeparated(holder.principal, a, b)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
