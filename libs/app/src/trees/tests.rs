use std::collections::BTreeMap;
use std::iter::successors;

use jiff::civil::date;
use uuid::Uuid;

use super::*;

fn id(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

fn state(n: u128, parent: Option<u128>, name: &str, from: Date) -> State {
    State { unit: id(n), parent: parent.map(id), name: name.into(), from, to: None, into: None }
}

/// The group 1 with the branches north 2 and south 3. Team 4 of north, called a, is called b from March on and goes to south with
/// its desk 5 in April; unit 6 begins in May as what team 4 was called at first.
fn trees() -> Trees {
    let always = date(1900, 1, 1);
    Trees::new([
        state(5, Some(4), "desk", always),
        state(4, Some(3), "b", date(2026, 4, 1)),
        state(4, Some(2), "b", date(2026, 3, 1)),
        state(4, Some(2), "a", date(2026, 1, 1)),
        state(6, Some(2), "a", date(2026, 5, 1)),
        state(3, Some(1), "south", always),
        state(2, Some(1), "north", always),
        state(1, None, "Group", always),
    ])
}

#[test]
fn a_path_is_that_of_the_day_and_of_a_unit_that_is_not_there_the_nearest() {
    let path = |n, day| trees().path(id(n), day);
    let told = [date(2025, 1, 1), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1)].map(|day| path(5, day));
    assert_eq!(
        told.each_ref().map(Option::as_deref),
        ["north/a/desk", "north/a/desk", "north/b/desk", "south/b/desk"].map(Some)
    );
    assert_eq!(path(6, date(2026, 1, 1)).as_deref(), Some("north/a"), "as it begins");
    assert_eq!((path(1, date(2026, 1, 1)).as_deref(), path(9, date(2026, 1, 1))), (Some(""), None));
}

#[test]
fn a_unit_hangs_below_others_in_stretches_that_leave_out_no_day() {
    let hung = |n, from: Date, to: Option<Date>| trees().hung(id(n), from, to);
    let below = |units: &[u128]| units.iter().copied().map(id).collect::<Vec<_>>();
    let all = hung(5, date(2026, 1, 15), Some(date(2026, 4, 30)));
    let days: Vec<_> = all.iter().map(|hung| (hung.from, hung.to)).collect();
    let to = |month, day| Some(date(2026, month, day));
    assert_eq!(days, [(date(2026, 1, 15), to(2, 28)), (date(2026, 3, 1), to(3, 31)), (date(2026, 4, 1), to(4, 30))]);
    assert_eq!([&all[0].below, &all[2].below], [&below(&[5, 4, 2]), &below(&[5, 4, 3])]);
    let branch = Hung { from: date(2026, 1, 1), to: None, below: below(&[2]), closed: vec![] };
    assert_eq!((hung(2, date(2026, 1, 1), None), hung(9, date(2026, 1, 1), None)), (vec![branch], vec![]));
}

#[test]
fn a_path_means_the_unit_that_has_it_on_the_day_else_the_nearest_before_else_the_first_after() {
    let called = |path, day| trees().called(path, day);
    assert_eq!([called("north/a", date(2026, 4, 30)), called("north/a", date(2026, 5, 1))], [Some(id(4)), Some(id(6))]);
    assert_eq!(called("north/b/desk", date(2026, 7, 1)), Some(id(5)));
    assert_eq!([called("south/a", date(2026, 7, 1)), called("", date(2026, 7, 1))], [None; 2]);
}

#[test]
fn a_path_of_two_teams_that_swapped_names_means_on_each_day_the_one_that_had_it() {
    let (always, swap, ended) = (date(2025, 1, 1), date(2026, 2, 1), date(2026, 1, 31));
    let until = |state: State, to| State { to: Some(to), ..state };
    let trees = Trees::new([
        state(1, None, "Group", date(1900, 1, 1)),
        state(2, Some(1), "North", always),
        until(state(5, Some(2), "A", always), ended),
        until(state(4, Some(2), "B", always), ended),
        state(5, Some(2), "B", swap),
        state(4, Some(2), "A", swap),
        // Closed, and another one has the name that it had last; what is above is called otherwise for a while.
        until(state(3, Some(2), "C", always), date(2025, 6, 30)),
        state(6, Some(2), "C", date(2025, 9, 1)),
    ]);
    let called = |path, day| trees.called(path, day).map(|unit| unit.0.as_u128());
    assert_eq!([called("North/A", ended), called("North/B", ended)], [Some(5), Some(4)]);
    assert_eq!([called("North/A", swap), called("North/B", swap)], [Some(4), Some(5)]);
    let c = [date(2024, 1, 1), date(2025, 6, 30), date(2025, 8, 31), date(2025, 9, 1)].map(|on| called("North/C", on));
    assert_eq!(c, [3, 3, 3, 6].map(Some));
}

