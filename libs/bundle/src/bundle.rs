//! What a bundle holds once it is read: typed, sorted, and the same whatever the order of rows was.

use std::collections::BTreeMap;

use super::diagnostics::{ColumnRead, Finding, Rejected};
use super::group::{DEFAULT_REGION, Group, Period, Policy};
use super::model::{
    AccountIx, Alias, BundleAccount, BundlePerson, Claim, GivenPunch, Handover, Measure, Observation, OwnedDevice,
    PersonIx, Punch, Rate, Record, RecordIx, Reply, Roster,
};
use super::pool::Pool;
use super::scheme::Scheme;
use super::source::FileDigest;
use super::symbols::{Symbol, Symbols};

/// The outcome of reading a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What is worked on.
    pub bundle: Bundle,
    /// How many rows each file has, without its header and blank lines.
    pub rows: BTreeMap<&'static str, u64>,
    /// The rows that were not taken, by file and line; of each file at most 100,000 are described, then one entry
    /// with line 0 stands for the others.
    pub rejected: Vec<Rejected>,
    /// How many rows of each file were rejected; a file without any is not named.
    pub rejected_rows: BTreeMap<&'static str, u64>,
    /// The columns of the files, as they were understood, in the order of each file.
    pub columns: Vec<ColumnRead>,
    /// The files as they were found. They depend on the order of rows: a manifest takes the digests that
    /// [`write_normalised`](super::write_normalised) returns.
    pub files: Vec<FileDigest>,
}

/// A month of a group: everything the main job needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Name, currency, zone, branches.
    pub group: Group,
    /// The local dates the records are taken from.
    pub period: Period,
    /// How evidence becomes credit.
    pub policy: Policy,
    /// How credit becomes a score.
    pub scheme: Scheme,
    /// What is paid out; without it there is no settlement.
    pub pool: Option<Pool>,
    /// By employee number.
    pub people: Vec<BundlePerson>,
    /// By platform, store and name.
    pub accounts: Vec<BundleAccount>,
    /// By account, start and external id.
    pub records: Vec<Record>,
    /// The extra columns of the records, by name; values stand at the index of their record.
    pub measures: Vec<Measure>,
    /// The texts of the records.
    pub symbols: Symbols,
    /// The messages of the records, by record, time, side and device; a record has at most
    /// [`REPLIES_PER_RECORD`](tally_kernel::limits::REPLIES_PER_RECORD).
    pub replies: Vec<Reply>,
    /// The devices of the messages.
    pub devices: Symbols,
    /// By account, time, person, record and customer.
    pub claims: Vec<Claim>,
    /// By person, start, end and account.
    pub rosters: Vec<Roster>,
    /// The rows of punches.csv, by person, time and kind.
    pub punches_given: Vec<GivenPunch>,
    /// What they mean, by person, time and kind.
    pub punches: Vec<Punch>,
    /// By account, time, person and kind.
    pub handovers: Vec<Handover>,
    /// By platform, alias and first date.
    pub aliases: Vec<Alias>,
    /// Whose devices are, by device, person or seat, and first date.
    pub owned: Vec<OwnedDevice>,
    /// By measure, subject and time.
    pub observations: Vec<Observation>,
    /// By day and currencies.
    pub rates: Vec<Rate>,
    /// What is worth knowing about the reading.
    pub findings: Vec<Finding>,
}

impl Bundle {
    /// The person at an index of this bundle.
    pub fn person(&self, ix: PersonIx) -> &BundlePerson {
        &self.people[ix.0 as usize]
    }

    /// The account at an index of this bundle.
    pub fn account(&self, ix: AccountIx) -> &BundleAccount {
        &self.accounts[ix.0 as usize]
    }

    /// The record at an index of this bundle.
    pub fn record(&self, ix: RecordIx) -> &Record {
        &self.records[ix.0 as usize]
    }

    /// Where a message was written, where its row says so.
    pub fn device(&self, reply: &Reply) -> Option<&str> {
        reply.device.map(|device| self.devices.get(device))
    }

    /// The text of a symbol of this bundle.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.symbols.get(symbol)
    }

    /// The index of the person with this employee number.
    pub fn find_person(&self, employee_no: &str) -> Option<PersonIx> {
        let at = self.people.binary_search_by(|p| p.employee_no.as_str().cmp(employee_no)).ok()?;
        Some(PersonIx(at as u32))
    }

    /// How an account is written in files: its name where that is unique, else platform/store/name.
    pub fn account_label(&self, ix: AccountIx) -> String {
        let account = self.account(ix);
        let alone = self.accounts.iter().filter(|a| a.name == account.name).count() == 1;
        if alone { account.name.clone() } else { account.path() }
    }

    /// The region of a branch, that is of the first segment of an org unit.
    pub fn region_of(&self, org_unit: &str) -> &str {
        let branch = org_unit.split('/').next().unwrap_or_default();
        self.group.branches.get(branch).map_or(DEFAULT_REGION, String::as_str)
    }
}
