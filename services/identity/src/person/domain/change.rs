//! Changes of employments from a day on: transfers and promotions, secondments and concurrent posts, leaves, ends, comings
//! back, and plans that are dropped. Each closes the versions it replaces and writes what is known now.

use std::collections::BTreeSet;
use std::ops::Bound;

use jiff::civil::Date;
use strum_macros::IntoStaticStr;
use tally_access::{Region, Target};
use tally_kernel::dated::{self, Dated as _, Days, Succession};
use tally_kernel::id::{EmploymentId, LeaveId, OrgUnitId, PersonId};
use tally_kernel::person::EmploymentKind;
use uuid::Uuid;

use super::{Employment, Facts, Leave, Person, PersonError, Post, Reason, Why};

/// Unit, position, grade and kind; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub unit: Option<OrgUnitId>,
    /// Position, or empty.
    pub position: String,
    /// Grade, or empty.
    pub grade: String,
    /// As what the person is employed.
    pub kind: Option<EmploymentKind>,
}

/// What is to be different about a person's employments.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", prefix = "identity.employment.")]
pub enum Change {
    /// Other terms from a day on; of the home employment of that day unless another one is named.
    Transfer {
        /// The employment, if it is not the home.
        employment: Option<EmploymentId>,
        terms: Terms,
        /// First day.
        from: Date,
    },
    /// A secondment or a concurrent post.
    Post {
        /// Which of the two.
        post: Post,
        /// Where and as what; what is not said is as in the home employment.
        terms: Terms,
        /// First day.
        from: Date,
        /// Last day, or no end.
        to: Option<Date>,
    },
    /// A secondment or a concurrent post ends.
    EndPost { employment: EmploymentId, last_day: Date },
    /// Somebody who has left comes back.
    Rehire {
        /// Where and as what; what is not said is as it was.
        terms: Terms,
        /// First day.
        from: Date,
        /// Last day, or no end.
        to: Option<Date>,
    },
    /// A leave of absence.
    Leave {
        /// First day.
        from: Date,
        /// Last day, or not known yet.
        to: Option<Date>,
        /// Why, where it is said.
        why: Option<Why>,
    },
    /// A leave ends: the next day the person is back.
    EndLeave { leave: LeaveId, last_day: Date },
    /// What an employment was to be from a day to come on does not happen.
    Cancel {
        employment: EmploymentId,
        /// The first day on which the planned change would be seen.
        on: Date,
    },
    /// An employment did not begin on the day that was written down.
    CorrectStart {
        employment: EmploymentId,
        /// The right first day.
        from: Date,
    },
}

/// What a change writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What becomes of versions of employments.
    pub employments: Succession<Employment>,
    /// What becomes of versions of leaves.
    pub leaves: Succession<Leave>,
    /// What the caller must be allowed to write to.
    pub targets: Vec<Target>,
}

/// Where the person belonged, and is to belong, and where the posts are that change, on all days of which something else is said than was
/// known: whoever these units were under then changes those days, and not whom they are under by now.
pub fn rewritten(person: &Person, changes: &Changes, facts: Facts<'_>) -> Vec<Target> {
    let employments: Vec<Employment> = changes.employments.apply(&person.employments).cloned().collect();
    let leaves: Vec<Leave> = changes.leaves.apply(&person.leaves).cloned().collect();
    let mut firsts = &borders(&person.employments) | &borders(&employments);
    firsts.extend(borders(&person.leaves).into_iter().chain(borders(&leaves)));
    let stretch = |first: &Date| {
        let other = otherwise(&person.employments, &employments, *first);
        if other.is_empty() && otherwise(&person.leaves, &leaves, *first).is_empty() {
            return Vec::new();
        }
        let next = firsts.range((Bound::Excluded(*first), Bound::Unbounded)).next();
        let last = next.and_then(|next| next.yesterday().ok());
        let there = person.employments.iter().chain(&employments);
        let homes: Vec<&Employment> = there.filter(|e| e.post == Post::Home && e.covers(*first)).collect();
        let days = match last.filter(|last| homes.iter().all(|home| home.to != Some(*last))) {
            Some(last) => (*first, last),
            None => facts.so_far(*first, last),
        };
        homes.into_iter().chain(&other).flat_map(|e| e.targets(person.id, facts.tree, days)).collect()
    };
    firsts.iter().flat_map(stretch).collect()
}

