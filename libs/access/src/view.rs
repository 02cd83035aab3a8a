//! The compiled view of one principal, and the two questions.

use std::sync::Arc;

use tally_kernel::id::PersonId;

use crate::{Permission, Reach, Target};

/// What a principal may do, compiled from its grants, the org tree and its employment at one revision of the group's
/// access facts. A question is an index and at most three look-ups, however large the group.
#[derive(Clone, Debug)]
pub struct View {
    revision: u64,
    person: Option<PersonId>,
    rules: Box<[Option<Arc<Reach>>]>,
}

impl View {
    /// A view that allows nothing: nobody signed in, or a principal without grants.
    pub fn nothing(revision: u64, person: Option<PersonId>) -> Self {
        Self { revision, person, rules: vec![None; Permission::COUNT].into() }
    }

    /// A view of these rules. A permission named twice reaches the union; one that reaches nothing is left out.
    pub fn new(
        revision: u64,
        person: Option<PersonId>,
        rules: impl IntoIterator<Item = (Permission, Arc<Reach>)>,
    ) -> Self {
        let mut view = Self::nothing(revision, person);
        for (permission, reach) in rules.into_iter().filter(|(_, reach)| !reach.is_empty()) {
            match &mut view.rules[permission as usize] {
                Some(there) => Arc::make_mut(there).absorb(&reach),
                none => *none = Some(reach),
            }
        }
        view
    }

    /// The group's revision of access facts it was compiled at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The person behind the principal.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// The rules, in the order of the permissions. Permissions with the same reach share it.
    pub fn rules(&self) -> impl Iterator<Item = (Permission, &Arc<Reach>)> {
        Permission::ALL.iter().zip(&self.rules).filter_map(|(p, reach)| Some((*p, reach.as_ref()?)))
    }

    pub(crate) fn reach(&self, permission: Permission) -> Option<&Arc<Reach>> {
        self.rules.get(permission as usize)?.as_ref()
    }
}

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// The principal has the permission, but not here.
    OutOfReach,
    /// The principal does not have the permission at all.
    NoPermission,
}

/// Whether the view allows `permission` on `target`. Nothing said is nothing allowed.
pub fn decide(view: &View, permission: Permission, target: &Target) -> Decision {
    match plan(view, permission) {
        None => Decision::NoPermission,
        Some(reach) if reach.covers(target) => Decision::Allow,
        Some(_) => Decision::OutOfReach,
    }
}

/// Which rows `permission` reaches; nothing when it reaches none.
pub fn plan(view: &View, permission: Permission) -> Option<&Reach> {
    view.reach(permission).map(Arc::as_ref)
}
