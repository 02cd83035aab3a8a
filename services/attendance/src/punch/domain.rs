//! What is made of a punch. A verdict never refuses: the punch is a fact, the verdict says what to look at.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_kernel::id::PersonId;
use tally_kernel::import::Keyed;
use tally_kernel::{Message, msg};

use crate::placed::About;

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PunchKind {
    /// Came.
    In,
    /// Left.
    Out,
}

/// How long an `in` waits for its `out`.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(16);
/// How early before a shift and how late after it a punch still belongs to it.
pub const NEAR_SHIFT: SignedDuration = SignedDuration::from_hours(1);
/// Whoever has a shift within this time of the punch is somebody who is planned.
pub const PLANNED: SignedDuration = SignedDuration::from_hours(24 * 14);
/// A device whose clock differs by more is told so.
pub const DRIFT: SignedDuration = SignedDuration::from_mins(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Punch {
    pub person: PersonId,
    pub at: Timestamp,
    pub kind: PunchKind,
}

impl About for Punch {
    fn person(&self) -> PersonId {
        self.person
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Keyed for Punch {
    type Key = (PersonId, Timestamp, PunchKind);
    type Content = ();
    fn key(&self) -> Self::Key {
        (self.person, self.at, self.kind)
    }
    fn content(&self) -> Self::Content {}
    fn conflict(&self, _: &Self::Content) -> (&'static str, Message) {
        ("ALREADY_DIFFERENT", Message::default())
    }
}

impl Punch {
    /// In which columns another punch of the same person and instant says something else.
    pub fn contradicts(&self, other: &Self) -> Option<Message> {
        (self.kind != other.kind).then(|| msg!("PUNCH_DIFFERENT", at = self.at))
    }
}

/// What was made of a punch, the gravest that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// Came from another system.
    NotJudged,
    Accepted,
    /// A second `in`.
    DoubleIn,
    /// An `out` without an open `in`.
    OutWithoutIn,
    /// Not planned for that time.
    OffRoster,
}

/// Why a punch was judged so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It belongs to the shift that begins then.
    Shift(Timestamp),
    /// It opens a stretch of presence.
    Came,
    /// It closes the stretch that began then.
    Left(Timestamp),
    /// The stretch that began then was still open.
    StillIn(Timestamp),
    /// No open stretch.
    NotIn,
    /// Planned at other times, not now.
    NotPlanned,
    /// The device's clock is ahead by so many seconds (behind when negative).
    Drift(i64),
}

impl Reason {
    /// What the person who punched is told.
    pub fn message(self) -> Message {
        match self {
            Self::Shift(start) => msg!("PUNCH_OF_SHIFT", start),
            Self::Came => msg!("PUNCH_CAME"),
            Self::Left(since) => msg!("PUNCH_LEFT", since),
            Self::StillIn(since) => msg!("PUNCH_STILL_IN", since),
            Self::NotIn => msg!("PUNCH_NOT_IN", hours = LONGEST.as_hours()),
            Self::NotPlanned => msg!("PUNCH_NOT_PLANNED"),
            Self::Drift(seconds) => msg!("PUNCH_DRIFT", seconds),
        }
    }
}

/// A punch and what was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub punch: Punch,
    pub verdict: Verdict,
}

/// What a punch is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The person's punches of the last [`LONGEST`], in any order.
    pub before: Vec<(Timestamp, PunchKind)>,
    /// The person's shifts, start and end, within [`PLANNED`].
    pub shifts: Vec<(Timestamp, Timestamp)>,
    /// What the device's clock said.
    pub device_at: Option<Timestamp>,
}

/// Judges a punch of `kind` at `at`: the verdict, and the reasons from the one that made it to the rest.
pub fn judge(facts: &Facts, at: Timestamp, kind: PunchKind) -> (Verdict, Vec<Reason>) {
    let last = facts.before.iter().filter(|p| p.0 < at && at.duration_since(p.0) <= LONGEST).max();
    let open = last.filter(|p| p.1 == PunchKind::In).map(|p| p.0);
    let (mut verdict, mut reasons) = match (kind, open) {
        (PunchKind::In, None) => (Verdict::Accepted, vec![Reason::Came]),
        (PunchKind::Out, Some(since)) => (Verdict::Accepted, vec![Reason::Left(since)]),
        (PunchKind::In, Some(since)) => (Verdict::DoubleIn, vec![Reason::StillIn(since)]),
        (PunchKind::Out, None) => (Verdict::OutWithoutIn, vec![Reason::NotIn]),
    };
    let near = |(start, end): &&(Timestamp, Timestamp)| {
        start.duration_since(at) <= NEAR_SHIFT && at.duration_since(*end) <= NEAR_SHIFT
    };
    let near: Vec<_> = facts.shifts.iter().filter(near).copied().collect();
    match shift_of(&near, at, (kind, open)) {
        Some(start) => reasons.push(Reason::Shift(start)),
        None if facts.shifts.is_empty() => {}
        None => {
            reasons.push(Reason::NotPlanned);
            if verdict == Verdict::Accepted {
                verdict = Verdict::OffRoster;
                reasons.rotate_right(1);
            }
        }
    }
    let drift = facts.device_at.map(|device| device.duration_since(at)).filter(|d| d.abs() > DRIFT);
    reasons.extend(drift.map(|d| Reason::Drift(d.as_secs())));
    (verdict, reasons)
}

