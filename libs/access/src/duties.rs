//! Separation of duties: permissions that nobody may hold together, and those that nobody may delegate.

use std::collections::BTreeSet;

use crate::Permission;

/// Pairs that are refused in one principal's grants, whatever the scopes. That the one who prepares a settlement, the one
/// who approves it and the one who posts it are three is asked of every settlement besides, and that two people prepare and
/// approve a transfer of every transfer.
pub const SEPARATED: &[(Permission, Permission)] = &[
    (Permission::SettlementPrepare, Permission::SettlementApprove),
    (Permission::SettlementApprove, Permission::SettlementPost),
    (Permission::TransferPrepare, Permission::TransferApprove),
];

/// What is neither delegated nor opened in an emergency: rights over rights, and what only the person itself does.
pub const NOT_DELEGABLE: &[Permission] = &[
    Permission::LoginWrite,
    Permission::GrantWrite,
    Permission::GrantAny,
    Permission::ViewRead,
    Permission::DirectoryPublish,
    Permission::DirectoryImport,
    Permission::RoleWrite,
    Permission::DelegationWrite,
    Permission::DelegationAdmin,
    Permission::BreakGlass,
    Permission::BreakGlassReview,
    Permission::EntitlementWrite,
    Permission::ErasureRequest,
    Permission::ErasureApprove,
    Permission::ErasureReport,
    Permission::HoldWrite,
    Permission::PunchRecord,
    // In whose name somebody approves would hide that it is about him.
    Permission::CorrectionApprove,
];

/// The first separated pair among these permissions.
pub fn conflict(permissions: impl IntoIterator<Item = Permission>) -> Option<(Permission, Permission)> {
    let held: BTreeSet<_> = permissions.into_iter().collect();
    SEPARATED.iter().copied().find(|(a, b)| held.contains(a) && held.contains(b))
}
