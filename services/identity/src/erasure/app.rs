//! Asking for an erasure, carrying it out here, and hearing from the other services.

use serde::{Deserialize, Serialize};
use tally_access::four_eyes::Hands;
use tally_access::{ActorKind, OpContext, Rpc, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{ErasureId, PersonId};
use tally_kernel::page::Page;
use tally_store::{Audit, ScopedTx, UnitOfWork};

use super::domain::{self, Dropped, Erasure, ErasureError, Facts};
use super::store;
use crate::person::domain::Key;
use crate::person::domain::Person;
use crate::policy::{ApproveErasure, GetErasure, ListErasures, ReportErasure, RequestErasure};
use crate::{
    App, break_glass, delegation, events, hold, login, person, privacy, retention, revision, session, tenant,
    termination,
};

/// An erasure to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) reason: String,
}

/// An erasure to approve.
#[derive(Clone, Debug)]
pub(crate) struct Approve {
    pub(crate) request: RequestKey,
    pub(crate) id: ErasureId,
}

/// A request to withdraw or reject.
#[derive(Clone, Debug)]
pub(crate) struct Drop {
    pub(crate) request: RequestKey,
    pub(crate) id: ErasureId,
    pub(crate) reason: String,
}

/// An erasure that was carried out, and the consistency token of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approved {
    pub(crate) erasure: Erasure,
    pub(crate) consistency_token: String,
}

/// Asks to erase somebody. Whoever asks must be allowed to wherever the person ever was.
///
/// # Errors
/// See [`ErasureError`]; `PERMISSION_DENIED`.
pub(crate) async fn request(app: &App, ctx: &OpContext, wanted: &Request) -> Result<Erasure> {
    let places = person::facts::places(&*app.store.read(ctx).await?, wanted.person).await?;
    let permit = ctx.permit_all::<RequestErasure>(places)?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        hold::facts::lock(&work, ctx).await?;
        let person = judged(&work, ctx, wanted.person).await?;
        if let Some(id) = store::of_person(&work, wanted.person).await? {
            return Err(ErasureError::ThereAlready(id).into());
        }
        let today = tenant::facts::today(&work, ctx).await?;
        let home = person.home(today).ok_or(ErasureError::StillEmployed)?;
        let erasure = Erasure {
            id: ErasureId(ctx.new_id()),
            person: wanted.person,
            place: (home.region.clone(), home.unit),
            reason: wanted.reason.clone(),
            requested: (ctx.actor.principal, ctx.now()),
            approved: None,
            parts: Vec::new(),
            completed_at: None,
            dropped: None,
        };
        store::insert(&work, ctx, &erasure).await?;
        Ok((work, Audit::new("identity.erasure.request", "erasure", erasure.id), erasure))
    })
    .await
}

/// Ends a request that nobody has approved: whoever may ask withdraws it, whoever may approve rejects it.
///
/// # Errors
/// See [`ErasureError`]; `PERMISSION_DENIED`.
pub(crate) async fn drop<R: Rpc>(app: &App, ctx: &OpContext, action: &'static str, wanted: &Drop) -> Result<Erasure> {
    let asked = store::get(&*app.store.read(ctx).await?, wanted.id).await?;
    let (asked, _) = asked.ok_or(ErasureError::Unknown(wanted.id))?;
    let places = person::facts::places(&*app.store.read(ctx).await?, asked.person).await?;
    let permit = ctx.permit_all::<R>(places)?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        // Approvals hold it too.
        hold::facts::lock(&work, ctx).await?;
        let (asked, _) = store::get(&work, wanted.id).await?.ok_or(ErasureError::Unknown(wanted.id))?;
        asked.waits()?;
        let dropped = Dropped { by: ctx.actor.principal, at: ctx.now(), reason: wanted.reason.clone() };
        store::drop(&work, wanted.id, &dropped).await?;
        let audit = Audit::new(action, "erasure", wanted.id).about(asked.person);
        Ok((work, audit, Erasure { dropped: Some(dropped), ..asked }))
    })
    .await
}

/// The person, if it may be erased now.
async fn judged(tx: &ScopedTx, ctx: &OpContext, id: PersonId) -> Result<Person> {
    let person = person::facts::get(tx, &Key::Id(id)).await?.ok_or(ErasureError::PersonUnknown(id))?;
    let set = retention::facts::all(tx).await?;
    let months = retention::domain::of_kind(&set, tally_privacy::PERSON).map_or(u32::MAX, |kept| kept.months);
    let held = hold::domain::covers(&hold::facts::standing(tx).await?, id);
    let today = tenant::facts::today(tx, ctx).await?;
    domain::judge(Facts { last_day: person.last_day(), months, today, held })?;
    Ok(person)
}

