//! Finding a record by account and external id, and what is wrong with an id that no record has.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hasher};

use tally_kernel::msg;

use super::super::cell::{nearest, shown};
use super::super::diagnostics::Wrong;
use super::super::directory::Directory;
use super::super::exported;
use super::super::model::{AccountIx, Record, RecordIx};
use super::super::symbols::Symbols;

/// The half of a slot that holds the number.
const LOW: u64 = 0xffff_ffff;
/// Ids that are looked at for one that may have been meant, in the whole file: enough to see what is wrong with it, and soon done.
const LOOKED_AT: usize = 2_000_000;

/// The records of a bundle by account and external id. There may be millions of them, so that it holds numbers alone and goes to the
/// texts of the records.
pub(super) struct ById<'a> {
    records: &'a [Record],
    symbols: &'a Symbols,
    /// Open addressing: half a hash above the number of a record, counted from 1, or 0 for a free slot.
    slots: Vec<u64>,
    left: Cell<usize>,
}

impl<'a> ById<'a> {
    pub fn new(records: &'a [Record], symbols: &'a Symbols) -> Self {
        let size = (records.len() * 2).next_power_of_two().max(64);
        let mut slots = vec![0; size];
        for (number, record) in (1_u64..).zip(records) {
            let hash = hash(record.account, symbols.get(record.external_id));
            let mut at = hash as usize & (size - 1);
            while slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = hash << 32 | number;
        }
        Self { records, symbols, slots, left: Cell::new(LOOKED_AT) }
    }

    /// The record of an account and an external id.
    pub fn find(&self, account: AccountIx, id: &str) -> Option<RecordIx> {
        let hash = hash(account, id);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        // The record is looked at only where its half hash agrees: it is far away in memory.
        while self.slots[at] != 0 {
            let ix = (self.slots[at] & LOW) as usize - 1;
            let record = &self.records[ix];
            if self.slots[at] >> 32 == hash && record.account == account && self.symbols.get(record.external_id) == id {
                return Some(RecordIx(ix as u32));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// What is wrong with an id that no record of the account has: its digits are lost, it is of another account, or it is misspelt.
    pub fn unknown(&self, directory: &Directory<'_>, account: AccountIx, id: &str) -> Wrong {
        let path = |ix: AccountIx| directory.accounts[ix.0 as usize].path();
        if exported::is_shortened(id) {
            return Wrong::new(msg!("SHORTENED_NUMBER", text = shown(id)), msg!("EXPORT_AS_TEXT"));
        }
        let record = shown(id);
        let none =
            |reason| Wrong { code: "REPLY_RECORD_UNKNOWN", ..Wrong::new(reason, msg!("REPLY_WITHOUT_RECORD_CURE")) };
        let mut others = (0..directory.accounts.len() as u32).map(AccountIx);
        let other = self.may_look_at(directory.accounts.len()).then(|| others.find(|ix| self.find(*ix, id).is_some()));
        if let Some(other) = other.flatten() {
            let (account, other) = (path(account), path(other));
            return none(msg!("REPLY_WITHOUT_RECORD.elsewhere", record, account, other));
        }
        let hint = self.near(account, id).map(|near| msg!("HINT_MEANT", near = shown(near))).unwrap_or_default();
        none(msg!("REPLY_WITHOUT_RECORD", record, account = path(account), hint))
    }

    /// The id of the account that may be meant: the same number with or without its leading zeros, else the nearest one.
    fn near(&self, account: AccountIx, id: &str) -> Option<&str> {
        let from = self.records.partition_point(|record| record.account < account);
        let to = self.records.partition_point(|record| record.account <= account);
        let of_account = &self.records[from..to];
        if !self.may_look_at(of_account.len()) {
            return None;
        }
        let ids = || of_account.iter().map(|record| self.symbols.get(record.external_id));
        let bare = |id: &str| id.bytes().all(|b| b.is_ascii_digit()).then(|| id.trim_start_matches('0').len());
        let same = |other: &&str| bare(other).is_some() && other.trim_start_matches('0') == id.trim_start_matches('0');
        let number = bare(id).filter(|digits| *digits > 0).and_then(|_| ids().find(same));
        number.or_else(|| nearest(id, ids()))
    }

    /// Whether so many ids may still be looked at; then they are.
    fn may_look_at(&self, ids: usize) -> bool {
        let left = self.left.get().checked_sub(ids);
        left.inspect(|left| self.left.set(*left)).is_some()
    }
}

/// Half a hash. Its keys are fixed on purpose: nothing depends on the order in the table, and no randomness is taken.
fn hash(account: AccountIx, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(account.0);
    hasher.write(id.as_bytes());
    hasher.finish() >> 32
}
