//! Positions after the commit: one writer of the logs' order, so that no business transaction ever waits for a chain.
//!
//! On PostgreSQL every replica tries; an advisory lock lets one through at a time. On SQLite the one writer does. Each
//! round numbers what is committed, in the order it was inserted, links it, and signs the new heads, which also go to a
//! file (`heads.rs`).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, Value};
use tally_kernel::Error;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::error::StoreError;
use crate::log::chain::{Hash, Log, genesis, hash_of, head_message, link};
use crate::log::heads::SignedHead;
use crate::tx::connect::{Mode, Role};
use crate::tx::context::to_db;
use crate::{Store, names};

/// Entries of one round and log.
const BATCH: i64 = 5000;
/// How long an entry waits at most for a round.
const EVERY: Duration = Duration::from_millis(200);
/// How long a round waits for more after a quiet one.
const COLLECT: Duration = Duration::from_millis(20);
/// And after a round of many entries: a round costs a dozen statements and a signature, whatever it numbers, so a busy
/// service numbers seldom and much.
const COLLECT_BUSY: Duration = Duration::from_millis(150);
/// Entries of a round that make the service a busy one.
const BUSY: u64 = 8;

struct Pending {
    tenant: Uuid,
    id: Uuid,
    content: Vec<u8>,
}

struct Numbered {
    tenant: Uuid,
    id: Uuid,
    head: Head,
}

#[derive(Clone, Copy)]
struct Head {
    position: i64,
    chain: Hash,
}

impl Store {
    /// Runs the sequencer until `shutdown` is done, then once more, so that nothing is left unnumbered.
    pub fn spawn_sequencer(&self, shutdown: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let store = self.clone();
        tokio::spawn(async move {
            tokio::pin!(shutdown);
            let mut numbered = 0;
            loop {
                tokio::select! {
                    () = &mut shutdown => break,
                    () = store.wait_for_commits(if numbered < BUSY { COLLECT } else { COLLECT_BUSY }) => {}
                }
                numbered = match store.rounds(false).await {
                    Ok(numbered) => numbered,
                    Err(error) => {
                        tracing::warn!(
                            ?error,
                            service = store.service(),
                            "the sequencer could not number entries; it tries again"
                        );
                        tokio::time::sleep(EVERY).await;
                        0
                    }
                };
                store.export_heads(false).await;
            }
            if let Err(error) = store.sequence_now().await {
                tracing::error!(
                    ?error,
                    service = store.service(),
                    "entries are left unnumbered; the next start numbers them"
                );
            }
        })
    }

    /// Appends new heads to the file; what cannot be written now is tried again with the next heads.
    async fn export_heads(&self, all: bool) {
        let (store, now) = (self.clone(), self.clock().now());
        let write = move || store.inner().heads.as_ref().map_or(Ok(()), |file| file.write(now, all));
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
        if let Err(error) = written {
            tracing::warn!(%error, service = self.service(), "signed heads could not be appended to their file");
        }
    }

    /// Numbers everything that is committed now, and exports the heads: the number of entries.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` when the database is away.
    pub async fn sequence_now(&self) -> Result<u64, Error> {
        let numbered = self.rounds(true).await;
        self.export_heads(true).await;
        Ok(numbered?)
    }

    async fn rounds(&self, wait: bool) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let numbered = self.round(wait).await?;
            total += numbered;
            // Fewer than a batch is all there was.
            if numbered < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    async fn wait_for_commits(&self, collect: Duration) {
        tokio::select! {
            () = self.inner().pending.notified() => tokio::time::sleep(collect).await,
            () = tokio::time::sleep(EVERY) => {}
        }
    }

