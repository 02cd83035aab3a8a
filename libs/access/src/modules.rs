//! What of the suite a group has: permissions of the other modules give nothing there, whoever holds them.

use std::collections::BTreeSet;

use crate::Permission;

/// The modules that a group may have or not; identity and the audit log every group has.
pub const MODULES: [&str; 4] = ["attendance", "performance", "compensation", "talent"];

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Modules {
    /// All of them.
    #[default]
    All,
    /// These, and what every group has.
    Only(BTreeSet<String>),
}

impl Modules {
    /// Whether the group has the module that `permission` belongs to.
    pub fn hold(&self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => {
                let module = permission.module();
                !MODULES.contains(&module) || names.contains(module)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_identity_and_audit_and_otherwise_what_it_is_given() {
        let some = Modules::Only(["attendance".to_owned()].into());
        assert!(
            some.hold(Permission::PunchRead) && some.hold(Permission::GrantWrite) && some.hold(Permission::AuditRead)
        );
        assert!(!some.hold(Permission::StatementReadPay) && Modules::All.hold(Permission::StatementReadPay));
        for permission in Permission::ALL {
            assert!(MODULES.contains(&permission.module()) || ["identity", "suite"].contains(&permission.module()));
        }
    }
}
