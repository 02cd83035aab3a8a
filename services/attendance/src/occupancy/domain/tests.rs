//! Each clause of the duty rules, and the cases people argue about.

use super::world::{account, at, person, world};
use super::*;

/// Two people of one team and one of another, in UTC to keep the eye on the rule.
fn march_2nd() -> Evidence {
    world("UTC", "2026-03-02", "2026-03-02", &["north/a", "north/a", "north/b"])
}

#[test]
fn who_took_an_account_holds_it_until_the_release_and_nobody_else_is_on_duty() {
    let e = march_2nd().take(0, "2026-03-02T08:00:00Z").release(0, "2026-03-02T12:00:00Z").shift(
        1,
        0,
        "2026-03-02T09:00:00Z",
        "2026-03-02T17:00:00Z",
    );
    let (rows, findings) = e.lines();
    assert_eq!(
        rows,
        [
            "E0 2026-03-02T08:00:00Z..2026-03-02T12:00:00Z Handover handover:E0@2026-03-02T08:00:00Z",
            "E1 2026-03-02T12:00:00Z..2026-03-02T17:15:00Z Roster shift:E1@2026-03-02T09:00:00Z/2026-03-02T17:00:00Z",
        ]
    );
    assert_eq!(findings, [""; 0]);
}

#[test]
fn a_missing_release_ends_at_the_next_punch_out() {
    let e = march_2nd()
        .take(0, "2026-03-02T08:00:00Z")
        .punch_in(0, "2026-03-02T07:55:00Z")
        .punch_out(0, "2026-03-02T12:05:00Z")
        .shift(0, 0, "2026-03-02T08:00:00Z", "2026-03-02T17:00:00Z");
    let (rows, findings) = e.lines();
    assert_eq!(
        rows[0],
        "E0 2026-03-02T07:55:00Z..2026-03-02T08:00:00Z Roster \
        shift:E0@2026-03-02T08:00:00Z/2026-03-02T17:00:00Z+punch:E0@2026-03-02T07:55:00Z/2026-03-02T12:05:00Z"
    );
    assert_eq!(rows[1], "E0 2026-03-02T08:00:00Z..2026-03-02T12:05:00Z Handover handover:E0@2026-03-02T08:00:00Z");
    assert_eq!(rows.len(), 2);
    assert_eq!(findings, ["MISSING_RELEASE JD/shop/a0"]);
}

#[test]
fn a_missing_release_ends_with_the_roster_and_adjoining_shifts_are_one() {
    let e = march_2nd()
        .take(0, "2026-03-02T08:00:00Z")
        .shift(0, 1, "2026-03-02T06:00:00Z", "2026-03-02T09:00:00Z")
        .shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T13:00:00Z");
    assert_eq!(e.who()[0], "E0 2026-03-02T08:00:00Z..2026-03-02T13:00:00Z Handover");
}

#[test]
fn a_missing_release_without_punch_or_roster_ends_after_16_hours() {
    let e = march_2nd().take(0, "2026-03-02T01:00:00Z").punch_out(0, "2026-03-02T18:00:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T01:00:00Z..2026-03-02T17:00:00Z Handover"]);
    let long = march_2nd().take(0, "2026-02-10T01:00:00Z").release(0, "2026-03-02T09:00:00Z");
    assert_eq!(
        long.who(),
        ["E0 2026-03-01T00:00:00Z..2026-03-02T09:00:00Z Handover"],
        "a release ends it however late"
    );
}

#[test]
fn a_second_take_ends_the_first_and_a_stray_release_is_told() {
    let e = march_2nd()
        .take(0, "2026-03-02T08:00:00Z")
        .take(0, "2026-03-02T10:00:00Z")
        .release(0, "2026-03-02T12:00:00Z")
        .release(0, "2026-03-02T13:00:00Z");
    let (rows, findings) = e.lines();
    assert_eq!(
        rows,
        ["E0 2026-03-02T08:00:00Z..2026-03-02T12:00:00Z Handover \
          handover:E0@2026-03-02T08:00:00Z+handover:E0@2026-03-02T10:00:00Z"]
    );
    assert_eq!(findings, ["MISSING_RELEASE JD/shop/a0", "RELEASE_WITHOUT_TAKE JD/shop/a0"]);
}

#[test]
fn a_forgotten_hold_ends_by_itself_before_the_next_take() {
    let e =
        march_2nd().take(0, "2026-03-01T01:00:00Z").take(0, "2026-03-02T08:00:00Z").release(0, "2026-03-02T09:00:00Z");
    let whole = [
        "E0 2026-03-01T01:00:00Z..2026-03-01T17:00:00Z Handover",
        "E0 2026-03-02T08:00:00Z..2026-03-02T09:00:00Z Handover",
    ];
    assert_eq!(e.who(), whole);
}

