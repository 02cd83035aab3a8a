//! Identity's own source of views: compiled from stored facts, kept until the facts or the day change.
//!
//! Every question reads the group's revision (one row by key), so a view is never older than the newest commit. What is
//! kept is only the work of compiling: the org tree once per revision, and a view per principal. The session is read
//! every time: it ends at once, and a person's ends by itself when the employment is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::roles::RoleBook;
use tally_access::{
    Actor, Assignment, Facts, Modules, OpContext, PersonFacts, Placement, Scope, TemporaryRight, UnitFact, View,
    compile, compile_service,
};
use tally_kernel::dated::Dated as _;
use tally_kernel::error::Kind;
use tally_kernel::id::{PersonId, PrincipalId, SessionId, TenantId};
use tally_kernel::{Clock, Error, Result, Rng, msg};
use tally_rpc::{Claims, Views};
use tally_store::{ScopedTx, Store};

use crate::access::domain::{Grant, view_revision};
use crate::person::domain::Key;
use crate::session::domain::{Principal, Session, SessionError, Standing};
use crate::{
    SERVICE, access, break_glass, delegation, entitlement, org, person, reporting, revision, role, session, tenant,
};

/// Views kept of one group; beyond, all are compiled anew.
const MAX_KEPT: usize = 50_000;

/// See the module's text.
pub struct OwnViews {
    store: Store,
    clock: Clock,
    rng: Rng,
    /// As whom they are read.
    own: Arc<View>,
    kept: Mutex<HashMap<TenantId, Kept>>,
}

/// What one revision of one group's facts was compiled to.
struct Kept {
    revision: u64,
    group: Arc<Group>,
    views: HashMap<PrincipalId, Arc<Compiled>>,
}

/// What one principal's facts were compiled to.
pub(crate) struct Compiled {
    pub(crate) view: Arc<View>,
    standing: Standing,
}

/// What everybody's view of a group is compiled from, read from its facts.
pub(crate) struct Group {
    /// Of its access facts.
    pub(crate) facts: u64,
    revision: u64,
    pub(crate) date: Date,
    zone: TimeZone,
    units: Vec<UnitFact>,
    moved: Vec<Placement>,
    roles: RoleBook,
    modules: Modules,
    suspended: bool,
}

impl Group {
    /// As of the newest commit and the context's day.
    pub(crate) async fn read(tx: &ScopedTx, ctx: &OpContext) -> Result<Self> {
        let tenant = tenant::facts::get(tx).await?;
        let facts = revision::facts::revision(tx).await?;
        let zone = tenant.time_zone()?;
        let date = zone.to_datetime(ctx.now()).date();
        let tree = org::facts::tree(tx).await?;
        Ok(Self {
            facts,
            revision: view_revision(facts, date),
            date,
            units: tree.facts(date),
            moved: tree.moved(date, &zone),
            roles: role::facts::all(tx).await?.book(),
            modules: entitlement::facts::modules(tx).await?,
            suspended: tenant.suspended.is_some(),
            zone,
        })
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        let Self { facts: _, revision, date, zone, units, moved, roles, modules, suspended: _ } = self;
        Facts { revision: *revision, date: *date, zone, units, moved, roles, modules }
    }

    fn day_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }
}

impl OwnViews {
    /// Views from the facts in `store`.
    pub fn new(store: Store, clock: Clock, rng: Rng) -> Self {
        Self { store, clock, rng, own: Arc::new(compile_service(SERVICE, 0)), kept: Mutex::default() }
    }

    /// The view of a principal in a session as of the newest commit; nothing when there is no such principal.
    ///
    /// # Errors
    /// `SESSION_ENDED`; when the store cannot be read.
    pub async fn in_session(
        &self,
        tenant: TenantId,
        principal: PrincipalId,
        session: SessionId,
    ) -> Result<Option<Arc<View>>> {
        let ctx = self.context(tenant);
        let tx = self.store.read(&ctx).await?;
        let found = session::facts::session_with_revision(&tx, session).await?;
        let lives = |(session, _): &(Session, u64)| session.principal == principal && session.lives(ctx.now());
        let Some((session, facts)) = found.filter(lives) else {
            let known = session::facts::get(&tx, principal).await?;
            return known.map_or(Ok(None), |_| Err(SessionError::Ended.into()));
        };
        let group = self.group_at(&tx, &ctx, facts).await?;
        let Some(compiled) = self.compiled(&tx, &ctx, &group, principal).await? else { return Ok(None) };
        if !compiled.standing.holds_since(group.day_of(session.created_at)) {
            return Err(SessionError::Ended.into());
        }
        Ok(Some(match &session.permissions {
            Some(some) => Arc::new(compiled.view.only(some)),
            None => Arc::clone(&compiled.view),
        }))
    }

