//! External ids that come several times: versions of a record, the same row once more, or nobody knows what.

use tally_kernel::msg;

use super::super::cell::shown;
use super::super::diagnostics::{FindingKind, Wrong};
use super::super::measures::Raw;
use super::super::model::AccountIx;
use super::super::people::Diagnostics;
use super::super::symbols::Symbol;
use super::{RECORDS, Reader};

impl Reader<'_, '_> {
    /// An external id several times in an account: equal rows count once, rows that differ not at all,
    /// and neither do rows whose ids a spreadsheet made equal: they may have been several records.
    pub(super) fn settle_repeats(&mut self, diagnostics: &mut Diagnostics<'_, '_>) {
        let key = |(i, raw): (usize, &Raw)| (raw.record.account, raw.record.external_id, i as u32);
        let mut order: Vec<_> = self.raws.iter().enumerate().map(key).collect();
        order.sort_unstable();
        let mut drop = vec![false; self.raws.len()];
        let mut any = false;
        for group in order.chunk_by_mut(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|group| group.len() > 1) {
            any = true;
            let group = self.newest(group, &mut drop, diagnostics);
            let [(_, _, first), others @ ..] = group else { continue };
            if others.is_empty() {
                continue;
            }
            let first_raw = &self.raws[*first as usize];
            let id = self.symbols.get(first_raw.record.external_id);
            let path = self.directory.accounts[first_raw.record.account.0 as usize].path();
            let (equal, shortened) =
                (others.iter().all(|(_, _, i)| self.equal(first_raw, &self.raws[*i as usize])), self.is_shortened(id));
            if equal && !shortened {
                others.iter().for_each(|(_, _, i)| drop[*i as usize] = true);
                let (kind, subject) = (FindingKind::DuplicateRecord, format!("{path}/{id}"));
                let rows = others.len() as u64;
                diagnostics.findings.add(kind, RECORDS.file, subject, msg!("DUPLICATE_RECORD", count = rows), rows);
                continue;
            }
            for (_, _, i) in group {
                drop[*i as usize] = true;
                let (id, count, account) = (shown(id), group.len(), &path);
                let reason = match equal {
                    true => msg!("ID_TWICE_SAME", id, count, account),
                    false => msg!("ID_TWICE_DIFFERENT", id, count, account),
                };
                let cure = if shortened { msg!("ID_TWICE_SHORTENED_CURE") } else { msg!("ID_TWICE_CURE") };
                let line = u64::from(self.raws[*i as usize].line);
                diagnostics.rejects.push(RECORDS.file, line, "external_id", Wrong::new(reason, cure));
            }
        }
        if any {
            let mut dropped = drop.iter();
            self.raws.retain(|_| !dropped.next().copied().unwrap_or(false));
        }
    }

    /// The rows of the highest revision; the others are earlier versions of the record, and count no more.
    fn newest<'g>(
        &self,
        group: &'g mut [(AccountIx, Symbol, u32)],
        drop: &mut [bool],
        diagnostics: &mut Diagnostics<'_, '_>,
    ) -> &'g [(AccountIx, Symbol, u32)] {
        let revision = |place: &(AccountIx, Symbol, u32)| self.raws[place.2 as usize].record.revision;
        let highest = group.iter().map(revision).max().unwrap_or(0);
        group.sort_by_key(|place| (revision(place) < highest, place.2));
        let (newest, earlier) = group.split_at(group.partition_point(|place| revision(place) == highest));
        earlier.iter().for_each(|(_, _, i)| drop[*i as usize] = true);
        if let Some((account, id, _)) = earlier.first() {
            let id = self.symbols.get(*id);
            let (kind, rows) = (FindingKind::DuplicateRecord, earlier.len() as u64);
            let subject = format!("{}/{id}", self.directory.accounts[account.0 as usize].path());
            let said = msg!("DUPLICATE_RECORD.revised", count = rows, revision = highest.to_string());
            diagnostics.findings.add(kind, RECORDS.file, subject, said, rows);
        }
        newest
    }

    /// The same content, extra cells included to the letter.
    fn equal(&self, a: &Raw, b: &Raw) -> bool {
        let cells = |raw: &Raw| {
            let start = raw.row as usize * self.extras.len();
            &self.cells[start..start + self.extras.len()]
        };
        a.record == b.record && cells(a) == cells(b)
    }
}
