//! Separation of duties: permissions that nobody may hold together.

use std::collections::BTreeSet;

use crate::Permission;

/// Pairs that are refused in one principal's grants, whatever the scopes.
pub const SEPARATED: &[(Permission, Permission)] = &[(Permission::SettlementPrepare, Permission::SettlementApprove)];

/// The first separated pair among these permissions.
pub fn conflict(permissions: impl IntoIterator<Item = Permission>) -> Option<(Permission, Permission)> {
    let held: BTreeSet<_> = permissions.into_iter().collect();
    SEPARATED.iter().copied().find(|(a, b)| held.contains(a) && held.contains(b))
}
