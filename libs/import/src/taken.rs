//! What the suite said of the rows it was sent, file by file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_api::common::v1::{ImportResult, RowProblem};
use tally_bundle::{AccountIx, Bundle, PersonIx, Refusals, RowName};
use tally_kernel::{Clock, Locale, Message, Rng, msg};

use crate::kept_back::KeptBack;
use crate::said::RowsRefused;
use crate::{Ids, UNITS};

/// A row that the suite did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The file it came from, or what the rows of several files name.
    pub file: String,
    /// What names the row: its external id, the person and the instant, and the like.
    pub row: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub cure: String,
    /// What a program goes by.
    pub code: String,
}

/// Rows of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Written by this upload.
    pub written: u64,
    /// There already with the same content.
    pub unchanged: u64,
    /// Written as new versions of what was there.
    pub revised: u64,
    /// Not taken.
    pub refused: u64,
}

/// All answers of one upload.
#[derive(Debug)]
pub struct Taken {
    /// Into a suite that holds more than this bundle, where a row may contradict what is there: such rows are noted, and the
    /// others go on. What a suite of one's own refuses are rows to read the bundle without.
    beside_others: bool,
    locale: Locale,
    /// By file.
    pub files: BTreeMap<&'static str, Counted>,
    /// Every row that was not taken.
    pub refused: Vec<Refused>,
    /// What must not be sent because of them.
    pub kept_back: KeptBack,
    /// Rows that a suite of one's own refused.
    refusals: Refusals,
}

impl Taken {
    /// An upload into a suite of one's own.
    pub fn alone() -> Self {
        let (files, refused, kept_back) = (BTreeMap::new(), Vec::new(), KeptBack::default());
        let refusals = Refusals::default();
        Self { beside_others: false, locale: Locale::En, files, refused, kept_back, refusals }
    }

    /// An upload into a suite that others fill too; sentences of our own in this language.
    pub fn beside_others(locale: Locale) -> Self {
        Self { beside_others: true, locale, ..Self::alone() }
    }

    /// Rows that are in the suite now.
    pub fn in_place(&self) -> u64 {
        self.files.values().map(|file| file.written + file.unchanged + file.revised).sum()
    }

    /// Whether the suite holds more than this bundle.
    pub fn is_beside_others(&self) -> bool {
        self.beside_others
    }

    /// Names a call that is sent again when its answer is lost. A suite of one's own loses none.
    pub fn request_id(&self) -> String {
        if self.beside_others { Rng::System.uuid(Clock::System.now()).to_string() } else { String::new() }
    }

    /// Notes the answer about rows of a file; `row` says what names the row at a place of the request, `name` how it is told.
    /// Gives the places of those that were refused.
    pub fn note(
        &mut self,
        file: &'static str,
        result: Option<ImportResult>,
        row: impl Fn(usize) -> RowName,
        name: impl Fn(usize) -> String,
    ) -> Vec<usize> {
        let result = result.unwrap_or_default();
        let counted = Counted {
            written: result.written.into(),
            unchanged: result.unchanged.into(),
            revised: result.revised.into(),
            refused: result.problems.len() as u64,
        };
        self.note_counted(file, counted, result.problems, row, name)
    }

    /// The same where a row of the request stands for several of the file, which are counted.
    pub fn note_counted(
        &mut self,
        file: &'static str,
        more: Counted,
        problems: Vec<RowProblem>,
        row: impl Fn(usize) -> RowName,
        name: impl Fn(usize) -> String,
    ) -> Vec<usize> {
        let counted = self.files.entry(file).or_default();
        counted.written += more.written;
        counted.unchanged += more.unchanged;
        counted.revised += more.revised;
        counted.refused += more.refused;
        let places = problems.iter().map(|problem| problem.index as usize).collect();
        let (locale, source) = (self.locale, self.source(file));
        for problem in problems {
            let (place, code) = (problem.index as usize, problem.reason);
            if self.beside_others {
                let (row, cure) = (name(place), tally_i18n::text(locale, &cure(&code)));
                self.refused.push(Refused { file: source.clone(), row, reason: problem.message, cure, code });
            } else {
                self.refusals.add(row(place), &code, Message::told(problem.message), cure_in_file(&code));
            }
        }
        places
    }

