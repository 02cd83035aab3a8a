//! Entries of reads: each is durable before its answer leaves, and many share a transaction.
//!
//! Whoever read hands the entry in and waits. One writer for each group takes all that wait, writes them, and takes what came
//! meanwhile. So a lone read costs a transaction of its own and waits for nobody, and a busy service has one for many reads.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use tally_access::OpContext;
use tally_kernel::{Error, Result};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::audit::{self, Audit, AuditEntry, Written};
use crate::tx::connect::Mode;
use crate::tx::context::Scope;

/// Entries of one transaction at most.
const MOST: usize = 250;

/// By group, what waits to be written; a group stands here while it has a writer.
#[derive(Default)]
pub(crate) struct ReadEntries(Mutex<HashMap<Uuid, Vec<Waiting>>>);

struct Waiting {
    entry: AuditEntry,
    scope: Scope,
    written: oneshot::Sender<Result<()>>,
}

impl ReadEntries {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands one in. `true`: there is no writer yet.
    fn add(&self, waiting: Waiting) -> bool {
        match self.lock().entry(waiting.scope.tenant) {
            Entry::Occupied(mut there) => {
                there.get_mut().push(waiting);
                false
            }
            Entry::Vacant(free) => {
                free.insert(vec![waiting]);
                true
            }
        }
    }

    /// What waits, oldest first; nothing ends the writer.
    fn take(&self, tenant: Uuid) -> Vec<Waiting> {
        let mut all = self.lock();
        let Some(waiting) = all.get_mut(&tenant) else { return Vec::new() };
        let some = waiting.drain(..waiting.len().min(MOST)).collect::<Vec<_>>();
        if some.is_empty() {
            all.remove(&tenant);
        }
        some
    }
}

impl Store {
    /// Writes that something was read through the rpc `method`: an entry and nothing else, so it needs no permit. Durable when
    /// it returns.
    ///
    /// # Errors
    /// As [`Store::unit`] and [`UnitOfWork::commit`](crate::UnitOfWork::commit).
    pub async fn audit_read(&self, ctx: &OpContext, method: &'static str, audit: Audit) -> Result<()> {
        if audit.has_digests() {
            // What binds digests to a person needs a unit.
            return self.open_unit(ctx, method).await?.commit(audit, ()).await;
        }
        let scope = Scope::of(ctx)?;
        let entry = AuditEntry::of(audit, scope.new_id(), Written::default(), &scope, method, None)?;
        let (written, told) = oneshot::channel();
        let tenant = scope.tenant;
        if self.inner().reads.add(Waiting { entry, scope, written }) {
            tokio::spawn(self.clone().write_reads(tenant));
        }
        told.await.unwrap_or_else(|_| Err(Error::internal("the writer of read entries went away")))
    }

    /// A task of its own: a caller that goes away takes nobody's entry along.
    async fn write_reads(self, tenant: Uuid) {
        let writing = async {
            loop {
                let waiting = self.inner().reads.take(tenant);
                let Some(first) = waiting.first() else { return };
                let scope = Scope { deadline: None, ..first.scope.clone() };
                let (entries, callers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.entry, w.written)).unzip();
                let done = self.write_entries(scope, entries).await.map_err(Error::from);
                for caller in callers {
                    // Who went away does not hear it.
                    let _unheard = caller.send(done.clone());
                }
            }
        };
        if AssertUnwindSafe(writing).catch_unwind().await.is_err() {
            // Those who wait hear that it went away, and the next one begins anew.
            self.inner().reads.lock().remove(&tenant);
        }
    }

    async fn write_entries(&self, scope: Scope, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        let tx = self.begin_as(scope, Mode::Write).await.map_err(StoreError::Refused)?;
        let parts = audit::parts(&tx, entries)?;
        if parts.len() <= 2 {
            tx.run_together(parts).await?;
        } else {
            for part in parts {
                tx.run_together(vec![part]).await?;
            }
        }
        tx.finish().await?;
        self.committed();
        Ok(())
    }
}