/// The days on which versions begin, and those after which they end.
fn borders<D: dated::Dated>(of: &[D]) -> BTreeSet<Date> {
    let of_one = |one: &D| [Some(one.days().from), one.days().to.and_then(|last| last.tomorrow().ok())];
    of.iter().flat_map(of_one).flatten().collect()
}

/// What holds on a day before a change or after it, and not in both, whatever its version.
fn otherwise<D: dated::Dated + PartialEq>(before: &[D], after: &[D], day: Date) -> Vec<D> {
    let on_day = |of: &[D]| -> Vec<D> {
        let there = of.iter().filter(|one| one.covers(day));
        there.map(|one| one.on(Uuid::nil(), Days::new(day, None))).collect()
    };
    let (before, after) = (on_day(before), on_day(after));
    let only = |of: &[D], other: &[D]| of.iter().filter(|one| !other.contains(one)).cloned().collect::<Vec<_>>();
    [only(&before, &after), only(&after, &before)].concat()
}

/// Decides what a change writes; `id` gives new ids.
///
/// # Errors
/// See [`PersonError`].
pub fn plan(
    person: &Person,
    facts: Facts<'_>,
    change: &Change,
    mut id: impl FnMut() -> Uuid,
) -> Result<Changes, PersonError> {
    if let Change::Post { from, to, .. } | Change::Rehire { from, to, .. } | Change::Leave { from, to, .. } = change
        && to.is_some_and(|last| last < *from)
    {
        return Err(PersonError::DatesBackwards);
    }
    let mut changes = Changes::default();
    let id = &mut id;
    match change {
        Change::Transfer { employment, terms, from } => {
            transfer(person, facts, *employment, terms, *from, &mut changes, id)?;
        }
        Change::Post { post, terms, from, to } => {
            let home = home_of(person, *from)?;
            lasts(person, home, *to)?;
            let reason = if *post == Post::Secondment { Reason::Secondment } else { Reason::ConcurrentPost };
            let new = begun(home, facts, terms, (*from, *to), (*post, reason), id)?;
            if let Some(clash) = person.employments.iter().find(|e| rules_out(e, &new) && e.overlaps(*from, *to)) {
                return Err(PersonError::Overlaps(clash.from));
            }
            changes.targets.extend([home.target(person.id), new.target(person.id)]);
            changes.employments.writes.push(new);
        }
        Change::EndPost { employment, last_day } => end_post(person, *employment, *last_day, &mut changes, id)?,
        Change::Rehire { terms, from, to } => {
            let last = person.home(*from).ok_or(PersonError::NotEmployed(*from))?;
            let mut homes = person.employments.iter().filter(|e| e.post == Post::Home);
            if let Some(clash) = homes.find(|e| e.overlaps(*from, *to)) {
                return Err(PersonError::Overlaps(clash.from));
            }
            let new = begun(last, facts, terms, (*from, *to), (Post::Home, Reason::Rehire), id)?;
            changes.targets.extend([last.target(person.id), new.target(person.id)]);
            changes.employments.writes.push(new);
        }
        Change::Leave { from, to, why } => {
            let home = home_of(person, *from)?;
            lasts(person, home, *to)?;
            if let Some(clash) = person.leaves.iter().find(|leave| leave.overlaps(*from, *to)) {
                return Err(PersonError::OnLeave(clash.from));
            }
            let (region, unit, why) = (home.region.clone(), home.unit, why.clone());
            let (row, leave) = (id(), LeaveId(id()));
            changes.leaves.writes.push(Leave { row, id: leave, unit, region, from: *from, to: *to, why });
            changes.targets.push(home.target(person.id));
        }
        Change::EndLeave { leave, last_day } => end_leave(person, *leave, *last_day, &mut changes, id)?,
        Change::Cancel { employment, on } => cancel(person, facts, *employment, *on, &mut changes, id)?,
        Change::CorrectStart { employment, from } => {
            correct_start(person, facts, *employment, *from, &mut changes, id)?;
        }
    }
    Ok(changes)
}

