//! What becomes of people who are sent by number.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tally_access::{Region, Target};
use tally_kernel::dated::Dated as _;
use tally_kernel::id::{EmploymentId, OrgUnitId, PersonId};
use tally_kernel::person::EmploymentKind;
use tally_kernel::{IdNumber, time};
use uuid::Uuid;

use super::{Employment, Facts, MAX_TEXT, Person, PersonError, Post, Reason, seen};
use crate::org::domain::OrgTree;

/// A person to be written, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonRow {
    /// The group's own number.
    pub employee_no: String,
    pub name: String,
    pub unit_path: String,
    pub position: String,
    pub grade: String,
    /// First day.
    pub hired_on: String,
    /// Last day, or empty.
    pub left_on: String,
    /// IANA zone, or empty for the group's.
    pub zone: String,
    /// Number of the identity document, or empty.
    pub id_number: String,
    /// As what the person is employed, by its word, or empty.
    pub kind: String,
}

/// Who holds an identity number, by region.
pub type Holders = BTreeMap<(Region, IdNumber), PersonId>;

/// What an import comes to.
#[derive(Clone, Debug, Default)]
pub struct ImportPlan {
    /// People to write, without employments.
    pub people: Vec<Person>,
    /// Employments to write, with their person and number.
    pub employments: Vec<(PersonId, String, Employment)>,
    /// Rows that write something.
    pub written: u32,
    /// Rows that are there.
    pub unchanged: u32,
    pub problems: Vec<(u32, PersonError)>,
    /// Whether a unit of some row is in the caller's reach today.
    reached: bool,
    /// What the first row was about whose unit is not.
    beyond: Option<Target>,
}

impl ImportPlan {
    /// What the caller must be allowed to write to: each unit by whom it is under, and whom it was under since the employment began.
    pub fn targets(&self, facts: Facts<'_>) -> impl Iterator<Item = Target> {
        let of = move |(person, _, new): &(PersonId, String, Employment)| {
            let past = new.targets(*person, facts.tree, facts.so_far(new.from, new.to));
            [new.target(*person)].into_iter().chain(past)
        };
        self.employments.iter().flat_map(of)
    }

    /// What the whole call is refused on, where the caller reaches nothing of it.
    pub fn denied(&self) -> Option<&Target> {
        self.beyond.as_ref().filter(|_| !self.reached && self.unchanged == 0)
    }

    /// Refuses a row whose unit is not the caller's today, or was somebody else's on a day since the employment began.
    fn reach(&mut self, row: &Parsed, facts: Facts<'_>, within: impl Fn(&Target) -> bool) -> Result<(), PersonError> {
        let target = Target::unit(row.region.clone(), row.unit);
        if !within(&target) {
            self.beyond.get_or_insert(target);
            return Err(PersonError::OutOfReach);
        }
        self.reached = true;
        let past = facts.tree.turns(row.unit, facts.so_far(row.from, row.to));
        let all = past.into_iter().all(|day| within(&target.clone().on(day)));
        if all { Ok(()) } else { Err(PersonError::OutOfReach) }
    }
}

struct Parsed {
    zone: String,
    from: Date,
    to: Option<Date>,
    unit: OrgUnitId,
    region: Region,
    id_number: Option<IdNumber>,
    kind: Option<EmploymentKind>,
}

