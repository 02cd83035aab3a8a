//! What the suite said of the rows it was sent, file by file.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Serialize;
use tally_api::common::v1::ImportResult;
use tally_bundle::{AccountIx, Bundle, PersonIx};
use tally_kernel::{Clock, Locale, Message, Rng, msg};

use super::Ids;

/// A row that the suite did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file it came from.
    pub file: &'static str,
    /// What names the row: its external id, the person and the instant, and the like.
    pub row: String,
    /// What a program goes by.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
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
}

impl Taken {
    /// An upload into a suite of one's own.
    pub fn alone() -> Self {
        Self { beside_others: false, locale: Locale::En, files: BTreeMap::new(), refused: Vec::new() }
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

    /// Notes the answer about rows of a file; `name` says which row is at a place of the request.
    ///
    /// # Errors
    /// A refused row, where the reader's word should have been enough.
    pub fn note(
        &mut self,
        file: &'static str,
        result: Option<ImportResult>,
        name: impl Fn(usize) -> String,
    ) -> Result<()> {
        let result = result.unwrap_or_default();
        if let Some(first) = result.problems.first().filter(|_| !self.beside_others) {
            let more = result.problems.len() - 1;
            bail!(
                "{file}: the suite refused a row that was read without complaint: {} ({}); {more} more",
                first.message,
                first.reason
            )
        }
        let counted = self.files.entry(file).or_default();
        counted.written += u64::from(result.written);
        counted.unchanged += u64::from(result.unchanged);
        counted.refused += result.problems.len() as u64;
        let locale = self.locale;
        self.refused.extend(result.problems.into_iter().map(|problem| Refused {
            file,
            row: name(problem.index as usize),
            cure: tally_i18n::text(locale, &cure(&problem.reason)),
            reason: problem.reason,
            message: problem.message,
        }));
        Ok(())
    }

    /// Notes rows that need not be sent, since they are there.
    pub fn unchanged(&mut self, file: &'static str, rows: u64) {
        self.files.entry(file).or_default().unchanged += rows;
    }

    /// Of these rows those whose person and account the suite has; the others are refused.
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
            let missing = person.and_then(|p| missing_person(bundle, ids, p));
            match missing.or_else(|| account.and_then(|a| missing_account(bundle, ids, a))) {
                None => placed.push(row),
                Some(message) => self.refuse(file, name(row), &message),
            }
        }
        placed
    }

    /// Notes a row that is not worth sending.
    pub fn refuse(&mut self, file: &'static str, row: String, message: &Message) {
        self.files.entry(file).or_default().refused += 1;
        let [cure, message, reason] = [
            tally_i18n::text(self.locale, &cure(message.id())),
            tally_i18n::text(self.locale, message),
            message.id().to_owned(),
        ];
        self.refused.push(Refused { file, row, reason, message, cure });
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
        _ => msg!("CURE_REFUSED_ROW"),
    }
}

fn missing_person(bundle: &Bundle, ids: &Ids, person: PersonIx) -> Option<Message> {
    let number = &bundle.person(person).employee_no;
    ids.people[person.0 as usize].is_empty().then(|| msg!("PERSON_NOT_IN_SUITE", number))
}

/// Why nothing of this account can be sent, if it cannot.
pub fn missing_account(bundle: &Bundle, ids: &Ids, account: AccountIx) -> Option<Message> {
    let label = bundle.account_label(account);
    ids.accounts[account.0 as usize].is_empty().then(|| msg!("ACCOUNT_NOT_IN_SUITE", label))
}
