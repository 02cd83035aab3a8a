//! What somebody should look at, counted instead of repeated.

use std::collections::BTreeMap;

use strum_macros::{Display, IntoStaticStr};

use super::canon::Canon;

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingKind {
    /// The account has no roster, punch or hand-over at all: its whole team was credited.
    NoDutyEvidence,
    /// Records came while nobody was on duty.
    UnheldAccount,
    /// A record names somebody who was not on duty; the name counts all the same.
    TagOffDuty,
    /// The account signs in by name, and records name nobody.
    NamedWithoutAgent,
    /// Records of an account in the mixed phase that name nobody.
    MixedWithoutTag,
    /// Too few ambiguous records to trust a model: split equally.
    TooFewToInfer,
    /// The model of the account did not settle: split equally.
    DidNotSettle,
    /// One person holds several dialogues of the account at once: nothing is inferred, split equally.
    SeveralAtOnce,
    /// Too few records a person for the times of replies to tell people apart: split equally among those on duty at each reply.
    TooFewReplies,
    /// The clock of the replies has no seconds: split equally among those on duty at each reply.
    ClockWithoutSeconds,
    /// Replies come too densely for their times to tell people apart, and too few say whose they are: split equally among those on duty at
    /// each reply.
    RepliesTooDense,
    /// A reply was before its record began or after it ended: it counts for nothing.
    ReplyOutsideRecord,
    /// The messages of records are dated by a clock that is minutes apart from theirs: they are read by the clock of the records.
    ClocksApart,
    /// A claim of somebody who was not on duty then: it does not count.
    ClaimOffDuty,
    /// A claim with no record that it could be about.
    ClaimWithoutRecord,
    /// Claims of one record by several people, or by somebody else than the record names: they decide nothing.
    ClaimsDiffer,
    /// A device is somebody's who was not on duty then: it does not count.
    DeviceOffDuty,
    /// A device is several people's at once: it does not count.
    DeviceOfSeveral,
    /// A record names a contributor who was not on duty; the name counts all the same.
    ContributorOffDuty,
    /// Records name contributors, and the policy gives their roles no part.
    ContributorsNotSplit,
}

/// One thing noticed, on one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Index of the account.
    pub account: u32,
    /// Index of the person it is about.
    pub person: Option<u32>,
    /// The working day, where it is about one day.
    pub day: Option<i32>,
    /// Index of the first record it concerns.
    pub record: u32,
    /// How many records it concerns.
    pub records: u32,
    /// How far a clock is ahead of that of the records, in milliseconds; below zero it is behind. Nothing where it is about no clock.
    pub ahead_ms: Option<i64>,
}

/// What a finding is about: kind, person (rank), day and how far a clock is ahead.
type About = (FindingKind, Option<u32>, Option<i32>, Option<i64>);

/// Position of the first record, and how many, by what the finding is about.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<About, (usize, u32)>);

impl Tally {
    /// Notes one record.
    pub fn note(&mut self, kind: FindingKind, person: Option<u32>, day: Option<i32>, position: usize) {
        self.0.entry((kind, person, day, None)).or_insert((position, 0)).1 += 1;
    }

    /// Notes that a clock is so far ahead of that of the records, in so many of them; the position of the first.
    pub fn note_clock(&mut self, ahead_ms: i64, position: usize, records: u32) {
        self.0.insert((FindingKind::ClocksApart, None, None, Some(ahead_ms)), (position, records));
    }

    /// What was noticed on the account of this rank, by kind, person, day and clock.
    pub fn findings(&self, canon: &Canon<'_>, rank: usize) -> impl Iterator<Item = Finding> {
        self.0.iter().map(move |(&(kind, person, day, ahead_ms), &(position, records))| Finding {
            kind,
            account: canon.accounts[rank],
            person: person.map(|rank| canon.people[rank as usize]),
            day,
            record: canon.order[position],
            records,
            ahead_ms,
        })
    }
}
