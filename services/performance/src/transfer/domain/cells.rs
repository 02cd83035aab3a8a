//! Which figures about groups of people may leave the region. Pure.
//!
//! A cell is a unit with all units below it, in one month. Everything that was ever released about a month cuts its people
//! into classes: two people are of one class when every released cell holds both or neither. Whatever is computed from
//! released cells by adding and subtracting is a sum over whole classes. So nobody learns a figure about fewer than
//! [`FEWEST`] people as long as no class has fewer, and a cell that would cut one off is withheld. Two rules that can be
//! read off a single cell come first, because they name the reason better and hold for what is known from elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_kernel::Micro;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::micro::div_half_even;

/// Fewest people that a figure may be about.
pub const FEWEST: usize = 5;

/// A unit of the tree on the month's last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitAt {
    pub id: OrgUnitId,
    /// Its parent; nothing for the group itself.
    pub parent: Option<OrgUnitId>,
    /// Its name where that may leave the region: of the group and of branches.
    pub name: String,
}

/// One person's month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub person: PersonId,
    /// Unit at the end of the month.
    pub unit: OrgUnitId,
    /// Credited millionths of records.
    pub credited_ppm: u64,
    pub score: Micro,
}

/// A unit in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub unit: OrgUnitId,
    /// Its parent; nothing for the group itself.
    pub parent: Option<OrgUnitId>,
    /// Its name, or nothing where that stays here.
    pub name: String,
    /// Who is in it. Never leaves the region.
    pub members: BTreeSet<PersonId>,
    /// Credited millionths of records of all of them.
    pub credited_ppm: u64,
    /// Mean of their scores, half to even.
    pub mean_score: Micro,
}

/// A cell that was released before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub unit: OrgUnitId,
    /// Who was in it.
    pub members: BTreeSet<PersonId>,
}

/// Why a cell is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Withheld {
    /// It has fewer than five people.
    TooFew,
    /// The rest of its parent has one to four people.
    Complement,
    /// It was released before, and one to four people have come or gone since.
    Rerelease,
    /// What other cells of this report leave over would be one to four people.
    Remainder,
    /// What cells of earlier reports leave over would be one to four people.
    Earlier,
}

/// The cells of a month that have anybody in them: the group first, then level by level, the larger first. A person whose
/// unit is not in the tree counts for the group alone.
///
/// # Errors
/// The unit whose sums are too large.
pub fn cells(units: &[UnitAt], members: &[Member]) -> Result<Vec<Cell>, OrgUnitId> {
    let parents: HashMap<OrgUnitId, Option<OrgUnitId>> = units.iter().map(|unit| (unit.id, unit.parent)).collect();
    let Some(root) = units.iter().find(|unit| unit.parent.is_none()).map(|unit| unit.id) else { return Ok(Vec::new()) };
    let mut within: HashMap<OrgUnitId, Vec<&Member>> = HashMap::new();
    for member in members {
        let mut at = Some(if parents.contains_key(&member.unit) { member.unit } else { root });
        // A tree is no deeper than it has units; a broken one ends the climb.
        for _ in 0..units.len() {
            let Some(unit) = at else { break };
            within.entry(unit).or_default().push(member);
            at = parents.get(&unit).copied().flatten();
        }
    }
    let depth = |unit: &UnitAt| {
        let above = |at: &OrgUnitId| parents.get(at).copied().flatten();
        std::iter::successors(Some(unit.id), above).take(units.len()).count()
    };
    let mut found = Vec::new();
    for unit in units {
        let Some(inside) = within.get(&unit.id) else { continue };
        let cell = cell(unit, inside).ok_or(unit.id)?;
        found.push((depth(unit), cell));
    }
    found.sort_by(|(a, x), (b, y)| (a, y.members.len(), x.unit).cmp(&(b, x.members.len(), y.unit)));
    Ok(found.into_iter().map(|(_, cell)| cell).collect())
}

/// Nothing where a sum is too large.
fn cell(unit: &UnitAt, inside: &[&Member]) -> Option<Cell> {
    let credited = inside.iter().try_fold(0_u64, |sum, member| sum.checked_add(member.credited_ppm))?;
    let scores: i128 = inside.iter().map(|member| i128::from(member.score.millionths())).sum();
    let mean = div_half_even(scores, i128::try_from(inside.len()).ok()?)?;
    Some(Cell {
        unit: unit.id,
        parent: unit.parent,
        name: unit.name.clone(),
        members: inside.iter().map(|member| member.person).collect(),
        credited_ppm: credited,
        mean_score: Micro::from_millionths(i64::try_from(mean).ok()?),
    })
}

