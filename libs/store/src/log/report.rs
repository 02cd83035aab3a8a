//! What checking the logs comes to: entries, rows, and the first place of each stream and table that is not as it was written.

use std::fmt;

use jiff::Timestamp;
use tally_kernel::{Locale, Message, msg};
use uuid::Uuid;

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The content is not what was written: a changed byte, or an entry that the service never wrote.
    Content,
    /// The entry does not follow from the one before: inserted, replaced or moved.
    Chain,
    /// This position is missing: deleted.
    Missing,
    /// The signed head says that there were more: the end was cut off.
    Truncated,
    /// There are entries after the signed head.
    BeyondHead,
    /// The head's signature is not ours, or there is none.
    Head,
    /// Older than five seconds and still without a position: no sequencer runs.
    Unnumbered,
    /// The chain is another one here than when its head was exported: what lies before was replaced as a whole.
    Forked,
    /// A head was exported for a later position: an older log was put back.
    PutBack,
    /// A line of the file of exported heads that is not the service's, or goes back.
    ExportedHead,
    /// A row whose audit entry does not exist: no unit of work wrote it, or its entry was deleted.
    Unaccounted,
    /// A row whose audit entry accounts for fewer rows than name it: one of them borrowed the entry.
    Borrowed,
}

/// The first bad entry of a stream, or the first bad row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `audit`, `outbox`, `heads` (the file), or the table of the row.
    pub table: String,
    /// The group; the nil id for the outbox, which is one stream.
    pub tenant: Uuid,
    /// The position, if it has one.
    pub position: Option<i64>,
    /// The entry, if it is there; of a row, the entry that it names.
    pub entry: Option<Uuid>,
    /// The row, by its key in the group; the line of the file.
    pub row: Option<String>,
    /// What is wrong.
    pub defect: Defect,
}

impl Defect {
    /// What is wrong, said of the entry or row.
    fn said(self) -> Message {
        match self {
            Self::Content => msg!("AUDIT_DEFECT"),
            Self::Chain => msg!("AUDIT_DEFECT.chain"),
            Self::Missing => msg!("AUDIT_DEFECT.missing"),
            Self::Truncated => msg!("AUDIT_DEFECT.truncated"),
            Self::BeyondHead => msg!("AUDIT_DEFECT.beyond"),
            Self::Head => msg!("AUDIT_DEFECT.head"),
            Self::Unnumbered => msg!("AUDIT_DEFECT.unnumbered"),
            Self::Forked => msg!("AUDIT_DEFECT.forked"),
            Self::PutBack => msg!("AUDIT_DEFECT.older"),
            Self::ExportedHead => msg!("AUDIT_DEFECT.exported"),
            Self::Unaccounted => msg!("AUDIT_DEFECT.unaccounted"),
            Self::Borrowed => msg!("AUDIT_DEFECT.borrowed"),
        }
    }
}

impl Fault {
    /// Where it is and what is wrong, for whoever reads the report.
    pub fn said(&self) -> Message {
        let place = match (&self.row, self.position) {
            (Some(row), _) if self.defect == Defect::ExportedHead => msg!("AUDIT_PLACE.line", row),
            (Some(row), _) => match self.entry {
                Some(id) => msg!("AUDIT_PLACE.row-of", row, id),
                None => msg!("AUDIT_PLACE.row", row),
            },
            (None, position) => {
                let place = position.map_or_else(|| msg!("AUDIT_PLACE.unnumbered"), |at| msg!("AUDIT_PLACE", at));
                match self.entry {
                    Some(id) => msg!("AUDIT_PLACE.named", place, id),
                    None => place,
                }
            }
        };
        msg!("AUDIT_FAULT", table = self.table, stream = self.tenant, place, defect = self.defect.said())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tally_i18n::text(Locale::En, &self.said()))
    }
}

/// What [`Store::verify_audit`](crate::Store::verify_audit) found.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    /// Entries read, of both logs; of one group, of its audit log.
    pub entries: u64,
    /// When the first numbered entry of an audit log was written.
    pub first: Option<Timestamp>,
    /// When the last one was.
    pub last: Option<Timestamp>,
    /// Rows whose audit entry was looked for.
    pub rows: u64,
    /// Exported heads that the logs were held against.
    pub heads: u64,
    /// The first bad entry of every bad stream, then the first bad row of every table; nothing when all is well.
    pub faults: Vec<Fault>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.faults.is_empty()
    }

    /// Counts an entry, that an audit log has from this instant.
    pub(crate) fn count(&mut self, at: Option<Timestamp>) {
        self.entries += 1;
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
    }
}