    /// Whether a suite of one's own has taken all rows so far.
    ///
    /// # Errors
    /// Those that it refused.
    pub fn all_in(&self) -> Result<(), RowsRefused> {
        if self.refusals.is_empty() { Ok(()) } else { Err(RowsRefused(self.refusals.clone())) }
    }

    /// A file as it is named to a person: the units have none of their own.
    fn source(&self, file: &str) -> String {
        if file == UNITS { tally_i18n::text(self.locale, &msg!("IMPORT_UNITS")) } else { file.to_owned() }
    }

    /// Notes rows that need not be sent, since they are there.
    pub fn unchanged(&mut self, file: &'static str, rows: u64) {
        self.files.entry(file).or_default().unchanged += rows;
    }

    /// Of these rows those whose person and account the suite has, and took; the others are refused.
    pub fn placed<'r, R>(
        &mut self,
        file: &'static str,
        rows: &'r [R],
        (bundle, ids): (&Bundle, &Ids),
        of: impl Fn(&R) -> (Option<PersonIx>, Option<AccountIx>),
        name: impl Fn(&R) -> String,
    ) -> Vec<&'r R> {
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            let (person, account) = of(row);
            let missing = person.and_then(|p| self.kept_back.person(bundle, ids, p));
            match missing.or_else(|| account.and_then(|a| self.kept_back.account(bundle, ids, a))) {
                None => placed.push(row),
                Some(message) => self.refuse(file, name(row), &message),
            }
        }
        placed
    }

    /// Notes a row that is not worth sending.
    pub fn refuse(&mut self, file: &'static str, row: String, message: &Message) {
        self.refuse_all(file, 1, row, message);
    }

    /// Notes so many rows of which the same is said.
    pub fn refuse_all(&mut self, file: &'static str, rows: u64, row: String, message: &Message) {
        self.files.entry(file).or_default().refused += rows;
        let [reason, cure] = [message, &cure(message.id())].map(|text| tally_i18n::text(self.locale, text));
        let (file, code) = (self.source(file), message.id().to_owned());
        self.refused.push(Refused { file, row, reason, cure, code });
    }
}

/// What to do about a row that the suite did not take.
fn cure(reason: &str) -> Message {
    match reason {
        "ALREADY_DIFFERENT" => msg!("CURE_ALREADY_DIFFERENT"),
        "DIFFERENT_CONTENT" | "REVISION_STALE" => msg!("CURE_DIFFERENT_CONTENT"),
        "REFERS_TO_NOTHING" => msg!("CURE_REFERS_TO_NOTHING"),
        "PERSON_UNKNOWN" | "PERSON_NOT_IN_SUITE" => msg!("CURE_PERSON_UNKNOWN"),
        "ACCOUNT_UNKNOWN" | "ACCOUNT_NOT_IN_SUITE" => msg!("CURE_ACCOUNT_UNKNOWN"),
        "ALIAS_OVERLAP" => msg!("CURE_ALIAS_OVERLAP"),
        "PLACE_WRONG" => msg!("CURE_PLACE_WRONG"),
        "ACCOUNT_OUT_OF_REACH"
        | "PERSON_OUT_OF_REACH"
        | "FACT_OUT_OF_REACH"
        | "CLAIM_OUT_OF_REACH"
        | "OBSERVATION_OUT_OF_REACH" => {
            msg!("CURE_OUT_OF_REACH")
        }
        "REPLY_RECORD_UNKNOWN" => msg!("CURE_REPLY_RECORD_UNKNOWN"),
        "CLAIM_WITHDRAWN" => msg!("CURE_CLAIM_WITHDRAWN"),
        "RECORD_OUT_OF_REACH" => msg!("CURE_RECORD_OUT_OF_REACH"),
        "ROWS_CONTRADICT" => msg!("CURE_ROWS_CONTRADICT"),
        "PERIOD_PURGED" => msg!("CURE_PERIOD_PURGED"),
        "EARLIER_ROW_REFUSED"
        | "ROWS_OF_UNIT_REFUSED"
        | "ROWS_OF_NUMBER_REFUSED"
        | "ROWS_OF_ACCOUNT_REFUSED"
        | "ROWS_OF_RECORD_REFUSED"
        | "NICKNAME_REFUSED" => {
            msg!("CURE_KEPT_BACK")
        }
        _ => msg!("CURE_REFUSED_ROW"),
    }
}

