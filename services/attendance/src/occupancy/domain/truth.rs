//! Whatever a finding says is so: each sentence is taken apart and held against the facts, for random worlds.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::oracle::{employed, holds, instants, is_of_somebody, of_team, pair_covering, speaks};
use super::world::any_world;
use super::*;

const MOMENT: SignedDuration = SignedDuration::from_nanos(1);

/// What a finding says.
fn detail(finding: &Finding) -> String {
    tally_i18n::text(tally_kernel::Locale::En, &finding.detail)
}

fn instant(finding: &Finding) -> Timestamp {
    finding.at.as_ref().unwrap().at
}

/// The instants that a sentence names, in its order.
fn times(detail: &str) -> Vec<Timestamp> {
    detail.split([' ', ',', ';']).filter_map(|word| word.parse().ok()).collect()
}

/// The people whose numbers a sentence names, in its order.
fn named<'a>(e: &'a Evidence, detail: &str) -> Vec<&'a DutyPerson> {
    detail.split(' ').filter_map(|word| e.people.iter().find(|p| p.employee_no == word)).collect()
}

fn punches(e: &Evidence, p: &DutyPerson, kind: PunchKind) -> BTreeSet<Timestamp> {
    e.punches.iter().filter(|x| x.person == p.id && x.kind == kind).map(|x| x.at).collect()
}

fn log(e: &Evidence, account: &DutyAccount, p: &DutyPerson, kind: HandoverKind) -> BTreeSet<Timestamp> {
    let own = e.handovers.iter().filter(|h| h.account == account.id && h.person == p.id && h.kind == kind);
    own.map(|h| h.at).collect()
}

fn of_punches(e: &Evidence, p: &DutyPerson, finding: &Finding) -> bool {
    let (ins, outs) = (punches(e, p, PunchKind::In), punches(e, p, PunchKind::Out));
    let (at, told) = (instant(finding), times(&detail(finding)));
    let long = e.policy.longest;
    if told[0] != at {
        return false;
    }
    if finding.kind == FindingKind::DoubleIn {
        let was_in = ins.range(at - long..at).next_back();
        return ins.contains(&at)
            && !outs.contains(&at)
            && pair_covering(e, p, at - MOMENT)
            && was_in.is_some_and(|since| outs.range(*since + MOMENT..at).next().is_none());
    }
    if detail(finding).contains("both at once") {
        return ins.contains(&at)
            && outs.contains(&at)
            && !pair_covering(e, p, at)
            && !pair_covering(e, p, at - MOMENT);
    }
    if detail(finding).contains("the punches end at") {
        let last = e.punches.iter().map(|x| x.at).max().unwrap();
        return ins.contains(&at) && told[1] == last && last < at + long && outs.range(at + MOMENT..).next().is_none();
    }
    if detail(finding).contains("counts as an in") {
        let over = e.punches.iter().any(|x| at + long <= x.at);
        return over
            && ins.contains(&at)
            && outs.range(at + MOMENT..=at + long).next().is_none()
            && !pair_covering(e, p, at);
    }
    if detail(finding).contains("no in came within") {
        return outs.contains(&at) && ins.range(at - long..=at).next().is_none();
    }
    let closed = told[1];
    outs.contains(&at)
        && outs.contains(&closed)
        && closed < at
        && ins.range(at - long..=closed).next().is_some()
        && ins.range(closed + MOMENT..=at).next().is_none()
        && !pair_covering(e, p, at - MOMENT)
}

