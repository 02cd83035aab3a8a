//! rosters.csv, punches.csv and handovers.csv: the evidence of who was on duty.

use tally_kernel::message::Arg;
use tally_kernel::msg;

use super::cell::{self, shown};
use super::diagnostics::{FindingKind, Findings, Seen, Unusable, Wrong};
use super::direction::{Around, Odd, direct};
use super::directory::Directory;
use super::exported;
use super::model::{GivenPunch, Handover, HandoverKind, Punch, PunchKind, Roster};
use super::people::{Diagnostics, each_row, once};
use super::source::Source;
use super::table::{Layout, Need::Optional, Need::Required, header};

pub(crate) static ROSTERS: Layout = Layout {
    file: "rosters.csv",
    columns: &[("employee_no", Required), ("account", Required), ("start", Required), ("end", Required)],
    extras: false,
};

pub(crate) static PUNCHES: Layout = Layout {
    file: "punches.csv",
    columns: &[("employee_no", Required), ("at", Required), ("kind", Required)],
    extras: false,
};

/// Where group.yaml says how punches without a kind are read.
static UNDIRECTED: Layout = Layout {
    file: "punches.csv",
    columns: &[("employee_no", Required), ("at", Required), ("kind", Optional)],
    extras: false,
};

pub(crate) static HANDOVERS: Layout = Layout {
    file: "handovers.csv",
    columns: &[("account", Required), ("employee_no", Required), ("at", Required), ("kind", Required)],
    extras: false,
};