    /// The view of a principal whatever the session, as of the newest commit; nothing when there is no such principal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn of(&self, tenant: TenantId, principal: PrincipalId) -> Result<Option<Arc<View>>> {
        let ctx = self.context(tenant);
        let tx = self.store.read(&ctx).await?;
        let Some(group) = self.group(&tx, &ctx).await? else { return Ok(None) };
        self.of_group(&tx, &ctx, &group, principal).await
    }

    /// The same within a transaction, as of the group that it sees.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn of_group(
        &self,
        tx: &ScopedTx,
        ctx: &OpContext,
        group: &Group,
        principal: PrincipalId,
    ) -> Result<Option<Arc<View>>> {
        let compiled = self.compiled(tx, ctx, group, principal).await?;
        Ok(compiled.map(|compiled| Arc::clone(&compiled.view)))
    }

    fn context(&self, tenant: TenantId) -> OpContext {
        let actor = Actor::service(SERVICE, tenant, None);
        OpContext::new(actor, Arc::clone(&self.own), self.clock.clone(), self.rng.clone())
    }

    /// The facts that are everybody's, compiled anew when they or the day changed; nothing before there is a group.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn group(&self, tx: &ScopedTx, ctx: &OpContext) -> Result<Option<Arc<Group>>> {
        let facts = revision::facts::revision(tx).await?;
        if facts == 0 {
            return Ok(None);
        }
        Ok(Some(self.group_at(tx, ctx, facts).await?))
    }

    /// The facts of this revision, which the transaction sees.
    async fn group_at(&self, tx: &ScopedTx, ctx: &OpContext, facts: u64) -> Result<Arc<Group>> {
        let tenant = ctx.tenant();
        let there = |kept: &HashMap<TenantId, Kept>| {
            // The zone is one of the facts.
            let holds = |group: &&Arc<Group>| group.facts == facts && group.day_of(ctx.now()) == group.date;
            kept.get(&tenant).map(|kept| &kept.group).filter(holds).map(Arc::clone)
        };
        if let Some(group) = there(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(group);
        }
        let group = Arc::new(Group::read(tx, ctx).await?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A slower reader of an older revision must not push out what a newer one compiled.
        if kept.get(&tenant).is_none_or(|kept| kept.revision < group.revision) {
            let (revision, views) = (group.revision, HashMap::new());
            kept.insert(tenant, Kept { revision, group: Arc::clone(&group), views });
        }
        Ok(group)
    }

    async fn compiled(
        &self,
        tx: &ScopedTx,
        ctx: &OpContext,
        group: &Group,
        principal: PrincipalId,
    ) -> Result<Option<Arc<Compiled>>> {
        if let Some(compiled) = self.kept(ctx.tenant(), group.revision, principal) {
            return Ok(Some(compiled));
        }
        let Some(row) = session::facts::get(tx, principal).await? else { return Ok(None) };
        let compiled = Arc::new(compile_one(tx, ctx, &row, group).await?);
        self.keep(ctx.tenant(), group.revision, principal, &compiled);
        Ok(Some(compiled))
    }

    fn kept(&self, tenant: TenantId, revision: u64, principal: PrincipalId) -> Option<Arc<Compiled>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&tenant).filter(|kept| kept.revision == revision)?.views.get(&principal).cloned()
    }

    fn keep(&self, tenant: TenantId, revision: u64, principal: PrincipalId, compiled: &Arc<Compiled>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(&tenant).filter(|kept| kept.revision == revision) {
            if kept.views.len() >= MAX_KEPT {
                kept.views.clear();
            }
            kept.views.insert(principal, Arc::clone(compiled));
        }
    }
}

async fn compile_one(tx: &ScopedTx, ctx: &OpContext, principal: &Principal, group: &Group) -> Result<Compiled> {
    let (standing, person, grants) = held(tx, principal, group).await?;
    let mut temporary_rights = delegated(tx, ctx, principal.id, group).await?;
    temporary_rights.extend(emergencies(tx, ctx, principal.id).await?);
    let assignments: Vec<Assignment> = grants.into_iter().map(|grant| grant.assignment).collect();
    let view = compile(&assignments, &temporary_rights, &person, &group.facts());
    let view = if group.suspended { view.suspended() } else { view };
    Ok(Compiled { view: Arc::new(view), standing })
}