fn of_holds(e: &Evidence, account: &DutyAccount, finding: &Finding) -> bool {
    let (who, told) = (named(e, &detail(finding)), times(&detail(finding)));
    let p = who[0];
    let (takes, releases) = (log(e, account, p, HandoverKind::Take), log(e, account, p, HandoverKind::Release));
    let (at, end) = (instant(finding), *told.last().unwrap());
    match finding.kind {
        FindingKind::ReleaseWithoutTake => {
            releases.contains(&at) && !takes.contains(&at) && !holds(e, account, p, at - MOMENT)
        }
        FindingKind::Overlap => {
            let both = |t| holds(e, account, who[0], t) && holds(e, account, who[1], t);
            who[0].id != who[1].id && told[0] == at && both(at) && both(end - MOMENT)
        }
        _ => {
            let unreleased = match detail(finding).contains("took it again") {
                true => takes.contains(&told[1]) && releases.range(at + MOMENT..=told[1]).next().is_none(),
                false => releases.range(at + MOMENT..).next().is_none(),
            };
            let outs = punches(e, p, PunchKind::Out);
            let why = match detail(finding).rsplit_once(", ").unwrap().1 {
                "the next punch-out" => outs.contains(&end) && outs.range(at + MOMENT..end).next().is_none(),
                "the end of the roster" => e.shifts.iter().any(|s| s.person == p.id && s.start < s.end && s.end == end),
                "the longest stretch allowed" => end == at + e.policy.longest,
                "the next take" => takes.range(at + MOMENT..).next() == Some(&end),
                _ => false,
            };
            takes.contains(&at) && told[0] == at && unreleased && why && holds(e, account, p, end - MOMENT)
        }
    }
}

fn of_account(e: &Evidence, duty: &Duty, account: &DutyAccount, finding: &Finding) -> bool {
    let period = e.period.instants(&account.zone).unwrap();
    let rostered = e
        .shifts
        .iter()
        .filter(|s| s.account == account.id && s.start < s.end && s.start < period.end && period.start < s.end)
        .any(|s| is_of_somebody(e, s));
    let mut log = e.handovers.iter().filter(|h| h.account == account.id && period.contains(&h.at));
    let handed = log.any(|h| speaks(e, h.person, h.at));
    let punched = e
        .people
        .iter()
        .any(|p| e.punches.iter().any(|x| x.person == p.id && period.contains(&x.at) && of_team(account, p, x.at)));
    let rows = &duty.accounts.iter().find(|o| o.account == account.id).unwrap().rows;
    let served = rows.iter().any(|r| r.start < period.end && period.start < r.end);
    if finding.kind == FindingKind::UnheldAccount {
        return !served;
    }
    let inside = rows.iter().filter(|r| r.start < period.end && period.start < r.end);
    let is_member =
        |p: &&DutyPerson| instants(e, account).iter().any(|at| period.contains(at) && of_team(account, p, *at));
    let members = format!(", people: {})", e.people.iter().filter(is_member).count());
    // The grace of a shift just outside reaches into the period: no evidence about it, and still a roster row.
    let by_team_or_grace = |r: &Row| match r.rule {
        Rule::Team => true,
        Rule::Roster => r.start < period.start + e.policy.grace || period.end - e.policy.grace <= r.start,
        _ => false,
    };
    !rostered && !handed && !punched && detail(finding).contains(&members) && inside.into_iter().all(by_team_or_grace)
}