/// Whether two employments cannot hold on one day: nobody belongs or is seconded to two places at once, or holds one post
/// twice.
fn rules_out(one: &Employment, other: &Employment) -> bool {
    let same = one.unit == other.unit && one.position == other.position;
    one.post == other.post && (one.post != Post::Concurrent || same)
}

fn end_post(
    person: &Person,
    employment: EmploymentId,
    last_day: Date,
    changes: &mut Changes,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), PersonError> {
    let ends = stretch(person, employment, last_day)?;
    if ends.post == Post::Home {
        return Err(PersonError::HomeEnds);
    }
    shorten(person, employment, last_day)?;
    for old in stretches(person, employment).filter(|e| e.to.is_none_or(|last| last > last_day)) {
        changes.employments.end(old, last_day, id);
    }
    if changes.employments.closes.is_empty() {
        return Err(PersonError::EndsAlready(last_day));
    }
    changes.targets.push(ends.target(person.id));
    Ok(())
}

fn end_leave(
    person: &Person,
    leave: LeaveId,
    last_day: Date,
    changes: &mut Changes,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), PersonError> {
    let old = person.leaves.iter().find(|l| l.id == leave).ok_or(PersonError::LeaveMissing(leave))?;
    if old.to == Some(last_day) {
        return Err(PersonError::NothingChanges);
    }
    let home = home_of(person, old.from)?;
    lasts(person, home, Some(last_day))?;
    let mut others = person.leaves.iter().filter(|l| l.id != leave);
    if let Some(clash) = others.find(|l| l.overlaps(old.from, Some(last_day))) {
        return Err(PersonError::OnLeave(clash.from));
    }
    changes.leaves.end(old, last_day, id);
    changes.targets.push(home.target(person.id));
    Ok(())
}

fn transfer(
    person: &Person,
    facts: Facts<'_>,
    employment: Option<EmploymentId>,
    terms: &Terms,
    from: Date,
    changes: &mut Changes,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), PersonError> {
    let old = match employment {
        Some(employment) => stretch(person, employment, from)?,
        None => home_of(person, from)?,
    };
    shorten(person, old.id, from)?;
    let (unit, position, grade, kind) = settled(old, terms);
    if (unit, position, grade, kind) == (old.unit, old.position.as_str(), old.grade.as_str(), old.kind) {
        return Err(PersonError::NothingChanges);
    }
    stays_in(&old.region, facts.region_of(unit, from, old.to)?)?;
    facts.in_catalogue(position, grade, from)?;
    let rank = |code: &str| facts.catalogue.rank(code, from);
    let higher = rank(&old.grade).zip(rank(grade)).map_or(grade != old.grade, |(before, now)| now > before);
    let reason = match (old.from == from, grade != old.grade && higher) {
        // From its very first day on: nothing happened between, the stretch begins as it did.
        (true, _) => old.reason,
        (false, true) => Reason::Promotion,
        (false, false) => Reason::Transfer,
    };
    let (position, grade) = (position.to_owned(), grade.to_owned());
    let next = Employment { unit, position, grade, kind, reason, ..old.clone() };
    changes.targets.extend([old.target(person.id), next.target(person.id)]);
    changes.employments.turn(old, from, &next, id);
    Ok(())
}

/// Nothing is guessed at about what is planned for later: it is dropped first.
fn shorten(person: &Person, employment: EmploymentId, from: Date) -> Result<(), PersonError> {
    match stretches(person, employment).find(|e| e.from > from) {
        Some(planned) => Err(PersonError::ChangePlanned(planned.from)),
        None => Ok(()),
    }
}

fn settled<'a>(old: &'a Employment, terms: &'a Terms) -> (OrgUnitId, &'a str, &'a str, Option<EmploymentKind>) {
    let or = |new: &'a str, old: &'a str| if new.trim().is_empty() { old } else { new.trim() };
    let unit = terms.unit.unwrap_or(old.unit);
    (unit, or(&terms.position, &old.position), or(&terms.grade, &old.grade), terms.kind.or(old.kind))
}

