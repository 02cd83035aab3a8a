//! The group itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::Region;
use tally_kernel::id::{PrincipalId, TenantId};

use crate::session::domain::{LoginName, Password};

/// A group enterprise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The group.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// ISO 4217 code used where nothing else is said.
    pub currency: String,
    /// IANA zone used where nothing else is said.
    pub zone: String,
    /// Regions where its data may live.
    pub regions: Vec<Region>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nobody works in it, and why; nothing while it is in use.
    pub suspended: Option<Suspension>,
}

/// Why nobody works in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A change of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Data may live in one more region.
    AddRegion(Region),
    /// Nobody works in it until it is resumed.
    Suspend(String),
    /// It is in use again.
    Resume,
}

impl Change {
    /// The word of the audit log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddRegion(_) => "identity.tenant.add_region",
            Self::Suspend(_) => "identity.tenant.suspend",
            Self::Resume => "identity.tenant.resume",
        }
    }
}

/// The group after a change.
///
/// # Errors
/// See [`TenantError`].
pub fn plan(tenant: &Tenant, change: &Change, now: Timestamp) -> Result<Tenant, TenantError> {
    let mut tenant = tenant.clone();
    match change {
        Change::AddRegion(region) if tenant.regions.contains(region) => {
            return Err(TenantError::RegionThere(region.clone()));
        }
        Change::AddRegion(region) => tenant.regions.push(region.clone()),
        Change::Suspend(_) if tenant.suspended.is_some() => return Err(TenantError::SuspendedAlready),
        Change::Suspend(reason) => tenant.suspended = Some(Suspension { at: now, reason: reason.clone() }),
        Change::Resume if tenant.suspended.is_none() => return Err(TenantError::NotSuspended),
        Change::Resume => tenant.suspended = None,
    }
    Ok(tenant)
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Same id, same result.
    pub request_id: String,
    /// Digest of the request without the password.
    pub body: [u8; 32],
    /// Its id, where another region's stack made the group before.
    pub id: Option<TenantId>,
    /// What lets it into a store that holds another group.
    pub invitation: Option<String>,
    /// Its name.
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// IANA zone.
    pub zone: String,
    /// Regions, at least one.
    pub regions: Vec<Region>,
    /// Sign-in name of the first administrator.
    pub admin_login: LoginName,
    /// Password of the first administrator.
    pub admin_password: Password,
}

/// A group that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initialised {
    /// The group.
    pub tenant: Tenant,
    /// Its first administrator.
    pub admin: PrincipalId,
}

/// What can be wrong with making or changing a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantError {
    /// The store holds a group, and nobody was invited.
    InitialisedAlready,
    /// The invitation is not identity's, or not whole.
    InvitationInvalid,
    /// The invitation's life is over.
    InvitationExpired,
    /// The invitation is for another group.
    InvitedAnother,
    /// The group has the region.
    RegionThere(Region),
    /// Nobody works in the group already.
    SuspendedAlready,
    /// The group is in use.
    NotSuspended,
}
