//! What an import says at its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_bundle::Reading;

use crate::{Census, Counted, Taken, UNITS};

/// What is sent, in this order.
const SENT: [&str; 13] = [
    UNITS,
    "people.csv",
    "accounts.csv",
    "rosters.csv",
    "punches.csv",
    "handovers.csv",
    "aliases.csv",
    "devices.csv",
    "rates.csv",
    "records.csv",
    "replies.csv",
    "claims.csv",
    "observations.csv",
];

/// What an import did.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// First and last local day of the bundle.
    pub period: (String, String),
    /// Of each file, in the order of sending.
    pub files: Vec<FileReport>,
    /// Rows that could not be read, each in rejected.csv.
    pub rejected: u64,
    /// Rows that the suite did not take, each in refused.csv.
    pub refused: u64,
    /// What the reading found, by kind; each is in findings.csv.
    pub findings: BTreeMap<String, u64>,
    /// What the suite held before.
    pub before: Census,
    /// What it holds now.
    pub after: Census,
}

impl Report {
    /// What came of an import of what was read.
    pub fn of(
        reading: &Reading,
        findings: BTreeMap<String, u64>,
        taken: &Taken,
        before: Census,
        after: Census,
    ) -> Self {
        let period = reading.bundle.period;
        Self {
            period: (period.from.to_string(), period.to.to_string()),
            files: FileReport::all(reading, taken),
            rejected: reading.rejected_rows.values().sum(),
            refused: taken.refused.len() as u64,
            findings,
            before,
            after,
        }
    }
}

/// What became of the rows of a file: those that were read are the sum of all others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// All of them.
    pub read: u64,
    /// What the suite said of those that were sent.
    #[serde(flatten)]
    pub rows: Counted,
    /// Could not be read.
    pub rejected: u64,
    /// Not sent by themselves: equal to another, one account's or employment's further row, outside of the period, between
    /// the first and the last punch of a day.
    pub left_out: u64,
}

