//! Numbers beyond what is computed with.

use super::*;

fn dropped(cards: &[ScoreCard], n: u128) -> Vec<Option<Dropped>> {
    let card = cards.iter().find(|card| card.person == person(n)).unwrap();
    card.lines.iter().map(|line| line.dropped).collect()
}

#[test]
fn a_number_that_is_too_large_takes_its_indicator_from_everybody_and_no_other() {
    let huge = Sample { sum: i128::from(i64::MAX) * 2_000_000_000_000, ppm: 1_000_000 };
    let few = Sample { sum: 5_000_000_000_000, ppm: 1_000_000 };
    let resolved = Sample { sum: 1_000_000_000_000, ppm: 1_000_000 };
    let mut scheme = single("amount", Normalisation::MinMax);
    let other = single("resolved", Normalisation::MinMax).kpis.remove(0);
    scheme.kpis[0].weight = Micro::from_int(60);
    scheme.kpis.push(Kpi { weight: Micro::from_int(40), ..other });
    let of = |n, amount| inputs(n, 1, &[("amount", amount), ("resolved", resolved)]);
    let cards = score(&scheme, &[of(1, few), of(2, huge), of(3, huge)]).unwrap();
    assert_eq!(dropped(&cards, 1), [Some(Dropped::TooLargeElsewhere), None]);
    for n in [2, 3] {
        assert_eq!(dropped(&cards, n), [Some(Dropped::TooLarge), None]);
    }
    for card in &cards {
        assert_eq!(card.lines[1].weight, Micro::HUNDRED);
        let told = card.lines[0].explain();
        let sentences = [en(&told), zh(&told)];
        assert!(sentences.iter().all(|sentence| sentence.contains("60")), "{sentences:?}");
        assert!(sentences[0].contains("too large"), "{sentences:?}");
    }
}

#[test]
fn numbers_too_far_apart_to_compare_drop_their_indicator() {
    // Each fits by itself; the range between them does not.
    let far = |sign: i128| Sample { sum: sign * i128::from(i64::MAX) * 900_000, ppm: 1_000_000 };
    let people = [1, -1, 1, -1].map(far).into_iter().zip(1..);
    let people: Vec<_> = people.map(|(sample, n)| inputs(n, 1, &[("qa", sample)])).collect();
    for (normalisation, alone) in [(Normalisation::MinMax, false), (Normalisation::TScore, true)] {
        let cards = score(&single("qa", normalisation), &people).unwrap();
        let too_large = cards.iter().filter(|card| card.lines[0].dropped == Some(Dropped::TooLarge)).count();
        assert_eq!(too_large == 0, alone, "{cards:?}");
        for card in &cards {
            let why = card.lines[0].dropped;
            assert!(matches!(why, Some(Dropped::TooLarge | Dropped::TooLargeElsewhere)), "{why:?}");
            assert_eq!(card.score, Micro::ZERO);
        }
    }
}
