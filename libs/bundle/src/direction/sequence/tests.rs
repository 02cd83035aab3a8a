use jiff::tz::TimeZone;

use super::super::super::model::{AccountIx, GivenPunch, PersonIx, Roster};
use super::super::direct;
use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn read_by(version: u32, how: Punches, times: &[String], rosters: &[Roster]) -> (Vec<String>, Vec<String>) {
    let given: Vec<_> = times.iter().map(|t| GivenPunch { person: PersonIx(0), at: at(t), kind: None }).collect();
    let longest = SignedDuration::from_hours(16);
    let around = Around { how, rosters, cut_over: jiff::civil::time(4, 0, 0, 0), longest, version };
    let (found, odd) = direct(&given, &TimeZone::UTC, &around);
    let told = |at: Timestamp| at.to_string()[8..16].to_owned();
    let pairs = found.windows(2).filter(|two| (two[0].kind, two[1].kind) == (PunchKind::In, PunchKind::Out));
    let odd = odd.iter().map(|odd| match odd {
        Odd::Alone { at, .. } => format!("alone {}", told(*at)),
        Odd::Long { from, .. } => format!("long {}", told(*from)),
        Odd::Night { from, .. } => format!("night {}", told(*from)),
        Odd::EitherWay { day, to } => format!("either {} {}", day.day(), to.day()),
        other => format!("{other:?}"),
    });
    (pairs.map(|two| format!("{}-{}", told(two[0].at), told(two[1].at))).collect(), odd.collect())
}

fn read(times: &[&str]) -> (Vec<String>, Vec<String>) {
    let times: Vec<_> = times.iter().map(|t| (*t).to_owned()).collect();
    let of_day = |day: &str| times.iter().filter(|time| time.starts_with(day)).count();
    let found = read_by(2, Punches::Alternating, &times, &[]);
    if times.iter().all(|time| of_day(&time[..3]) < 3) {
        assert_eq!(found, read_by(2, Punches::FirstLast, &times, &[]), "there is nothing between two");
    }
    found
}

fn nights(from: i8, to: i8, came: &str, left: &str) -> Vec<String> {
    (from..to).flat_map(|day| [format!("{day:02}T{came}"), format!("{:02}T{left}", day + 1)]).collect()
}

fn texts(times: &[String]) -> Vec<&str> {
    times.iter().map(String::as_str).collect()
}

#[test]
fn nights_without_a_roster_are_nights_wherever_the_month_begins_and_ends() {
    let all = nights(2, 20, "21:55", "06:03");
    let (pairs, odd) = read(&texts(&all));
    assert_eq!((pairs.len(), pairs[0].as_str(), odd.len()), (18, "02T21:55-03T06:03", 18));
    assert!(odd.iter().all(|odd| odd.starts_with("night")), "{odd:?}");
    let cut = &all[1..all.len() - 1];
    let (pairs, odd) = read(&texts(cut));
    assert_eq!(
        (pairs.len(), pairs[0].as_str()),
        (16, "03T21:55-04T06:03"),
        "its first in and its last out are not there"
    );
    assert_eq!(odd.iter().filter(|odd| odd.starts_with("alone")).count(), 2);
    let (days, _) = read_by(1, Punches::Alternating, &all, &[]);
    assert_eq!(days[0], "03T06:03-03T21:55", "as months were closed before");
    let (pairs, odd) = read(&["02T21:55", "03T06:03"]);
    assert_eq!(
        (pairs.as_slice(), odd),
        (["02T21:55-03T06:03".to_owned()].as_slice(), vec!["night 02T21:55".to_owned()])
    );
}

#[test]
fn a_punch_that_is_missing_costs_its_own_day_and_turns_nothing_round() {
    let mut all = nights(2, 12, "21:55", "06:03");
    all.remove(8);
    let (pairs, odd) = read(&texts(&all));
    assert_eq!((pairs.len(), odd.contains(&"alone 07T06:03".to_owned())), (9, true), "{pairs:?} {odd:?}");
    assert!(pairs.iter().all(|pair| pair.contains("T21:55-")), "{pairs:?}");
    let mut days: Vec<String> =
        (2..12).flat_map(|day| ["09:00", "18:00"].map(|time| format!("{day:02}T{time}"))).collect();
    days.remove(6);
    let (pairs, odd) = read(&texts(&days));
    assert_eq!((pairs.len(), odd), (9, vec!["alone 05T18:00".to_owned()]));
    days.remove(10);
    let (pairs, odd) = read(&texts(&days));
    assert_eq!((pairs.len(), odd.len()), (8, 2), "{odd:?}");
    assert!(pairs.iter().all(|pair| pair.contains("T09:00-")), "{pairs:?}");
}

#[test]
fn ordinary_days_and_breaks_are_read_as_they_always_were_and_say_nothing() {
    let day = |day: i8| ["09:00", "12:00", "13:00", "18:00"].map(|time| format!("{day:02}T{time}"));
    let days: Vec<String> = (2..9).flat_map(day).collect();
    for how in [Punches::Alternating, Punches::FirstLast] {
        assert_eq!(read_by(2, how, &days, &[]).0, read_by(1, how, &days, &[]).0);
    }
    assert_eq!(read_by(2, Punches::Alternating, &days, &[]).1, [""; 0]);
    let late = ["02T14:00", "03T01:30", "03T14:00", "04T01:30"].map(String::from);
    assert_eq!(read_by(2, Punches::Alternating, &late, &[]).1, [""; 0], "before the cut-over it is one day");
    let (pairs, odd) = read(&["02T09:00", "02T12:00", "02T18:00"]);
    assert_eq!((pairs.len(), odd), (1, vec!["alone 02T18:00".to_owned()]));
}

#[test]
fn a_long_presence_is_told_and_what_fits_both_ways_too() {
    let (pairs, odd) = read(&["02T06:00", "02T21:00"]);
    assert_eq!((pairs.len(), odd), (1, vec!["long 02T06:00".to_owned()]));
    let all = nights(2, 20, "19:55", "08:05");
    let (_, odd) = read(&texts(&all));
    assert!(odd.contains(&"either 2 20".to_owned()), "{odd:?}");
}

#[test]
fn a_rostered_night_says_of_what_day_its_punches_are() {
    let night = |day: i8| {
        let (start, end) = (at(&format!("{day:02}T22:00")), at(&format!("{:02}T06:00", day + 1)));
        Roster { person: PersonIx(0), start, end, account: AccountIx(0), seat: None }
    };
    let (pairs, odd) = read_by(2, Punches::Alternating, &nights(2, 5, "21:55", "06:03"), &[2, 3, 4].map(night));
    assert_eq!((pairs.len(), odd), (3, vec![]));
    let without_an_out = ["02T21:55", "03T21:58", "04T06:04"].map(String::from);
    let (pairs, odd) = read_by(2, Punches::Alternating, &without_an_out, &[2, 3].map(night));
    assert_eq!((pairs, odd), (vec!["03T21:58-04T06:04".to_owned()], vec!["alone 02T21:55".to_owned()]));
}
