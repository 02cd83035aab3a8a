//! What was read of an upload, without the rows themselves.

use std::collections::BTreeMap;

use tally_bundle::{ColumnRead, Finding, Period, Reading, Rejected, Unusable};
use tally_kernel::Message;

/// See the module's text.
#[derive(Debug)]
pub struct Read {
    /// What can be imported; or why nothing can.
    pub month: Result<Month, Unusable>,
    /// Rows that were not taken.
    pub rejected: Vec<Rejected>,
}

/// A month that can be imported.
#[derive(Debug)]
pub struct Month {
    pub period: Period,
    /// Rows of each file, and how many of them were rejected.
    pub rows: BTreeMap<&'static str, (u64, u64)>,
    pub columns: Vec<ColumnRead>,
    pub findings: Vec<Finding>,
    /// Values that were lost on the way into the files.
    pub damage: Option<Message>,
    /// Why it does not fit the group.
    pub misfit: Option<Unusable>,
}

impl Read {
    /// What is kept of a reading.
    pub fn of(read: Result<&Reading, Unusable>, misfit: Option<Unusable>) -> Self {
        match read {
            Ok(reading) => {
                let rejected = |file| reading.rejected_rows.get(file).copied().unwrap_or_default();
                let month = Month {
                    period: reading.bundle.period,
                    rows: reading.rows.iter().map(|(file, rows)| (*file, (*rows, rejected(*file)))).collect(),
                    columns: reading.columns.clone(),
                    findings: reading.bundle.findings.clone(),
                    damage: tally_import::damage(&reading.bundle).map(|(_, said)| said),
                    misfit,
                };
                Self { month: Ok(month), rejected: reading.rejected.clone() }
            }
            Err(mut unusable) => {
                let rejected = std::mem::take(&mut unusable.rejected);
                Self { month: Err(unusable), rejected }
            }
        }
    }
}