#[test]
fn a_take_and_a_release_at_once_go_on_for_a_holder_and_are_nothing_for_anybody_else() {
    let at_once = |e: Evidence| e.take(0, "2026-03-02T10:00:00Z").release(0, "2026-03-02T10:00:00Z");
    assert_eq!(at_once(march_2nd()).lines(), (vec![], vec!["UNHELD_ACCOUNT JD/shop/a0".into()]));
    let holder = at_once(march_2nd().take(0, "2026-03-02T08:00:00Z")).release(0, "2026-03-02T12:00:00Z");
    assert_eq!(holder.who(), ["E0 2026-03-02T08:00:00Z..2026-03-02T12:00:00Z Handover"]);
    assert_eq!(holder.lines().1, [""; 0]);
}

#[test]
fn a_roster_counts_15_minutes_either_side_when_nobody_punched() {
    let e = march_2nd().shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T08:45:00Z..2026-03-02T17:15:00Z Roster"]);
}

#[test]
fn a_rostered_person_who_punched_that_day_is_on_duty_only_between_the_punches() {
    let e = march_2nd()
        .shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z")
        .punch_in(0, "2026-03-02T09:30:00Z")
        .punch_out(0, "2026-03-02T12:00:00Z")
        .punch_in(0, "2026-03-02T13:00:00Z")
        .punch_out(0, "2026-03-02T18:00:00Z");
    assert_eq!(
        e.who(),
        [
            "E0 2026-03-02T09:30:00Z..2026-03-02T12:00:00Z Roster",
            "E0 2026-03-02T13:00:00Z..2026-03-02T17:15:00Z Roster"
        ]
    );
}

#[test]
fn a_punch_of_another_working_day_does_not_speak_against_the_roster() {
    let e = march_2nd().shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z").punch_in(0, "2026-03-02T03:59:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T08:45:00Z..2026-03-02T17:15:00Z Roster"]);
    let same_day =
        march_2nd().shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z").punch_in(0, "2026-03-02T04:00:00Z");
    assert_eq!(
        same_day.lines(),
        (vec![], vec!["UNHELD_ACCOUNT JD/shop/a0".into(), "MISSING_PUNCH E0".into(), "UNCOVERED_SHIFT E0".into()])
    );
}

#[test]
fn a_cut_over_of_the_account_or_of_the_policy_moves_the_working_day() {
    let mut e =
        march_2nd().shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z").punch_in(0, "2026-03-02T05:00:00Z");
    e.accounts[0].cut_over = jiff::civil::time(6, 0, 0, 0);
    assert_eq!(e.who().len(), 1);
    e.policy.cut_over = Some(jiff::civil::time(5, 0, 0, 0));
    assert_eq!(e.who().len(), 0);
}

#[test]
fn a_punch_within_the_grace_of_a_shift_is_of_its_day_also_before_the_cut_over() {
    let e = march_2nd().shift(0, 0, "2026-03-02T04:00:00Z", "2026-03-02T12:00:00Z").punch_in(0, "2026-03-02T03:50:00Z");
    assert_eq!(
        e.lines(),
        (vec![], vec!["UNHELD_ACCOUNT JD/shop/a0".into(), "MISSING_PUNCH E0".into(), "UNCOVERED_SHIFT E0".into()])
    );
    let late =
        march_2nd().shift(0, 0, "2026-03-02T20:00:00Z", "2026-03-03T04:00:00Z").punch_out(0, "2026-03-03T04:10:00Z");
    assert_eq!(late.who(), [""; 0]);
}

#[test]
fn a_night_shift_is_one_piece_of_duty_across_midnight_and_the_cut_over() {
    let night = || march_2nd().shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z");
    let punched = night().punch_in(0, "2026-03-02T21:50:00Z").punch_out(0, "2026-03-03T06:05:00Z");
    let (rows, findings) = punched.lines();
    assert_eq!(rows.len(), 1);
    assert!(
        rows[0].starts_with("E0 2026-03-02T21:50:00Z..2026-03-03T00:00:00Z Roster")
            || rows[0].starts_with("E0 2026-03-02T21:50:00Z..2026-03-03T06:05:00Z Roster")
    );
    assert_eq!(findings, [""; 0]);
    // No punch at all: the next evening's punches are of another shift.
    let forgot = night().punch_in(0, "2026-03-03T21:50:00Z").punch_out(0, "2026-03-04T06:00:00Z");
    assert_eq!(forgot.who(), ["E0 2026-03-02T21:45:00Z..2026-03-03T06:15:00Z Roster"]);
    // Left at half past three: the hours after the cut-over are not on duty either.
    let left = night().punch_in(0, "2026-03-02T21:50:00Z").punch_out(0, "2026-03-03T03:30:00Z");
    assert_eq!(left.who(), ["E0 2026-03-02T21:50:00Z..2026-03-03T03:30:00Z Roster"]);
}

