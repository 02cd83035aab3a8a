//! `population` of scheme.yaml: who has a card, a rank and a part of the pool. The suite judges by the same words as a cycle's
//! population; here it is only held against the files, so that what names nobody is told before anything is done.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;
use tally_kernel::message::Arg;
use tally_kernel::person::EmploymentKind;
use tally_kernel::{Message, msg};

use super::cell::{nearest, shown};
use super::diagnostics::{FindingKind, Findings, Unusable};
use super::directory::Directory;
use super::exported;
use super::group::Period;
use super::model::{BundlePerson, Employment};
use super::people::path;
use super::yaml::Fields;

const FILE: &str = "scheme.yaml";
/// Words of people.csv that a refusal names.
const NAMED: usize = 20;

/// Whoever is employed in the period and fits everything that is said, but for those who are named in or out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Population {
    /// Of these units with all below them; of all where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// In one of these positions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<String>,
    /// In one of these grades.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grades: Vec<String>,
    /// Employed as one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub employment_kinds: Vec<EmploymentKind>,
    /// In, by employee number, wherever they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Out, whatever else is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The day whose employments count; the last of the period where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
}

/// Reads `population`.
pub(crate) fn read(scheme: &mut Fields<'_>) -> Option<Population> {
    let mut fields = scheme.nested("population")?;
    let mut texts = |key| {
        let mut texts = fields.texts(key).unwrap_or_default();
        texts.sort();
        texts.dedup();
        texts
    };
    let [units, positions, grades] = ["units", "positions", "grades"].map(&mut texts);
    let [kinds, include, exclude] = ["employment_kinds", "include", "exclude"].map(&mut texts);
    let as_of = fields.date("as_of");
    let mut employment_kinds = Vec::with_capacity(kinds.len());
    for kind in &kinds {
        match exported::employment_kind(&kind.to_lowercase()) {
            Some(kind) => employment_kinds.push(kind),
            None => {
                let words = EmploymentKind::ALL.map(EmploymentKind::word).join(", ");
                fields.note("employment_kinds", msg!("SETTING_NOT_ONE_OF", text = shown(kind), words));
            }
        }
    }
    employment_kinds.sort();
    employment_kinds.dedup();
    fields.finish();
    let said = Population { units, positions, grades, employment_kinds, include, exclude, as_of };
    if said == (Population { as_of, ..Population::default() }) {
        scheme.note("population", msg!("SETTING_EMPTY"));
    }
    Some(said)
}

impl Population {
    /// Whether somebody is in, by the rules of a cycle's population.
    fn holds(&self, person: &BundlePerson, period: Period) -> bool {
        let named = |numbers: &[String]| numbers.contains(&person.employee_no);
        let home = person.home(self.as_of.unwrap_or(period.to));
        person.employments.iter().any(|e| e.holds(period.from, period.to))
            && !named(&self.exclude)
            && (named(&self.include) || self.fits(home))
    }

    fn fits(&self, home: &Employment) -> bool {
        let one_of = |words: &[String], word: &String| words.is_empty() || words.contains(word);
        let kind = |kind| self.employment_kinds.contains(&kind);
        (self.units.is_empty() || self.units.iter().any(|unit| home.is_in(unit)))
            && one_of(&self.positions, &home.position)
            && one_of(&self.grades, &home.grade)
            && (self.employment_kinds.is_empty() || home.kind.is_some_and(kind))
    }
}

/// Holds what is said against people.csv: units and people that are none are refused, positions and grades of nobody are a finding, and
/// a population of nobody is refused.
///
/// # Errors
/// [`Unusable`].
pub(crate) fn check(
    of: &mut Population,
    period: Period,
    directory: &Directory<'_>,
    findings: &mut Findings,
) -> Result<(), Unusable> {
    let mut notes = Vec::new();
    let mut note = |key: &str, problem| notes.push(msg!("SETTING", path = format!("population.{key}"), problem));
    let employments = || directory.people.iter().flat_map(|person| &person.employments);
    for unit in &mut of.units {
        match path(unit) {
            Ok(path) => *unit = path,
            Err(wrong) => note("units", msg!("SETTING_WRONG", reason = wrong.reason, cure = wrong.cure)),
        }
        if !employments().any(|employment| employment.is_in(unit)) {
            let near = nearest(unit, employments().map(|employment| employment.org_unit.as_str()));
            let hint = near.map(|near| msg!("HINT_MEANT", near)).unwrap_or_default();
            note("units", msg!("UNIT_OF_NOBODY", unit = shown(unit), hint));
        }
    }
    for (key, numbers) in [("include", &mut of.include), ("exclude", &mut of.exclude)] {
        for number in numbers {
            match directory.person(number) {
                Ok(person) => *number = directory.number(person).to_owned(),
                Err(wrong) => note(key, msg!("SETTING_WRONG", reason = wrong.reason, cure = wrong.cure)),
            }
        }
    }
    if !notes.is_empty() {
        let problem = msg!("SEVERAL_PROBLEMS", problems = Arg::List(notes));
        return Err(Unusable::new("INVALID_SETTINGS", FILE, problem, msg!("INVALID_SETTINGS_CURE")));
    }
    if !directory.people.iter().any(|person| of.holds(person, period)) {
        let Period { from, to } = period;
        let cure = msg!("POPULATION_WITHOUT_PEOPLE_CURE", said = Arg::List(there(directory.people, period)));
        return Err(Unusable::new(
            "POPULATION_WITHOUT_PEOPLE",
            FILE,
            msg!("POPULATION_WITHOUT_PEOPLE", from, to),
            cure,
        ));
    }
    note_unknown(of, directory.people, findings);
    Ok(())
}

/// Positions and grades of nobody are mostly misspelt.
fn note_unknown(of: &Population, people: &[BundlePerson], findings: &mut Findings) {
    let employments = || people.iter().flat_map(|person| &person.employments);
    for (column, words) in [("position", &of.positions), ("grade", &of.grades)] {
        let has = |employment: &Employment| {
            if column == "position" { employment.position.clone() } else { employment.grade.clone() }
        };
        let there: BTreeSet<String> = employments().map(has).filter(|word| !word.is_empty()).collect();
        for word in words.iter().filter(|word| !there.contains(*word)) {
            let near = nearest(word, there.iter().map(String::as_str));
            let hint = near.map(|near| msg!("HINT_MEANT", near)).unwrap_or_default();
            let detail = msg!("POPULATION_OF_NOBODY", column, word = shown(word), hint);
            findings.add(FindingKind::PopulationOfNobody, FILE, format!("population {column} {word}"), detail, 0);
        }
    }
}

/// What people.csv says of those who are employed in the period, for whoever looks for the right word.
fn there(people: &[BundlePerson], period: Period) -> Vec<Message> {
    let employed = || people.iter().flat_map(|p| &p.employments).filter(|e| e.holds(period.from, period.to));
    let listed = |words: BTreeSet<String>| {
        let more = if words.len() > NAMED { ", …" } else { "" };
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).take(NAMED).collect();
        (!words.is_empty()).then(|| words.join(", ") + more)
    };
    let kinds = employed().filter_map(|e| e.kind).map(|kind| kind.word().to_owned()).collect();
    let columns = [
        ("position", listed(employed().map(|e| e.position.clone()).collect())),
        ("grade", listed(employed().map(|e| e.grade.clone()).collect())),
        ("org_unit", listed(employed().map(|e| e.org_unit.clone()).collect())),
        ("employment_kind", listed(kinds)),
    ];
    let told =
        columns.into_iter().filter_map(|(column, words)| Some(msg!("POPULATION_COLUMN", column, words = words?)));
    told.collect()
}
