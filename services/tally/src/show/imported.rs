//! What an import brought.

use std::path::Path;

use tally_kernel::msg;

use super::text::{Page, Table, count};
use crate::cli::Language;
use tally_import::{FileReport, Report, UNITS};

pub(super) fn write(page: &mut Page, report: &Report, out: &Path, lang: Language) {
    let say = |message| tally_i18n::text(lang.locale(), &message);
    let (from, to) = (&report.period.0, &report.period.1);
    page.heading(&say(msg!("IMPORT_HEADING", from, to)));
    let revised: u64 = report.files.iter().map(|file| file.rows.revised).sum();
    let mut table = Table::new("<>>>>>>>");
    let head = [
        Some(msg!("IMPORT_READ")),
        Some(msg!("IMPORT_WRITTEN")),
        // Most imports revise nothing, and those that were read are the sum of the others without it.
        (revised > 0).then(|| msg!("IMPORT_REVISED")),
        Some(msg!("IMPORT_UNCHANGED")),
        Some(msg!("IMPORT_REFUSED")),
        Some(msg!("IMPORT_REJECTED")),
        Some(msg!("IMPORT_LEFT_OUT")),
    ];
    table.row([String::new()].into_iter().chain(head.into_iter().flatten().map(say)));
    for FileReport { file, read, rows, rejected, left_out } in &report.files {
        let new = (revised > 0).then_some(rows.revised);
        let rest = [rows.unchanged, rows.refused, *rejected, *left_out];
        let numbers = [*read, rows.written].into_iter().chain(new).chain(rest);
        let file = if file == UNITS { say(msg!("IMPORT_UNITS")) } else { file.clone() };
        table.row([file].into_iter().chain(numbers.map(count)));
    }
    page.table(2, &table);
    if revised > 0 {
        page.say(2, &say(msg!("IMPORT_REVISED_ROWS", rows = revised)));
    }
    page.heading(&say(msg!("IMPORT_CENSUS")));
    let mut table = Table::new("<>>");
    table.row([String::new(), say(msg!("IMPORT_BEFORE")), say(msg!("IMPORT_AFTER"))]);
    let (before, after) = (report.before, report.after);
    for (what, before, after) in [
        (msg!("IMPORT_UNITS"), count(before.units), count(after.units)),
        (msg!("IMPORT_PEOPLE"), count(before.people), count(after.people)),
        (msg!("IMPORT_ACCOUNTS"), count(before.accounts), count(after.accounts)),
        (msg!("IMPORT_ALIASES"), count(before.aliases), count(after.aliases)),
        (msg!("IMPORT_DEVICES"), count(before.devices), count(after.devices)),
        (msg!("IMPORT_SHIFTS"), count(before.shifts), count(after.shifts)),
        (msg!("IMPORT_SHIFT_HOURS"), hours(before.shift_seconds), hours(after.shift_seconds)),
        (msg!("IMPORT_PUNCHES"), count(before.punches), count(after.punches)),
        (msg!("IMPORT_HANDOVERS"), count(before.handovers), count(after.handovers)),
        (msg!("IMPORT_RECORDS"), count(before.records), count(after.records)),
        (msg!("IMPORT_RECORD_HOURS"), hours(before.record_seconds), hours(after.record_seconds)),
        (msg!("IMPORT_AMOUNT"), before.amount_minor.to_string(), after.amount_minor.to_string()),
        (msg!("IMPORT_CLAIMS"), count(before.claims), count(after.claims)),
    ] {
        table.row([say(what), before, after]);
    }
    page.table(2, &table);
    if report.rejected > 0 {
        page.say(
            2,
            &say(msg!("IMPORT_REJECTED_ROWS", rows = report.rejected, file = out.join("rejected.csv").display())),
        );
    }
    if report.refused > 0 {
        page.say(2, &say(msg!("IMPORT_REFUSED_ROWS", rows = report.refused, file = out.join("refused.csv").display())));
    }
}

/// Hours with two places, cut.
fn hours(seconds: i64) -> String {
    format!("{}.{:02}", seconds / 3600, seconds % 3600 * 100 / 3600)
}
