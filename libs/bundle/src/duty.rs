//! rosters.csv, punches.csv and handovers.csv: the evidence of who was on duty.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_kernel::message::Arg;
use tally_kernel::time::told_at;
use tally_kernel::{limits, msg};

use super::cell::{self, shown};
use super::cleaned::Need::{Optional, Required};
use super::diagnostics::{FindingKind, Findings, Unusable, Wrong};
use super::direction::{Around, Odd, direct};
use super::directory::Directory;
use super::exported;
use super::model::{GivenPunch, Handover, HandoverKind, Punch, PunchKind, Roster};
use super::people::{Diagnostics, each_row, once};
use super::source::Source;
use super::table::{Layout, header};
use super::twice::{Twice, settle};

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
        if start.doubtful().is_some() || end.doubtful().is_some() {
            twice.first.note(name());
        }
        if end.at <= start.at {
            let reason = msg!("SHIFT_BACKWARDS", end = end.local, start = start.local);
            diagnostic.add("end", Wrong::new(reason, msg!("SHIFT_BACKWARDS_CURE")));
        } else if limits::is_long_shift(start.at, end.at) {
            let (start, end) = (start.local, end.local);
            let reason = msg!("LONG_SHIFT", start, end, hours = limits::SHIFT_HOURS);
            diagnostic.add("end", Wrong::new(reason, msg!("LONG_SHIFT_CURE")));
        }
        Some(Roster { person: person?, start: start.at, end: end.at, account: account? })
    })?;
    twice.note(ROSTERS.file, diagnostics.findings);
    let rows = without_contradictions(rows, directory, diagnostics);
    Ok(once(rows, ROSTERS.file, diagnostics.findings))
}

/// A person's shift on an account that begins at one time and ends at several is all of its rows rejected: nobody can tell
/// which is right.
fn without_contradictions(
    mut rows: Vec<(Roster, u64)>,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Vec<(Roster, u64)> {
    let key = |(row, _): &(Roster, u64)| (row.person, row.account, row.start);
    rows.sort_unstable();
    rows.sort_by_key(key);
    let mut kept = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(|a, b| key(a) == key(b)) {
        let (Some((first, _)), Some((last, _))) = (same.first(), same.last()) else { continue };
        if first.end == last.end {
            kept.extend_from_slice(same);
            continue;
        }
        let zone = directory.person_zone(first.person);
        let [start, one, other] = [first.start, first.end, last.end].map(|at| zone.to_datetime(at));
        let mut lines: Vec<u64> = same.iter().map(|(_, line)| *line).collect();
        lines.sort_unstable();
        let lines = lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        for (_, line) in same {
            let reason = msg!("SHIFT_ENDS_DIFFER", lines, start, one, other);
            let wrong = Wrong::new(reason, msg!("SHIFT_ENDS_DIFFER_CURE"));
            diagnostics.rejects.push(ROSTERS.file, *line, "end", wrong);
        }
    }
    kept
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
        let again = at.doubtful().map(|again| (again, [row.get(0), row.get(1)].join(" ")));
        Some((GivenPunch { person: person?, at: at.at, kind: kind? }, again))
    })
    .map_err(|wrong| name_setting(wrong, directed))?;
    let rows = settle(rows, &mut twice);
    twice.note(PUNCHES.file, diagnostics.findings);
    let given = once(rows, PUNCHES.file, diagnostics.findings);
    let mut punches = Vec::with_capacity(given.len());
    for of_person in given.chunk_by(|a, b| a.person == b.person) {
        if directed {
            punches.extend(of_person.iter().filter_map(|p| Some(Punch { person: p.person, at: p.at, kind: p.kind? })));
            continue;
        }
        let person = of_person[0].person;
        let zone = directory.person_zone(person);
        let (found, odd) = direct(of_person, zone, around);
        punches.extend(found);
        note(&odd, directory.number(person), (zone, around.version), diagnostics.findings);
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

/// Notes what is odd about one person's punches. Months of the first rules were told by UTC, and stay so.
fn note(odd: &[Odd], number: &str, clock: (&TimeZone, u32), findings: &mut Findings) {
    let told = |at: &Timestamp| if clock.1 >= 2 { told_at(*at, clock.0) } else { at.to_string() };
    let mut nights = odd.iter().filter_map(|odd| match odd {
        Odd::Night { from, to, .. } => Some((from, to)),
        _ => None,
    });
    if let Some((from, to)) = nights.next() {
        let (count, from, to) = (1 + nights.count(), told(from), told(to));
        let detail = msg!("PUNCHES_AS_NIGHTS", count, from, to);
        findings.add(FindingKind::ReadAsNight, PUNCHES.file, number, detail, count as u64);
    }
    for odd in odd {
        let night = msg!("PUNCHES_NIGHT");
        let (kind, day, detail, count) = match odd {
            Odd::Night { .. } => continue,
            Odd::Unpaired { day, punches, last } => {
                let detail = msg!("PUNCHES_ODD", count = punches, at = told(last), night);
                (FindingKind::OddPunches, day, detail, *punches)
            }
            Odd::Single { day, at } => (FindingKind::SinglePunch, day, msg!("PUNCHES_SINGLE", at = told(at), night), 1),
            Odd::Alone { day, at } => (FindingKind::OddPunches, day, msg!("PUNCHES_ALONE", at = told(at)), 1),
            Odd::Between { day, punches } => {
                let detail = msg!("PUNCHES_BETWEEN", count = punches);
                (FindingKind::PunchesBetween, day, detail, *punches)
            }
            Odd::Long { day, from, to } => {
                let detail = msg!("PUNCHES_LONG", from = told(from), to = told(to));
                (FindingKind::LongPresence, day, detail, 2)
            }
            Odd::EitherWay { day, to } => (FindingKind::DayOrNight, day, msg!("PUNCHES_EITHER_WAY", from = day, to), 0),
        };
        findings.add(kind, PUNCHES.file, format!("{number} {day}"), detail, count as u64);
    }
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
        let again = at.doubtful().map(|again| (again, [row.get(0), row.get(1), row.get(2)].join(" ")));
        Some((Handover { account: account?, at: at.at, person: person?, kind: kind? }, again))
    })?;
    let rows = settle(rows, &mut twice);
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
