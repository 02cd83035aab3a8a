//! people.csv, accounts.csv and aliases.csv.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tally_kernel::person::EmploymentKind;
use tally_kernel::{MAX_UNIT_DEPTH, Message, msg};

use super::cell::{self, shown};
use super::cleaned::Need;
use super::diagnostics::{FindingKind, Findings, Rejects, RowDiagnostic, Unusable, Wrong};
use super::directory::{Directory, bare, segment};
use super::exported;
use super::layout::Layout;
use super::model::{Alias, BundleAccount, BundlePerson, Employment, Phase, PhaseKind};
use super::refusals::{Refusals, RowName};
use super::source::{Progress, Source};
use super::table::{Row, Table};

use Need::{Expected, Optional, Required};

pub(crate) static PEOPLE: Layout = Layout {
    file: "people.csv",
    columns: &[
        ("employee_no", Required),
        ("name", Required),
        ("org_unit", Required),
        ("position", Expected),
        ("grade", Expected),
        ("hired_on", Required),
        ("left_on", Optional),
        ("zone", Optional),
        ("employment_kind", Optional),
    ],
    extras: false,
};

/// Columns of [`PEOPLE`] that are always written.
pub(crate) const PEOPLE_ALWAYS: usize = 8;

pub(crate) static ACCOUNTS: Layout = Layout {
    file: "accounts.csv",
    columns: &[
        ("platform", Required),
        ("store", Required),
        ("account", Required),
        ("phase", Required),
        ("capacity", Required),
        ("zone", Expected),
        ("team", Optional),
        ("phase_from", Optional),
        ("exclusive", Optional),
    ],
    extras: false,
};

pub(crate) static ALIASES: Layout = Layout {
    file: "aliases.csv",
    columns: &[
        ("platform", Required),
        ("alias", Required),
        ("employee_no", Required),
        ("from", Expected),
        ("to", Expected),
    ],
    extras: false,
};

/// What reading a table needs besides the table.
pub(crate) struct Diagnostics<'a, 'p> {
    pub rejects: &'a mut Rejects,
    pub findings: &'a mut Findings,
    pub progress: &'a mut Progress<'p>,
    pub refusals: &'a Refusals,
}

