//! Telling of something again whenever it has changed, until it rests: one look a second for all who watch it in this process.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tally_access::OpContext;
use tally_kernel::Result;
use tally_kernel::id::TenantId;
use tally_rpc::Watches;
use tally_store::Store;
use tracing::Instrument as _;
use uuid::Uuid;

/// How often what is watched is looked at: another replica may be the one that works on it.
const LOOK: Duration = Duration::from_secs(1);

/// What is watched just now, by the group and its id.
pub type Watched<T> = Watches<(TenantId, Uuid), Result<T>>;

/// What `look` finds, and again whenever that is another, until it rests. Who may watch has been asked before.
///
/// # Errors
/// What `look` finds wrong at first; later the stream says it and ends.
pub async fn until<T, L, Fut>(
    watched: &Watched<T>,
    (store, ctx): (&Store, &OpContext),
    id: Uuid,
    rests: fn(&T) -> bool,
    look: L,
) -> Result<impl Stream<Item = Result<T>> + Send + use<T, L, Fut>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    L: Fn(Store, OpContext) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    let (with, shared) = ((store.clone(), ctx.clone()), look.clone());
    let more = watched.follow((ctx.tenant(), id), move || looks(with, rests, shared));
    // Found after joining: whatever changes from now on is told.
    let first = look(store.clone(), ctx.clone()).await?;
    let more = futures::stream::iter((!rests(&first)).then_some(more)).flatten();
    let all = futures::stream::iter([Ok(first)]).chain(more).scan(None::<T>, |told, next| {
        let known = matches!((&told, &next), (Some(told), Ok(next)) if told == next);
        *told = next.as_ref().ok().cloned();
        futures::future::ready(Some((!known).then_some(next)))
    });
    Ok(all.filter_map(futures::future::ready))
}

/// What is found by looking, and again whenever that is another, until it rests.
fn looks<T, L, Fut>(
    (store, ctx): (Store, OpContext),
    rests: fn(&T) -> bool,
    look: L,
) -> impl Stream<Item = Result<T>> + Send + use<T, L, Fut>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    L: Fn(Store, OpContext) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    futures::stream::unfold(Some(None::<T>), move |told| {
        let (store, ctx, look) = (store.clone(), ctx.clone(), look.clone());
        async move {
            let told = told?;
            loop {
                tokio::time::sleep(LOOK).await;
                match look(store.clone(), ctx.clone()).instrument(tally_rpc::looking()).await {
                    Ok(now) if told.as_ref() == Some(&now) => {}
                    Ok(now) => return Some((Ok(now.clone()), (!rests(&now)).then_some(Some(now)))),
                    Err(error) => return Some((Err(error), None)),
                }
            }
        }
    })
}
