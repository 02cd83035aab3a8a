//! Defining measures of the catalogue, taking them out of use, and reading them.

use tally_access::{OpContext, Permission, Rpc};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::MeasureId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, UnitOfWork, digest};

use super::domain::{Catalogued, Changed, MeasureError, NewMeasure, Retirement, nameable, needing, problems};
use super::store;
use crate::App;
use crate::policy::{CreateMeasure, GetMeasure, ListMeasures, RetireMeasure, UpdateMeasure};
use crate::reach::{chain, from_below};

/// Defines a measure for an owner.
pub async fn create(app: &App, ctx: &OpContext, request: &RequestKey, new: NewMeasure) -> Result<Catalogued> {
    let units = Units::of(&app.peers.identity, ctx, None).await?;
    let owner = units.owner(new.unit)?;
    let permit = ctx.permit::<CreateMeasure>(&owner.target())?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let all = store::all(&work).await?;
        let mut definition = new.definition.clone();
        definition.version = 1;
        if all.iter().any(|one| one.owner == owner && one.name() == definition.name) {
            return Err(MeasureError::NameTaken(definition.name).into());
        }
        fits(problems(&definition, &nameable(&all, &chain(&units, &owner))))?;
        let (id, title, owner) = (MeasureId(ctx.new_id()), new.title.clone(), owner.clone());
        let measure = Catalogued { id, owner, title, definition, retired: None };
        store::insert(&work, ctx, &measure).await?;
        Ok((work, audit("performance.measure.create", None, &measure)?, measure))
    })
    .await
}

/// Defines it otherwise from now on; one that is retired is in use again.
pub async fn update(app: &App, ctx: &OpContext, request: &RequestKey, changed: Changed) -> Result<Catalogued> {
    let permit = ctx.permit_all::<UpdateMeasure>([])?;
    let units = Units::of(&app.peers.identity, ctx, None).await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = reached::<UpdateMeasure>(&work, ctx, changed.id).await?;
        if changed.definition.name != before.name() {
            return Err(MeasureError::NameFixed(before.name().to_owned()).into());
        }
        if changed.from != before.revision() {
            return Err(MeasureError::Stale(before.revision()).into());
        }
        let mut all = store::all(&work).await?;
        let mut after = Catalogued { title: changed.title.clone(), retired: None, ..before.clone() };
        after.definition = changed.definition.clone();
        after.definition.version = before.revision() + 1;
        fits(problems(&after.definition, &nameable(&all, &chain(&units, &after.owner))))?;
        all.iter_mut().filter(|one| one.id == after.id).for_each(|one| *one = after.clone());
        let breaks = |one: &Catalogued, nameable: &[Catalogued]| !problems(&one.definition, nameable).is_empty();
        unneeded(&after, needing(&all, |owner| chain(&units, owner), &after, breaks))?;
        store::save(&work, &after).await?;
        Ok((work, audit("performance.measure.update", Some(&before), &after)?, after))
    })
    .await
}

/// Takes it out of use: versions of schemes that are there keep their copy.
pub async fn retire(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    (id, reason): (MeasureId, String),
) -> Result<Catalogued> {
    let permit = ctx.permit_all::<RetireMeasure>([])?;
    let units = Units::of(&app.peers.identity, ctx, None).await?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let before = reached::<RetireMeasure>(&work, ctx, id).await?;
        if before.retired.is_some() {
            return Err(MeasureError::RetiredAlready(before.name().to_owned()).into());
        }
        unneeded(&before, needing(&store::all(&work).await?, |owner| chain(&units, owner), &before, |_, _| true))?;
        let retired = Some(Retirement { reason: reason.clone(), at: ctx.now() });
        let after = Catalogued { retired, ..before.clone() };
        store::save(&work, &after).await?;
        Ok((work, audit("performance.measure.retire", Some(&before), &after)?, after))
    })
    .await
}

fn fits(problems: Vec<tally_engine::scoring::SchemeProblem>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(MeasureError::Unfit(problems).into()) }
}

fn unneeded(of: &Catalogued, by: Vec<String>) -> Result<()> {
    let name = of.name().to_owned();
    if by.is_empty() { Ok(()) } else { Err(MeasureError::Needed { name, by }.into()) }
}

/// A measure to be changed, locked. Who may not read it is told that it is not there.
async fn reached<R: Rpc>(work: &UnitOfWork, ctx: &OpContext, id: MeasureId) -> Result<Catalogued> {
    let measure = store::lock(work, id).await?;
    let target = measure.owner.target();
    let _reached = if ctx.may(Permission::SchemeRead, &target) {
        ctx.permit::<R>(&target)?
    } else {
        ctx.permit_read::<R>(&target, "measure", id)?
    };
    Ok(measure)
}

fn audit(action: &'static str, before: Option<&Catalogued>, after: &Catalogued) -> Result<Audit> {
    let told = |measure: &Catalogued| serde_json::to_vec(measure).map(|told| digest(&told)).map_err(Error::internal);
    let audit = Audit::new(action, "measure", after.id).region(after.owner.region()).after(&told(after)?);
    let audit = match before {
        Some(before) => audit.before(&told(before)?),
        None => audit,
    };
    Ok(audit.note("revision", after.revision()))
}

/// One measure. A unit's is read by whoever reaches the unit or one below it.
pub async fn get(app: &App, ctx: &OpContext, id: MeasureId) -> Result<Catalogued> {
    let plan = from_below(&app.peers.identity, ctx, ctx.plan::<GetMeasure>()?).await?;
    store::find(&*app.store.read(ctx).await?, &plan, id).await
}

/// A page of measures, by name.
pub async fn list(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Catalogued>, String)> {
    let plan = from_below(&app.peers.identity, ctx, ctx.plan::<ListMeasures>()?).await?;
    store::page(&*app.store.read(ctx).await?, &plan, page).await
}
