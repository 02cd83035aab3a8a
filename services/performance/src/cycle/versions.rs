//! What a correction goes on from: the version of the result that was published last.

use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork};

use super::domain::{Corrects, Cycle};
use super::store;
use super::store::results;
use crate::run::domain::{AttributionRun, State};
use crate::run::facts as runs;

/// The run that a correction takes over what is as it was from: the one of the version before. Nothing where that has none, or of a cycle
/// that corrects nothing.
pub(super) async fn source(tx: &ScopedTx, of: &Cycle) -> Result<Option<AttributionRun>> {
    let Some(last) = version_before(tx, of).await? else { return Ok(None) };
    let Some(run) = last.attribution else { return Ok(None) };
    let run = runs::load_if_there(tx, run).await?;
    Ok(run.filter(|run| run.state == State::Done))
}

/// What was published last of the cycle that this one corrects.
pub(crate) async fn version_before(tx: &ScopedTx, of: &Cycle) -> Result<Option<Cycle>> {
    let Some(Corrects { cycle, .. }) = &of.corrects else { return Ok(None) };
    let corrected = store::load(tx, *cycle).await?;
    let versions = results::versions(tx, corrected).await?;
    let last = versions.into_iter().next_back();
    last.map(Some).ok_or_else(|| Error::internal("a correction of nothing that is published"))
}

/// Which version of a result a cycle is when it is published now.
pub(super) async fn next_version(work: &UnitOfWork, of: &Cycle) -> Result<u32> {
    let Some(Corrects { cycle, .. }) = &of.corrects else { return Ok(1) };
    store::lock(work, *cycle).await?;
    let before = version_before(work, of).await?.and_then(|before| before.published);
    Ok(before.map_or(1, |before| before.version + 1))
}
