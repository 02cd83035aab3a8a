//! Imports that come as a stream, part after part.

use futures::StreamExt as _;
use tally_kernel::Result;
use tally_kernel::import::ImportOutcome;
use tally_rpc::error_from;
use tonic::Streaming;

/// What came of all parts, rows counted over the whole stream. `import` writes a part, and says how many rows it has and what came of them.
pub async fn imported<P, F, Fut>(mut parts: Streaming<P>, import: F) -> Result<ImportOutcome>
where
    F: Fn(P) -> Fut,
    Fut: Future<Output = Result<(usize, ImportOutcome)>> + Send,
{
    let (mut all, mut before) = (ImportOutcome::default(), 0_u32);
    while let Some(part) = parts.next().await {
        let (rows, outcome) = import(part.map_err(error_from)?).await?;
        all.append(outcome, before);
        before = before.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
    }
    Ok(all)
}
