//! Who did what to which thing, when: one row per unit of work, written by its commit, which is impossible without one.
//!
//! No personal data in clear: `before` and `after` are commitments (digests of the versions), notes are counts, codes and
//! ids. So an erasure never breaks the chain. A bulk unit has one row with the digest of all it wrote.

use std::collections::BTreeMap;
use std::fmt;

use sea_orm::{ConnectionTrait as _, QueryResult, Value};
use tally_access::Region;
use uuid::Uuid;

use crate::context::{from_db, to_db};
use crate::error::StoreError;
use crate::keys::Keys;
use crate::log::{Hash, Log, content_hash};
use crate::scoped::{Part, ScopedTx};

/// What a unit of work tells the audit log. Who, when, for whom and through which rpc are added by the unit.
#[derive(Clone, Debug)]
pub struct Audit {
    action: &'static str,
    subject: &'static str,
    subject_id: String,
    region: Option<Region>,
    before: Option<[u8; 32]>,
    after: Option<[u8; 32]>,
    notes: BTreeMap<&'static str, String>,
}

impl Audit {
    /// `action` in the words of the permissions (`attendance.punch.record`), done to one `subject` (`punch`).
    pub fn new(action: &'static str, subject: &'static str, id: impl fmt::Display) -> Self {
        Self {
            action,
            subject,
            subject_id: id.to_string(),
            region: None,
            before: None,
            after: None,
            notes: BTreeMap::new(),
        }
    }

    /// The region of the subject.
    #[must_use]
    pub fn region(mut self, region: &Region) -> Self {
        self.region = Some(region.clone());
        self
    }

    /// The digest of the subject as it was.
    #[must_use]
    pub fn before(mut self, digest: &[u8; 32]) -> Self {
        self.before = Some(*digest);
        self
    }

    /// The digest of the subject as it is now, or of everything a bulk unit wrote.
    #[must_use]
    pub fn after(mut self, digest: &[u8; 32]) -> Self {
        self.after = Some(*digest);
        self
    }

    /// A detail without personal data: a count, a code, an id, a reason's name.
    #[must_use]
    pub fn note(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.notes.insert(key, value.to_string());
        self
    }
}

/// One row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The group.
    pub tenant: Uuid,
    /// The entry.
    pub id: Uuid,
    /// When, by the service's clock.
    pub at: jiff::Timestamp,
    /// Whose token it was.
    pub principal: Uuid,
    /// What stands behind the principal: `person:<id>`, `user`, `service:<name>`, `nobody`.
    pub actor: String,
    /// For whom a service worked.
    pub on_behalf_of: Option<Uuid>,
    /// The rpc.
    pub method: String,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub subject: String,
    /// To which.
    pub subject_id: String,
    /// The region of the thing.
    pub region: Option<String>,
    /// The request's id, if it had one.
    pub request_id: Option<String>,
    /// The W3C `traceparent` of the call.
    pub trace: Option<String>,
    /// Digest before.
    pub before: Option<Vec<u8>>,
    /// Digest after.
    pub after: Option<Vec<u8>>,
    /// Details: a JSON object of texts, keys sorted.
    pub notes: String,
}

/// Columns in the order of [`AuditEntry::values`] and [`AuditEntry::read`].
pub(crate) const COLUMNS: &str = "tenant_id, id, at, principal, actor, on_behalf_of, method, action, subject, subject_id, \
                                  region, request_id, trace, before_digest, after_digest, notes, content";

impl AuditEntry {
    pub(crate) fn of(audit: Audit, tx: &ScopedTx, method: &str, request_id: Option<&str>) -> Result<Self, StoreError> {
        let scope = tx.scope();
        Ok(Self {
            tenant: scope.tenant,
            id: scope.new_id(),
            at: from_db(to_db(scope.now)),
            principal: scope.author.principal,
            actor: scope.author.kind.clone(),
            on_behalf_of: scope.author.on_behalf_of,
            method: method.to_owned(),
            action: audit.action.to_owned(),
            subject: audit.subject.to_owned(),
            subject_id: audit.subject_id,
            region: audit.region.map(|region| region.as_str().to_owned()),
            request_id: request_id.map(str::to_owned),
            trace: scope.trace.clone(),
            before: audit.before.map(Vec::from),
            after: audit.after.map(Vec::from),
            notes: serde_json::to_string(&audit.notes).map_err(StoreError::fault)?,
        })
    }

