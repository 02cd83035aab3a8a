//! Records of the file that are not in the bundle, so that what names one of them can be told why.

use std::collections::{BTreeMap, HashMap};

use super::super::cell;
use super::super::measures::Raw;
use super::super::model::AccountIx;
use super::super::symbols::Symbol;
use super::super::table::Row;
use super::Reader;

/// Why a record is not in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It does not begin in the period.
    Outside,
    /// Its rows were rejected.
    Rejected,
}

/// What became of records that are not in the bundle, by account and external id.
#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeMap<AccountIx, HashMap<Box<str>, Fate>>);

impl Lost {
    /// What became of a record; nothing where the file has none of that id.
    pub fn of(&self, account: AccountIx, id: &str) -> Option<Fate> {
        self.0.get(&account)?.get(id).copied()
    }

    /// Of an id that has rows of both kinds the rejected ones are told: those can be mended.
    fn note(&mut self, account: AccountIx, id: &str, fate: Fate) {
        let fates = self.0.entry(account).or_default();
        match fates.get_mut(id) {
            Some(known) => *known = fate.max(*known),
            None => _ = fates.insert(id.into(), fate),
        }
    }
}

impl Reader<'_, '_> {
    /// Notes the record of the row that was read last, where it says which it is.
    pub(super) fn lose(&mut self, row: &Row<'_>, fate: Fate) {
        if let Some(lost) = &mut self.lost
            && let Some(account) = self.directory.last_record_account()
            && let Ok(id) = cell::id(row.get(3))
        {
            lost.note(account, &id, fate);
        }
    }

    /// Account and external id of every record; none where nobody asks for those that are lost.
    pub(super) fn names(&self) -> Vec<(AccountIx, Symbol)> {
        let name = |Raw { record, .. }: &Raw| (record.account, record.external_id);
        let mut names: Vec<_> = self.raws.iter().filter(|_| self.lost.is_some()).map(name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Notes as rejected what was there `before` and is no more.
    pub(super) fn lose_others(&mut self, before: Vec<(AccountIx, Symbol)>) {
        let after = self.names();
        let Some(lost) = &mut self.lost else { return };
        if before.len() == after.len() {
            return;
        }
        for (account, id) in before.into_iter().filter(|name| after.binary_search(name).is_err()) {
            lost.note(account, self.symbols.get(id), Fate::Rejected);
        }
    }
}
