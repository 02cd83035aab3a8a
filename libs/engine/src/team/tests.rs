use std::sync::Arc;

use jiff::civil::date;
use proptest::collection::vec;
use proptest::prelude::*;
use tally_kernel::person::{Employment, Post};
use tally_kernel::time::zone;
use uuid::Uuid;

use super::*;

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// The branch 10 with the teams 11 and 12; in the second half of the week team 12 is below 11.
fn above(day: Date, of: OrgUnitId) -> Vec<OrgUnitId> {
    let late = day >= date(2026, 3, 6);
    match of.0.as_u128() {
        12 if late => vec![unit(12), unit(11), unit(10)],
        12 => vec![unit(12), unit(10)],
        11 => vec![unit(11), unit(10)],
        other => vec![unit(other)],
    }
}

/// Monday to Sunday.
fn week() -> Period {
    Period::new(date(2026, 3, 2), date(2026, 3, 8)).unwrap()
}

fn somebody(n: u128, stretches: &[(u128, Date, Option<Date>)]) -> DirectoryPerson {
    let employment = |(of, from, to): &(u128, Date, Option<Date>)| Employment {
        post: Post::Home,
        from: *from,
        to: *to,
        unit: unit(*of),
        unit_path: Arc::from("u"),
        region: "cn-north".parse().unwrap(),
        position: Arc::from("agent"),
        grade: Arc::from("P1"),
        kind: None,
    };
    let employments = stretches.iter().map(employment).collect();
    DirectoryPerson { id: id(n), employee_no: format!("E{n}"), zone: zone("Asia/Shanghai").unwrap(), employments }
}

fn long_ago() -> Date {
    date(2020, 1, 1)
}

/// The manager 1 of the branch, the lead 2 of team 11; 3 is of team 11 until Tuesday, then of 12; 4 is of 12 and leaves on Friday.
fn people() -> Vec<DirectoryPerson> {
    vec![
        somebody(1, &[(10, long_ago(), None)]),
        somebody(2, &[(11, long_ago(), None)]),
        somebody(3, &[(11, long_ago(), Some(date(2026, 3, 3))), (12, date(2026, 3, 4), None)]),
        somebody(4, &[(12, long_ago(), Some(date(2026, 3, 6)))]),
    ]
}

fn of_week(leaders: &[u128]) -> BTreeMap<PersonId, Team> {
    let people = people();
    teams(week(), leaders.iter().copied().map(id), &people.iter().collect::<Vec<_>>(), above)
}

fn days_in(team: &Team, n: u128) -> Vec<usize> {
    team.members.get(&id(n)).map(|days| (0..7).filter(|day| days.has(*day)).collect()).unwrap_or_default()
}

fn mean(sample: Sample) -> Micro {
    Micro::ratio(sample.sum, i128::from(sample.ppm) * i128::from(ONE)).unwrap()
}

fn total(sample: Sample) -> Micro {
    Micro::ratio(sample.sum, i128::from(ONE) * i128::from(ONE)).unwrap()
}

fn micro(text: &str) -> Micro {
    text.parse().unwrap()
}

#[test]
fn a_team_is_who_is_in_the_unit_or_below_on_each_day_and_never_the_leader() {
    let teams = of_week(&[1, 2]);
    let (branch, team) = (&teams[&id(1)], &teams[&id(2)]);
    assert_eq!(days_in(branch, 1), [0; 0]);
    assert_eq!([days_in(branch, 2), days_in(branch, 3)], [vec![0, 1, 2, 3, 4, 5, 6], vec![0, 1, 2, 3, 4, 5, 6]]);
    assert_eq!(days_in(branch, 4), [0, 1, 2, 3, 4], "until the last day of the employment");
    assert_eq!(days_in(team, 3), [0, 1, 4, 5, 6], "of 11 until Tuesday, and from Friday on 12 is below 11");
    assert_eq!(days_in(team, 4), [4]);
    assert_eq!((days_in(team, 1), team.led.count()), (vec![], 7));
}

#[test]
fn a_leader_who_is_employed_for_some_days_leads_on_those_alone() {
    let mut people = people();
    people[0] = somebody(1, &[(10, date(2026, 3, 5), Some(date(2026, 3, 6)))]);
    let teams = teams(week(), [id(1)], &people.iter().collect::<Vec<_>>(), above);
    assert_eq!((teams[&id(1)].led.count(), days_in(&teams[&id(1)], 4)), (2, vec![3, 4]));
}

#[test]
fn a_mean_and_a_share_weigh_people_with_their_days() {
    let team = &of_week(&[2])[&id(2)];
    // 3 has 80 on 5 days, 4 has 20 on 1: (5 * 80 + 1 * 20) / 6.
    let has = |person| Has::Whole(if person == id(3) { micro("80") } else { micro("20") }, 7);
    assert_eq!(mean(roll(team, (Rolled::Mean, None), true, has)), micro("70"));
    let share = roll(team, (Rolled::Share, Some(Test::AtLeast(micro("80")))), true, has);
    assert_eq!((mean(share), share.ppm), (micro("0.833333"), 6_000_000));
    let nobody = roll(team, (Rolled::Mean, None), true, |_| Has::Nothing);
    assert_eq!(nobody, Sample::default(), "nothing is measured of nobody");
}

