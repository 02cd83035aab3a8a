//! Giving pseudonyms, publishing them, taking in those of other regions, and saying where one leads.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_access::{Actor, OpContext, Region, Target};
use tally_app::{RequestKey, mutate, perform};
use tally_kernel::dated::Dated as _;
use tally_kernel::id::{PersonId, TenantId};
use tally_kernel::{Error, Result};
use tally_store::Audit;
use uuid::Uuid;

use super::domain::{self, DirectoryError, Entry};
use super::store;
use crate::person::domain::Key;
use crate::policy::{AssignPseudonym, ImportDirectory, LocatePseudonym, PublishDirectory};
use crate::{App, person, tenant};

/// A person who is to have a pseudonym.
#[derive(Clone, Debug)]
pub(crate) struct Assign {
    pub(crate) request: RequestKey,
    pub(crate) person: PersonId,
    pub(crate) brings: Option<Uuid>,
}

/// Gives a person a pseudonym, once.
///
/// # Errors
/// `NOT_FOUND`, `PERMISSION_DENIED`; see [`DirectoryError`].
pub(crate) async fn assign(app: &App, ctx: &OpContext, wanted: &Assign) -> Result<Uuid> {
    let permit = ctx.permit_all::<AssignPseudonym>([])?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        let today = tenant::facts::today(&work, ctx).await?;
        let found = person::facts::get(&work, &Key::Id(wanted.person)).await?;
        let home = found.as_ref().and_then(|person| person.home(today));
        let home = home.ok_or_else(|| Error::not_found("person", wanted.person))?;
        ctx.permit_read::<AssignPseudonym>(&home.target(wanted.person), "person", wanted.person)?;
        let has = store::of_person(&work, wanted.person).await?;
        let pseudonym = domain::choose(has, wanted.brings, || domain::fresh(ctx.rng.bytes()))?;
        if has.is_none() {
            store::insert(&work, ctx, &home.region, &[(wanted.person, pseudonym)]).await?;
        }
        let audit = Audit::new("identity.directory.assign", "person", wanted.person).about(wanted.person);
        Ok((work, audit.region(&home.region), pseudonym))
    })
    .await
}

/// The directory of a region: who is employed there and has no pseudonym yet gets one.
///
/// # Errors
/// `PERMISSION_DENIED`, `REGION_NOT_SERVED`.
pub(crate) async fn publish(app: &App, ctx: &OpContext, region: &Region) -> Result<Vec<Entry>> {
    let permit = ctx.permit::<PublishDirectory>(&Target::region(region.clone()))?;
    perform(&app.store, ctx, &permit, async |work| {
        work.lock("directory", ctx.tenant().0).await?;
        let today = tenant::facts::today(&work, ctx).await?;
        let employed = person::facts::employed(&work, region, today).await?;
        let mut known = store::of_region(&work, region).await?;
        let named: BTreeSet<PersonId> = known.iter().map(|(person, _)| *person).collect();
        let without = employed.difference(&named);
        let new: Vec<_> = without.map(|person| (*person, domain::fresh(ctx.rng.bytes()))).collect();
        store::insert(&work, ctx, region, &new).await?;
        known.extend(&new);
        let entry =
            |(person, pseudonym): &(PersonId, Uuid)| Entry { pseudonym: *pseudonym, active: employed.contains(person) };
        let mut entries: Vec<Entry> = known.iter().map(entry).collect();
        // By pseudonym: the order of people would tell who came when.
        entries.sort();
        let audit = Audit::new("identity.directory.publish", "region", region).region(region);
        let audit = audit.note("entries", entries.len()).about_all(known.iter().map(|(person, _)| *person));
        Ok((work, audit, entries))
    })
    .await
}

/// Takes in what another region released, in place of what it released before.
///
/// # Errors
/// [`DirectoryError::Older`]; `PERMISSION_DENIED`.
pub(crate) async fn import(
    app: &App,
    ctx: &OpContext,
    from: &Region,
    released_at: Timestamp,
    entries: &[Entry],
) -> Result<()> {
    let permit = ctx.permit::<ImportDirectory>(&Target::region(Region::global()))?;
    perform(&app.store, ctx, &permit, async |work| {
        work.lock("directory", ctx.tenant().0).await?;
        if store::released_at(&work, from).await?.is_some_and(|newest| released_at < newest) {
            return Err(DirectoryError::Older.into());
        }
        store::replace(&work, ctx, from, released_at, entries).await?;
        let audit = Audit::new("identity.directory.import", "region", from).note("entries", entries.len());
        Ok((work, audit, ()))
    })
    .await
}

/// The regions in which somebody of this pseudonym is employed, sorted: in this group, or in the stack's first one. Nobody
/// has to sign in: this says where to.
///
/// # Errors
/// What the store says.
pub(crate) async fn locate(
    app: &App,
    ctx: &OpContext,
    group: Option<TenantId>,
    pseudonym: Uuid,
) -> Result<Vec<String>> {
    ctx.permit::<LocatePseudonym>(&Target::default())?;
    let entry = group.map_or_else(|| tenant::facts::GROUP.to_owned(), tenant::facts::entry);
    let Some((tenant, _)) = tenant::facts::look_up(&app.store, &entry).await? else {
        return Ok(Vec::new());
    };
    let ctx = &OpContext { actor: Actor { tenant, ..Actor::nobody() }, ..ctx.clone() };
    let tx = app.store.read(ctx).await?;
    let (mut regions, here) = store::locate(&tx, pseudonym).await?;
    if let Some((person, region)) = here {
        let today = tenant::facts::today(&tx, ctx).await?;
        let found = person::facts::get(&tx, &Key::Id(person)).await?;
        if found.is_some_and(|person| person.employments.iter().any(|employment| employment.covers(today))) {
            regions.insert(region);
        }
    }
    Ok(regions.into_iter().collect())
}