/// Who stands behind a principal, and the grants that its standing leaves it.
pub(crate) async fn held(
    tx: &ScopedTx,
    principal: &Principal,
    group: &Group,
) -> Result<(Standing, PersonFacts, Vec<Grant>)> {
    let standing = standing(tx, principal, group.date).await?;
    let mut grants = access::facts::of(tx, principal.id).await?;
    grants.retain(|grant| standing.holds_since(group.day_of(grant.recorded_at)));
    let reports = reports(tx, principal, &grants, group.date).await?;
    let person = PersonFacts { person: principal.person(), reports, employed: standing.employed };
    Ok((standing, person, grants))
}

/// Whom a principal's person manages; lines are followed only for who holds a grant by which they matter.
async fn reports(tx: &ScopedTx, principal: &Principal, grants: &[Grant], today: Date) -> Result<Vec<PersonId>> {
    let matter = |grant: &Grant| grant.assignment.scope == Scope::Reports && grant.assignment.holds_on(today);
    let Some(person) = principal.person().filter(|_| grants.iter().any(matter)) else { return Ok(Vec::new()) };
    let mut reports: Vec<_> = reporting::facts::reports(tx, person, today).await?.into_keys().collect();
    reports.sort_unstable();
    Ok(reports)
}

/// What others delegate to a principal now or later; when it begins and ends is settled call by call.
async fn delegated(
    tx: &ScopedTx,
    ctx: &OpContext,
    principal: PrincipalId,
    group: &Group,
) -> Result<Vec<TemporaryRight>> {
    let mut temporary_rights = Vec::new();
    for delegation in delegation::facts::to(tx, principal, ctx.now()).await? {
        let Some(delegator) = session::facts::get(tx, delegation.delegator).await? else { continue };
        let (standing, person, grants) = held(tx, &delegator, group).await?;
        // It ends with the delegator, and does not come back with him.
        if !standing.holds_since(group.day_of(delegation.from)) {
            continue;
        }
        temporary_rights.push(TemporaryRight::Delegation {
            delegator: delegation.delegator,
            grants: grants.into_iter().map(|grant| grant.assignment).collect(),
            person,
            permissions: delegation.permissions().collect(),
            from: delegation.from,
            until: delegation.until,
        });
    }
    Ok(temporary_rights)
}

async fn emergencies(tx: &ScopedTx, ctx: &OpContext, principal: PrincipalId) -> Result<Vec<TemporaryRight>> {
    let open = break_glass::facts::open(tx, principal, ctx.now()).await?;
    let right = |emergency: break_glass::domain::BreakGlass| {
        Ok(TemporaryRight::BreakGlass {
            id: emergency.id.0,
            scope: Scope::read(&emergency.scope, &emergency.scope_ref)?,
            permissions: emergency.permissions().collect(),
            from: emergency.from,
            until: emergency.until,
        })
    };
    open.into_iter().map(right).collect()
}

async fn standing(tx: &ScopedTx, principal: &Principal, today: Date) -> Result<Standing> {
    let Some(id) = principal.person() else { return Ok(Standing::of_nobody()) };
    let found = person::facts::get(tx, &Key::Id(id)).await?;
    let employments = found.into_iter().flat_map(|person| person.employments).map(|e| e.days());
    Ok(Standing::of(&employments.collect::<Vec<_>>(), today))
}

/// Whether a principal may sign in today, as far as employment goes.
pub(crate) async fn employed_now(tx: &ScopedTx, ctx: &OpContext, principal: &Principal) -> Result<bool> {
    let today = tenant::facts::today(tx, ctx).await?;
    Ok(standing(tx, principal, today).await?.employed)
}

/// Whether a session outlived its person's employment, which nobody had to end it for.
pub(crate) async fn session_stands(
    tx: &ScopedTx,
    ctx: &OpContext,
    principal: &Principal,
    session: &Session,
) -> Result<bool> {
    let group = tenant::facts::get(tx).await?;
    let standing = standing(tx, principal, group.day(ctx.now())?).await?;
    Ok(standing.holds_since(group.day(session.created_at)?))
}

#[tonic::async_trait]
impl Views for OwnViews {
    async fn view(&self, claims: &Claims, _fresh: bool) -> Result<Arc<View>> {
        let invalid = || Error::of(Kind::Unauthenticated, msg!("TOKEN_INVALID"));
        let session = claims.sid.ok_or_else(invalid)?;
        self.in_session(claims.tid, claims.sub, session).await?.ok_or_else(invalid)
    }
}
