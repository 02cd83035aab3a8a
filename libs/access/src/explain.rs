//! Why: the same question as [`decide`](crate::decide), asked of each grant by itself.

use jiff::civil::Date;

use crate::compile::{Tree, reach_of, union};
use crate::{Assignment, Circumstances, Facts, Modules, Permission, PersonFacts, Target};

/// What one grant has to say to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It allows this.
    Allows,
    /// Its role gives the permission, but the grant does not reach the target.
    OutOfReach,
    /// It would allow this, in another session or at another hour.
    ConditionUnmet,
    /// It would allow this on other days, or while the person is employed.
    NotNow,
    /// The group does not have the module.
    NotEntitled,
    /// Its role does not give the permission.
    RoleLacks,
}

/// Asks grants one by one. Whatever [`compile`](crate::compile) makes of them together, one of them allows what the view
/// allows by own grants (a property test says so).
pub struct Explainer<'a> {
    facts: &'a Facts<'a>,
    person: &'a PersonFacts,
    tree: Tree,
}

impl<'a> Explainer<'a> {
    /// For grants of who `person` is.
    pub fn new(facts: &'a Facts<'a>, person: &'a PersonFacts) -> Self {
        Self { facts, person, tree: Tree::of(facts) }
    }

    /// The verdict of one grant.
    pub fn ask(&self, grant: &Assignment, permission: Permission, target: &Target, at: &Circumstances) -> Verdict {
        if !self.facts.roles.permissions(&grant.role).contains(&permission) {
            return Verdict::RoleLacks;
        }
        let reach = reach_of(&grant.scope, &self.tree, self.person);
        let reach = union(&[reach], &[0], permission.reads_group_configuration());
        match () {
            () if !self.module(permission) => Verdict::NotEntitled,
            () if !reach.covers(target) => Verdict::OutOfReach,
            () if !self.holds(grant, self.facts.date) => Verdict::NotNow,
            () if !grant.condition.holds(at, self.facts.zone) => Verdict::ConditionUnmet,
            () => Verdict::Allows,
        }
    }

    fn module(&self, permission: Permission) -> bool {
        Modules::hold(self.facts.modules, permission)
    }

    fn holds(&self, grant: &Assignment, date: Date) -> bool {
        grant.holds_on(date) && !self.person.left()
    }
}
