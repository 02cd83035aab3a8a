//! Every sentence of a finding in every language, from facts that make it.

use std::collections::{BTreeMap, BTreeSet};

use tally_i18n::text;
use tally_kernel::message::Arg;
use tally_kernel::{Locale, Message};

use super::world::world;
use super::*;

/// What the catalogues choose by, and so need not say.
const CHOICES: [&str; 3] = ["by", "why", "scope"];

fn day() -> Evidence {
    world("UTC", "2026-03-02", "2026-03-02", &["north/a", "north/a"])
}

/// The first person left the day before.
fn gone(mut evidence: Evidence) -> Evidence {
    evidence.people[0].employments[0].to = Some(jiff::civil::date(2026, 3, 1));
    evidence
}

/// Facts with the sentences that are told of them, kind by kind.
fn worlds() -> Vec<(Evidence, &'static str, FindingKind)> {
    let in_at = |e: Evidence, at: &str| e.punch_in(0, &format!("2026-03-02T{at}:00Z"));
    let out_at = |e: Evidence, at: &str| e.punch_out(0, &format!("2026-03-02T{at}:00Z"));
    let take = |e: Evidence, who, at: &str| e.take(who, &format!("2026-03-02T{at}:00Z"));
    let release = |e: Evidence, who, at: &str| e.release(who, &format!("2026-03-02T{at}:00Z"));
    let two = || take(take(day(), 0, "08:00"), 1, "09:00");
    let mut alone = two();
    alone.accounts[0].exclusive = true;
    let off_shift = day().shift(0, 0, "2026-03-02T08:00:00Z", "2026-03-02T12:00:00Z");
    let two_shifts = off_shift.clone().shift(0, 0, "2026-03-02T12:00:00Z", "2026-03-02T20:00:00Z");
    vec![
        (out_at(in_at(in_at(day(), "08:00"), "09:00"), "12:00"), "DUTY_DOUBLE_IN", FindingKind::DoubleIn),
        (in_at(day(), "08:00"), "DUTY_OUT_MAY_COME", FindingKind::MissingPunch),
        (in_at(day(), "08:00").by_version_1(), "DUTY_IN_WITHOUT_OUT", FindingKind::MissingPunch),
        (in_at(day(), "01:00").punch_in(1, "2026-03-02T18:00:00Z"), "DUTY_LONE_IN", FindingKind::MissingPunch),
        (out_at(day(), "12:00"), "DUTY_LONE_OUT", FindingKind::MissingPunch),
        (out_at(day(), "12:00").by_version_1(), "DUTY_OUT_WITHOUT_IN", FindingKind::MissingPunch),
        (
            out_at(out_at(in_at(day(), "08:00"), "12:00"), "13:00"),
            "DUTY_OUT_AFTER_CLOSED_IN",
            FindingKind::MissingPunch,
        ),
        (out_at(in_at(day(), "08:00"), "08:00"), "DUTY_IN_AND_OUT_AT_ONCE", FindingKind::MissingPunch),
        (out_at(in_at(off_shift.clone(), "20:00"), "20:30"), "DUTY_SHIFT_UNCOVERED", FindingKind::UncoveredShift),
        (
            out_at(in_at(off_shift.clone(), "07:50"), "08:00"),
            "DUTY_SHIFT_BARELY_COVERED",
            FindingKind::BarelyCoveredShift,
        ),
        (out_at(in_at(two_shifts, "08:00"), "12:05"), "DUTY_SHIFT_BARELY_COVERED", FindingKind::BarelyCoveredShift),
        (
            release(take(off_shift.clone(), 1, "07:00"), 1, "13:00"),
            "DUTY_SHIFT_HELD_BY_OTHERS",
            FindingKind::HeldByOthers,
        ),
        (out_at(in_at(off_shift, "20:00"), "20:30"), "DUTY_NOBODY", FindingKind::UnheldAccount),
        (day().by_version_1(), "DUTY_NO_EVIDENCE_V1", FindingKind::NoDutyEvidence),
        (day(), "DUTY_NO_EVIDENCE", FindingKind::NoDutyEvidence),
        (release(day(), 0, "09:00"), "DUTY_RELEASE_WITHOUT_TAKE", FindingKind::ReleaseWithoutTake),
        (take(day(), 0, "08:00"), "DUTY_NO_RELEASE_KNOWN", FindingKind::MissingRelease),
        (take(day(), 0, "08:00").by_version_1(), "DUTY_NEVER_RELEASED", FindingKind::MissingRelease),
        (
            release(take(take(day(), 0, "08:00"), 0, "10:00"), 0, "12:00"),
            "DUTY_TAKEN_AGAIN",
            FindingKind::MissingRelease,
        ),
        (
            gone(day().shift(0, 0, "2026-03-02T08:00:00Z", "2026-03-02T12:00:00Z")),
            "DUTY_SHIFT_NOT_EMPLOYED",
            FindingKind::NotEmployed,
        ),
        (gone(out_at(in_at(day(), "08:00"), "12:00")), "DUTY_PUNCH_NOT_EMPLOYED", FindingKind::NotEmployed),
        (gone(take(day(), 0, "08:00")), "DUTY_HOLD_NOT_EMPLOYED", FindingKind::NotEmployed),
        (two(), "DUTY_HELD_BY_TWO", FindingKind::Overlap),
        (alone, "DUTY_HELD_BY_TWO", FindingKind::Overlap),
    ]
}

