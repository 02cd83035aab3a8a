//! The three classes of trouble: a rejected row, a finding, and unusable input.
//!
//! What is said about a rejected row may name its line; a finding never does, because findings must not depend on
//! the order of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strum_macros::{Display, EnumIter, EnumString, IntoStaticStr};
use tally_i18n::text;
use tally_kernel::{Locale, Message, msg};

/// Rejected rows described one by one for each file; beyond that they are counted.
const DESCRIBED_PER_FILE: u64 = 100_000;
/// Findings of one kind listed one by one; beyond that they are counted in one more.
const LISTED_PER_KIND: usize = 1_000;

/// The input cannot be worked on at all (exit code 2). Displays as `file: problem. What to change.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// A stable word for programs, for example `MISSING_FILE`.
    pub reason: &'static str,
    /// The file (or folder) the trouble is in.
    pub file: Box<Message>,
    /// What is wrong, without a full stop.
    pub problem: Box<Message>,
    /// What to change, without a full stop.
    pub cure: Box<Message>,
    /// Rows that were rejected before it was given up.
    pub rejected: Vec<Rejected>,
}

impl Unusable {
    /// An unusable input of `file`; `problem` and `cure` are sentences without the full stop.
    pub fn new(reason: &'static str, file: impl Into<Message>, problem: Message, cure: Message) -> Self {
        let (file, problem, cure) = (Box::new(file.into()), Box::new(problem), Box::new(cure));
        Self { reason, file, problem, cure, rejected: Vec::new() }
    }

    /// The whole as a person reads it.
    pub fn told(&self, locale: Locale) -> String {
        let Self { file, problem, cure, .. } = self;
        text(locale, &msg!("UNUSABLE", file = **file, problem = **problem, cure = **cure))
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Locale::En))
    }
}

impl std::error::Error for Unusable {}

/// One row that was not taken, while everything else was (exit code 3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejected {
    /// The file in the bundle.
    pub file: &'static str,
    /// The line on which the row begins, the header being line 1; 0 for "and so many more".
    pub line: u64,
    /// The first column that is wrong; empty when it is the row as a whole.
    pub column: String,
    /// What is wrong; further wrong columns of the row follow.
    pub reason: Message,
    /// What to change.
    pub cure: Message,
    /// A stable word for programs: that of the first thing that is wrong.
    pub code: &'static str,
}

/// Messages without anything between them.
pub(crate) fn one_after_other(messages: impl IntoIterator<Item = Message>) -> Message {
    messages.into_iter().reduce(|one, other| msg!("JOINED", one, other)).unwrap_or_else(|| Message::told(""))
}

/// What is wrong with a cell and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub reason: Message,
    /// What to change.
    pub cure: Message,
    /// What programs go by.
    pub code: &'static str,
}

impl Wrong {
    /// A reason, which programs go by too, and its cure.
    pub fn new(reason: Message, cure: Message) -> Self {
        Self { code: reason.reason(), reason, cure }
    }
}

/// Collects what is wrong with one row, so that a row is reported once with everything in it.
#[derive(Debug, Default)]
pub(crate) struct RowDiagnostic(Option<(String, Wrong)>);

impl RowDiagnostic {
    /// The value, or nothing and a note that `column` is wrong.
    pub fn take<T>(&mut self, column: &'static str, parsed: Result<T, Wrong>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.add(column, wrong);
                None
            }
        }
    }

    /// Whether something is wrong.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Notes that `column` is wrong.
    pub fn add(&mut self, column: &str, wrong: Wrong) {
        match &mut self.0 {
            None => self.0 = Some((column.to_owned(), wrong)),
            Some((_, first)) => {
                first.reason = msg!("REASON_ALSO", reason = first.reason, column, more = wrong.reason);
            }
        }
    }

    /// Whether nothing was wrong; otherwise the row goes to `rejects`.
    pub fn settle(self, rejects: &mut Rejects, file: &'static str, line: u64) -> bool {
        match self.0 {
            None => true,
            Some((column, wrong)) => {
                rejects.push(file, line, &column, wrong);
                false
            }
        }
    }
}

