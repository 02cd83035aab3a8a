use jiff::civil::date;
use proptest::prelude::*;
use tally_i18n::text;
use tally_kernel::Locale;

use super::*;

fn timing(zone: &str, day: i8, time: &str) -> Timing {
    Timing { zone: zone.to_owned(), day, time: time.parse().unwrap() }
}

fn month(year: i16, month: i8) -> Period {
    Period::month_of(date(year, month, 1))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(timing: Timing) -> Schedule {
    let said = Said {
        unit: None,
        name: "North".to_owned(),
        scheme: SchemeId(Uuid::from_u128(1)),
        scheme_version: 0,
        population: None,
        policy: Policy::default(),
        timing,
        dry_first: true,
        delay_minutes: 60,
        run_from_above: false,
    };
    Schedule {
        id: Uuid::from_u128(2),
        owner: Owner::group(),
        said,
        maker: PrincipalId(Uuid::from_u128(3)),
        next: month(2026, 3),
        next_at: at("2026-04-05T18:00:00Z"),
        failure: None,
        deleted: false,
        version: 1,
    }
}

#[test]
fn a_month_is_closed_on_a_day_of_the_next_by_the_clock_of_the_zone() {
    let fifth = timing("Asia/Shanghai", 6, "02:00:00");
    assert_eq!(fifth.fires_at(month(2026, 3)).unwrap(), at("2026-04-05T18:00:00Z"));
    assert_eq!(fifth.fires_at(month(2025, 12)).unwrap(), at("2026-01-05T18:00:00Z"));
    assert_eq!(fifth.next_after(at("2026-04-05T17:59:59Z")).unwrap().0, month(2026, 3));
    assert_eq!(fifth.next_after(at("2026-04-05T18:00:00Z")).unwrap().0, month(2026, 4), "that instant is over");
}

#[test]
fn a_day_that_the_month_does_not_have_is_its_last() {
    let last = timing("UTC", 31, "12:00:00");
    for (closed, on) in
        [((2026, 1), "2026-02-28"), ((2028, 1), "2028-02-29"), ((2026, 3), "2026-04-30"), ((2026, 4), "2026-05-31")]
    {
        assert_eq!(last.fires_at(month(closed.0, closed.1)).unwrap(), at(&format!("{on}T12:00:00Z")));
    }
}

#[test]
fn a_time_that_the_clocks_skip_is_later_and_of_one_that_comes_twice_it_is_the_first() {
    // Berlin: forward on 2026-03-29 from 2 to 3, back on 2026-10-25 from 3 to 2.
    let skipped = timing("Europe/Berlin", 29, "02:30:00");
    assert_eq!(skipped.fires_at(month(2026, 2)).unwrap(), at("2026-03-29T01:30:00Z"), "03:30 by the new clock");
    let twice = timing("Europe/Berlin", 25, "02:30:00");
    assert_eq!(twice.fires_at(month(2026, 9)).unwrap(), at("2026-10-25T00:30:00Z"));
    assert!(timing("Mars/Olympus", 1, "02:30:00").fires_at(month(2026, 9)).is_err());
}

#[test]
fn what_was_missed_is_begun_from_the_oldest_on_and_no_more_than_a_year_of_it() {
    let first = timing("UTC", 1, "00:00:00");
    let due = |from: Period, now: &str| first.due(from, at(now)).unwrap();
    assert_eq!(due(month(2026, 3), "2026-04-01T00:00:00Z"), (month(2026, 3), 0));
    assert_eq!(due(month(2026, 3), "2026-06-15T00:00:00Z"), (month(2026, 3), 0), "three are due, the oldest first");
    assert_eq!(due(month(2026, 3), "2027-03-01T00:00:00Z"), (month(2026, 3), 0), "twelve");
    assert_eq!(due(month(2026, 3), "2027-05-02T00:00:00Z"), (month(2026, 5), 2));
}

#[test]
fn a_run_goes_from_state_to_state_and_says_so_in_both_languages() {
    let of = schedule(timing("Asia/Shanghai", 6, "02:00:00"));
    let now = at("2026-06-05T18:00:00Z");
    let run = Run::begin(Uuid::from_u128(9), &of, (of.next, of.next_at), now, 2);
    assert_eq!((run.name.as_str(), run.state, run.log.len()), ("North 2026-03", State::Looking, 2));
    let found = Looked {
        people: Some(12),
        accounts: 3,
        records: 450,
        findings: [("MISSING_PUNCH".to_owned(), 2)].into(),
        ..Looked::default()
    };
    let waiting = run.clone().looked(&found, at("2026-06-05T19:00:00Z"), now);
    assert_eq!((waiting.state, waiting.next_at), (State::Waiting, Some(at("2026-06-05T19:00:00Z"))));
    assert_eq!(run.clone().looked(&found, now, now).state, State::Looking, "it closes at once");
    let stopped = waiting.clone().stopped(msg!("SCHEDULE_STOPPED"), now).unwrap();
    assert_eq!((stopped.state, stopped.next_at), (State::Stopped, None));
    let again = stopped.clone().again(now).unwrap();
    assert_eq!((again.state, again.attempt, again.next_at), (State::Looking, 2, Some(now)));
    assert_eq!(again.again(now), Err(ScheduleError::MonthThere));
    assert_eq!(stopped.stopped(msg!("SCHEDULE_STOPPED"), now), Err(ScheduleError::RunEnded));
    let closing = waiting.closes(&found, now).of_cycle(CycleId(Uuid::from_u128(7)), now);
    assert_eq!(closing.clone().stopped(msg!("SCHEDULE_STOPPED"), now), Err(ScheduleError::RunCloses));
    let failed = closing.clone().failed(Failure::NoRecords { period: of.next, part: false }, now);
    assert_eq!((failed.state, failed.version), (State::Failed, 5));
    let left = closing.left(now);
    let what = msg!("SCHEDULE_AWAITS_RUN", from = of.next.from(), to = of.next.to());
    let above = Looked { above: Some(Above::Awaited(what.clone())), may_lack: Some(what.clone()), ..found.clone() };
    let awaits = run.looked(&above, now, now).awaits(&what, now);
    assert!((awaits.state, awaits.next_at) == (State::Waiting, None) && awaits.says(&what));
    let there = Looked { above: Some(Above::There(AttributionRunId(Uuid::from_u128(8)))), ..found };
    let once_more = failed.clone().again(now).unwrap().closes(&there, now);
    assert_eq!(once_more.cycle, failed.cycle, "the cycle that failed is taken up again");
    for line in failed.log.iter().chain(&left.log).chain(&awaits.log).chain(&once_more.log) {
        let told = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &line.said));
        assert!(told[0] != told[1] && !told[0].contains("SCHEDULE_"), "{told:?}");
    }
    let told = text(Locale::En, &failed.log[2].said);
    assert!(told.contains("12 people") && told.contains("450") && told.contains("MISSING_PUNCH 2"), "{told}");
}

