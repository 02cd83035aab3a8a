//! What version 2 of the rules says where version 1 said something else: which punches are of which shift.

use super::world::world;
use super::*;

fn march() -> Evidence {
    world("UTC", "2026-03-02", "2026-03-04", &["north/a", "north/a"])
}

/// Nights of the 2nd and the 3rd.
fn two_nights() -> Evidence {
    march().shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z").shift(
        0,
        0,
        "2026-03-03T22:00:00Z",
        "2026-03-04T06:00:00Z",
    )
}

const FIRST: &str = "E0 2026-03-02T21:52:00Z..2026-03-03T06:05:00Z Roster";
const SECOND: &str = "E0 2026-03-03T21:45:00Z..2026-03-04T06:15:00Z Roster";

#[test]
fn an_out_that_closes_the_night_before_is_no_punch_of_the_night_to_come() {
    let e = two_nights().punch_in(0, "2026-03-02T21:52:00Z").punch_out(0, "2026-03-03T06:05:00Z");
    assert_eq!(e.who(), [FIRST, SECOND]);
    assert_eq!(e.by_version_1().who(), [FIRST], "as months were closed before");
}

#[test]
fn a_late_out_and_an_early_in_go_with_their_night_however_far_past_the_cut_over() {
    let late = two_nights().punch_in(0, "2026-03-02T21:00:00Z").punch_out(0, "2026-03-03T11:40:00Z");
    let first = "E0 2026-03-02T21:45:00Z..2026-03-03T06:15:00Z Roster";
    assert_eq!(late.who(), [first, SECOND]);
    let a_break = two_nights()
        .punch_in(0, "2026-03-02T21:52:00Z")
        .punch_out(0, "2026-03-03T04:30:00Z")
        .punch_in(0, "2026-03-03T05:00:00Z")
        .punch_out(0, "2026-03-03T06:05:00Z");
    assert_eq!(a_break.who().len(), 3, "a break after the cut-over is of the same night");
    assert_eq!(a_break.who()[2], SECOND);
}

#[test]
fn an_out_whose_in_is_missing_is_of_the_shift_that_it_ends() {
    for out in ["2026-03-03T05:58:00Z", "2026-03-03T06:05:00Z", "2026-03-03T06:40:00Z", "2026-03-03T13:00:00Z"] {
        let e = two_nights().punch_out(0, out);
        assert_eq!(e.who(), [SECOND], "the first night has a punch and no pair, {out}");
        assert_eq!(e.lines().1, ["UNCOVERED_SHIFT E0", "MISSING_PUNCH E0"]);
    }
    let twice = two_nights()
        .punch_in(0, "2026-03-02T21:52:00Z")
        .punch_out(0, "2026-03-03T06:05:00Z")
        .punch_out(0, "2026-03-03T06:06:00Z");
    assert_eq!(twice.who(), [FIRST, SECOND], "a second out is of the same shift as the first");
}

#[test]
fn an_in_whose_out_is_missing_speaks_against_its_own_shift_only() {
    let first = two_nights().punch_in(0, "2026-03-02T21:52:00Z");
    assert_eq!(first.who(), [SECOND]);
    let second = two_nights()
        .punch_in(0, "2026-03-02T21:52:00Z")
        .punch_out(0, "2026-03-03T06:05:00Z")
        .punch_in(0, "2026-03-03T21:20:00Z");
    assert_eq!(second.who(), [FIRST], "too early for the grace, but of that working day");
}

#[test]
fn a_shift_that_a_day_of_other_punches_takes_away_is_told_and_nobody_elses_is_touched() {
    let e = march()
        .shift(0, 0, "2026-03-03T22:00:00Z", "2026-03-04T06:00:00Z")
        .shift(1, 0, "2026-03-03T22:00:00Z", "2026-03-04T06:00:00Z")
        .punch_in(1, "2026-03-03T09:00:00Z")
        .punch_out(1, "2026-03-03T17:00:00Z");
    let (rows, told) = e.lines();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("E0 2026-03-03T21:45:00Z..2026-03-04T06:15:00Z Roster"), "{rows:?}");
    assert_eq!(told, ["UNCOVERED_SHIFT E1"]);
    assert_eq!(e.by_version_1().lines().1, [""; 0], "as months were closed before");
}

