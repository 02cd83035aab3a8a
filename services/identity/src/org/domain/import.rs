//! What becomes of units that are sent by path.

use std::collections::BTreeSet;

use jiff::civil::Date;
use tally_access::{Region, Target};
use tally_kernel::id::OrgUnitId;
use uuid::Uuid;

use super::{ALWAYS, MAX_DEPTH, MAX_NAME, OrgError, OrgTree, State, UnitKind};

/// What a row says that its unit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KindAsked {
    /// Nothing: a branch at the top, a team at a leaf, a department between.
    #[default]
    Default,
    Is(UnitKind),
    /// A number that this version does not know.
    Unknown,
}

/// A unit to be written, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitRow {
    /// Names from the branch down, joined by `/`.
    pub path: String,
    /// Region of the branch, or empty.
    pub region: String,
    pub kind: KindAsked,
    /// First day, or empty for always.
    pub from: String,
}

/// What an import comes to.
#[derive(Clone, Debug, Default)]
pub struct ImportPlan {
    /// States to write, parents before children.
    pub new: Vec<State>,
    /// What the caller must be allowed to write to.
    pub targets: Vec<Target>,
    /// Rows that make a unit.
    pub written: u32,
    /// Rows whose unit is there.
    pub unchanged: u32,
    pub problems: Vec<(u32, OrgError)>,
}

/// Decides what becomes of each row; `id` gives new ids. A row that is refused leaves nothing behind.
pub fn plan_import(
    tree: &mut OrgTree,
    rows: &[(u32, UnitRow)],
    regions: &[Region],
    mut id: impl FnMut() -> Uuid,
) -> ImportPlan {
    let parents: BTreeSet<String> =
        rows.iter().filter_map(|(_, row)| segments(&row.path).ok()).flat_map(above).collect();
    let mut plan = ImportPlan::default();
    for (index, row) in rows {
        match plan_row(tree, row, regions, &parents, &mut id) {
            Err(problem) => plan.problems.push((*index, problem)),
            Ok((_, new)) if new.is_empty() => plan.unchanged += 1,
            Ok((target, new)) => {
                plan.written += 1;
                plan.targets.push(target);
                new.iter().cloned().for_each(|state| tree.add(state));
                plan.new.extend(new);
            }
        }
    }
    plan
}

fn plan_row(
    tree: &OrgTree,
    row: &UnitRow,
    regions: &[Region],
    parents: &BTreeSet<String>,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(Target, Vec<State>), OrgError> {
    let names = segments(&row.path)?;
    let from = read_date(&row.from)?.unwrap_or(ALWAYS);
    let asked = read_region(&row.region, regions)?;
    let kind = match row.kind {
        KindAsked::Unknown => return Err(OrgError::KindUnknown),
        KindAsked::Is(UnitKind::Group) => return Err(OrgError::KindIsRoots),
        KindAsked::Is(kind) => Some(kind),
        KindAsked::Default => None,
    };
    let root = tree.root(from).ok_or(OrgError::BeginsLater(from))?;
    let (mut here, mut depth) = (root, 0);
    while let Some(child) = names.get(depth).and_then(|name| tree.child(here.unit, name, from)) {
        (here, depth) = (child, depth + 1);
    }
    if let Some(later) = names.get(depth).and_then(|name| tree.placed(here.unit, name).find(|s| s.from > from)) {
        return Err(OrgError::BeginsLater(later.from));
    }
    if let Some(was) = names.get(depth).and_then(|name| had_name(tree, here.unit, name, from))
        // Who says what the unit is means a new one.
        && (kind.is_none() || depth + 1 < names.len())
    {
        return Err(OrgError::HadName(was.name.clone(), was.to.unwrap_or(from)));
    }
    let region = branch_region(here, asked, regions)?;
    if let Some(last) = tree.closes(here.unit).filter(|_| depth < names.len()) {
        return Err(tree.closing(here.unit, last));
    }
    if depth == names.len() {
        return match kind {
            Some(kind) if kind != here.kind => Err(OrgError::KindDiffers(here.kind)),
            _ => Ok((here.target(), Vec::new())),
        };
    }
    // A new branch is the region's business; anything below is the unit's it hangs on.
    let target = if depth == 0 { Target::region(region.clone()) } else { here.target() };
    let mut new = Vec::new();
    let mut parent = here.unit;
    for (depth, name) in names.iter().enumerate().skip(depth) {
        let unit = OrgUnitId(id());
        let last = depth + 1 == names.len();
        let default = match depth {
            0 => UnitKind::Branch,
            _ if last && !parents.contains(&names.join("/")) => UnitKind::Team,
            _ => UnitKind::Department,
        };
        new.push(State {
            row: id(),
            unit,
            parent: Some(parent),
            name: (*name).to_owned(),
            kind: kind.filter(|_| last).unwrap_or(default),
            region: region.clone(),
            from,
            to: None,
            into: None,
        });
        parent = unit;
    }
    Ok((target, new))
}

/// The unit that had a name at a place before a day, and is there on it by another name or at another place. A new unit of that name
/// would be its twin.
fn had_name<'t>(tree: &'t OrgTree, parent: OrgUnitId, name: &str, day: Date) -> Option<&'t State> {
    let before = tree.placed(parent, name).filter(|state| state.from <= day).max_by_key(|state| state.from)?;
    Some(before).filter(|was| tree.at(was.unit, day).is_some())
}

/// The region that a row's units take: their branch's.
fn branch_region(here: &State, asked: Option<Region>, regions: &[Region]) -> Result<Region, OrgError> {
    match (here.region.is_global(), asked, regions) {
        (true, Some(asked), _) => Ok(asked),
        (true, None, [only]) => Ok(only.clone()),
        (true, None, _) => Err(OrgError::RegionMissing),
        (false, Some(asked), _) if asked != here.region => Err(OrgError::RegionDiffers(here.region.clone())),
        (false, _, _) => Ok(here.region.clone()),
    }
}

pub(super) fn segments(path: &str) -> Result<Vec<&str>, OrgError> {
    let names: Vec<_> = path.split('/').map(str::trim).collect();
    let good = |name: &&str| !name.is_empty() && name.chars().count() <= MAX_NAME;
    if names.len() <= MAX_DEPTH && names.iter().all(good) { Ok(names) } else { Err(OrgError::PathMalformed) }
}

fn above(names: Vec<&str>) -> Vec<String> {
    (1..names.len()).map(|n| names[..n].join("/")).collect()
}

/// A date, or nothing for an empty text.
pub fn read_date(text: &str) -> Result<Option<Date>, OrgError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| OrgError::DateMalformed(text.chars().take(32).collect())),
    }
}

fn read_region(text: &str, regions: &[Region]) -> Result<Option<Region>, OrgError> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = regions.iter().find(|region| region.as_str() == text).cloned();
    known.map(Some).ok_or_else(|| OrgError::RegionUnknown(text.chars().take(32).collect()))
}
