//! What every room's `rpc.rs` needs to read requests and to write answers.

use jiff::Timestamp;
use jiff::civil::Date;
use prost::Message;
use tally_api::common::v1 as common;
use tally_kernel::error::Violations;
use tally_kernel::{Error, Kind};

use crate::imported::Imported;

/// Rows of one import.
const MAX_ROWS: usize = 5_000;

impl From<Imported> for common::ImportResult {
    fn from(imported: Imported) -> Self {
        let problem = |(index, reason, message)| common::RowProblem { index, reason, message };
        Self {
            written: imported.written,
            unchanged: imported.unchanged,
            problems: imported.problems.into_iter().map(problem).collect(),
        }
    }
}

/// What tells one request from another with the same id; kept with the first result, so no password may be in it.
pub(crate) fn digest(message: &impl Message) -> [u8; 32] {
    tally_store::digest(&message.encode_to_vec())
}

/// Refuses an import of more rows than one call takes.
pub(crate) fn check_rows<T>(rows: &[T]) -> Result<(), Error> {
    if rows.len() <= MAX_ROWS {
        return Ok(());
    }
    let text = format!("{} rows: at most {MAX_ROWS} in one call", rows.len());
    Err(Error::new(Kind::InvalidArgument, "TOO_MANY_ROWS", text))
}

/// An instant as the contracts carry it.
pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// A date that must be there.
pub(crate) fn date(wrong: &mut Violations, field: &str, text: &str) -> Option<Date> {
    let parsed = text.trim().parse::<Date>().ok();
    if parsed.is_none() {
        wrong.push(field, "a date: YYYY-MM-DD");
    }
    parsed
}

/// A date that may be missing.
pub(crate) fn date_or_none(wrong: &mut Violations, field: &str, text: &str) -> Option<Date> {
    if text.trim().is_empty() { None } else { date(wrong, field, text) }
}

/// A date as text; empty for no end.
pub(crate) fn day(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}