/// The shift is there, and nobody but others is on duty in it; or its person punched, and no pair of theirs covers any instant
/// of it on a day of their employment; or one does, and no more of it than is said.
fn of_shift(e: &Evidence, duty: &Duty, finding: &Finding) -> bool {
    let (told, detail) = (times(&detail(finding)), detail(finding));
    let person = e.people.iter().find(|p| p.employee_no == finding.subject).unwrap();
    let account = e.accounts.iter().find(|a| detail.split(' ').any(|word| word == a.key)).unwrap();
    let planned =
        |s: &&Shift| s.person == person.id && s.account == account.id && (s.start, s.end) == (told[0], told[1]);
    let inside = |at: &&Timestamp| told[0] <= **at && **at < told[1];
    let there = instant(finding) == told[0] && e.shifts.iter().any(|s| planned(&s));
    let rows = &duty.accounts.iter().find(|o| o.account == account.id).unwrap().rows;
    let mut own = rows.iter().filter(|r| r.person == person.id && r.start < told[1] && told[0] < r.end);
    if finding.kind == FindingKind::HeldByOthers {
        let by_others = |at: &Timestamp| e.people.iter().any(|p| p.id != person.id && holds(e, account, p, *at));
        return there && own.next().is_none() && instants(e, account).iter().filter(inside).any(by_others);
    }
    let covered = |at: &&Timestamp| pair_covering(e, person, **at) && employed(person, **at);
    let punched = e.punches.iter().any(|x| x.person == person.id);
    let untouched = instants(e, account).iter().filter(inside).find(covered).is_none();
    if finding.kind == FindingKind::UncoveredShift || detail.contains("covers any of its planned time") {
        return there && punched && untouched;
    }
    let minutes: i64 = detail.split_once("no more than ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let (own, most) = (own.filter(|r| r.rule == Rule::Roster), SignedDuration::from_mins(minutes));
    let on_duty = own.map(|r| r.end.min(told[1]).duration_since(r.start.max(told[0]))).sum::<SignedDuration>();
    // Another shift of the same person on the account may have put them on duty beyond the edge.
    let alone = e.shifts.iter().filter(|s| s.person == person.id && s.account == account.id).count() == 1;
    there && punched && !untouched && (!alone || on_duty <= most)
}

/// Whether a shift's person was on duty in some of it, or a finding names it.
fn is_told(duty: &Duty, rows: &[Row], person: &DutyPerson, shift: &Shift) -> bool {
    let of_shifts = [
        FindingKind::UncoveredShift,
        FindingKind::BarelyCoveredShift,
        FindingKind::HeldByOthers,
        FindingKind::NotEmployed,
    ];
    let named = |f: &Finding| f.subject == person.employee_no && instant(f) == shift.start;
    rows.iter().any(|r| r.person == shift.person && r.start < shift.end && shift.start < r.end)
        || duty.findings.iter().any(|f| of_shifts.contains(&f.kind) && named(f))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_finding_says_is_so(e in any_world()) {
        let mut e = e;
        e.policy.version = e.policy.version.max(Version::V2);
        let duty = derive(&e).unwrap();
        for finding in &duty.findings {
            let account = e.accounts.iter().find(|a| a.key == finding.subject);
            let so = match finding.kind {
                FindingKind::DoubleIn | FindingKind::MissingPunch => {
                    let person = e.people.iter().find(|p| p.employee_no == finding.subject).unwrap();
                    of_punches(&e, person, finding)
                }
                FindingKind::UncoveredShift | FindingKind::BarelyCoveredShift | FindingKind::HeldByOthers => {
                    of_shift(&e, &duty, finding)
                }
                FindingKind::NotEmployed => !employed(named(&e, &detail(finding))[0], instant(finding)),
                FindingKind::NoDutyEvidence | FindingKind::UnheldAccount => {
                    of_account(&e, &duty, account.unwrap(), finding)
                }
                FindingKind::Overlap | FindingKind::MissingRelease | FindingKind::ReleaseWithoutTake => {
                    of_holds(&e, account.unwrap(), finding)
                }
            };
            prop_assert!(so, "not so: {:?}", finding);
        }
    }

    #[test]
    fn no_rostered_shift_of_the_period_disappears_without_a_word(e in any_world()) {
        let mut e = e;
        e.policy.version = e.policy.version.max(Version::V2);
        let duty = derive(&e).unwrap();
        for account in &e.accounts {
            let period = e.period.instants(&account.zone).unwrap();
            let rows = &duty.accounts.iter().find(|o| o.account == account.id).unwrap().rows;
            for shift in e.shifts.iter().filter(|s| s.account == account.id) {
                let Some(person) = e.people.iter().find(|p| p.id == shift.person) else { continue };
                let counts = |at: &&Timestamp| shift.start <= **at && **at < shift.end && period.contains(*at);
                let works = instants(&e, account).iter().filter(counts).any(|at| employed(person, *at));
                prop_assert!(!works || is_told(&duty, rows, person, shift), "{:?} is not in {:?}", shift, duty);
            }
        }
    }
}
