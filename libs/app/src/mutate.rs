//! One way to change something: permit, retry, unit of work, first result of a repeated request, commit.
//!
//! What a room writes is the body: it gets the unit and gives it back with what to audit and the result. There is nothing to
//! forget: without an [`Audit`] it does not compile, and it cannot commit half.
//!
//! ```ignore
//! mutate(&app.store, ctx, &permit, &command.request, async |work| {
//!     let line = store::get(&work, command.line).await?.ok_or_else(missing)?;
//!     store::end(&work, ctx, &line).await?;
//!     Ok((work, Audit::new("identity.reporting.end", "person", line.person), line))
//! })
//! .await
//! ```
//!
//! The unit goes by value: a body that borrowed it could not be promised to be `Send` whatever the lifetime. It may run
//! several times, so it clones what it gives away.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_access::{OpContext, Permit, Rpc};
use tally_kernel::Result;
use tally_store::{Audit, Store, UnitOfWork, digest};

/// A request that may come twice: its id, and what tells it from another with the same id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestKey {
    id: String,
    digest: [u8; 32],
}

impl RequestKey {
    /// Takes the id out of a request: `RequestKey::of(take(&mut request.request_id), &request)`. The digest of the rest is
    /// kept with the first result, so nothing secret may be in it that can be guessed.
    pub fn of(id: String, rest: &impl prost::Message) -> Self {
        Self::new(id, &rest.encode_to_vec())
    }

    /// The request with this id (empty: a request that is never told from another) and body.
    pub fn new(id: String, body: &[u8]) -> Self {
        Self { id, digest: digest(body) }
    }

    /// The first result, if the request was done before: for a change that has to look at it, or at something else first.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` when the id came with another body or rpc.
    pub async fn first_result<T: DeserializeOwned>(&self, work: &mut UnitOfWork) -> Result<Option<T>> {
        Ok(work.replay(&self.id, &self.digest).await?)
    }

    /// The digest of the body, for the audit log.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Makes a change once: the first result, if the request was done before, else what `body` does.
///
/// # Errors
/// What `body` says; `REQUEST_ID_REUSED` when the id came with another body or rpc; `STORE_BUSY` when it never got its turn.
pub async fn mutate<R, T, F, Fut>(
    store: &Store,
    ctx: &OpContext,
    permit: &Permit<R>,
    request: &RequestKey,
    body: F,
) -> Result<T>
where
    R: Rpc,
    T: Serialize + DeserializeOwned,
    F: Fn(UnitOfWork) -> Fut,
    Fut: Future<Output = Result<(UnitOfWork, Audit, T)>> + Send,
{
    let attempt = || async {
        let mut work = store.unit(ctx, permit).await?;
        if let Some(first) = request.first_result(&mut work).await? {
            return Ok(first);
        }
        let (work, audit, result) = body(work).await?;
        work.commit(audit, result).await
    };
    store.retry(ctx, attempt).await
}

/// Makes a change that no request id guards: background work, and what has a guard of its own.
///
/// # Errors
/// What `body` says; `STORE_BUSY` when it never got its turn.
pub async fn perform<R, T, F, Fut>(store: &Store, ctx: &OpContext, permit: &Permit<R>, body: F) -> Result<T>
where
    R: Rpc,
    F: Fn(UnitOfWork) -> Fut,
    Fut: Future<Output = Result<(UnitOfWork, Audit, T)>> + Send,
{
    let attempt = || async {
        let (work, audit, result) = body(store.unit(ctx, permit).await?).await?;
        work.commit(audit, ()).await?;
        Ok(result)
    };
    store.retry(ctx, attempt).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tally_access::{Permission, Reach, Target};
    use tally_kernel::id::TenantId;
    use tally_kernel::{Error, Kind, msg};
    use tally_testkit::databases::{Backend, TestStore};
    use tally_testkit::{Callers, clock, on_both};
    use uuid::Uuid;

    use super::*;

    mod policy {
        tally_access::rpcs! {
            Change = "sample.v1.Sample/Change", public, Change;
        }
    }

    fn context(callers: &Callers) -> OpContext {
        let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
        callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, all))
    }

    async fn actions(db: &TestStore, ctx: &OpContext) -> usize {
        db.store.sequence_now().await.unwrap();
        db.store.read(ctx).await.unwrap().audit_log(100).await.unwrap().len()
    }

    on_both!(a_repeated_request_gets_the_first_result_and_another_body_is_refused);
    async fn a_repeated_request_gets_the_first_result_and_another_body_is_refused(on: Backend) {
        let db = TestStore::on(on, "sample", Vec::new).await;
        let ctx = context(&Callers::new(clock("2026-03-02T01:00:00Z"), 7));
        let permit = ctx.permit::<policy::Change>(&Target::tenant()).unwrap();
        let runs = AtomicU32::new(0);
        let change = async |request: &RequestKey| {
            let body = async |work| {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                Ok((work, Audit::new("sample.change", "sample", "1"), run))
            };
            mutate(&db.store, &ctx, &permit, request, body).await
        };
        let first = RequestKey::new("once".into(), b"a");
        assert_eq!((change(&first).await.unwrap(), change(&first).await.unwrap()), (0, 0));
        let other = RequestKey::new("once".into(), b"b");
        assert_eq!(change(&other).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
        let none = RequestKey::default();
        assert_eq!((change(&none).await.unwrap(), change(&none).await.unwrap()), (1, 2));
        assert_eq!(actions(&db, &ctx).await, 3);
    }

    on_both!(a_body_that_lost_a_race_runs_again_and_one_that_fails_leaves_nothing);
    async fn a_body_that_lost_a_race_runs_again_and_one_that_fails_leaves_nothing(on: Backend) {
        let db = TestStore::on(on, "sample", Vec::new).await;
        let ctx = context(&Callers::new(clock("2026-03-02T01:00:00Z"), 7));
        let permit = ctx.permit::<policy::Change>(&Target::tenant()).unwrap();
        let runs = AtomicU32::new(0);
        let body = async |work| {
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(tally_store::lost_race());
            }
            Ok((work, Audit::new("sample.change", "sample", "1"), "done"))
        };
        assert_eq!(perform(&db.store, &ctx, &permit, body).await.unwrap(), "done");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let refuse = async |_| Err::<(UnitOfWork, Audit, ()), _>(Error::of(Kind::Aborted, msg!("STALE")));
        let request = RequestKey::new("again".into(), b"a");
        let refused = mutate(&db.store, &ctx, &permit, &request, refuse).await.unwrap_err();
        assert_eq!(refused.reason(), "STALE");
        let body = async |work| Ok((work, Audit::new("sample.change", "sample", "1"), 7));
        assert_eq!(mutate(&db.store, &ctx, &permit, &request, body).await.unwrap(), 7);
        assert_eq!(actions(&db, &ctx).await, 2);
    }
}