#[test]
fn a_day_shift_after_the_night_counts_by_roster_when_only_the_night_was_punched() {
    let e = march()
        .shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z")
        .shift(0, 0, "2026-03-03T14:00:00Z", "2026-03-03T22:00:00Z")
        .punch_in(0, "2026-03-02T21:52:00Z")
        .punch_out(0, "2026-03-03T06:05:00Z");
    assert_eq!(e.who(), [FIRST, "E0 2026-03-03T13:45:00Z..2026-03-03T22:15:00Z Roster"]);
}

#[test]
fn two_shifts_of_one_working_day_share_their_punches() {
    let split = march()
        .shift(0, 0, "2026-03-02T06:00:00Z", "2026-03-02T10:00:00Z")
        .shift(0, 0, "2026-03-02T18:00:00Z", "2026-03-02T22:00:00Z")
        .punch_in(0, "2026-03-02T05:55:00Z")
        .punch_out(0, "2026-03-02T10:05:00Z");
    assert_eq!(split.who(), ["E0 2026-03-02T05:55:00Z..2026-03-02T10:05:00Z Roster"], "not back that evening");
    assert_eq!(split.who(), split.by_version_1().who());
}

#[test]
fn one_pair_over_a_double_shift_is_of_both_also_across_the_cut_over() {
    let double = || {
        march().shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z").shift(
            0,
            0,
            "2026-03-03T06:00:00Z",
            "2026-03-03T14:00:00Z",
        )
    };
    let left = double().punch_in(0, "2026-03-02T21:52:00Z").punch_out(0, "2026-03-03T10:00:00Z");
    assert_eq!(
        left.who(),
        ["E0 2026-03-02T21:52:00Z..2026-03-03T10:00:00Z Roster"],
        "left in the middle of the second"
    );
    let late = double().punch_in(0, "2026-03-02T21:52:00Z").punch_out(0, "2026-03-03T06:05:00Z");
    assert_eq!(
        late.who(),
        ["E0 2026-03-02T21:52:00Z..2026-03-03T14:15:00Z Roster"],
        "an out within the grace is of the shift that ends"
    );
    let early = double().punch_in(0, "2026-03-03T05:52:00Z").punch_out(0, "2026-03-03T14:05:00Z");
    assert_eq!(
        early.who(),
        ["E0 2026-03-02T21:45:00Z..2026-03-03T14:05:00Z Roster"],
        "an in within the grace is of the shift that begins"
    );
}

#[test]
fn an_in_before_the_cut_over_for_a_shift_after_it_is_a_punch_of_that_shift() {
    let early = march().shift(0, 0, "2026-03-02T04:30:00Z", "2026-03-02T12:30:00Z");
    let early = early.punch_in(0, "2026-03-02T03:40:00Z").punch_out(0, "2026-03-02T09:00:00Z");
    assert_eq!(early.who(), ["E0 2026-03-02T04:15:00Z..2026-03-02T09:00:00Z Roster"]);
}