/// Decides what becomes of each row. `known` holds the people of these employee numbers, `holders` whoever has the identity
/// numbers; `within` says what is in the caller's reach, `id` gives new ids.
pub fn plan_import(
    mut known: BTreeMap<String, Person>,
    mut holders: Holders,
    facts: Facts<'_>,
    rows: &[(u32, PersonRow)],
    group_zone: &str,
    within: impl Fn(&Target) -> bool,
    mut id: impl FnMut() -> Uuid,
) -> ImportPlan {
    let mut plan = ImportPlan::default();
    let mut refused: BTreeMap<&str, Option<Date>> = BTreeMap::new();
    for (index, row) in oldest_first(rows) {
        let number = row.employee_no.trim();
        let decided = parse(row, facts, group_zone, known.get(number)).and_then(|parsed| {
            let there = known.get(number);
            nobody_elses(&holders, there, &parsed)?;
            let is_new = |e: &Employment| plan.employments.iter().any(|(_, _, new)| new.row == e.row);
            if !decide_row(there, row, &parsed, is_new)? {
                return Ok(None);
            }
            match refused.get(number).filter(|earlier| earlier.is_none_or(|day| day < parsed.from)) {
                Some(_) => Err(PersonError::EarlierRefused),
                None => plan.reach(&parsed, facts, &within).map(|()| Some(parsed)),
            }
        });
        match decided {
            Err(problem) => {
                refused.entry(number).or_insert_with(|| first_day(row));
                plan.problems.push((*index, problem));
            }
            Ok(None) => plan.unchanged += 1,
            Ok(Some(parsed)) => {
                plan.written += 1;
                let person = known.entry(number.to_owned()).or_insert_with(|| {
                    let person = Person {
                        id: PersonId(id()),
                        employee_no: number.to_owned(),
                        name: row.name.trim().to_owned(),
                        zone: parsed.zone.clone(),
                        id_number: parsed.id_number.clone(),
                        employments: Vec::new(),
                        leaves: Vec::new(),
                    };
                    plan.people.push(person.clone());
                    person
                });
                let (employment, reason) = continued(person, &parsed);
                holders.extend(parsed.id_number.map(|number| ((parsed.region.clone(), number), person.id)));
                let employment = Employment {
                    row: id(),
                    id: employment.unwrap_or_else(|| EmploymentId(id())),
                    post: Post::Home,
                    reason,
                    unit: parsed.unit,
                    region: parsed.region,
                    position: row.position.trim().to_owned(),
                    grade: row.grade.trim().to_owned(),
                    kind: parsed.kind,
                    from: parsed.from,
                    to: parsed.to,
                };
                person.employments.push(employment.clone());
                plan.employments.push((person.id, person.employee_no.clone(), employment));
            }
        }
    }
    plan.problems.sort_by_key(|(index, _)| *index);
    plan
}

/// The rows of a number by their first days, since one goes on from the other; numbers in the order in which they come. A day
/// that cannot be read is before all others.
fn oldest_first(rows: &[(u32, PersonRow)]) -> Vec<&(u32, PersonRow)> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, (_, row)) in rows.iter().enumerate() {
        first.entry(row.employee_no.trim()).or_insert(place);
    }
    let mut ordered: Vec<_> = rows.iter().collect();
    ordered.sort_by_key(|(_, row)| (first.get(row.employee_no.trim()), first_day(row)));
    ordered
}

fn first_day(row: &PersonRow) -> Option<Date> {
    row.hired_on.trim().parse().ok()
}

/// What a new first day begins with, and the employment that goes on: one that ended the day before, in the same region. In
/// another region the person goes on as well, with an employment of its own, since data do not move between regions.
fn continued(person: &Person, parsed: &Parsed) -> (Option<EmploymentId>, Reason) {
    let before = person.employments.iter().filter(|e| e.post == Post::Home && e.from < parsed.from);
    match before.max_by_key(|e| e.from) {
        None => (None, Reason::Hire),
        Some(last) if last.to.and_then(|to| to.tomorrow().ok()) == Some(parsed.from) => {
            (Some(last.id).filter(|_| last.region == parsed.region), Reason::Transfer)
        }
        Some(_) => (None, Reason::Rehire),
    }
}

/// Refuses an identity number that somebody else has.
fn nobody_elses(holders: &Holders, there: Option<&Person>, parsed: &Parsed) -> Result<(), PersonError> {
    let Some(number) = &parsed.id_number else { return Ok(()) };
    match holders.get(&(parsed.region.clone(), number.clone())) {
        Some(holder) if there.is_none_or(|person| person.id != *holder) => Err(PersonError::IdNumberTaken),
        _ => Ok(()),
    }
}

/// Whether a good row writes something; it does not when it is there already, word for word. `is_new` tells what an earlier row of the call wrote.
fn decide_row(
    there: Option<&Person>,
    row: &PersonRow,
    parsed: &Parsed,
    is_new: impl Fn(&Employment) -> bool,
) -> Result<bool, PersonError> {
    let Some(person) = there else { return Ok(true) };
    let same = |field, is| if is { Ok(()) } else { Err(PersonError::Differs(field)) };
    same("name", person.name == row.name.trim())?;
    same("zone", person.zone == parsed.zone)?;
    same("id_number", parsed.id_number.is_none() || person.id_number == parsed.id_number)?;
    match begun(person, parsed.from) {
        Some(e) => {
            same("unit_path", e.unit == parsed.unit)?;
            same("position", e.position == row.position.trim())?;
            same("grade", e.grade == row.grade.trim())?;
            same("employment_kind", parsed.kind.is_none() || e.kind == parsed.kind)?;
            // Who was promoted, went elsewhere or left since is there as first sent: the row knows of no last day.
            let since = parsed.to.is_none() && !is_new(e);
            same("left_on", since || e.to == parsed.to || last_day(person, e) == parsed.to)?;
            Ok(false)
        }
        // Another first day is another employment: somebody came back, or moved on.
        None => match homes(person).find(|e| e.overlaps(parsed.from, parsed.to)) {
            Some(e) => Err(PersonError::Overlaps(e.from)),
            None => Ok(true),
        },
    }
}

