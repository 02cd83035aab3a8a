//! What makes the definitions of a scheme sound: each by itself, and all together.

use std::collections::{BTreeMap, BTreeSet};

use tally_kernel::{Micro, msg};

use super::definition::{Aggregation, Counts, Definition, Derived, Of, OfRecords, OfTeam, Rolled, Value, built_in};
use super::measure::Measure;
use super::problem::{ProblemKind, Problems, SchemeProblem};

/// Definitions of one scheme.
const MOST: usize = 100;
/// Minutes of a session's longest pause.
const MOST_MINUTES: u32 = 7 * 24 * 60;
/// Days that a repetition is looked for.
const MOST_DAYS: u32 = 366;

/// Everything that is wrong with these definitions, whatever columns there are; their list is counted from `first`.
pub fn unsound(all: &[Definition], first: usize) -> Vec<SchemeProblem> {
    let mut problems = Problems::default();
    check(all, first, None, &mut problems);
    problems.0
}

/// Notes everything that is wrong with these definitions. `columns` are the numeric columns that the records have, where known.
pub(super) fn check(all: &[Definition], first: usize, columns: Option<&BTreeSet<String>>, problems: &mut Problems) {
    if all.len() > MOST {
        problems.add("measures", ProblemKind::Range, msg!("MEASURES_DEFINED_TOO_MANY", most = MOST));
    }
    let (mut known, mut names) = (BTreeMap::new(), BTreeSet::new());
    for definition in all {
        known.entry(definition.name.as_str()).or_insert(definition);
    }
    for (i, definition) in all.iter().enumerate() {
        let mut one = One { path: format!("measures[{}]", first + i), known: &known, columns, problems };
        if !names.insert(&definition.name) {
            one.add("name", ProblemKind::Duplicate, msg!("NAME_TWICE", name = definition.name));
        }
        one.check(definition);
    }
}

struct One<'a, 'p> {
    path: String,
    known: &'a BTreeMap<&'a str, &'a Definition>,
    columns: Option<&'a BTreeSet<String>>,
    problems: &'p mut Problems,
}

impl One<'_, '_> {
    fn add(&mut self, field: &str, kind: ProblemKind, message: tally_kernel::Message) {
        self.problems.add(format!("{}.{field}", self.path), kind, message);
    }

    fn check(&mut self, definition: &Definition) {
        if definition.name.trim().is_empty() {
            self.add("name", ProblemKind::Missing, msg!("TEXT_EMPTY"));
        } else if !matches!(Measure::from(definition.name.clone()), Measure::Custom(_)) {
            self.add("name", ProblemKind::Duplicate, msg!("MEASURE_BUILT_IN", name = definition.name));
        }
        if let (Some(from), Some(to)) = (definition.from, definition.to)
            && from > to
        {
            self.add("from", ProblemKind::Range, msg!("MEASURE_VALID_BACKWARDS", from, to));
        }
        match &definition.of {
            Of::Record(records) => self.records(records),
            Of::Observation(_) => {}
            Of::Derived(derived) => self.derived(derived),
            Of::Team(team) => self.team(team),
        }
        self.parts(definition);
    }

    fn records(&mut self, records: &OfRecords) {
        let OfRecords { value, aggregation, test, kinds, hours, session_minutes } = records;
        match (aggregation, value) {
            (Aggregation::Mean | Aggregation::Sum | Aggregation::Share, None) => {
                self.add("value", ProblemKind::Missing, msg!("MEASURE_VALUE_MISSING"));
            }
            (Aggregation::Mean | Aggregation::Sum, Some(Value::Resolved)) => {
                self.add("value", ProblemKind::Measure, msg!("MEASURE_OF_RESOLVED"));
            }
            (_, Some(Value::Column(column))) => {
                let known = self.columns.is_none_or(|columns| columns.contains(column));
                if column.trim().is_empty() || !known {
                    self.add("value", ProblemKind::UnknownMeasure, msg!("MEASURE_COLUMN_UNKNOWN", column));
                }
            }
            _ => {}
        }
        let yes_or_no = *value == Some(Value::Resolved);
        match (aggregation, test) {
            (Aggregation::Share, None) if !yes_or_no && value.is_some() => {
                self.add("test", ProblemKind::Missing, msg!("MEASURE_TEST_MISSING"));
            }
            (Aggregation::Share, Some(_)) if !yes_or_no => {}
            (Aggregation::Count | Aggregation::Distinct, Some(_)) if value.is_some() && !yes_or_no => {}
            (_, Some(_)) => self.add("test", ProblemKind::Measure, msg!("MEASURE_TEST_NOT_HERE")),
            (_, None) => {}
        }
        if kinds.iter().any(|kind| kind.trim().is_empty()) {
            self.add("kinds", ProblemKind::Missing, msg!("TEXT_EMPTY"));
        }
        if let Some(hours) = hours {
            if hours.from == hours.to {
                self.add("hours", ProblemKind::Range, msg!("MEASURE_HOURS_EMPTY"));
            }
            let seconds = matches!(value, Some(Value::FirstReplySeconds | Value::DurationSeconds));
            if hours.counts == Counts::Inside && !seconds {
                self.add("hours.counts", ProblemKind::Measure, msg!("MEASURE_HOURS_NOT_HERE"));
            }
        }
        if *session_minutes > MOST_MINUTES {
            self.add("session_minutes", ProblemKind::Range, msg!("MEASURE_SESSION_TOO_LONG", most = MOST_MINUTES));
        }
        if *session_minutes > 0 && matches!(aggregation, Aggregation::Sum | Aggregation::Distinct) {
            self.add("session_minutes", ProblemKind::Measure, msg!("MEASURE_SESSION_NOT_HERE"));
        }
    }