/// Reads rosters.csv; local times are of the person's zone.
pub(crate) fn read_rosters(
    source: Option<&Source>,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<Roster>, Unusable> {
    let mut twice = Twice::default();
    let rows = each_row(source, &ROSTERS, false, diagnostics, |row, diagnostic| {
        let person = diagnostic.take("employee_no", directory.person(row.get(0)));
        let account = diagnostic.take("account", directory.account(row.get(1)));
        let zone = directory.person_zone(person?);
        let start = diagnostic.take("start", cell::moment(row.get(2), zone));
        let end = diagnostic.take("end", cell::moment(row.get(3), zone));
        let (start, mut end) = (start?, end?);
        let name = || [row.get(0), row.get(1), row.get(2)].join(" ");
        if end.at <= start.at && end.take_second(|end| end > start.at) {
            twice.second.note(name());
        }
        if start.is_first_of_two() || end.is_first_of_two() {
            twice.first.note(name());
        }
        if end.at <= start.at {
            let reason = msg!("SHIFT_BACKWARDS", end = end.local, start = start.local);
            diagnostic.add("end", Wrong::new(reason, msg!("SHIFT_BACKWARDS_CURE")));
        }
        Some(Roster { person: person?, start: start.at, end: end.at, account: account? })
    })?;
    twice.note(ROSTERS.file, diagnostics.findings);
    Ok(once(rows, ROSTERS.file, diagnostics.findings))
}

/// Rows with times that a clock showed twice, because clocks went back, and that name no offset.
#[derive(Debug, Default)]
pub(crate) struct Twice {
    /// An end was taken for the second time, since the first lies before its start.
    pub second: Seen,
    /// The first time was taken, since nothing says which is meant.
    pub first: Seen,
}

impl Twice {
    /// Tells which was taken.
    pub fn note(&self, file: &str, findings: &mut Findings) {
        let second = msg!("SECOND_OF_TWO", count = self.second.rows, example = self.second.least);
        let first = msg!("FIRST_OF_TWO", count = self.first.rows, example = self.first.least);
        for (seen, detail) in [(&self.second, second), (&self.first, first)] {
            if seen.rows > 0 {
                findings.add(FindingKind::HourTwice, file, "", detail, seen.rows);
            }
        }
    }
}

/// Reads punches.csv; local times are of the person's zone. The rows as they were given, and what they mean.
pub(crate) fn read_punches(
    source: Option<&Source>,
    directory: &Directory<'_>,
    around: &Around<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(Vec<GivenPunch>, Vec<Punch>), Unusable> {
    let directed = around.how.directed();
    let layout = if directed { &PUNCHES } else { &UNDIRECTED };
    let mut twice = Twice::default();
    let rows = each_row(source, layout, false, diagnostics, |row, diagnostic| {
        let person = diagnostic.take("employee_no", directory.person(row.get(0)));
        let kind = match row.get(2) {
            "" if !directed => Some(None),
            text => diagnostic.take("kind", word(text, [("in", PunchKind::In), ("out", PunchKind::Out)])).map(Some),
        };
        let at = diagnostic.take("at", cell::moment(row.get(1), directory.person_zone(person?)))?;
        if at.is_first_of_two() {
            twice.first.note([row.get(0), row.get(1)].join(" "));
        }
        Some(GivenPunch { person: person?, at: at.at, kind: kind? })
    })
    .map_err(|wrong| name_setting(wrong, directed))?;
    twice.note(PUNCHES.file, diagnostics.findings);
    let given = once(rows, PUNCHES.file, diagnostics.findings);
    let mut punches = Vec::with_capacity(given.len());
    for of_person in given.chunk_by(|a, b| a.person == b.person) {
        if directed {
            punches.extend(of_person.iter().filter_map(|p| Some(Punch { person: p.person, at: p.at, kind: p.kind? })));
            continue;
        }
        let person = of_person[0].person;
        let (found, odd) = direct(of_person, directory.person_zone(person), around);
        punches.extend(found);
        odd.iter().for_each(|odd| note(odd, directory.number(person), diagnostics.findings));
    }
    Ok((given, punches))
}

/// A punches.csv without its kinds has another cure than a new column.
fn name_setting(mut wrong: Unusable, directed: bool) -> Unusable {
    let lacks_kind =
        matches!(wrong.problem.args().get("columns"), Some(Arg::Text(columns)) if columns.contains("kind"));
    if directed && wrong.reason == "MISSING_COLUMN" && lacks_kind {
        *wrong.cure = msg!("MISSING_KIND_CURE", header = header(&PUNCHES));
    }
    wrong
}

fn note(odd: &Odd, number: &str, findings: &mut Findings) {
    let night = msg!("PUNCHES_NIGHT");
    let (kind, day, detail, count) = match odd {
        Odd::Unpaired { day, punches, last } => {
            let detail = msg!("PUNCHES_ODD", count = punches, at = last, night);
            (FindingKind::OddPunches, day, detail, *punches)
        }
        Odd::Single { day, at } => (FindingKind::SinglePunch, day, msg!("PUNCHES_SINGLE", at, night), 1),
        Odd::Between { day, punches } => {
            let detail = msg!("PUNCHES_BETWEEN", count = punches);
            (FindingKind::PunchesBetween, day, detail, *punches)
        }
    };
    findings.add(kind, PUNCHES.file, format!("{number} {day}"), detail, count as u64);
}

/// Reads handovers.csv; local times are of the account's zone.
pub(crate) fn read_handovers(
    source: Option<&Source>,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<Handover>, Unusable> {
    let mut twice = Twice::default();
    let kinds = [("take", HandoverKind::Take), ("release", HandoverKind::Release)];
    let rows = each_row(source, &HANDOVERS, false, diagnostics, |row, diagnostic| {
        let account = diagnostic.take("account", directory.account(row.get(0)));
        let person = diagnostic.take("employee_no", directory.person(row.get(1)));
        let kind = diagnostic.take("kind", word(row.get(3), kinds));
        let at = diagnostic.take("at", cell::moment(row.get(2), directory.account_zone(account?)))?;
        if at.is_first_of_two() {
            twice.first.note([row.get(0), row.get(1), row.get(2)].join(" "));
        }
        Some(Handover { account: account?, at: at.at, person: person?, kind: kind? })
    })?;
    twice.note(HANDOVERS.file, diagnostics.findings);
    Ok(once(rows, HANDOVERS.file, diagnostics.findings))
}

/// One of two words.
fn word<T: Copy>(text: &str, words: [(&str, T); 2]) -> Result<T, Wrong> {
    let text = cell::fold(text).to_ascii_lowercase();
    let said = exported::word(&text);
    let found = words.iter().find(|(word, _)| *word == said).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let [(one, _), (other, _)] = words;
        Wrong::new(msg!("NEITHER_WORD", text = shown(&text), one, other), msg!("NEITHER_WORD_CURE", one, other))
    })
}