#[test]
fn without_a_roster_those_of_the_team_are_on_duty_whose_punches_cover_the_instant() {
    let mut e = march_2nd();
    e.accounts[0].team = Some("north/a".into());
    for who in [0, 2] {
        e = e.punch_in(who, "2026-03-02T09:00:00Z").punch_out(who, "2026-03-02T17:00:00Z");
    }
    let (rows, findings) = e.lines();
    assert_eq!(
        rows,
        ["E0 2026-03-02T09:00:00Z..2026-03-02T17:00:00Z Punch punch:E0@2026-03-02T09:00:00Z/2026-03-02T17:00:00Z"]
    );
    assert_eq!(findings, [""; 0]);
    e.accounts[0].team = None;
    assert_eq!(e.who().len(), 2, "an account that names no team is served by everybody");
    e.accounts[0].team = Some("north".into());
    assert_eq!(e.who().len(), 2, "a team holds the units below it");
    e.accounts[0].team = Some("nor".into());
    assert_eq!(e.lines(), (vec![], vec!["NO_DUTY_EVIDENCE JD/shop/a0".into()]), "but not those that begin alike");
}

#[test]
fn one_roster_row_of_the_period_switches_the_punches_of_others_off() {
    let e = march_2nd()
        .shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z")
        .punch_in(1, "2026-03-02T08:00:00Z")
        .punch_out(1, "2026-03-02T17:00:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T08:45:00Z..2026-03-02T10:15:00Z Roster"]);
    let mut another_month = e.clone();
    another_month.shifts[0].start = at("2026-03-03T00:00:00Z");
    another_month.shifts[0].end = at("2026-03-03T01:00:00Z");
    assert_eq!(another_month.who()[0], "E1 2026-03-02T08:00:00Z..2026-03-02T17:00:00Z Punch");
}

#[test]
fn punches_pair_within_16_hours_and_a_second_in_closes_the_first() {
    let e = march_2nd()
        .punch_in(0, "2026-03-02T06:00:00Z")
        .punch_in(0, "2026-03-02T08:00:00Z")
        .punch_out(0, "2026-03-02T12:00:00Z")
        .punch_out(0, "2026-03-02T12:30:00Z")
        .punch_in(1, "2026-03-02T01:00:00Z")
        .punch_out(1, "2026-03-02T17:00:01Z");
    let (rows, findings) = e.lines();
    assert_eq!(
        rows,
        ["E0 2026-03-02T06:00:00Z..2026-03-02T12:00:00Z Punch \
          punch:E0@2026-03-02T06:00:00Z/2026-03-02T08:00:00Z+punch:E0@2026-03-02T08:00:00Z/2026-03-02T12:00:00Z"]
    );
    assert_eq!(findings, ["MISSING_PUNCH E1", "DOUBLE_IN E0", "MISSING_PUNCH E0", "MISSING_PUNCH E1"]);
}

#[test]
fn an_in_whose_out_may_still_come_is_not_said_to_lack_one() {
    let said = |e: &Evidence| -> Vec<String> {
        let findings = derive(e).unwrap().findings.into_iter();
        let of = findings.filter(|f| f.kind == FindingKind::MissingPunch);
        of.map(|f| tally_i18n::text(tally_kernel::Locale::En, &f.detail)).collect()
    };
    let running = march_2nd().punch_in(0, "2026-03-02T22:00:00Z").punch_in(1, "2026-03-02T23:30:00Z");
    let ends = "and the punches end at 2026-03-02T23:30:00+00:00 without an out; that makes no presence";
    let both = ["E0's punch at 2026-03-02T22:00:00+00:00", "E1's punch at 2026-03-02T23:30:00+00:00"];
    let of_day = "and a shift of its working day counts only where a pair of punches covers it";
    assert_eq!(said(&running), both.map(|begin| format!("{begin} counts as an in, {ends}, {of_day}")));
    let over = running.punch_out(1, "2026-03-03T15:00:00Z");
    let late = "E0's punch at 2026-03-02T22:00:00+00:00 counts as an in, and no out follows within 16 h; that makes no presence";
    assert_eq!(said(&over), [format!("{late}, {of_day}")]);
    assert!(said(&march_2nd().punch_in(0, "2026-03-02T22:00:00Z").by_version_1())[0].contains("within 16 h"));
}