/// A new employment that takes over from `like` what is not said.
fn begun(
    like: &Employment,
    facts: Facts<'_>,
    terms: &Terms,
    (from, to): (Date, Option<Date>),
    (post, reason): (Post, Reason),
    id: &mut impl FnMut() -> Uuid,
) -> Result<Employment, PersonError> {
    let (unit, position, grade, kind) = settled(like, terms);
    let region = facts.region_of(unit, from, to)?;
    stays_in(&like.region, region)?;
    facts.in_catalogue(position, grade, from)?;
    let (position, grade) = (position.to_owned(), grade.to_owned());
    let region = region.clone();
    Ok(Employment { row: id(), id: EmploymentId(id()), post, unit, region, position, grade, kind, reason, from, to })
}

fn stays_in(home: &Region, region: &Region) -> Result<(), PersonError> {
    if home == region { Ok(()) } else { Err(PersonError::RegionCrossed) }
}

fn home_of(person: &Person, day: Date) -> Result<&Employment, PersonError> {
    person.home(day).filter(|home| home.covers(day)).ok_or(PersonError::NotEmployed(day))
}

fn stretches(person: &Person, employment: EmploymentId) -> impl Iterator<Item = &Employment> {
    person.employments.iter().filter(move |e| e.id == employment)
}

fn stretch(person: &Person, employment: EmploymentId, day: Date) -> Result<&Employment, PersonError> {
    stretches(person, employment).find(|e| e.covers(day)).ok_or(PersonError::EmploymentMissing(employment, day))
}

/// The last day of an employment; nothing while no end is known.
fn last_day(person: &Person, employment: EmploymentId) -> Option<Date> {
    dated::last_day(stretches(person, employment))
}

/// Whether something that ends with `to` ends within the home employment.
fn lasts(person: &Person, home: &Employment, to: Option<Date>) -> Result<(), PersonError> {
    match last_day(person, home.id).filter(|last| to.is_none_or(|to| to > *last)) {
        Some(last) => Err(PersonError::OutlastsHome(last)),
        None => Ok(()),
    }
}

fn cancel(
    person: &Person,
    facts: Facts<'_>,
    employment: EmploymentId,
    on: Date,
    changes: &mut Changes,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), PersonError> {
    if on <= facts.today {
        return Err(PersonError::NothingPlanned(on));
    }
    shorten(person, employment, on)?;
    let eve = on.yesterday().map_err(|_| PersonError::NothingPlanned(on))?;
    let before = stretches(person, employment).find(|e| e.to == Some(eve));
    let planned = stretches(person, employment).find(|e| e.from == on);
    if before.is_none() && planned.is_none() {
        return Err(PersonError::NothingPlanned(on));
    }
    changes.targets.extend([before, planned].into_iter().flatten().map(|e| e.target(person.id)));
    changes.employments.closes.extend(planned.map(|e| e.row));
    if let Some(before) = before {
        // What goes on instead: to where the dropped stretch would have led, or without an end.
        let to = planned.and_then(|e| e.to);
        facts.region_of(before.unit, before.from, to)?;
        if before.post == Post::Home {
            let mut homes = person.employments.iter().filter(|e| e.post == Post::Home && e.id != employment);
            if let Some(clash) = homes.find(|e| e.overlaps(on, to)) {
                return Err(PersonError::Overlaps(clash.from));
            }
        } else {
            lasts(person, home_of(person, before.from)?, to)?;
        }
        changes.employments.closes.push(before.row);
        changes.employments.writes.push(Employment { row: id(), to, ..before.clone() });
    } else if let Some(planned) = planned.filter(|e| e.post == Post::Home) {
        // Who does not come has no posts and no leave either.
        let idle = |e: &&Employment| e.post != Post::Home && e.overlaps(planned.from, planned.to);
        changes.employments.closes.extend(person.employments.iter().filter(idle).map(|e| e.row));
        let away = person.leaves.iter().filter(|l| l.overlaps(planned.from, planned.to));
        changes.leaves.closes.extend(away.map(|l| l.row));
    }
    Ok(())
}

