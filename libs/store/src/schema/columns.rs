//! Columns that both databases keep alike.

use sea_orm::DbBackend;
use sea_orm::sea_query::{Alias, ColumnDef};

use crate::names::AUDIT_ID;

/// A column of a table in the making.
#[derive(Clone, Debug)]
pub struct Column {
    column: ColumnDef,
    by_bytes: bool,
}

impl Column {
    /// As this database is told of it.
    pub(crate) fn on(&self, backend: DbBackend) -> ColumnDef {
        let mut column = self.column.clone();
        if self.by_bytes && backend == DbBackend::Postgres {
            column.extra("COLLATE \"C\"");
        }
        column
    }
}

fn of(column: &mut ColumnDef) -> Column {
    Column { column: column.take(), by_bytes: false }
}

fn column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
}

/// An id.
pub fn uuid(name: &str) -> Column {
    of(column(name).uuid().not_null())
}

/// An id that may be missing.
pub fn uuid_null(name: &str) -> Column {
    of(column(name).uuid().null())
}

/// Text of any length.
pub fn text(name: &str) -> Column {
    of(column(name).text().not_null())
}

/// Text that may be missing.
pub fn text_null(name: &str) -> Column {
    of(column(name).text().null())
}

/// Text that rows are ordered by: by its bytes, on both databases, whatever PostgreSQL's own order is.
pub fn sorted_text(name: &str) -> Column {
    Column { by_bytes: true, ..text(name) }
}

/// Text that is the key of a table whose rows belong to no tenant.
pub fn key_text(name: &str) -> Column {
    of(column(name).text().not_null().primary_key())
}

/// A whole number, `i64`.
pub fn big(name: &str) -> Column {
    of(column(name).big_integer().not_null())
}

/// An `i64` that may be missing.
pub fn big_null(name: &str) -> Column {
    of(column(name).big_integer().null())
}

/// A small whole number, `i32`.
pub fn int(name: &str) -> Column {
    of(column(name).integer().not_null())
}

/// An `i32` that may be missing.
pub fn int_null(name: &str) -> Column {
    of(column(name).integer().null())
}

/// Yes or no.
pub fn flag(name: &str) -> Column {
    of(column(name).boolean().not_null())
}

/// Yes or no, or not known.
pub fn flag_null(name: &str) -> Column {
    of(column(name).boolean().null())
}

/// Bytes: digests, packed rows, sealed values.
pub fn bytes(name: &str) -> Column {
    of(column(name).blob().not_null())
}

/// Bytes that may be missing.
pub fn bytes_null(name: &str) -> Column {
    of(column(name).blob().null())
}

/// An instant (`DateTimeUtc`).
pub fn instant(name: &str) -> Column {
    of(column(name).timestamp_with_time_zone().not_null())
}

/// An instant that may be missing.
pub fn instant_null(name: &str) -> Column {
    of(column(name).timestamp_with_time_zone().null())
}

/// A calendar date (`chrono::NaiveDate`).
pub fn date(name: &str) -> Column {
    of(column(name).date().not_null())
}

/// A calendar date that may be missing.
pub fn date_null(name: &str) -> Column {
    of(column(name).date().null())
}

/// `region`: the region of the row's org unit, or `*` for group-level rows.
pub fn region() -> Column {
    text("region")
}

/// `unit_id`: the org unit as of the fact, if the row has one.
pub fn unit() -> Column {
    uuid_null("unit_id")
}

/// `person_id`: whom the row is about, if anybody.
pub fn person() -> Column {
    uuid_null("person_id")
}

/// `audit_id`: the audit entry that accounts for the row as it is. Every table of tenants' rows has it and the unit of work
/// fills it, so no entity names it.
pub(crate) fn audit_id() -> Column {
    uuid(AUDIT_ID)
}