    /// One round. `wait`: for another sequencer at work; otherwise it is left to that one.
    async fn round(&self, wait: bool) -> Result<u64, StoreError> {
        if !wait && !self.has_pending().await? {
            return Ok(0);
        }
        let tx = self.all_tenants(Mode::Write, Role::Worker).await?;
        if !self.only_sequencer(&tx, wait).await? {
            return Ok(0);
        }
        let (mut total, mut outbox, mut signed) = (0, None, Vec::new());
        for log in Log::ALL {
            let (count, heads) = self.number(&tx, log).await?;
            total += count;
            if log == Log::Outbox {
                outbox = heads.first().map(|head| head.position);
            }
            signed.extend(heads);
        }
        tx.commit().await?;
        if let Some(file) = &self.inner().heads {
            file.add(signed);
        }
        if let Some(position) = outbox {
            self.bell().ring(position);
        }
        Ok(total)
    }

    /// Looks before it locks: an idle service does not write.
    async fn has_pending(&self) -> Result<bool, StoreError> {
        if self.inner().fresh.swap(false, Ordering::AcqRel) {
            return Ok(true);
        }
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let sql = "SELECT EXISTS (SELECT 1 FROM audit WHERE position IS NULL) \
                   OR EXISTS (SELECT 1 FROM outbox WHERE position IS NULL)";
        let row = tx.query_one_raw(Statement::from_string(self.backend(), sql)).await?;
        row.map_or(Ok(false), |row| Ok(row.try_get_by_index(0)?))
    }

    async fn only_sequencer(&self, tx: &DatabaseTransaction, wait: bool) -> Result<bool, StoreError> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(true);
        }
        let lock = if wait { "(SELECT true FROM pg_advisory_xact_lock(k))" } else { "pg_try_advisory_xact_lock(k)" };
        let sql = format!("SELECT {lock} FROM (SELECT hashtextextended($1, 1) AS k) AS key");
        let name = format!("tally sequencer {}", self.service());
        let row = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()])).await?;
        row.map_or(Ok(false), |row| Ok(row.try_get_by_index(0)?))
    }

    /// Numbers one batch of a log: how many, and the new heads.
    async fn number(&self, tx: &DatabaseTransaction, log: Log) -> Result<(u64, Vec<SignedHead>), StoreError> {
        let pending = self.pending(tx, log).await?;
        if pending.is_empty() {
            return Ok((0, Vec::new()));
        }
        let mut heads: BTreeMap<Uuid, Head> = BTreeMap::new();
        let mut numbered = Vec::with_capacity(pending.len());
        for entry in &pending {
            let stream = log.stream(entry.tenant);
            let before = match heads.get(&stream) {
                Some(head) => *head,
                None => self.head(tx, log, stream).await?,
            };
            let position = before.position + 1;
            let head = Head { position, chain: link(&before.chain, position, &entry.content) };
            heads.insert(stream, head);
            numbered.push(Numbered { tenant: entry.tenant, id: entry.id, head });
        }
        self.write_positions(tx, log, &numbered).await?;
        let mut signed = Vec::with_capacity(heads.len());
        for (stream, head) in &heads {
            signed.push(self.sign(tx, log, *stream, head).await?);
        }
        Ok((pending.len() as u64, signed))
    }

    async fn pending(&self, tx: &DatabaseTransaction, log: Log) -> Result<Vec<Pending>, StoreError> {
        // Insertion order is the order of causes: who saw an entry inserts later.
        let order = if self.backend() == DbBackend::Postgres { "seq" } else { "rowid" };
        let sql = format!(
            "SELECT tenant_id, id, content FROM {} WHERE position IS NULL ORDER BY {order} LIMIT $1",
            log.table()
        );
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [BATCH.into()])).await?;
        rows.iter()
            .map(|row| {
                let (tenant, id, content) = row.try_get_many_by_index()?;
                Ok(Pending { tenant, id, content })
            })
            .collect()
    }

    async fn head(&self, tx: &DatabaseTransaction, log: Log, stream: Uuid) -> Result<Head, StoreError> {
        let sql = "SELECT position, chain FROM log_heads WHERE log = $1 AND tenant_id = $2";
        let values = [log.table().into(), stream.into()];
        let row = tx.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let Some(row) = row else {
            return Ok(Head { position: 0, chain: genesis(self.service(), log, stream) });
        };
        let (position, chain): (i64, Vec<u8>) = row.try_get_many_by_index()?;
        Ok(Head { position, chain: hash_of(&chain)? })
    }

    async fn write_positions(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        numbered: &[Numbered],
    ) -> Result<(), StoreError> {
        let (set, values) = match self.backend() {
            DbBackend::Postgres => as_arrays(numbered),
            _ => as_json(numbered),
        };
        let table = log.table();
        let sql = format!(
            "UPDATE {table} SET position = v.p, chain = v.c FROM {set} \
             WHERE {table}.tenant_id = v.t AND {table}.id = v.i"
        );
        let done = tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let expected = numbered.len() as u64;
        if done.rows_affected() == expected {
            return Ok(());
        }
        Err(StoreError::fault(format_args!(
            "{} of {expected} entries of {table} took their position",
            done.rows_affected()
        )))
    }

    async fn sign(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        stream: Uuid,
        head: &Head,
    ) -> Result<SignedHead, StoreError> {
        let signed_at = self.clock().now();
        let message = head_message(self.service(), log, stream, head.position, &head.chain);
        let (key, signature) =
            self.keys().sign(&message).ok_or_else(|| StoreError::fault("no key to sign heads with"))?;
        let sql = format!(
            "INSERT INTO {} (log, tenant_id, position, chain, key_id, signature, signed_at) VALUES ($1,$2,$3,$4,$5,$6,$7) \
             ON CONFLICT (log, tenant_id) DO UPDATE SET position = excluded.position, chain = excluded.chain, \
             key_id = excluded.key_id, signature = excluded.signature, signed_at = excluded.signed_at",
            names::LOG_HEADS
        );
        let values: [Value; 7] = [
            log.table().into(),
            stream.into(),
            head.position.into(),
            head.chain.to_vec().into(),
            i64::from(key).into(),
            signature.to_vec().into(),
            to_db(signed_at).into(),
        ];
        tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        Ok(SignedHead {
            service: self.service().to_owned(),
            log: log.table().to_owned(),
            stream,
            position: head.position,
            chain: hex::encode(head.chain),
            key,
            signature: STANDARD.encode(signature),
            signed_at,
        })
    }
}