/// One of each kind: a new kind does not compile until it stands here, and fails below until a world tells of it.
fn kinds() -> BTreeSet<FindingKind> {
    let next = |kind| match kind {
        FindingKind::NoDutyEvidence => Some(FindingKind::UnheldAccount),
        FindingKind::UnheldAccount => Some(FindingKind::Overlap),
        FindingKind::Overlap => Some(FindingKind::MissingRelease),
        FindingKind::MissingRelease => Some(FindingKind::ReleaseWithoutTake),
        FindingKind::ReleaseWithoutTake => Some(FindingKind::DoubleIn),
        FindingKind::DoubleIn => Some(FindingKind::MissingPunch),
        FindingKind::MissingPunch => Some(FindingKind::UncoveredShift),
        FindingKind::UncoveredShift => Some(FindingKind::BarelyCoveredShift),
        FindingKind::BarelyCoveredShift => Some(FindingKind::HeldByOthers),
        FindingKind::HeldByOthers => Some(FindingKind::NotEmployed),
        FindingKind::NotEmployed => None,
    };
    std::iter::successors(Some(FindingKind::NoDutyEvidence), |kind| next(*kind)).collect()
}

fn says_all(locale: Locale, message: &Message) -> bool {
    let told = text(locale, message);
    let said = |(name, arg): (&&str, &Arg)| match arg {
        Arg::Text(value) => CHOICES.contains(name) || told.contains(value.as_str()),
        Arg::Message(_) | Arg::List(_) => false,
    };
    message.args().iter().all(said)
}

#[test]
fn every_finding_is_said_in_every_language_with_all_that_it_knows() {
    let mut told = BTreeMap::new();
    for (evidence, id, kind) in worlds() {
        let findings = derive(&evidence).unwrap().findings;
        let Some(found) = findings.iter().find(|f| f.detail.id() == id) else { panic!("{id} is not in {findings:?}") };
        assert_eq!(found.kind, kind, "{id}");
        for locale in [Locale::En, Locale::ZhCn] {
            assert!(says_all(locale, &found.detail), "{}", text(locale, &found.detail));
        }
        assert_ne!(text(Locale::En, &found.detail), text(Locale::ZhCn, &found.detail));
        told.entry(kind).or_insert_with(Vec::new).push(id);
    }
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), kinds());
}

#[test]
fn a_month_that_was_closed_reads_the_same_again() {
    let told = |evidence: &Evidence| text(Locale::En, &derive(evidence).unwrap().findings[0].detail);
    let hold = day().take(0, "2026-03-02T08:00:00Z").punch_out(0, "2026-03-02T12:05:00Z");
    assert_eq!(
        told(&hold.by_version_1()),
        "E0 took JD/shop/a0 at 2026-03-02T08:00:00Z and never released it; the hold ends at 2026-03-02T12:05:00Z, the next punch-out"
    );
    let mut everybody = day().by_version_1();
    everybody.accounts[0].team = None;
    assert_eq!(
        told(&everybody),
        "no roster, punch or hand-over speaks for JD/shop/a0 in the period: all its work is shared by its whole team (everybody, 2 people); publish rosters or have people punch"
    );
}

#[test]
fn a_finding_tells_the_time_by_the_clock_of_whom_it_is_about() {
    let told = |evidence: Evidence| {
        let findings = derive(&evidence).unwrap().findings;
        let finding = findings.into_iter().find(|f| f.at.is_some()).unwrap();
        (finding.at.unwrap().to_string(), text(Locale::En, &finding.detail))
    };
    let mut evidence = day().take(0, "2026-03-02T08:00:00Z").punch_out(0, "2026-03-02T12:05:00Z");
    evidence.accounts[0].zone = tally_kernel::time::zone("Asia/Shanghai").unwrap();
    let (at, detail) = told(evidence.clone());
    assert_eq!(at, "2026-03-02T16:00:00+08:00");
    assert!(detail.contains("at 2026-03-02T16:00:00+08:00 and no release"), "a hand-over by the account's: {detail}");
    assert!(detail.contains("ends at 2026-03-02T20:05:00+08:00"), "{detail}");
    let (at, detail) = told(evidence.by_version_1());
    assert_eq!(at, "2026-03-02T08:00:00Z", "as months were closed before");
    assert!(detail.contains("at 2026-03-02T08:00:00Z and never"), "{detail}");
    let mut evidence = day().punch_in(0, "2026-03-02T08:00:00Z").punch_in(1, "2026-03-02T12:00:00Z");
    evidence.people[0].zone = tally_kernel::time::zone("America/New_York").unwrap();
    let (at, detail) = told(evidence);
    assert_eq!(at, "2026-03-02T03:00:00-05:00");
    let punch =
        "E0's punch at 2026-03-02T03:00:00-05:00 counts as an in, and the punches end at 2026-03-02T07:00:00-05:00";
    assert!(detail.starts_with(punch), "a punch by the person's: {detail}");
}

/// Where a terminal does not note which way a punch went, its direction is what the rules made of it.
#[test]
fn in_chinese_a_punch_is_said_to_count_as_one_way_and_not_to_be_of_one() {
    let punches = [FindingKind::DoubleIn, FindingKind::MissingPunch];
    let told = worlds().into_iter().filter(|(e, _, kind)| punches.contains(kind) && e.policy.version >= Version::V2);
    for (evidence, id, _) in told {
        let findings = derive(&evidence).unwrap().findings;
        let said = text(Locale::ZhCn, &findings.iter().find(|f| f.detail.id() == id).unwrap().detail);
        assert!(said.contains("计为") && !said.contains("上班卡") && !said.contains("下班卡"), "{said}");
    }
}
