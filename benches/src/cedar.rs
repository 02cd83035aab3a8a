//! What Cedar needs of a group, in Cedar's own words: units are entities below their parents, a row is an entity below its
//! unit, a permission is an action below the roles that give it. So a subtree is `resource in unit`, and a role is
//! `action in role`: nothing of how Tally compiles a view is repeated here.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result, ensure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use tally_access::{NOT_DELEGABLE, Permission, Target, UnitFact, roles};
use tally_kernel::id::OrgUnitId;

/// Attributes of an entity.
pub type Attributes = HashMap<String, RestrictedExpression>;

/// An entity's name.
pub fn uid(kind: &str, id: impl ToString) -> Result<EntityUid> {
    let kind: EntityTypeName = kind.parse().with_context(|| format!("{kind} is no type"))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id.to_string())))
}

/// An entity as a value.
pub fn reference(kind: &str, id: impl ToString) -> Result<RestrictedExpression> {
    Ok(RestrictedExpression::new_entity_uid(uid(kind, id)?))
}

/// A text as a value.
pub fn text(text: impl ToString) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_string())
}

/// An entity.
pub fn entity(name: EntityUid, attributes: Attributes, parents: impl IntoIterator<Item = EntityUid>) -> Result<Entity> {
    Ok(Entity::new(name, attributes, parents.into_iter().collect())?)
}

/// The org tree.
pub fn units(units: &[UnitFact]) -> Result<Vec<Entity>> {
    let parent = |parent: Option<OrgUnitId>| parent.map(|id| uid("Unit", id)).transpose();
    let entity = |unit: &UnitFact| entity(uid("Unit", unit.id)?, Attributes::new(), parent(unit.parent)?);
    units.iter().map(entity).collect()
}

/// A row: what it tells of are attributes, and it lies below its unit.
pub fn row(name: usize, target: &Target) -> Result<Entity> {
    let mut attributes = Attributes::new();
    if let Some(region) = &target.region {
        attributes.insert("region".to_owned(), text(region));
    }
    if let Some(unit) = target.unit {
        attributes.insert("unit".to_owned(), reference("Unit", unit)?);
    }
    if let Some(person) = target.person {
        attributes.insert("person".to_owned(), reference("Person", person)?);
    }
    let above = target.unit.map(|unit| uid("Unit", unit)).transpose()?;
    entity(uid("Row", name)?, attributes, above)
}

/// Every permission as an action below the roles that give it, its module, and what else is said of it. `own` are roles of
/// the group's own.
pub fn actions(own: &[(String, Vec<Permission>)]) -> Result<Vec<Entity>> {
    let ready = roles::READY.iter().map(|role| (role.name, role.permissions));
    let all: Vec<_> = ready.chain(own.iter().map(|(name, given)| (name.as_str(), given.as_slice()))).collect();
    let action = |permission: &Permission| {
        let module = permission.name().split('.').next().unwrap_or_default();
        let mut above = HashSet::from([format!("module {module}")]);
        above
            .extend(all.iter().filter(|(_, given)| given.contains(permission)).map(|(name, _)| format!("role {name}")));
        above.extend(permission.reads_group_configuration().then(|| "reads what is laid down for all".to_owned()));
        above.extend(NOT_DELEGABLE.contains(permission).then(|| "not delegated".to_owned()));
        let above = above.into_iter().map(|name| uid("Action", name)).collect::<Result<Vec<_>>>()?;
        entity(uid("Action", permission)?, Attributes::new(), above)
    };
    Permission::ALL.iter().map(action).collect()
}

/// A question, ready to be asked.
pub fn question(principal: &str, permission: Permission, row: usize, context: Context) -> Result<Request> {
    let (principal, row) = (uid("Principal", principal)?, uid("Row", row)?);
    Ok(Request::new(principal, uid("Action", permission)?, row, context, None)?)
}

/// Policies and entities.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Cedar {
    /// Reads the policies.
    pub fn new(policies: &str, entities: Vec<Entity>) -> Result<Self> {
        let policies = policies.parse().with_context(|| format!("Cedar cannot read\n{policies}"))?;
        Ok(Self { authorizer: Authorizer::new(), policies, entities: Entities::from_entities(entities, None)? })
    }

    /// Whether it allows this. A policy that fails would silently say nothing, so it is an error here.
    pub fn allows(&self, request: &Request) -> Result<bool> {
        let answer = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        let wrong: Vec<String> = answer.diagnostics().errors().map(ToString::to_string).collect();
        ensure!(wrong.is_empty(), "Cedar could not evaluate a policy: {}", wrong.join("; "));
        Ok(answer.decision() == Decision::Allow)
    }
}
