//! Who held an account by its hand-over log: take to release, each person for themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use strum_macros::Display;
use tally_kernel::id::AccountId;
use tally_kernel::msg;

use super::book::{Book, Known};
use super::findings::{Finding, FindingKind};
use super::repairs::Repair;
use super::spans::{self, Span};
use super::{DutyAccount, HandoverKind, Version};

/// A stretch of holding, not yet limited to employment dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// Place in the book.
    pub who: usize,
    pub span: Span,
    pub end: End,
}

impl Hold {
    /// Whether nobody released it, and another one began in it.
    fn is_taken_over(&self, by: &Self) -> bool {
        self.end != End::Release && self.span.start < by.span.start
    }

    /// Whether it begins by a take, or ends by a release, of this instant.
    pub fn rests_on(&self, at: Timestamp, kind: HandoverKind) -> bool {
        match kind {
            HandoverKind::Take => at == self.span.start,
            HandoverKind::Release => at == self.span.end && self.end == End::Release,
        }
    }
}

/// What ended a hold. Where several do at once, the first of these is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display)]
#[strum(serialize_all = "snake_case")]
pub(super) enum End {
    Release,
    /// The person's next punch-out, in place of a release.
    PunchOut,
    /// The end of the person's roster.
    Roster,
    TooLong,
    /// The person took it again.
    TakenAgain,
}

/// The holds of an account by employee number and start. What is odd about them is added to `findings`, where it lies
/// in `period`.
pub(super) fn of(book: &Book<'_>, account: &DutyAccount, period: Span, findings: &mut Vec<Finding>) -> Vec<Hold> {
    let mut log: BTreeMap<usize, Vec<(Timestamp, HandoverKind)>> = BTreeMap::new();
    for row in book.handovers(account.id) {
        if let Some(who) = book.place(row.person) {
            log.entry(who).or_default().push((row.at, row.kind));
        }
    }
    let mut holds = Vec::new();
    for (who, mut events) in log {
        events.sort_unstable();
        events.dedup();
        let mut stray = Vec::new();
        of_person(book, who, &events, &mut holds, &mut stray);
        let number = &book.people[who].person.employee_no;
        for at in stray.into_iter().filter(|at| period.holds(*at)) {
            let at = book.moment(at, &account.zone);
            let detail = msg!("DUTY_RELEASE_WITHOUT_TAKE", number, account = account.key, at);
            let found = Finding::new(FindingKind::ReleaseWithoutTake, &account.key, Some(at), detail);
            findings.push(found.about(book.people[who].person.id));
        }
    }
    odd(book, account, period, &holds, findings);
    holds
}

/// A take and a release of the same instant are a release and a new take by somebody who held the account, and nothing
/// by somebody who did not.
fn of_person(
    book: &Book<'_>,
    who: usize,
    events: &[(Timestamp, HandoverKind)],
    holds: &mut Vec<Hold>,
    stray: &mut Vec<Timestamp>,
) {
    let known = &book.people[who];
    let mut open: Option<Timestamp> = None;
    let mut close = |since, end: (Timestamp, End)| {
        holds.extend(Span::new(since, end.0).map(|span| Hold { who, span, end: end.1 }));
    };
    for same in events.chunk_by(|a, b| a.0 == b.0) {
        let at = same[0].0;
        let take = same.iter().any(|e| e.1 == HandoverKind::Take);
        let release = same.iter().any(|e| e.1 == HandoverKind::Release);
        match open {
            Some(since) if release => {
                close(since, (at, End::Release));
                open = take.then_some(at);
            }
            Some(since) => {
                close(since, unreleased(book, known, since).min((at, End::TakenAgain)));
                open = Some(at);
            }
            None if take && release => {}
            None if take => open = Some(at),
            None => stray.push(at),
        }
    }
    if let Some(since) = open {
        close(since, unreleased(book, known, since));
    }
}

/// Where a hold ends that nobody released: whatever comes first.
fn unreleased(book: &Book<'_>, known: &Known<'_>, since: Timestamp) -> (Timestamp, End) {
    let outs = &known.punched.outs;
    let out = outs.get(outs.partition_point(|at| *at <= since)).map(|at| (*at, End::PunchOut));
    let rostered = &known.rostered;
    let roster = rostered.get(rostered.partition_point(|s| s.end <= since)).map(|s| (s.end, End::Roster));
    let longest = (since.saturating_add(book.evidence.policy.longest).unwrap_or(Timestamp::MAX), End::TooLong);
    [out, roster].into_iter().flatten().fold(longest, std::cmp::Ord::min)
}

/// When the person of a hold was out: from a punch-out within it to the next punch-in, if that is within it too and not later than the
/// longest stretch. Without one, the person may have forgotten to punch, and holds the account.
pub(super) fn breaks(book: &Book<'_>, hold: &Hold) -> Vec<Span> {
    if book.evidence.policy.version < Version::V3 {
        return Vec::new();
    }
    let punched = &book.people[hold.who].punched;
    let first = punched.outs.partition_point(|at| *at <= hold.span.start);
    let outs = punched.outs[first..].iter().take_while(|at| **at < hold.span.end);
    let is_break =
        |gap: &Span| gap.end < hold.span.end && gap.end.duration_since(gap.start) <= book.evidence.policy.longest;
    let back = |out: &Timestamp| punched.ins.get(punched.ins.partition_point(|at| at < out)).copied();
    spans::union(outs.filter_map(|out| Span::new(*out, back(out)?).filter(is_break)).collect())
}

