//! A standard on its way to the stack of another region: a signed file of all versions of a scheme of the group. There it keeps
//! its identity and is read alone; a file that comes again changes nothing.

use tally_access::{OpContext, Owner, Region};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::SchemeId;
use tally_kernel::{Error, Result};
use tally_store::{Audit, UnitOfWork, digest};

use super::domain::{Imported, SchemeError, Standard, Version};
use super::store::{self, Head};
use crate::App;
use crate::policy::{ExportStandard, ImportStandard};
use crate::signed;
use crate::signed::domain::Told as _;

/// The file of a scheme of the group that is written here.
///
/// # Errors
/// `PERMISSION_DENIED`, `REGION_NOT_SERVED`, `NOT_FOUND`, and see [`SchemeError`].
pub async fn export(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    (id, from): (SchemeId, Option<Region>),
) -> Result<String> {
    let permit = ctx.permit::<ExportStandard>(&Owner::group().target())?;
    let from = signed::app::origin(&ctx.regions, &app.peers.regions(ctx).await?, from.as_ref())?;
    if from.is_global() || !ctx.regions.serve(&from) {
        return Err(ctx.regions.refuse(&from));
    }
    let standard = mutate(&app.store, ctx, &permit, request, async |work| {
        let head = store::lock(&work, id).await?;
        if let Some(origin) = head.origin {
            return Err(SchemeError::Imported(origin).into());
        }
        if head.owner.unit().is_some() {
            return Err(SchemeError::NotTheGroups.into());
        }
        let standard = Standard {
            format: Standard::FORMAT.to_owned(),
            tenant: ctx.tenant(),
            from: from.clone(),
            scheme: id,
            versions: store::versions(&work, id).await?,
            withdrawals: store::withdrawals(&work, id).await?,
        };
        let told = digest(&serde_json::to_vec(&standard).map_err(Error::internal)?);
        Ok((work, Audit::new("performance.scheme.export", "scheme", id).after(&told), standard))
    })
    .await?;
    signed::app::write(&app.signing, ctx.now(), &standard)
}

/// Takes in a file that another stack exported.
///
/// # Errors
/// `PERMISSION_DENIED`, and see [`SchemeError`] and [`FileError`](signed::domain::FileError).
pub async fn import(app: &App, ctx: &OpContext, request: &RequestKey, file: &str) -> Result<Imported> {
    let permit = ctx.permit::<ImportStandard>(&Owner::group().target())?;
    let (told, text, signature) = signed::domain::read::<Standard>(file)?;
    signed::app::believe(&app.trusted, ctx.tenant(), (&told, text, signature))?;
    told.sound()?;
    mutate(&app.store, ctx, &permit, request, async |work| {
        let known = store::lock_if_there(&work, told.scheme).await?;
        let here = store::versions(&work, told.scheme).await?;
        let out_here = store::withdrawals(&work, told.scheme).await?;
        let (versions, withdrawals) = told.news(&here, &out_here)?;
        if !versions.is_empty() || !withdrawals.is_empty() {
            may_write(&work, known.as_ref(), &told).await?;
        }
        for scheme in versions {
            let (id, owner, origin) = (told.scheme, Owner::group(), Some(told.from.clone()));
            let version = Version { id, owner, origin, scheme: scheme.clone(), parent: None, withdrawal: None };
            store::append(&work, ctx, &version).await?;
        }
        let head = store::lock(&work, told.scheme).await?;
        for withdrawal in withdrawals {
            store::withdraw(&work, ctx, &head, withdrawal).await?;
        }
        let newest = store::version_of(&work, told.scheme, 0).await?;
        let newest = newest.ok_or_else(|| Error::not_found("scheme", told.scheme))?;
        let unchanged = told.versions.len() - versions.len();
        let audit = Audit::new("performance.scheme.import", "scheme", told.scheme).after(&digest(text.as_bytes()));
        let audit = audit.note("from", &told.from).note("versions", versions.len());
        let count = |of: usize| u32::try_from(of).map_err(Error::internal);
        let (from, written, unchanged) = (told.from.clone(), count(versions.len())?, count(unchanged)?);
        Ok((work, audit, Imported { newest, from, written, unchanged }))
    })
    .await
}

/// Whether what is new in a file may be written: the scheme came from that stack before, or is new here and its name is free.
async fn may_write(work: &UnitOfWork, known: Option<&Head>, told: &Standard) -> Result<()> {
    match known {
        Some(head) if head.origin.as_ref() == Some(&told.from) => Ok(()),
        Some(_) => Err(SchemeError::NotFrom(told.from.clone()).into()),
        None => match store::lock_named(work, &Owner::group(), told.name()).await? {
            Some(other) => Err(SchemeError::NameTaken(other.name).into()),
            None => Ok(()),
        },
    }
}
