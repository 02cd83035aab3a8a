use tally_access::Moment;

use super::import::ImportPlan;
use super::*;

mod gone;

fn counter() -> impl FnMut() -> Uuid {
    let mut n = 0_u128;
    move || {
        n += 1;
        Uuid::from_u128(n << 64)
    }
}

fn regions() -> Vec<Region> {
    ["cn-north", "cn-south"].map(|name| name.parse().unwrap()).to_vec()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn group() -> OrgTree {
    OrgTree::new([State {
        row: Uuid::from_u128(1),
        unit: OrgUnitId(Uuid::from_u128(1)),
        parent: None,
        name: "Demo".into(),
        kind: UnitKind::Group,
        region: Region::global(),
        from: ALWAYS,
        to: None,
        into: None,
    }])
}

fn row(path: &str, region: &str, from: &str) -> UnitRow {
    UnitRow { path: path.into(), region: region.into(), kind: KindAsked::Default, from: from.into() }
}

fn import(tree: &mut OrgTree, rows: &[UnitRow]) -> ImportPlan {
    // Ids must not repeat between two imports of one test.
    let mut n = 1_000 * tree.states.len() as u128;
    plan_import(tree, &(0..).zip(rows.iter().cloned()).collect::<Vec<_>>(), &regions(), || {
        n += 1;
        Uuid::from_u128(n)
    })
}

/// North / { Sales / { A, B } }, South / Sales
fn company() -> OrgTree {
    let mut tree = group();
    let rows = [row("North/Sales/A", "cn-north", ""), row("North/Sales/B", "", ""), row("South/Sales", "cn-south", "")];
    let plan = import(&mut tree, &rows);
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    tree
}

fn id(tree: &OrgTree, path: &str) -> OrgUnitId {
    tree.find(path, day("2026-03-02")).unwrap_or_else(|| panic!("{path}")).unit
}

#[test]
fn missing_parents_are_made_and_take_their_branchs_region() {
    let tree = company();
    let units = tree.as_of(day("2026-03-02"));
    let told: Vec<_> = units.iter().map(|u| (u.path.as_str(), u.kind, u.region.as_str())).collect();
    assert_eq!(
        told,
        [
            ("", UnitKind::Group, "*"),
            ("North", UnitKind::Branch, "cn-north"),
            ("North/Sales", UnitKind::Department, "cn-north"),
            ("North/Sales/A", UnitKind::Team, "cn-north"),
            ("North/Sales/B", UnitKind::Team, "cn-north"),
            ("South", UnitKind::Branch, "cn-south"),
            ("South/Sales", UnitKind::Team, "cn-south"),
        ]
    );
}

#[test]
fn a_parent_that_comes_after_its_child_in_the_same_import_is_a_department() {
    let mut tree = group();
    let plan = import(&mut tree, &[row("North/Sales", "cn-north", ""), row("North/Sales/A", "", "")]);
    assert_eq!(plan.written, 2);
    assert_eq!(tree.find("North/Sales", day("2026-01-01")).unwrap().kind, UnitKind::Department);
}

#[test]
fn the_same_row_again_is_unchanged_and_another_kind_is_a_problem() {
    let mut tree = company();
    let same = row("North/Sales/A", "cn-north", "2026-01-01");
    let other = UnitRow { kind: KindAsked::Is(UnitKind::Department), ..same.clone() };
    let plan = import(&mut tree, &[same, other]);
    assert_eq!((plan.written, plan.unchanged), (0, 1));
    assert_eq!(plan.problems, [(1, OrgError::KindDiffers(UnitKind::Team))]);
}

#[test]
fn a_refused_row_leaves_nothing_behind_and_the_others_are_written() {
    let mut tree = company();
    let rows = [
        row("West/Sales", "", ""),
        row("East/Sales", "mars", ""),
        row("North/New", "cn-south", ""),
        row("North//New", "cn-north", ""),
        row("North/New", "", "someday"),
        UnitRow { kind: KindAsked::Is(UnitKind::Group), ..row("North/New", "", "") },
        UnitRow { kind: KindAsked::Unknown, ..row("North/New", "", "") },
        row("North/Support", "", ""),
    ];
    let plan = import(&mut tree, &rows);
    let told: Vec<_> = plan.problems.iter().map(|(index, error)| (*index, error.clone())).collect();
    assert_eq!(
        told,
        [
            (0, OrgError::RegionMissing),
            (1, OrgError::RegionUnknown("mars".into())),
            (2, OrgError::RegionDiffers("cn-north".parse().unwrap())),
            (3, OrgError::PathMalformed),
            (4, OrgError::DateMalformed("someday".into())),
            (5, OrgError::KindIsRoots),
            (6, OrgError::KindUnknown),
        ]
    );
    assert_eq!((plan.written, plan.new.len()), (1, 1));
    assert_eq!(tree.find("West", day("2026-03-02")), None);
}

#[test]
fn a_new_branch_is_the_regions_business_and_a_team_its_departments() {
    let mut tree = company();
    let sales = tree.at(id(&tree, "North/Sales"), ALWAYS).unwrap().target();
    let plan = import(&mut tree, &[row("West/Shop", "cn-south", ""), row("North/Sales/C", "", "")]);
    assert_eq!(plan.targets, [Target::region("cn-south".parse().unwrap()), sales]);
}

#[test]
fn a_group_of_one_region_need_not_name_it() {
    let mut tree = group();
    let plan = plan_import(&mut tree, &[(0, row("North", "", ""))], &regions()[..1], counter());
    assert_eq!(plan.new[0].region.as_str(), "cn-north");
}

#[test]
fn a_unit_below_one_that_begins_later_is_a_problem() {
    let mut tree = group();
    import(&mut tree, &[row("North", "cn-north", "2026-01-01")]);
    let plan = import(&mut tree, &[row("North/Sales", "", "2025-06-01")]);
    assert_eq!(plan.problems, [(0, OrgError::BeginsLater(day("2026-01-01")))]);
    assert_eq!(tree.find("North", day("2025-12-31")), None);
}

/// Does a command and gives the tree after it; ids do not repeat within a test.
fn done(tree: &mut OrgTree, command: &Command, from: &str) -> Result<usize, OrgError> {
    let mut n = (1 << 80) + 1_000_000 * tree.states.len() as u128 + 1_000 * from.bytes().map(u128::from).sum::<u128>();
    let (change, after) = plan(tree, command, day(from), || {
        n += 1;
        Uuid::from_u128(n)
    })?;
    *tree = after;
    Ok(change.writes.len())
}

fn moved(tree: &mut OrgTree, unit: &str, parent: &str, from: &str) -> Result<usize, OrgError> {
    let root = OrgUnitId(Uuid::from_u128(1));
    let parent = if parent.is_empty() { root } else { id(tree, parent) };
    let unit = id(tree, unit);
    done(tree, &Command::Move { unit, parent }, from)
}

fn closed(tree: &mut OrgTree, unit: &str, from: &str) -> Result<usize, OrgError> {
    let unit = id(tree, unit);
    done(tree, &Command::Close { unit, people_to: None }, from)
}

fn renamed(tree: &mut OrgTree, unit: &str, name: &str, from: &str) -> Result<usize, OrgError> {
    let unit = id(tree, unit);
    done(tree, &Command::Rename { unit, name: name.into() }, from)
}

fn merged(tree: &mut OrgTree, units: &[&str], into: &str, from: &str) -> Result<usize, OrgError> {
    let units = units.iter().map(|unit| id(tree, unit)).collect();
    let into = id(tree, into);
    done(tree, &Command::Merge { units, into }, from)
}

fn paths(tree: &OrgTree, on: &str) -> Vec<String> {
    tree.as_of(day(on)).into_iter().map(|unit| unit.path).collect()
}

#[test]
fn a_move_keeps_the_past_at_the_old_place() {
    let mut tree = company();
    let b = id(&tree, "North/Sales/B");
    assert_eq!(moved(&mut tree, "North/Sales/B", "North", "2026-04-01"), Ok(2));
    assert_eq!(tree.at(b, day("2026-03-31")).unwrap().to, Some(day("2026-03-31")));
    assert_eq!(tree.path(b, day("2026-03-31")).as_deref(), Some("North/Sales/B"));
    assert_eq!(tree.path(b, day("2026-04-01")).as_deref(), Some("North/B"));
    assert_eq!(tree.find("North/Sales/B", day("2026-04-01")), None);
}

#[test]
fn a_subtree_moves_with_its_top() {
    let mut tree = company();
    let a = id(&tree, "North/Sales/A");
    import(&mut tree, &[row("North/Hub", "", "")]);
    moved(&mut tree, "North/Sales", "North/Hub", "2026-04-01").unwrap();
    assert_eq!(tree.path(a, day("2026-04-01")).as_deref(), Some("North/Hub/Sales/A"));
    assert!(tree.facts(day("2026-04-01")).iter().any(|fact| fact.id == a));
}

#[test]
fn a_move_that_changes_nothing_before_it_has_no_earlier_part() {
    let mut tree = company();
    assert_eq!(moved(&mut tree, "North/Sales/B", "North", "1900-01-01"), Ok(1));
}

#[test]
fn cycles_are_refused_now_and_on_the_day_of_a_planned_move() {
    let mut tree = company();
    assert_eq!(moved(&mut tree, "North/Sales", "North/Sales/A", "2026-04-01"), Err(OrgError::Cycle));
    assert_eq!(moved(&mut tree, "North/Sales", "North/Sales", "2026-04-01"), Err(OrgError::Cycle));
    // A will hang below B from June on; so B must not be hung below A in May.
    moved(&mut tree, "North/Sales/A", "North/Sales/B", "2026-06-01").unwrap();
    assert_eq!(moved(&mut tree, "North/Sales/B", "North/Sales/A", "2026-05-01"), Err(OrgError::Cycle));
}

#[test]
fn what_cannot_move_says_why() {
    let mut tree = company();
    let root = OrgUnitId(Uuid::from_u128(1));
    let nowhere = OrgUnitId(Uuid::from_u128(77));
    let north = id(&tree, "North");
    let mut to = |unit, parent| done(&mut tree, &Command::Move { unit, parent }, "2026-04-01");
    assert_eq!(to(root, north), Err(OrgError::RootStays));
    assert_eq!(to(nowhere, north), Err(OrgError::UnitUnknown(nowhere)));
    assert_eq!(to(north, nowhere), Err(OrgError::UnitUnknown(nowhere)));
    assert_eq!(moved(&mut tree, "North/Sales/A", "South", "2026-04-01"), Err(OrgError::RegionCrossed));
    import(&mut tree, &[row("North/A", "", "2027-01-01")]);
    assert_eq!(moved(&mut tree, "North/Sales/A", "North", "2026-04-01"), Err(OrgError::NameTaken("A".into())));
    moved(&mut tree, "North/Sales/B", "North", "2026-06-01").unwrap();
    let planned = Err(OrgError::ChangePlanned(day("2026-06-01")));
    assert_eq!(moved(&mut tree, "North/Sales/B", "North", "2026-04-01"), planned);
    assert_eq!(closed(&mut tree, "North/Sales/B", "2026-04-01"), planned);
    assert_eq!(renamed(&mut tree, "North/Sales/B", "C", "2026-04-01"), planned);
}

#[test]
fn a_new_name_holds_from_its_day_on_and_makes_way_for_the_old_one() {
    let mut tree = company();
    let a = id(&tree, "North/Sales/A");
    renamed(&mut tree, "North/Sales/A", " Key accounts ", "2026-04-01").unwrap();
    assert_eq!(tree.path(a, day("2026-03-31")).as_deref(), Some("North/Sales/A"));
    assert_eq!(tree.path(a, day("2026-04-01")).as_deref(), Some("North/Sales/Key accounts"));
    assert_eq!(renamed(&mut tree, "North/Sales/B", "A", "2026-05-01"), Ok(2), "the name is free by then");
    assert_eq!(renamed(&mut tree, "South/Sales", "Sales", "2026-05-01"), Err(OrgError::NothingChanges));
    for name in ["", " ", "a/b", &"x".repeat(201)] {
        assert_eq!(renamed(&mut tree, "South/Sales", name, "2026-05-01"), Err(OrgError::NameMalformed), "{name:?}");
    }
}

#[test]
fn a_closed_unit_is_there_in_the_past_and_the_same_path_is_another_unit_later() {
    let mut tree = company();
    let b = id(&tree, "North/Sales/B");
    assert_eq!(closed(&mut tree, "North/Sales", "2026-04-01"), Err(OrgError::HasChildren("A".into())));
    closed(&mut tree, "North/Sales/B", "2026-04-01").unwrap();
    assert_eq!(tree.closes(b), Some(day("2026-03-31")));
    assert!(paths(&tree, "2026-03-31").contains(&"North/Sales/B".to_owned()));
    assert!(!paths(&tree, "2026-04-01").contains(&"North/Sales/B".to_owned()));
    import(&mut tree, &[row("North/Sales/B", "", "2026-09-01")]);
    let again = tree.find("North/Sales/B", day("2026-09-01")).unwrap().unit;
    assert_ne!(again, b, "reopening is a new unit");
    assert_eq!(tree.find("North/Sales/B", day("2026-08-31")), None);
}

#[test]
fn a_path_that_a_unit_had_makes_no_second_one_beside_it_unless_the_row_says_what_it_is() {
    let mut tree = company();
    let (sales, a) = (id(&tree, "North/Sales"), id(&tree, "North/Sales/A"));
    renamed(&mut tree, "North/Sales", "Shop", "2026-04-01").unwrap();
    let there = import(&mut tree, &[row("North/Sales/A", "", "2026-03-31")]);
    assert_eq!((there.written, there.unchanged), (0, 1), "it is there on that day");
    let had = || OrgError::HadName("Sales".into(), day("2026-03-31"));
    let said = |path: &str, kind| UnitRow { kind: KindAsked::Is(kind), ..row(path, "", "2026-04-01") };
    let rows =
        [row("North/Sales", "", "2026-04-01"), row("North/Sales/A", "", ""), said("North/Sales/A", UnitKind::Team)];
    let plan = import(&mut tree, &rows);
    assert_eq!((plan.written, plan.unchanged, plan.problems), (0, 1, vec![(0, had()), (2, had())]));
    let new = import(&mut tree, &[said("North/Sales", UnitKind::Department)]);
    assert_eq!((new.written, new.problems), (1, vec![]));
    assert_ne!(tree.find("North/Sales", day("2026-04-01")).unwrap().unit, sales);
    let was = |unit, paths: [&str; 4]| paths.map(|path| tree.was_at(unit, path));
    assert_eq!(was(a, ["North/Sales/A", "North/Shop/A", "North/Sales", "South/Sales"]), [true, true, false, false]);
    assert_eq!(was(sales, ["North/Sales", "North/Shop", "Shop", "North"]), [true, true, false, false]);
}

#[test]
fn nothing_new_hangs_on_a_unit_that_closes() {
    let mut tree = company();
    closed(&mut tree, "North/Sales/B", "2026-04-01").unwrap();
    let plan = import(&mut tree, &[row("North/Sales/B/x", "", "2026-01-01")]);
    let closes = || OrgError::Closes { unit: "North/Sales/B".into(), last: day("2026-03-31"), into: None };
    assert_eq!(plan.problems, [(0, closes())]);
    assert_eq!(moved(&mut tree, "North/Sales/A", "North/Sales/B", "2026-03-01"), Err(closes()),);
    assert_eq!(merged(&mut tree, &["North/Sales/A"], "North/Sales/B", "2026-03-03"), Err(closes()),);
}

#[test]
fn a_merger_takes_the_children_along_those_to_come_too() {
    let mut tree = company();
    import(&mut tree, &[row("North/Service/C", "", ""), row("North/Service/D", "", "2026-09-01")]);
    let (c, service) = (id(&tree, "North/Service/C"), id(&tree, "North/Service"));
    merged(&mut tree, &["North/Service"], "North/Sales", "2026-07-01").unwrap();
    assert_eq!(tree.path(c, day("2026-06-30")).as_deref(), Some("North/Service/C"));
    assert_eq!(tree.path(c, day("2026-07-01")).as_deref(), Some("North/Sales/C"));
    assert_eq!(tree.closes(service), Some(day("2026-06-30")));
    assert!(paths(&tree, "2026-09-01").contains(&"North/Sales/D".to_owned()));
    assert!(!paths(&tree, "2026-08-31").contains(&"North/Sales/D".to_owned()));
}

#[test]
fn what_cannot_be_merged_says_why() {
    let mut tree = company();
    import(&mut tree, &[row("North/Service/A", "", "")]);
    let on = "2026-07-01";
    let itself = Err(OrgError::MergedIntoItself);
    assert_eq!(merged(&mut tree, &[], "North/Sales", on), itself);
    assert_eq!(merged(&mut tree, &["North/Sales"], "North/Sales", on), itself);
    assert_eq!(merged(&mut tree, &["North/Service", "North/Service"], "North/Sales", on), itself);
    assert_eq!(merged(&mut tree, &["South/Sales"], "North/Sales", on), Err(OrgError::RegionCrossed));
    assert_eq!(merged(&mut tree, &["North/Service"], "North/Sales", on), Err(OrgError::NameTaken("A".into())));
    assert_eq!(merged(&mut tree, &["North/Sales"], "North/Sales/A", on), Err(OrgError::Cycle));
    let before = paths(&tree, on);
    assert_eq!(merged(&mut tree, &["North/Sales/A", "North/Sales/B"], "North/Sales", on), Ok(2));
    assert_eq!(paths(&tree, on).len(), before.len() - 2);
}

#[test]
fn a_tree_is_never_deeper_than_it_may_be_not_even_by_a_planned_move() {
    let mut tree = group();
    let deep: Vec<_> = (1..=MAX_DEPTH).map(|n| format!("d{n}")).collect();
    import(&mut tree, &[row(&deep.join("/"), "cn-north", ""), row("d1/x/y", "", "")]);
    let bottom = |depth: usize| deep[..depth].join("/");
    assert_eq!(moved(&mut tree, "d1/x", &bottom(MAX_DEPTH - 1), "2026-04-01"), Err(OrgError::TooDeep));
    assert_eq!(moved(&mut tree, "d1/x", &bottom(MAX_DEPTH - 2), "2026-04-01"), Ok(2));
    // The new parent itself goes down in May: a move that is fine today would break the tree then.
    import(&mut tree, &[row("d1/p", "", ""), row("d1/q/r/s", "", "")]);
    moved(&mut tree, "d1/p", &bottom(MAX_DEPTH - 2), "2026-05-01").unwrap();
    assert_eq!(moved(&mut tree, "d1/q", "d1/p", "2026-04-01"), Err(OrgError::TooDeep));
    let plan = import(&mut tree, &[row(&format!("{}/more", deep.join("/")), "", "")]);
    assert_eq!(plan.problems, [(0, OrgError::PathMalformed)]);
}

#[test]
fn the_days_on_which_a_unit_turns_are_those_of_all_units_that_are_above_it_then() {
    let mut tree = company();
    let (a, sales) = (id(&tree, "North/Sales/A"), id(&tree, "North/Sales"));
    import(&mut tree, &[row("North/Hub", "", ""), row("North/Lab", "", "")]);
    moved(&mut tree, "North/Hub", "North/Lab", "2026-03-20").unwrap();
    moved(&mut tree, "North/Sales", "North/Hub", "2026-04-01").unwrap();
    let hub = tree.find("North/Lab/Hub", day("2026-04-01")).unwrap().unit;
    let apart = Command::Move { unit: hub, parent: id(&tree, "North") };
    done(&mut tree, &apart, "2026-05-01").unwrap();
    let turns = |unit, first, last| tree.turns(unit, (day(first), day(last))).into_iter().collect::<Vec<_>>();
    assert_eq!(turns(a, "2026-03-01", "2026-03-31"), [day("2026-03-01")], "what is not above it yet does not count");
    assert_eq!(turns(a, "2026-03-01", "2026-06-30"), ["2026-03-01", "2026-04-01", "2026-05-01"].map(day));
    assert_eq!(turns(sales, "2026-04-01", "2026-04-30"), [day("2026-04-01")]);
    assert_eq!(turns(hub, "2026-05-02", "2026-05-02"), [day("2026-05-02")]);
}

#[test]
fn parents_come_before_their_children_whatever_the_names() {
    let mut tree = group();
    import(&mut tree, &[row("A b/X", "cn-north", ""), row("A/Y", "cn-north", ""), row("A-c", "cn-north", "")]);
    let paths: Vec<_> = tree.as_of(ALWAYS).into_iter().map(|unit| unit.path).collect();
    for (at, path) in paths.iter().enumerate() {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(path.is_empty() || paths[..at].iter().any(|p| p == parent), "{path} in {paths:?}");
    }
}

#[test]
fn a_change_that_is_planned_back_stands_in_the_way_of_nothing() {
    let tree = company();
    let (a, north, sales) = (id(&tree, "North/Sales/A"), id(&tree, "North"), id(&tree, "North/Sales"));
    let mut ids = counter();
    let mut change = |tree: &OrgTree, parent, from| plan(tree, &Command::Move { unit: a, parent }, day(from), &mut ids);
    let (_, planned) = change(&tree, north, "2026-12-15").unwrap();
    assert_eq!(change(&planned, north, "2026-11-30").unwrap_err(), OrgError::ChangePlanned(day("2026-12-15")));
    let (back, as_before) = change(&planned, sales, "2026-12-15").unwrap();
    assert_eq!((back.closes.len(), back.writes.len()), (2, 1), "one state, known from now on");
    assert_eq!(as_before.as_of(day("2026-12-15")), tree.as_of(day("2026-12-15")));
    assert!(as_before.moved(day("2026-12-20"), &TimeZone::UTC).is_empty());
    let (earlier, after) = change(&as_before, north, "2026-11-30").unwrap();
    assert_eq!((earlier.closes.len(), earlier.writes.len()), (1, 2));
    assert_eq!(after.path(a, day("2026-12-20")).as_deref(), Some("North/A"));
    assert_eq!(
        change(&as_before, sales, "2026-11-30").unwrap_err(),
        OrgError::NothingChanges,
        "where it hangs already"
    );
    // A border that was written when such states were still kept apart.
    let states = as_before.states.iter().flat_map(|state| match state.unit == a {
        true => vec![
            State { row: Uuid::from_u128(7_000), to: Some(day("2026-12-14")), ..state.clone() },
            State { row: Uuid::from_u128(7_001), from: day("2026-12-15"), ..state.clone() },
        ],
        false => vec![state.clone()],
    });
    let (closes, after) = change(&OrgTree::new(states), north, "2026-11-30").unwrap();
    assert_eq!((closes.closes.len(), closes.writes.len()), (2, 2));
    assert_eq!(after.path(a, day("2026-12-20")).as_deref(), Some("North/A"));
}

proptest::proptest! {
    #[test]
    fn whatever_is_done_the_past_stays_and_every_unit_hangs_on_the_root(steps in proptest::collection::vec((0..4_u8, 1..7_usize, 0..7_usize, 1..6_i8), 0..16)) {
        let mut tree = company();
        let mut units: Vec<_> = tree.as_of(ALWAYS).into_iter().map(|unit| unit.id).collect();
        units.sort_unstable();
        for (n, (what, unit, other, month)) in steps.into_iter().enumerate() {
            let from = date(2026, month, 1);
            let command = match what {
                0 => Command::Move { unit: units[unit], parent: units[other] },
                1 => Command::Rename { unit: units[unit], name: ["A", "B", "Sales"][other % 3].into() },
                2 => Command::Close { unit: units[unit], people_to: (month > 3).then(|| units[other]) },
                _ => Command::Merge { units: vec![units[unit]], into: units[other] },
            };
            let mut next = (1_u128 << 90) + 1_000 * n as u128;
            let ids = || { next += 1; Uuid::from_u128(next) };
            let Ok((_, after)) = plan(&tree, &command, from, ids) else { continue };
            for before in 1..month {
                proptest::prop_assert_eq!(tree.as_of(date(2026, before, 15)), after.as_of(date(2026, before, 15)).into_iter().map(|unit| {
                    let old = tree.at(unit.id, date(2026, before, 15)).expect("the unit");
                    Unit { to: old.to, into: old.into, ..unit }
                }).collect::<Vec<_>>());
            }
            tree = after;
            for one in &tree.states {
                let next = one.to.and_then(|last| tree.at(one.unit, last.tomorrow().expect("a day")));
                let said = next.map(|next| State { row: one.row, from: one.from, to: one.to, into: None, ..next.clone() });
                proptest::prop_assert_ne!(said.as_ref(), Some(one), "a border where nothing changes");
                proptest::prop_assert!(one.into.is_none() || one.to == tree.closes(one.unit), "where the people of no last state went");
            }
        }
        let today = date(2026, 4, 15);
        let moved = tree.moved(today, &TimeZone::UTC);
        for month in 1..8 {
            let day = date(2026, month, 15);
            let there = tree.as_of(day);
            proptest::prop_assert_eq!(there.len(), tree.facts(day).len(), "a unit that hangs on nothing");
            let paths: std::collections::BTreeSet<_> = there.iter().map(|unit| unit.path.as_str()).collect();
            proptest::prop_assert_eq!(paths.len(), there.len(), "two units with one path");
            for unit in &there {
                let now = || tree.at(unit.id, today).map(|state| state.parent);
                let then = moved.iter().filter(|placed| placed.id == unit.id && placed.stay.holds(Moment::Day(day)));
                let then: Vec<_> = then.map(|placed| placed.parent).collect();
                proptest::prop_assert_eq!(then.first().copied().or_else(now), Some(unit.parent), "{:?} on {}", unit.path, day);
                proptest::prop_assert!(then.len() <= 1, "a unit hangs in one place");
            }
        }
    }
}
