use proptest::prelude::*;

use super::*;

fn anybody() -> impl Strategy<Value = Vec<PersonInputs>> {
    let one = (0..2_000_000_000_u64, 0..=1_000_000_u64, 0..=1_000_000_u64, 0..3_u128, any::<Option<bool>>());
    prop::collection::vec(one, 1..12).prop_map(|people| {
        people
            .into_iter()
            .zip(1..)
            .map(|((credited, measured, good, unit, outside), n)| {
                let ppm = credited * measured / 1_000_000;
                let sum = i128::from(ppm) * i128::from(good);
                let samples = [("resolved".to_owned(), Sample { sum, ppm })].into();
                PersonInputs {
                    person: person(n),
                    unit: team(unit),
                    credited_ppm: credited,
                    outside_ppm: outside.map(|all| if all { credited } else { 0 }),
                    samples,
                    past: BTreeMap::new(),
                }
            })
            .collect()
    })
}

fn any_normalisation() -> impl Strategy<Value = Normalisation> {
    prop::sample::select(vec![
        Normalisation::TargetPiecewise,
        Normalisation::MinMax,
        Normalisation::Percentile,
        Normalisation::TScore,
        Normalisation::ForcedDistribution,
    ])
}

fn one_indicator(normalisation: Normalisation, direction: Direction, small_sample: u32) -> Scheme {
    let mut scheme = single("resolved", normalisation);
    (scheme.kpis[0].direction, scheme.kpis[0].small_sample) = (direction, small_sample);
    if normalisation == Normalisation::ForcedDistribution {
        let band = |quota, points| Band { quota: Ppm::new(quota).unwrap(), points };
        scheme.kpis[0].bands = vec![band(200_000, m("110")), band(700_000, m("90")), band(100_000, m("60"))];
    }
    scheme
}

proptest! {
    #[test]
    fn points_keep_the_order_of_values_within_floor_and_cap(
        people in anybody(), normalisation in any_normalisation(), lower: bool, small_sample in 0..50_u32,
    ) {
        let direction = if lower { Direction::Lower } else { Direction::Higher };
        let scheme = one_indicator(normalisation, direction, small_sample);
        let cards = score(&scheme, &people).unwrap();
        let lines: Vec<_> = cards.iter().map(|c| &c.lines[0]).filter(|l| l.normalised.is_some()).collect();
        for a in &lines {
            prop_assert!((Micro::ZERO..=m("120")).contains(&a.normalised.unwrap()));
            if let Some(next) = a.next {
                prop_assert!(next.gain >= Micro::ZERO && next.step > Micro::ZERO);
            }
            for b in &lines {
                let better = if lower { a.adjusted <= b.adjusted } else { a.adjusted >= b.adjusted };
                prop_assert!(!better || a.normalised >= b.normalised);
            }
        }
    }

    #[test]
    fn cards_add_up_exactly_and_the_order_of_people_does_not_matter(
        people in anybody(), seed in any::<prop::sample::Index>(),
    ) {
        let cards = score(&Scheme::standard(), &people).unwrap();
        for card in &cards {
            let sum = |f: fn(&Line) -> Micro| card.lines.iter().map(|l| f(l).millionths()).sum::<i64>();
            let scored = card.lines.iter().any(|line| line.dropped.is_none());
            let whole = if scored { Micro::HUNDRED.millionths() } else { 0 };
            prop_assert_eq!(sum(|l| l.weight), whole, "the weights used are 100");
            let extra = card.collaboration.as_ref().map_or(Micro::ZERO, |c| c.points);
            prop_assert_eq!(card.score.millionths(), sum(|l| l.weighted) + extra.millionths());
            prop_assert!((Micro::ZERO..=m("125")).contains(&card.score));
            prop_assert_eq!(usize::try_from(card.rank).unwrap(), 1 + cards.iter().filter(|c| c.score > card.score).count());
        }
        let mut turned = people.clone();
        turned.rotate_left(seed.index(people.len()));
        turned.reverse();
        prop_assert_eq!(score(&Scheme::standard(), &turned).unwrap(), cards);
    }

    #[test]
    fn samples_merge_in_any_order(records in prop::collection::vec((0..=1_000_000_u32, any::<i32>()), 0..30), cut in 0..30_usize) {
        let of = |part: &[(u32, i32)]| {
            let mut sample = Sample::default();
            part.iter().for_each(|(share, value)| sample.add(*share, Micro::from_int(*value)));
            sample
        };
        let (head, tail) = records.split_at(cut.min(records.len()));
        let mut merged = of(tail);
        merged.merge(&of(head));
        prop_assert_eq!(merged, of(&records));
    }
}
