//! Writing scheme versions, taking them out of use, and reading them. What makes one sound, and what a standard allows of its
//! refinements, is in `tally_engine::scoring`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{OpContext, Owner, Permission};
use tally_app::units::Units;
use tally_app::{RequestKey, mutate};
use tally_kernel::id::{OrgUnitId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::{Currency, Error, Result};
use tally_store::{Audit, ScopedTx, UnitOfWork, digest};

use super::domain::{NewVersion, Parent, Refinement, SchemeError, Version, Withdrawal};
use super::domain::{fit, judge, problems, redefined, reserved, with_measures};
use super::facts;
use super::store::{self, Head};
use crate::measure::domain::nameable;
use crate::policy::{
    CreateSchemeVersion, GetScheme, ListRefinements, ListSchemeTemplates, ListSchemes, WithdrawScheme,
};
use crate::reach::{chain, from_below};
use crate::{App, card, cycle, measure};

/// Writes a new version; versions never change afterwards.
pub async fn create_version(app: &App, ctx: &OpContext, request: &RequestKey, new: NewVersion) -> Result<Version> {
    let units = match new.unit {
        Some(_) => Units::of(&app.peers.identity, ctx, None).await?,
        None => Units::default(),
    };
    let owner = units.owner(new.unit)?;
    let permit = ctx.permit::<CreateSchemeVersion>(&owner.target())?;
    let body = digest(serde_json::to_string(&new.scheme).map_err(Error::internal)?.as_bytes());
    mutate(&app.store, ctx, &permit, request, async |work| {
        let owner = owner.clone();
        let above = standards(&work, &units, (&owner, new.parent), today(ctx)).await?;
        let measures = measure::facts::all(&work).await?;
        let of = |owner: &Owner| nameable(&measures, &chain(&units, owner));
        let mut wrong = reserved(&above, &new.scheme);
        let scheme = with_measures(&above, &of(&owner), new.scheme.clone())?;
        let brought = new.scheme.measures.len();
        wrong.extend(above.iter().flat_map(|standard| redefined(standard, &of(&standard.owner), &scheme, brought)));
        wrong.extend(problems(&above, &scheme));
        fit(wrong)?;
        let known = store::lock_named(&work, &owner, &scheme.name).await?;
        let parent = above.first().map(|parent| Parent { scheme: parent.id, version: parent.scheme.version });
        let version = next(
            &work,
            ctx,
            known,
            Version { id: SchemeId(ctx.new_id()), owner, scheme, parent, origin: None, withdrawal: None },
        );
        let version = version.await?;
        store::append(&work, ctx, &version).await?;
        let audit = Audit::new("performance.scheme.write", "scheme", version.id).region(version.owner.region());
        Ok((work, audit.after(&body).note("version", version.scheme.version), version))
    })
    .await
}

/// The version with its number, as the next one of the scheme that is there or as the first of its own.
async fn next(work: &UnitOfWork, ctx: &OpContext, known: Option<Head>, mut version: Version) -> Result<Version> {
    let Some(known) = known else {
        version.scheme.version = 1;
        return Ok(version);
    };
    if let Some(origin) = known.origin {
        return Err(SchemeError::Imported(origin).into());
    }
    let withdrawals = store::withdrawals(work, known.id).await?;
    if let Some(out) = withdrawals.into_iter().find(|out| out.version == 0 && out.from <= today(ctx)) {
        return Err(SchemeError::Withdrawn { name: known.name, from: out.from }.into());
    }
    version.id = known.id;
    version.scheme.version = known.newest + 1;
    Ok(version)
}

/// What a version is held against: the one that it names and all above that. A scheme of a unit for which standards are
/// mandatory refines one of them.
async fn standards(
    work: &UnitOfWork,
    units: &Units,
    (owner, parent): (&Owner, Option<Parent>),
    today: Date,
) -> Result<Vec<Version>> {
    let above = match parent {
        None => Vec::new(),
        Some(Parent { scheme, version }) => {
            let version = if version > 0 { version } else { newest_in_use(work, scheme, today).await?.scheme.version };
            store::above(work, Parent { scheme, version }).await?
        }
    };
    if let Some(parent) = above.first() {
        if !stands_above(units, &parent.owner, owner.unit()) {
            return Err(SchemeError::ParentNotAbove.into());
        }
        if let Some(out) = parent.withdrawn_on(today) {
            let instead = facts::cure(work, parent.id, out, today).await?;
            let (name, from) = (parent.scheme.name.clone(), out.from);
            return Err(SchemeError::ParentWithdrawn { name, from, instead }.into());
        }
    }
    let Some(unit) = owner.unit() else { return Ok(above) };
    let ancestors: Vec<_> = units.chain(unit).map(|unit| unit.id).filter(|id| *id != unit).collect();
    let mut mandatory = Vec::new();
    for head in store::mandatory(work, &ancestors).await? {
        let out = store::withdrawals(work, head.id).await?;
        if !out.iter().any(|out| out.version == 0 && out.from <= today) {
            mandatory.push(head);
        }
    }
    if !mandatory.is_empty() && !mandatory.iter().any(|head| above.iter().any(|version| version.id == head.id)) {
        return Err(SchemeError::Mandatory(mandatory.into_iter().map(|head| head.name).collect()).into());
    }
    Ok(above)
}

/// Whether what belongs to `owner` stands above what is of `unit`.
fn stands_above(units: &Units, owner: &Owner, unit: Option<OrgUnitId>) -> bool {
    match (owner.unit(), unit) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(owner), Some(unit)) => owner != unit && units.holds(owner, unit),
    }
}

