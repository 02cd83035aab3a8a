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
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Same id, same result.
    pub request_id: String,
    /// Digest of the request without the password.
    pub body: [u8; 32],
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

/// What can be wrong with making a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantError {
    /// The store holds a group.
    InitialisedAlready,
}
