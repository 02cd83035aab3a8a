//! replies.csv: when which side wrote a message of which record, and where; never what it says.
//!
//! There are several rows for each record. A row becomes 32 bytes that name the record by its place in the bundle and the device
//! by its symbol; at the end the rows are ordered, equal ones are taken once, and what no record has is rejected.

use jiff::Timestamp;
use tally_kernel::limits::{REPLIES_PER_RECORD, is_in_record};
use tally_kernel::time::told_at;
use tally_kernel::{Message, msg};

use super::cell::{self, Moment, shown};
use super::cleaned::Need::{Optional, Required};
use super::diagnostics::{FindingKind, Findings, RowDiagnostic, Seen, Unusable, Wrong};
use super::directory::Directory;
use super::duty::word;
use super::layout::Layout;
use super::model::{AccountIx, Record, RecordIx, Reply, Side};
use super::people::{Diagnostics, each_row, optional};
use super::records::{Fate, Records};
use super::refusals::RowName;
use super::source::Source;
use super::symbols::Symbols;
use super::table::Row;

mod found;

use found::ById;

pub(crate) static REPLIES: Layout = Layout {
    file: "replies.csv",
    columns: &[
        ("account", Required),
        ("external_id", Required),
        ("at", Required),
        ("by", Required),
        ("device", Optional),
    ],
    extras: false,
};

/// More rows than this do not fit one close.
const REPLY_LIMIT: usize = 100_000_000;
/// How a row says its side.
const SIDES: [(&str, Side); 2] = [("agent", Side::Agent), ("customer", Side::Customer)];

/// The records that rows may name.
struct Around<'a> {
    directory: &'a Directory<'a>,
    records: &'a Records,
    by_id: ById<'a>,
}

/// What is told of many rows at once.
#[derive(Default)]
struct Told {
    /// Of records that do not begin in the period.
    outside: Seen,
    /// Of two times that the clock showed alike the first was taken, since nothing says which is meant.
    first: Seen,
    /// The second was taken, since the first does not lie in the record.
    second: Seen,
}

