//! Numbers at the ends of what is computed with.

use super::*;

#[test]
fn a_target_of_nearly_nothing_gives_the_most_points_or_the_fewest_and_ends_no_month() {
    let mut scheme = single("amount", Normalisation::TargetPiecewise);
    scheme.kpis[0].target = Some(Target::Fixed(m("0.000001")));
    let mut sold = Sample::default();
    sold.add(1_000_000, m("9000000000000"));
    for (direction, expected) in [(Direction::Higher, "120"), (Direction::Lower, "0")] {
        scheme.kpis[0].direction = direction;
        let cards = score(&scheme, &[inputs(1, 1, &[("amount", sold)])]).unwrap();
        assert_eq!(points(&cards, 1), expected);
    }
}