    fn derived(&mut self, derived: &Derived) {
        match derived {
            Derived::Ratio { of, per, .. } => {
                for (field, name) in [("of", of), ("per", per)] {
                    if self.adds_up(name) == Some(false) {
                        self.add(field, ProblemKind::Measure, msg!("MEASURE_ADDS_NOT_UP", measure = name));
                    }
                }
            }
            Derived::Sum(parts) => {
                if parts.is_empty() {
                    self.add("sum", ProblemKind::Missing, msg!("MEASURE_SUM_EMPTY"));
                }
                if parts.iter().any(|part| part.factor == Micro::ZERO) {
                    self.add("sum", ProblemKind::Range, msg!("MEASURE_FACTOR_ZERO"));
                }
            }
            Derived::Repeat { of, after, within_days } => {
                for (field, name) in [("of", of), ("after", after)].into_iter().filter(|(_, name)| !name.is_empty()) {
                    let counted = |definition: &&Definition| matches!(&definition.of, Of::Record(records) if records.aggregation == Aggregation::Count);
                    let known = self.known.get(name.as_str());
                    let built_in = known.is_none() && self.adds_up(name).is_some();
                    if built_in || known.is_some_and(|definition| !counted(definition)) {
                        self.add(field, ProblemKind::Measure, msg!("MEASURE_COUNT_EXPECTED", measure = name));
                    }
                }
                if !(1..=MOST_DAYS).contains(within_days) {
                    self.add("within_days", ProblemKind::Range, msg!("MEASURE_DAYS_BEYOND", most = MOST_DAYS));
                }
            }
            Derived::Trend { .. } => {}
        }
    }

    fn team(&mut self, team: &OfTeam) {
        match (team.aggregation, team.test) {
            (Rolled::Share, None) => self.add("test", ProblemKind::Missing, msg!("MEASURE_TEST_MISSING")),
            (Rolled::Mean | Rolled::Sum, Some(_)) => {
                self.add("test", ProblemKind::Measure, msg!("MEASURE_TEST_NOT_HERE"));
            }
            (Rolled::Share, Some(_)) | (Rolled::Mean | Rolled::Sum, None) => {}
        }
    }

    /// What it is computed from exists, and not by way of itself.
    fn parts(&mut self, definition: &Definition) {
        for part in definition.parts() {
            if self.adds_up(part).is_none() {
                self.add("of", ProblemKind::UnknownMeasure, msg!("MEASURE_PART_UNKNOWN", measure = part));
            }
        }
        let (mut seen, mut open) = (BTreeSet::new(), definition.parts());
        while let Some(part) = open.pop() {
            if part == definition.name {
                let circle = msg!("MEASURE_OF_ITSELF", measure = definition.name);
                self.add("of", ProblemKind::Measure, circle);
                return;
            }
            if seen.insert(part) {
                open.extend(self.known.get(part).into_iter().flat_map(|known| known.parts()));
            }
        }
    }

    /// Whether a measure of the scheme, or one that is built in, adds up over records; nothing where there is none of this name.
    fn adds_up(&self, name: &str) -> Option<bool> {
        let measure = Measure::from(name.to_owned());
        match measure {
            Measure::CreditedRecords => Some(true),
            Measure::Custom(_) => self.known.get(name).map(|definition| definition.of.adds_up()),
            _ => built_in(&measure).map(|definition| definition.of.adds_up()),
        }
    }
}
