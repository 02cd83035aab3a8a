//! Telling of something again whenever it has changed, until it rests.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tally_access::OpContext;
use tally_kernel::Result;
use tally_store::Store;
use tracing::Instrument as _;

/// How often what is watched is looked at: another replica may be the one that works on it.
const LOOK: Duration = Duration::from_millis(200);

/// `first`, and what `look` finds whenever that is another, until it rests.
pub fn until<T, L, Fut>(
    store: &Store,
    ctx: &OpContext,
    first: T,
    rests: fn(&T) -> bool,
    look: L,
) -> impl Stream<Item = Result<T>> + Send + use<T, L, Fut>
where
    T: Clone + PartialEq + Send + 'static,
    L: Fn(Store, OpContext) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<T>> + Send,
{
    let (store, ctx) = (store.clone(), ctx.clone());
    let states = futures::stream::unfold(Some((None::<T>, first)), move |state| {
        let (store, ctx, look) = (store.clone(), ctx.clone(), look.clone());
        async move {
            let (told, next) = state?;
            if told.as_ref().is_none_or(|told| *told != next) {
                let after = (!rests(&next)).then(|| (Some(next.clone()), next.clone()));
                return Some((Ok(Some(next)), after));
            }
            tokio::time::sleep(LOOK).await;
            match look(store, ctx).instrument(tally_rpc::looking()).await {
                Ok(now) => Some((Ok(None), Some((told, now)))),
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    states.filter_map(|state| futures::future::ready(state.transpose()))
}
