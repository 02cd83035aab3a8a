//! What the suite said of the rows it was sent, file by file.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use tally_api::common::v1::ImportResult;
use tally_bundle::{AccountIx, Bundle, PersonIx};
use tally_kernel::{Clock, Locale, Message, Rng, msg};

use super::kept_back::KeptBack;
use super::{Ids, UNITS};
use crate::said::Said;

/// A row that the suite did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Written by this upload.
    pub written: u64,
    /// There already with the same content.
    pub unchanged: u64,
    /// Not taken.
    pub refused: u64,
}

/// All answers of one upload.
#[derive(Debug)]
pub struct Taken {
    /// Into a suite that holds more than this bundle, where a row may contradict what is there: such rows are noted, and the
    /// others go on. Into a suite of one's own a refusal is a fault of ours and ends everything.
    beside_others: bool,
    locale: Locale,
    /// By file.
    pub files: BTreeMap<&'static str, Counted>,
    /// Every row that was not taken.
    pub refused: Vec<Refused>,
    /// What must not be sent because of them.
    pub kept_back: KeptBack,
}

impl Taken {
    /// An upload into a suite of one's own.
    pub fn alone() -> Self {
        let (files, refused, kept_back) = (BTreeMap::new(), Vec::new(), KeptBack::default());
        Self { beside_others: false, locale: Locale::En, files, refused, kept_back }
    }

    /// An upload into a suite that others fill too; sentences of our own in this language.
    pub fn beside_others(locale: Locale) -> Self {
        Self { beside_others: true, locale, ..Self::alone() }
    }

    /// Rows that are in the suite now.
    pub fn in_place(&self) -> u64 {
        self.files.values().map(|file| file.written + file.unchanged).sum()
    }

    /// Whether a row that does not fit what is there is noted instead of ending everything.
    pub fn is_beside_others(&self) -> bool {
        self.beside_others
    }

    /// Names a call that is sent again when its answer is lost. A suite of one's own loses none.
    pub fn request_id(&self) -> String {
        if self.beside_others { Rng::System.uuid(Clock::System.now()).to_string() } else { String::new() }
    }

    /// Notes the answer about rows of a file; `name` says which row is at a place of the request. Gives the places of those
    /// that were refused.
    ///
    /// # Errors
    /// A refused row, where the reader's word should have been enough.
    pub fn note(
        &mut self,
        file: &'static str,
        result: Option<ImportResult>,
        name: impl Fn(usize) -> String,
    ) -> Result<Vec<usize>> {
        let result = result.unwrap_or_default();
        if let Some(first) = result.problems.first().filter(|_| !self.beside_others) {
            let (row, problem, more) = (name(first.index as usize), &first.message, result.problems.len() - 1);
            return Err(Said(msg!("SUITE_REFUSED_ROW", file, row, problem, more)).into());
        }
        let counted = self.files.entry(file).or_default();
        counted.written += u64::from(result.written);
        counted.unchanged += u64::from(result.unchanged);
        counted.refused += result.problems.len() as u64;
        let (locale, source) = (self.locale, self.source(file));
        let places = result.problems.iter().map(|problem| problem.index as usize).collect();
        self.refused.extend(result.problems.into_iter().map(|problem| Refused {
            file: source.clone(),
            row: name(problem.index as usize),
            cure: tally_i18n::text(locale, &cure(&problem.reason)),
            reason: problem.message,
            code: problem.reason,
        }));
        Ok(places)
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
        self.files.entry(file).or_default().refused += 1;
        let [reason, cure] = [message, &cure(message.id())].map(|text| tally_i18n::text(self.locale, text));
        let (file, code) = (self.source(file), message.id().to_owned());
        self.refused.push(Refused { file, row, reason, cure, code });
    }
}

/// What to do about a row that the suite did not take.
fn cure(reason: &str) -> Message {
    match reason {
        "ALREADY_DIFFERENT" | "DIFFERENT_CONTENT" => msg!("CURE_ALREADY_DIFFERENT"),
        "PERSON_UNKNOWN" | "PERSON_NOT_IN_SUITE" => msg!("CURE_PERSON_UNKNOWN"),
        "ACCOUNT_UNKNOWN" | "ACCOUNT_NOT_IN_SUITE" => msg!("CURE_ACCOUNT_UNKNOWN"),
        "ALIAS_OVERLAP" => msg!("CURE_ALIAS_OVERLAP"),
        "PLACE_WRONG" => msg!("CURE_PLACE_WRONG"),
        "ROWS_OF_UNIT_REFUSED" | "ROWS_OF_NUMBER_REFUSED" | "ROWS_OF_ACCOUNT_REFUSED" | "NICKNAME_REFUSED" => {
            msg!("CURE_KEPT_BACK")
        }
        _ => msg!("CURE_REFUSED_ROW"),
    }
}
