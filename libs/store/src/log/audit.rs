//! Who did what to which thing, when: one row per unit of work, written by its commit, which is impossible without one.
//!
//! No personal data in clear: `before` and `after` are digests of the versions, or commitments under the person's key if the
//! entry is about one; notes are counts, codes and ids. So an erasure never breaks the chain. A bulk unit has one row with the digest of all it wrote.
//!
//! An entry says how many row versions of which table its unit wrote, and every row names its entry, so that a row without
//! one is found (`rows.rs`). It also says whom it is about, which answers "who saw or changed what about this person".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult, Statement, Value};
use tally_access::Region;
use tally_kernel::id::PersonId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::log::chain::{Hash, Log, content_hash};
use crate::seal::keys::Keys;
use crate::tx::context::{Scope, from_db, to_db};
use crate::tx::scoped::ScopedTx;
use crate::tx::sql::{Part, most_rows, rows_of_next_statement, tuples};

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
    people: BTreeSet<Uuid>,
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
            people: BTreeSet::new(),
        }
    }

    /// About this person: what was read or changed tells of them. People of rows that the unit inserts are added by it.
    #[must_use]
    pub fn about(self, person: PersonId) -> Self {
        self.about_all([person])
    }

    /// About these people, such as those of a list that was shown.
    #[must_use]
    pub fn about_all(mut self, people: impl IntoIterator<Item = PersonId>) -> Self {
        self.people.extend(people.into_iter().map(|person| person.0));
        self
    }

    /// The person, if it holds digests and is about one alone, those of inserted rows included.
    pub(crate) fn person_of_digests(&self, inserted: &BTreeSet<Uuid>) -> Option<PersonId> {
        let mut people = self.people.union(inserted);
        let (first, second) = (people.next(), people.next());
        first.filter(|_| second.is_none() && self.has_digests()).map(|id| PersonId(*id))
    }

    pub(crate) fn has_digests(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    /// Replaces its digests, or leaves them out.
    pub(crate) fn map_digests(
        self,
        map: impl Fn(&Hash) -> Result<Option<Hash>, StoreError>,
    ) -> Result<Self, StoreError> {
        let [before, after] = [self.before, self.after].map(|digest| digest.map_or(Ok(None), |digest| map(&digest)));
        Ok(Self { before: before?, after: after?, ..self })
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
    /// Row versions that the unit wrote, by table: a JSON object of counts, keys sorted.
    pub written: String,
    /// Whom it is about, sorted.
    pub people: Vec<Uuid>,
}

/// What a unit of work wrote beside its audit entry: row versions by table, and the people of inserted rows.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub rows: BTreeMap<String, u64>,
    pub people: BTreeSet<Uuid>,
}

/// Columns in the order of [`AuditEntry::values`] and [`AuditEntry::read`].
pub(crate) const COLUMNS: &str = "tenant_id, id, at, principal, actor, on_behalf_of, method, action, subject, subject_id, \
                                  region, request_id, trace, before_digest, after_digest, notes, written, content";
/// How many columns these are.
pub(crate) const WIDTH: usize = 18;

impl AuditEntry {
    /// The entry `id` of a unit that wrote this.
    pub(crate) fn of(
        audit: Audit,
        id: Uuid,
        written: Written,
        scope: &Scope,
        method: &str,
        request_id: Option<&str>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: scope.tenant,
            id,
            at: from_db(to_db(scope.now))?,
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
            written: serde_json::to_string(&written.rows).map_err(StoreError::fault)?,
            people: audit.people.union(&written.people).copied().collect(),
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
        let people: Vec<u8> = self.people.iter().flat_map(|person| *person.as_bytes()).collect();
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
                self.written.as_bytes(),
                &people,
            ],
        )
    }

    fn values(self, content: Hash) -> [Value; WIDTH] {
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
            self.written.into(),
            content.to_vec().into(),
        ]
    }

    /// Reads the columns of [`COLUMNS`]: the entry about `people`, and the content hash it was stored with.
    pub(crate) fn read(row: &QueryResult, people: &mut People) -> Result<(Self, Vec<u8>), StoreError> {
        let id = row.try_get_by_index(1)?;
        let entry = Self {
            tenant: row.try_get_by_index(0)?,
            id,
            // One that cannot be was altered, which the hash of the content tells: no fault that stops the proof of the log.
            at: from_db(row.try_get_by_index(2)?).unwrap_or_default(),
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
            written: row.try_get_by_index(16)?,
            people: people.remove(&id).unwrap_or_default(),
        };
        Ok((entry, row.try_get_by_index(17)?))
    }
}

/// The statements that write entries and whom they are about, in this order.
pub(crate) fn parts(tx: &ScopedTx, entries: Vec<AuditEntry>) -> Result<Vec<Part>, StoreError> {
    static ONE: LazyLock<String> = LazyLock::new(|| insert(1));
    let (mut parts, mut people) = (Vec::new(), Vec::new());
    let mut left = entries.into_iter();
    while left.len() > 0 {
        let size = rows_of_next_statement(left.len(), most_rows(WIDTH));
        let mut values = Vec::with_capacity(size * WIDTH);
        for mut entry in left.by_ref().take(size) {
            let content = entry.content(tx.keys())?;
            let about = std::mem::take(&mut entry.people);
            people.extend(about.iter().map(|person| [entry.id, *person].map(|id| id.simple().to_string())));
            values.extend(entry.values(content));
        }
        parts.push(Part { sql: if size == 1 { ONE.clone() } else { insert(size) }, values });
    }
    if !people.is_empty() {
        let each = match tx.backend() {
            DbBackend::Postgres => "SELECT $1, (p->>0)::uuid, (p->>1)::uuid FROM json_array_elements($2::json) AS p",
            _ => "SELECT $1, unhex(value->>0), unhex(value->>1) FROM json_each($2)",
        };
        let values = vec![tx.scope().tenant.into(), serde_json::json!(people).to_string().into()];
        parts.push(Part { sql: format!("INSERT INTO audit_people (tenant_id, entry_id, person_id) {each}"), values });
    }
    Ok(parts)
}

fn insert(rows: usize) -> String {
    format!("INSERT INTO audit ({COLUMNS}) VALUES {}", tuples(rows, WIDTH))
}

/// People by entry.
pub(crate) type People = BTreeMap<Uuid, Vec<Uuid>>;

/// Whom the entries `a` are about that meet a condition.
pub(crate) async fn people<const N: usize>(
    tx: &DatabaseTransaction,
    condition: &str,
    values: [Value; N],
) -> Result<People, StoreError> {
    let sql = format!(
        "SELECT p.entry_id, p.person_id FROM audit a JOIN audit_people p ON p.tenant_id = a.tenant_id AND p.entry_id = a.id \
         WHERE {condition} ORDER BY p.entry_id, p.person_id"
    );
    let mut people = People::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? {
        let (entry, person) = row.try_get_many_by_index()?;
        people.entry(entry).or_default().push(person);
    }
    Ok(people)
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
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        let oldest: Uuid = last.try_get_by_index(1)?;
        let mut people =
            people(self.raw(), "a.tenant_id = $1 AND a.id >= $2", [self.scope().tenant.into(), oldest.into()]).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(WIDTH)?, AuditEntry::read(row, &mut people)?.0))).collect()
    }
}