async fn newest_in_use(tx: &ScopedTx, id: SchemeId, day: Date) -> Result<Version> {
    Ok(facts::newest_in_use(tx, facts::version(tx, id, 0).await?, day).await??)
}

/// The day by which something is out of use, in UTC.
fn today(ctx: &OpContext) -> Date {
    ctx.now().to_zoned(TimeZone::UTC).date()
}

/// Takes a version, or all of a scheme, out of use from a day on. What was made with it stays as it is.
pub async fn withdraw(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    (id, withdrawal): (SchemeId, Withdrawal),
) -> Result<Version> {
    let permit = ctx.permit_all::<WithdrawScheme>([])?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let head = store::lock(&work, id).await?;
        let target = head.owner.target();
        let _reached = if ctx.may(Permission::SchemeRead, &target) {
            ctx.permit::<WithdrawScheme>(&target)?
        } else {
            ctx.permit_read::<WithdrawScheme>(&target, "scheme", id)?
        };
        if let Some(origin) = head.origin {
            return Err(SchemeError::Imported(origin).into());
        }
        let _there = facts::version(&work, id, withdrawal.version).await?;
        let before = store::withdrawals(&work, id).await?;
        if let Some(out) = before.iter().find(|out| out.version == withdrawal.version) {
            return Err(SchemeError::WithdrawnAlready(out.from).into());
        }
        if let Some(instead) = withdrawal.superseded_by {
            let other = facts::version(&work, id, instead).await?;
            if [0, instead].contains(&withdrawal.version) || other.withdrawal.is_some() {
                return Err(SchemeError::NotInstead(instead).into());
            }
        }
        store::withdraw(&work, ctx, &head, &withdrawal).await?;
        let version = facts::version(&work, id, withdrawal.version).await?;
        let audit = Audit::new("performance.scheme.withdraw", "scheme", id).region(version.owner.region());
        Ok((work, audit.note("version", withdrawal.version).note("from", withdrawal.from), version))
    })
    .await
}

/// One version; 0 is the newest. A unit's scheme is read by whoever reaches the unit or one below it; a version of it also by whoever reaches a
/// card or a cycle that is scored by it, such as the branch that the unit was below in the month.
pub async fn get_scheme(app: &App, ctx: &OpContext, id: SchemeId, version: u32) -> Result<Version> {
    let own = ctx.plan::<GetScheme>()?;
    let plan = from_below(&app.peers.identity, ctx, ctx.plan::<GetScheme>()?).await?;
    let tx = app.store.read(ctx).await?;
    if let Some(found) = store::find(&tx, &plan, id, version).await? {
        return Ok(found);
    }
    let found = store::version_of(&tx, id, version).await?;
    let scored = match &found {
        Some(found) => {
            let version = found.scheme.version;
            card::facts::scored_by(&tx, &plan, id, version).await?
                || cycle::facts::one_scored_by(&tx, &own, id, version).await?
        }
        None => false,
    };
    found.filter(|_| scored).ok_or_else(|| Error::not_found("scheme", id))
}

/// What amounts are told in of schemes to begin with.
pub async fn currency_of_templates(app: &App, ctx: &OpContext) -> Result<Currency> {
    ctx.plan::<ListSchemeTemplates>()?;
    app.peers.currency(ctx).await
}

/// A page of schemes, each with its newest version.
pub async fn list_schemes(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<Version>, String)> {
    let plan = from_below(&app.peers.identity, ctx, ctx.plan::<ListSchemes>()?).await?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}

/// A page of the schemes that refine one, each held against the newest version of it that is in use.
pub async fn list_refinements(
    app: &App,
    ctx: &OpContext,
    id: SchemeId,
    page: &Page,
) -> Result<(Vec<Refinement>, String)> {
    let plan = from_below(&app.peers.identity, ctx, ctx.plan::<ListRefinements>()?).await?;
    let tx = app.store.read(ctx).await?;
    let parent = store::find(&tx, &plan, id, 0).await?.ok_or_else(|| Error::not_found("scheme", id))?;
    let today = today(ctx);
    let newest = facts::newest_in_use(&tx, parent, today).await?.ok();
    let above = match &newest {
        Some(newest) => store::above(&tx, Parent { scheme: id, version: newest.scheme.version }).await?,
        None => Vec::new(),
    };
    let (versions, next) = store::refinements(&tx, &plan, id, page).await?;
    let mut refinements = Vec::with_capacity(versions.len());
    for version in versions {
        let followed = version.parent.map_or(0, |parent| parent.version);
        let followed = facts::version(&tx, id, followed).await?;
        refinements.push(judge(version, &above, &followed, today));
    }
    Ok((refinements, next))
}