/// Another first day of an employment. What happened since stays as it is: a correction that would cut some of it off is
/// refused, and that is put right first.
fn correct_start(
    person: &Person,
    facts: Facts<'_>,
    employment: EmploymentId,
    from: Date,
    changes: &mut Changes,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), PersonError> {
    let first = stretches(person, employment).min_by_key(|e| e.from);
    let first = first.ok_or(PersonError::EmploymentMissing(employment, from))?;
    if first.from == from {
        return Err(PersonError::NothingChanges);
    }
    if let Some(last) = first.to.filter(|last| *last < from) {
        return Err(PersonError::CutOff(last));
    }
    facts.region_of(first.unit, from, first.to)?;
    facts.in_catalogue(&first.position, &first.grade, from)?;
    let mut others = person.employments.iter().filter(|e| e.id != employment && rules_out(e, first));
    if let Some(clash) = others.find(|e| e.overlaps(from, first.to)) {
        return Err(PersonError::Overlaps(clash.from));
    }
    if first.post == Post::Home {
        let posts = person.employments.iter().filter(|e| e.post != Post::Home).map(|e| e.from);
        let leaves = person.leaves.iter().map(|leave| leave.from);
        let mut beside = posts.chain(leaves).filter(|began| first.from <= *began && *began < from);
        if let Some(began) = beside.next() {
            return Err(PersonError::CutOff(began));
        }
    } else {
        lasts(person, home_of(person, from)?, last_day(person, employment))?;
    }
    changes.targets.push(first.target(person.id));
    changes.employments.closes.push(first.row);
    changes.employments.writes.push(Employment { row: id(), from, ..first.clone() });
    Ok(())
}

/// The end of the home employment that covers the last day, and with it of every post and leave beside it. What was
/// planned for later days is dropped; a later employment of the person stays.
///
/// # Errors
/// [`PersonError::NotEmployed`] when nobody is employed on that day, [`PersonError::EndsAlready`] when nothing changes.
pub fn end(person: &Person, leaves_on: Date, mut id: impl FnMut() -> Uuid) -> Result<Changes, PersonError> {
    let home = home_of(person, leaves_on)?;
    let was = last_day(person, home.id);
    if was == Some(leaves_on) {
        return Err(PersonError::EndsAlready(leaves_on));
    }
    let mut changes = Changes { targets: vec![home.target(person.id)], ..Changes::default() };
    let beyond = |to: Option<Date>| to.is_none_or(|last| last > leaves_on);
    let beside = |from: Date| was.is_none_or(|last| from <= last);
    for old in person.employments.iter().filter(|e| beyond(e.to)) {
        if old.id == home.id || (old.post != Post::Home && beside(old.from)) {
            changes.employments.end(old, leaves_on, &mut id);
        }
    }
    for leave in person.leaves.iter().filter(|l| beyond(l.to) && beside(l.from)) {
        changes.leaves.end(leave, leaves_on, &mut id);
    }
    Ok(changes)
}

/// Moves somebody of a unit that is no more to another unit from a day on.
///
/// # Errors
/// [`PersonError::UnitCloses`], [`PersonError::RegionCrossed`], [`PersonError::UnitHasNoRegion`].
pub fn reassign(
    person: PersonId,
    old: &Employment,
    facts: Facts<'_>,
    unit: OrgUnitId,
    from: Date,
    mut id: impl FnMut() -> Uuid,
) -> Result<Changes, PersonError> {
    stays_in(&old.region, facts.region_of(unit, from.max(old.from), old.to)?)?;
    let reason = if old.from >= from { old.reason } else { Reason::Reorganisation };
    let next = Employment { unit, reason, ..old.clone() };
    let mut changes = Changes { targets: vec![old.target(person), next.target(person)], ..Changes::default() };
    changes.employments.turn(old, from, &next, &mut id);
    Ok(changes)
}
