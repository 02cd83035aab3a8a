//! What a question is, and what can be wrong with it.

use tally_access::{
    Assignment, Circumstances, Decision, Explainer, Permission, Region, Source, Target, Verdict, View, decide,
};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};

use crate::access::domain::Grant;

/// Questions of one call.
pub const MAX_CHECKS: usize = 1_000;
/// Principals who could grant what is missing: beyond, more names help nobody.
pub const MAX_GIVERS: usize = 20;

/// What is asked about, as it was sent: what is missing is filled in from the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub region: Option<Region>,
    pub unit: Option<OrgUnitId>,
    pub person: Option<PersonId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who; nothing for the caller.
    pub principal: Option<PrincipalId>,
    /// Wants to do what.
    pub permission: Permission,
    pub asked: Asked,
    /// In a session with a second factor.
    pub second_factor: bool,
}

/// What a question names and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// The principal is a service, or not there, or the caller may not read its grants.
    Principal(PrincipalId),
    /// No such unit today.
    Unit(OrgUnitId),
    Person(PersonId),
}

/// Why something is allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons {
    pub decision: Decision,
    /// Through what, when it is allowed.
    pub source: Source,
    /// What each grant says; those that allow come first.
    pub grants: Vec<(Grant, Verdict)>,
}

/// Asks the view, and each grant by itself.
pub fn explain(
    view: &View,
    grants: Vec<Grant>,
    explainer: &Explainer<'_>,
    permission: Permission,
    target: &Target,
    at: &Circumstances,
) -> Reasons {
    let verdict = |grant: &Assignment| explainer.ask(grant, permission, target, at);
    let mut grants: Vec<_> = grants.into_iter().map(|grant| (verdict(&grant.assignment), grant)).collect();
    grants.sort_by_key(|(verdict, grant)| (*verdict, grant.id));
    let grants = grants.into_iter().map(|(verdict, grant)| (grant, verdict)).collect();
    Reasons { decision: decide(view, permission, target), source: view.source(permission, target), grants }
}