/// Tenant, id, position and chain as a set `v` of rows `t`, `i`, `p`, `c`: on PostgreSQL four arrays of bound values.
fn as_arrays(numbered: &[Numbered]) -> (&'static str, Vec<Value>) {
    let array = |kind: ArrayType, cell: fn(&Numbered) -> Value| {
        Value::Array(kind, Some(Box::new(numbered.iter().map(cell).collect())))
    };
    let values = vec![
        array(ArrayType::Uuid, |entry| entry.tenant.into()),
        array(ArrayType::Uuid, |entry| entry.id.into()),
        array(ArrayType::BigInt, |entry| entry.head.position.into()),
        array(ArrayType::Bytes, |entry| entry.head.chain.to_vec().into()),
    ];
    ("unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[]) AS v(t, i, p, c)", values)
}

/// The same on SQLite, which has no arrays.
fn as_json(numbered: &[Numbered]) -> (&'static str, Vec<Value>) {
    let row = |entry: &Numbered| {
        serde_json::json!({
            "t": entry.tenant.simple().to_string(), "i": entry.id.simple().to_string(),
            "p": entry.head.position, "c": hex::encode(entry.head.chain),
        })
    };
    let list: serde_json::Value = numbered.iter().map(row).collect();
    let set = "(SELECT unhex(value->>'t') AS t, unhex(value->>'i') AS i, value->>'p' AS p, \
               unhex(value->>'c') AS c FROM json_each($1)) AS v";
    (set, vec![list.to_string().into()])
}
