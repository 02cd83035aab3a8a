//! Imports: bulk calls of which some rows are written, some are there already, and some are refused while the others go in.
//!
//! What it takes to tell rows apart is `tally_kernel::import`.

use tally_access::{OpContext, Permit, Rpc, Target};
use tally_api::common::v1 as common;
use tally_i18n::text;
use tally_kernel::error::Violations;
use tally_kernel::import::{ImportOutcome, Problem};
use tally_kernel::message::Arg;
use tally_kernel::{Error, Locale, msg};
use tally_store::Audit;

use crate::RequestKey;

/// Rows of one call at most.
pub const MAX_ROWS: usize = 5_000;

/// Rows with their place in the request.
pub type Rows<T> = Vec<(u32, T)>;

/// A bulk request after parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import<T> {
    /// The request, told apart by all of its rows.
    pub request: RequestKey,
    /// Rows that could be read.
    pub rows: Rows<T>,
    /// Nothing but the rows that could not be read.
    pub refused: ImportOutcome,
}

impl<T> Import<T> {
    /// Reads the rows of a request: one that cannot be read is refused by its number, and the others go on. More than `most`
    /// rows are a violation of the whole request.
    pub fn read<R>(
        request: RequestKey,
        rows: Vec<R>,
        most: usize,
        wrong: &mut Violations,
        read: impl Fn(u32, R) -> Result<T, Problem>,
    ) -> Option<Self> {
        if rows.len() > most {
            wrong.push("rows", msg!("ROWS_TOO_MANY", max = most, count = rows.len()));
            return None;
        }
        let mut import = Self { request, rows: Vec::with_capacity(rows.len()), refused: ImportOutcome::default() };
        for (index, row) in (0..).zip(rows) {
            match read(index, row) {
                Ok(row) => import.rows.push((index, row)),
                Err(problem) => import.refused.problems.push(problem),
            }
        }
        Some(import)
    }

    /// The same of a request that says nothing but rows, each refused with all that is wrong with it.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for too many rows.
    pub fn checked<R>(
        request: RequestKey,
        rows: Vec<R>,
        most: usize,
        read: impl Fn(R, &mut Violations) -> Option<T>,
    ) -> Result<Self, Error> {
        let mut wrong = Violations::new();
        let import = Self::read(request, rows, most, &mut wrong, |index, row| {
            let mut wrong = Violations::new();
            let parsed = read(row, &mut wrong);
            wrong.finish(parsed).map_err(|error| {
                let each = error.violations().iter();
                let each = each.map(|v| msg!("INVALID_FIELD", field = v.field, problem = v.message)).collect();
                Problem::new(index, "ROW_INVALID", msg!("ROW_INVALID", problems = Arg::List(each)))
            })
        });
        wrong.finish(import)
    }
}

/// The rows that the caller reaches, with the permit for all of them: `target` is what each is decided on. The others are refused by
/// themselves, as `beyond` says.
///
/// # Errors
/// `PERMISSION_DENIED` for whoever may do none at all; what `target` says.
pub fn reached<R: Rpc, T>(
    ctx: &OpContext,
    rows: Rows<T>,
    outcome: &mut ImportOutcome,
    target: impl Fn(&T) -> Result<Target, Error>,
    beyond: impl Fn(u32, &T) -> Problem,
) -> Result<(Rows<T>, Permit<R>), Error> {
    let judged = rows.into_iter().map(|row| target(&row.1).map(|target| (row, target)));
    let (permit, good, others) = ctx.permit_those(judged.collect::<Result<Vec<_>, _>>()?)?;
    outcome.problems.extend(others.iter().map(|(index, row)| beyond(*index, row)));
    Ok((good, permit))
}

/// The audit entry of a bulk call about nothing in particular, which is named by its digest.
pub fn bulk_audit(action: &'static str, subject: &'static str, request: &RequestKey, outcome: &ImportOutcome) -> Audit {
    let id: String = request.digest()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    audit(outcome, Audit::new(action, subject, id), request)
}

/// The audit entry of the call: the digest of its body, and how many rows went which way.
pub fn audit(outcome: &ImportOutcome, entry: Audit, request: &RequestKey) -> Audit {
    let entry = entry.after(request.digest()).note("written", outcome.written).note("unchanged", outcome.unchanged);
    let entry = if outcome.revised == 0 { entry } else { entry.note("revised", outcome.revised) };
    entry.note("refused", outcome.problems.len())
}

/// What became of the rows as it is told, in the caller's language.
pub fn told(outcome: ImportOutcome, locale: Locale) -> common::ImportResult {
    let row = |problem: Problem| {
        let message = text(locale, &problem.message);
        common::RowProblem { index: problem.index, reason: problem.reason, message }
    };
    let ImportOutcome { written, unchanged, revised, problems, put_right } = outcome;
    let problems = problems.into_iter().map(row).collect();
    common::ImportResult { written, unchanged, problems, revised, put_right }
}

#[cfg(test)]
mod tests {
    use tally_kernel::{Kind, Message};

    use super::*;

    fn read(rows: Vec<&str>, most: usize) -> Result<Import<u32>, Error> {
        let row = |text: &str, v: &mut Violations| {
            v.text("name", text, 5);
            let number = text.parse().map_err(|_| Error::of(Kind::InvalidArgument, Message::told("no number")));
            v.take("number", number)
        };
        Import::checked(RequestKey::default(), rows, most, row)
    }

    #[test]
    fn a_row_that_cannot_be_read_is_refused_with_all_that_is_wrong_and_the_others_go_on() {
        let import = read(vec!["1", "", "3"], 3).unwrap();
        assert_eq!(import.rows, [(0, 1), (2, 3)]);
        let [problem] = &import.refused.problems[..] else { panic!("one row") };
        assert_eq!((problem.index, problem.reason.as_str()), (1, "ROW_INVALID"));
        let told = |locale| text(locale, &problem.message);
        assert_eq!(told(Locale::En), "name: must not be empty; number: no number");
        assert_eq!(told(Locale::ZhCn), "name：不能为空；number：no number");
    }

    #[test]
    fn too_many_rows_are_refused_at_once() {
        let refused = read(vec!["1", "2", "3"], 2).unwrap_err();
        assert_eq!(refused.violations()[0].field, "rows");
    }
}
