//! Changing and resetting passwords, and second factors.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_access::{OpContext, Region, Rpc, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::PrincipalId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, UnitOfWork};

use super::domain::{self, CodeOutcome, Factor, LoginError};
use super::{facts, store};
use crate::access::domain::{AccessError, Facts, Giver};
use crate::policy::{
    ChangePassword, ConfirmTotp, EnrollTotp, ListLogins, RemoveTotp, RequestPasswordReset, ResetPassword,
};
use crate::session::domain::{self as session, Holder, Password, Principal, SessionError, Tries};
use crate::session::facts as principals;
use crate::{App, access, org, role, tenant, views};

/// A password to change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) once: RequestKey,
    pub(crate) old: Password,
    pub(crate) new: Password,
}

/// A password to reset.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    pub(crate) once: RequestKey,
    pub(crate) principal: PrincipalId,
    pub(crate) remove_second_factor: bool,
}

/// A password for one sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OneTime {
    pub(crate) password: String,
    pub(crate) expires_at: Timestamp,
}

/// What an authenticator needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enrolled {
    pub(crate) secret: String,
    pub(crate) uri: String,
}

/// A page of who can sign in, with the region of each and when it was made.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    page: &Page,
) -> Result<(Vec<(Principal, Region, Timestamp)>, String)> {
    let plan = ctx.plan::<ListLogins>()?;
    Ok(principals::list(&*app.store.read(ctx).await?, &plan, page).await?)
}

/// Changes one's own password and ends one's other sessions.
///
/// # Errors
/// `SIGN_IN_REFUSED` for a wrong old password, which counts as a wrong try; `PASSWORD_WEAK`; `NO_PASSWORD`.
pub(crate) async fn change(app: &App, ctx: &OpContext, Change { once, old, new }: Change) -> Result<()> {
    let permit = ctx.permit::<ChangePassword>(&Target::tenant())?;
    let (principal, tries) = {
        let tx = app.store.read(ctx).await?;
        let tries = principals::get_tries(&tx, ctx.actor.principal).await?.unwrap_or_default();
        (principals::get(&tx, ctx.actor.principal).await?, tries)
    };
    let principal = principal.ok_or(LoginError::NoPassword)?;
    let hash = principal.password_hash.clone().ok_or(LoginError::NoPassword)?;
    if tries.blocked(ctx.now()) {
        return Err(SessionError::Refused.into());
    }
    let right = app.compute.run("password", move || session::verify(&old, &hash)).await??;
    let new_hash = if right { crate::session::app::new_hash(app, ctx, &principal, &new).await? } else { String::new() };
    let changed = mutate(&app.store, ctx, &permit, &once, async |work| {
        let before = hold(&work, ctx).await?;
        count(&work, ctx, before, right).await?;
        let audit = Audit::new("identity.password.change", "principal", principal.id);
        if !right {
            return Ok((work, audit.note("outcome", "wrong_password"), false));
        }
        principals::put_password(&work, principal.id, &new_hash, None).await?;
        let ended = principals::end_all(&work, ctx, principal.id, ctx.session, "password_changed").await?;
        Ok((work, audit.note("outcome", "changed").note("sessions_ended", ended), true))
    });
    if changed.await? { Ok(()) } else { Err(SessionError::Refused.into()) }
}

/// Lets one try of the caller through at a time, and none while the caller has to wait: the tries so far.
async fn hold(work: &UnitOfWork, ctx: &OpContext) -> Result<Option<Tries>> {
    work.lock("sign_in", ctx.actor.principal.0).await?;
    let before = principals::get_tries(work, ctx.actor.principal).await?;
    match before {
        Some(tries) if tries.blocked(ctx.now()) => Err(SessionError::Refused.into()),
        _ => Ok(before),
    }
}

/// Counts a try that [`hold`] let through.
async fn count(work: &UnitOfWork, ctx: &OpContext, before: Option<Tries>, right: bool) -> Result<()> {
    let (principal, tries) = (ctx.actor.principal, before.unwrap_or_default());
    let after = if right { Tries::default() } else { tries.failed(ctx.now()) };
    if after != tries {
        principals::put_tries(work, ctx, principal, before, after).await?;
    }
    Ok(())
}

