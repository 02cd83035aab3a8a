//! Who contributed what to a record.

use jiff::civil::Date;
use tally_kernel::{contribution, msg};

use super::super::cell::{self, shown};
use super::super::diagnostics::Wrong;
use super::super::symbols::Symbol;
use super::super::table::Row;
use super::{MORE, Reader};

/// The place of the contributors in a file that people wrote.
const WRITTEN: usize = 17;

impl Reader<'_, '_> {
    /// Who contributed what, by employee number.
    pub(super) fn contributors(&mut self, row: &Row<'_>, platform: &str, day: Date) -> Result<Option<Symbol>, Wrong> {
        let text = row.get(if self.literal { MORE } else { WRITTEN });
        if text.is_empty() {
            return Ok(None);
        }
        let folded = cell::fold(text);
        let wrong = |_| Wrong::new(msg!("NO_CONTRIBUTORS", text = shown(&folded)), msg!("NO_CONTRIBUTORS_CURE"));
        let mut named = contribution::read(&folded).map_err(wrong)?;
        for one in &mut named {
            let person = self.directory.agent(platform, &one.agent, day).map_err(of_contributors)?;
            one.agent.clone_from(&self.directory.people[person.0 as usize].employee_no);
        }
        let named = contribution::sorted(named).map_err(wrong)?;
        Ok(Some(self.symbols.intern(&contribution::write(&named))))
    }
}

/// What is wrong with a name, with a cure for this column.
fn of_contributors(wrong: Wrong) -> Wrong {
    let cure = match wrong.cure.id() {
        "UNKNOWN_AGENT_CURE" => msg!("UNKNOWN_AGENT_CURE.contributors"),
        _ => wrong.cure,
    };
    Wrong { cure, ..wrong }
}
