//! The compiled view of one principal, and the two questions.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_kernel::id::{PersonId, PrincipalId};
use uuid::Uuid;

use crate::{Circumstances, Condition, Modules, Permission, Reach, Target};

/// What each permission reaches, by the permission's number.
type Rules = Box<[Option<Arc<Reach>>]>;

/// What may be done while a group is suspended: see that it is, take its data along, and end the suspension or the group.
const OUTLIVE_SUSPENSION: [Permission; 4] =
    [Permission::TenantRead, Permission::TenantExport, Permission::TenantSuspend, Permission::TenantDelete];

/// What a principal may do, compiled from its grants, the org tree and its employment at one revision of the group's
/// access facts. A question is an index and at most three look-ups, however large the group.
#[derive(Clone, Debug)]
pub struct View {
    revision: u64,
    person: Option<PersonId>,
    suspended: bool,
    /// What the rules would be but for the suspension: only an export of the group asks.
    along: Option<Rules>,
    modules: Modules,
    /// The group's, for conditions that name hours.
    zone: TimeZone,
    rules: Rules,
    /// Waits for a call: [`View::at`] settles it.
    provisional: Vec<Provisional>,
    /// The rules without what is delegated, and what is temporary: only where something is.
    temporary: Option<Box<Temporary>>,
}

/// Where a right comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The principal's own grants.
    Own,
    /// Another principal delegated it.
    Delegated(PrincipalId),
    /// An emergency was declared: its id.
    BreakGlass(Uuid),
}

/// Rules that hold in some calls only: those of a grant with a condition, of a delegation, of an emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisional {
    /// Where they come from.
    pub source: Source,
    /// From this instant on, if not always.
    pub from: Option<Timestamp>,
    /// Before this instant, if not for ever.
    pub until: Option<Timestamp>,
    /// What must hold of the call.
    pub condition: Condition,
    /// What they give.
    pub rules: Vec<(Permission, Arc<Reach>)>,
}

impl Provisional {
    fn holds(&self, at: &Circumstances, zone: &TimeZone) -> bool {
        self.from.is_none_or(|from| from <= at.now)
            && self.until.is_none_or(|until| at.now < until)
            && self.condition.holds(at, zone)
    }
}

#[derive(Clone, Debug)]
struct Temporary {
    own: Rules,
    temporary_rights: Vec<(Source, Rules)>,
}

fn no_rules() -> Rules {
    vec![None; Permission::COUNT].into()
}

/// A permission named twice reaches the union; one that reaches nothing is left out.
fn add(rules: &mut Rules, more: impl IntoIterator<Item = (Permission, Arc<Reach>)>) {
    for (permission, reach) in more.into_iter().filter(|(_, reach)| !reach.is_empty()) {
        match &mut rules[permission as usize] {
            Some(there) => Arc::make_mut(there).absorb(&reach),
            none => *none = Some(reach),
        }
    }
}

fn named(rules: &Rules) -> impl Iterator<Item = (Permission, &Arc<Reach>)> {
    Permission::ALL.iter().zip(rules).filter_map(|(p, reach)| Some((*p, reach.as_ref()?)))
}

impl View {
    /// A view that allows nothing: nobody signed in, or a principal without grants.
    pub fn nothing(revision: u64, person: Option<PersonId>) -> Self {
        let (modules, zone) = (Modules::All, TimeZone::UTC);
        Self {
            revision,
            person,
            suspended: false,
            along: None,
            modules,
            zone,
            rules: no_rules(),
            provisional: Vec::new(),
            temporary: None,
        }
    }

    /// A view of these rules.
    pub fn new(
        revision: u64,
        person: Option<PersonId>,
        rules: impl IntoIterator<Item = (Permission, Arc<Reach>)>,
    ) -> Self {
        let mut view = Self::nothing(revision, person);
        add(&mut view.rules, rules);
        view
    }

    /// The same view with rules that hold in some calls only; `zone` is the group's.
    #[must_use]
    pub fn with(self, provisional: Vec<Provisional>, zone: TimeZone) -> Self {
        Self { provisional, zone, ..self }
    }

    /// The same view without what belongs to other modules than these.
    #[must_use]
    pub fn entitled(mut self, modules: Modules) -> Self {
        self.keep(|permission| modules.hold(permission));
        Self { modules, ..self }
    }

    /// What is left of the view while the group is suspended.
    #[must_use]
    pub fn suspended(mut self) -> Self {
        let along = self.rules.clone();
        self.keep(|permission| OUTLIVE_SUSPENSION.contains(&permission));
        Self { suspended: true, along: Some(along), ..self }
    }

