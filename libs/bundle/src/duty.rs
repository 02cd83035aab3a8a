//! rosters.csv, punches.csv and handovers.csv: the evidence of who was on duty.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_kernel::message::Arg;
use tally_kernel::time::told_at;
use tally_kernel::{Message, limits, msg};

use super::cell::{self, shown};
use super::cleaned::Need::{Optional, Required};
use super::diagnostics::{FindingKind, Findings, Unusable, Wrong};
use super::direction::{Around, Odd, direct};
use super::directory::Directory;
use super::exported;
use super::layout::Layout;
use super::model::{AccountIx, GivenPunch, Handover, HandoverKind, Punch, PunchKind, Roster};
use super::people::{Diagnostics, each_row, once, optional};
use super::refusals::RowName;
use super::source::Source;
use super::table::header;
use super::twice::{Twice, settle};

pub(crate) static ROSTERS: Layout = Layout {
    file: "rosters.csv",
    columns: &[
        ("employee_no", Required),
        ("account", Required),
        ("start", Required),
        ("end", Required),
        ("seat", Optional),
    ],
    extras: false,
};

/// Columns of [`ROSTERS`] that are always written.
pub(crate) const ROSTERS_ALWAYS: usize = 4;

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
        let seat = diagnostic.take("seat", optional(row.get(4), |text| cell::id(text).map(Cow::into_owned)))?;
        Some(Roster { person: person?, start: start.at, end: end.at, account: account?, seat })
    })?;
    twice.note(ROSTERS.file, diagnostics.findings);
    let account = |ix: AccountIx| directory.accounts[ix.0 as usize].path();
    let refusals = diagnostics.refusals;
    let rows = refusals.keep(rows, ROSTERS.file, diagnostics.rejects, |row| {
        refusals.of(|| RowName::Shift(directory.number(row.person).to_owned(), account(row.account), row.start))
    });
    let ends_differ = |same: &[Roster], lines: String| {
        let (Some(first), Some(last)) = (same.first(), same.last()) else { return Message::default() };
        let zone = directory.person_zone(first.person);
        if first.end == last.end {
            return msg!("SHIFT_SEATS_DIFFER", lines, start = zone.to_datetime(first.start));
        }
        let [start, one, other] = [first.start, first.end, last.end].map(|at| zone.to_datetime(at));
        msg!("SHIFT_ENDS_DIFFER", lines, start, one, other)
    };
    let rows = without_contradictions(
        rows,
        |row| (row.person, row.account, row.start),
        |row, other| (row.end, &row.seat) != (other.end, &other.seat),
        (source, "end"),
        ends_differ,
        diagnostics,
    );
    Ok(once(rows, ROSTERS.file, diagnostics.findings))
}

/// Rows of one key, of which some say what others cannot have said as well, are rejected with those: nobody can tell which is
/// right. `say` tells what is wrong with such rows of one key, in order, and their lines. The canonical form keeps them: it has
/// such rows where a month was closed with them.
fn without_contradictions<T: Clone + Ord, K: Ord>(
    mut rows: Vec<(T, u64)>,
    key: impl Fn(&T) -> K,
    contradicts: impl Fn(&T, &T) -> bool,
    (source, column): (Option<&Source>, &str),
    say: impl Fn(&[T], String) -> Message,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Vec<(T, u64)> {
    let Some(source) = source.filter(|source| !source.canonical) else { return rows };
    rows.sort_unstable();
    rows.sort_by_key(|(row, _)| key(row));
    let mut kept = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(|(a, _), (b, _)| key(a) == key(b)) {
        let mut others = same.to_vec();
        others.dedup_by(|(row, _), (other, _)| row == other);
        let is_contradicted = |row: &T| others.iter().any(|(other, _)| contradicts(row, other));
        let (wrong, right): (Vec<_>, Vec<_>) = same.iter().cloned().partition(|(row, _)| is_contradicted(row));
        kept.extend(right);
        let (wrong, mut lines): (Vec<T>, Vec<u64>) = wrong.into_iter().unzip();
        if wrong.is_empty() {
            continue;
        }
        lines.sort_unstable();
        let reason = say(&wrong, lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
        for line in lines {
            let wrong = Wrong::new(reason.clone(), msg!("KEEP_THE_RIGHT_ROW"));
            diagnostics.rejects.push(source.name, line, column, wrong);
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
    let refusals = diagnostics.refusals;
    let rows = refusals.keep(rows, PUNCHES.file, diagnostics.rejects, |row| {
        refusals.of(|| RowName::Punch(directory.number(row.person).to_owned(), row.at))
    });
    let rows = without_contradictions(
        rows,
        |row| (row.person, row.at),
        |row, other| row.kind.is_some() && other.kind.is_some() && row.kind != other.kind,
        (source, "kind"),
        |same, lines| both_ways(same, lines, directory),
        diagnostics,
    );
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

/// Somebody came and left at one instant.
fn both_ways(same: &[GivenPunch], lines: String, directory: &Directory<'_>) -> Message {
    let Some(first) = same.first() else { return Message::default() };
    let at = directory.person_zone(first.person).to_datetime(first.at);
    msg!("PUNCH_BOTH_WAYS", lines, number = directory.number(first.person), at)
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
    let account = |ix: AccountIx| directory.accounts[ix.0 as usize].path();
    let refusals = diagnostics.refusals;
    let rows = refusals.keep(rows, HANDOVERS.file, diagnostics.rejects, |row| {
        refusals.of(|| RowName::Handover(account(row.account), row.at, directory.number(row.person).to_owned()))
    });
    // One releases what another takes; several may take what several may hold.
    let contradicts = |row: &Handover, other: &Handover| match row.person == other.person {
        true => row.kind != other.kind,
        false => row.kind == other.kind && directory.accounts[row.account.0 as usize].exclusive,
    };
    let rows = without_contradictions(
        rows,
        |row| (row.account, row.at),
        contradicts,
        (source, ""),
        |same, lines| at_odds(same, lines, directory),
        diagnostics,
    );
    Ok(once(rows, HANDOVERS.file, diagnostics.findings))
}

/// Hand-overs of one account at one instant that cannot all have been.
fn at_odds(same: &[Handover], lines: String, directory: &Directory<'_>) -> Message {
    let Some(first) = same.first() else { return Message::default() };
    let at = directory.account_zone(first.account).to_datetime(first.at);
    let account = directory.accounts[first.account.0 as usize].path();
    match same.iter().all(|row| row.person == first.person) {
        true => msg!("HANDOVER_BOTH_WAYS", lines, number = directory.number(first.person), account, at),
        false => msg!("HANDOVERS_AT_ODDS", lines, account, at),
    }
}

/// One of two words.
pub(crate) fn word<T: Copy>(text: &str, words: [(&str, T); 2]) -> Result<T, Wrong> {
    let text = cell::fold(text).to_ascii_lowercase();
    let said = exported::word(&text);
    let found = words.iter().find(|(word, _)| *word == said).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let [(one, _), (other, _)] = words;
        Wrong::new(msg!("NEITHER_WORD", text = shown(&text), one, other), msg!("NEITHER_WORD_CURE", one, other))
    })
}
