//! The use cases of profiles.

use tally_access::{OpContext, Target};
use tally_app::consumer::Received;
use tally_app::directory::Directory;
use tally_kernel::id::{CycleId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, Store};

use super::domain::{self, Profile};
use super::store::{self, Evidence};
use crate::peers::Peers;
use crate::policy::{GetProfile, ListEvidence, RecordEvidence};

/// What the use cases stand on.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    /// The services it reads from.
    pub peers: Peers,
    /// People and where they belong.
    pub directory: Directory,
}

/// A person's profile, of the evidence that the caller reaches: evidence stays with the unit where it arose, so after a transfer
/// the new unit sees a part, and is told so. Somebody who has none yet is not found, and so is somebody out of the caller's reach.
pub async fn profile(app: &App, ctx: &OpContext, person: PersonId) -> Result<Profile> {
    let plan = ctx.plan::<GetProfile>()?;
    let tx = app.store.read(ctx).await?;
    let kept = store::of_person(&tx, &plan, person).await?;
    if kept.is_empty() {
        return Err(Error::not_found("profile of person", person));
    }
    let partial = kept.len() < store::count_of(&tx, person).await?;
    Ok(Profile { partial, ..domain::profile(kept) })
}

/// A page of a person's evidence, newest first, and the next page's token.
pub async fn evidence(app: &App, ctx: &OpContext, person: PersonId, page: &Page) -> Result<(Vec<Evidence>, String)> {
    let plan = ctx.plan::<ListEvidence>()?;
    store::page(&app.store.read(ctx).await?, &plan, person, page).await
}

/// Records what a published cycle shows, once.
pub async fn record_evidence(app: &App, ctx: &OpContext, event: &Received, cycle: CycleId) -> Result<()> {
    let permit = ctx.permit::<RecordEvidence>(&Target::tenant())?;
    let published = app.peers.published(ctx, cycle).await?;
    let people = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    let findings = domain::evidence(&published);
    let record = async |work| {
        store::insert(&work, ctx, (&people, &trees), &published, &findings).await?;
        let audit = Audit::new("talent.evidence.record", "cycle", cycle);
        Ok((work, audit.note("pieces", findings.len())))
    };
    event.once(&app.store, ctx, &permit, record).await
}