    /// The hash that binds this content.
    pub(crate) fn content(&self, keys: &Keys) -> Result<Hash, StoreError> {
        let at = self.at.as_microsecond().to_le_bytes();
        // A missing field and an empty one must differ: presence is hashed as well.
        let text =
            |field: &Option<String>| field.as_ref().map_or_else(Vec::new, |text| [b"=", text.as_bytes()].concat());
        let raw =
            |field: &Option<Vec<u8>>| field.as_ref().map_or_else(Vec::new, |bytes| [b"=", bytes.as_slice()].concat());
        let behalf = self.on_behalf_of.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        content_hash(
            keys,
            Log::Audit,
            self.tenant,
            &[
                self.id.as_bytes(),
                &at,
                self.principal.as_bytes(),
                self.actor.as_bytes(),
                &behalf,
                self.method.as_bytes(),
                self.action.as_bytes(),
                self.subject.as_bytes(),
                self.subject_id.as_bytes(),
                &text(&self.region),
                &text(&self.request_id),
                &text(&self.trace),
                &raw(&self.before),
                &raw(&self.after),
                self.notes.as_bytes(),
            ],
        )
    }

    fn values(self, content: Hash) -> [Value; 17] {
        [
            self.tenant.into(),
            self.id.into(),
            to_db(self.at).into(),
            self.principal.into(),
            self.actor.into(),
            self.on_behalf_of.into(),
            self.method.into(),
            self.action.into(),
            self.subject.into(),
            self.subject_id.into(),
            self.region.into(),
            self.request_id.into(),
            self.trace.into(),
            self.before.into(),
            self.after.into(),
            self.notes.into(),
            content.to_vec().into(),
        ]
    }

    /// Reads the columns of [`COLUMNS`]: the entry, and the content hash it was stored with.
    pub(crate) fn read(row: &QueryResult) -> Result<(Self, Vec<u8>), StoreError> {
        let entry = Self {
            tenant: row.try_get_by_index(0)?,
            id: row.try_get_by_index(1)?,
            at: from_db(row.try_get_by_index(2)?),
            principal: row.try_get_by_index(3)?,
            actor: row.try_get_by_index(4)?,
            on_behalf_of: row.try_get_by_index(5)?,
            method: row.try_get_by_index(6)?,
            action: row.try_get_by_index(7)?,
            subject: row.try_get_by_index(8)?,
            subject_id: row.try_get_by_index(9)?,
            region: row.try_get_by_index(10)?,
            request_id: row.try_get_by_index(11)?,
            trace: row.try_get_by_index(12)?,
            before: row.try_get_by_index(13)?,
            after: row.try_get_by_index(14)?,
            notes: row.try_get_by_index(15)?,
        };
        Ok((entry, row.try_get_by_index(16)?))
    }
}

/// The statement that writes one entry.
pub(crate) fn part(tx: &ScopedTx, entry: AuditEntry) -> Result<Part, StoreError> {
    let content = entry.content(tx.keys())?;
    let sql =
        format!("INSERT INTO audit ({COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)");
    Ok(Part { sql, values: entry.values(content).into() })
}

impl ScopedTx {
    /// The newest entries of the tenant's audit log, newest first: sequenced ones with their position, the newest may
    /// still have none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_log(&self, limit: u64) -> Result<Vec<(Option<i64>, AuditEntry)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, position FROM audit WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.raw().query_all_raw(self.statement(sql, [self.scope().tenant.into(), limit.into()])).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(17)?, AuditEntry::read(row)?.0))).collect()
    }
}