#[test]
fn a_month_is_begun_by_hand_once_it_is_over_in_the_zone_of_the_schedule() {
    let of = schedule(timing("Asia/Shanghai", 6, "02:00:00"));
    let reason = of.by_hand(month(2026, 3), at("2026-03-31T15:59:59Z")).unwrap_err();
    assert_eq!(reason.reason(), "SCHEDULE_MONTH_NOT_OVER");
    assert_eq!(of.by_hand(month(2026, 3), at("2026-03-31T16:00:00Z")).unwrap(), (of.next, of.next_at));
}

#[test]
fn the_stored_words_of_states_are_these() {
    tally_testkit::words([
        (State::Looking, "looking"),
        (State::Waiting, "waiting"),
        (State::Closing, "closing"),
        (State::Done, "done"),
        (State::Failed, "failed"),
        (State::Stopped, "stopped"),
    ]);
}

proptest! {
    #[test]
    fn months_follow_each_other_and_none_is_closed_twice(
        day in 1..=31_i8, hour in 0..24_i8, start in 1_600_000_000..2_000_000_000_i64,
        zone in prop::sample::select(vec!["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
    ) {
        let timing = Timing { zone: zone.to_owned(), day, time: Time::constant(hour, 30, 0, 0) };
        let now = Timestamp::from_second(start).unwrap();
        let (first, mut before) = timing.next_after(now).unwrap();
        prop_assert!(before > now);
        let mut month = first;
        for _ in 0..14 {
            prop_assert_eq!(timing.next_after(before - jiff::SignedDuration::from_secs(1)).unwrap(), (month, before));
            month = after(month).unwrap();
            let next = timing.fires_at(month).unwrap();
            prop_assert!(next > before && next > now);
            before = next;
        }
    }
}

#[test]
fn what_is_due_stays_due_whatever_a_schedule_says_from_then_on() {
    let due = schedule(timing("Asia/Shanghai", 6, "02:00:00"));
    let maker = PrincipalId(Uuid::from_u128(4));
    for (day, next_at) in [(3, "2026-04-02T18:00:00Z"), (6, "2026-04-05T18:00:00Z"), (31, "2026-04-29T18:00:00Z")] {
        let said = Said { timing: timing("Asia/Shanghai", day, "02:00:00"), ..due.said.clone() };
        let after = due.clone().said(said, maker).unwrap();
        assert_eq!((after.next, after.next_at, after.maker, after.version), (month(2026, 3), at(next_at), maker, 2));
    }
}
