//! Answering questions about access, from the newest facts.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tally_access::{
    Circumstances, Decision, Explainer, OpContext, Permission, Reach, Source, Target, View, decide, plan,
};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::ScopedTx;

use super::domain::{self, Asked, CheckError, MAX_GIVERS, Question, Reasons};
use crate::access::domain::{GrantRecord, facts_revision};
use crate::person::domain::Key;
use crate::policy::{BatchCheck, Check, Explain, GetOwnAccess, ListAllowed, ReviewAccess};
use crate::views::Group;
use crate::{App, access, org, person, revision, role, session, tenant, views};

/// Who the caller is, beside what the call itself knows of them.
pub(crate) struct Own {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) tenant_name: String,
    pub(crate) zone: String,
    pub(crate) roles: BTreeSet<String>,
}

/// Answers, and the consistency token they hold for.
pub(crate) struct Answers {
    pub(crate) allowed: Vec<bool>,
    pub(crate) consistency_token: String,
}

/// Why, and what would help.
pub(crate) struct Explained {
    pub(crate) reasons: Reasons,
    pub(crate) roles: Vec<String>,
    pub(crate) could_grant: Vec<PrincipalId>,
}

/// A holder of a permission.
pub(crate) struct Holder {
    pub(crate) grant: GrantRecord,
    pub(crate) granted_at: jiff::Timestamp,
    pub(crate) person: Option<PersonId>,
    pub(crate) holds_today: bool,
    pub(crate) login: String,
    pub(crate) named: bool,
}

/// One answer.
///
/// # Errors
/// See [`CheckError`].
pub(crate) async fn check(app: &App, ctx: &OpContext, question: &Question) -> Result<Answers> {
    ctx.permit::<Check>(&Target::default())?;
    answer(app, ctx, std::slice::from_ref(question)).await
}

/// Many answers.
///
/// # Errors
/// See [`CheckError`], for the first question that cannot be answered.
pub(crate) async fn check_all(app: &App, ctx: &OpContext, questions: &[Question]) -> Result<Answers> {
    ctx.permit::<BatchCheck>(&Target::default())?;
    answer(app, ctx, questions).await
}

async fn answer(app: &App, ctx: &OpContext, questions: &[Question]) -> Result<Answers> {
    if questions.iter().all(|question| told_at_once(ctx, question)) {
        let revision = facts_revision(ctx.view.revision());
        let consistency_token = revision::facts::consistency_token(ctx.tenant(), revision);
        return Ok(Answers { allowed: vec![true; questions.len()], consistency_token });
    }
    let tx = app.store.read(ctx).await?;
    let missing = || Error::internal("a call of a group without access facts");
    let group = app.views.group(&tx, ctx).await?.ok_or_else(missing)?;
    let mut facts = Lookup::default();
    let mut seen = BTreeMap::<PrincipalId, Arc<View>>::new();
    let mut allowed = Vec::with_capacity(questions.len());
    for question in questions {
        let target = facts.target(&tx, ctx, &question.asked).await?;
        let principal = whose(ctx, question, &target)?;
        let view = match seen.entry(principal) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(unseen) => {
                let found = app.views.of_group(&tx, ctx, &group, principal).await?;
                unseen.insert(found.ok_or(CheckError::Principal(principal))?)
            }
        };
        let view = view.at(&circumstances(ctx, question));
        allowed.push(decide(&view, question.permission, &target) == Decision::Allow);
    }
    Ok(Answers { allowed, consistency_token: revision::facts::consistency_token(ctx.tenant(), group.facts) })
}

/// Whether the caller's view, which was read from the newest facts for this call, says yes to a question about one's own
/// rights. A no is looked into: the session may be one of an API key that was made for less.
fn told_at_once(ctx: &OpContext, question: &Question) -> bool {
    let own = question.principal.is_none_or(|principal| principal == ctx.actor.principal);
    let Asked { region, unit, person } = &question.asked;
    let target = match (region, unit, person) {
        (None, None, None) => Target::tenant(),
        (None, _, _) => return false,
        (region, unit, person) => Target { region: region.clone(), unit: *unit, person: *person, moment: None },
    };
    own && ctx.may(question.permission, &target)
}

/// Whose rights are asked about: one's own, or those of somebody whose grants the caller reads at the target.
fn whose(ctx: &OpContext, question: &Question, target: &Target) -> Result<PrincipalId> {
    let me = ctx.actor.principal;
    let other = question.principal.filter(|other| *other != me);
    match other {
        Some(other) if !ctx.may(Permission::GrantRead, target) => Err(CheckError::Principal(other).into()),
        Some(other) => Ok(other),
        None => Ok(me),
    }
}

