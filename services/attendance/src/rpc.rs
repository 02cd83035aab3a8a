//! What the `rpc.rs` of every room has in common: reading and writing the parts that messages share.

use tally_api::common::v1 as common;
use tally_app::RequestKey;
use tally_i18n::text;
use tally_kernel::error::Violations;
use tally_kernel::message::Arg;
use tally_kernel::{Locale, Result, msg};

use crate::import::{Batch, ImportOutcome, MAX_ROWS, Problem};

/// Longest names and keys, in characters.
pub(crate) const MAX_NAME: usize = 200;

/// Reads the rows of a bulk request: a row that cannot be read is refused by its number, with all that is wrong with it,
/// and the others go on.
///
/// # Errors
/// `INVALID_REQUEST` for more than [`MAX_ROWS`] rows or `most`, if that is less.
pub(crate) fn batch<R, T>(
    request: RequestKey,
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
    let mut batch = Batch { request, rows: Vec::new(), problems: Vec::new() };
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
pub(crate) fn result(outcome: ImportOutcome, locale: Locale) -> common::ImportResult {
    let problems = outcome.problems.into_iter();
    common::ImportResult {
        written: outcome.written,
        unchanged: outcome.unchanged,
        problems: problems
            .map(|p| common::RowProblem { index: p.index, reason: p.reason, message: text(locale, &p.message) })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::{Error, Kind};

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
        let batch = batch(RequestKey::default(), rows, 10, read).unwrap();
        assert_eq!(batch.rows, [(0, 1), (2, 3)]);
        assert_eq!(batch.problems.len(), 1);
        assert_eq!((batch.problems[0].index, batch.problems[0].reason.as_str()), (1, "ROW_INVALID"));
        let told = |locale| text(locale, &batch.problems[0].message);
        assert_eq!(told(Locale::En), "name: must not be empty; number: no number");
        assert_eq!(told(Locale::ZhCn), "name：不能为空；number：no number");
    }

    #[test]
    fn too_many_rows_are_refused_at_once() {
        let refused = batch(RequestKey::default(), vec![(); 5_001], 9_999, |(), _| Some(())).unwrap_err();
        assert_eq!(refused.violations()[0].field, "rows");
    }
}