#[test]
fn shifts_on_two_accounts_at_once_share_a_pair() {
    let mut e = march()
        .shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z")
        .shift(0, 1, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z")
        .punch_in(0, "2026-03-02T21:52:00Z")
        .punch_out(0, "2026-03-03T02:00:00Z");
    e.accounts.push(DutyAccount::new(super::world::account(1), "JD/shop/a1", jiff::tz::TimeZone::UTC));
    for occupied in derive(&e).unwrap().accounts {
        assert_eq!(occupied.rows.len(), 1);
        assert_eq!(occupied.rows[0].end, super::world::at("2026-03-03T02:00:00Z"));
    }
}

/// The first person is away from the 1st to the 5th.
fn away(mut e: Evidence) -> Evidence {
    let day = |n| jiff::civil::date(2026, 3, n);
    let after = Employment { from: day(6), ..e.people[0].employments[0].clone() };
    e.people[0].employments[0].to = Some(day(1).yesterday().unwrap());
    e.people[0].employments.push(after);
    e
}

#[test]
fn what_somebody_does_who_is_not_employed_takes_nothing_from_the_team_and_is_told() {
    let team = ["E1 2026-03-01T00:00:00Z..2026-03-06T00:00:00Z Team"];
    let shift = away(march()).shift(0, 0, "2026-03-03T09:00:00Z", "2026-03-03T18:00:00Z");
    let take = away(march()).take(0, "2026-03-03T09:00:00Z").release(0, "2026-03-03T18:00:00Z");
    let punch = away(march()).punch_in(0, "2026-03-03T09:00:00Z").punch_out(0, "2026-03-03T18:00:00Z");
    for (e, subject) in [(shift, "E0"), (take, "JD/shop/a0"), (punch, "E0")] {
        assert_eq!(e.who(), team, "{:?}", e.lines());
        assert_eq!(e.lines().1, ["NO_DUTY_EVIDENCE JD/shop/a0".to_owned(), format!("NOT_EMPLOYED {subject}")]);
    }
    let before = away(march()).shift(0, 0, "2026-03-03T09:00:00Z", "2026-03-03T18:00:00Z").by_version_1();
    assert_eq!(before.lines(), (vec![], vec!["UNHELD_ACCOUNT JD/shop/a0".to_owned()]), "as months were closed before");
}

#[test]
fn a_night_that_ends_after_the_last_day_is_no_strange_one() {
    let mut e = march().shift(0, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z");
    e.people[0].employments[0].to = Some(jiff::civil::date(2026, 3, 2));
    let e = e.punch_in(0, "2026-03-02T21:50:00Z").punch_out(0, "2026-03-03T06:05:00Z");
    assert_eq!(e.lines().1, [""; 0]);
}

/// A day and the night after it, minutes apart, and a colleague who is rostered for the night.
fn day_and_night(start_of_night: &str) -> Evidence {
    let night = format!("2026-03-02T{start_of_night}:00Z");
    march()
        .shift(0, 0, "2026-03-02T14:00:00Z", "2026-03-02T22:00:00Z")
        .shift(0, 0, &night, "2026-03-03T06:00:00Z")
        .shift(1, 0, "2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z")
}

#[test]
fn a_night_that_presence_of_the_shift_before_only_touches_is_told() {
    // The grace of the night alone is covered; or that before it, which is of the day as well, and 5 minutes of it.
    let (edge, other) =
        ("covers any of its planned time; no more than 5 min", "belong to another one; no more than 20 min");
    for (start, why) in [("22:15", edge), ("22:00", other)] {
        let day = || day_and_night(start).punch_in(0, "2026-03-02T14:00:00Z").punch_out(0, "2026-03-02T22:05:00Z");
        let no_in = day().punch_out(0, "2026-03-03T06:00:00Z");
        let no_out = day().punch_in(0, "2026-03-02T22:15:00Z");
        for (e, missing) in [(day(), 0), (no_in, 1), (no_out, 1)] {
            let (rows, told) = e.lines();
            assert_eq!(rows.iter().filter(|row| row.starts_with("E0")).count(), 1, "credited as before: {rows:?}");
            assert!(rows[0].starts_with("E0 2026-03-02T14:00:00Z..2026-03-02T22:05:00Z"), "{rows:?}");
            assert_eq!(told.iter().filter(|line| *line == "BARELY_COVERED_SHIFT E0").count(), 1, "{told:?}");
            assert_eq!(told.iter().filter(|line| *line == "MISSING_PUNCH E0").count(), missing, "{told:?}");
            let findings = derive(&e).unwrap().findings;
            let found = findings.iter().find(|f| f.kind == FindingKind::BarelyCoveredShift).unwrap();
            let said = tally_i18n::text(tally_kernel::Locale::En, &found.detail);
            assert!(said.contains(why), "{said}");
            assert!(!e.by_version_1().lines().1.contains(&"BARELY_COVERED_SHIFT E0".to_owned()));
        }
    }
}

#[test]
fn a_day_and_a_night_that_were_both_served_are_not_told_whatever_was_punched_between() {
    let base = || day_and_night("22:15").punch_in(0, "2026-03-02T14:00:00Z");
    let whole = base().punch_out(0, "2026-03-03T06:00:00Z");
    let in_again = base().punch_in(0, "2026-03-02T22:15:00Z").punch_out(0, "2026-03-03T06:00:00Z");
    let all = base()
        .punch_out(0, "2026-03-02T22:05:00Z")
        .punch_in(0, "2026-03-02T22:15:00Z")
        .punch_out(0, "2026-03-03T06:00:00Z");
    for (e, told) in [(whole, &[][..]), (in_again, &["DOUBLE_IN E0"]), (all, &[])] {
        assert_eq!(e.lines().1, told);
    }
}

#[test]
fn a_shift_whose_account_only_others_held_is_told_and_one_that_is_held_in_part_is_not() {
    let shift = || march().shift(0, 0, "2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z").take(1, "2026-03-02T08:00:00Z");
    let whole = shift().release(1, "2026-03-02T18:00:00Z");
    assert_eq!(whole.lines().1, ["HELD_BY_OTHERS E0"]);
    assert_eq!(whole.by_version_1().lines().1, [""; 0], "as months were closed before");
    let part = shift().release(1, "2026-03-02T16:00:00Z");
    assert_eq!(part.lines().1, [""; 0]);
}

/// A day on which the account is taken at nine and given back at five.
fn held_day() -> Evidence {
    march()
        .take(0, "2026-03-03T09:00:00Z")
        .release(0, "2026-03-03T17:00:00Z")
        .punch_in(0, "2026-03-03T09:00:00Z")
        .punch_out(0, "2026-03-03T12:00:00Z")
}

#[test]
fn a_punched_break_ends_a_stretch_by_punches_and_by_roster_under_all_rules() {
    let punched = march()
        .punch_in(0, "2026-03-03T09:00:00Z")
        .punch_out(0, "2026-03-03T12:00:00Z")
        .punch_in(0, "2026-03-03T12:30:00Z")
        .punch_out(0, "2026-03-03T17:00:00Z");
    let rows = |rule: &str| {
        let [before, after] = ["09:00:00Z..2026-03-03T12:00:00Z", "12:30:00Z..2026-03-03T17:00:00Z"];
        [format!("E0 2026-03-03T{before} {rule}"), format!("E0 2026-03-03T{after} {rule}")]
    };
    let rostered = punched.clone().shift(0, 0, "2026-03-03T09:00:00Z", "2026-03-03T17:00:00Z");
    for version in [Version::V1, Version::V2, Version::V3] {
        let by = |e: &Evidence| Evidence { policy: Policy { version, ..Policy::default() }, ..e.clone() }.who();
        assert_eq!(by(&punched), rows("Punch"), "{version:?}");
        assert_eq!(by(&rostered), rows("Roster"), "{version:?}");
    }
}

#[test]
fn a_punched_break_ends_a_stretch_within_a_hold_since_version_3() {
    let whole = ["E0 2026-03-03T09:00:00Z..2026-03-03T17:00:00Z Handover"];
    let before = "E0 2026-03-03T09:00:00Z..2026-03-03T12:00:00Z Handover";
    let after = "E0 2026-03-03T12:30:00Z..2026-03-03T17:00:00Z Handover";
    let broken = held_day().punch_in(0, "2026-03-03T12:30:00Z").punch_out(0, "2026-03-03T17:00:00Z");
    assert_eq!(broken.who(), [before, after]);
    let mut as_before = broken.clone();
    as_before.policy.version = Version::V2;
    assert_eq!(as_before.who(), whole, "as months were closed before");
    assert_eq!(broken.clone().by_version_1().who(), whole);
    // Who is there meanwhile serves the account by the next rule.
    let other = broken.shift(1, 0, "2026-03-03T08:00:00Z", "2026-03-03T18:00:00Z");
    assert_eq!(other.who()[2], "E1 2026-03-03T12:00:00Z..2026-03-03T12:30:00Z Roster");
    assert_eq!(held_day().who(), whole, "nobody came back: a punch-in may be missing");
    let late = held_day().punch_in(0, "2026-03-03T18:00:00Z").punch_out(0, "2026-03-03T19:00:00Z");
    assert_eq!(late.who()[0], whole[0], "back after the hold");
    let lone = held_day().punch_in(0, "2026-03-03T12:30:00Z");
    assert_eq!(lone.who(), [before, after], "the out that ends the day was forgotten");
    let at_once = held_day().punch_in(0, "2026-03-03T12:00:00Z").punch_out(0, "2026-03-03T17:00:00Z");
    assert_eq!(at_once.who(), whole, "out and in at once");
    let days = march()
        .take(0, "2026-03-02T09:00:00Z")
        .release(0, "2026-03-04T17:00:00Z")
        .punch_out(0, "2026-03-02T17:00:00Z")
        .punch_in(0, "2026-03-04T09:00:00Z");
    assert_eq!(days.who(), ["E0 2026-03-02T09:00:00Z..2026-03-04T17:00:00Z Handover"], "longer than any stretch");
}
