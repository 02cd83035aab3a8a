//! Where the people of a closed unit went.

use super::*;

fn closed_into(tree: &mut OrgTree, unit: &str, into: &str, from: &str) -> Result<usize, OrgError> {
    let (unit, people_to) = (id(tree, unit), Some(id(tree, into)));
    done(tree, &Command::Close { unit, people_to }, from)
}

#[test]
fn the_last_state_of_a_closed_unit_alone_says_where_its_people_went() {
    let mut tree = company();
    import(&mut tree, &[row("East/Hub", "cn-north", "")]);
    let (a, b, hub, sales) =
        (id(&tree, "North/Sales/A"), id(&tree, "North/Sales/B"), id(&tree, "East/Hub"), id(&tree, "North/Sales"));
    assert_eq!(closed_into(&mut tree, "North/Sales/A", "South/Sales", "2026-06-01"), Err(OrgError::RegionCrossed));
    assert_eq!(closed_into(&mut tree, "North/Sales/A", "North/Sales/A", "2026-06-01"), Err(OrgError::PeopleToNowhere));
    closed_into(&mut tree, "North/Sales/A", "East/Hub", "2026-06-01").unwrap();
    let said = |tree: &OrgTree, unit| {
        let mut states: Vec<_> = tree.of(unit).map(|state| (state.from, state.into)).collect();
        states.sort_unstable();
        states.into_iter().map(|(_, into)| into).collect::<Vec<_>>()
    };
    assert_eq!(said(&tree, a), [Some(hub)]);
    let (unit, into) = ("North/Sales/A".to_owned(), Some("East/Hub".to_owned()));
    let closes = Err(OrgError::Closes { unit, last: day("2026-05-31"), into });
    assert_eq!(closed_into(&mut tree, "North/Sales/B", "North/Sales/A", "2026-05-01"), closes);
    // A change before the planned end: the state that comes to be the last says it, and one state again once that is taken back.
    renamed(&mut tree, "North/Sales/A", "Z", "2026-05-01").unwrap();
    assert_eq!(said(&tree, a), [None, Some(hub)]);
    let back = Command::Rename { unit: a, name: "A".into() };
    done(&mut tree, &back, "2026-05-01").unwrap();
    assert_eq!(said(&tree, a), [Some(hub)]);
    let told =
        |tree: &OrgTree, on| tree.gone(day(on)).into_iter().map(|unit| (unit.path, unit.into)).collect::<Vec<_>>();
    assert_eq!(
        (told(&tree, "2026-05-31"), told(&tree, "2026-06-01")),
        (vec![], vec![("North/Sales/A".into(), Some(hub))])
    );
    // Closed earlier, into the same unit or nothing; its people are in that one from June on, so that no other will do.
    let mut earlier = tree.clone();
    let (unit, into) = ("North/Sales/A".to_owned(), Some("East/Hub".to_owned()));
    let closes = || Err(OrgError::Closes { unit: unit.clone(), last: day("2026-05-31"), into: into.clone() });
    assert_eq!(closed_into(&mut earlier, "North/Sales/A", "North/Sales/B", "2026-04-01"), closes());
    assert_eq!(merged(&mut earlier, &["North/Sales/A"], "North/Sales/B", "2026-04-01").map(drop), closes().map(drop));
    closed_into(&mut earlier, "North/Sales/A", "East/Hub", "2026-05-01").unwrap();
    assert_eq!(said(&earlier, a), [Some(hub)]);
    closed(&mut earlier, "North/Sales/A", "2026-04-01").unwrap();
    assert_eq!((said(&earlier, a), told(&earlier, "2026-06-01")), (vec![None], vec![("North/Sales/A".into(), None)]));
    merged(&mut tree, &["North/Sales/B"], "North/Sales", "2026-06-01").unwrap();
    assert_eq!(said(&tree, b), [Some(sales)]);
    // From the day on it counts as hanging below the unit that its people went to.
    for on in ["2026-03-02", "2026-07-01"] {
        let moved = tree.moved(day(on), &TimeZone::UTC);
        let hung = |unit, on| {
            let then = moved.iter().filter(|placed| placed.id == unit && placed.stay.holds(Moment::Day(day(on))));
            then.map(|placed| (placed.parent, placed.gone)).collect::<Vec<_>>()
        };
        assert_eq!([hung(a, "2026-05-31"), hung(a, "2026-06-01")], [[(Some(sales), false)], [(Some(hub), true)]]);
        assert_eq!([hung(b, "2026-05-31"), hung(b, "2026-06-01")], [[(Some(sales), false)], [(Some(sales), true)]]);
    }
}
