//! observations.csv: values of measures for people, units, accounts, stores and campaigns.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_kernel::msg;

use super::cell::{self, shown};
use super::cleaned::Need::{Optional, Required};
use super::diagnostics::{FindingKind, Findings, RowDiagnostic, Seen, Unusable, Wrong};
use super::directory::Directory;
use super::exported;
use super::group::Period;
use super::layout::Layout;
use super::model::{Observation, Observed, Subject};
use super::numbers::Numbers;
use super::people::{Diagnostics, each_row, once, optional, path};
use super::refusals::RowName;
use super::source::Source;
use super::table::Row;

pub(crate) static OBSERVATIONS: Layout = Layout {
    file: "observations.csv",
    columns: &[
        ("measure", Required),
        ("subject_kind", Required),
        ("subject", Required),
        ("from", Optional),
        ("to", Optional),
        ("at", Optional),
        ("value", Required),
        ("source", Optional),
        ("revision", Optional),
        ("run_by", Optional),
    ],
    extras: false,
};

/// The kinds of subjects, as the file says them.
const KINDS: [&str; 5] = ["person", "unit", "account", "store", "campaign"];

/// Who and what may be observed.
pub(crate) struct Around<'a> {
    pub directory: &'a Directory<'a>,
    pub numbers: Option<Numbers>,
    /// The group's.
    pub zone: TimeZone,
    units: BTreeSet<&'a str>,
    stores: BTreeSet<String>,
}

impl<'a> Around<'a> {
    /// `zone` is the group's.
    pub fn new(directory: &'a Directory<'a>, numbers: Option<Numbers>, zone: &str) -> Self {
        let zone = cell::zone(zone).unwrap_or(TimeZone::UTC);
        let (people, accounts) = (directory.people, directory.accounts);
        let of_people = people.iter().flat_map(|p| &p.employments).map(|e| e.org_unit.as_str());
        let named = of_people.chain(accounts.iter().filter_map(|a| a.team.as_deref()));
        // Those above are units too, whether somebody is in them or not.
        let above = |path: &'a str| path.match_indices('/').map(move |(at, _)| &path[..at]).chain([path]);
        let units = named.flat_map(above).collect();
        let stores = accounts.iter().map(|a| format!("{}/{}", a.platform, a.store)).collect();
        Self { directory, numbers, zone, units, stores }
    }

    fn unit(&self, text: &str) -> Result<String, Wrong> {
        let unit = path(text)?;
        if self.units.contains(unit.as_str()) {
            return Ok(unit);
        }
        let near = cell::nearest(&unit, self.units.iter().copied());
        let hint = near.map(|near| msg!("HINT_MEANT", near)).unwrap_or_default();
        Err(Wrong::new(msg!("UNIT_OF_NOBODY", unit = shown(&unit), hint), msg!("UNIT_OF_NOBODY_CURE")))
    }

    fn store(&self, text: &str) -> Result<String, Wrong> {
        let store = cell::id(text)?;
        if self.stores.contains(store.as_ref()) {
            return Ok(store.into_owned());
        }
        let near = cell::nearest(&store, self.stores.iter().map(String::as_str));
        let hint = near.map(|near| msg!("HINT_MEANT", near)).unwrap_or_default();
        Err(Wrong::new(msg!("STORE_UNKNOWN", store = shown(&store), hint), msg!("STORE_UNKNOWN_CURE")))
    }

    fn subject(&self, row: &Row<'_>, diagnostic: &mut RowDiagnostic) -> Option<Subject> {
        let (kind, text) = (cell::fold(row.get(1)).to_ascii_lowercase(), row.get(2));
        match exported::word(&kind) {
            "person" => diagnostic.take("subject", self.directory.person(text)).map(Subject::Person),
            "unit" => diagnostic.take("subject", self.unit(text)).map(Subject::Unit),
            "account" => diagnostic.take("subject", self.directory.account(text)).map(Subject::Account),
            "store" => diagnostic.take("subject", self.store(text)).map(Subject::Store),
            "campaign" => {
                let name = diagnostic.take("subject", cell::name(text))?;
                let run_by = diagnostic.take("run_by", optional(row.get(9), |unit| self.unit(unit)))?;
                Some(Subject::Campaign { name, run_by })
            }
            _ => {
                let (reason, cure) = (msg!("NO_SUBJECT_KIND", text = shown(&kind)), KINDS.join(", "));
                diagnostic.add("subject_kind", Wrong::new(reason, msg!("NO_SUBJECT_KIND_CURE", kinds = cure)));
                None
            }
        }
    }

    /// What people call it.
    fn label(&self, subject: &Subject) -> String {
        match subject {
            Subject::Person(ix) => self.directory.number(*ix).to_owned(),
            Subject::Account(ix) => self.directory.accounts[ix.0 as usize].path(),
            Subject::Unit(name) | Subject::Store(name) | Subject::Campaign { name, .. } => name.clone(),
        }
    }

    /// The first and the last local day.
    fn days(&self, subject: &Subject, when: Observed) -> (Date, Date) {
        match when {
            Observed::Days(from, to) => (from, to),
            Observed::At(at) => {
                let day = self.zone_of(subject).to_datetime(at).date();
                (day, day)
            }
        }
    }

    fn zone_of(&self, subject: &Subject) -> &TimeZone {
        match subject {
            Subject::Person(ix) => self.directory.person_zone(*ix),
            Subject::Account(ix) => self.directory.account_zone(*ix),
            Subject::Unit(_) | Subject::Store(_) | Subject::Campaign { .. } => &self.zone,
        }
    }
}

