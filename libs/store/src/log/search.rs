//! Who saw or changed what about this person: the audit log asked by person, by principal or by subject, newest first.
//!
//! Answers hold ids, actions, times and principals, as the log does: never a name or a value.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Statement, Value};
use tally_access::{Plan, Reach, Region, Rpc};
use tally_kernel::Error;
use tally_kernel::id::{PersonId, PrincipalId};
use tally_kernel::page::{Page, token_invalid};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::audit::{AuditEntry, COLUMNS, People, WIDTH};
use crate::tx::connect::{Mode, Role};
use crate::tx::context::to_db;
use crate::tx::scoped::ScopedTx;

/// Whose entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditOf {
    /// About this person.
    Person(PersonId),
    /// By this principal, or on its behalf.
    Principal(PrincipalId),
    /// Of this kind of thing and this id.
    Subject(String, String),
}

/// A question to the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Whose entries.
    pub of: AuditOf,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// Entries with their positions; the newest may still have none. Their people are left out.
pub type AuditFound = Vec<(Option<i64>, AuditEntry)>;

/// A condition in the making.
struct Asked {
    sql: String,
    values: Vec<Value>,
}

impl Asked {
    fn of(query: &AuditQuery) -> Self {
        let mut asked = Self { sql: "1 = 1".to_owned(), values: Vec::new() };
        match &query.of {
            AuditOf::Person(person) => asked.and(
                "(a.tenant_id, a.id) IN (SELECT tenant_id, entry_id FROM audit_people WHERE person_id = $?)",
                person.0,
            ),
            AuditOf::Principal(principal) => asked.and("$? IN (a.principal, a.on_behalf_of)", principal.0),
            AuditOf::Subject(kind, id) => {
                asked.and("a.subject = $?", kind.as_str());
                asked.and("a.subject_id = $?", id.as_str());
            }
        }
        if let Some(from) = query.from {
            asked.and("a.at >= $?", to_db(from));
        }
        if let Some(to) = query.to {
            asked.and("a.at < $?", to_db(to));
        }
        asked
    }

    /// `$?` stands for the value.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("${}", self.values.len());
        self.sql.push_str(&format!(" AND {}", condition.replace("$?", &place)));
    }

    /// What a reach shows: the group's whole log, or the entries of some regions.
    fn within(&mut self, reach: &Reach) {
        if reach.tenant {
            return;
        }
        let mut any = vec!["1 = 0".to_owned()];
        for region in &reach.regions {
            self.values.push(Region::as_str(region).into());
            any.push(format!("a.region = ${}", self.values.len()));
        }
        self.sql.push_str(&format!(" AND ({})", any.join(" OR ")));
    }

    async fn page(mut self, tx: &DatabaseTransaction, page: &Page) -> Result<(AuditFound, String), StoreError> {
        if let Some(after) = &page.after {
            let after = Uuid::parse_str(after).map_err(|_| StoreError::Refused(token_invalid()))?;
            self.and("a.id < $?", after);
        }
        let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("a.{}", column.trim())).collect();
        let sql = format!(
            "SELECT {}, a.position FROM audit a WHERE {} ORDER BY a.id DESC LIMIT {}",
            columns.join(", "),
            self.sql,
            u64::from(page.size) + 1
        );
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, self.values);
        let mut rows = tx.query_all_raw(statement).await?;
        let id = |row: &sea_orm::QueryResult| row.try_get_by_index::<Uuid>(1).unwrap_or_default();
        let next = page.cut(&mut rows, |row| id(row).to_string());
        // Only who was asked for is told: a list of fifty is not opened to whoever asks about one.
        let mut people = People::new();
        let found: Result<AuditFound, StoreError> =
            rows.iter().map(|row| Ok((row.try_get_by_index(WIDTH)?, AuditEntry::read(row, &mut people)?.0))).collect();
        Ok((found?, next))
    }
}

impl ScopedTx {
    /// A page of the group's entries that the plan reaches, newest first, and the token of the next.
    ///
    /// # Errors
    /// [`token_invalid`]; what the database says.
    pub async fn search_audit<R: Rpc>(
        &self,
        plan: &Plan<R>,
        query: &AuditQuery,
        page: &Page,
    ) -> Result<(AuditFound, String), StoreError> {
        let mut asked = Asked::of(query);
        asked.and("a.tenant_id = $?", self.scope().tenant);
        asked.within(plan.reach());
        asked.page(self.raw(), page).await
    }
}

impl Store {
    /// A page of entries of every group in this store, newest first: for the operator, who has the keys.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, [`token_invalid`].
    pub async fn search_audit(&self, query: &AuditQuery, page: &Page) -> Result<(AuditFound, String), Error> {
        let tx = self.all_tenants(Mode::Snapshot, Role::Worker).await?;
        Ok(Asked::of(query).page(&tx, page).await?)
    }
}
