//! A believable group for the demo, as a bundle: who really served each record is known, so that the demo can say how
//! far an equal split and Tally are from the truth.
//!
//! Three regions, stores on three platforms, shared, mixed and named accounts; overlapping shifts, nights across
//! midnight, forgotten and doubled punches, somebody who leaves in the middle of the month and whose nickname a
//! successor takes over, hand-overs on one account, rosters for some teams, punches for others, chat accounts that tell when which side wrote,
//! with workstations or clicks, and one account without any evidence of duty. A seed determines every byte: the dice are integers, so that machines agree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use tally_bundle::sheet::BYTE_ORDER_MARK;

mod dice;
mod files;
mod group;
mod serve;
mod shifts;
mod talk;
mod words;

/// The language of names and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

/// A bundle in memory, and the truth about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    files: BTreeMap<&'static str, String>,
    employee_nos: Vec<String>,
    /// For each record, by the number at the end of its external id, who served it.
    truth: Vec<u16>,
}

/// The most records a sample can have.
pub const MOST_RECORDS: usize = 5_000_000;

/// What is told beside the records is drawn from a stream of its own.
const TALK: u64 = 0x7A_1C;

/// Makes a month (March 2026) of `records` service records, at least 100 and at most [`MOST_RECORDS`]: 60 people and
/// 11 accounts, or 200 and 20 from half a million records on.
pub fn sample(seed: u64, records: usize, lang: Lang) -> Sample {
    let records = records.clamp(100, MOST_RECORDS);
    let words = words::of(lang);
    let mut dice = dice::Dice::new(seed);
    let group = group::Group::new(records >= 500_000, words, &mut dice);
    let month = shifts::Month::new(&group, &mut dice);
    let served = serve::serve(&group, &month, records, &mut dice);
    let mut dice = dice::Dice::new(seed ^ TALK);
    let written = talk::write(&group, &month, &served, &mut dice);
    let claims = talk::claim(&group, &served, &mut dice);
    Sample {
        files: files::write(&group, &month, &served, (&written, &claims), words),
        employee_nos: group.people.iter().map(|p| p.employee_no.clone()).collect(),
        truth: served.iter().map(|r| r.person).collect(),
    }
}

impl Sample {
    /// The files of the bundle, by name.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.files.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// The employee number of the person who really served a record; nothing for an id that is not of this sample.
    pub fn served_by(&self, external_id: &str) -> Option<&str> {
        let digits = external_id.get(external_id.len().checked_sub(7)?..)?;
        let person = *self.truth.get(digits.parse::<usize>().ok()?)?;
        self.employee_nos.get(usize::from(person)).map(String::as_str)
    }

    /// Writes the bundle to `dir`, which is made when missing; people open it in a spreadsheet.
    ///
    /// # Errors
    /// The folder or a file cannot be written.
    pub fn write_bundle(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        for (name, text) in self.files() {
            let mark = if name.ends_with(".csv") { BYTE_ORDER_MARK } else { "" };
            fs::write(dir.join(name), [mark, text].concat())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