#[test]
fn a_pair_of_exactly_16_hours_is_one_and_the_numbers_can_be_changed() {
    let e = march_2nd().punch_in(0, "2026-03-02T01:00:00Z").punch_out(0, "2026-03-02T17:00:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T01:00:00Z..2026-03-02T17:00:00Z Punch"]);
    let mut shorter = e.clone();
    shorter.policy.longest = SignedDuration::from_hours(15);
    assert_eq!(shorter.who(), [""; 0]);
}

#[test]
fn an_account_without_any_evidence_is_the_whole_teams_with_one_loud_finding() {
    let mut e = march_2nd();
    e.accounts[0].team = Some("north/a".into());
    let (rows, findings) = e.lines();
    assert_eq!(
        rows,
        ["E0 2026-03-01T00:00:00Z..2026-03-04T00:00:00Z Team ", "E1 2026-03-01T00:00:00Z..2026-03-04T00:00:00Z Team "]
    );
    assert_eq!(findings, ["NO_DUTY_EVIDENCE JD/shop/a0"]);
    let detail = tally_i18n::text(tally_kernel::Locale::En, &derive(&e).unwrap().findings.remove(0).detail);
    assert!(detail.contains("its whole team counts as on duty (north/a, people: 2)"), "{detail}");
}

#[test]
fn any_punch_or_hand_over_of_the_period_ends_the_rule_of_the_whole_team() {
    let hidden = |e: Evidence| (e.who().is_empty(), e.lines().1.contains(&"UNHELD_ACCOUNT JD/shop/a0".to_owned()));
    assert_eq!(hidden(march_2nd().punch_in(2, "2026-03-02T08:00:00Z")), (true, true));
    assert_eq!(hidden(march_2nd().release(2, "2026-03-02T08:00:00Z")), (true, true));
    let mut other_team = march_2nd().punch_in(2, "2026-03-02T08:00:00Z");
    other_team.accounts[0].team = Some("north/a".into());
    assert_eq!(other_team.who().len(), 2, "a punch of another team says nothing about this account");
    let before = march_2nd().punch_in(0, "2026-02-28T08:00:00Z").punch_out(0, "2026-02-28T09:00:00Z");
    assert_eq!(before.who().len(), 3, "nor does one of another month");
}

#[test]
fn nobody_is_on_duty_beyond_the_dates_of_employment_in_the_persons_own_zone() {
    let mut e = march_2nd().take(0, "2026-03-02T08:00:00Z").release(0, "2026-03-03T08:00:00Z");
    e.people[0].zone = tally_kernel::time::zone("Asia/Shanghai").unwrap();
    e.people[0].employments[0].to = Some("2026-03-02".parse().unwrap());
    // The last day ends at midnight in Shanghai.
    assert_eq!(e.who(), ["E0 2026-03-02T08:00:00Z..2026-03-02T16:00:00Z Handover"]);
    e.people[0].employments[0].from = "2026-03-03".parse().unwrap();
    e.people[0].employments[0].to = None;
    assert_eq!(e.who(), ["E0 2026-03-02T16:00:00Z..2026-03-03T08:00:00Z Handover"]);
}

#[test]
fn a_move_to_another_team_in_the_month_moves_the_punches_that_count() {
    let mut e = world("UTC", "2026-03-02", "2026-03-03", &["north/a"]);
    e.accounts[0].team = Some("north/a".into());
    e.people[0].employments[0].to = Some("2026-03-02".parse().unwrap());
    let moved = Employment { from: "2026-03-03".parse().unwrap(), to: None, units: paths("north/b") };
    e.people[0].employments.push(moved);
    let e = e.punch_in(0, "2026-03-02T20:00:00Z").punch_out(0, "2026-03-03T04:00:00Z");
    assert_eq!(e.who(), ["E0 2026-03-02T20:00:00Z..2026-03-03T00:00:00Z Punch"]);
}

#[test]
fn two_holders_of_an_exclusive_account_are_an_overlap_and_of_a_shared_one_are_not() {
    let mut e = march_2nd()
        .take(0, "2026-03-02T08:00:00Z")
        .release(0, "2026-03-02T12:00:00Z")
        .take(1, "2026-03-02T11:00:00Z")
        .release(1, "2026-03-02T15:00:00Z");
    assert_eq!(e.lines().1, [""; 0]);
    e.accounts[0].exclusive = true;
    assert_eq!(e.lines().1, ["OVERLAP JD/shop/a0"]);
    assert_eq!(e.who().len(), 2, "a finding takes nothing away");
    let detail = tally_i18n::text(tally_kernel::Locale::En, &derive(&e).unwrap().findings.remove(0).detail);
    assert!(
        detail
            .starts_with("E0 and E1 both held JD/shop/a0 from 2026-03-02T11:00:00+00:00 to 2026-03-02T12:00:00+00:00"),
        "{detail}"
    );
}

