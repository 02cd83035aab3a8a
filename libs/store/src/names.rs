//! Names of roles, tables and files: all follow from the name of the service.

use tally_kernel::{Error, Kind, msg};

pub(crate) const AUDIT: &str = "audit";
/// Whom an entry of the audit log is about.
pub(crate) const AUDIT_PEOPLE: &str = "audit_people";
/// The column of every business table that names the audit entry of the row.
pub(crate) const AUDIT_ID: &str = "audit_id";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const IDEMPOTENCY: &str = "idempotency";
pub(crate) const CURSORS: &str = "cursors";
pub(crate) const WORK_ITEMS: &str = "work_items";
pub(crate) const LOG_HEADS: &str = "log_heads";
pub(crate) const DATA_KEYS: &str = "data_keys";
pub(crate) const PERSON_KEYS: &str = "person_keys";
pub(crate) const SEALED_COLUMNS: &str = "sealed_columns";
pub(crate) const KEY_ROTATIONS: &str = "key_rotations";
pub(crate) const FACTS: &str = "store_facts";
pub(crate) const MIGRATIONS: &str = "schema_migrations";

/// The role the service signs in as.
pub(crate) fn login(service: &str) -> String {
    format!("tally_{service}")
}

/// The role for work over every tenant; nobody signs in as it.
pub(crate) fn worker(service: &str) -> String {
    format!("tally_{service}_worker")
}

/// The lock between sealing for a tenant and making it a new key.
pub(crate) fn sealing_lock(worker: &str, tenant: &str) -> String {
    format!("sealing|{worker}|{tenant}")
}

/// Names of services become SQL identifiers, so they are plain lowercase words.
pub(crate) fn check_service(service: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    if !service.is_empty() && service.len() <= 32 && service.chars().all(plain) {
        return Ok(());
    }
    Err(Error::of(Kind::FailedPrecondition, msg!("SERVICE_NAME_INVALID", service)))
}