/// Reads observations.csv; local times are of the person's or the account's zone, of other subjects of the group's.
pub(crate) fn read_observations(
    source: Option<&Source>,
    around: &Around<'_>,
    period: Period,
    diagnostics: &mut Diagnostics<'_, '_>,
) -> Result<Vec<Observation>, Unusable> {
    let rows = each_row(source, &OBSERVATIONS, false, diagnostics, |row, diagnostic| {
        let measure = diagnostic.take("measure", cell::id(row.get(0)));
        let subject = around.subject(row, diagnostic);
        let value = diagnostic.take("value", value(row.get(6), around.numbers.unwrap_or(Numbers::Point)));
        let source = diagnostic.take("source", optional(row.get(7), cell::name));
        let revision = diagnostic.take("revision", optional(row.get(8), cell::revision));
        let subject = subject?;
        let when = when(row, around.zone_of(&subject), diagnostic)?;
        Some(Observation {
            measure: measure?.into_owned(),
            subject,
            when,
            value: value?,
            source: source?.unwrap_or_default(),
            revision: revision?.unwrap_or_default(),
        })
    })?;
    let refusals = diagnostics.refusals;
    let rows = refusals
        .keep(rows, OBSERVATIONS.file, diagnostics.rejects, |row| refusals.of(|| RowName::Observation(row.clone())));
    let rows = once(rows, OBSERVATIONS.file, diagnostics.findings);
    let literal = source.is_some_and(|source| source.canonical);
    let rows = if literal { rows } else { newest(rows, around, diagnostics.findings) };
    // A result that was closed before this was told has none of it.
    if !literal {
        note_outside(&rows, around, period, diagnostics.findings);
    }
    Ok(rows)
}

/// Of what comes in several revisions the highest, with a finding: sent again they would be refused, since the suite knows a newer one.
fn newest(rows: Vec<Observation>, around: &Around<'_>, findings: &mut Findings) -> Vec<Observation> {
    let mut highest: BTreeMap<(String, Subject, Observed), (u64, u64)> = BTreeMap::new();
    let key = |row: &Observation| (row.measure.clone(), row.subject.clone(), row.when);
    for row in &rows {
        let (revision, _) = highest.entry(key(row)).or_default();
        *revision = row.revision.max(*revision);
    }
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        match highest.get_mut(&key(&row)) {
            Some((revision, left_out)) if row.revision < *revision => *left_out += 1,
            Some(_) | None => kept.push(row),
        }
    }
    for ((measure, subject, when), (revision, count)) in highest.into_iter().filter(|(_, (_, left_out))| *left_out > 0)
    {
        let subject = format!("{measure} {} {}", around.label(&subject), around.days(&subject, when).0);
        let said = msg!("DUPLICATE_ROW_REVISED", count, revision = revision.to_string());
        findings.add(FindingKind::DuplicateRow, OBSERVATIONS.file, subject, said, count);
    }
    kept
}

/// Those of other days count for nothing in the period; those that reach beyond it are told by the suite.
fn note_outside(rows: &[Observation], around: &Around<'_>, period: Period, findings: &mut Findings) {
    let mut outside = Seen::default();
    for row in rows {
        let (from, to) = around.days(&row.subject, row.when);
        if to < period.from || period.to < from {
            outside.note(format!("{from} {}", row.measure));
        }
    }
    if outside.rows > 0 {
        let (count, example, Period { from, to }) = (outside.rows, shown(&outside.least), period);
        let said = msg!("OBSERVATIONS_OUTSIDE", count, from, to, example);
        findings.add(FindingKind::OutsidePeriod, OBSERVATIONS.file, "", said, count);
    }
}

/// Either an instant or days.
fn when(row: &Row<'_>, zone: &TimeZone, diagnostic: &mut RowDiagnostic) -> Option<Observed> {
    let (from, to, at) = (row.get(3), row.get(4), row.get(5));
    if !(at.is_empty() || from.is_empty() && to.is_empty()) {
        diagnostic.add("from", Wrong::new(msg!("DAYS_AND_TIME"), msg!("DAYS_AND_TIME_CURE")));
        return None;
    }
    if from.is_empty() && at.is_empty() {
        diagnostic.add("from", Wrong::new(msg!("NEITHER_DAYS_NOR_TIME"), msg!("NEITHER_DAYS_NOR_TIME_CURE")));
        return None;
    }
    if from.is_empty() {
        return diagnostic.take("at", cell::moment(at, zone)).map(|at| Observed::At(at.at));
    }
    let first = diagnostic.take("from", cell::date(from));
    let last = if to.is_empty() { first } else { diagnostic.take("to", cell::date(to)) };
    let (from, to) = (first?, last?);
    if to < from {
        diagnostic.add("to", Wrong::new(msg!("PERIOD_BACKWARDS", to, from), msg!("CORRECT_THE_DATES")));
        return None;
    }
    Some(Observed::Days(from, to))
}

fn value(text: &str, numbers: Numbers) -> Result<rust_decimal::Decimal, Wrong> {
    let plain = numbers.plain(text)?;
    cell::decimal(&plain)
        .ok_or_else(|| Wrong::new(msg!("NO_NUMBER", text = shown(text)), msg!("NO_NUMBER_CURE.needed")))
}
