//! What a change touches, held against occupancy derived with it and without it, for random worlds.

use std::collections::BTreeSet;

use jiff::civil::Date;
use proptest::prelude::*;
use tally_kernel::id::CorrectionId;
use uuid::Uuid;

use super::world::{account, any_world, at, person, world};
use super::*;

const BY: Option<CorrectionId> = Some(CorrectionId(Uuid::from_u128(0x77)));

/// The rows of an account, cut at its midnights: what is said of each local day.
fn by_day(duty: &Duty, of: &DutyAccount) -> BTreeSet<(Date, PersonId, Rule, String, jiff::Timestamp, jiff::Timestamp)> {
    let rows = duty.accounts.iter().filter(|a| a.account == of.id).flat_map(|a| &a.rows);
    let mut cut = BTreeSet::new();
    for row in rows {
        let mut start = row.start;
        while start < row.end {
            let day = of.zone.to_datetime(start).date();
            let midnight = day.tomorrow().unwrap().to_zoned(of.zone.clone()).unwrap().timestamp();
            let end = midnight.min(row.end);
            cut.insert((day, row.person, row.rule, row.evidence.clone(), start, end));
            start = end;
        }
    }
    cut
}

/// A world, and one of its facts that goes or another that comes.
fn any_edit() -> impl Strategy<Value = (Evidence, Edit)> {
    (any_world(), any::<prop::sample::Index>(), 0_u8..3, -20_i64..20, 0_usize..3).prop_map(
        |(e, which, how, hours, who)| {
            let facts: Vec<DutyFact> = (e.shifts.iter().cloned().map(DutyFact::Shift))
                .chain(e.punches.iter().copied().map(DutyFact::Punch))
                .chain(e.handovers.iter().copied().map(DutyFact::Handover))
                .collect();
            if facts.is_empty() {
                return (e, Edit::default());
            }
            let old = facts[which.index(facts.len())].clone();
            let by = jiff::SignedDuration::from_hours(hours);
            let new = match old.clone() {
                DutyFact::Shift(s) => {
                    DutyFact::Shift(Shift { start: s.start + by, end: s.end + by, correction: BY, ..s })
                }
                DutyFact::Punch(p) => DutyFact::Punch(Punch { at: p.at + by, correction: BY, ..p }),
                DutyFact::Handover(h) => {
                    DutyFact::Handover(Handover { at: h.at + by, person: person(who), correction: BY, ..h })
                }
            };
            let edit = match how {
                0 => Edit { gone: vec![old], new: vec![] },
                1 => Edit { gone: vec![], new: vec![new] },
                _ => Edit { gone: vec![old], new: vec![new] },
            };
            (e, edit)
        },
    )
}

fn of(fact: &DutyFact) -> (PersonId, Option<AccountId>) {
    match fact {
        DutyFact::Shift(s) => (s.person, Some(s.account)),
        DutyFact::Punch(p) => (p.person, None),
        DutyFact::Handover(h) => (h.person, Some(h.account)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn outside_of_the_accounts_and_days_that_are_named_occupancy_is_the_same((e, edit) in any_edit()) {
        let touched = touched(&e, &edit).unwrap();
        let (before, after) = (derive(&e).unwrap(), derive(&edit.of(&e)).unwrap());
        for account in &e.accounts {
            let days: BTreeSet<Date> = touched.0.get(&account.id).into_iter().flatten().map(|(day, _)| *day).collect();
            let (one, other) = (by_day(&before, account), by_day(&after, account));
            let differ: BTreeSet<Date> = one.symmetric_difference(&other).map(|row| row.0).collect();
            prop_assert_eq!(&days, &differ, "{}", account.key);
            for (day, people) in touched.0.get(&account.id).into_iter().flatten() {
                let found = one.symmetric_difference(&other).filter(|row| row.0 == *day).map(|row| row.1).collect();
                prop_assert_eq!(people, &found);
            }
        }
    }

    #[test]
    fn an_account_that_neither_team_nor_roster_nor_hand_over_ties_to_the_person_is_never_touched((e, edit) in any_edit()) {
        let facts: Vec<_> = edit.gone.iter().chain(&edit.new).map(of).collect();
        let tied = |account: &DutyAccount| facts.iter().any(|(who, named)| {
            let known = e.people.iter().find(|p| p.id == *who);
            *named == Some(account.id)
                || known.is_some_and(|p| serves(account.team.as_deref(), &p.employments))
                || e.shifts.iter().any(|s| s.person == *who && s.account == account.id)
                || e.handovers.iter().any(|h| h.person == *who && h.account == account.id)
        });
        let touched = touched(&e, &edit).unwrap();
        for account in e.accounts.iter().filter(|account| !tied(account)) {
            prop_assert!(!touched.0.contains_key(&account.id), "{}", account.key);
        }
    }
}

#[test]
fn a_forgotten_punch_touches_the_day_of_its_shift_and_names_its_correction() {
    let day = world("Asia/Shanghai", "2026-03-01", "2026-03-31", &["north/a", "north/a"])
        .shift(0, 0, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z")
        .shift(1, 0, "2026-03-05T01:00:00Z", "2026-03-05T09:00:00Z")
        .punch_in(0, "2026-03-02T01:05:00Z");
    let out = Punch { person: person(0), at: at("2026-03-02T09:00:00Z"), kind: PunchKind::Out, correction: BY };
    let edit = Edit { gone: vec![], new: vec![DutyFact::Punch(out)] };
    let found = touched(&day, &edit).unwrap();
    let expected = [(jiff::civil::date(2026, 3, 2), BTreeSet::from([person(0)]))];
    assert_eq!(found.0, [(account(0), expected.into())].into());
    let (lines, _) = edit.of(&day).lines();
    let correction = BY.unwrap();
    assert!(lines[0].ends_with(&format!("punch:E0@2026-03-02T01:05:00Z/2026-03-02T09:00:00Z+correction:{correction}")));
    assert_eq!(touched(&day, &Edit::default()).unwrap(), Touched::default());
}

#[test]
fn a_hold_names_the_corrections_of_its_take_and_of_its_release() {
    let hand = |at: &str, kind, correction| {
        DutyFact::Handover(Handover { account: account(0), person: person(0), at: world::at(at), kind, correction })
    };
    let other = Some(CorrectionId(Uuid::from_u128(0x78)));
    let new = vec![
        hand("2026-03-02T01:00:00Z", HandoverKind::Take, BY),
        hand("2026-03-03T01:00:00Z", HandoverKind::Release, other),
    ];
    let day = Edit { gone: vec![], new }.of(&world("UTC", "2026-03-01", "2026-03-31", &["north/a"]));
    let ids = [BY, other].map(|id| format!("correction:{}", id.unwrap())).join("+");
    let line = format!("E0 2026-03-02T01:00:00Z..2026-03-03T01:00:00Z Handover handover:E0@2026-03-02T01:00:00Z+{ids}");
    assert_eq!(day.lines().0, [line]);
}
