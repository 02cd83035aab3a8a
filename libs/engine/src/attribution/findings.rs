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
    /// Some say of far more than others that it is theirs, by name, click or device: the times of replies are weighed by what each leaves unsaid.
    EvidenceUneven,
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
    /// When it was first, milliseconds since the epoch: of a click, or of what was written on a device. Nothing where the record says it.
    pub at_ms: Option<i64>,
    /// Index of the other person: who claimed the same, or whom the record names.
    pub other: Option<u32>,
    /// When the other one claimed it, milliseconds since the epoch.
    pub other_at_ms: Option<i64>,
    /// Number of the device.
    pub device: Option<u32>,
}

/// What a finding is about: kind, person (rank), day, how far a clock is ahead, the other person (rank) with whether that one clicked, and the
/// device.
type About = (FindingKind, Option<u32>, Option<i32>, Option<i64>, Option<(u32, bool)>, Option<u32>);

/// The first of what a finding is about, and how many there are.
struct Noted {
    position: usize,
    records: u32,
    at_ms: Option<i64>,
    other_at_ms: Option<i64>,
}

/// A click, or the use of a device, that does not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub kind: FindingKind,
    /// By rank.
    pub person: Option<u32>,
    pub day: i32,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Of the record.
    pub position: usize,
    /// The other person by rank, and when that one clicked.
    pub other: Option<(u32, Option<i64>)>,
    /// Number of the device.
    pub device: Option<u32>,
}

/// What was noticed, by what it is about.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<About, Noted>);

impl Tally {
    /// Notes one record.
    pub fn note(&mut self, kind: FindingKind, person: Option<u32>, day: Option<i32>, position: usize) {
        let first = Noted { position, records: 0, at_ms: None, other_at_ms: None };
        self.0.entry((kind, person, day, None, None, None)).or_insert(first).records += 1;
    }

    /// Notes a click or the use of a device. Of several that are about the same the first is told.
    pub fn see(&mut self, seen: Sight) {
        let other = seen.other.map(|(other, at_ms)| (other, at_ms.is_some()));
        let about = (seen.kind, seen.person, Some(seen.day), None, other, seen.device);
        let (at_ms, other_at_ms) = (Some(seen.at_ms), seen.other.and_then(|(_, at_ms)| at_ms));
        let first = Noted { position: seen.position, records: 0, at_ms, other_at_ms };
        let noted = self.0.entry(about).or_insert(first);
        if (at_ms, seen.position) < (noted.at_ms, noted.position) {
            *noted = Noted { position: seen.position, records: noted.records, at_ms, other_at_ms };
        }
        noted.records += 1;
    }

    /// Notes that a clock is so far ahead of that of the records, in so many of them; the position of the first.
    pub fn note_clock(&mut self, ahead_ms: i64, position: usize, records: u32) {
        let about = (FindingKind::ClocksApart, None, None, Some(ahead_ms), None, None);
        self.0.insert(about, Noted { position, records, at_ms: None, other_at_ms: None });
    }

    /// What was noticed on the account of this rank, by kind, person, day, clock, other person and device.
    pub fn findings(&self, canon: &Canon<'_>, rank: usize) -> impl Iterator<Item = Finding> {
        let person = |rank: u32| canon.people[rank as usize];
        self.0.iter().map(move |(&(kind, of, day, ahead_ms, other, device), noted)| Finding {
            kind,
            account: canon.accounts[rank],
            person: of.map(person),
            day,
            record: canon.order[noted.position],
            records: noted.records,
            ahead_ms,
            at_ms: noted.at_ms,
            other: other.map(|(other, _)| person(other)),
            other_at_ms: noted.other_at_ms,
            device,
        })
    }
}
