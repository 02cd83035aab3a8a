//! The background task that takes items of work, one at a time in each lane.

use std::time::Duration;

use futures::future::BoxFuture;
use tally_kernel::{Error, Kind, Result, msg};
use tally_runtime::{Shutdown, Task};
use tally_store::WorkItem;
use tracing::{Instrument as _, Span};

use super::app::{ATTEMPTS, give_up, is_kept, work};
use crate::errors::failure_of;
use crate::run::domain::Failure;
use crate::run::facts::WORK;
use crate::{App, SERVICE};

/// Lanes: while one reads or writes, another computes.
const LANES: usize = 2;
/// How long an item may take before another worker may take it over: many times what a month of a million records needs.
const LEASE: Duration = Duration::from_secs(180);
/// How often an idle lane looks for work that another replica put down.
const LOOK: Duration = Duration::from_secs(1);

/// The lanes.
pub fn tasks(app: &App) -> Vec<Task> {
    let lane = |_| {
        let app = app.clone();
        Task::new("closing", move |shutdown| lane(app.clone(), shutdown))
    };
    (0..LANES).map(lane).collect()
}

async fn lane(app: App, shutdown: Shutdown) -> Result<()> {
    let name = format!("closing-{}", app.rng.uuid(app.clock.now()));
    while !shutdown.is_requested() {
        let woken = app.wake.notified();
        let Some(item) = app.store.claim_work(WORK, &name, LEASE, 1).await?.pop() else {
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(LOOK) => {}
                () = shutdown.requested() => {}
            }
            continue;
        };
        let span = span_of(&app, &item);
        // Boxed here, where the lifetimes are known: the compiler cannot show a generic future of this depth to be Send.
        let done: BoxFuture<'_, Result<()>> = Box::pin(work(&app, &item).instrument(span.clone()));
        tokio::select! {
            done = done => ended(&app, &item, done).instrument(span).await?,
            () = shutdown.requested() => put_back(&app, &item).await?,
        }
    }
    Ok(())
}

/// The span of an item, in the trace of the call that it is done for.
fn span_of(app: &App, item: &WorkItem) -> Span {
    let span = tally_rpc::work(SERVICE, WORK, item.trace.as_deref());
    span.record("work.attempt", item.attempt);
    let waited = app.clock.now().duration_since(item.put_down).as_millis();
    span.record("work.waited_ms", u64::try_from(waited).unwrap_or(0));
    span
}

/// What becomes of an item that was worked on.
fn ended<'a>(app: &'a App, item: &'a WorkItem, done: Result<()>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match done {
            Ok(()) => Ok(()),
            Err(error) => failed(app, item, error).await,
        }
    })
}

async fn failed(app: &App, item: &WorkItem, error: Error) -> Result<()> {
    if matches!(error.reason(), "LEASE_LOST" | "RUN_GONE") {
        tracing::info!(?error, item = %item.id, "an item of closing was dropped");
        // Taken over by somebody who ends it, or of a run that does not count: taken once more, it ends at once.
        return put_back(app, item).await;
    }
    tracing::warn!(?error, item = %item.id, attempt = item.attempt, "an item of closing failed");
    let refused = failure_of(&error);
    if is_kept(item, refused.is_some()) {
        return app.store.fail_work(item, &error, i32::MAX).await.map(drop);
    }
    let failure = match refused {
        Some(failure) => {
            app.store.fail_work(item, &error, 0).await?;
            failure
        }
        None if app.store.fail_work(item, &error, ATTEMPTS).await? => {
            Failure::GaveUp { reason: error.reason().to_owned() }
        }
        None => return Ok(()),
    };
    give_up(app, item, failure).await
}

/// Gives an item back, so that whoever comes next need not wait for the lease to run out.
async fn put_back(app: &App, item: &WorkItem) -> Result<()> {
    let away = Error::of(Kind::Cancelled, msg!("WORKER_GONE"));
    match app.store.fail_work(item, &away, i32::MAX).await {
        Err(error) if error.reason() != "LEASE_LOST" => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