/// The group 1 with north 2 and south 3. Team 4 of north is closed on the 10th of March into 5 of north; that goes to south on the 20th
/// and is closed in April into 6 of south, which has the desk 7. Another 4, the unit 8, begins in May, and 9 is closed into nothing.
fn closing() -> Trees {
    let always = date(2026, 1, 1);
    let gone = |state: State, to, into: Option<u128>| State { to: Some(to), into: into.map(id), ..state };
    Trees::new([
        state(1, None, "Group", always),
        state(2, Some(1), "north", always),
        state(3, Some(1), "south", always),
        gone(state(4, Some(2), "a", always), date(2026, 3, 9), Some(5)),
        State { to: Some(date(2026, 3, 19)), ..state(5, Some(2), "b", always) },
        gone(state(5, Some(3), "b", date(2026, 3, 20)), date(2026, 3, 31), Some(6)),
        state(6, Some(3), "c", always),
        state(7, Some(6), "desk", always),
        state(8, Some(2), "a", date(2026, 5, 1)),
        gone(state(9, Some(2), "d", always), date(2026, 3, 9), None),
    ])
}

#[test]
fn a_closed_unit_is_called_as_the_one_that_its_people_went_to_is_and_so_on() {
    let trees = closing();
    let days = [date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 20), date(2026, 4, 1), date(2026, 5, 1)];
    let told = |n| days.map(|day| trees.path(id(n), day).expect("a path"));
    assert_eq!(told(4), ["north/a", "north/b", "south/b", "south/c", "south/c"]);
    assert_eq!(told(9), ["north/d"; 5], "as it was last");
    let into = days.map(|day| trees.goes_on_in(id(4), day).map(|unit| unit.0.as_u128()));
    assert_eq!(into, [None, Some(5), Some(5), Some(6), Some(6)]);
    assert_eq!((trees.goes_on_in(id(9), days[4]), trees.goes_on_in(id(6), days[4])), (None, None));
    // By the path that it had: the unit that had it last, until another one has it.
    let team = days.map(|day| trees.team(None, "north/a", day).expect("a team"));
    assert_eq!(team, ["north/a", "north/b", "south/b", "south/c", "north/a"]);
    assert_eq!(trees.team(Some(id(4)), "north/a", days[4]).as_deref(), Some("south/c"), "another unit");
}

#[test]
fn whoever_is_below_a_unit_is_of_those_that_it_goes_on_for_from_the_day_on() {
    let hung = |n| closing().hung(id(n), date(2026, 3, 1), Some(date(2026, 4, 30)));
    let units = |units: &[u128]| units.iter().copied().map(id).collect::<Vec<_>>();
    let stretch = |from, to, below: &[u128], closed: &[u128]| Hung {
        from,
        to: Some(to),
        below: units(below),
        closed: units(closed),
    };
    let (first, last) = (date(2026, 3, 1), date(2026, 4, 30));
    let of_7 =
        [stretch(first, date(2026, 3, 31), &[7, 6, 3], &[]), stretch(date(2026, 4, 1), last, &[7, 6, 3], &[5, 4])];
    assert_eq!(hung(7), of_7);
    let of_5 = [
        stretch(first, date(2026, 3, 9), &[5, 2], &[]),
        stretch(date(2026, 3, 10), date(2026, 3, 19), &[5, 2], &[4]),
        stretch(date(2026, 3, 20), last, &[5, 3], &[4]),
    ];
    assert_eq!(hung(5), of_5, "after its last day it hangs where it ended");
    assert_eq!(hung(9), [stretch(first, last, &[9, 2], &[])]);
    // Two that went into each other end the walk.
    let gone = |n, into| State { to: Some(first), into: Some(id(into)), ..state(n, Some(1), "x", date(2026, 1, 1)) };
    let ring = Trees::new([state(1, None, "Group", date(2026, 1, 1)), gone(2, 3), gone(3, 2)]);
    assert_eq!((ring.goes_on_in(id(2), last), ring.path(id(2), last).as_deref()), (Some(id(3)), Some("x")));
    assert_eq!(ring.hung(id(2), last, Some(last)), [stretch(last, last, &[2], &[3])]);
}