#[test]
fn a_forgotten_release_that_runs_into_somebody_elses_take_is_an_overlap() {
    let e =
        march_2nd().take(0, "2026-03-02T08:00:00Z").take(1, "2026-03-02T11:00:00Z").release(1, "2026-03-02T15:00:00Z");
    assert_eq!(e.lines().1, ["MISSING_RELEASE JD/shop/a0", "OVERLAP JD/shop/a0"]);
}

#[test]
fn a_night_of_changing_clocks_is_rostered_for_the_hours_it_has() {
    let hours = |zone: &str, day: &str, start: &str, end: &str| {
        let e = world(zone, day, day, &["north/a"]).shift(0, 0, start, end);
        let duty = derive(&e).unwrap();
        let rows = &duty.accounts[0].rows;
        rows.iter().map(|r| r.end.as_second() - r.start.as_second()).sum::<i64>() - 2 * 15 * 60
    };
    // 22:00 to 06:00 by the clock on the wall.
    assert_eq!(hours("Europe/Berlin", "2026-03-28", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"), 7 * 3600);
    assert_eq!(hours("Europe/Berlin", "2026-10-24", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"), 9 * 3600);
    assert_eq!(hours("Australia/Lord_Howe", "2026-04-04", "2026-04-04T11:00:00Z", "2026-04-04T19:30:00Z"), 17 * 1800);
}

#[test]
fn facts_of_unknown_people_and_backwards_shifts_count_for_nothing() {
    let e = march_2nd().take(9, "2026-03-02T08:00:00Z").punch_in(9, "2026-03-02T08:00:00Z").shift(
        0,
        0,
        "2026-03-02T09:00:00Z",
        "2026-03-02T09:00:00Z",
    );
    assert_eq!(e.lines().0, [""; 0]);
    let rostered = march_2nd().shift(9, 0, "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z");
    assert_eq!(rostered.lines().1, ["UNHELD_ACCOUNT JD/shop/a0"], "a roster names the account, whoever it was");
}

#[test]
fn a_month_of_200_people_on_20_accounts_holds_together() {
    let e = month(200, 20);
    let duty = derive(&e).unwrap();
    assert_eq!(duty.accounts.len(), 20);
    let rows: usize = duty.accounts.iter().map(|a| a.rows.len()).sum();
    assert!(rows >= 200 * 20, "{rows}");
    assert_eq!(duty.findings, []);
}

/// Twenty working days in Shanghai; each person punches and is rostered on one account of half of them.
fn month(people: usize, accounts: usize) -> Evidence {
    let units: Vec<String> = (0..people).map(|n| format!("north/t{}", n % accounts)).collect();
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let mut e = world("Asia/Shanghai", "2026-03-01", "2026-03-31", &units);
    let zone = e.accounts[0].zone.clone();
    e.accounts =
        (0..accounts).map(|n| DutyAccount::new(account(n), format!("JD/shop/a{n:02}"), zone.clone())).collect();
    for (n, a) in e.accounts.iter_mut().enumerate() {
        a.team = (n % 2 == 0).then(|| format!("north/t{n}"));
    }
    for day in 1..=20 {
        for who in 0..people {
            let start = at(&format!("2026-03-{day:02}T{:02}:00:00Z", who % 14));
            let end = start + SignedDuration::from_hours(8);
            if (who % accounts).is_multiple_of(2) {
                e.shifts.push(Shift {
                    person: person(who),
                    account: account(who % accounts),
                    start,
                    end,
                    correction: None,
                });
            }
            e.punches.push(Punch { person: person(who), at: start, kind: PunchKind::In, correction: None });
            e.punches.push(Punch { person: person(who), at: end, kind: PunchKind::Out, correction: None });
        }
    }
    e
}

#[test]
fn a_large_month_is_derived_whole_and_the_same_again() {
    let e = month(200, 20);
    let rows = |duty: &Duty| duty.accounts.iter().map(|a| a.rows.len()).sum::<usize>();
    let (first, again) = (derive(&e).unwrap(), derive(&e).unwrap());
    assert!(rows(&first) > 1_000);
    assert_eq!(rows(&first), rows(&again));
}
