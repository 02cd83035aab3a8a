use super::*;

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
    }])
}

fn row(path: &str, region: &str, from: &str) -> UnitRow {
    UnitRow { path: path.into(), region: region.into(), kind: None, from: from.into() }
}

fn import(tree: &mut OrgTree, rows: &[UnitRow]) -> ImportPlan {
    // Ids must not repeat between two imports of one test.
    let mut n = 1_000 * tree.states.len() as u128;
    plan_import(tree, rows, &regions(), || {
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
    let other = UnitRow { kind: Some(UnitKind::Department), ..same.clone() };
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
        UnitRow { kind: Some(UnitKind::Group), ..row("North/New", "", "") },
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
    let plan = plan_import(&mut tree, &[row("North", "", "")], &regions()[..1], counter());
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

fn moved(tree: &mut OrgTree, unit: &str, parent: &str, from: &str) -> Result<Move, OrgError> {
    let (unit, parent) =
        (id(tree, unit), if parent.is_empty() { OrgUnitId(Uuid::from_u128(1)) } else { id(tree, parent) });
    let mut n = (1 << 80) + 1_000 * tree.states.len() as u128;
    let plan = plan_move(tree, unit, parent, day(from), || {
        n += 1;
        Uuid::from_u128(n)
    })?;
    let kept = tree.states.iter().filter(|state| state.row != plan.closes).cloned();
    *tree = OrgTree::new(kept.chain(plan.before.clone()).chain([plan.after.clone()]).collect::<Vec<_>>());
    Ok(plan)
}

#[test]
fn a_move_keeps_the_past_at_the_old_place() {
    let mut tree = company();
    let b = id(&tree, "North/Sales/B");
    let plan = moved(&mut tree, "North/Sales/B", "North", "2026-04-01").unwrap();
    assert_eq!(plan.before.and_then(|state| state.to), Some(day("2026-03-31")));
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
    let plan = moved(&mut tree, "North/Sales/B", "North", "1900-01-01").unwrap();
    assert_eq!(plan.before, None);
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
    let from = day("2026-04-01");
    assert_eq!(plan_move(&tree, root, north, from, counter()), Err(OrgError::RootMoved));
    assert_eq!(plan_move(&tree, nowhere, north, from, counter()), Err(OrgError::UnitUnknown(nowhere)));
    assert_eq!(plan_move(&tree, north, nowhere, from, counter()), Err(OrgError::UnitUnknown(nowhere)));
    assert_eq!(moved(&mut tree, "North/Sales/A", "South", "2026-04-01"), Err(OrgError::RegionCrossed));
    import(&mut tree, &[row("North/A", "", "2027-01-01")]);
    assert_eq!(moved(&mut tree, "North/Sales/A", "North", "2026-04-01"), Err(OrgError::NameTaken("A".into())));
    moved(&mut tree, "North/Sales/B", "North", "2026-06-01").unwrap();
    assert_eq!(
        plan_move(&tree, id(&tree, "North/Sales/B"), north, from, counter()),
        Err(OrgError::ChangePlanned(day("2026-06-01")))
    );
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

proptest::proptest! {
    #[test]
    fn after_any_moves_every_unit_still_hangs_on_the_root(moves in proptest::collection::vec((0..7_usize, 0..7_usize, 1..4_i8), 0..12)) {
        let mut tree = company();
        let mut units: Vec<_> = tree.as_of(ALWAYS).into_iter().map(|unit| unit.id).collect();
        units.sort_unstable();
        for (n, (unit, parent, month)) in moves.into_iter().enumerate() {
            let mut next = (1_u128 << 90) + 10 * n as u128;
            let ids = || { next += 1; Uuid::from_u128(next) };
            let Ok(plan) = plan_move(&tree, units[unit], units[parent], date(2026, month, 1), ids) else { continue };
            let kept = tree.states.iter().filter(|state| state.row != plan.closes).cloned();
            tree = OrgTree::new(kept.chain(plan.before).chain([plan.after]).collect::<Vec<_>>());
        }
        for month in 1..6 {
            proptest::prop_assert_eq!(tree.as_of(date(2026, month, 15)).len(), units.len());
        }
    }
}