/// The rejected rows of a reading, bounded in memory however bad the input is.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    rows: Vec<Rejected>,
    counts: BTreeMap<&'static str, u64>,
    /// How many entries of `rows` each file has.
    described: BTreeMap<&'static str, u64>,
    /// How many rows of each file none of them stands for.
    others: BTreeMap<&'static str, u64>,
    read: BTreeMap<&'static str, u64>,
}

impl Rejects {
    /// Adds a rejected row.
    pub fn push(&mut self, file: &'static str, line: u64, column: &str, wrong: Wrong) {
        self.push_all(file, (line, 1), column, wrong);
    }

    /// Adds so many rows of which one thing is said at once, at the first of their lines: a million equal sentences would hide what
    /// else is wrong.
    pub fn push_all(&mut self, file: &'static str, (line, rows): (u64, u64), column: &str, wrong: Wrong) {
        *self.counts.entry(file).or_default() += rows;
        let described = self.described.entry(file).or_default();
        if *described == DESCRIBED_PER_FILE {
            *self.others.entry(file).or_default() += rows;
        } else {
            *described += 1;
            let Wrong { reason, cure, code } = wrong;
            self.rows.push(Rejected { file, line, column: column.to_owned(), reason, cure, code });
        }
    }

    /// Counts a row of `file`, whatever becomes of it.
    pub fn saw(&mut self, file: &'static str) {
        *self.read.entry(file).or_default() += 1;
    }

    /// How many rows each file has.
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.read.clone()
    }

    /// How many rows of `file` were rejected.
    pub fn count(&self, file: &str) -> u64 {
        self.counts.get(file).copied().unwrap_or(0)
    }

    /// The first rejected row of `file`, as a clause for a sentence about all of them.
    pub fn first(&self, file: &str) -> Option<Message> {
        let first = self.rows.iter().filter(|r| r.file == file).min_by_key(|r| r.line)?;
        let column = match first.column.as_str() {
            "" => Message::told(""),
            column => msg!("FIRST_REJECTED_COLUMN", column),
        };
        Some(msg!("FIRST_REJECTED", line = first.line, column, reason = first.reason, cure = first.cure))
    }

    /// The rows in the order of file and line, and the number of rejected rows of each file.
    pub fn finish(mut self) -> (Vec<Rejected>, BTreeMap<&'static str, u64>) {
        for (&file, &count) in &self.others {
            let reason = msg!("AND_MORE_ROWS", count);
            let (cure, code) = (msg!("AND_MORE_ROWS_CURE"), reason.reason());
            self.rows.push(Rejected { file, line: 0, column: String::new(), reason, cure, code });
        }
        self.rows.sort_by(|a, b| (a.file, a.line == 0, a).cmp(&(b.file, b.line == 0, b)));
        (self.rows, self.counts)
    }
}

/// What a finding of the reading is about. Findings about duty come from the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum FindingKind {
    /// The file was GBK or UTF-16 and was converted.
    ConvertedEncoding,
    /// Columns were separated by tabs or semicolons.
    ConvertedSeparator,
    /// An expected column is missing: its values count as not measured.
    MissingColumn,
    /// A column nobody reads; perhaps a misspelt one.
    UnknownColumn,
    /// A file nobody reads; perhaps a misspelt one.
    UnknownFile,
    /// An optional file that is empty.
    EmptyFile,
    /// One external id several times with the same content: taken once.
    DuplicateRecord,
    /// A row several times with the same content: taken once.
    DuplicateRow,
    /// Records outside the period that was asked for, and their messages; claims made outside of it.
    OutsidePeriod,
    /// An account names a team nobody belongs to.
    TeamWithoutPeople,
    /// A branch of group.yaml nobody belongs to.
    BranchWithoutPeople,
    /// An odd number of punches of a day whose directions follow from their order.
    OddPunches,
    /// A single punch of a day of which the first and the last are asked for.
    SinglePunch,
    /// Punches between the first and the last of a day: left out.
    PunchesBetween,
    /// A presence of more than 13 hours that punches without a direction make.
    LongPresence,
    /// Punches without a direction that were taken for nights.
    ReadAsNight,
    /// Punches without a direction that may be days or the rest between nights.
    DayOrNight,
    /// A number that a spreadsheet shortened to its first digits, or a value in place of which it shows an error.
    DamagedId,
    /// Times in an hour that came twice, and which of the two was taken.
    HourTwice,
    /// A person goes on in another unit, position or grade.
    Transfer,
    /// A person comes back after a gap.
    Rehire,
    /// Cells that say that there is no value, such as `-`.
    NoValue,
    /// Cells that are read without what an export added: characters that nobody sees, `.0` of a whole number.
    CleanedCell,
    /// Records that last longer than a day.
    LongRecord,
    /// A population names a position or a grade that nobody has.
    PopulationOfNobody,
    /// A contributor of a record is nobody who is known then: the record is kept, and the others have the part.
    ContributorUnknown,
    /// More messages under one external id than a record has.
    RepliesTooMany,
}