/// Gives somebody a password for one sign-in, ends all sessions, and takes the second factor away where that is asked.
///
/// # Errors
/// `NOT_FOUND` out of reach; `LOGIN_HOLDS_MORE` for somebody who holds what the caller could not give; `RESET_ONESELF`;
/// `NO_PASSWORD` for an account of a program.
pub(crate) async fn reset(app: &App, ctx: &OpContext, wanted: &Reset) -> Result<OneTime> {
    let Reset { once, principal: id, remove_second_factor } = wanted;
    let id = *id;
    let permit = ctx.permit_all::<ResetPassword>([])?;
    let password = session::one_time_password();
    let (typed, salt) = (Password::typed(password.to_string()), ctx.rng.bytes());
    let hash = app.compute.run("password", move || session::hash(&typed, salt)).await??;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let principal = stand_in::<ResetPassword>(&work, ctx, id).await?;
        if !matches!(principal.holder, Some(Holder::Person(_) | Holder::User)) {
            return Err(LoginError::NoPassword.into());
        }
        if id == ctx.actor.principal {
            return Err(LoginError::ResetOneself.into());
        }
        let expires_at = ctx.now().checked_add(session::ONE_TIME_LIFE).map_err(Error::internal)?;
        principals::put_password(&work, id, &hash, Some(expires_at)).await?;
        let before = principals::get_tries(&work, id).await?;
        if before.is_some() {
            principals::put_tries(&work, ctx, id, before, Tries::default()).await?;
        }
        let removed = *remove_second_factor && store::remove(&work, id).await?;
        let ended = principals::end_all(&work, ctx, id, None, "password_reset").await?;
        let audit = Audit::new("identity.password.reset", "principal", id).note("sessions_ended", ended);
        let done = OneTime { password: password.to_string(), expires_at };
        Ok((work, audit.note("second_factor_removed", removed), done))
    })
    .await
}

/// The answer to who forgot a password comes no sooner, whether there is such a name or not: how long it takes tells nothing.
const ASKED_TAKES: Duration = Duration::from_millis(400);

/// Notes that somebody asks for a new password, for those who may reset it, once until it is answered. Nothing tells whether there is such
/// a name; whoever has no password, or works here no more, is not noted.
///
/// # Errors
/// The store cannot be asked.
pub(crate) async fn ask_reset(app: &App, ctx: &OpContext, once: &RequestKey, login: &str) -> Result<()> {
    let (noted, ()) = tokio::join!(note_reset(app, ctx, once, login), tokio::time::sleep(ASKED_TAKES));
    noted
}

async fn note_reset(app: &App, ctx: &OpContext, once: &RequestKey, login: &str) -> Result<()> {
    let Some(found) = crate::session::app::find(app, ctx, login).await? else { return Ok(()) };
    let principal = found.principal;
    if principal.password_hash.is_none() || principal.reset_asked_at.is_some() {
        return Ok(());
    }
    let ctx = &crate::session::app::as_principal(ctx, found.tenant, &principal);
    let permit = ctx.permit::<RequestPasswordReset>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let noted = views::employed_now(&work, ctx, &principal).await?;
        if noted {
            principals::put_reset_asked(&work, principal.id, Some(ctx.now())).await?;
        }
        let audit = Audit::new("identity.password.ask", "principal", principal.id).note("noted", noted);
        Ok((work, audit, ()))
    })
    .await
}

/// The principal, if the caller reaches it and may act for it: whoever could sign in as somebody else, or with that
/// one's key, must be allowed to give all that the other holds.
///
/// # Errors
/// `NOT_FOUND`, `PERMISSION_DENIED`, `LOGIN_HOLDS_MORE`.
pub(crate) async fn stand_in<R: Rpc>(work: &UnitOfWork, ctx: &OpContext, id: PrincipalId) -> Result<Principal> {
    let receiver = access::app::receiver(work, ctx, id).await?;
    ctx.permit_read::<R>(&receiver.target(), "principal", id)?;
    let group = tenant::facts::get(work).await?;
    let tree = org::facts::tree(work).await?;
    let (roles, today) = (role::facts::all(work).await?, group.day(ctx.now())?);
    let facts = Facts { tree: &tree, regions: &group.regions, roles: &roles, today };
    let giver = Giver { principal: ctx.actor.principal, view: &ctx.view };
    access::domain::may_stand_in(giver, &receiver, &facts).map_err(LoginError::HoldsMore)?;
    let principal = principals::get(work, id).await?;
    Ok(principal.ok_or(AccessError::PrincipalUnknown(id))?)
}

