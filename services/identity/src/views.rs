//! Identity's own source of views: compiled from stored facts, kept until the facts or the day change.
//!
//! Every question reads the group's revision (one row by key), so a view is never older than the newest commit. What is
//! kept is only the work of compiling: the org tree once per revision, and a view per principal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::roles::RoleBook;
use tally_access::{
    Actor, Assignment, Facts, Loan, Modules, OpContext, PersonFacts, Scope, UnitFact, View, compile, compile_service,
};
use tally_kernel::error::Kind;
use tally_kernel::id::{PersonId, PrincipalId, TenantId};
use tally_kernel::{Clock, Error, Result, Rng, time};
use tally_rpc::{Claims, Views};
use tally_store::{ScopedTx, Store};

use crate::access::domain::view_revision;
use crate::person::store::Key;
use crate::{SERVICE, access, break_glass, delegation, entitlement, org, person, role, session, tenant};

/// Views kept of one group; beyond, all are compiled anew.
const MAX_KEPT: usize = 50_000;

/// See the module's text.
pub struct OwnViews {
    store: Store,
    clock: Clock,
    rng: Rng,
    kept: Mutex<HashMap<TenantId, Kept>>,
}

/// What one revision of one group's facts was compiled to.
struct Kept {
    revision: u64,
    group: Arc<Group>,
    views: HashMap<PrincipalId, Arc<View>>,
}

/// What everybody's view of a group is compiled from, read from its facts.
pub(crate) struct Group {
    revision: u64,
    pub(crate) date: Date,
    zone: TimeZone,
    units: Vec<UnitFact>,
    roles: RoleBook,
    modules: Modules,
}

impl Group {
    /// As of the newest commit and the context's day.
    pub(crate) async fn read(tx: &ScopedTx, ctx: &OpContext) -> Result<Self> {
        let zone = zone(&tenant::store::get(tx).await?.zone)?;
        let date = zone.to_datetime(ctx.now()).date();
        Ok(Self {
            revision: view_revision(access::store::revision(tx).await?, date),
            date,
            units: org::store::tree(tx).await?.facts(date),
            roles: role::store::all(tx).await?.book(),
            modules: entitlement::store::modules(tx).await?,
            zone,
        })
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        let Self { revision, date, zone, units, roles, modules } = self;
        Facts { revision: *revision, date: *date, zone, units, roles, modules }
    }
}

impl OwnViews {
    /// Views from the facts in `store`.
    pub fn new(store: Store, clock: Clock, rng: Rng) -> Self {
        Self { store, clock, rng, kept: Mutex::default() }
    }

    /// The view of a principal as of the newest commit; nothing when there is no such principal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn compiled(&self, tenant: TenantId, principal: PrincipalId) -> Result<Option<Arc<View>>> {
        let actor = Actor::service(SERVICE, tenant, None);
        let ctx = OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), self.clock.clone(), self.rng.clone());
        let tx = self.store.read(&ctx).await?;
        let facts = access::store::revision(&tx).await?;
        if facts == 0 {
            return Ok(None);
        }
        let today = today(&ctx, &tenant::store::get(&tx).await?.zone)?;
        let revision = view_revision(facts, today);
        if let Some(view) = self.kept(tenant, revision, principal) {
            return Ok(Some(view));
        }
        let Some(principal_row) = session::store::get(&tx, principal).await? else { return Ok(None) };
        let group = self.group(&tx, &ctx, tenant, revision).await?;
        let grants = assignments(&tx, principal).await?;
        let person = facts_of(&tx, principal_row.person(), group.date).await?;
        let loans = loans(&tx, principal, &ctx, group.date).await?;
        let view = Arc::new(compile(&grants, &loans, &person, &group.facts()));
        self.keep(tenant, revision, principal, &view);
        Ok(Some(view))
    }

    fn kept(&self, tenant: TenantId, revision: u64, principal: PrincipalId) -> Option<Arc<View>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&tenant).filter(|kept| kept.revision == revision)?.views.get(&principal).cloned()
    }

    fn keep(&self, tenant: TenantId, revision: u64, principal: PrincipalId, view: &Arc<View>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(&tenant).filter(|kept| kept.revision == revision) {
            if kept.views.len() >= MAX_KEPT {
                kept.views.clear();
            }
            kept.views.insert(principal, Arc::clone(view));
        }
    }

    async fn group(&self, tx: &ScopedTx, ctx: &OpContext, tenant: TenantId, revision: u64) -> Result<Arc<Group>> {
        let there = |kept: &HashMap<TenantId, Kept>| {
            kept.get(&tenant).filter(|kept| kept.revision == revision).map(|kept| Arc::clone(&kept.group))
        };
        if let Some(group) = there(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(group);
        }
        let group = Arc::new(Group::read(tx, ctx).await?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A slower reader of an older revision must not push out what a newer one compiled.
        if kept.get(&tenant).is_none_or(|kept| kept.revision < revision) {
            kept.insert(tenant, Kept { revision, group: Arc::clone(&group), views: HashMap::new() });
        }
        Ok(group)
    }
}

async fn assignments(tx: &ScopedTx, principal: PrincipalId) -> Result<Vec<Assignment>> {
    Ok(access::store::of(tx, principal).await?.into_iter().map(|grant| grant.assignment).collect())
}

/// What is lent to a principal now or later: what is over by then is settled when a call comes, not here.
async fn loans(tx: &ScopedTx, principal: PrincipalId, ctx: &OpContext, date: Date) -> Result<Vec<Loan>> {
    let mut loans = Vec::new();
    for delegation in delegation::store::to(tx, principal, ctx.now()).await? {
        let Some(delegator) = session::store::get(tx, delegation.delegator).await? else { continue };
        loans.push(Loan::Delegation {
            delegator: delegation.delegator,
            grants: assignments(tx, delegation.delegator).await?,
            person: facts_of(tx, delegator.person(), date).await?,
            permissions: delegation.permissions().collect(),
            from: delegation.from,
            until: delegation.until,
        });
    }
    for emergency in break_glass::store::open(tx, principal, ctx.now()).await? {
        loans.push(Loan::BreakGlass {
            id: emergency.id.0,
            scope: Scope::read(&emergency.scope, &emergency.scope_ref)?,
            permissions: emergency.permissions().collect(),
            from: emergency.from,
            until: emergency.until,
        });
    }
    Ok(loans)
}

/// What is known of the person behind a principal.
pub(crate) async fn facts_of(tx: &ScopedTx, person: Option<PersonId>, today: Date) -> Result<PersonFacts> {
    let Some(id) = person else { return Ok(PersonFacts::default()) };
    let found = person::store::get(tx, &Key::Id(id)).await?;
    let employed = found.is_some_and(|person| person.employments.iter().any(|e| e.covers(today)));
    // No reporting lines are recorded yet: grants on that scope are refused when they are given.
    Ok(PersonFacts { person, reports: Vec::new(), employed })
}

#[tonic::async_trait]
impl Views for OwnViews {
    async fn view(&self, claims: &Claims, _fresh: bool) -> Result<Arc<View>> {
        let view = self.compiled(claims.tid, claims.sub).await?;
        view.ok_or_else(|| {
            Error::new(Kind::Unauthenticated, "TOKEN_INVALID", "the token is not valid here: sign in again")
        })
    }
}

/// The group's day.
pub(crate) fn today(ctx: &OpContext, name: &str) -> Result<Date> {
    Ok(zone(name)?.to_datetime(ctx.now()).date())
}

fn zone(name: &str) -> Result<TimeZone> {
    time::zone(name).map_err(|e| Error::internal(format!("the group's zone: {e}")))
}
