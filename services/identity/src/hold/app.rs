//! Setting, lifting and listing holds.

use tally_access::{OpContext, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::Result;
use tally_kernel::id::{HoldId, PersonId};
use tally_kernel::page::Page;
use tally_store::Audit;

use super::domain::{Hold, HoldError};
use super::store;
use crate::person::domain::Key;
use crate::policy::{LiftHold, ListHolds, SetHold};
use crate::{App, erasure, person};

/// A hold to set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) request: RequestKey,
    pub(crate) person: Option<PersonId>,
    pub(crate) reason: String,
}

/// A hold to lift.
#[derive(Clone, Debug)]
pub(crate) struct Lift {
    pub(crate) request: RequestKey,
    pub(crate) id: HoldId,
    pub(crate) reason: String,
}

/// Puts a person or the whole group on hold.
///
/// # Errors
/// `NOT_FOUND`, `PERSON_ERASED`, `PERMISSION_DENIED`.
pub(crate) async fn set(app: &App, ctx: &OpContext, wanted: &Set) -> Result<Hold> {
    let permit = ctx.permit::<SetHold>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        store::lock(&work, ctx).await?;
        if let Some(id) = wanted.person {
            person::facts::get(&work, &Key::Id(id)).await?.ok_or(HoldError::PersonUnknown(id))?;
            erasure::facts::refuse_erased(&work, id).await?;
        }
        let hold = Hold {
            id: HoldId(ctx.new_id()),
            person: wanted.person,
            reason: wanted.reason.clone(),
            set_by: ctx.actor.principal,
            set_at: ctx.now(),
            lifted: None,
        };
        store::insert(&work, ctx, &hold).await?;
        Ok((work, Audit::new("identity.hold.set", "hold", hold.id), hold))
    })
    .await
}

/// Lifts a hold.
///
/// # Errors
/// `NOT_FOUND`, `HOLD_LIFTED`, `PERMISSION_DENIED`.
pub(crate) async fn lift(app: &App, ctx: &OpContext, wanted: &Lift) -> Result<Hold> {
    let permit = ctx.permit::<LiftHold>(&Target::tenant())?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        store::lock(&work, ctx).await?;
        let found = store::get(&work, wanted.id).await?.ok_or(HoldError::Unknown(wanted.id))?;
        if found.lifted.is_some() {
            return Err(HoldError::LiftedAlready.into());
        }
        store::lift(&work, ctx, wanted.id, &wanted.reason).await?;
        let audit = Audit::new("identity.hold.lift", "hold", wanted.id).about_all(found.person);
        let lifted = Some((ctx.actor.principal, ctx.now(), wanted.reason.clone()));
        Ok((work, audit, Hold { lifted, ..found }))
    })
    .await
}

/// The register of holds, newest first.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext, standing: bool, page: &Page) -> Result<(Vec<Hold>, String)> {
    ctx.permit::<ListHolds>(&Target::tenant())?;
    Ok(store::list(&*app.store.read(ctx).await?, standing, page).await?)
}