/// The same about a row that a suite refused which holds nothing but the bundle.
fn cure_in_file(reason: &str) -> Message {
    match reason {
        "ALREADY_DIFFERENT" | "DIFFERENT_CONTENT" | "ROWS_CONTRADICT" => msg!("KEEP_THE_RIGHT_ROW"),
        "ALIAS_OVERLAP" => msg!("CURE_ALIAS_OVERLAP"),
        "PLACE_WRONG" => msg!("CURE_PLACE_WRONG"),
        _ => msg!("CURE_REFUSED_ROW.file"),
    }
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::RowProblem;

    use super::*;

    fn refusing() -> Option<ImportResult> {
        let (reason, message) = ("ALREADY_DIFFERENT".to_owned(), "the suite says no".to_owned());
        let problems = vec![RowProblem { index: 1, reason, message }];
        Some(ImportResult { written: 1, problems, ..Default::default() })
    }

    fn row(at: usize) -> RowName {
        RowName::Person(["1001", "1002"][at].to_owned())
    }

    fn note(taken: &mut Taken) -> Vec<usize> {
        taken.note("people.csv", refusing(), row, |at| format!("row {at}"))
    }

    #[test]
    fn a_row_that_a_suite_of_ones_own_refuses_is_one_to_read_the_bundle_without() {
        let mut taken = Taken::alone();
        assert!(taken.all_in().is_ok());
        assert_eq!(note(&mut taken), [1]);
        let RowsRefused(rows) = taken.all_in().unwrap_err();
        let mut expected = Refusals::default();
        expected.add(row(1), "ALREADY_DIFFERENT", Message::told("the suite says no"), msg!("KEEP_THE_RIGHT_ROW"));
        assert_eq!((rows, taken.refused.len()), (expected, 0));
        let told = |locale| tally_i18n::text(locale, &taken.all_in().unwrap_err().0.told());
        assert_eq!(told(Locale::En), "people.csv: the suite says no. keep the row that is right.");
        assert_eq!(told(Locale::ZhCn), "people.csv：the suite says no。请只保留正确的一行。");
    }

    #[test]
    fn a_row_that_a_suite_of_others_refuses_is_told_and_the_others_go_on() {
        let mut taken = Taken::beside_others(Locale::En);
        assert_eq!(note(&mut taken), [1]);
        assert!(taken.all_in().is_ok());
        let [refused] = taken.refused.as_slice() else { panic!("one row") };
        assert_eq!((refused.row.as_str(), refused.code.as_str()), ("row 1", "ALREADY_DIFFERENT"));
        assert!(refused.cure.contains("overwrites nothing"), "{refused:?}");
    }

    #[test]
    fn rows_that_contradict_each_other_and_rows_that_wait_have_cures_of_their_own() {
        let cures = |locale| {
            let mut taken = Taken::beside_others(locale);
            let problem = |reason: &str| RowProblem { index: 0, reason: reason.into(), message: String::new() };
            let problems = ["ROWS_CONTRADICT", "EARLIER_ROW_REFUSED", "TEXT_TOO_LONG", "PERIOD_PURGED"];
            let problems = problems.map(problem).to_vec();
            let answer = ImportResult { problems, ..Default::default() };
            taken.note("records.csv", Some(answer), |_| row(0), |_| String::new());
            taken.refused.into_iter().map(|row| row.cure).collect::<Vec<_>>()
        };
        let english = cures(Locale::En);
        assert_eq!(english[0], "keep the row that is right, and import again");
        assert!(english[1].starts_with("correct first"), "{english:?}");
        assert_ne!(english[0], english[2]);
        assert!(english[3].contains("SetRetention"), "{english:?}");
        assert_eq!(cures(Locale::ZhCn)[0], "请只保留正确的一行，再重新导入");
    }
}