/// Reads every row of a file with `read`, which gives nothing when something is wrong with the row.
/// Returns the values with their lines; nothing when the file is not there.
pub(crate) fn each_row<T>(
    source: Option<&Source>,
    layout: &'static Layout,
    must: bool,
    diagnostics: &mut Diagnostics<'_, '_>,
    mut read: impl FnMut(&Row<'_>, &mut RowDiagnostic) -> Option<T>,
) -> Result<Vec<(T, u64)>, Unusable> {
    let mut rows = Vec::new();
    let Some(source) = source else { return Ok(rows) };
    let Some(mut table) = Table::open(source, layout, must, diagnostics.findings)? else { return Ok(rows) };
    while let Some(row) = table.next(diagnostics.rejects, diagnostics.progress)? {
        let mut diagnostic = RowDiagnostic::default();
        let value = read(&row, &mut diagnostic);
        let line = row.line;
        if diagnostic.settle(diagnostics.rejects, layout.file, line) {
            rows.extend(value.map(|v| (v, line)));
        }
    }
    table.note_cleaned(diagnostics.findings);
    Ok(rows)
}

/// Sorts rows and takes equal ones once, with a finding.
pub(crate) fn once<T: Ord>(rows: Vec<(T, u64)>, file: &'static str, findings: &mut Findings) -> Vec<T> {
    let mut values: Vec<T> = rows.into_iter().map(|(value, _)| value).collect();
    values.sort_unstable();
    let before = values.len();
    values.dedup();
    let dropped = (before - values.len()) as u64;
    if dropped > 0 {
        findings.add(FindingKind::DuplicateRow, file, "", msg!("EQUAL_ROWS", count = dropped), dropped);
    }
    values
}

pub(crate) fn optional<T>(text: &str, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Result<Option<T>, Wrong> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

/// An org unit path without empty segments.
pub(crate) fn path(text: &str) -> Result<String, Wrong> {
    let path = cell::name(text)?;
    let segments: Vec<&str> = path.split('/').map(str::trim).collect();
    if segments.iter().any(|s| s.is_empty()) {
        return Err(Wrong::new(msg!("EMPTY_SEGMENT", text = shown(&path)), msg!("EMPTY_SEGMENT_CURE")));
    }
    if segments.len() > MAX_UNIT_DEPTH {
        let cure = msg!("TOO_DEEP_CURE", most = MAX_UNIT_DEPTH);
        return Err(Wrong::new(msg!("TOO_DEEP", depth = segments.len()), cure));
    }
    Ok(segments.join("/"))
}

fn zone_name(text: &str, default: &str) -> Result<String, Wrong> {
    if text.is_empty() {
        return Ok(default.to_owned());
    }
    let zone = cell::zone(&cell::fold(text))?;
    Ok(zone.iana_name().unwrap_or(default).to_owned())
}

/// Reads people.csv; people come by employee number, and beside them the numbers of rows that were rejected.
pub(crate) fn read_people(
    source: Option<&Source>,
    default_zone: &str,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(Vec<BundlePerson>, BTreeSet<String>), Unusable> {
    let mut refused = BTreeSet::new();
    let rows = each_row(source, &PEOPLE, true, diagnostics, |row, diagnostic| {
        let employee_no = diagnostic.take("employee_no", cell::id(row.get(0)));
        let name = diagnostic.take("name", cell::name(row.get(1)));
        let employment = employment(row, diagnostic);
        let zone = diagnostic.take("zone", zone_name(row.get(7), default_zone));
        let employee_no = employee_no?.into_owned();
        if diagnostic.is_there() {
            refused.insert(employee_no.clone());
        }
        Some(BundlePerson { employee_no, name: name?, zone: zone?, employments: vec![employment?] })
    })?;
    let rows = diagnostics.refusals.keep(rows, PEOPLE.file, diagnostics.rejects, |person| {
        let units = || person.employments.iter().find_map(|e| diagnostics.refusals.of_unit(&e.org_unit));
        let wrong = diagnostics.refusals.of(|| RowName::Person(person.employee_no.clone())).or_else(units);
        wrong.inspect(|_| _ = refused.insert(person.employee_no.clone()))
    });
    let mut by_no: BTreeMap<String, Vec<(BundlePerson, u64)>> = BTreeMap::new();
    for (person, line) in rows {
        by_no.entry(person.employee_no.clone()).or_default().push((person, line));
    }
    let mut people = Vec::with_capacity(by_no.len());
    for (employee_no, rows) in by_no {
        match one_person(rows, diagnostics) {
            Some(person) => people.push(person),
            None => _ = refused.insert(employee_no),
        }
    }
    if people.is_empty() {
        let why = every_row(diagnostics, PEOPLE.file);
        return Err(Unusable::new("NO_PEOPLE", PEOPLE.file, msg!("NO_PEOPLE", why), msg!("NO_PEOPLE_CURE")));
    }
    Ok((people, refused))
}

fn employment(row: &Row<'_>, diagnostic: &mut RowDiagnostic) -> Option<Employment> {
    let org_unit = diagnostic.take("org_unit", path(row.get(2)));
    let position = diagnostic.take("position", optional(row.get(3), cell::name));
    let grade = diagnostic.take("grade", optional(row.get(4), cell::name));
    let hired_on = diagnostic.take("hired_on", cell::date(row.get(5)));
    let left_on = diagnostic.take("left_on", cell::end_date(row.get(6)));
    let kind = diagnostic.take("employment_kind", optional(row.get(8), employment_kind));
    if let (Some(hired), Some(Some(left))) = (hired_on, left_on)
        && left < hired
    {
        let reason = msg!("EMPLOYMENT_BACKWARDS", left, hired);
        diagnostic.add("left_on", Wrong::new(reason, msg!("EMPLOYMENT_BACKWARDS_CURE")));
    }
    Some(Employment {
        hired_on: hired_on?,
        left_on: left_on?,
        org_unit: org_unit?,
        position: position?.unwrap_or_default(),
        grade: grade?.unwrap_or_default(),
        kind: kind?,
    })
}

/// The rows of one number as one person with an employment for each, or nothing where they contradict each other.
fn one_person(mut rows: Vec<(BundlePerson, u64)>, diagnostics: &mut Diagnostics<'_, '_>) -> Option<BundlePerson> {
    rows.sort_by(|a, b| (&a.0.employments, &a.0.name, a.1).cmp(&(&b.0.employments, &b.0.name, b.1)));
    if let Some((column, wrong)) = contradiction(&rows) {
        rows.iter().for_each(|(_, line)| diagnostics.rejects.push(PEOPLE.file, *line, column, wrong.clone()));
        return None;
    }
    let given = rows.len();
    rows.dedup_by(|a, b| a.0 == b.0);
    let dropped = (given - rows.len()) as u64;
    let mut rows = rows.into_iter().map(|(person, _)| person);
    let mut person = rows.next()?;
    if dropped > 0 {
        let (kind, number) = (FindingKind::DuplicateRow, person.employee_no.as_str());
        diagnostics.findings.add(kind, PEOPLE.file, number, msg!("EQUAL_ROWS", count = dropped), dropped);
    }
    for next in rows.flat_map(|row| row.employments) {
        join(&mut person, next, diagnostics.findings);
    }
    Some(person)
}

/// Why the rows of one number, by first day, cannot be one person: two of them differ in what does not change, or overlap.
fn contradiction(rows: &[(BundlePerson, u64)]) -> Option<(&'static str, Wrong)> {
    for ((one, line), (next, other)) in rows.iter().zip(rows.iter().skip(1)).filter(|((a, _), (b, _))| a != b) {
        let number = shown(&one.employee_no);
        let lines = msg!("TWO_LINES", one = line.min(other), other = line.max(other));
        if one.name != next.name {
            let reason = msg!("NAMES_DIFFER", lines, number);
            return Some(("name", Wrong::new(reason, msg!("NAMES_DIFFER_CURE"))));
        }
        if one.zone != next.zone {
            let reason = msg!("ZONES_DIFFER", lines, number);
            return Some(("zone", Wrong::new(reason, msg!("ZONES_DIFFER_CURE"))));
        }
        let (a, b) = (one.employments.first()?, next.employments.first()?);
        if a.holds(b.hired_on, b.hired_on) {
            let reason = msg!("EMPLOYMENTS_OVERLAP", lines, number, one = days(a), other = days(b));
            return Some(("hired_on", Wrong::new(reason, msg!("EMPLOYMENTS_OVERLAP_CURE"))));
        }
    }
    None
}

fn days(employment: &Employment) -> Message {
    let to = employment.left_on.map_or_else(|| msg!("NO_END"), |day| Message::told(day.to_string()));
    msg!("DAYS", from = employment.hired_on, to)
}

/// That every row of a file was rejected, where one was.
fn every_row(diagnostics: &Diagnostics<'_, '_>, file: &str) -> Message {
    let first = diagnostics.rejects.first(file);
    first.map_or_else(|| Message::told(""), |first| msg!("EVERY_ROW_REJECTED", first))
}

/// Adds an employment that begins after all others; what goes on as it was is one.
fn join(person: &mut BundlePerson, next: Employment, findings: &mut Findings) {
    let Some(last) = person.employments.last_mut() else { return person.employments.push(next) };
    let place = |e: &Employment| {
        let parts = [e.org_unit.as_str(), &e.position, &e.grade, e.kind.map_or("", EmploymentKind::word)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let (before, after, until) = (place(last), place(&next), last.left_on.unwrap_or(next.hired_on));
    let goes_on = next.follows(last);
    if goes_on && before == after {
        last.left_on = next.left_on;
        return;
    }
    let kind = if goes_on { FindingKind::Transfer } else { FindingKind::Rehire };
    let detail = msg!("MOVED", before, until, after, from = next.hired_on);
    findings.add(kind, PEOPLE.file, person.employee_no.as_str(), detail, 1);
    person.employments.push(next);
}

type AccountKey = (String, String, String);

/// Reads accounts.csv; accounts come by platform, store and name, and beside them those of which rows were rejected.
pub(crate) fn read_accounts(
    source: Option<&Source>,
    (default_zone, must): (&str, bool),
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(Vec<BundleAccount>, BTreeSet<String>), Unusable> {
    let mut lost = BTreeSet::new();
    let rows = each_row(source, &ACCOUNTS, must, diagnostics, |row, diagnostic| {
        let platform = diagnostic.take("platform", segment(row.get(0)));
        let store = diagnostic.take("store", segment(row.get(1)));
        let name = diagnostic.take("account", account_name(row.get(0), row.get(1), row.get(2)));
        let kind = diagnostic.take("phase", phase_kind(row.get(3)));
        let capacity = diagnostic.take("capacity", cell::small_count(row.get(4)));
        let zone = diagnostic.take("zone", zone_name(row.get(5), default_zone));
        let team = diagnostic.take("team", optional(row.get(6), path));
        let from = diagnostic.take("phase_from", optional(row.get(7), cell::date));
        let exclusive = diagnostic.take("exclusive", optional(row.get(8), cell::boolean));
        if let (Some(platform), Some(store), Some(name), true) = (&platform, &store, &name, diagnostic.is_there()) {
            lost.insert(format!("{platform}/{store}/{name}"));
        }
        let phases = vec![Phase { from: from?, kind: kind?, capacity: capacity? }];
        let (platform, store, name) = (platform?, store?, name?);
        Some(BundleAccount {
            platform,
            store,
            name,
            zone: zone?,
            team: team?,
            exclusive: exclusive?.unwrap_or(false),
            phases,
        })
    })?;
    let rows = diagnostics.refusals.keep(rows, ACCOUNTS.file, diagnostics.rejects, |account| {
        let unit = || account.team.as_ref().and_then(|team| diagnostics.refusals.of_unit(team));
        let wrong = diagnostics.refusals.of(|| RowName::Account(account.path())).or_else(unit);
        wrong.inspect(|_| _ = lost.insert(account.path()))
    });
    let mut by_key: BTreeMap<AccountKey, Vec<(BundleAccount, u64)>> = BTreeMap::new();
    for (account, line) in rows {
        let key = (account.platform.clone(), account.store.clone(), account.name.clone());
        by_key.entry(key).or_default().push((account, line));
    }
    let mut accounts = Vec::with_capacity(by_key.len());
    for ((platform, store, name), rows) in by_key {
        match join_phases(rows, diagnostics) {
            Some(account) => accounts.push(account),
            None => _ = lost.insert(format!("{platform}/{store}/{name}")),
        }
    }
    if accounts.is_empty() && must {
        let why = every_row(diagnostics, ACCOUNTS.file);
        return Err(Unusable::new("NO_ACCOUNTS", ACCOUNTS.file, msg!("NO_ACCOUNTS", why), msg!("NO_ACCOUNTS_CURE")));
    }
    Ok((accounts, lost))
}

/// The rows of one account as one account with its phases, or nothing where they contradict each other.
fn join_phases(mut rows: Vec<(BundleAccount, u64)>, diagnostics: &mut Diagnostics<'_, '_>) -> Option<BundleAccount> {
    rows.sort_by(|a, b| a.0.phases.cmp(&b.0.phases));
    let first = rows.first()?.0.clone();
    let same = |a: &BundleAccount| (a.zone == first.zone) && (a.team == first.team) && (a.exclusive == first.exclusive);
    let phases: BTreeSet<&Phase> = rows.iter().flat_map(|(a, _)| &a.phases).collect();
    let days: BTreeSet<Option<Date>> = phases.iter().map(|p| p.from).collect();
    let (column, reason, cure) = if rows.iter().any(|(a, _)| !same(a)) {
        ("account", msg!("ACCOUNT_ROWS_DIFFER"), msg!("ACCOUNT_ROWS_DIFFER_CURE"))
    } else if days.len() < phases.len() {
        ("phase_from", msg!("PHASES_ON_ONE_DAY"), msg!("PHASES_ON_ONE_DAY_CURE"))
    } else {
        let dropped = (rows.len() - phases.len()) as u64;
        let phases = phases.into_iter().cloned().collect();
        if dropped > 0 {
            let (kind, path) = (FindingKind::DuplicateRow, first.path());
            diagnostics.findings.add(kind, ACCOUNTS.file, path, msg!("EQUAL_ROWS", count = dropped), dropped);
        }
        return Some(BundleAccount { phases, ..first });
    };
    for (_, line) in &rows {
        diagnostics.rejects.push(ACCOUNTS.file, *line, column, Wrong::new(reason.clone(), cure.clone()));
    }
    None
}

/// The name of an account, which may be written platform/store/account.
fn account_name(platform: &str, store: &str, account: &str) -> Result<String, Wrong> {
    let account = cell::id(account)?;
    segment(bare(&cell::fold(platform), &cell::fold(store), &account))
}

/// As what somebody is employed; a word that is none is wrong, never left out.
fn employment_kind(text: &str) -> Result<EmploymentKind, Wrong> {
    let word = cell::fold(text).to_ascii_lowercase();
    exported::employment_kind(&word)
        .ok_or_else(|| Wrong::new(msg!("NO_EMPLOYMENT_KIND", text = shown(&word)), msg!("NO_EMPLOYMENT_KIND_CURE")))
}

fn phase_kind(text: &str) -> Result<PhaseKind, Wrong> {
    match exported::word(&cell::fold(text).to_ascii_lowercase()) {
        "shared" => Ok(PhaseKind::Shared),
        "mixed" => Ok(PhaseKind::Mixed),
        "named" => Ok(PhaseKind::Named),
        other => Err(Wrong::new(msg!("NO_PHASE", text = shown(other)), msg!("NO_PHASE_CURE"))),
    }
}

/// A platform and a nickname on it.
pub(crate) type Nickname = (String, String);

/// Reads aliases.csv, and which nicknames have rows that were rejected.
pub(crate) fn read_aliases(
    source: Option<&Source>,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<(Vec<Alias>, BTreeSet<Nickname>), Unusable> {
    let mut lost = BTreeSet::new();
    let rows = each_row(source, &ALIASES, false, diagnostics, |row, diagnostic| {
        let platform = diagnostic.take("platform", segment(row.get(0)));
        let alias = diagnostic.take("alias", cell::id(row.get(1)));
        let person = diagnostic.take("employee_no", directory.person(row.get(2)));
        let from = diagnostic.take("from", optional(row.get(3), cell::date));
        let to = diagnostic.take("to", cell::end_date(row.get(4)));
        if let (Some(Some(from)), Some(Some(to))) = (from, to)
            && to < from
        {
            diagnostic.add("to", Wrong::new(msg!("PERIOD_BACKWARDS", to, from), msg!("CORRECT_THE_DATES")));
        }
        let alias = alias?.into_owned();
        if directory.by_no.get(alias.as_str()).is_some_and(|other| person.is_some_and(|p| p != *other)) {
            let reason = msg!("ALIAS_IS_A_NUMBER", alias = shown(&alias));
            diagnostic.add("alias", Wrong::new(reason, msg!("ALIAS_IS_A_NUMBER_CURE")));
        }
        if let (Some(platform), true) = (&platform, diagnostic.is_there()) {
            lost.insert((platform.clone(), alias.clone()));
        }
        Some(Alias { platform: platform?, alias, from: from?, to: to?, person: person? })
    })?;
    let rows = diagnostics.refusals.keep(rows, ALIASES.file, diagnostics.rejects, |row| {
        let wrong = diagnostics.refusals.of(|| RowName::Alias(row.platform.clone(), row.alias.clone(), row.from));
        wrong.inspect(|_| _ = lost.insert((row.platform.clone(), row.alias.clone())))
    });
    let mut by_name: BTreeMap<Nickname, Vec<(Alias, u64)>> = BTreeMap::new();
    for (alias, line) in rows {
        by_name.entry((alias.platform.clone(), alias.alias.clone())).or_default().push((alias, line));
    }
    let mut kept = Vec::new();
    for (name, rows) in by_name {
        let clash = |a: &Alias, b: &Alias| {
            let starts_before_end = |x: &Alias, y: &Alias| x.from.is_none_or(|from| y.to.is_none_or(|to| from <= to));
            a != b && starts_before_end(a, b) && starts_before_end(b, a)
        };
        for (alias, line) in &rows {
            let mut others = rows.iter().map(|(other, _)| other).filter(|other| clash(alias, other)).peekable();
            if others.peek().is_some() {
                let shown = shown(&alias.alias);
                let reason = match others.all(|other| other.person == alias.person) {
                    true => msg!("ALIAS_TWICE", alias = shown),
                    false => msg!("ALIAS_OF_TWO", alias = shown),
                };
                let wrong = Wrong::new(reason, msg!("ALIAS_OF_TWO_CURE"));
                diagnostics.rejects.push(ALIASES.file, *line, "alias", wrong);
                lost.insert(name.clone());
            } else {
                kept.push((alias.clone(), *line));
            }
        }
    }
    Ok((once(kept, ALIASES.file, diagnostics.findings), lost))
}