/// Says of each cell whether it may be released, given all that was released about the month. The order of the cells
/// decides who gives way.
pub fn judge(cells: Vec<Cell>, past: &[Past]) -> Vec<(Cell, Option<Withheld>)> {
    let sizes: BTreeMap<OrgUnitId, usize> = cells.iter().map(|cell| (cell.unit, cell.members.len())).collect();
    let mut classes = Classes::default();
    past.iter().for_each(|earlier| classes.cut(&earlier.members));
    let before = classes.clone();
    let verdict = |cell: Cell| {
        let withheld = alone(&cell, &sizes, past).or_else(|| {
            let apart = classes.cuts_off_few(&cell.members);
            let why = if before.cuts_off_few(&cell.members) { Withheld::Earlier } else { Withheld::Remainder };
            apart.then_some(why)
        });
        if withheld.is_none() {
            classes.cut(&cell.members);
        }
        (cell, withheld)
    };
    cells.into_iter().map(verdict).collect()
}

/// Whether cells that were open when they were judged still are, given all that was released about the month since. What a
/// cell leaves of its parent does not depend on that.
pub fn still_open(cells: &[Cell], past: &[Past]) -> bool {
    let mut classes = Classes::default();
    past.iter().for_each(|earlier| classes.cut(&earlier.members));
    cells.iter().all(|cell| {
        let fits = !rereleased(cell, past) && !classes.cuts_off_few(&cell.members);
        classes.cut(&cell.members);
        fits
    })
}

/// The rules that look at one cell, its parent and its own past.
fn alone(cell: &Cell, sizes: &BTreeMap<OrgUnitId, usize>, past: &[Past]) -> Option<Withheld> {
    let few = |people: usize| (1..FEWEST).contains(&people);
    let people = cell.members.len();
    if people < FEWEST {
        return Some(Withheld::TooFew);
    }
    let of_parent = cell.parent.and_then(|parent| sizes.get(&parent)).copied().unwrap_or(people);
    if few(of_parent.saturating_sub(people)) {
        return Some(Withheld::Complement);
    }
    rereleased(cell, past).then_some(Withheld::Rerelease)
}

/// Whether the same unit was released with one to four people more or less.
fn rereleased(cell: &Cell, past: &[Past]) -> bool {
    let mut same = past.iter().filter(|earlier| earlier.unit == cell.unit);
    same.any(|earlier| (1..FEWEST).contains(&earlier.members.symmetric_difference(&cell.members).count()))
}

/// The people of a month, cut into classes by what was released.
#[derive(Clone, Debug, Default)]
struct Classes {
    of: HashMap<PersonId, usize>,
    sizes: Vec<usize>,
}

impl Classes {
    /// How many people of a set are in each class; nobody's class is nothing.
    fn parts(&self, set: &BTreeSet<PersonId>) -> BTreeMap<Option<usize>, usize> {
        let mut parts = BTreeMap::new();
        for person in set {
            *parts.entry(self.of.get(person).copied()).or_default() += 1;
        }
        parts
    }

    /// Whether releasing a set would make a class of one to four people.
    fn cuts_off_few(&self, set: &BTreeSet<PersonId>) -> bool {
        self.parts(set).into_iter().any(|(class, inside)| {
            let outside = class.map_or(0, |class| self.sizes[class] - inside);
            // A class that is inside as a whole stays as it was.
            let cut = class.is_none() || outside > 0;
            cut && (inside < FEWEST || (1..FEWEST).contains(&outside))
        })
    }

    fn cut(&mut self, set: &BTreeSet<PersonId>) {
        let mut new: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        for (class, inside) in self.parts(set) {
            if class.is_none_or(|class| self.sizes[class] > inside) {
                if let Some(class) = class {
                    self.sizes[class] -= inside;
                }
                new.insert(class, self.sizes.len());
                self.sizes.push(inside);
            }
        }
        for person in set {
            if let Some(class) = new.get(&self.of.get(person).copied()) {
                self.of.insert(*person, *class);
            }
        }
    }
}

#[cfg(test)]
mod tests;