/// The start of the shift that a punch is of, by the rule of duty: what an `out` closes is of the shift that it covers
/// longest; else an `in` is of the shift whose start is nearest, and an `out` of the one whose end is.
fn shift_of(
    near: &[(Timestamp, Timestamp)],
    at: Timestamp,
    (kind, open): (PunchKind, Option<Timestamp>),
) -> Option<Timestamp> {
    let since = open.filter(|_| kind == PunchKind::Out).unwrap_or(at);
    let rank = |(start, end): &&(Timestamp, Timestamp)| {
        let covered = at.min(*end).duration_since(since.max(*start)).max(SignedDuration::ZERO);
        let edge = if kind == PunchKind::In { start } else { end };
        (Reverse(covered), edge.duration_since(at).abs(), *start)
    };
    near.iter().min_by_key(rank).map(|(start, _)| *start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NINE: &str = "2026-03-02T09:00:00Z";

    #[test]
    fn an_in_and_its_out_are_accepted_and_say_what_they_belong_to() {
        let shift = (at("2026-03-02T09:05:00Z"), at("2026-03-02T17:00:00Z"));
        let mut facts = Facts { shifts: vec![shift], ..Facts::default() };
        let (verdict, reasons) = judge(&facts, at(NINE), PunchKind::In);
        assert_eq!((verdict, reasons), (Verdict::Accepted, vec![Reason::Came, Reason::Shift(shift.0)]));
        facts.before = vec![(at(NINE), PunchKind::In)];
        let (verdict, reasons) = judge(&facts, at("2026-03-02T17:10:00Z"), PunchKind::Out);
        assert_eq!((verdict, reasons), (Verdict::Accepted, vec![Reason::Left(at(NINE)), Reason::Shift(shift.0)]));
    }

    #[test]
    fn a_second_in_and_an_out_without_an_in_are_told() {
        let facts = Facts { before: vec![(at(NINE), PunchKind::In)], ..Facts::default() };
        assert_eq!(judge(&facts, at("2026-03-02T10:00:00Z"), PunchKind::In).0, Verdict::DoubleIn);
        assert_eq!(judge(&facts, at("2026-03-03T01:00:00Z"), PunchKind::Out).0, Verdict::Accepted, "16 hours later");
        assert_eq!(judge(&facts, at("2026-03-03T01:00:01Z"), PunchKind::Out).0, Verdict::OutWithoutIn);
        assert_eq!(judge(&facts, at("2026-03-03T01:00:01Z"), PunchKind::In).0, Verdict::Accepted);
    }

    #[test]
    fn only_somebody_who_is_planned_can_be_off_the_roster() {
        let planned =
            Facts { shifts: vec![(at("2026-03-03T09:00:00Z"), at("2026-03-03T17:00:00Z"))], ..Facts::default() };
        assert_eq!(judge(&planned, at(NINE), PunchKind::In).0, Verdict::OffRoster);
        assert_eq!(judge(&planned, at(NINE), PunchKind::In).1, [Reason::NotPlanned, Reason::Came]);
        assert_eq!(judge(&planned, at("2026-03-03T08:00:00Z"), PunchKind::In).0, Verdict::Accepted);
        assert_eq!(judge(&Facts::default(), at(NINE), PunchKind::In).0, Verdict::Accepted);
    }

    #[test]
    fn a_punch_between_two_shifts_is_of_the_one_that_it_begins_ends_or_covers() {
        let of = |hours: [(&str, &str); 2], before: Option<&str>, when: &str, kind| {
            let on = |time: &str| at(&format!("2026-03-02T{time}:00Z"));
            let shifts = hours.map(|(start, end)| (on(start), on(end))).to_vec();
            let before = before.map(|since| (on(since), PunchKind::In)).into_iter().collect();
            let (_, reasons) = judge(&Facts { before, shifts, device_at: None }, on(when), kind);
            let start =
                |reason: &Reason| if let Reason::Shift(start) = reason { Some(start.to_string()) } else { None };
            reasons.iter().find_map(start).expect("a shift")[11..16].to_owned()
        };
        let adjoining = [("00:00", "06:00"), ("06:00", "14:00")];
        assert_eq!(
            of(adjoining, None, "05:50", PunchKind::In),
            "06:00",
            "comes for the day, not for the end of the night"
        );
        assert_eq!(of(adjoining, None, "06:10", PunchKind::Out), "00:00");
        assert_eq!(of(adjoining, Some("00:05"), "06:10", PunchKind::Out), "00:00");
        let split = [("09:00", "13:00"), ("13:30", "17:30")];
        assert_eq!(of(split, None, "13:10", PunchKind::In), "13:30");
        assert_eq!(of(split, None, "13:20", PunchKind::Out), "09:00");
        assert_eq!(of(split, Some("13:20"), "14:00", PunchKind::Out), "13:30", "what it closes covers the second only");
        assert_eq!(
            of(split, Some("09:00"), "14:00", PunchKind::Out),
            "09:00",
            "what it closes covers the first longer"
        );
        assert_eq!(
            of([("09:00", "11:00"), ("11:00", "13:00")], None, "10:00", PunchKind::In),
            "09:00",
            "the earlier of two as near"
        );
    }

    #[test]
    fn the_devices_clock_is_evidence_only() {
        let facts = Facts { device_at: Some(at("2026-03-02T08:00:00Z")), ..Facts::default() };
        let (verdict, reasons) = judge(&facts, at(NINE), PunchKind::In);
        assert_eq!((verdict, reasons), (Verdict::Accepted, vec![Reason::Came, Reason::Drift(-3600)]));
    }

    #[test]
    fn the_stored_words_of_punches_and_verdicts_are_these() {
        tally_testkit::words([(PunchKind::In, "in"), (PunchKind::Out, "out")]);
        tally_testkit::words([
            (Verdict::NotJudged, "not_judged"),
            (Verdict::Accepted, "accepted"),
            (Verdict::DoubleIn, "double_in"),
            (Verdict::OutWithoutIn, "out_without_in"),
            (Verdict::OffRoster, "off_roster"),
        ]);
    }
}