fn circumstances(ctx: &OpContext, question: &Question) -> Circumstances {
    let own = question.principal.is_none_or(|principal| principal == ctx.actor.principal);
    let second_factor = if own { ctx.second_factor } else { question.second_factor };
    Circumstances { now: ctx.now(), second_factor }
}

/// Views read in transactions of their own, so the caller's is over before: a call never waits for a second connection
/// while it holds one.
async fn view(app: &App, ctx: &OpContext, principal: PrincipalId) -> Result<Arc<View>> {
    let found = app.views.of(ctx.tenant(), principal).await?;
    found.ok_or_else(|| CheckError::Principal(principal).into())
}

/// Fills in where things are: a unit's region, a person's unit and region. The tree is read once, if at all.
#[derive(Default)]
struct Lookup {
    tree: Option<org::domain::OrgTree>,
}

impl Lookup {
    async fn target(&mut self, tx: &ScopedTx, ctx: &OpContext, asked: &Asked) -> Result<Target> {
        match (asked.region.clone(), asked.unit, asked.person) {
            (None, None, None) => Ok(Target::tenant()),
            (None, None, Some(id)) => {
                let found = person::facts::get(tx, &Key::Id(id)).await?.ok_or(CheckError::Person(id))?;
                let today = tenant::facts::today(tx, ctx).await?;
                let home = found.home(today).ok_or(CheckError::Person(id))?;
                Ok(home.target(id))
            }
            (None, Some(unit), person) => {
                let region = self.region(tx, ctx, unit).await?;
                Ok(Target { region: Some(region), unit: Some(unit), person, moment: None })
            }
            (region, unit, person) => Ok(Target { region, unit, person, moment: None }),
        }
    }

    async fn region(&mut self, tx: &ScopedTx, ctx: &OpContext, unit: OrgUnitId) -> Result<tally_access::Region> {
        let today = tenant::facts::today(tx, ctx).await?;
        let tree = match self.tree.take() {
            Some(tree) => tree,
            None => org::facts::tree(tx).await?,
        };
        let region = tree.at(unit, today).map(|state| state.region.clone());
        self.tree = Some(tree);
        region.ok_or_else(|| CheckError::Unit(unit).into())
    }
}

/// Why something is allowed or not, and who could change that.
///
/// # Errors
/// See [`CheckError`].
pub(crate) async fn explain(app: &App, ctx: &OpContext, question: &Question) -> Result<Explained> {
    ctx.permit::<Explain>(&Target::default())?;
    let tx = app.store.read(ctx).await?;
    let target = Lookup::default().target(&tx, ctx, &question.asked).await?;
    drop(tx);
    let principal = whose(ctx, question, &target)?;
    let at = circumstances(ctx, question);
    let view = view(app, ctx, principal).await?.at(&at);
    let tx = app.store.read(ctx).await?;
    let group = Group::read(&tx, ctx).await?;
    let found = session::facts::get(&tx, principal).await?.ok_or(CheckError::Principal(principal))?;
    let (_, person, grants) = views::held(&tx, &found, &group).await?;
    let facts = group.facts();
    let explainer = Explainer::new(&facts, &person);
    let reasons = domain::explain(&view, grants, &explainer, question.permission, &target, &at);
    if reasons.decision == Decision::Allow {
        return Ok(Explained { reasons, roles: Vec::new(), could_grant: Vec::new() });
    }
    let roles = role::facts::all(&tx).await?;
    let givers = access::facts::with_roles(&tx, &roles.giving(Permission::GrantWrite)).await?;
    drop(tx);
    let givers = givers.into_iter().map(|grant| grant.principal).collect();
    let could_grant = able(app, ctx, givers, question.permission, &target).await?;
    Ok(Explained { reasons, roles: roles.giving(question.permission), could_grant })
}

/// Who of these gives roles at the target and either holds the permission there or may give what he does not hold.
async fn able(
    app: &App,
    ctx: &OpContext,
    givers: BTreeSet<PrincipalId>,
    permission: Permission,
    target: &Target,
) -> Result<Vec<PrincipalId>> {
    let mut able = Vec::new();
    for principal in givers {
        let Some(view) = app.views.of(ctx.tenant(), principal).await? else { continue };
        let view = view.at(&Circumstances { now: ctx.now(), second_factor: true });
        let may = |permission| decide(&view, permission, target) == Decision::Allow;
        if may(Permission::GrantWrite) && (may(permission) || may(Permission::GrantAny)) {
            able.push(principal);
        }
        if able.len() == MAX_GIVERS {
            break;
        }
    }
    Ok(able)
}