impl FileReport {
    /// What became of the rows of everything that a bundle holds.
    pub fn all(reading: &Reading, taken: &Taken) -> Vec<Self> {
        let one = |file: &'static str| {
            let rows = taken.files.get(file).copied().unwrap_or_default();
            let sent = rows.written + rows.unchanged + rows.revised + rows.refused;
            // The units are named by rows of the files, and have none of their own.
            let of = |rows: &BTreeMap<&str, u64>, none| rows.get(file).copied().unwrap_or(none);
            let read = of(&reading.rows, if file == UNITS { sent } else { 0 });
            let rejected = of(&reading.rejected_rows, 0);
            Self { file: file.to_owned(), read, rows, rejected, left_out: read.saturating_sub(rejected + sent) }
        };
        SENT.into_iter().map(one).filter(|line| line.read > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use tally_api::common::v1::ImportResult;
    use tally_bundle::{Options, read_bundle};

    use super::*;

    /// In every file rows of all kinds: taken, equal, joined, out of the period, between two punches, and not to be read.
    const FILES: [(&str, &str); 10] = [
        ("group.yaml", "punches: first_last\nperiod: {from: 2026-03-01, to: 2026-03-31}\n"),
        (
            "people.csv",
            "employee_no,name,org_unit,position,grade,hired_on,left_on\n1001,Ann,East/Desk,,,2025-01-06,2025-12-31\n\
             1001,Ann,East/Desk,,,2026-01-01,\n1002,Bo,East/Desk,,,2025-01-06,\n1002,Bo,East/Desk,,,2025-01-06,\n\
             1003,Cy,East/Desk,,,soon,\n\n",
        ),
        (
            "accounts.csv",
            "platform,store,account,phase,capacity,zone,team,phase_from\nMart,One,a,shared,1,,East/Desk,\n\
             Mart,One,a,named,1,,East/Desk,2026-03-09\nMart,One,b,other,1,,,\n",
        ),
        (
            "rosters.csv",
            "employee_no,account,start,end\n1001,a,2026-03-02 09:00,2026-03-02 17:00\n\
             1001,a,2026-03-02 09:00,2026-03-02 17:00\n1009,a,2026-03-02 09:00,2026-03-02 17:00\n",
        ),
        (
            "punches.csv",
            "employee_no,at\n1001,2026-03-02 09:00\n1001,2026-03-02 12:00\n1001,2026-03-02 12:30\n\
             1001,2026-03-02 17:00\n1001,noon\n",
        ),
        (
            "handovers.csv",
            "account,employee_no,at,kind\na,1001,2026-03-02 09:00,take\na,1001,2026-03-02 09:00,take\n\
             a,1001,2026-03-02 10:00,lend\n",
        ),
        ("aliases.csv", "platform,alias,employee_no,from,to\nMart,ann,1001,,\nMart,ann,1001,,\nMart,cy,1003,,\n"),
        (
            "records.csv",
            "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount\n\
             Mart,One,a,T1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\nMart,One,a,T1,2026-03-02 09:00,2026-03-02 09:05,,,,,,\n\
             Mart,One,a,T2,2026-04-02 09:00,2026-04-02 09:05,,,,,,\nMart,One,a,T3,soon,soon,,,,,,\n\
             Mart,One,a,T4,2026-03-02 10:00,2026-03-02 10:05,,,,,,\n",
        ),
        (
            "replies.csv",
            "account,external_id,at,by\na,T1,2026-03-02 09:01:07,agent\na,T1,2026-03-02 09:01:07,agent\n\
             a,T1,2026-03-02 09:02:00,customer\na,T2,2026-04-02 09:01:00,agent\na,T3,2026-03-02 09:01:00,agent\n\
             a,T4,2026-03-02 10:00:09,agent\na,T4,2026-03-02 10:00:20,agent\n",
        ),
        (
            "claims.csv",
            "account,at,employee_no,external_id\na,2026-03-02 09:01,1001,T1\na,2026-03-02 09:01,1001,T1\n\
             a,2026-03-02 10:01,1001,\na,2026-03-02 09:01,1009,\n",
        ),
    ];

    #[test]
    fn what_was_read_of_each_file_is_the_sum_of_what_became_of_it() {
        let dir = tempfile::tempdir().unwrap();
        FILES.iter().for_each(|(name, text)| std::fs::write(dir.path().join(name), text).unwrap());
        let reading = read_bundle(dir.path(), Options::default(), &mut |_, _| {}).unwrap();
        let mut taken = Taken::beside_others(tally_kernel::Locale::En);
        taken.unchanged(UNITS, 2);
        let answer = |written, unchanged| Some(ImportResult { written, unchanged, ..Default::default() });
        for (file, written, unchanged) in [
            ("people.csv", 1, 1),
            ("accounts.csv", 1, 0),
            ("rosters.csv", 1, 0),
            ("punches.csv", 2, 0),
            ("handovers.csv", 0, 1),
            ("aliases.csv", 1, 0),
            ("records.csv", 1, 0),
            ("claims.csv", 1, 1),
        ] {
            taken.note(file, answer(written, unchanged), |_| unreachable!("none is refused"), |_| String::new());
        }
        // Of two records in the suite, with two messages each, the one is refused, and its messages with it.
        taken.note("replies.csv", answer(2, 0), |_| unreachable!("none is refused"), |_| String::new());
        let refused = tally_kernel::msg!("ACCOUNT_NOT_IN_SUITE", label = "a");
        taken.refuse("records.csv", "T4".to_owned(), &refused);
        taken.refuse_all("replies.csv", 2, "a T4".to_owned(), &refused);
        let lines = FileReport::all(&reading, &taken);
        let line = |file: &str, read, [written, unchanged, refused]: [u64; 3], rejected, left_out| FileReport {
            file: file.to_owned(),
            read,
            rows: Counted { written, unchanged, refused, ..Counted::default() },
            rejected,
            left_out,
        };
        assert_eq!(
            lines,
            [
                line("org units", 2, [0, 2, 0], 0, 0),
                line("people.csv", 5, [1, 1, 0], 1, 2),
                line("accounts.csv", 3, [1, 0, 0], 1, 1),
                line("rosters.csv", 3, [1, 0, 0], 1, 1),
                line("punches.csv", 5, [2, 0, 0], 1, 2),
                line("handovers.csv", 3, [0, 1, 0], 1, 1),
                line("aliases.csv", 3, [1, 0, 0], 1, 1),
                line("records.csv", 5, [1, 0, 1], 1, 2),
                line("replies.csv", 7, [2, 0, 2], 1, 2),
                line("claims.csv", 4, [1, 1, 0], 1, 1),
            ]
        );
        for FileReport { file, read, rows, rejected, left_out } in &lines {
            assert_eq!(
                *read,
                rows.written + rows.unchanged + rows.revised + rows.refused + rejected + left_out,
                "{file}"
            );
        }
    }
}
