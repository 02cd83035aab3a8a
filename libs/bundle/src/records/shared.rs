//! Who contributed what to a record.

use jiff::civil::Date;
use tally_kernel::contribution::{self, Malformed};
use tally_kernel::msg;

use super::super::cell::{self, shown};
use super::super::diagnostics::{FindingKind, Seen, Wrong};
use super::super::symbols::Symbol;
use super::super::table::Row;
use super::{Diagnostics, MORE, RECORDS, Reader};

/// The place of the contributors in a file that people wrote.
const WRITTEN: usize = 17;

/// What is wrong with a cell, and how to mend it.
fn wrong(cell: &str, malformed: Malformed) -> Wrong {
    let text = shown(cell);
    match malformed {
        Malformed::Part(_) => Wrong::new(msg!("NO_CONTRIBUTORS", text), msg!("NO_CONTRIBUTORS_CURE")),
        Malformed::Role(role) => {
            Wrong::new(msg!("NO_CONTRIBUTORS.role", text, role = shown(&role)), msg!("NO_CONTRIBUTORS_CURE"))
        }
        Malformed::Twice(named) => {
            let told = msg!("NO_CONTRIBUTORS.twice", text, named = shown(&named));
            Wrong::new(told, msg!("NO_CONTRIBUTORS_CURE.twice"))
        }
        Malformed::TooMany => {
            let max = contribution::MAX_CONTRIBUTORS;
            Wrong::new(msg!("NO_CONTRIBUTORS.many", text, max), msg!("NO_CONTRIBUTORS_CURE.many", max))
        }
    }
}

impl Reader<'_, '_> {
    /// Who contributed what, by employee number. A name that means nobody then is kept as it is written: the record counts, and closing
    /// gives the part to the others.
    pub(super) fn contributors(&mut self, row: &Row<'_>, platform: &str, day: Date) -> Result<Option<Symbol>, Wrong> {
        let text = row.get(if self.literal { MORE } else { WRITTEN });
        if text.is_empty() {
            return Ok(None);
        }
        let folded = cell::fold(text);
        let wrong = |malformed| wrong(&folded, malformed);
        let mut named = contribution::read(&folded).map_err(wrong)?;
        for one in &mut named {
            match self.directory.agent(platform, &one.agent, day) {
                Ok(person) => one.agent.clone_from(&self.directory.people[person.0 as usize].employee_no),
                Err(_) => self.nobody.note(one.agent.clone()),
            }
        }
        let named = contribution::sorted(named).map_err(wrong)?;
        Ok(Some(self.symbols.intern(&contribution::write(&named))))
    }

    /// Notes contributors who are nobody.
    pub(super) fn note_nobody(&self, diagnostics: &mut Diagnostics<'_, '_>) {
        let Seen { rows: count, least } = &self.nobody;
        if *count > 0 {
            let told = msg!("CONTRIBUTORS_NOBODY", count, example = shown(least));
            diagnostics.findings.add(FindingKind::ContributorUnknown, RECORDS.file, "contributors", told, *count);
        }
    }
}
