//! Numbers beyond what is computed with.

use super::*;

#[test]
fn a_number_that_is_too_large_is_told_with_its_person_and_indicator() {
    let huge = Sample { sum: i128::from(i64::MAX) * 2_000_000_000_000, ppm: 1_000_000 };
    let few = Sample { sum: 5_000_000_000_000, ppm: 1_000_000 };
    let people = [inputs(1, 1, &[("amount", few)]), inputs(2, 1, &[("amount", huge)])];
    let error = score(&single("amount", Normalisation::MinMax), &people).unwrap_err();
    assert_eq!(error, CardError::TooLarge(Beyond::Indicator { person: person(2), indicator: "amount".into() }));
    let told = Error::from(error);
    assert_eq!(told.reason(), "NUMBER_TOO_LARGE");
    for sentence in [en(told.message()), zh(told.message())] {
        assert!(sentence.contains("amount") && sentence.contains(&person(2).to_string()), "{sentence}");
    }
    // Each fits by itself; the range between them does not.
    let far = |sign: i128| Sample { sum: sign * i128::from(i64::MAX) * 900_000, ppm: 1_000_000 };
    let people = [1, -1, 1, -1].map(far).into_iter().zip(1..);
    let people: Vec<_> = people.map(|(sample, n)| inputs(n, 1, &[("qa", sample)])).collect();
    let error = score(&single("qa", Normalisation::MinMax), &people).unwrap_err();
    assert!(matches!(error, CardError::TooLarge(Beyond::Indicator { .. })), "{error:?}");
    let error = score(&single("qa", Normalisation::TScore), &people).unwrap_err();
    assert!(matches!(&error, CardError::TooLarge(Beyond::Everybody(indicator)) if indicator == "qa"), "{error:?}");
    assert!(en(Error::from(error).message()).contains("qa"));
}
