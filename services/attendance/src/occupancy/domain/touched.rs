//! What a change of facts touches: occupancy derived with it and without it, and where the two differ.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::TimeError;

use super::spans::{self, Span};
use super::{DutyAccount, Employment, Evidence, Handover, Occupied, Punch, Rule, Shift, derive};

/// A fact that the rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DutyFact {
    /// Planned duty.
    Shift(Shift),
    /// A punch.
    Punch(Punch),
    /// A hand-over.
    Handover(Handover),
}

/// Facts that go, and facts that come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// They count no more.
    pub gone: Vec<DutyFact>,
    /// They count instead.
    pub new: Vec<DutyFact>,
}

impl Edit {
    /// The evidence with it.
    pub(super) fn of(&self, evidence: &Evidence) -> Evidence {
        let mut edited = evidence.clone();
        for fact in &self.gone {
            match fact {
                DutyFact::Shift(gone) => edited.shifts.retain(|shift| shift != gone),
                DutyFact::Punch(gone) => edited.punches.retain(|punch| punch != gone),
                DutyFact::Handover(gone) => edited.handovers.retain(|handover| handover != gone),
            }
        }
        for fact in &self.new {
            match fact {
                DutyFact::Shift(new) => edited.shifts.push(new.clone()),
                DutyFact::Punch(new) => edited.punches.push(*new),
                DutyFact::Handover(new) => edited.handovers.push(*new),
            }
        }
        edited
    }
}

/// Where occupancy differs: on which local days of which accounts, and whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched(pub BTreeMap<AccountId, BTreeMap<Date, BTreeSet<PersonId>>>);

impl Touched {
    /// All of both.
    pub fn join(&mut self, other: Self) {
        for (account, days) in other.0 {
            let known = self.0.entry(account).or_default();
            for (day, people) in days {
                known.entry(day).or_default().extend(people);
            }
        }
    }
}

/// Whether somebody with these employments may turn up on an account without a roster or a hand-over that says so.
pub fn serves(account: Option<&str>, employments: &[Employment]) -> bool {
    account.is_none() || employments.iter().any(|e| e.is_of(account))
}

/// What an edit touches among the accounts of the evidence. Outside of the accounts and days that are named, occupancy is the
/// same with it and without it.
///
/// # Errors
/// [`TimeError::OutOfRange`] for periods at the ends of the calendar.
pub fn touched(evidence: &Evidence, edit: &Edit) -> Result<Touched, TimeError> {
    let (before, after) = (derive(evidence)?, derive(&edit.of(evidence))?);
    let zones: BTreeMap<AccountId, &DutyAccount> = evidence.accounts.iter().map(|a| (a.id, a)).collect();
    let mut touched = Touched::default();
    for (before, after) in before.accounts.iter().zip(&after.accounts) {
        let Some(account) = zones.get(&before.account) else { continue };
        let mut days: BTreeMap<Date, BTreeSet<PersonId>> = BTreeMap::new();
        for (person, span) in difference(before, after) {
            for day in days_of(span, &account.zone) {
                days.entry(day).or_default().insert(person);
            }
        }
        if !days.is_empty() {
            touched.0.insert(account.id, days);
        }
    }
    Ok(touched)
}

/// The stretches in which somebody is on duty in one of both only, or by another rule or evidence.
fn difference(before: &Occupied, after: &Occupied) -> Vec<(PersonId, Span)> {
    let (before, after) = (said(before), said(after));
    let mut found = Vec::new();
    for (one, other) in [(&before, &after), (&after, &before)] {
        for (what, spans) in one {
            let same = other.get(what).map_or(&[][..], Vec::as_slice);
            found.extend(spans.iter().flat_map(|span| spans::minus(*span, same)).map(|span| (what.0, span)));
        }
    }
    found
}

type Said<'a> = BTreeMap<(PersonId, Rule, &'a str), Vec<Span>>;

fn said(occupied: &Occupied) -> Said<'_> {
    let mut said = Said::new();
    for row in &occupied.rows {
        let span = Span::new(row.start, row.end);
        said.entry((row.person, row.rule, row.evidence.as_str())).or_default().extend(span);
    }
    said.into_iter().map(|(what, spans)| (what, spans::union(spans))).collect()
}

fn days_of(span: Span, zone: &TimeZone) -> impl Iterator<Item = Date> {
    let local = |at: Timestamp| zone.to_datetime(at).date();
    let last = local(span.end.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(span.start));
    std::iter::successors(Some(local(span.start)), |day| day.tomorrow().ok()).take_while(move |day| *day <= last)
}