/// Approves somebody else's request: identity erases at once, the other services when they hear of it.
///
/// # Errors
/// See [`ErasureError`]; `PERMISSION_DENIED`; `LAST_ADMINISTRATOR`.
pub(crate) async fn approve(app: &App, ctx: &OpContext, wanted: &Approve) -> Result<Approved> {
    let asked = store::get(&*app.store.read(ctx).await?, wanted.id).await?;
    let (asked, _) = asked.ok_or(ErasureError::Unknown(wanted.id))?;
    let places = person::facts::places(&*app.store.read(ctx).await?, asked.person).await?;
    let permit = ctx.permit_all::<ApproveErasure>(places)?;
    let approved = mutate(&app.store, ctx, &permit, &wanted.request, async |mut work| {
        let revision = revision::facts::hold(&work, ctx).await?;
        hold::facts::lock(&work, ctx).await?;
        let (asked, _) = store::get(&work, wanted.id).await?.ok_or(ErasureError::Unknown(wanted.id))?;
        let asker = session::facts::hands(&work, asked.requested.0).await?;
        domain::judge_approval(&asked, asker, Hands::of(ctx, &permit))?;
        let person = judged(&work, ctx, asked.person).await?;
        let rows = erase(&work, ctx, &person).await?;
        store::approve(&work, ctx, wanted.id, &person.employee_no).await?;
        let consistency_token = revision::facts::advance(&work, ctx, revision).await?;
        work.emit(events::person_erased(wanted.id, asked.person)?);
        let audit = Audit::new("identity.erasure.approve", "erasure", wanted.id).about(asked.person);
        let approved = Some((ctx.actor.principal, ctx.now()));
        let erasure = Erasure { approved, parts: domain::parts(true, Vec::new()), ..asked };
        Ok((work, audit.note("rows", rows), Approved { erasure, consistency_token }))
    })
    .await?;
    app.store.wipe().await?;
    Ok(approved)
}

/// Erases a person here: the login with all that hangs on it, the key, and what says who it was.
async fn erase(work: &UnitOfWork, ctx: &OpContext, person: &Person) -> Result<u64> {
    if let Some(last_day) = person.last_day() {
        termination::take_hold(work, ctx, person.id, last_day).await?;
    }
    let mut rows = 0;
    if let Some(principal) = session::facts::of_person(work, person.id).await? {
        rows += session::facts::forget(work, principal.id).await?;
        rows += u64::from(login::facts::remove(work, principal.id).await?);
        rows += tenant::facts::leave(work, principal.id).await?;
        rows += delegation::facts::forget(work, principal.id).await?;
        rows += break_glass::facts::forget(work, principal.id).await?;
    }
    work.erase_person(person.id).await?;
    for table in privacy::DATA_TABLES {
        rows += table.erase(work, person.id).await?;
    }
    Ok(rows)
}

/// One erasure; and for a service of the suite the number that it has yet to clear.
///
/// # Errors
/// `NOT_FOUND`, also for one out of reach.
pub(crate) async fn get(app: &App, ctx: &OpContext, id: ErasureId) -> Result<(Erasure, String)> {
    let (found, number) = store::get(&*app.store.read(ctx).await?, id).await?.ok_or(ErasureError::Unknown(id))?;
    let (region, unit) = found.place.clone();
    ctx.permit_read::<GetErasure>(&Target::person(region, Some(unit), found.person), "erasure", id)?;
    let number = number.filter(|_| matches!(ctx.actor.kind, ActorKind::Service(_)));
    Ok((found, number.unwrap_or_default()))
}

/// Erasures within the caller's reach, newest first.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Erasure>, String)> {
    let plan = ctx.plan::<ListErasures>()?;
    Ok(store::list(&*app.store.read(ctx).await?, &plan, page).await?)
}

/// Writes down that the calling service has done its part; with the last one the erasure is complete.
///
/// # Errors
/// See [`ErasureError`]; `PERMISSION_DENIED`.
pub(crate) async fn report(app: &App, ctx: &OpContext, id: ErasureId, rows: u64) -> Result<()> {
    let permit = ctx.permit::<ReportErasure>(&Target::tenant())?;
    let ActorKind::Service(service) = &ctx.actor.kind else { return Err(ErasureError::NotAService.into()) };
    let reported = app
        .store
        .retry(ctx, || async {
            let work = app.store.unit(ctx, &permit).await?;
            store::lock(&work, id).await?;
            let (mut erasure, _) = store::get(&work, id).await?.ok_or(ErasureError::Unknown(id))?;
            // Why this is not `perform`: what was reported before is no change, and makes no entry.
            if !erasure.expects(service)? {
                return Ok(());
            }
            store::report(&work, ctx, &erasure, service, rows).await?;
            (erasure, _) = store::get(&work, id).await?.ok_or(ErasureError::Unknown(id))?;
            if erasure.is_done_everywhere() {
                store::complete(&work, ctx, id).await?;
            }
            let audit = Audit::new("identity.erasure.report", "erasure", id).about(erasure.person);
            work.commit(audit.note("service", service).note("rows", rows), ()).await
        })
        .await;
    reported?;
    // The number was in the database until now.
    app.store.wipe().await
}
