//! What the `rpc.rs` of every room has in common: reading and writing the parts that messages share.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use prost::Message as Encoded;
use tally_api::common::v1 as common;
use tally_i18n::text;
use tally_kernel::error::Violations;
use tally_kernel::message::Arg;
use tally_kernel::{Error, Kind, Locale, Result, msg};

use crate::import::{Batch, ImportOutcome, MAX_ROWS, Problem};

/// Longest names and keys, in characters.
pub const MAX_NAME: usize = 200;

/// Reads the rows of a bulk request: a row that cannot be read is refused by its number, with all that is wrong with it,
/// and the others go on.
///
/// # Errors
/// `INVALID_REQUEST` for more than [`MAX_ROWS`] rows or `most`, if that is less.
pub fn batch<M: Encoded, R, T>(
    request: &M,
    request_id: &str,
    rows: Vec<R>,
    most: usize,
    read: impl Fn(R, &mut Violations) -> Option<T>,
) -> Result<Batch<T>> {
    let most = most.min(MAX_ROWS);
    if rows.len() > most {
        let mut violations = Violations::new();
        violations.push("rows", msg!("ROWS_TOO_MANY", max = most, count = rows.len()));
        return violations.finish(None);
    }
    let body = *blake3::hash(&request.encode_to_vec()).as_bytes();
    let mut batch = Batch { request_id: request_id.to_owned(), body, rows: Vec::new(), problems: Vec::new() };
    for (index, row) in (0..).zip(rows) {
        let mut violations = Violations::new();
        let parsed = read(row, &mut violations);
        match violations.finish(parsed) {
            Ok(row) => batch.rows.push((index, row)),
            Err(error) => {
                let each = error.violations().iter();
                let each = each.map(|v| msg!("INVALID_FIELD", field = v.field, problem = v.message)).collect();
                let message = msg!("ROW_INVALID", problems = Arg::List(each));
                batch.problems.push(Problem::new(index, "ROW_INVALID", message));
            }
        }
    }
    Ok(batch)
}

/// Writes what became of the rows, in the caller's language.
pub fn result(outcome: ImportOutcome, locale: Locale) -> common::ImportResult {
    let problems = outcome.problems.into_iter();
    common::ImportResult {
        written: outcome.written,
        unchanged: outcome.unchanged,
        problems: problems
            .map(|p| common::RowProblem { index: p.index, reason: p.reason, message: text(locale, &p.message) })
            .collect(),
    }
}

/// Reads an instant that must be there, to the microsecond as stores keep it.
pub fn instant(violations: &mut Violations, field: &str, at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let Some(at) = at else {
        violations.push(field, msg!("VALUE_MISSING"));
        return None;
    };
    let read = Timestamp::new(at.seconds, at.nanos).and_then(|at| Timestamp::from_microsecond(at.as_microsecond()));
    if read.is_err() {
        violations.push(field, msg!("TIME_OUT_OF_RANGE"));
    }
    read.ok()
}

/// Writes an instant.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// Reads a calendar date.
///
/// # Errors
/// `DATE_MALFORMED`.
pub fn date(text: &str) -> Result<Date> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let malformed = || Error::of(Kind::InvalidArgument, msg!("DATE_MALFORMED.expected"));
    if plain { text.parse().map_err(|_| malformed()) } else { Err(malformed()) }
}

/// Reads a calendar date; empty is none.
///
/// # Errors
/// `DATE_MALFORMED`.
pub fn optional_date(text: &str) -> Result<Option<Date>> {
    if text.is_empty() { Ok(None) } else { date(text).map(Some) }
}

/// Writes a date; none is empty.
pub fn date_text(date: Option<Date>) -> String {
    date.map(|d| d.to_string()).unwrap_or_default()
}

/// Reads a time of day that may end a working day: HH:MM, before noon.
///
/// # Errors
/// `CUT_OVER_MALFORMED`.
pub fn cut_over(text: &str) -> Result<Time> {
    let malformed = || Error::of(Kind::InvalidArgument, msg!("CUT_OVER_MALFORMED"));
    let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2).ok_or_else(malformed)?;
    let number = |part: &str| part.parse::<i8>().map_err(|_| malformed());
    let time = Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| malformed())?;
    if time.hour() < 12 { Ok(time) } else { Err(malformed()) }
}

/// Writes a time of day, HH:MM.
pub fn time_text(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// Reads a stretch of time `from` (included) to `to` (not included).
pub fn stretch(
    violations: &mut Violations,
    from: Option<prost_types::Timestamp>,
    to: Option<prost_types::Timestamp>,
) -> Option<(Timestamp, Timestamp)> {
    let from = instant(violations, "from", from);
    let to = instant(violations, "to", to);
    let (from, to) = (from?, to?);
    if to < from {
        violations.push("to", msg!("BEFORE_FROM"));
    }
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cannot_be_read_is_refused_with_all_that_is_wrong_and_the_others_go_on() {
        let rows = vec!["1", "", "3"];
        let read = |text: &str, v: &mut Violations| {
            v.text("name", text, 5);
            v.take(
                "number",
                text.parse::<u32>().map_err(|_| Error::told(Kind::InvalidArgument, "X", "no number".into())),
            )
        };
        let batch = batch(&common::Period::default(), "r", rows, 10, read).unwrap();
        assert_eq!(batch.rows, [(0, 1), (2, 3)]);
        assert_eq!(batch.problems.len(), 1);
        assert_eq!((batch.problems[0].index, batch.problems[0].reason.as_str()), (1, "ROW_INVALID"));
        let told = |locale| text(locale, &batch.problems[0].message);
        assert_eq!(told(Locale::En), "name: must not be empty; number: no number");
        assert_eq!(told(Locale::ZhCn), "name：不能为空；number：no number");
    }

    #[test]
    fn too_many_rows_are_refused_at_once() {
        let refused = batch(&common::Period::default(), "", vec![(); 5_001], 9_999, |(), _| Some(())).unwrap_err();
        assert_eq!(refused.violations()[0].field, "rows");
    }

    #[test]
    fn dates_and_times_of_day_are_read_strictly_and_written_back() {
        assert_eq!(date_text(optional_date("2026-03-02").unwrap()), "2026-03-02");
        assert_eq!(optional_date("").unwrap(), None);
        for text in ["2026-3-2", "2026-02-30", "2026-03-02T00:00", "20260302"] {
            assert_eq!(date(text).unwrap_err().reason(), "DATE_MALFORMED", "{text}");
        }
        assert_eq!(time_text(cut_over("04:30").unwrap()), "04:30");
        for text in ["4:00", "12:00", "24:00", "04:60", "", "04-00"] {
            assert_eq!(cut_over(text).unwrap_err().reason(), "CUT_OVER_MALFORMED", "{text}");
        }
    }

    #[test]
    fn instants_are_kept_to_the_microsecond() {
        let mut v = Violations::new();
        let at = instant(&mut v, "at", Some(prost_types::Timestamp { seconds: 5, nanos: 1_999 })).unwrap();
        assert_eq!(timestamp(at), prost_types::Timestamp { seconds: 5, nanos: 1_000 });
        assert!(instant(&mut v, "at", None).is_none());
        assert!(instant(&mut v, "at", Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })).is_none());
        let error = v.finish(Some(())).unwrap_err();
        assert_eq!(error.violations().len(), 2);
    }
}