/// Reads replies.csv: the messages and the table of their devices. Local times are of the account's zone.
///
/// # Errors
/// It is no such file, or holds more than fits one close.
pub(crate) fn read_replies(
    source: Option<&Source>,
    directory: &Directory<'_>,
    records: &Records,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(Vec<Reply>, Symbols), Unusable> {
    let Some(source) = source else { return Ok(Default::default()) };
    let around = Around { directory, records, by_id: ById::new(&records.records, &records.symbols) };
    let (mut devices, mut told, mut taken) = (Symbols::default(), Told::default(), 0_usize);
    let mut rows = each_row(Some(source), &REPLIES, false, diagnostics, |row, diagnostic| {
        let reply = around.reply(row, (&mut devices, &mut told), diagnostic)?;
        taken += 1;
        (taken <= REPLY_LIMIT).then_some(reply)
    })?;
    if taken > REPLY_LIMIT {
        let problem = msg!("TOO_MANY_REPLIES", most = REPLY_LIMIT);
        return Err(Unusable::new("TOO_LARGE", REPLIES.file, problem, msg!("TOO_MANY_RECORDS_CURE")));
    }
    let devices = in_order(&mut rows, devices);
    rows.sort_unstable();
    around.reject_refused(&mut rows, diagnostics);
    take_once(&mut rows, diagnostics.findings);
    if !source.canonical {
        around.reject_surplus(&mut rows, diagnostics);
        told.note(records, diagnostics.findings);
    }
    // What was rejected may have been all that named a device.
    let devices = in_order(&mut rows, devices);
    Ok((rows.into_iter().map(|(reply, _)| reply).collect(), devices))
}

/// The devices that rows name, in the order of their texts; the rows then name them by their new symbols.
fn in_order(rows: &mut [(Reply, u64)], devices: Symbols) -> Symbols {
    let mut used = devices.marks();
    rows.iter().filter_map(|(reply, _)| reply.device).for_each(|device| used.mark(device));
    let (devices, moved) = devices.finish(&used);
    rows.iter_mut().for_each(|(reply, _)| reply.device = reply.device.and_then(|device| moved.get(device)));
    devices
}

/// Takes equal rows once: they stand beside each other.
fn take_once(rows: &mut Vec<(Reply, u64)>, findings: &mut Findings) {
    let before = rows.len();
    rows.dedup_by_key(|(reply, _)| *reply);
    let dropped = (before - rows.len()) as u64;
    if dropped > 0 {
        findings.add(FindingKind::DuplicateRow, REPLIES.file, "", msg!("EQUAL_ROWS", count = dropped), dropped);
    }
}

impl Around<'_> {
    fn reply(
        &self,
        row: &Row<'_>,
        (devices, told): (&mut Symbols, &mut Told),
        diagnostic: &mut RowDiagnostic,
    ) -> Option<Reply> {
        let (account, id) = (self.directory.account(row.get(0)), cell::id(row.get(1)));
        let account = diagnostic.take("account", account);
        let id = diagnostic.take("external_id", id);
        let record = match (account, &id) {
            (Some(account), Some(id)) => diagnostic.take("external_id", self.record(account, id)),
            _ => None,
        };
        let at = account
            .and_then(|account| diagnostic.take("at", cell::moment(row.get(2), self.directory.account_zone(account))));
        let by = diagnostic.take("by", word(row.get(3), SIDES));
        let device = diagnostic.take("device", optional(row.get(4), |text| Ok(devices.intern(&cell::id(text)?))))?;
        let (record, mut at, by) = (record?, at?, by?);
        let name = || [row.get(0), row.get(1), row.get(2)].join(" ");
        let Some(record) = record else {
            told.outside.note(name());
            return None;
        };
        told.settle(&mut at, self.of(record), name);
        Some(Reply { record, at: at.at, by, device })
    }

    fn of(&self, ix: RecordIx) -> &Record {
        &self.records.records[ix.0 as usize]
    }

    fn path(&self, account: AccountIx) -> String {
        self.directory.accounts[account.0 as usize].path()
    }

    /// The record of an account and an external id; nothing where it does not begin in the period.
    fn record(&self, account: AccountIx, id: &str) -> Result<Option<RecordIx>, Wrong> {
        if let Some(record) = self.by_id.find(account, id) {
            return Ok(Some(record));
        }
        match self.records.lost.of(account, id) {
            Some(Fate::Outside) => Ok(None),
            Some(Fate::Rejected) => {
                let reason = msg!("ROWS_OF_RECORD_REJECTED", record = shown(id), account = self.path(account));
                Err(Wrong::new(reason, msg!("ROWS_REJECTED_CURE")))
            }
            None => Err(self.by_id.unknown(self.directory, account, id)),
        }
    }

    fn reject_refused(&self, rows: &mut Vec<(Reply, u64)>, diagnostics: &mut Diagnostics<'_, '_>) {
        let refusals = diagnostics.refusals;
        let name = |record: &Record| {
            RowName::Replies(self.path(record.account), self.records.symbols.get(record.external_id).to_owned())
        };
        // Rows of a record stand beside each other, so that each record is asked for once.
        let mut last: Option<(RecordIx, Option<&Wrong>)> = None;
        let all = std::mem::take(rows);
        *rows = refusals.keep(all, REPLIES.file, diagnostics.rejects, |reply| match last {
            Some((record, wrong)) if record == reply.record => wrong,
            _ => {
                let wrong = refusals.of(|| name(self.of(reply.record)));
                last = Some((reply.record, wrong));
                wrong
            }
        });
    }

    /// Of a record with more messages than one has, the first count; the others are one rejected entry and one finding.
    fn reject_surplus(&self, rows: &mut Vec<(Reply, u64)>, diagnostics: &mut Diagnostics<'_, '_>) {
        let mut any = false;
        for same in rows.chunk_by(|(a, _), (b, _)| a.record == b.record) {
            let (_, beyond) = same.split_at(same.len().min(REPLIES_PER_RECORD));
            let Some((first, _)) = beyond.first() else { continue };
            any = true;
            let record = self.of(first.record);
            let (id, path) = (self.records.symbols.get(record.external_id), self.path(record.account));
            let (rows, line) = (beyond.len() as u64, beyond.iter().map(|(_, line)| *line).min().unwrap_or(0));
            let reason = || {
                let (record, account, most, count) = (shown(id), &path, REPLIES_PER_RECORD, same.len());
                let at = told_at(first.at, self.directory.account_zone(self.of(first.record).account));
                msg!("REPLIES_ABOVE_MOST", record, account, count, most, rows, at)
            };
            let wrong = Wrong::new(reason(), msg!("REPLIES_ABOVE_MOST_CURE"));
            let wrong = Wrong { code: "REPLIES_TOO_MANY", ..wrong };
            diagnostics.rejects.push_all(REPLIES.file, (line, rows), "external_id", wrong);
            let subject = format!("{path}/{id}");
            diagnostics.findings.add(FindingKind::RepliesTooMany, REPLIES.file, subject, reason(), rows);
        }
        if any {
            let mut last = (None, 0);
            rows.retain(|(reply, _)| {
                let nth = if last.0 == Some(reply.record) { last.1 + 1 } else { 1 };
                last = (Some(reply.record), nth);
                nth <= REPLIES_PER_RECORD
            });
        }
    }
}

impl Told {
    /// Takes of a time that came twice the one that lies in the record; where both do or neither, the first.
    fn settle(&mut self, at: &mut Moment, record: &Record, name: impl FnOnce() -> String) {
        let Some(again) = at.doubtful() else { return };
        let is_in = |at: Timestamp| is_in_record(at, record.started_at, record.ended_at);
        match (is_in(at.at), is_in(again)) {
            (true, false) => {}
            (false, true) => {
                at.at = again;
                self.second.note(name());
            }
            (true, true) | (false, false) => self.first.note(name()),
        }
    }

    fn note(&self, records: &Records, findings: &mut Findings) {
        let mut add = |kind, seen: &Seen, say: &dyn Fn(u64, String) -> Message| {
            if seen.rows > 0 {
                findings.add(kind, REPLIES.file, "", say(seen.rows, shown(&seen.least)), seen.rows);
            }
        };
        let (from, to) = (records.period.from, records.period.to);
        let outside = |count, example| msg!("REPLIES_OUTSIDE_PERIOD", count, from, to, example);
        add(FindingKind::OutsidePeriod, &self.outside, &outside);
        add(FindingKind::HourTwice, &self.second, &|count, example| msg!("SECOND_OF_TWO.reply", count, example));
        add(FindingKind::HourTwice, &self.first, &|count, example| msg!("FIRST_OF_TWO", count, example));
    }
}
