//! Looks through the cells of a row before anybody reads them. Rows are joined by what their cells say, so a character that
//! nobody sees or a `.0` that a program added would quietly make two customers of one: both are taken off where nothing is
//! guessed, and counted; where something is, the row is rejected. Nothing of this happens to the canonical form.

use std::collections::BTreeMap;

use tally_kernel::{Message, msg};

use super::cell::{fold, shown};
use super::diagnostics::{FindingKind, Findings, Seen, Wrong};
use super::exported;

/// How much a column is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Without it the file says nothing.
    Required,
    /// Should be there; without it nothing of it is measured, which is a finding.
    Expected,
    /// May be there.
    Optional,
}

/// What becomes of a cell.
pub(super) enum Verdict {
    Stays,
    /// It is read as this.
    Becomes(String),
    Wrong(Wrong),
}

/// What was taken off the cells of a file, for each column.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    unseen: BTreeMap<String, Seen>,
    decimals: BTreeMap<String, Seen>,
    nothing: BTreeMap<String, Seen>,
    lost: BTreeMap<String, Seen>,
}

impl Cleaned {
    /// A cell of a column: as it stands in the file, and without what a spreadsheet added.
    pub fn judge(&mut self, (column, need): (&str, Need), written: &str, cell: &str) -> Verdict {
        if cell.is_empty() {
            return Verdict::Stays;
        }
        let plain = written.is_ascii() && !written.bytes().any(|b| b.is_ascii_control());
        let visible = if plain || !exported::is_free(column) { None } else { exported::visible(written) };
        if !plain && let Some(character) = exported::unseen_inside(visible.as_deref().unwrap_or(cell), column) {
            let reason = msg!("UNSEEN_CHARACTER", character);
            return Verdict::Wrong(Wrong::new(reason, msg!("UNSEEN_CHARACTER_CURE")));
        }
        let cell = visible.as_deref().unwrap_or(cell);
        let folded = fold(cell);
        if exported::is_no_value(&folded) {
            return self.without_value(column, need, cell);
        }
        if exported::is_key(column) && exported::is_shortened(&folded) {
            return Verdict::Wrong(Wrong::new(msg!("SHORTENED_NUMBER", text = shown(cell)), msg!("EXPORT_AS_TEXT")));
        }
        if let Some(whole) = exported::whole(&folded).filter(|_| exported::is_id(column)) {
            self.decimals.entry(column.to_owned()).or_default().note(cell.to_owned());
            return Verdict::Becomes(whole.to_owned());
        }
        visible.map_or(Verdict::Stays, |visible| self.unseen(column, visible))
    }

    /// A cell of a column that is none of the list.
    pub fn extra(&mut self, column: &str, written: &str) -> Verdict {
        exported::visible(written).map_or(Verdict::Stays, |visible| self.unseen(column, visible))
    }

    fn unseen(&mut self, column: &str, visible: String) -> Verdict {
        self.unseen.entry(column.to_owned()).or_default().note(visible.clone());
        Verdict::Becomes(visible)
    }

    /// A mark of nothing is an empty cell. What a spreadsheet shows where a formula failed hides a value, and where rows are
    /// joined or measured by it nobody can tell which.
    fn without_value(&mut self, column: &str, need: Need, cell: &str) -> Verdict {
        let failed = exported::is_lost(&fold(cell));
        let text = || shown(cell);
        if failed && !matches!(column, "kind" | "position" | "grade" | "customer") {
            return Verdict::Wrong(Wrong::new(msg!("FORMULA_FAILED", text = text()), msg!("FORMULA_FAILED_CURE")));
        }
        if need != Need::Required {
            let seen = if failed { &mut self.lost } else { &mut self.nothing };
            seen.entry(column.to_owned()).or_default().note(cell.to_owned());
            return Verdict::Becomes(String::new());
        }
        if exported::is_id(column) {
            let reason = msg!("STANDS_FOR_NO_VALUE", text = text());
            return Verdict::Wrong(Wrong::new(reason, msg!("STANDS_FOR_NO_VALUE_CURE")));
        }
        Verdict::Stays
    }

    /// Says what was taken off.
    pub fn note(&self, file: &str, findings: &mut Findings) {
        type Say = fn(&Seen) -> Message;
        let kinds: [(_, FindingKind, Say); 4] = [
            (&self.unseen, FindingKind::CleanedCell, |seen| {
                msg!("UNSEEN_LEFT_OUT", count = seen.rows, example = shown(&seen.least))
            }),
            (&self.decimals, FindingKind::CleanedCell, |seen| {
                msg!("DECIMAL_TAKEN_AS_WHOLE", count = seen.rows, example = shown(&seen.least))
            }),
            (&self.nothing, FindingKind::NoValue, no_value),
            (&self.lost, FindingKind::DamagedId, lost),
        ];
        for (columns, kind, say) in kinds {
            for (column, seen) in columns {
                findings.add(kind, file, shown(column), say(seen), seen.rows);
            }
        }
    }
}

/// Cells of which a spreadsheet lost the value, taken as empty.
pub(super) fn lost(seen: &Seen) -> Message {
    msg!("VALUE_LOST_EMPTY", count = seen.rows, example = shown(&seen.least))
}

/// The same in a column of texts, of which they are one.
pub(super) fn lost_text(seen: &Seen) -> Message {
    msg!("VALUE_LOST_KEPT", count = seen.rows, example = shown(&seen.least))
}

/// Cells that were taken as empty.
pub(super) fn no_value(seen: &Seen) -> Message {
    msg!("NO_VALUE_TAKEN_AS_EMPTY", count = seen.rows, example = shown(&seen.least))
}