/// Something worth knowing that did not stop anything (exit code 0).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The file it is in.
    pub file: String,
    /// What it is about: an account and external id, a column, an encoding; may be empty.
    pub subject: String,
    /// A sentence without the full stop.
    pub detail: Message,
    /// How many rows it stands for; 0 where rows are not counted.
    pub count: u64,
}

/// Rows of which one thing is said: how many, and the least of their names, whatever the order in which they stand. Lines depend on
/// that order, and findings must not.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub rows: u64,
    pub least: String,
}

impl Seen {
    /// One more.
    pub fn note(&mut self, name: String) {
        if self.rows == 0 || name < self.least {
            self.least = name;
        }
        self.rows += 1;
    }
}

/// What became of a column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRead {
    /// The file in the bundle.
    pub file: &'static str,
    /// Its head, as the file has it.
    pub head: String,
    /// What it was taken for.
    pub taken: TakenFor,
}

/// What a column was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenFor {
    /// The column of this name.
    Column(&'static str),
    /// A measure of records, by its own name.
    Measure,
    /// Nothing: nobody reads it.
    Nothing,
}

/// Collects findings; sorted, each once, and bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    /// The columns of the files, as they were understood.
    pub columns: Vec<ColumnRead>,
}

impl Findings {
    /// Adds a finding.
    pub fn add(&mut self, kind: FindingKind, file: &str, subject: impl Into<String>, detail: Message, count: u64) {
        self.found.push(Finding { kind, file: file.to_owned(), subject: subject.into(), detail, count });
    }

    /// What an earlier reading recorded in words is not found again.
    fn drop_recorded(&mut self) {
        let about = |f: &Finding| (f.kind, f.file.clone(), f.subject.clone(), f.count);
        let recorded: BTreeSet<_> =
            self.found.iter().filter_map(|f| Some((about(f), f.detail.as_told()?.to_owned()))).collect();
        let is_recorded = |f: &Finding| Locale::ALL.iter().any(|l| recorded.contains(&(about(f), text(*l, &f.detail))));
        self.found.retain(|f| recorded.is_empty() || f.detail.as_told().is_some() || !is_recorded(f));
    }

    /// The findings in order.
    pub fn finish(mut self) -> Vec<Finding> {
        self.found.sort();
        self.found.dedup();
        self.drop_recorded();
        let mut kept: Vec<Finding> = Vec::with_capacity(self.found.len().min(LISTED_PER_KIND));
        let mut over: BTreeMap<(FindingKind, String), u64> = BTreeMap::new();
        let mut listed: BTreeMap<FindingKind, usize> = BTreeMap::new();
        for finding in self.found {
            let listed = listed.entry(finding.kind).or_default();
            // The "and more" of an earlier reading has no subject and is kept as it is.
            if finding.subject.is_empty() {
                kept.push(finding);
            } else if *listed < LISTED_PER_KIND {
                *listed += 1;
                kept.push(finding);
            } else {
                *over.entry((finding.kind, finding.file)).or_default() += finding.count.max(1);
            }
        }
        kept.extend(over.into_iter().map(|((kind, file), count)| Finding {
            kind,
            file,
            subject: String::new(),
            detail: msg!("AND_MORE_FINDINGS"),
            count,
        }));
        kept.sort();
        kept
    }
}