    /// The view of a suspended group with what its rules would be.
    #[must_use]
    pub fn taking_along(self, rules: impl IntoIterator<Item = (Permission, Arc<Reach>)>) -> Self {
        let mut along = no_rules();
        add(&mut along, rules);
        Self { along: Some(along), ..self }
    }

    /// Whether the group is suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// The view as it is for one call: what was provisional holds now or is gone.
    #[must_use]
    pub fn at(self: &Arc<Self>, circumstances: &Circumstances) -> Arc<Self> {
        if self.provisional.is_empty() {
            return Arc::clone(self);
        }
        let mut view = Self { provisional: Vec::new(), ..Self::clone(self) };
        let now = || self.provisional.iter().filter(|p| p.holds(circumstances, &self.zone));
        now().filter(|p| p.source == Source::Own).for_each(|p| add(&mut view.rules, p.rules.iter().cloned()));
        let mut temporary_rights = Vec::new();
        let own = view.rules.clone();
        for right in now().filter(|p| p.source != Source::Own) {
            add(&mut view.rules, right.rules.iter().cloned());
            let mut rules = no_rules();
            add(&mut rules, right.rules.iter().cloned());
            temporary_rights.push((right.source, rules));
        }
        view.temporary = (!temporary_rights.is_empty()).then(|| Box::new(Temporary { own, temporary_rights }));
        Arc::new(view)
    }

    /// The same view without all but these permissions: what an API key that was made for less may do.
    #[must_use]
    pub fn only(&self, permissions: &BTreeSet<Permission>) -> Self {
        let mut view = self.clone();
        view.keep(|permission| permissions.contains(&permission));
        view
    }

    fn keep(&mut self, kept: impl Fn(Permission) -> bool) {
        for permission in Permission::ALL.iter().filter(|p| !kept(**p)) {
            self.rules[*permission as usize] = None;
            if let Some(along) = &mut self.along {
                along[*permission as usize] = None;
            }
        }
        for provisional in &mut self.provisional {
            provisional.rules.retain(|(permission, _)| kept(*permission));
        }
    }

    /// The group's revision of access facts it was compiled at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The person behind the principal.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// The group's zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The modules that the group has.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// The rules, in the order of the permissions. Permissions with the same reach share it.
    pub fn rules(&self) -> impl Iterator<Item = (Permission, &Arc<Reach>)> {
        named(&self.rules)
    }

    /// What the rules would be but for the suspension; nothing of a group that is in use.
    pub fn along(&self) -> impl Iterator<Item = (Permission, &Arc<Reach>)> {
        self.along.iter().flat_map(named)
    }

    /// Whether an export of the group tells whoever holds this view what `permission` opens on `target`: as [`decide`] says,
    /// and in a suspended group as it would say. A suspension stops work and does not keep a group from its data.
    pub fn takes_along(&self, permission: Permission, target: &Target) -> bool {
        let rules = self.along.as_ref().unwrap_or(&self.rules);
        rules[permission as usize].as_ref().is_some_and(|reach| reach.covers(target))
    }

    /// The rules that wait for a call.
    pub fn provisional(&self) -> &[Provisional] {
        &self.provisional
    }

    /// Through what `permission` reaches `target`; the principal's own grants come first.
    pub fn source(&self, permission: Permission, target: &Target) -> Source {
        let Some(temporary) = &self.temporary else { return Source::Own };
        let covers = |rules: &Rules| rules[permission as usize].as_ref().is_some_and(|reach| reach.covers(target));
        if covers(&temporary.own) {
            return Source::Own;
        }
        temporary.temporary_rights.iter().find(|(_, rules)| covers(rules)).map_or(Source::Own, |(source, _)| *source)
    }

    /// Whether the principal's own grants give `permission` anywhere: what one may delegate.
    pub fn owns(&self, permission: Permission) -> bool {
        let own = self.temporary.as_ref().map_or(&self.rules, |temporary| &temporary.own);
        own[permission as usize].is_some()
    }

    /// Through what `permission` may come when nobody knows yet on what: an emergency is named whenever it gives the
    /// permission, a delegation when the own grants lack it.
    pub(crate) fn likely_source(&self, permission: Permission) -> Source {
        let likely = |source: &Source| matches!(source, Source::BreakGlass(_)) || !self.owns(permission);
        self.temporary_sources(permission).find(likely).unwrap_or(Source::Own)
    }

    /// What gives `permission` anywhere, beside the principal's own grants: a list may show rows of all of these.
    pub fn temporary_sources(&self, permission: Permission) -> impl Iterator<Item = Source> {
        let temporary_rights = self.temporary.iter().flat_map(|temporary| &temporary.temporary_rights);
        temporary_rights.filter(move |(_, rules)| rules[permission as usize].is_some()).map(|(source, _)| *source)
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