#[test]
fn a_unit_is_held_by_those_that_it_or_what_it_goes_on_in_hangs_below_on_the_day() {
    let holds = |above, below| {
        let on = |day| closing().holds(id(above), id(below), day);
        [date(2026, 3, 9), date(2026, 3, 19), date(2026, 3, 31), date(2026, 4, 1), date(2026, 5, 1)].map(on)
    };
    assert_eq!(holds(2, 4), [true, true, false, false, false]);
    assert_eq!(holds(3, 4), [false, false, true, true, true]);
    assert_eq!([holds(4, 4), holds(5, 4)], [[true, false, false, false, false], [false, true, true, false, false]]);
    assert_eq!(holds(6, 4), [false, false, false, true, true]);
    assert_eq!((holds(2, 9), holds(9, 9)), ([true; 5], [true, false, false, false, false]), "closed into nothing");
    assert_eq!(holds(2, 8), [false, false, false, false, true], "not before it begins");
    assert_eq!([holds(2, 3), holds(2, 99)], [[false; 5]; 2]);
}

#[test]
fn a_list_without_those_above_has_the_paths_that_it_tells() {
    let unit = |n: u128, parent: u128, path: &str, from: &str| pb::OrgUnit {
        unit_id: id(n).to_string(),
        parent_id: id(parent).to_string(),
        name: path.rsplit('/').next().unwrap_or_default().into(),
        path: path.into(),
        valid_from: from.into(),
        ..Default::default()
    };
    let told = vec![unit(4, 3, "East/Sub", "2025-01-01"), unit(5, 4, "East/Sub/Chat", "2025-01-01")];
    let trees = Trees::told(told).unwrap();
    let called = |path| trees.called(path, date(2026, 1, 1));
    assert_eq!([called("East/Sub"), called("East/Sub/Chat"), called("Sub/Chat")], [Some(id(4)), Some(id(5)), None]);
}

/// Somebody left team 4 when it was north's: 4 goes to south by a move, by a closing, and by a chain of them; within north; and to
/// where north's people went.
#[test]
fn who_left_before_a_team_went_elsewhere_counts_in_the_branch_that_had_it() {
    let (always, left, last) = (date(2026, 1, 1), date(2026, 3, 5), date(2026, 3, 31));
    let until = |state: State, to: Date, into: Option<u128>| State { to: Some(to), into: into.map(id), ..state };
    let counted = |until: Date, of_team: Vec<State>, of_north: State| {
        let there = [
            state(1, None, "Group", always),
            of_north,
            state(3, Some(1), "south", always),
            state(5, Some(2), "b", always),
            state(6, Some(3), "c", always),
        ];
        Trees::new(there.into_iter().chain(of_team)).counted_in(id(4), until, last).0.as_u128()
    };
    let north = || state(2, Some(1), "north", always);
    let team = || state(4, Some(2), "a", always);
    let day = |day| date(2026, 3, day);
    let moved = || vec![until(team(), day(9), None), state(4, Some(3), "a", day(10))];
    let closed = |into| vec![until(team(), day(9), into)];
    let moved_and_closed =
        || vec![until(team(), day(9), None), until(state(4, Some(3), "a", day(10)), day(19), Some(6))];
    let there_and_back = vec![
        until(team(), day(9), None),
        until(state(4, Some(3), "a", day(10)), day(19), None),
        state(4, Some(2), "a", day(20)),
    ];
    assert_eq!(counted(left, vec![team()], north()), 4, "nothing moved");
    for went in [moved(), closed(Some(6)), moved_and_closed()] {
        assert_eq!(counted(left, went.clone(), north()), 2);
        assert_eq!(counted(day(9), went, north()), 2, "on the last day before it");
    }
    assert_eq!(counted(day(10), moved(), north()), 4, "on the day itself the team is south's");
    assert_eq!(counted(day(10), moved_and_closed(), north()), 6, "and goes on there");
    assert_eq!([counted(left, closed(Some(5)), north()), counted(left, closed(None), north())], [5, 2], "within north");
    assert_eq!(counted(left, there_and_back, north()), 4);
    // North itself is closed: whoever was of it goes where it went.
    let gone = until(north(), day(24), Some(6));
    assert_eq!([counted(left, closed(Some(6)), gone.clone()), counted(left, moved(), gone)], [6, 6]);
    // Of people who are there on the day the unit is that of their home, whatever comes later.
    assert_eq!(counted(last, vec![until(team(), date(2026, 4, 9), Some(6))], north()), 4);
    assert_eq!(counted(left, vec![until(team(), date(2026, 4, 9), Some(6))], north()), 4, "a plan");
}

/// A small world: of every day the parent of each unit that is there; and of those that were closed where their people went.
struct World {
    days: Vec<BTreeMap<u128, Option<u128>>>,
    into: BTreeMap<u128, Option<u128>>,
}

const FIRST: Date = Date::constant(2026, 3, 1);

