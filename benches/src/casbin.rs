//! What Casbin needs of a group: an assignment is a policy (who, role, scope), a permission belongs to roles (`g2`), a unit
//! to the unit above it and a person to whom it reports (`g`). Casbin tries the policies one after the other, so one line
//! for an assignment is the form in which it is quickest; its usual RBAC with domains would need one for every unit.

use anyhow::Result;
use casbin::{CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _};
use tally_access::roles::READY;
use tally_access::{Assignment, Permission, Scope, Target, UnitFact};
use tally_kernel::id::PersonId;

const MODEL: &str = r#"
[request_definition]
r = sub, act, unit, region, person
[policy_definition]
p = sub, role, scope
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && g2(r.act, p.role) && (p.scope == "*" || r.region == p.scope || r.person == p.scope || g(r.unit, p.scope) || g(r.person, p.scope))
"#;

/// Policies and who belongs where.
pub struct Casbin(Enforcer);

impl Casbin {
    /// The group as Casbin sees it. Everybody in `callers` is the person `me`, and has these reports.
    pub fn new(
        units: &[UnitFact],
        me: PersonId,
        reports: &[PersonId],
        callers: &[(String, Vec<Assignment>)],
    ) -> Result<Self> {
        let above = units.iter().filter_map(|unit| Some(vec![unit.id.to_string(), unit.parent?.to_string()]));
        let below_me = reports.iter().map(|person| vec![person.to_string(), format!("reports of {me}")]);
        let gives = READY.iter().flat_map(|role| {
            role.permissions.iter().map(|permission| vec![permission.to_string(), role.name.to_owned()])
        });
        let scope = |scope: &Scope| match scope {
            Scope::Own => me.to_string(),
            Scope::Reports => format!("reports of {me}"),
            Scope::Tenant => "*".to_owned(),
            named => named.reference(),
        };
        let policies = callers.iter().flat_map(|(name, grants)| {
            grants.iter().map(move |grant| vec![name.clone(), grant.role.clone(), scope(&grant.scope)])
        });
        let (groups, roles, policies) = (above.chain(below_me).collect(), gives.collect(), policies.collect());
        let ready = async {
            let mut enforcer = Enforcer::new(DefaultModel::from_str(MODEL).await?, MemoryAdapter::default()).await?;
            enforcer.add_named_grouping_policies("g", groups).await?;
            enforcer.add_named_grouping_policies("g2", roles).await?;
            enforcer.add_policies(policies).await?;
            Ok::<_, casbin::Error>(enforcer)
        };
        Ok(Self(tokio::runtime::Builder::new_current_thread().build()?.block_on(ready)?))
    }

    /// A question, ready to be asked.
    pub fn question(name: &str, permission: Permission, target: &Target) -> Vec<String> {
        let text = |id: Option<String>| id.unwrap_or_default();
        let unit = text(target.unit.map(|id| id.to_string()));
        let region = text(target.region.as_ref().map(ToString::to_string));
        let person = text(target.person.map(|id| id.to_string()));
        vec![name.to_owned(), permission.to_string(), unit, region, person]
    }

    /// Whether it allows this.
    pub fn allows(&self, question: Vec<String>) -> Result<bool> {
        Ok(self.0.enforce(question)?)
    }
}
