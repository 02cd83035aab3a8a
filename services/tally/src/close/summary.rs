//! `summary.json`, `timings.json` and `manifest.json`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tally_bundle::FileDigest;
use tally_bundle::sheet::Csv;
use tally_kernel::msg;

use crate::said::Said;

/// The result in figures. Equal for the same bundle, whatever its order of rows, the day and the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The group's name.
    pub group: String,
    /// First local date.
    pub from: String,
    /// Last local date.
    pub to: String,
    /// Records worked on: credited + unattributed.
    pub records: u64,
    /// Credited to somebody.
    pub credited: u64,
    /// Credited to nobody.
    pub unattributed: u64,
    /// Rows that were rejected, of all files.
    pub rejected: u64,
    /// Records per rung of the ladder.
    pub rungs: BTreeMap<String, u64>,
    /// Records of mixed accounts without a tag.
    pub mixed_untagged: u64,
    /// Findings per kind.
    pub findings: BTreeMap<String, u64>,
    /// What more evidence would bring, by account as evidence.csv names it: those that have anything in doubt; none of the versions before 3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Worth>,
    /// People with a score card.
    pub people: u64,
    /// Millionths of records that are credited to people outside of the population.
    #[serde(default, skip_serializing_if = "is_none")]
    pub outside_ppm: u64,
    /// How many they are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub outside_people: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// The pool, in minor units; nothing without a pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_minor: Option<i64>,
    /// What people get together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_minor: Option<i64>,
    /// What the team's fund gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_fund_minor: Option<i64>,
    /// Why there is a pool and no settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_settled: Option<NotSettled>,
    /// Later steps that could not be done, while everything before them is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_done: Vec<NotDone>,
    /// What computed it.
    pub versions: Versions,
    /// Digest over the digests of all result files that do not depend on the order of rows.
    pub digest: String,
}

/// What is expected to be credited to somebody else on an account, in millionths of its credited records: as things are, and with more evidence.
/// Never a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worth {
    /// As things are.
    pub now_ppm: u32,
    /// With breaks punched.
    pub with_breaks_ppm: u32,
    /// With devices on 30 % of the replies.
    pub with_devices_ppm: u32,
    /// With half of the records claimed.
    pub with_claims_ppm: u32,
    /// Days of people with hours of unbroken duty in which they did next to nothing.
    pub idle_days: u32,
    /// How many people these are.
    pub idle_people: u32,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Summary {
    /// Whether everything was done with every row.
    pub fn is_whole(&self) -> bool {
        self.rejected == 0 && self.not_settled.is_none() && self.not_done.is_empty()
    }
}

/// A step that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDone {
    /// The step, such as `statements`.
    pub step: String,
    /// Why.
    #[serde(flatten)]
    pub why: NotSettled,
}

/// Why a pool could not be split, while everything before it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSettled {
    /// The stable reason, such as `ZERO_SCORES`.
    pub reason: String,
    /// The sentence: what is wrong and what to change.
    pub message: String,
}

impl NotSettled {
    /// What a finding says of it: up to [`CLOCK_FORM`] the reason stood before the sentence.
    pub fn told(&self, form: u32) -> String {
        if form > CLOCK_FORM { self.message.clone() } else { format!("{}: {}", self.reason, self.message) }
    }
}

/// What computed a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub tally: String,
    /// The policy of attribution.
    pub policy: String,
    /// The scheme's name and version.
    pub scheme: String,
    /// Release of the tz database.
    pub tzdb: String,
}

/// How many rows of each file were rejected.
pub type Rejections = BTreeMap<String, u64>;

/// The form that is not written down: a zero of the policy stood for its default, and findings of services were English.
pub const FIRST_FORM: u32 = 1;
/// The last form whose credits told their times in UTC; in it a zero is a zero, and all findings are in the language of the rest.
pub const UTC_FORM: u32 = 2;
/// The last form whose findings passed over some shifts and told a reason by its code, and whose cards had units of English;
/// in it times of credits are by the clock of their account.
pub const CLOCK_FORM: u32 = 3;
/// The last form that said nothing of observations that count for nothing and of refunds larger than their sale; in it no rostered shift
/// disappears without a finding, and sentences are of one language.
pub const SILENT_FORM: u32 = 4;
/// The form of result folders that are written today.
pub const FORM: u32 = 5;

fn first_form() -> u32 {
    FIRST_FORM
}

fn is_first_form(form: &u32) -> bool {
    *form == FIRST_FORM
}

/// `manifest.json`: what went in and what came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What computed it.
    pub versions: Versions,
    /// The language of the sentences in the result files.
    pub language: String,
    /// The form of the folder. A replay keeps it, since it says how the inputs are understood.
    #[serde(default = "first_form", skip_serializing_if = "is_first_form")]
    pub form: u32,
    /// Who the CSV files are for; not said where they hold nothing but the values.
    #[serde(default, skip_serializing_if = "Csv::is_plain")]
    pub csv: Csv,
    /// Files of `inputs/`, normalised.
    pub inputs: Vec<FileDigest>,
    /// Rows that were rejected before normalising; they are not in `inputs/`.
    pub rejected: Rejections,
    /// Result files.
    pub results: Vec<FileDigest>,
    /// Digest over the digests of the result files.
    pub digest: String,
}

/// Seconds per step, and how many records: the one file that differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Step and seconds, in order.
    pub steps: Vec<(String, f64)>,
    /// Seconds in all.
    pub total: f64,
}

/// One digest over many, by name.
pub fn digest(files: &[FileDigest]) -> String {
    let mut lines: Vec<String> = files.iter().map(|f| format!("{} {}\n", f.file, f.blake3)).collect();
    lines.sort();
    blake3::hash(lines.concat().as_bytes()).to_hex().to_string()
}

/// Writes a value as indented JSON with a line end.
pub fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> Result<()> {
    let path = dir.join(name);
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(&path, text)
        .map_err(|error| Said(msg!("CANNOT_WRITE", file = path.display(), error = tally_i18n::io(&error))).into())
}

/// Reads what [`write`] wrote.
pub fn read<T: for<'de> Deserialize<'de>>(dir: &Path, name: &str) -> Result<T> {
    let path = dir.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Said(msg!("CANNOT_READ", file = path.display(), error = tally_i18n::io(&error))))?;
    serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Said(msg!("NOT_OF_TALLY", file = path.display(), line, column)).into()
    })
}