impl World {
    /// The root 1, branches 2 and 3, and units 4 to 9 somewhere below; every day one of them may be moved, or closed if nothing is below it.
    fn grown(seed: u64) -> Self {
        let rng = tally_kernel::Rng::seeded(seed);
        let one_of = |of: &[u128]| of[usize::from(rng.bytes::<1>()[0]) % of.len()];
        let mut now: BTreeMap<u128, Option<u128>> = [(1, None), (2, Some(1)), (3, Some(1))].into();
        for unit in 4..10 {
            let above: Vec<u128> = (2..unit).collect();
            now.insert(unit, Some(one_of(&above)));
        }
        let mut world = Self { days: vec![now.clone()], into: BTreeMap::new() };
        for _ in 0..9 {
            let units: Vec<u128> = now.keys().copied().filter(|unit| *unit > 1).collect();
            let unit = one_of(&units);
            let others: Vec<u128> = now.keys().copied().filter(|other| !holds(&now, unit, *other)).collect();
            let to = one_of(&others);
            let leaf = !now.values().any(|parent| *parent == Some(unit));
            match one_of(&[0, 1, 2, 3]) {
                0 => {
                    now.insert(unit, Some(to));
                }
                kind @ (1 | 2) if leaf && units.len() > 1 && (to > 1 || kind == 2) => {
                    now.remove(&unit);
                    world.into.insert(unit, Some(to).filter(|_| kind == 1));
                }
                _ => {}
            }
            world.days.push(now.clone());
        }
        world
    }

    fn day(at: usize) -> Date {
        FIRST.saturating_add(jiff::Span::new().days(i64::try_from(at).unwrap()))
    }

    fn trees(&self) -> Trees {
        let mut states: Vec<State> = Vec::new();
        for (at, units) in self.days.iter().enumerate() {
            for (unit, parent) in units {
                let last = states.iter().rposition(|state| state.unit == id(*unit));
                match last.map(|last| &mut states[last]) {
                    Some(last) if last.parent == parent.map(id) => last.to = Some(Self::day(at)),
                    Some(_) | None => {
                        let from = state(*unit, *parent, "x", Self::day(at));
                        states.push(State { to: Some(Self::day(at)), ..from });
                    }
                }
            }
        }
        let last = Self::day(self.days.len() - 1);
        for state in &mut states {
            if state.to == Some(last) {
                state.to = None;
            }
        }
        for (unit, into) in &self.into {
            let last = states.iter().rposition(|state| state.unit == id(*unit)).unwrap();
            states[last].into = into.map(id);
        }
        Trees::new(states)
    }

    /// Day after day: where what was of a unit is by a day.
    fn carried(&self, mut unit: u128, from: usize, to: usize) -> u128 {
        for at in from + 1..=to {
            while !self.days[at].contains_key(&unit) {
                let under = (0..at).rev().find_map(|at| self.days[at].get(&unit).copied()).flatten();
                unit = self.into[&unit].or(under).unwrap();
            }
        }
        unit
    }
}

fn holds(units: &BTreeMap<u128, Option<u128>>, above: u128, below: u128) -> bool {
    successors(Some(below), |unit| units[unit]).any(|unit| unit == above)
}

/// Everybody counts in one unit that is there, so in the months of that one and of those above it and of no others; whoever left in that
/// of the branch which had the person on the last day.
#[test]
fn in_small_worlds_everybody_counts_once_and_whoever_left_in_the_branch_of_the_last_day() {
    let mut elsewhere = 0;
    for seed in 0..100 {
        let world = World::grown(seed);
        let trees = world.trees();
        for (left, units) in world.days.iter().enumerate() {
            for (day, then) in world.days.iter().enumerate().skip(left) {
                for unit in units.keys().copied().filter(|unit| *unit > 1) {
                    let counted = trees.counted_in(id(unit), World::day(left), World::day(day)).0.as_u128();
                    let what = || format!("world {seed}: of {unit} until {left}, on {day}: {counted}");
                    assert!(then.contains_key(&counted), "{}", what());
                    let own: Vec<u128> = successors(Some(unit), |unit| units[unit]).collect();
                    let now: Vec<u128> = own.iter().map(|unit| world.carried(*unit, left, day)).collect();
                    let fits = |at: &usize| now[*at..].iter().all(|above| holds(then, *above, now[*at]));
                    let naive = (0..now.len()).find(fits).map(|at| now[at]);
                    assert_eq!(Some(counted), naive, "{}", what());
                    let branch = now[own.len() - 2];
                    assert!(holds(then, branch, counted), "{}, not of the branch {branch}", what());
                    elsewhere += usize::from(!holds(then, counted, now[0]) || counted != now[0]);
                    for (above, _) in then.iter().filter(|(above, _)| **above > 1) {
                        assert_eq!(
                            trees.holds(id(*above), id(counted), World::day(day)),
                            holds(then, *above, counted),
                            "{}, {above}",
                            what()
                        );
                    }
                }
            }
        }
    }
    assert!(elsewhere > 250, "worlds in which nobody counts elsewhere than the team: {elsewhere}");
}