/// Demands a fresh code of the caller, whatever session it is in. A wrong one counts as a wrong try at signing in, so the
/// unit is to be committed even then; [`judged`] says what a code that is not right means.
///
/// # Errors
/// `SIGN_IN_REFUSED` while the caller has to wait.
pub(crate) async fn demand_code(work: &UnitOfWork, ctx: &OpContext, code: &str) -> Result<CodeOutcome> {
    let before = hold(work, ctx).await?;
    let outcome = facts::try_code(work, ctx, ctx.actor.principal, code).await?;
    if matches!(outcome, CodeOutcome::Right | CodeOutcome::Wrong) {
        count(work, ctx, before, outcome == CodeOutcome::Right).await?;
    }
    Ok(outcome)
}

/// What a demanded code means to the caller.
///
/// # Errors
/// `SECOND_FACTOR_NEEDED` without a code, `SECOND_FACTOR_WRONG`, `SECOND_FACTOR_MISSING` when none is enrolled.
pub(crate) fn judged(outcome: CodeOutcome) -> Result<()> {
    match outcome {
        CodeOutcome::Right => Ok(()),
        CodeOutcome::NotEnrolled => Err(LoginError::NotEnrolled.into()),
        CodeOutcome::Missing => Err(SessionError::SecondFactorNeeded.into()),
        CodeOutcome::Wrong => Err(LoginError::CodeWrong.into()),
    }
}

/// Begins a second factor for the caller, in place of one that was begun and never confirmed.
///
/// # Errors
/// `SECOND_FACTOR_ALREADY_EXISTS`, `NO_PASSWORD`.
pub(crate) async fn enroll(app: &App, ctx: &OpContext, once: &RequestKey) -> Result<Enrolled> {
    let permit = ctx.permit::<EnrollTotp>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let principal = principals::get(&work, ctx.actor.principal).await?.ok_or(LoginError::NoPassword)?;
        if principal.password_hash.is_none() {
            return Err(LoginError::NoPassword.into());
        }
        if store::get(&work, principal.id).await?.is_some_and(|factor| factor.confirmed_at.is_some()) {
            return Err(LoginError::EnrolledAlready.into());
        }
        let factor = Factor::new(principal.id);
        store::put(&work, ctx, &factor).await?;
        let group = tenant::facts::get(&work).await?;
        let done = Enrolled { secret: factor.base32(), uri: factor.uri(&group.name, &principal.name) };
        Ok((work, Audit::new("identity.second_factor.begin", "principal", principal.id), done))
    })
    .await
}

/// Proves that the authenticator works: from now on signing in takes a code. The recovery codes, shown this once.
///
/// # Errors
/// `SECOND_FACTOR_WRONG`, `SECOND_FACTOR_MISSING` when none was begun, `SECOND_FACTOR_ALREADY_EXISTS` when it is confirmed.
pub(crate) async fn confirm(app: &App, ctx: &OpContext, once: &RequestKey, code: &str) -> Result<Vec<String>> {
    let permit = ctx.permit::<ConfirmTotp>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, once, async |work| {
        let principal = ctx.actor.principal;
        let factor = store::get(&work, principal).await?.ok_or(LoginError::NotEnrolled)?;
        if factor.confirmed_at.is_some() {
            return Err(LoginError::EnrolledAlready.into());
        }
        let taken = factor.take(code, ctx.now()).ok_or(LoginError::CodeWrong)?;
        let (codes, recovery) = domain::recovery_codes();
        store::put(&work, ctx, &Factor { confirmed_at: Some(ctx.now()), recovery, ..taken }).await?;
        Ok((work, Audit::new("identity.second_factor.confirm", "principal", principal), codes))
    })
    .await
}

/// Takes the caller's second factor away.
///
/// # Errors
/// As [`demand_code`] and [`judged`].
pub(crate) async fn remove(app: &App, ctx: &OpContext, once: &RequestKey, code: &str) -> Result<()> {
    let permit = ctx.permit::<RemoveTotp>(&Target::tenant())?;
    let outcome = mutate(&app.store, ctx, &permit, once, async |work| {
        let outcome = demand_code(&work, ctx, code).await?;
        let said = match outcome {
            // Committed, because it counts as a wrong try.
            CodeOutcome::Wrong => "wrong_code",
            CodeOutcome::Right | CodeOutcome::NotEnrolled | CodeOutcome::Missing => {
                judged(outcome)?;
                store::remove(&work, ctx.actor.principal).await?;
                "removed"
            }
        };
        let audit = Audit::new("identity.second_factor.remove", "principal", ctx.actor.principal);
        Ok((work, audit.note("outcome", said), outcome))
    });
    judged(outcome.await?)
}
