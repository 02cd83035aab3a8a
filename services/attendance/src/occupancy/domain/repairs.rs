//! What would put an oddity right, where that follows from the evidence: asked for as any other correction, and approved by
//! somebody else. Pure.

use jiff::Timestamp;
use tally_kernel::id::{AccountId, PersonId};

use super::{HandoverKind, PunchKind};

/// One fact that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// A punch.
    Punch {
        /// Whose.
        person: PersonId,
        /// When.
        at: Timestamp,
        /// In or out.
        kind: PunchKind,
    },
    /// A take or release of an account.
    Handover {
        /// Whose.
        person: PersonId,
        /// Which account.
        account: AccountId,
        /// When.
        at: Timestamp,
        /// Take or release.
        kind: HandoverKind,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::world::{account, any_world, at, person, world};
    use super::super::{Evidence, Finding, FindingKind, Handover, Punch, derive};
    use super::*;

    fn found(evidence: &Evidence, kind: FindingKind) -> Vec<Finding> {
        derive(evidence).unwrap().findings.into_iter().filter(|found| found.kind == kind).collect()
    }

    fn repairs(evidence: &Evidence, kind: FindingKind) -> Vec<Option<Repair>> {
        found(evidence, kind).into_iter().map(|found| found.repair).collect()
    }

    /// The evidence with what was forgotten.
    fn repaired(mut evidence: Evidence, repair: Repair) -> Evidence {
        match repair {
            Repair::Punch { person, at, kind } => {
                evidence.punches.push(Punch { person, at, kind, correction: None });
                evidence.last_punch = evidence.last_punch.max(Some(at));
            }
            Repair::Handover { person, account, at, kind } => {
                evidence.handovers.push(Handover { account, person, at, kind, correction: None });
            }
        }
        evidence
    }

    fn day() -> Evidence {
        world("UTC", "2026-03-02", "2026-03-02", &["north/a", "north/a"])
    }

    #[test]
    fn a_punch_that_is_missing_is_at_the_edge_of_its_shift_and_without_a_shift_nobody_guesses() {
        let shift = || day().shift(0, 0, "2026-03-02T08:00:00Z", "2026-03-02T16:00:00Z");
        let later = |e: Evidence| e.punch_in(1, "2026-03-02T20:00:00Z").punch_out(1, "2026-03-02T21:00:00Z");
        let lone_in = later(shift().punch_in(0, "2026-03-02T07:55:00Z"));
        let out = Repair::Punch { person: person(0), at: at("2026-03-02T16:00:00Z"), kind: PunchKind::Out };
        assert_eq!(repairs(&lone_in, FindingKind::MissingPunch), [Some(out)]);
        assert_eq!(repairs(&repaired(lone_in, out), FindingKind::MissingPunch), []);
        let may_come = shift().punch_in(0, "2026-03-02T07:55:00Z").punch_in(1, "2026-03-02T09:00:00Z");
        assert_eq!(repairs(&may_come, FindingKind::MissingPunch), [None, None], "the out may still come");
        let lone_out = shift().punch_out(0, "2026-03-02T16:10:00Z");
        let came = Repair::Punch { person: person(0), at: at("2026-03-02T08:00:00Z"), kind: PunchKind::In };
        assert_eq!(repairs(&lone_out, FindingKind::MissingPunch), [Some(came)]);
        assert_eq!(repairs(&repaired(lone_out, came), FindingKind::MissingPunch), []);
        let unplanned = later(day().punch_in(0, "2026-03-02T07:55:00Z"));
        assert_eq!(repairs(&unplanned, FindingKind::MissingPunch), [None]);
        let closed = shift().punch_in(0, "2026-03-02T08:00:00Z").punch_out(0, "2026-03-02T12:00:00Z");
        let twice = closed.punch_out(0, "2026-03-02T13:00:00Z");
        assert_eq!(repairs(&twice, FindingKind::MissingPunch), [None], "which of the outs is wrong nobody knows");
    }

    #[test]
    fn a_release_that_is_missing_is_where_the_hold_ended_by_something_that_happened() {
        let taken = || day().take(0, "2026-03-02T08:00:00Z");
        let release = |when: &str| {
            Some(Repair::Handover { person: person(0), account: account(0), at: at(when), kind: HandoverKind::Release })
        };
        assert_eq!(repairs(&taken(), FindingKind::MissingRelease), [None], "the longest stretch is no evidence");
        let left = taken().punch_in(0, "2026-03-02T07:50:00Z").punch_out(0, "2026-03-02T12:05:00Z");
        assert_eq!(repairs(&left, FindingKind::MissingRelease), [release("2026-03-02T12:05:00Z")]);
        let two = taken().take(1, "2026-03-02T09:00:00Z").release(1, "2026-03-02T10:00:00Z");
        let found = found(&two, FindingKind::Overlap);
        assert_eq!((found[0].repair, found[0].person), (release("2026-03-02T09:00:00Z"), Some(person(0))));
        assert_eq!(repairs(&two, FindingKind::MissingRelease), [found[0].repair], "one release for one hold");
        let three = world("UTC", "2026-03-02", "2026-03-02", &["north/a"; 3]).take(0, "2026-03-02T08:00:00Z");
        let third = three.take(1, "2026-03-02T09:00:00Z").release(1, "2026-03-02T10:00:00Z");
        let third = third.punch_in(0, "2026-03-02T07:50:00Z").punch_out(0, "2026-03-02T11:30:00Z");
        let third = third.take(2, "2026-03-02T11:00:00Z");
        let asked: Vec<_> = [FindingKind::Overlap, FindingKind::MissingRelease]
            .into_iter()
            .flat_map(|kind| self::found(&third, kind))
            .filter(|found| found.person == Some(person(0)))
            .map(|found| found.repair)
            .collect();
        assert_eq!(asked, vec![found[0].repair; 3], "whoever took it first, and however often it is told");
        let mended = repaired(two, found[0].repair.unwrap());
        assert_eq!(repairs(&mended, FindingKind::Overlap), []);
        assert_eq!(repairs(&mended, FindingKind::MissingRelease), []);
    }

    proptest! {
        /// Whatever is proposed, what it is proposed for is gone once it is done.
        #[test]
        fn what_a_repair_is_proposed_for_is_gone_once_it_is_done(evidence in any_world()) {
            let before = derive(&evidence).unwrap().findings;
            let alone = |found: &&Finding| matches!(found.kind, FindingKind::MissingPunch | FindingKind::MissingRelease);
            for one in before.iter().filter(alone).filter(|found| found.repair.is_some()) {
                let after = derive(&repaired(evidence.clone(), one.repair.unwrap())).unwrap().findings;
                let same = |other: &&Finding| (other.kind, &other.subject, &other.at) == (one.kind, &one.subject, &one.at);
                let was = before.iter().filter(same).count();
                prop_assert!(after.iter().filter(same).count() < was, "{:?}", one);
            }
        }
    }
}