fn odd(book: &Book<'_>, account: &DutyAccount, period: Span, holds: &[Hold], findings: &mut Vec<Finding>) {
    let number = |hold: &Hold| book.people[hold.who].person.employee_no.as_str();
    let person = |hold: &Hold| book.people[hold.who].person.id;
    let moment = |at| book.moment(at, &account.zone);
    let overlaps = overlaps(account, period, holds);
    let taken_over = taken_over(&overlaps);
    // What is odd about a hold is put right by the same release, whichever finding it is asked for by.
    let release = |hold: &Hold| match taken_over.get(&(hold.who, hold.span.start)) {
        Some(at) => Some(released(book, account.id, hold, *at)),
        None => release_of(book, account.id, hold),
    };
    for hold in holds.iter().filter(|h| h.end != End::Release && period.holds(h.span.start)) {
        let (number, key, since) = (number(hold), &account.key, moment(hold.span.start));
        let again = holds.iter().filter(|other| other.who == hold.who && other.span.start > hold.span.start);
        let again = again.map(|other| other.span.start).min().filter(|_| book.evidence.policy.version >= Version::V2);
        let (again, end, by) = (again.map(moment), moment(hold.span.end), hold.end);
        let detail = match again {
            Some(again) => msg!("DUTY_TAKEN_AGAIN", number, account = key, since, again, end, by),
            None if book.evidence.policy.version >= Version::V2 => {
                msg!("DUTY_NO_RELEASE_KNOWN", number, account = key, since, end, by)
            }
            None => msg!("DUTY_NEVER_RELEASED", number, account = key, since, end, by),
        };
        let found = Finding::new(FindingKind::MissingRelease, &account.key, Some(since), detail).about(person(hold));
        findings.push(found.repaired_by(release(hold)));
    }
    for hold in holds.iter().filter(|h| period.holds(h.span.start)) {
        let known = &book.people[hold.who];
        if !book.speaks(known.person.id, hold.span) {
            let (number, at) = (number(hold), moment(hold.span.start));
            let detail = msg!("DUTY_HOLD_NOT_EMPLOYED", number, account = account.key, at);
            let found = Finding::new(FindingKind::NotEmployed, &account.key, Some(at), detail);
            findings.push(found.about(known.person.id));
        }
    }
    for (earlier, later) in overlaps {
        let until = moment(earlier.span.end.min(later.span.end));
        let (first, second, from) = (number(earlier), number(later), moment(later.span.start));
        let why = if account.exclusive { "exclusive" } else { "unreleased" };
        let detail = msg!("DUTY_HELD_BY_TWO", first, second, account = account.key, from, until, why);
        let repair = if earlier.is_taken_over(later) { release(earlier) } else { None };
        let found = Finding::new(FindingKind::Overlap, &account.key, Some(from), detail);
        findings.push(found.about(person(earlier)).repaired_by(repair));
    }
}

/// For every hold that begins in the period the one that reaches furthest among those that began before it, by somebody else.
fn overlaps<'h>(account: &DutyAccount, period: Span, holds: &'h [Hold]) -> Vec<(&'h Hold, &'h Hold)> {
    let mut by_start: Vec<&Hold> = holds.iter().collect();
    by_start.sort_by_key(|h| (h.span.start, h.who));
    let earlier = |(i, later): (usize, &&'h Hold)| {
        let before = by_start[..i].iter().rev().filter(|h| h.who != later.who && h.span.end > later.span.start);
        let odd = before.filter(|h| account.exclusive || h.end != End::Release).max_by_key(|h| (h.span.end, h.who));
        odd.filter(|_| period.holds(later.span.start)).map(|earlier| (*earlier, *later))
    };
    by_start.iter().enumerate().filter_map(earlier).collect()
}

/// When holds that nobody released were taken over first, by their person and start: who took the account left no doubt when the other
/// did not have it any more.
fn taken_over(overlaps: &[(&Hold, &Hold)]) -> BTreeMap<(usize, Timestamp), Timestamp> {
    let mut first = BTreeMap::new();
    for (earlier, later) in overlaps.iter().filter(|(earlier, later)| earlier.is_taken_over(later)) {
        let at = first.entry((earlier.who, earlier.span.start)).or_insert(later.span.start);
        *at = (*at).min(later.span.start);
    }
    first
}

/// The release that a hold lacks: where it ends by something that is known to have happened, not by the longest stretch.
fn release_of(book: &Book<'_>, account: AccountId, hold: &Hold) -> Option<Repair> {
    match hold.end {
        End::PunchOut | End::Roster | End::TakenAgain => Some(released(book, account, hold, hold.span.end)),
        End::Release | End::TooLong => None,
    }
}

/// The release of a hold at an instant, such as when somebody else took the account.
fn released(book: &Book<'_>, account: AccountId, hold: &Hold, at: Timestamp) -> Repair {
    Repair::Handover { person: book.people[hold.who].person.id, account, at, kind: HandoverKind::Release }
}

#[cfg(test)]
mod tests {
    use super::End;

    #[test]
    fn the_words_that_the_catalogues_choose_an_end_by_are_these() {
        let ends = [End::Release, End::PunchOut, End::Roster, End::TooLong, End::TakenAgain];
        let words = ["release", "punch_out", "roster", "too_long", "taken_again"];
        assert_eq!(ends.map(|end| end.to_string()), words);
    }
}
