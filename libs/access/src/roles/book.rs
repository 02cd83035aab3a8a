//! Ready roles and a group's own.

use std::collections::BTreeMap;

use super::find;
use crate::Permission;

/// The roles that a group can give: the ready ones and those it defined itself. A role of its own never takes the name of a
/// ready one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleBook(BTreeMap<String, Vec<Permission>>);

impl RoleBook {
    /// The ready roles and these.
    pub fn with(own: impl IntoIterator<Item = (String, Vec<Permission>)>) -> Self {
        Self(own.into_iter().filter(|(name, _)| find(name).is_none()).collect())
    }

    /// What a role gives; nothing for one that is not there.
    pub fn permissions(&self, role: &str) -> &[Permission] {
        find(role).map(|role| role.permissions).or_else(|| self.0.get(role).map(Vec::as_slice)).unwrap_or_default()
    }
}
