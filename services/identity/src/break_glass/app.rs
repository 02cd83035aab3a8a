//! Declaring an emergency, ending it, reviewing it.

use serde::{Deserialize, Serialize};
use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Permission, Scope, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::BreakGlassId;
use tally_kernel::page::Page;
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, BreakGlass, BreakGlassError, Timespan};
use super::store;
use crate::access::domain::Facts;
use crate::login::domain::{CodeOutcome, LoginError};
use crate::policy::{EndBreakGlass, ListBreakGlasses, OpenBreakGlass, ReviewBreakGlass};
use crate::role::domain::Roles;
use crate::{App, access, events, login, org, revision, session, tenant};

/// An emergency to declare.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) request: RequestKey,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) scope: Scope,
    pub(crate) reason: String,
    pub(crate) ticket: String,
    pub(crate) minutes: u32,
    pub(crate) code: String,
}

/// An emergency to end or to review.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) request: RequestKey,
    pub(crate) id: BreakGlassId,
    pub(crate) finding: String,
}

/// An emergency and the consistency token of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) emergency: BreakGlass,
    pub(crate) consistency_token: String,
}

/// What became of a request to declare one.
#[derive(Serialize, Deserialize)]
enum Tried {
    Opened(Box<Changed>),
    WrongCode,
}

impl Open {
    fn emergency(&self, ctx: &OpContext, time: Timespan) -> BreakGlass {
        BreakGlass {
            id: BreakGlassId(ctx.new_id()),
            principal: ctx.actor.principal,
            permissions: self.permissions.iter().map(|p| p.name().to_owned()).collect(),
            scope: self.scope.kind().to_string(),
            scope_ref: self.scope.reference(),
            reason: self.reason.clone(),
            ticket: self.ticket.clone(),
            from: ctx.now(),
            until: time.from(ctx.now()),
            ended_at: None,
            review: None,
        }
    }
}

/// Declares an emergency: announced at once to whoever listens to events and to whoever reads the log.
///
/// # Errors
/// See [`BreakGlassError`]; `PERMISSION_DENIED`; a second factor that is missing or wrong.
pub(crate) async fn open(app: &App, ctx: &OpContext, wanted: &Open) -> Result<Changed> {
    let permit = ctx.permit::<OpenBreakGlass>(&Target::tenant())?;
    let time = domain::judge(&wanted.permissions, &wanted.scope, &wanted.reason, wanted.minutes)?;
    let tried = mutate(&app.store, ctx, &permit, &wanted.request, async |mut work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        if let Some(there) = store::open(&work, ctx.actor.principal, ctx.now()).await?.first() {
            return Err(BreakGlassError::OpenAlready(there.id).into());
        }
        named(&work, ctx, &wanted.scope).await?;
        let code = login::app::demand_code(&work, ctx, &wanted.code).await?;
        if code == CodeOutcome::Wrong {
            // Committed, because it counts as a wrong try.
            let audit = Audit::new("identity.break_glass.refuse", "principal", ctx.actor.principal);
            return Ok((work, audit.note("outcome", "wrong_code"), Tried::WrongCode));
        }
        login::app::judged(code)?;
        let emergency = wanted.emergency(ctx, time);
        store::insert(&work, ctx, &emergency).await?;
        let consistency_token = revision::facts::advance(&work, ctx, revision).await?;
        work.emit(events::break_glass_opened(&emergency)?);
        let audit = Audit::new("identity.break_glass.open", "break_glass", emergency.id);
        let audit = audit.note("permissions", emergency.permissions.join(" ")).note("until", emergency.until);
        Ok((work, audit, Tried::Opened(Box::new(Changed { emergency, consistency_token }))))
    });
    let Tried::Opened(opened) = tried.await? else { return Err(LoginError::CodeWrong.into()) };
    let BreakGlass { id, principal, until, .. } = &opened.emergency;
    tracing::warn!(break_glass = %id, %principal, %until, "the glass was broken");
    Ok(*opened)
}

/// Whether what the scope names is there.
async fn named(work: &UnitOfWork, ctx: &OpContext, scope: &Scope) -> Result<()> {
    let group = tenant::facts::get(work).await?;
    let (tree, roles) = (org::facts::tree(work).await?, Roles::default());
    let today = group.day(ctx.now())?;
    let facts = Facts { tree: &tree, regions: &group.regions, roles: &roles, today };
    Ok(access::domain::named(scope, &facts)?)
}

/// Ends an emergency before its time: who declared it, or a reviewer.
///
/// # Errors
/// `NOT_FOUND`, `BREAK_GLASS_ENDED`.
pub(crate) async fn end(app: &App, ctx: &OpContext, wanted: &Change) -> Result<Changed> {
    let permit = ctx.permit::<EndBreakGlass>(&Target::default())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |mut work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        let mine = |found: &BreakGlass| found.principal == ctx.actor.principal || reviews(ctx);
        let found = store::get(&work, wanted.id).await?.filter(mine);
        let found = found.ok_or(BreakGlassError::Unknown(wanted.id))?;
        if !found.open(ctx.now()) {
            return Err(BreakGlassError::EndedAlready.into());
        }
        store::end(&work, ctx, wanted.id).await?;
        let consistency_token = revision::facts::advance(&work, ctx, revision).await?;
        let emergency = BreakGlass { ended_at: Some(ctx.now()), ..found };
        work.emit(events::break_glass_ended(&emergency)?);
        let audit = Audit::new("identity.break_glass.end", "break_glass", wanted.id);
        Ok((work, audit, Changed { emergency, consistency_token }))
    })
    .await
}

/// Writes down what a second person found.
///
/// # Errors
/// See [`BreakGlassError`]; `PERMISSION_DENIED`.
pub(crate) async fn review(app: &App, ctx: &OpContext, wanted: &Change) -> Result<BreakGlass> {
    let permit = ctx.permit::<ReviewBreakGlass>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let found = store::get(&work, wanted.id).await?.ok_or(BreakGlassError::Unknown(wanted.id))?;
        let declared = session::facts::hands(&work, found.principal).await?;
        domain::judge_review(&found, declared, Hands::of(ctx, &permit), ctx.now())?;
        store::review(&work, ctx, wanted.id, &wanted.finding).await?;
        let emergency = BreakGlass { review: Some((ctx.actor.principal, wanted.finding.clone())), ..found };
        Ok((work, Audit::new("identity.break_glass.review", "break_glass", wanted.id), emergency))
    })
    .await
}

/// The caller's own emergencies; a reviewer sees everybody's.
///
/// # Errors
/// What the database says.
pub(crate) async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<BreakGlass>, String)> {
    ctx.permit::<ListBreakGlasses>(&Target::default())?;
    let of = (!reviews(ctx)).then_some(ctx.actor.principal);
    Ok(store::list(&*app.store.read(ctx).await?, of, page).await?)
}

fn reviews(ctx: &OpContext) -> bool {
    ctx.may(Permission::BreakGlassReview, &Target::tenant())
}