#[test]
fn a_sum_takes_the_part_of_the_days_in_the_team() {
    let team = &of_week(&[2])[&id(2)];
    // 3: 70 of 7 days employed, 5 in the team: 50. 4: 10 of 5 days, 1 in the team: 2.
    let has = |person| if person == id(3) { Has::Whole(micro("70"), 7) } else { Has::Whole(micro("10"), 5) };
    assert_eq!(total(roll(team, (Rolled::Sum, None), true, has)), micro("52"));
}

#[test]
fn what_was_observed_counts_for_the_team_of_its_day() {
    let team = &of_week(&[2])[&id(2)];
    // 3 trains on Tuesday (in 11) and Wednesday (in 12, not below 11 yet); 4 never.
    let trained = |person| match person == id(3) {
        true => Has::Days(Observed::Sum, vec![(1, micro("4")), (2, micro("9")), (4, micro("1.5"))]),
        false => Has::Days(Observed::Sum, vec![]),
    };
    assert_eq!(total(roll(team, (Rolled::Sum, None), true, trained)), micro("5.5"));
    // 3 has 5.5 on 5 days, 4 has none on 1: 27.5 / 6.
    assert_eq!(mean(roll(team, (Rolled::Mean, None), true, trained)), micro("4.583333"));
    let share = roll(team, (Rolled::Share, Some(Test::AtLeast(micro("4")))), true, trained);
    assert_eq!(mean(share), micro("0.833333"), "whoever did not train counts, once anybody was observed");
    let unknown =
        roll(team, (Rolled::Share, Some(Test::AtLeast(micro("4")))), false, |_| Has::Days(Observed::Sum, vec![]));
    assert_eq!(unknown.ppm, 0, "nobody was observed anywhere");
    let last = |person| {
        Has::Days(Observed::Last, if person == id(3) { vec![(4, micro("3")), (0, micro("9"))] } else { vec![] })
    };
    assert_eq!(mean(roll(team, (Rolled::Mean, None), true, last)), micro("3"), "in whatever order they come");
    let averaged = |_| Has::Days(Observed::Mean, vec![(4, micro("1")), (4, micro("2"))]);
    assert_eq!(mean(roll(team, (Rolled::Mean, None), true, averaged)), micro("1.5"));
}

#[test]
fn turnover_is_who_left_for_each_hundred_of_the_average_team() {
    let people = people();
    let gone = |person: PersonId| people.iter().find(|p| p.id == person).and_then(|p| left(p, week()));
    assert_eq!([gone(id(4)), gone(id(3)), gone(id(1))], [Some(4), None, None]);
    // The branch: 7 + 7 + 5 person-days in 7 days, one left: 100 * 1 * 7 / 19.
    assert_eq!(mean(turnover(&of_week(&[1])[&id(1)], gone)), micro("36.842105"));
    // Team 11: 5 + 1 person-days, of which the last day of 4 is one: 100 * 1 * 7 / 6.
    assert_eq!(mean(turnover(&of_week(&[2])[&id(2)], gone)), micro("116.666667"));
    assert_eq!(turnover(&Team::default(), gone).ppm, 0, "no team has no turnover");
}

#[test]
fn whoever_comes_back_or_goes_on_elsewhere_has_not_left() {
    let (friday, monday) = (date(2026, 3, 6), date(2026, 3, 9));
    let back = somebody(5, &[(11, long_ago(), Some(friday)), (11, monday, None)]);
    assert_eq!(left(&back, week()), None);
    let later = somebody(6, &[(11, long_ago(), Some(monday))]);
    assert_eq!(left(&later, week()), None, "in the next week");
}

proptest! {
    #[test]
    fn teams_that_share_everybody_share_every_sum(
        (value, splits) in (-1_000_000_000_000_i64..1_000_000_000_000, vec(1_u32..5, 1..6)),
    ) {
        // Somebody is in one team after the other: the parts add up to the value, but for roundings of a millionth of a millionth.
        let of: u32 = splits.iter().sum();
        let whole = exact(Micro::from_millionths(value));
        let parts: i128 = splits.iter().map(|days| portion(whole, (*days).into(), of.into())).sum();
        prop_assert!((parts - whole).abs() <= splits.len() as i128);
    }

    #[test]
    fn days_are_counted_once_however_often_they_are_added(days in vec(0_usize..366, 0..40)) {
        let mut on = OnDays::default();
        days.iter().for_each(|day| on.add(*day));
        let distinct: std::collections::BTreeSet<usize> = days.iter().copied().collect();
        prop_assert_eq!(on.count() as usize, distinct.len());
        prop_assert!((0..366).all(|day| on.has(day) == distinct.contains(&day)));
    }
}