/// What a permission of a principal reaches: the caller's own, or anybody's for who reads grants of the whole group.
///
/// # Errors
/// See [`CheckError`].
pub(crate) async fn list_allowed(
    app: &App,
    ctx: &OpContext,
    principal: Option<PrincipalId>,
    permission: Permission,
    page: &Page,
) -> Result<(Reach, Vec<(bool, uuid::Uuid)>, String)> {
    ctx.permit::<ListAllowed>(&Target::default())?;
    let question = Question { principal, permission, asked: Asked::default(), second_factor: true };
    let principal = whose(ctx, &question, &Target::tenant())?;
    let view = view(app, ctx, principal).await?.at(&circumstances(ctx, &question));
    let reach = plan(&view, permission).cloned().unwrap_or_default();
    if reach.tenant {
        return Ok((Reach::everything(), Vec::new(), String::new()));
    }
    // Units before people, each in the order of ids.
    let mut ids: Vec<(bool, uuid::Uuid)> = reach.units_today().map(|unit| (false, unit.0)).collect();
    ids.extend(reach.persons.iter().map(|person| (true, person.0)));
    ids.sort_unstable();
    let key = |(person, id): &(bool, uuid::Uuid)| format!("{}{id}", u8::from(*person));
    ids.retain(|id| page.after.as_ref().is_none_or(|after| key(id) > *after));
    ids.truncate(page.size as usize + 1);
    let next = page.cut(&mut ids, key);
    Ok((reach, ids, next))
}

/// Who the caller is. What they may do is in the call's view.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn own(app: &App, ctx: &OpContext) -> Result<Own> {
    ctx.permit::<GetOwnAccess>(&Target::default())?;
    let me = ctx.actor.principal;
    let tx = app.store.read(ctx).await?;
    let tenant = tenant::facts::get(&tx).await?;
    let today = tenant.day(ctx.now())?;
    let found = session::facts::get(&tx, me).await?.ok_or(CheckError::Principal(me))?;
    let grants = access::facts::of(&tx, me).await?;
    let roles = grants.into_iter().map(|grant| grant.assignment).filter(|it| it.holds_on(today)).map(|it| it.role);
    let person = match found.person() {
        Some(id) => person::facts::get(&tx, &Key::Id(id)).await?,
        None => None,
    };
    let (name, zone) = person.map_or_else(Default::default, |person| (person.name, person.zone));
    let zone = if zone.is_empty() { tenant.zone.to_string() } else { zone };
    Ok(Own { login: found.name, name, tenant_name: tenant.name, zone, roles: roles.collect() })
}

/// Who holds a permission, since when, by whose grant.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn review(
    app: &App,
    ctx: &OpContext,
    permission: Permission,
    page: &Page,
) -> Result<(Vec<Holder>, String)> {
    let plan = ctx.plan::<ReviewAccess>()?;
    let tx = app.store.read(ctx).await?;
    let group = Group::read(&tx, ctx).await?;
    let roles = role::facts::all(&tx).await?.giving(permission);
    let (grants, next) = access::facts::review(&tx, &plan, &roles, page).await?;
    let names = session::facts::names(&tx, grants.iter().map(|grant| grant.principal)).await?;
    let mut holders = Vec::with_capacity(grants.len());
    for grant in grants {
        let (person, login) =
            names.get(&grant.principal).cloned().ok_or_else(|| Error::internal("a grant to nobody"))?;
        let home = match person {
            None => Target::tenant(),
            Some(id) => {
                match person::facts::get(&tx, &Key::Id(id)).await?.and_then(|p| p.employments.last().cloned()) {
                    Some(employment) => employment.target(id),
                    None => Target::tenant(),
                }
            }
        };
        holders.push(Holder {
            granted_at: grant.recorded_at,
            holds_today: grant.assignment.holds_on(group.date),
            named: ctx.may(Permission::PersonReadPii, &home),
            grant: (&grant).into(),
            person,
            login,
        });
    }
    Ok((holders, next))
}

/// Who delegated the right or which emergency opened it, for an answer.
pub(crate) fn source_ids(source: Source) -> (String, String) {
    match source {
        Source::Own => (String::new(), String::new()),
        Source::Delegated(principal) => (principal.to_string(), String::new()),
        Source::BreakGlass(id) => (String::new(), id.to_string()),
    }
}
