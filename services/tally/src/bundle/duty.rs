//! rosters.csv, punches.csv and handovers.csv: the evidence of who was on duty.

use super::cell::{self, shown};
use super::model::{Handover, HandoverKind, Punch, PunchKind, Roster};
use super::people::{Desk, Directory, each_row, once};
use super::source::Source;
use super::table::{Layout, Need::Required};
use super::trouble::{Unusable, Wrong};

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

pub(crate) static HANDOVERS: Layout = Layout {
    file: "handovers.csv",
    columns: &[("account", Required), ("employee_no", Required), ("at", Required), ("kind", Required)],
    extras: false,
};

/// Reads rosters.csv; local times are of the person's zone.
pub(crate) fn read_rosters(
    source: Option<&Source>,
    directory: &Directory<'_>,
    desk: &mut Desk<'_, '_>,
) -> Result<Vec<Roster>, Unusable> {
    let rows = each_row(source, &ROSTERS, false, desk, |row, trouble| {
        let person = trouble.take("employee_no", directory.person(row.get(0)));
        let account = trouble.take("account", directory.account(row.get(1)));
        let zone = directory.person_zone(person?);
        let start = trouble.take("start", cell::moment(row.get(2), zone));
        let end = trouble.take("end", cell::moment(row.get(3), zone));
        let (start, end) = (start?, end?);
        if end.at <= start.at {
            let reason = format!("the shift ends at {}, not after its start at {}", end.local, start.local);
            trouble.add("end", Wrong::new(reason, "a night shift ends on the next day: write that date"));
        }
        Some(Roster { person: person?, start: start.at, end: end.at, account: account? })
    })?;
    Ok(once(rows, ROSTERS.file, desk.findings))
}

/// Reads punches.csv; local times are of the person's zone.
pub(crate) fn read_punches(
    source: Option<&Source>,
    directory: &Directory<'_>,
    desk: &mut Desk<'_, '_>,
) -> Result<Vec<Punch>, Unusable> {
    let rows = each_row(source, &PUNCHES, false, desk, |row, trouble| {
        let person = trouble.take("employee_no", directory.person(row.get(0)));
        let kind = trouble.take("kind", word(row.get(2), [("in", PunchKind::In), ("out", PunchKind::Out)]));
        let at = trouble.take("at", cell::moment(row.get(1), directory.person_zone(person?)));
        Some(Punch { person: person?, at: at?.at, kind: kind? })
    })?;
    Ok(once(rows, PUNCHES.file, desk.findings))
}

/// Reads handovers.csv; local times are of the account's zone.
pub(crate) fn read_handovers(
    source: Option<&Source>,
    directory: &Directory<'_>,
    desk: &mut Desk<'_, '_>,
) -> Result<Vec<Handover>, Unusable> {
    let kinds = [("take", HandoverKind::Take), ("release", HandoverKind::Release)];
    let rows = each_row(source, &HANDOVERS, false, desk, |row, trouble| {
        let account = trouble.take("account", directory.account(row.get(0)));
        let person = trouble.take("employee_no", directory.person(row.get(1)));
        let kind = trouble.take("kind", word(row.get(3), kinds));
        let at = trouble.take("at", cell::moment(row.get(2), directory.account_zone(account?)));
        Some(Handover { account: account?, at: at?.at, person: person?, kind: kind? })
    })?;
    Ok(once(rows, HANDOVERS.file, desk.findings))
}

/// One of two words.
fn word<T: Copy>(text: &str, words: [(&str, T); 2]) -> Result<T, Wrong> {
    let text = cell::fold(text).to_ascii_lowercase();
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let [(one, _), (other, _)] = words;
        Wrong::new(format!("'{}' is neither {one} nor {other}", shown(&text)), format!("write {one} or {other}"))
    })
}
