//! Telling of something again whenever it has changed, until it rests: one look a second for all who watch it in this process.

use std::time::Duration;

use futures::{Stream, StreamExt};
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tally_testkit::callers::{Callers, everything};
    use tally_testkit::databases::{Backend, TestStore};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::{SERVICE, migrations};

    /// Counts the transactions that are begun.
    struct Transactions(Arc<AtomicU64>);

    impl Subscriber for Transactions {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            if span.metadata().name() == "transaction" {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// The most looks of all while the test lasts: far more seconds than it takes, and far fewer than there are who watch.
    const LOOKS: u64 = 100;

    #[tokio::test]
    async fn a_thousand_who_watch_cost_one_transaction_a_second_and_all_are_told() {
        let db = TestStore::on(Backend::Sqlite, SERVICE, migrations).await;
        let callers = Callers::new(db.clock.clone(), 7);
        let ctx = callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, everything()));
        let (watched, state) = (Watched::<u64>::default(), Arc::new(AtomicU64::new(0)));
        let now = Arc::clone(&state);
        let look = move |store: Store, ctx: OpContext| {
            let now = Arc::clone(&now);
            async move {
                let _read = store.read(&ctx).await?;
                Ok(now.load(Ordering::Relaxed))
            }
        };
        let begun = Arc::new(AtomicU64::new(0));
        let _counting = tracing::subscriber::set_default(Transactions(Arc::clone(&begun)));
        let mut all = Vec::new();
        for _ in 0..1_000 {
            let watches = until(&watched, (&db.store, &ctx), Uuid::nil(), |at| *at == 2, look.clone()).await.unwrap();
            all.push(watches.map(Result::unwrap).boxed());
        }
        let firsts = futures::future::join_all(all.iter_mut().map(StreamExt::next)).await;
        assert!(firsts.into_iter().all(|first| first == Some(0)));
        let opening = begun.swap(0, Ordering::Relaxed);
        assert!((1_000..1_000 + LOOKS).contains(&opening), "each asks once whether it is there: {opening}");
        for at in [1, 2] {
            state.store(at, Ordering::Relaxed);
            let nexts = futures::future::join_all(all.iter_mut().map(StreamExt::next)).await;
            assert!(nexts.into_iter().all(|next| next == Some(at)), "{at}");
        }
        let ends = futures::future::join_all(all.iter_mut().map(StreamExt::next)).await;
        assert!(ends.into_iter().all(|end| end.is_none()), "it rests");
        let looks = begun.load(Ordering::Relaxed);
        assert!((2..LOOKS).contains(&looks), "{looks} looks for a thousand");
    }
}