fn homes(person: &Person) -> impl Iterator<Item = &Employment> {
    person.employments.iter().filter(|e| e.post == Post::Home)
}

/// The stretch at home that begins on a day.
fn begun(person: &Person, day: Date) -> Option<&Employment> {
    homes(person).find(|e| e.from == day)
}

/// The last day of a stretch with those of the same employment that follow it: who sent the person knows of none of them.
fn last_day(person: &Person, stretch: &Employment) -> Option<Date> {
    let mut last = stretch;
    while let Some(next) = last.to.and_then(|to| begun(person, to.tomorrow().ok()?))
        && next.id == last.id
    {
        last = next;
    }
    last.to
}

fn parse(row: &PersonRow, facts: Facts<'_>, group_zone: &str, there: Option<&Person>) -> Result<Parsed, PersonError> {
    let text = |field, text: &str| match text.trim().chars().count() {
        1..=MAX_TEXT => Ok(()),
        _ => Err(PersonError::TextUnusable(field)),
    };
    text("employee_no", &row.employee_no)?;
    if !facts.replays {
        seen("employee_no", row.employee_no.trim())?;
    }
    text("name", &row.name)?;
    for (field, value) in [("position", &row.position), ("grade", &row.grade)] {
        if value.trim().chars().count() > MAX_TEXT {
            return Err(PersonError::TextUnusable(field));
        }
    }
    let day = |field, text: &str| text.trim().parse::<Date>().map_err(|_| PersonError::DateMalformed(field));
    let from = day("hired_on", &row.hired_on)?;
    let to = if row.left_on.trim().is_empty() { None } else { Some(day("left_on", &row.left_on)?) };
    if to.is_some_and(|last| last < from) {
        return Err(PersonError::DatesBackwards);
    }
    let zone = if row.zone.trim().is_empty() { group_zone } else { row.zone.trim() };
    time::zone(zone).map_err(|_| PersonError::ZoneUnknown(zone.chars().take(64).collect()))?;
    let there = there.and_then(|person| begun(person, from));
    let unit = meant(facts, &row.unit_path, from, there)?;
    // What is there already need not be possible any more: its unit may have been closed since.
    let region = match there.filter(|e| e.unit == unit) {
        Some(e) => e.region.clone(),
        None => facts.region_of(unit, from, to)?.clone(),
    };
    facts.in_catalogue(row.position.trim(), row.grade.trim(), from)?;
    let id_number = match row.id_number.trim() {
        "" => None,
        text => Some(IdNumber::parse(text).map_err(PersonError::IdNumberUnusable)?),
    };
    let kind = match row.kind.trim() {
        "" => None,
        word => Some(word.parse().map_err(|_| PersonError::KindUnknown(word.chars().take(64).collect()))?),
    };
    Ok(Parsed { zone: zone.to_owned(), from, to, unit, region, id_number, kind })
}

/// The unit of a path on a first day. Where no unit had the path then, it is the one that is meant by it: that of what is there, if
/// it ever had the path, or the one that has it now, if it was there by another name or at another place.
fn meant(facts: Facts<'_>, path: &str, from: Date, there: Option<&Employment>) -> Result<OrgUnitId, PersonError> {
    let tree = facts.tree;
    if let Some(state) = tree.find(path, from) {
        return Ok(state.unit);
    }
    let stored = there.map(|e| e.unit).filter(|unit| tree.was_at(*unit, path));
    let now = || tree.find(path, facts.today).map(|state| state.unit).filter(|unit| tree.at(*unit, from).is_some());
    stored.or_else(now).ok_or_else(|| unknown_unit(tree, path, from))
}

fn unknown_unit(tree: &OrgTree, path: &str, from: Date) -> PersonError {
    let path: String = path.chars().take(200).collect();
    // Far ahead every planned unit is there: tells a typing error from a unit that begins later.
    match tree.find(&path, Date::MAX).filter(|unit| unit.from > from) {
        Some(unit) => PersonError::UnitBeginsLater(path, unit.from),
        None if tree.was(&path) => PersonError::UnitWas(path, from),
        None => PersonError::UnitUnknown(path),
    }
}
